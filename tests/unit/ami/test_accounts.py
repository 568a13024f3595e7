"""The shell around the account: what is read when, what is posted, what is never posted twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest

from cti.ami.accounts import BATCH, AccountReader
from cti.ami.celfile import lines_since
from cti.domain.errors import Unavailable
from cti.domain.model import AgentId, Call, CallId, CallState, ChannelName, TenantId, UniqueId
from cti.domain.signals import CallAccounted, ChannelHungUp, Signal
from tests.unit.ami.celaccount import CALL, OTHER_CALL, SATO, SMITH, T0, Written, answered, at
from tests.unit.ami.test_celrecord import made

NOBODY: frozenset[UniqueId] = frozenset()


@dataclass
class Desk:
    """Everything around the reader."""

    folder: Path
    posted: list[Signal] = field(default_factory=list)
    live: list[Call] = field(default_factory=list)
    records: dict[str, Call] = field(default_factory=dict)
    away: bool = False
    sound_at: datetime | None = None
    now: datetime = field(default_factory=lambda: at(60))

    def post(self, signal: Signal) -> None:
        self.posted.append(signal)

    async def find(self, tenant: TenantId, call_id: CallId) -> Call | None:
        if self.away:
            raise Unavailable("the database does not answer")
        return self.records.get(call_id)

    @property
    def calls(self) -> list[Call]:
        return [signal.call for signal in self.posted if isinstance(signal, CallAccounted)]

    def write(self, *accounts: Written) -> None:
        (self.folder / "cel.csv").write_text("".join(account.text for account in accounts))

    def reader(self) -> AccountReader:
        return AccountReader(
            path=self.folder / "cel.csv",
            mark=self.folder / "data" / "mark",
            sink=self,
            live=lambda: self.live,
            find=self.find,
            agent_of=lambda endpoint: (TenantId("demo"), AgentId(endpoint.removeprefix("demo-"))),
            e164=lambda number: number,
            last_sound=lambda _: self.sound_at,
            clock=lambda: self.now,
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def after_gap(reader: AccountReader, looked: float = 50, there: frozenset[UniqueId] = NOBODY) -> None:
    """One snapshot after events were missed, and its account."""
    await reader.start()
    reader.seen(at(looked), there, after_gap=True)
    await asyncio.wait_for(reader.settled(), 5)
    await reader.stop()


def abandoned(call_id: str = OTHER_CALL) -> Written:
    other = Written(call_id, caller="PJSIP/trunk-00000007")
    return other.arrives(3).ends(14, other.caller, by=other.caller)


async def test_calls_that_came_and_went_are_posted(desk: Desk) -> None:
    desk.write(answered(), abandoned())
    await after_gap(desk.reader())
    assert [
        (call.call_id, call.end_reason) for call in sorted(desk.calls, key=lambda call: call.ended_at or at(0))
    ] == [
        (OTHER_CALL, "abandoned_in_queue"),
        (CALL, "completed"),
    ]
    assert all(call.inferred and call.state is CallState.ENDED for call in desk.calls)


async def test_calls_that_a_record_knows_are_not_posted_again(desk: Desk) -> None:
    desk.write(answered(), abandoned())
    desk.records[CALL] = made(answered())
    await after_gap(desk.reader())
    assert [call.call_id for call in desk.calls] == [OTHER_CALL]


async def test_an_open_record_is_completed_and_not_replaced(desk: Desk) -> None:
    desk.write(answered())
    known = made(answered())
    desk.records[CALL] = Call(
        call_id=known.call_id,
        tenant=known.tenant,
        state=CallState.IN_MENU,
        channel=known.channel,
        uniqueid=known.uniqueid,
        number_called="+81501234599",
        caller=known.caller,
        arrived_at=at(0.05),
    )
    await after_gap(desk.reader())
    (call,) = desk.calls
    assert (call.number_called, call.arrived_at, call.ended_at) == ("+81501234599", at(0.05), at(20.25))


async def test_calls_that_live_are_left_to_the_snapshot(desk: Desk) -> None:
    whole = answered()
    whole.lines = whole.lines[:6]
    desk.write(whole)
    await after_gap(desk.reader(), there=frozenset({UniqueId(whole.unique)}))
    assert desk.posted == []


async def test_a_call_that_died_with_asterisk_is_closed(desk: Desk) -> None:
    whole = answered()
    whole.lines = whole.lines[:6]
    desk.write(whole)
    await after_gap(desk.reader())
    (call,) = desk.calls
    assert (call.ended_by, call.end_reason, call.ended_at) == ("unknown", "completed", at(9.501))


async def test_its_sound_knows_best_when_a_call_died_with_asterisk(desk: Desk) -> None:
    whole = answered()
    whole.lines = whole.lines[:6]
    desk.write(whole)
    desk.sound_at = at(17)
    await after_gap(desk.reader())
    (call,) = desk.calls
    assert (call.ended_at, call.talks[0].ended_at) == (at(17), at(17))


async def test_a_known_call_that_died_with_asterisk_and_left_no_sound_ended_when_it_was_noticed(desk: Desk) -> None:
    whole = answered()
    whole.lines = whole.lines[:6]
    desk.write(whole)
    desk.live = [made(answered())]
    await desk.reader().missing(NOBODY)
    (call,) = desk.calls
    assert (call.ended_at, call.ended_by) == (desk.now, "unknown")


async def test_a_channel_as_young_as_the_look_is_not_declared_dead(desk: Desk) -> None:
    desk.write(Written().arrives(48))
    await after_gap(desk.reader(), looked=50)
    assert desk.posted == []


async def test_what_ended_after_everything_was_heard_again_is_left_to_the_events(desk: Desk) -> None:
    desk.now = at(15)
    desk.write(answered())
    await after_gap(desk.reader(), looked=14)
    assert desk.posted == []


async def test_it_goes_on_where_it_stopped_and_never_twice(desk: Desk) -> None:
    desk.write(answered())
    await after_gap(desk.reader())
    desk.now = at(120)
    desk.write(answered(), abandoned())  # the second ended long before the mark: another reader's business
    await after_gap(desk.reader(), looked=110)
    assert [call.call_id for call in desk.calls] == [CALL]
    assert (desk.folder / "data" / "mark").read_text() == at(110).isoformat()


async def test_without_a_gap_only_the_mark_moves(desk: Desk) -> None:
    reader = desk.reader()
    await after_gap(reader)
    desk.write(answered())
    await reader.start()
    reader.seen(at(59), NOBODY, after_gap=False)
    async with asyncio.timeout(5):
        while (desk.folder / "data" / "mark").read_text() != at(59).isoformat():
            await asyncio.sleep(0)
    await reader.stop()
    assert desk.posted == []


async def test_with_the_database_away_they_wait_for_the_next_audit(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.write(answered())
    desk.away = True
    reader = desk.reader()
    await reader.start()
    reader.seen(at(50), NOBODY, after_gap=True)
    async with asyncio.timeout(5):
        while "wait" not in caplog.text:
            await asyncio.sleep(0)
    assert not (desk.folder / "data" / "mark").exists()
    desk.away = False
    reader.seen(at(59), NOBODY, after_gap=False)
    await asyncio.wait_for(reader.settled(), 5)
    await reader.stop()
    assert [call.call_id for call in desk.calls] == [CALL]


async def test_calls_of_the_desk_that_are_gone_are_told_before_they_are_declared_vanished(desk: Desk) -> None:
    desk.write(abandoned(), answered())
    desk.live = [made(answered())]
    await desk.reader().missing(NOBODY)
    (call,) = desk.calls
    assert (call.call_id, call.ended_by) == (CALL, "caller")


async def test_an_agents_leg_that_is_gone_ended_when_the_account_says(desk: Desk) -> None:
    """Killed at a hand-over: the caller lives, and the first agent's leg ended between the kill and the snapshot."""
    call = made(answered())
    first, second = (replace(call.talks[0], agent_channel=ChannelName(name), ended_at=None,
                     agent_uniqueid=UniqueId(f"{int(T0)}.{int(name[-8:], 16)}")) for name in (SATO, SMITH))  # fmt: skip
    call = replace(call, state=CallState.TALKING, ended_at=None, talks=(first, second))
    whole = Written().arrives().talk(9.5, SATO).talk(15.0, SMITH, "b2").ends(15.5, SATO, by=SATO)
    desk.write(whole)
    desk.live = [call]
    await desk.reader().missing(frozenset({call.uniqueid, second.agent_uniqueid}))
    assert desk.posted == [
        ChannelHungUp(
            at=at(15.5), channel=ChannelName(SATO), uniqueid=first.agent_uniqueid, call_id=call.call_id, cause=0,
            cause_text="accounted",
        )
    ]  # fmt: skip
    desk.posted.clear()
    desk.live = [replace(call, talks=(replace(first, ended_at=at(15)), second))]
    await desk.reader().missing(frozenset({call.uniqueid}))  # the second's end is not in the account
    assert desk.posted == []


async def test_nothing_is_read_while_nobody_is_missing(desk: Desk) -> None:
    call = made(answered())
    (desk.folder / "cel.csv").mkdir()  # reading it would be noticed
    desk.live = [call]
    await desk.reader().missing(frozenset({call.uniqueid}))
    assert desk.posted == []


async def test_an_account_that_may_not_be_read_is_said_once_and_harms_nobody(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    (desk.folder / "cel.csv").symlink_to(desk.folder / "cel.csv")
    desk.live = [made(answered())]
    reader = desk.reader()
    await reader.missing(NOBODY)
    await reader.start()
    reader.seen(at(50), NOBODY, after_gap=True)
    await reader.missing(NOBODY)
    await reader.stop()
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1
    assert desk.posted == []


async def test_a_long_account_is_taken_in_batches(desk: Desk) -> None:
    many = [abandoned(f"{number:08x}{CALL[8:]}") for number in range(2 * BATCH + 1)]
    for number, account in enumerate(many):
        account.lines = [line.replace(f'"{int(T0)}.7"', f'"{int(T0)}.1{number}"') for line in account.lines]
    desk.write(*many)
    await after_gap(desk.reader())
    assert len({call.call_id for call in desk.calls}) == len(desk.calls) == len(many)


async def test_nothing_is_read_twice_while_the_database_is_away(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each audit tries again: with the call at which it stopped, and not with the whole account."""
    other = [abandoned(f"00000000-0000-0000-0000-{n:012x}") for n in range(2 * BATCH)]
    desk.write(*other)
    begun: list[float] = []
    read = lines_since

    def counted(path: Path, since_s: float) -> Iterator[str]:
        begun.append(since_s)
        return read(path, since_s)

    monkeypatch.setattr("cti.ami.accounts.lines_since", counted)
    asked: list[CallId] = []
    tried = asyncio.Event()

    async def find(tenant: TenantId, call_id: CallId) -> Call | None:
        asked.append(call_id)
        if desk.away:
            tried.set()
        return await Desk.find(desk, tenant, call_id)

    monkeypatch.setattr(desk, "find", find)
    desk.away = True
    reader = desk.reader()
    await reader.start()
    reader.seen(at(50), NOBODY, after_gap=True)
    for minute in range(3):
        await asyncio.wait_for(tried.wait(), 5)
        tried.clear()
        desk.away = minute < 2
        reader.seen(at(60 + minute), NOBODY, after_gap=False)
    await asyncio.wait_for(reader.settled(), 5)
    await reader.stop()
    assert len(begun) == 1, "opened once"
    assert len(desk.calls) == len(other) == len(set(asked))
    assert len(asked) <= len(other) + 4


async def test_a_new_gap_while_the_database_is_away_is_read_from_the_beginning(desk: Desk) -> None:
    desk.write(answered())
    desk.away = True
    reader = desk.reader()
    await reader.start()
    reader.seen(at(50), NOBODY, after_gap=True)
    await asyncio.sleep(0.1)
    desk.write(answered(), abandoned())
    desk.away = False
    reader.seen(at(50), NOBODY, after_gap=True)
    await asyncio.wait_for(reader.settled(), 5)
    await reader.stop()
    assert {call.call_id for call in desk.calls} == {CALL, OTHER_CALL}
