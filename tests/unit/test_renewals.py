"""A leg whose numbers jump back goes on in a further file: when that is asked for, how often, and when not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from cti.domain.errors import KakehashiError, NotFound, Unavailable
from cti.domain.events import CallEnded, CallHeld, CallResumed, RecordingStarted, SoundLost
from cti.domain.model import AgentId, Call, CallId, ChannelName, Pause, TalkPhase, TalkSegment, TenantId, UniqueId
from cti.renewals import LEAST_S, MOST, MOST_HELD, Renewals
from tests.unit.web.fakes import call_id, closed_call

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
TENANT = TenantId("demo")
CALL = call_id(1)
LEG, ID = ChannelName("PJSIP/demo-sato-00000002"), UniqueId("kake-pbx-1795300000.42")
TALK = TalkSegment(
    agent=AgentId("sato"), offer_id=None, agent_channel=LEG, agent_uniqueid=ID, answered_at=AT
)  # fmt: skip
PAUSE = Pause(why="asked", by="sato", began_at=AT)


class Line:
    """One call with one agent's leg, and an Asterisk that counts its packets."""

    def __init__(self, *, announced: bool = True) -> None:
        self.now_s = 100.0
        self.call: Call | None = replace(closed_call(1), talks=(TALK,), ended_at=None, pauses=())
        self.asked: list[float] = []
        self.refuses: KakehashiError | None = None
        self.packets: list[int | KakehashiError] = []  # what is counted next; the last one stays
        self.counted = 0
        self.desk = Renewals(
            calls=self, telephony=self, now=lambda: self.now_s, look_s=0.001, resumed_look_s=0.001
        )  # fmt: skip
        if announced:
            self.told(RecordingStarted, file=f"{CALL}-a-{ID}", agent=AgentId("sato"), channel=LEG)

    def live(self, call_id: CallId) -> Call | None:
        return self.call

    async def record_anew(self, *, channel: ChannelName) -> None:
        assert channel == LEG
        self.asked.append(self.now_s)
        if self.refuses is not None:
            raise self.refuses

    async def packets_received(self, *, channel: ChannelName) -> int:
        assert channel == LEG
        self.counted += 1
        found = self.packets.pop(0) if len(self.packets) > 1 else self.packets[0]
        if isinstance(found, KakehashiError):
            raise found
        return found

    def told(self, kind: type, **fields: object) -> None:
        call = self.call or closed_call(1)
        self.desk.handle(kind(at=AT, tenant=TENANT, call=call, **fields))

    def lost(self, *, over: bool = False) -> None:
        until = AT + timedelta(seconds=1) if over else None
        self.told(SoundLost, uniqueid=ID, began_at=AT, until_at=until, lost_s=5.0)

    async def passes(self, seconds: float = 0.0) -> None:
        """Time, and all that is to be done then."""
        self.now_s += seconds
        for _ in range(3):
            await asyncio.sleep(0.003)


async def test_a_jump_that_a_report_tells_has_the_leg_recorded_anew_once() -> None:
    line = Line()
    line.lost()
    line.lost()  # told again while it lasts
    await line.passes()
    assert len(line.asked) == 1
    line.lost(over=True)
    await line.passes(60)
    await line.passes()
    assert len(line.asked) == 2  # never announced: its channel was moved in that moment, and it may not be recorded
    line.told(RecordingStarted, file=f"{CALL}-a-{ID}-p1", agent=AgentId("sato"), channel=LEG)
    await line.passes(60)
    assert len(line.asked) == 2
    await line.desk.stop()


async def test_a_leg_of_before_our_start_is_known_by_its_talk() -> None:
    line = Line(announced=False)
    line.lost()
    await line.passes()
    assert len(line.asked) == 1
    await line.desk.stop()


async def test_what_did_not_help_is_tried_again_and_not_for_ever() -> None:
    line = Line()
    line.refuses = Unavailable("no answer")
    line.lost()
    await line.passes()
    await line.passes(LEAST_S)
    assert len(line.asked) == 1
    for _ in range(20):
        await line.passes(LEAST_S)
    assert [round(b - a) for a, b in pairwise(line.asked)] == [6, 12, 24]  # and not at 3
    line.refuses = None
    for number in range(MOST):  # and where each is followed by a further file, and by the next jump
        line.told(RecordingStarted, file=f"{CALL}-a-{ID}-p{number + 1}", agent=AgentId("sato"), channel=LEG)
        line.lost()
        await line.passes(LEAST_S)
    assert len(line.asked) == MOST
    await line.desk.stop()


async def test_nothing_is_asked_for_once_it_has_caught_up_or_the_leg_is_gone() -> None:
    line = Line()
    line.lost(over=True)
    await line.passes()
    assert line.asked == []
    line.refuses = NotFound("no such channel")
    line.lost()
    await line.passes()
    await line.passes(LEAST_S)
    assert len(line.asked) == 1
    line.told(CallEnded)
    line.call = None
    line.lost()
    await line.passes(LEAST_S)
    assert len(line.asked) == 1
    await line.desk.stop()


async def test_a_paused_recording_is_left_alone_until_the_pause_is_over() -> None:
    line = Line()
    assert line.call is not None
    line.call = replace(line.call, pauses=(PAUSE,))
    line.lost()
    await line.passes(60)
    assert line.asked == []
    line.call = replace(line.call, pauses=(replace(PAUSE, ended_at=AT),))
    await line.passes()
    assert len(line.asked) == 1
    await line.desk.stop()


@pytest.mark.parametrize(
    ("counted", "asked"),
    [
        ([500, 500, 500, 3], 1),  # another source: counted from 0 again
        ([500, 550, 552, 2], 1),  # the same, of a phone that sends while it holds
        ([500, 500, 510], 0),  # the same one
        ([500], 0),  # none came: a report tells what comes later
        ([500, NotFound("it has hung up")], 0),
        ([Unavailable("no answer"), 510], 0),  # how many it were at the hold nobody knows
    ],
)
async def test_a_phone_that_comes_back_from_hold_as_another_source(
    counted: list[int | KakehashiError], asked: int
) -> None:
    line = Line()
    line.packets = counted
    line.told(CallHeld)
    await line.passes()
    assert len(line.asked) == 1  # and nothing followed
    line.told(CallResumed)
    for _ in range(10):
        await line.passes(1)
    assert len(line.asked) == 1 + asked
    assert line.counted <= 13
    await line.desk.stop()


@pytest.mark.parametrize(
    ("counted", "asked"),
    [
        ([500, 500, 3], 0),  # another source, of which the further file knows nothing: nobody loses anything
        ([500, 500, 510, 3], 1),  # it sent meanwhile, so the further file has its numbers
        ([500, 500, Unavailable("no answer"), 3], 1),
    ],
)
async def test_while_a_phone_holds_its_leg_goes_on_in_a_further_file(
    counted: list[int | KakehashiError], asked: int
) -> None:
    line = Line()
    line.packets = counted[:-1]
    line.told(CallHeld)
    await line.passes()
    assert len(line.asked) == 1
    line.told(RecordingStarted, file=f"{CALL}-a-{ID}-p1", agent=AgentId("sato"), channel=LEG)
    for _ in range(5):
        await line.passes()
    line.packets = counted[-1:]
    line.told(CallResumed)
    await line.passes(LEAST_S)
    for _ in range(5):
        await line.passes()
    assert len(line.asked) == 1 + asked
    assert line.counted > 3
    await line.desk.stop()


async def test_a_phone_that_becomes_another_source_in_mid_hold_has_one_more_file() -> None:
    line = Line()
    line.packets = [500]
    line.told(CallHeld)
    await line.passes()
    line.told(RecordingStarted, file=f"{CALL}-a-{ID}-p1", agent=AgentId("sato"), channel=LEG)
    await line.passes()
    line.packets = [3]
    await line.passes()
    assert len(line.asked) == 2  # at once: nobody hears them
    line.told(RecordingStarted, file=f"{CALL}-a-{ID}-p2", agent=AgentId("sato"), channel=LEG)
    await line.passes(60)
    assert len(line.asked) == 2
    await line.desk.stop()


async def test_what_a_pause_refused_is_asked_for_as_soon_as_it_is_over() -> None:
    line = Line()
    line.packets = [500]
    assert line.call is not None
    talking = line.call
    line.told(CallHeld)
    await line.passes()
    line.call = replace(talking, pauses=(PAUSE,))  # it came before the key
    await line.passes(1)
    assert len(line.asked) == 1
    line.call = talking
    await line.passes()
    assert len(line.asked) == 2
    await line.desk.stop()


async def test_a_hold_of_ours_of_several_or_in_a_pause_leaves_the_files_alone() -> None:
    line = Line()
    line.packets = [500]
    assert line.call is not None
    talking, other = line.call, replace(TALK, agent=AgentId("suzuki"), agent_uniqueid=UniqueId("1.43"))
    for call in (
        replace(talking, phase=TalkPhase.HELD),  # by the page: the phone sends on, and there is no bridge to hear a key
        replace(talking, talks=(TALK, replace(other, agent_channel=LEG)), phase=TalkPhase.CONFERENCE),
        replace(talking, pauses=(PAUSE,)),
    ):
        line.call = call
        line.told(CallHeld)
        await line.passes(60)
        assert line.asked == [], call.phase
    line.call = talking  # it may now
    await line.passes()
    assert len(line.asked) == 1
    line.told(CallResumed)
    await line.desk.stop()


async def test_a_phone_that_is_held_each_minute_leaves_room_for_what_is_lost() -> None:
    line = Line()
    line.packets = [500]
    for number in range(MOST_HELD + 5):
        line.told(CallHeld)
        await line.passes(60)
        line.told(RecordingStarted, file=f"{CALL}-a-{ID}-p{number + 1}", agent=AgentId("sato"), channel=LEG)
        line.told(CallResumed)
        await line.passes()
    assert len(line.asked) == MOST_HELD
    line.lost()
    await line.passes(60)
    assert len(line.asked) == MOST_HELD + 1
    await line.desk.stop()


async def test_the_callers_own_channel_and_other_files_are_not_asked_about() -> None:
    line = Line()
    line.told(RecordingStarted, file=f"{CALL}-c", agent=None, channel=ChannelName("PJSIP/trunk-1"))
    line.told(SoundLost, uniqueid=UniqueId("1.1"), began_at=AT, until_at=None, lost_s=5.0)
    await line.passes()
    assert line.asked == []
    await line.desk.stop()
