"""A call that an agent dials, from Asterisk's events to the agent's screen and the record."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from cti.ami.resync import read
from cti.ami.resync import signals as snapshot
from cti.domain import consult
from cti.domain import signals as sig
from cti.domain.consult import Command
from cti.domain.model import AgentId, CallState, ChannelName, EndReason, TenantId, UniqueId
from cti.domain.pop import PopAnswered, PopChange, PopEnded, PopOffered, PopPhase, PopUpdated, PopWithdrawn, Reach
from cti.screenpop import ScreenPop
from tests.scenarios.tables import CALL, START, Kept, a_desk

EFFECT = "e" * 32
PLACE: dict[str, Any] = {
    "channel": ChannelName("Local/e@cti-callback-00000001;2"),
    "uniqueid": UniqueId(f"{EFFECT}-place"),
    "call_id": CALL,
}
LEG: dict[str, Any] = {"agent_channel": ChannelName("PJSIP/demo-sato-00000001"), "agent_uniqueid": UniqueId("2")}
DEMO, SATO = TenantId("demo"), AgentId("sato")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Line:
    """The call desk with a screen behind it."""

    def __init__(self) -> None:
        self.told: list[PopChange] = []
        self.kept = Kept()
        self.desk = a_desk(self.kept)
        self.pops = ScreenPop(self)

    def pop_changed(self, change: PopChange) -> None:
        self.told.append(change)

    def apply(self, *signals: sig.Signal) -> None:
        for signal in signals:
            before = len(self.kept.events)
            self.desk.apply(signal)
            for event in self.kept.events[before:]:
                self.pops.handle(event)

    def arrived(self) -> None:
        self.apply(
            sig.CallerArrived(
                at=at(0), tenant=DEMO, number_called="+815012345000", caller_number="09012345678", caller_name="",
                dialled_by=SATO, **PLACE,
            )
        )  # fmt: skip

    def rings(self) -> None:
        self.arrived()
        self.apply(sig.DialBegan(at=at(1), **PLACE, **LEG))

    def answered(self) -> None:
        self.rings()
        self.apply(sig.DialEnded(at=at(2), status="ANSWER", **PLACE, **LEG))

    def says(self, status: str) -> None:
        self.apply(sig.CallbackReported(at=at(3), effect_id=EFFECT, status=status, **PLACE))

    def over(self) -> None:
        self.apply(sig.ChannelHungUp(at=at(9), cause=16, cause_text="", **PLACE))

    @property
    def ended(self) -> EndReason | None:
        (event,) = (e for e in self.kept.events if type(e).__name__ == "CallEnded")
        reason: EndReason | None = event.call.end_reason  # type: ignore[attr-defined]
        return reason


def test_the_agent_sees_whom_they_dialled_as_soon_as_their_own_phone_rings() -> None:
    line = Line()
    line.arrived()
    assert line.told == []
    line.apply(sig.DialBegan(at=at(1), **PLACE, **LEG), sig.DialBegan(at=at(1), **PLACE, **LEG))
    (offered,) = line.told
    assert isinstance(offered, PopOffered)
    pop = offered.pop
    assert (pop.agent, pop.phase, pop.reach, pop.offer_id) == (SATO, PopPhase.RINGING, Reach.CALLING, None)
    assert pop.caller.e164 == "+819012345678"


def test_nothing_can_be_asked_for_the_call_before_the_person_is_there() -> None:
    line = Line()
    line.answered()
    call = line.desk.live(CALL)
    assert call is not None
    assert (call.state, [talk.agent for talk in call.talks]) == (CallState.TALKING, [SATO])
    assert not consult.possible(call)
    line.says("ANSWER")
    call = line.desk.live(CALL)
    assert call is not None
    assert Command.HOLD in consult.possible(call)
    answered, reached = line.told[1:]
    assert isinstance(answered, PopAnswered)
    assert isinstance(reached, PopUpdated)
    assert (reached.parts, reached.pop.reach) == (frozenset({"reach"}), Reach.REACHED)
    line.says("ANSWER")  # a snapshot tells it again
    assert len(line.told) == 3


@pytest.mark.parametrize(
    ("status", "reach"),
    [
        ("BUSY", Reach.BUSY), ("NOANSWER", Reach.NO_ANSWER), ("CANCEL", Reach.NO_ANSWER),
        ("CONGESTION", Reach.FAILED), ("CHANUNAVAIL", Reach.FAILED), ("REFUSED", Reach.FAILED),
    ],
)  # fmt: skip
def test_who_was_not_reached_is_told_and_the_record_says_so(status: str, reach: Reach) -> None:
    line = Line()
    line.answered()
    line.says(status)
    assert line.told[-1].pop.reach is reach
    line.over()
    assert isinstance(line.told[-1], PopEnded)
    assert line.ended is EndReason.UNREACHED


def test_an_own_phone_that_is_not_answered_takes_its_pop_away() -> None:
    line = Line()
    line.rings()
    line.says("AGENT-NOANSWER")
    assert line.told[-1].pop.reach is Reach.OWN_PHONE
    line.over()
    assert isinstance(line.told[-1], PopWithdrawn)
    assert line.ended is EndReason.UNREACHED


def test_an_agent_who_hangs_up_before_anybody_answers_has_reached_nobody() -> None:
    line = Line()
    line.answered()
    line.over()
    assert line.ended is EndReason.UNREACHED


def test_a_talk_is_completed() -> None:
    line = Line()
    line.answered()
    line.says("ANSWER")
    line.over()
    assert line.ended is EndReason.COMPLETED


def test_the_phone_of_a_call_that_nobody_dialled_makes_no_pop() -> None:
    line = Line()
    line.apply(
        sig.CallerArrived(
            at=at(0), tenant=DEMO, number_called="+815012345000", caller_number="09012345678", caller_name="", **PLACE
        ),
        sig.DialBegan(at=at(1), **PLACE, **LEG),
    )
    assert line.told == []


def test_a_server_that_comes_back_in_the_talk_finds_all_of_it_in_the_snapshot() -> None:
    variables = {
        "CTI_CALL_ID": CALL, "CTI_TENANT": "demo", "CTI_NUMBER": "+815012345000", "CTI_QUEUE": "members",
        "CTI_CB_BY": "sato", "CTI_REACHED": EFFECT,
    }  # fmt: skip
    place = {
        "Event": "Status", "Channel": PLACE["channel"], "ChannelState": "6", "CallerIDNum": "09012345678",
        "CallerIDName": "<unknown>", "Context": "cti-outbound", "Uniqueid": PLACE["uniqueid"], "BridgeID": "b",
        "Seconds": "30", "Variable": "\n".join(f"{name}={value}" for name, value in variables.items()),
    }  # fmt: skip
    leg = {
        "Event": "Status", "Channel": LEG["agent_channel"], "ChannelState": "6", "Context": "cti-agent-demo",
        "Uniqueid": LEG["agent_uniqueid"], "BridgeID": "b", "Seconds": "20", "Variable": f"CTI_CALL_ID={CALL}",
    }  # fmt: skip
    line = Line()
    line.apply(*snapshot(read((place, leg)), {}, at(40), after_gap=True))
    call = line.desk.live(CALL)
    assert call is not None
    assert (call.state, call.extra["dialled_by"]) == (CallState.TALKING, "sato")
    assert line.pops.current(DEMO, SATO) is not None
    shown = line.pops.current(DEMO, SATO)
    assert shown is not None
    assert (shown.phase, shown.reach) == (PopPhase.TALKING, Reach.REACHED)
