"""What the rules of a desk keep out while others change the same call: neither too much for ever nor too little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from cti.domain import events as ev
from cti.domain import recordpolicy as policy
from cti.domain import signals as sig
from cti.domain.errors import Unavailable
from cti.domain.model import ChannelName
from cti.domain.pause import asked, open_pauses
from cti.pauses import PauseDesk, PauseRules
from tests.scenarios.tables import CALL, START
from tests.unit.test_pauses import CALLER, LEG, PAUSE, RESUME, SECOND, Line, never, until

RECORDED = policy.Decision(record=policy.Record.ALWAYS, reason="recorded")
BOTH_SILENT, BOTH_HEARD = {CALLER: True, LEG: True}, {CALLER: False, LEG: False}


class BusyLine(Line):
    """A call desk that has others in line, an Asterisk that may take no note, and something that happens meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.forgetful = False
        self.meanwhile: Callable[[], None] | None = None  # once, as sound is wanted again
        self.pauses = PauseDesk(
            calls=self.desk, telephony=self, sink=self, confirm_s=0.5, look_s=0.02,
            settings=PauseRules(longest=lambda _t: timedelta(seconds=300), now=lambda: self.now),
        )  # fmt: skip
        for begun in self.kept.of(ev.RecordingStarted):
            self.pauses.handle(begun)

    def post(self, signal: sig.Signal) -> None:
        asyncio.get_running_loop().call_later(0.03, self.desk.post, signal)

    async def mute_recording(self, *, channel: ChannelName, on: bool) -> None:
        if not on and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        await super().mute_recording(channel=channel, on=on)

    async def set_variables(self, *, channel: ChannelName, variables: dict[str, str]) -> None:
        if self.forgetful:
            raise Unavailable("no answer")
        await super().set_variables(channel=channel, variables=variables)


@asynccontextmanager
async def an_unwanted_call() -> AsyncIterator[BusyLine]:
    line = BusyLine()
    await line.desk.start()
    await line.pauses.start()
    try:
        line.pauses.want(line.call, never())
        await until(lambda: line.muted == BOTH_SILENT and all(p.proven_at for p in open_pauses(line.call)))
        yield line
    finally:
        await line.pauses.stop()
        await line.desk.stop()


async def test_a_leg_that_begins_as_a_rule_ends_does_not_silence_the_rest_of_the_call() -> None:
    async with an_unwanted_call() as line:
        line.meanwhile = lambda: line.begins(SECOND)
        line.pauses.want(line.call, RECORDED)
        await until(lambda: not open_pauses(line.call))
        await asyncio.sleep(0.2)  # some looks
        assert not line.muted.get(SECOND)
        assert {channel: line.muted[channel] for channel in BOTH_HEARD} == BOTH_HEARD
        assert line.marks[-1] == ""


async def test_rules_that_change_their_mind_at_once_leave_it_as_it_is() -> None:
    async with an_unwanted_call() as line:
        line.pauses.want(line.call, RECORDED)
        line.pauses.want(line.call, never())
        await asyncio.sleep(0.2)
        assert len(open_pauses(line.call)) == len(line.call.pauses) == 1, "nor was there sound in between"
        assert line.muted == BOTH_SILENT


async def test_rules_that_change_their_mind_while_it_is_carried_out_are_carried_out() -> None:
    async with an_unwanted_call() as line:
        line.meanwhile = lambda: line.pauses.want(line.call, never())
        line.pauses.want(line.call, RECORDED)
        await until(lambda: len(line.call.pauses) == 2)
        await until(lambda: line.muted == BOTH_SILENT)
        assert [pause.ended_at is None for pause in line.call.pauses] == [False, True]


async def test_what_could_not_be_done_for_a_rule_is_tried_again() -> None:
    async with an_unwanted_call() as line:
        line.silent = {LEG}
        line.pauses.want(line.call, RECORDED)
        await until(lambda: line.muted[CALLER] is False)
        assert open_pauses(line.call)
        line.silent = set()
        await until(lambda: not open_pauses(line.call) and line.muted == BOTH_HEARD)


async def test_where_asterisk_takes_no_note_that_it_goes_on_it_does_not() -> None:
    """The next server, and the dialplan without one, would hold it to be paused."""
    async with an_unwanted_call() as line:
        line.pauses.want(line.call, RECORDED)
        await until(lambda: not open_pauses(line.call))
        await line.ask(PAUSE)
        line.forgetful = True
        with pytest.raises(Unavailable):
            await line.ask(RESUME)
        await until(lambda: line.muted == BOTH_SILENT)
        assert asked(line.call) is not None
        line.forgetful = False
        await line.ask(RESUME)
        assert (line.marks[-1], line.muted) == ("", BOTH_HEARD)


async def test_a_pause_of_which_asterisk_took_no_note_is_noted_when_it_can() -> None:
    """Else a server that takes over would not know of it."""
    async with an_unwanted_call() as line:
        line.pauses.want(line.call, RECORDED)
        await until(lambda: not open_pauses(line.call))
        line.forgetful = True
        await line.ask(PAUSE)
        assert line.marks[-1] == ""
        line.forgetful = False
        await until(lambda: line.marks[-1].startswith("asked:"))


async def test_a_pause_whose_mark_could_not_be_read_ends_too() -> None:
    async with an_unwanted_call() as line:
        line.pauses.want(line.call, RECORDED)
        await until(lambda: not open_pauses(line.call))
        line.desk.apply(sig.PauseBegan(at=START, call_id=CALL, why="asked", by="", until=None))
        await until(lambda: line.muted == BOTH_SILENT)
        await line.ask(PAUSE)
        line.now = START + timedelta(seconds=301)
        await until(lambda: not open_pauses(line.call))
        assert line.call.pauses[-1].ended_by == "limit"


async def test_a_rule_whose_pauses_are_too_many_keeps_the_last_one() -> None:
    async with an_unwanted_call() as line:
        for _ in range(200):
            line.desk.apply(sig.PauseEnded(at=START, call_id=CALL, why="not_wanted", by=""))
            line.desk.apply(sig.PauseBegan(at=START, call_id=CALL, why="not_wanted", by="not_wanted: all", until=None))
        line.pauses.want(line.call, RECORDED)
        await asyncio.sleep(0.2)
        assert len(open_pauses(line.call)) == 1
