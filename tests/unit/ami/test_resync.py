"""A snapshot as signals: what the desk does not know, and nothing it knows already."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.ami import resync
from cti.domain import signals as sig
from cti.domain.model import CallId, CallState, ChannelName, TenantId, UniqueId
from tests.scenarios.tables import Kept, a_desk

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
T0 = int(NOW.timestamp()) - 90
CALL = CallId("53676525-d699-4616-9e75-42f9f082142e")


def caller(context: str = "cti-wait", bridge: str = "", **changes: str) -> dict[str, str]:
    """As Asterisk 22.10.1 answers Status."""
    variables = {"CTI_CALL_ID": CALL, "CTI_TENANT": "demo", "CTI_NUMBER": "+81501234500", "CTI_QUEUE": "members"}
    variables |= {"CTI_T0": str(T0), "CTI_OFFER": "(null)"}
    item = {
        "Event": "Status",
        "Channel": "PJSIP/trunk-00000001",
        "ChannelState": "6",
        "CallerIDNum": "09012345678",
        "CallerIDName": "<unknown>",
        "Context": context,
        "Exten": "s",
        "Uniqueid": "1.0",
        "ChanVariable": f"CTI_CALL_ID={CALL}",
        "BridgeID": bridge,
        "Seconds": "88",
        "Variable": "\n".join(f"{k}={v}" for k, v in variables.items()),
    }
    return {**item, **changes}


def leg(bridge: str = "", state: str = "6", uniqueid: str = "1.1") -> dict[str, str]:
    variables = [f"CTI_CALL_ID={CALL}", "CTI_TENANT=demo", "CTI_NUMBER=(null)", "CTI_QUEUE=(null)"]
    return {
        "Event": "Status",
        "Channel": "PJSIP/demo-sato-00000002",
        "ChannelState": state,
        "Context": "cti-agent-demo",
        "Uniqueid": uniqueid,
        "ChanVariable": f"CTI_CALL_ID={CALL}",
        "BridgeID": bridge,
        "Seconds": "30",
        "Variable": "\n".join(variables),
    }


def told(*items: dict[str, str], known: CallState | None = None, after_gap: bool = True) -> list[sig.Signal]:
    states = {} if known is None else {CALL: known}
    return resync.signals(resync.read(items), states, NOW, after_gap=after_gap)


def kinds(signals: list[sig.Signal]) -> list[str]:
    return [type(s).__name__ for s in signals]


def test_an_unknown_call_that_waits() -> None:
    arrived, queued = told(caller())
    assert arrived == sig.CallerArrived(
        at=NOW - timedelta(seconds=90), channel=ChannelName("PJSIP/trunk-00000001"), uniqueid=UniqueId("1.0"),
        call_id=CALL, tenant=TenantId("demo"), number_called="+81501234500", caller_number="09012345678",
        caller_name="",
    )  # fmt: skip
    assert isinstance(queued, sig.CallerQueued)
    assert queued.queue == "members"


def test_an_unknown_call_that_talks() -> None:
    signals = told(caller("cti-connect", "b"), leg("b"))
    assert kinds(signals) == ["CallerArrived", "DialBegan", "DialEnded"]
    assert isinstance(signals[2], sig.DialEnded)
    assert (signals[2].status, signals[2].agent_uniqueid) == ("ANSWER", "1.1")
    assert signals[2].at == NOW - timedelta(seconds=30)


def test_an_unknown_call_that_rings() -> None:
    assert kinds(told(caller("cti-connect"), leg(state="5"))) == ["CallerArrived", "DialBegan"]


def test_an_agent_in_another_bridge_does_not_talk_with_the_caller() -> None:
    assert kinds(told(caller("cti-connect", "b"), leg("c"))) == ["CallerArrived"]


def test_the_phone_that_rings_for_another_call_is_not_ours() -> None:
    other = CALL.replace("5", "6")
    stranger = {k: v.replace(CALL, other) for k, v in leg(state="5").items()}
    assert kinds(told(caller(), stranger)) == ["CallerArrived", "CallerQueued"]


def test_an_unknown_call_in_the_fallback_and_one_in_the_menu() -> None:
    assert kinds(told(caller("cti-fallback"))) == ["CallerArrived", "CallerFellBack"]
    assert kinds(told(caller("cti-menu"))) == ["CallerArrived"]


def test_the_regular_audit_leaves_known_calls_alone() -> None:
    assert told(caller(), known=CallState.OFFERED, after_gap=False) == []
    assert told(caller("cti-connect", "b"), leg("b"), known=CallState.TALKING, after_gap=False) == []


def test_after_a_gap_known_calls_are_moved_and_never_begun_again() -> None:
    assert kinds(told(caller(), known=CallState.TALKING)) == ["CallerQueued"]
    assert kinds(told(caller("cti-connect", "b"), leg("b"), known=CallState.OFFERED)) == ["DialBegan", "DialEnded"]
    assert kinds(told(caller("cti-fallback"), known=CallState.QUEUED)) == ["CallerFellBack"]
    assert told(caller("cti-fallback"), known=CallState.FALLBACK) == []


def test_channels_that_are_not_ours() -> None:
    stranger = caller(Variable="CTI_CALL_ID=(null)", ChanVariable="CTI_CALL_ID=")
    assert told(stranger, leg("b")) == []
    assert resync.uniqueids(resync.read([stranger, leg("b"), {"Event": "StatusComplete"}])) == {"1.0", "1.1"}


@pytest.mark.parametrize("t0", ["", "(null)", "soon", str(int(NOW.timestamp()) + 500), "1"])
def test_an_arrival_time_that_cannot_be_is_taken_from_the_channels_age(t0: str) -> None:
    item = caller()
    item["Variable"] = item["Variable"].replace(str(T0), t0)
    (arrived, _) = told(item)
    assert arrived.at == NOW - timedelta(seconds=88)


def test_a_snapshot_told_twice_or_by_events_as_well_changes_nothing() -> None:
    kept = Kept()
    desk = a_desk(kept)
    items = [caller("cti-connect", "b"), leg("b")]
    for _ in range(3):
        for signal in resync.signals(resync.read(items), desk.known(), NOW, after_gap=True):
            desk.apply(signal)
        desk.apply(sig.ChannelsSeen(at=NOW, uniqueids=resync.uniqueids(resync.read(items))))
    assert [type(e).__name__ for e in kept.events] == ["CallArrived", "CallAnswered"]


@given(st.lists(st.dictionaries(st.sampled_from(sorted({*caller(), *leg()})), st.text(max_size=20))))
def test_no_answer_raises(items: list[dict[str, str]]) -> None:
    channels = resync.read({**item, "Event": "Status"} for item in items)
    for signal in resync.signals(channels, {}, NOW, after_gap=True):
        assert signal.at.tzinfo is not None


def fell_back(context: str, *, ago_s: int = 20) -> dict[str, str]:
    """A caller who was in the fallback, wherever they are now."""
    item = caller(context)
    return {**item, "Variable": f"{item['Variable']}\nCTI_FALLBACK_T0={int(NOW.timestamp()) - ago_s}"}


def test_a_caller_for_whom_the_fallback_rings_somebody_is_not_waiting_for_us() -> None:
    """Else routing would offer the call to another agent."""
    signals = told(fell_back("cti-fallback"), leg(state="5"), known=CallState.QUEUED)
    assert kinds(signals) == ["CallerFellBack", "DialBegan"]
    assert isinstance(signals[0], sig.CallerFellBack)
    assert (signals[0].at, signals[0].queue) == (NOW - timedelta(seconds=20), "members")


def test_a_talk_that_began_in_the_fallback() -> None:
    item = {**fell_back("cti-fallback"), "BridgeID": "b"}
    expected = ["CallerFellBack", "DialBegan", "DialEnded"]
    assert kinds(told(item, leg("b"), known=CallState.QUEUED)) == expected
    assert kinds(told(item, leg("b"))) == ["CallerArrived", *expected]
    # Seen before: it goes on.
    assert kinds(told(item, leg("b"), known=CallState.TALKING)) == ["DialBegan", "DialEnded"]


def test_who_came_back_from_the_fallback_before_we_looked_was_there() -> None:
    assert kinds(told(fell_back("cti-wait"), known=CallState.QUEUED)) == ["CallerFellBack", "CallerQueued"]
    assert kinds(told(fell_back("cti-wait"))) == ["CallerArrived", "CallerFellBack", "CallerQueued"]


def test_a_talk_after_the_fallback_is_no_fallback() -> None:
    item = {**fell_back("cti-connect"), "BridgeID": "b"}
    assert kinds(told(item, leg("b"), known=CallState.TALKING)) == ["DialBegan", "DialEnded"]


@pytest.mark.parametrize("text", ["x", "", "99999999999", "-5"])
def test_a_fallback_without_a_time_began_now(text: str) -> None:
    item = caller("cti-fallback")
    (signal,) = told({**item, "Variable": f"{item['Variable']}\nCTI_FALLBACK_T0={text}"}, known=CallState.QUEUED)
    assert signal.at == NOW


def test_who_may_be_fetched_back_from_the_fallback() -> None:
    def left(*items: dict[str, str]) -> tuple[str, ...]:
        return resync.left_waiting(resync.read(items))

    assert left(caller("cti-fallback")) == ("PJSIP/trunk-00000001",)
    assert left(caller("cti-fallback"), leg(state="5")) == ()  # a phone rings
    assert left(caller("cti-fallback", "b"), leg("b")) == ()  # they talk
    assert left(caller("cti-fallback", "b")) == ()
    assert left(caller("cti-wait")) == ()
    stranger = {**leg(state="5"), "Variable": "CTI_CALL_ID=(null)", "ChanVariable": ""}
    assert left(caller("cti-fallback"), stranger) == ("PJSIP/trunk-00000001",)


def test_a_consultation_is_found_although_no_record_tells_of_it() -> None:
    agent = {**leg("b-2"), "Context": "cti-consult"}
    colleague = {**leg("b-2", uniqueid="1.2"), "Channel": "PJSIP/demo-suzuki-00000003"}
    desk = a_desk(Kept())
    for signal in told(caller("cti-hold"), agent, colleague):
        desk.apply(signal)
    call = desk.live(CALL)
    assert call is not None
    assert call.phase == "consulting"
    assert [talk.agent for talk in call.talks] == ["sato"]
    assert (call.consultations[0].second, call.consultations[0].uniqueid) == ("suzuki", "1.2")
    for signal in told(caller("cti-hold"), agent, colleague, known=CallState.HELD):  # each minute's audit
        desk.apply(signal)
    assert desk.live(CALL) == call


def test_who_was_being_treated_when_we_died_is_neither_offered_nor_treated_again() -> None:
    for context, treatment in (("cti-treat", "treated"), ("cti-voicemail", "voicemail")):
        (seen,) = told(caller(context), known=CallState.QUEUED)
        assert isinstance(seen, sig.TreatmentSeen)
        assert (seen.call_id, seen.treatment) == (CALL, treatment)
        assert told(caller(context), known=CallState.QUEUED, after_gap=False) == []


def test_the_person_of_a_callback_who_is_there_is_told_by_their_place() -> None:
    item = caller("cti-connect")
    item["Variable"] += f"\nCTI_CB_ID={'c' * 32}\nCTI_REACHED={'e' * 32}"
    (reached,) = [signal for signal in told(item, known=CallState.TALKING) if isinstance(signal, sig.CallbackReported)]
    assert (reached.effect_id, reached.status) == ("e" * 32, "ANSWER")


@pytest.mark.parametrize(
    ("mark", "began"),
    [(f"asked:{T0}000:", T0), (f"asked:{T0}250:{T0 + 300}000", T0 + 0.25), ("what is this", NOW.timestamp())],
)
def test_a_pause_is_found_by_the_channel_and_one_that_cannot_be_read_is_one(mark: str, began: float) -> None:
    item = caller()
    item["Variable"] += f"\nCTI_PAUSED={mark}"
    found = resync.signals(resync.read([item]), {CALL: CallState.TALKING}, NOW, after_gap=True)
    (pause,) = (signal for signal in found if isinstance(signal, sig.PauseBegan))
    assert (pause.call_id, pause.why, pause.at.timestamp()) == (CALL, "asked", began)


def test_somebody_outside_who_has_the_caller_is_found_by_what_the_caller_s_channel_dialled() -> None:
    item, outside = caller("cti-pass-out", "b"), leg("b", uniqueid="1.9")
    outside["Channel"] = "PJSIP/trunk-00000009"
    item["Variable"] += "\nCTI_OUT_TO=0334980110\nCTI_OUT_BY=PJSIP/demo-sato-00000002"
    _, placed, began, answered, *rest = told(item, outside)
    assert isinstance(placed, sig.LegPlaced)
    assert (placed.uniqueid, placed.outside) == ("1.0", "+81334980110")
    assert placed.by == "PJSIP/demo-sato-00000002"
    assert isinstance(began, sig.DialBegan)
    assert (began.uniqueid, began.agent_uniqueid) == ("1.0", "1.9")
    assert isinstance(answered, sig.DialEnded)
    assert kinds(rest) == ["BridgeEntered", "BridgeEntered", "DialBegan", "DialEnded"]
    for wrong in ("110", "0990123456", "x", "０３"):
        item["Variable"] = caller()["Variable"] + f"\nCTI_OUT_TO={wrong}"
        assert not any(isinstance(one, sig.LegPlaced) and one.outside for one in told(item, outside))


def test_a_passing_on_that_outlived_its_server_says_who_passed_the_caller_on() -> None:
    """Neither the record nor the agent's leg is left: the caller's channel remembers (decision 0240)."""
    item, outside = caller("cti-pass-out", "b"), leg("b", uniqueid="1.9")
    outside["Channel"] = "PJSIP/trunk-00000009"
    item["Variable"] += "\nCTI_OUT_TO=0334980110\nCTI_OUT_BY=PJSIP/demo-sato-00000002"
    desk = a_desk(Kept())
    for signal in told(item, outside):
        desk.apply(signal)
    call = desk.live(CALL)
    assert call is not None
    assert [(t.kind, t.by, t.to) for t in call.transfers] == [("outside", "sato", "+81334980110")]
    assert call.phase == "talking"


def test_a_transfer_by_a_phone_while_nobody_listened_is_told_by_the_callers_channel() -> None:
    item = caller("cti-colleague", "b")
    item["Variable"] += f"\nCTI_PASSED_AT={T0 + 60}\nCTI_PASSED_TO=demo-suzuki\nCTI_PASSED_BY=PJSIP/demo-sato-00000002"
    colleague = leg("b", uniqueid="1.9") | {"Channel": "PJSIP/demo-suzuki-00000003"}
    moved, *rest = told(item, colleague, known=CallState.TALKING)
    assert moved == sig.Transferred(
        at=NOW - timedelta(seconds=30), channel=ChannelName("PJSIP/trunk-00000001"), uniqueid=UniqueId("1.0"),
        call_id=CALL, kind="blind", to="demo-suzuki", by=ChannelName("PJSIP/demo-sato-00000002"),
    )  # fmt: skip
    assert kinds(rest) == ["DialBegan", "DialEnded"]
    assert kinds(told(caller("cti-colleague", "b"), colleague, known=CallState.TALKING)) == kinds(rest)
    item["Variable"] = item["Variable"].replace(str(T0 + 60), "soon")
    assert kinds(told(item, colleague, known=CallState.TALKING)) == kinds(rest)  # else it would be told each time anew


@pytest.mark.parametrize("heard", [False, True])
def test_who_answered_and_passed_the_caller_on_without_us_is_known_by_the_callers_channel(heard: bool) -> None:
    item = caller("cti-colleague", "b")
    desk = a_desk(Kept())
    if heard:  # of the call, not of the answer
        for signal in told(caller()):
            desk.apply(signal)
    item["Variable"] += f"\nCTI_PASSED_AT={T0 + 60}\nCTI_PASSED_TO=demo-suzuki\nCTI_PASSED_BY=PJSIP/demo-sato-00000002"
    colleague = leg("b", uniqueid="1.9") | {"Channel": "PJSIP/demo-suzuki-00000003"}
    for _ in range(2):
        for signal in told(item, colleague, known=desk.known().get(CALL)):
            desk.apply(signal)
    call = desk.live(CALL)
    assert call is not None
    assert [(t.kind, t.by, t.to, t.result) for t in call.transfers] == [("phone", "sato", "demo-suzuki", "answered")]
    assert [talk.agent for talk in call.talks] == ["suzuki"]
    assert desk.stats.illegal == 0
