"""Agents' states in Asterisk's own queues: one action a change, everything after a connect, nothing lost for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import cast

import pytest
import pytest_asyncio

from cti.ami.errors import OutcomeUnknown
from cti.ami.frames import ActionHeaders, Headers
from cti.ami.mirror import FallbackMirror
from cti.ami.protocol import Reply
from cti.domain.errors import NotFound, Unavailable
from cti.domain.model import AgentState

A, B = "PJSIP/demo-a", "PJSIP/demo-b"


class FakeQueues:
    """Asterisk's queues behind the AMI client's one method."""

    def __init__(self) -> None:
        self.up = True
        self.queues: dict[str, dict[str, bool]] = {"members": {A: False, B: False}, "roadside": {A: False}}
        self.pauses: list[tuple[str, bool]] = []
        self.listings = 0
        self.fails: list[Exception] = []
        self.at_once = self.most_at_once = 0
        self._changed = asyncio.Condition()

    async def request(self, action: ActionHeaders, *, deadline_s: float | None = None, is_list: bool = False) -> Reply:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        async with self._changed:
            self._changed.notify_all()
            if action["Action"] == "QueueStatus":
                self.listings += 1
            self._raise()
            if action["Action"] == "QueueStatus":
                return Reply(headers={"Response": "Success"}, items=tuple(self._members()))
            return self._pause(cast("Mapping[str, str]", action))

    def _raise(self) -> None:
        if self.fails:
            raise self.fails.pop(0)

    def _members(self) -> list[Headers]:
        return [
            {"Event": "QueueMember", "Queue": queue, "Location": interface, "Paused": str(int(paused))}
            for queue, members in self.queues.items()
            for interface, paused in members.items()
        ]

    def _pause(self, action: Mapping[str, str]) -> Reply:
        interface, paused = action["Interface"], action["Paused"] == "true"
        self.pauses.append((interface, paused))
        queues = [members for members in self.queues.values() if interface in members]
        if not queues:
            raise NotFound("Asterisk refused QueuePause: Interface not found")
        for members in queues:
            members[interface] = paused
        return Reply(headers={"Response": "Success"})

    def paused(self) -> dict[str, set[bool]]:
        found: dict[str, set[bool]] = {}
        for members in self.queues.values():
            for interface, paused in members.items():
                found.setdefault(interface, set()).add(paused)
        return found

    async def until(self, *, pauses: int = 0, listings: int = 0) -> None:
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: len(self.pauses) >= pauses and self.listings >= listings)
        for _ in range(5):  # the mirror takes the answer in
            await asyncio.sleep(0)


class Desk:
    """The mirror at work, with what routing would say."""

    def __init__(self, queues: FakeQueues, compare_every_s: float = 60.0) -> None:
        self.queues = queues
        self.states = {A: False, B: True}
        self.mirror = FallbackMirror(
            queues, picture=lambda: self.states, settle_s=0.001, compare_every_s=compare_every_s
        )

    def agent_is(self, agent: str, state: AgentState) -> None:
        self.states[f"PJSIP/demo-{agent}"] = state is not AgentState.AVAILABLE
        self.mirror.agent_is(f"demo-{agent}", state)


@pytest_asyncio.fixture
async def desk() -> AsyncIterator[Desk]:
    """Connected, and compared once: A is available, B is not."""
    desk = Desk(FakeQueues())
    await desk.mirror.start()
    desk.mirror.compare()
    await desk.queues.until(pauses=1, listings=1)
    desk.queues.pauses.clear()
    yield desk
    await desk.mirror.stop()


async def test_after_a_connect_only_what_differs_is_told(desk: Desk) -> None:
    assert desk.queues.paused() == {A: {False}, B: {True}}
    assert desk.mirror.sent == 1


async def test_one_action_a_change(desk: Desk) -> None:
    desk.agent_is("a", AgentState.WRAP_UP)
    await desk.queues.until(pauses=1)
    desk.agent_is("a", AgentState.BREAK)  # paused already
    desk.agent_is("b", AgentState.AVAILABLE)
    await desk.queues.until(pauses=2)
    assert desk.queues.pauses == [(A, True), (B, False)]
    assert desk.queues.listings == 1


async def test_changes_of_one_agent_in_a_burst_are_told_once(desk: Desk) -> None:
    for _ in range(50):
        desk.agent_is("a", AgentState.WRAP_UP)
        desk.agent_is("a", AgentState.AVAILABLE)
    desk.agent_is("b", AgentState.AVAILABLE)
    await desk.queues.until(pauses=1)
    assert desk.queues.pauses == [(B, False)]


async def test_never_more_than_one_action_under_way(desk: Desk) -> None:
    for n in range(200):
        desk.queues.queues["members"][f"PJSIP/demo-{n}"] = False
        desk.states[f"PJSIP/demo-{n}"] = True
    desk.mirror.compare()
    await desk.queues.until(pauses=200)
    assert desk.queues.most_at_once == 1


async def test_nothing_is_told_while_asterisk_is_away_and_all_of_it_afterwards(desk: Desk) -> None:
    desk.queues.up = False
    desk.agent_is("a", AgentState.BREAK)
    desk.agent_is("b", AgentState.AVAILABLE)
    await asyncio.sleep(0.02)
    assert desk.queues.pauses == []
    desk.queues.up = True
    desk.queues.queues["members"] = {A: False, B: False}  # it was restarted
    desk.mirror.compare()
    await desk.queues.until(pauses=1, listings=2)
    assert desk.queues.paused() == {A: {True}, B: {False}}


async def test_an_agent_in_no_queue_costs_nothing(desk: Desk) -> None:
    desk.mirror.agent_is("demo-mail-only", AgentState.BREAK)
    desk.agent_is("a", AgentState.BREAK)
    await desk.queues.until(pauses=1)
    assert desk.queues.pauses == [(A, True)]
    assert desk.mirror.failures == 0


@pytest.mark.parametrize("error", [NotFound("gone"), Unavailable("full"), OutcomeUnknown("silent")])
async def test_what_failed_is_made_good_by_the_next_comparison(desk: Desk, error: Exception) -> None:
    desk.queues.fails.append(error)
    desk.agent_is("a", AgentState.BREAK)
    while not desk.mirror.failures:
        await asyncio.sleep(0.001)
    desk.agent_is("b", AgentState.AVAILABLE)
    await desk.queues.until(pauses=2, listings=2)
    assert desk.queues.paused() == {A: {True}, B: {False}}


async def test_a_refusal_for_one_agent_does_not_keep_the_others_waiting(desk: Desk) -> None:
    desk.queues.fails.append(NotFound("gone"))
    desk.agent_is("a", AgentState.BREAK)
    desk.agent_is("b", AgentState.AVAILABLE)
    await desk.queues.until(pauses=1)
    assert len(desk.queues.pauses) == 1


async def test_a_comparison_that_failed_is_tried_again() -> None:
    desk = Desk(FakeQueues(), compare_every_s=0.02)
    desk.queues.fails.append(Unavailable("full"))
    await desk.mirror.start()
    desk.mirror.compare()
    await desk.queues.until(pauses=1, listings=2)
    assert desk.queues.paused() == {A: {False}, B: {True}}
    await desk.mirror.stop()


async def test_a_reload_that_added_a_member_is_found() -> None:
    desk = Desk(FakeQueues(), compare_every_s=0.02)
    desk.mirror.compare()
    await desk.mirror.start()
    await desk.queues.until(pauses=1)
    desk.queues.queues["recall"] = {B: False}
    await desk.queues.until(pauses=2)
    assert desk.queues.paused()[B] == {True}
    await desk.mirror.stop()


async def test_the_last_change_is_told_before_the_end(desk: Desk) -> None:
    desk.agent_is("a", AgentState.OFFLINE)
    await desk.mirror.stop()
    assert desk.queues.pauses == [(A, True)]
