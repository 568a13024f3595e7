"""A pause is confirmed when Asterisk proves it, and else nothing is kept: a real call desk and a fake Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from cti.domain import events as ev
from cti.domain import recordpolicy as policy
from cti.domain import signals as sig
from cti.domain.consult import Place
from cti.domain.errors import NotFound, Unavailable
from cti.domain.model import Call, ChannelName, TenantId, UniqueId
from cti.domain.pause import MOST, RecordCommand, asked, from_mark, open_pauses
from cti.pauses import PauseDesk, PauseRules, Refused
from tests.scenarios.tables import CALL, START, Kept, a_desk
from tests.unit.web.fakes import closed_call

DEMO = TenantId("demo")
CALLER, LEG, SECOND = (ChannelName(f"PJSIP/{name}-00000001") for name in ("trunk", "demo-sato", "demo-suzuki"))
OUTSIDE = ChannelName("PJSIP/trunk-00000009")
IDS = {CALLER: "1.0", LEG: "1.1", SECOND: "1.2", OUTSIDE: "1.9"}
PAUSE, RESUME = RecordCommand.PAUSE, RecordCommand.RESUME


class Line:
    """A call that is recorded on two channels, and an Asterisk that does what it is told to."""

    def __init__(self) -> None:
        self.now = START
        self.kept = Kept()
        self.desk = a_desk(self)  # type: ignore[arg-type]
        self.silent: set[str] = set()  # channels that give no proof
        self.deaf: set[str] = set()  # channels that cannot be stopped either
        self.gone: set[str] = set()
        self.muted: dict[str, bool] = {}
        self.stopped: list[str] = []
        self.marks: list[str] = []
        self.as_asked: Callable[[], None] = lambda: None  # what happens when Asterisk is first asked for silence
        self.pauses = PauseDesk(
            calls=self.desk, telephony=self, sink=self.desk, confirm_s=0.1, look_s=0.02,
            settings=PauseRules(longest=lambda _t: timedelta(seconds=300), now=lambda: self.now),
        )  # fmt: skip
        for signal in (
            sig.CallerArrived(
                **self.of(CALLER), tenant=DEMO, number_called="+815012345000", caller_number="0", caller_name=""
            ),
            sig.RecordingBegan(**self.of(CALLER), file=f"{CALL}-c"),
        ):
            self.desk.apply(signal)
        self.begins(LEG)

    def of(self, channel: ChannelName) -> dict[str, Any]:
        return {"at": self.now, "channel": channel, "uniqueid": UniqueId(IDS[channel]), "call_id": CALL}

    def begins(self, channel: ChannelName) -> None:
        self.desk.apply(sig.RecordingBegan(**self.of(channel), file=f"{CALL}-a-{IDS[channel]}"))

    def publish(self, event: ev.Event) -> None:
        self.kept.publish(event)
        if isinstance(event, PauseDesk.KINDS):
            self.pauses.handle(event)

    @property
    def call(self) -> Call:
        live = self.desk.live(CALL)
        assert live is not None
        return live

    async def ask(self, command: RecordCommand, by: str = "sato") -> Call:
        return await self.pauses.ask(DEMO, CALL, command, by)

    async def mute_recording(self, *, channel: ChannelName, on: bool) -> None:
        if on:
            as_asked, self.as_asked = self.as_asked, lambda: None
            as_asked()
        await asyncio.sleep(0)
        if channel in self.gone:
            raise NotFound("no such channel")
        if channel not in self.silent:
            self.muted[channel] = on
            self.desk.apply(sig.ChannelMuted(**self.of(channel), muted=on))

    async def stop_recording(self, *, channel: ChannelName) -> None:
        if channel in self.deaf:
            raise Unavailable("no answer")
        self.stopped.append(channel)

    async def set_variables(self, *, channel: ChannelName, variables: dict[str, str]) -> None:
        assert channel == CALLER
        self.marks.append(variables["CTI_PAUSED"])


@asynccontextmanager
async def a_line() -> AsyncIterator[Line]:
    line = Line()
    await line.desk.start()
    await line.pauses.start()
    try:
        yield line
    finally:
        await line.pauses.stop()
        await line.desk.stop()


async def until(test: Any) -> None:
    async with asyncio.timeout(20):
        while not test():
            await asyncio.sleep(0.005)


async def test_each_recording_of_the_call_is_silenced_and_the_channel_knows() -> None:
    async with a_line() as line:
        call = await line.ask(PAUSE)
        assert line.muted == {CALLER: True, LEG: True}
        pause = asked(call)
        assert pause is not None
        assert pause.proven_at is not None
        assert pause.by == "sato"
        (marked,) = from_mark(line.marks[-1])
        assert (marked.why, marked.until) == ("asked", START + timedelta(seconds=300))
        call = await line.ask(RESUME, "suzuki")
        assert line.muted == {CALLER: False, LEG: False}
        assert line.marks[-1] == ""
        assert (call.pauses[-1].ended_by, open_pauses(call)) == ("suzuki", ())


async def test_the_window_is_told_before_anything_is_asked_of_asterisk() -> None:
    async with a_line() as line:
        line.silent, line.deaf = {CALLER, LEG}, {CALLER, LEG}
        with pytest.raises(Unavailable, match="did not prove"):
            await line.ask(PAUSE)
        pause = asked(line.call)
        assert pause is not None
        assert pause.began_at == START
        assert pause.proven_at is None
        assert line.kept.of(ev.RecordingPauseChanged)
        # It is tried again until it is so, and then it is said.
        line.silent = set()
        await until(lambda: (found := asked(line.call)) is not None and found.proven_at is not None)


async def test_a_channel_that_cannot_be_silenced_has_its_recording_ended(caplog: pytest.LogCaptureFixture) -> None:
    async with a_line() as line:
        line.silent = {LEG}
        with pytest.raises(Refused) as refused:
            await line.ask(PAUSE)
        assert refused.value.key == "pause_stopped"
        assert line.stopped == [LEG]
        with pytest.raises(Refused):
            await line.ask(RESUME)
        line.silent = set()
        line.begins(SECOND)  # which is silenced as it should be
        await until(lambda: line.muted.get(SECOND))
        line.now = START + timedelta(seconds=301)
        await asyncio.sleep(0.1)  # some looks
        assert [pause.stopped for pause in open_pauses(line.call)] == [True], "what was ended does not run again"
        assert "not looked after" not in caplog.text, "nor is it tried"


async def test_a_leg_that_begins_in_a_pause_is_silenced_too_and_one_that_is_gone_hinders_nobody() -> None:
    async with a_line() as line:
        await line.ask(PAUSE)
        line.gone = {LEG}
        line.begins(SECOND)
        await until(lambda: line.muted.get(SECOND))
        await line.ask(RESUME)
        assert line.muted[SECOND] is False
        line.begins(SECOND)
        await asyncio.sleep(0.05)
        assert line.muted[SECOND] is False


async def test_a_leg_that_begins_while_the_others_are_silenced_is_silenced_too() -> None:
    async with a_line() as line:
        line.as_asked = lambda: line.begins(SECOND)
        await line.ask(PAUSE)
        await until(lambda: line.muted.get(SECOND))


async def test_what_is_not_proven_to_record_again_is_still_paused() -> None:
    async with a_line() as line:
        await line.ask(PAUSE)
        line.silent = {LEG}
        with pytest.raises(Unavailable):
            await line.ask(RESUME)
        assert open_pauses(line.call)
        assert line.marks[-1] != ""
        assert line.muted[CALLER] is False, "one of the two records again"
        line.silent = set()
        await until(lambda: line.muted == {CALLER: True, LEG: True})


async def test_it_ends_by_itself_and_asking_again_gives_more_time() -> None:
    async with a_line() as line:
        await line.ask(PAUSE)
        line.now = START + timedelta(seconds=299)
        await line.ask(PAUSE)
        line.now = START + timedelta(seconds=301)
        await asyncio.sleep(0.1)
        assert open_pauses(line.call)
        line.now = START + timedelta(seconds=600)
        await until(lambda: not open_pauses(line.call))
        assert line.call.pauses[-1].ended_by == "limit"
        assert len(line.call.pauses) == 1


async def test_a_call_is_paused_so_often_and_no_more() -> None:
    async with a_line() as line:
        for number in range(MOST - 1):
            at = START + timedelta(seconds=number)
            line.desk.apply(sig.PauseBegan(at=at, call_id=CALL, why="asked", by="", until=None))
            line.desk.apply(sig.PauseEnded(at=at, call_id=CALL, why="asked", by=""))
        await line.ask(PAUSE)
        await line.ask(PAUSE)  # once more is the same one
        await line.ask(RESUME)
        assert len(line.call.pauses) == MOST
        with pytest.raises(Refused) as refused:
            await line.ask(PAUSE)
        assert (refused.value.key, open_pauses(line.call)) == ("not_now", ())


async def test_who_takes_over_finds_it_by_the_channel_and_silences_what_began_meanwhile() -> None:
    async with a_line() as line:
        # As a snapshot tells it: known by the caller's channel alone.
        until_at = START + timedelta(seconds=300)
        line.desk.apply(sig.PauseBegan(at=START, call_id=CALL, why="asked", by="", until=until_at))
        await until(lambda: line.muted == {CALLER: True, LEG: True})
        line.muted.clear()
        line.publish(ev.AsteriskReachable(at=START, tenant=TenantId(""), up=True))
        await until(lambda: line.muted == {CALLER: True, LEG: True})


async def test_what_was_begun_before_a_restart_is_silenced_although_nobody_announces_it_again() -> None:
    async with a_line() as line:
        leg: dict[str, Any] = {"agent_channel": LEG, "agent_uniqueid": UniqueId(IDS[LEG])}
        for signal in (
            sig.DialBegan(**line.of(CALLER), **leg),
            sig.DialEnded(**line.of(CALLER), **leg, status="ANSWER"),
            sig.BridgeEntered(**line.of(CALLER), bridge="b"),
            sig.BridgeEntered(**line.of(LEG), bridge="b"),
        ):
            line.desk.apply(signal)
        assert [talk.agent_channel for talk in line.call.talks] == [LEG]
        line.pauses._recorded.clear()
        await line.ask(PAUSE)
        assert line.muted == {CALLER: True, LEG: True}


async def test_somebody_outside_who_was_given_the_caller_before_a_restart_is_silenced_too() -> None:
    """Nobody announces their recording again, and they are in no agent's talk."""
    async with a_line() as line:
        outside: dict[str, Any] = {"agent_channel": OUTSIDE, "agent_uniqueid": UniqueId(IDS[OUTSIDE])}
        for signal in (
            sig.LegPlaced(**line.of(CALLER), place=Place.HOLD, outside="+81334980110"),
            sig.DialBegan(**line.of(CALLER), **outside),
            sig.DialEnded(**line.of(CALLER), **outside, status="ANSWER"),
            sig.BridgeEntered(**line.of(CALLER), bridge="b"),
            sig.BridgeEntered(**line.of(OUTSIDE), bridge="b"),
        ):
            line.desk.apply(signal)
        assert line.call.transfers[-1].result == "answered"
        await line.ask(PAUSE)
        assert line.muted == {CALLER: True, LEG: True, OUTSIDE: True}


async def test_another_tenants_call_does_not_exist() -> None:
    async with a_line() as line:
        with pytest.raises(Refused) as refused:
            await line.pauses.ask(TenantId("lease"), CALL, PAUSE, "x")
        assert refused.value.key == "no_talk"
        assert line.call.pauses == ()


async def test_the_end_of_the_call_ends_the_waiting() -> None:
    async with a_line() as line:
        line.silent, line.deaf = {CALLER, LEG}, {CALLER, LEG}
        asking = asyncio.create_task(line.ask(PAUSE))
        await until(lambda: asked(line.call) is not None)
        line.desk.apply(sig.ChannelHungUp(**line.of(CALLER), cause=16, cause_text=""))
        with pytest.raises((Refused, Unavailable)):
            await asking


async def test_a_pause_begins_when_it_was_asked_for_and_not_when_it_was_heard() -> None:
    line = Line()
    line.now = START + timedelta(seconds=5)
    line.begins(SECOND)
    began: datetime = START + timedelta(seconds=2)
    line.desk.apply(sig.PauseBegan(at=began, call_id=CALL, why="asked", by="", until=None))
    assert line.call.pauses[0].began_at == began


def never(record: policy.Record = policy.Record.NEVER) -> policy.Decision:
    return policy.decide((policy.RecordRule(record=record),), policy.facts_of(Line().call))


async def test_what_a_rule_does_not_want_is_silenced_from_the_beginning_and_recorded_when_it_is_wanted() -> None:
    async with a_line() as line:
        line.now = START + timedelta(seconds=3)
        line.pauses.want(line.call, never())
        await until(lambda: open_pauses(line.call))
        assert [(p.why, p.began_at, p.by) for p in open_pauses(line.call)] == [("not_wanted", START, "not_wanted: all")]
        await until(lambda: line.muted == {CALLER: True, LEG: True})
        # Somebody pauses and goes on: the rule still holds.
        await line.ask(PAUSE)
        await line.ask(RESUME)
        assert line.muted == {CALLER: True, LEG: True}
        assert [marked.why for marked in from_mark(line.marks[-1])] == ["not_wanted"]
        line.pauses.want(line.call, policy.Decision(record=policy.Record.ALWAYS, reason="recorded"))
        await until(lambda: line.muted == {CALLER: False, LEG: False} and not open_pauses(line.call))
        assert line.marks[-1] == ""


@pytest.mark.parametrize(("answer", "began_s"), [("consent:2", 0), (None, 30)])
async def test_a_refusal_reaches_back_to_the_beginning_and_another_rule_does_not(
    answer: str | None, began_s: int
) -> None:
    async with a_line() as line:
        line.now = START + timedelta(seconds=30)
        talks = replace(line.call, talks=closed_call(1).talks)  # somebody has the caller since long
        rule = policy.RecordRule(record=policy.Record.NEVER, answer=answer)
        facts = replace(policy.facts_of(talks), answers=frozenset({"consent:2"}))
        line.pauses.want(talks, policy.decide((rule,), facts))
        await until(lambda: open_pauses(line.call))
        assert [pause.began_at for pause in open_pauses(line.call)] == [START + timedelta(seconds=began_s)]


async def test_on_demand_that_nobody_began_is_not_begun_by_rules_that_come_and_go() -> None:
    async with a_line() as line:
        line.pauses.want(line.call, never(policy.Record.ON_DEMAND))
        await until(lambda: line.muted == {CALLER: True, LEG: True})
        line.pauses.want(line.call, policy.Decision(record=policy.Record.ALWAYS, reason="recorded"))
        await until(lambda: not open_pauses(line.call))
        line.pauses.want(line.call, never(policy.Record.ON_DEMAND))
        await until(lambda: line.muted == {CALLER: True, LEG: True} and open_pauses(line.call))


async def test_on_demand_begins_when_an_agent_asks_and_goes_on() -> None:
    async with a_line() as line:
        line.pauses.want(line.call, never(policy.Record.ON_DEMAND))
        await until(lambda: line.muted == {CALLER: True, LEG: True})
        call = await line.ask(RecordCommand.START)
        assert open_pauses(call) == ()
        assert line.muted == {CALLER: False, LEG: False}
        line.pauses.want(call, never(policy.Record.ON_DEMAND))
        assert open_pauses(line.call) == ()
        with pytest.raises(Refused) as refused:
            await line.ask(RecordCommand.START)
        assert refused.value.key == "not_now"


async def test_what_a_rule_never_wants_cannot_be_started() -> None:
    async with a_line() as line:
        line.pauses.want(line.call, never())
        await until(lambda: open_pauses(line.call))
        with pytest.raises(Refused):
            await line.ask(RecordCommand.START)
        assert open_pauses(line.call)
