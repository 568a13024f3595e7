"""AMI events to signals: each kind as Asterisk 22.10.1 sent it, and no headers that make it raise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.ami.forms import CHANNEL
from cti.ami.frames import EventHeaders, parse_headers
from cti.ami.translate import (
    _EVENTS,
    _USER_EVENTS,
    WANTED,
    Skipped,
    call_id_of,
    instant,
    phone_state,
    translate,
)
from cti.domain import signals as sig
from cti.domain.consult import Place
from cti.domain.model import AgentId, LegFigures, OfferId, PhoneState, QueueId, TenantId
from cti.domain.soundsignals import LegSounded

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CALL = "53676525-d699-4616-9e75-42f9f082142e"
SNAPSHOT = f"""
Timestamp: 1795299049.446382
Channel: PJSIP/trunk-00000000
CallerIDNum: 09012345678
CallerIDName: <unknown>
Uniqueid: 1795299048.1
Linkedid: 1795299048.0
ChanVariable: CTI_CALL_ID={CALL}
"""
AT = datetime(2026, 11, 21, 22, 10, 49, 446382, tzinfo=UTC)
DEST = """
DestChannel: PJSIP/demo-sato-00000001
DestUniqueid: 1795299049.2
DestChanVariable: CTI_CALL_ID=
"""
TRANSFER = f"""
Timestamp: 1795299049.446382
Result: Success
TransfererChannel: PJSIP/demo-sato-00000001
TransfererUniqueid: 1795299049.2
TransfereeChannel: PJSIP/trunk-00000000
TransfereeUniqueid: 1795299048.1
TransfereeChanVariable: CTI_CALL_ID={CALL}
Extension: demo-suzuki
"""
FIELDS: dict[str, Any] = {"at": AT, "channel": "PJSIP/trunk-00000000", "uniqueid": "1795299048.1", "call_id": CALL}
AGENT: dict[str, Any] = {"agent_channel": "PJSIP/demo-sato-00000001", "agent_uniqueid": "1795299049.2"}
OFFER = OfferId("0a" * 16)


def headers(*parts: str) -> dict[str, str]:
    lines = [line for part in parts for line in part.strip().split("\n") if line]
    pairs = (line.strip().partition(": ") for line in lines)
    return {name.rstrip(" :"): value for name, _, value in pairs}


def user(name: str, more: str = "") -> dict[str, str]:
    return headers("Event: UserEvent", SNAPSHOT, f"UserEvent: {name}", more)


CASES = [
    (
        user("CtiSound", "Rtp: rxcount=500;txcount=510;lp=5;rlp=0;txjitter=0.0015"),
        LegSounded(
            **FIELDS,
            figures=LegFigures(
                received=500,
                lost_from=5,
                jitter_from_ms=1.5,
                sent=510,
                lost_to=None,
                jitter_to_ms=None,
                round_trip_ms=None,
            ),
        ),
    ),
    (
        user("CtiArrived", "Tenant: demo\nNumberCalled: +81501234500"),
        sig.CallerArrived(
            **FIELDS, tenant=TenantId("demo"), number_called="+81501234500", caller_number="09012345678", caller_name=""
        ),
    ),
    (
        user("CtiArrived", "Tenant: demo\nNumberCalled: +81501234500\nCallback:\nDialledBy: sato"),
        sig.CallerArrived(
            **FIELDS,
            tenant=TenantId("demo"),
            number_called="+81501234500",
            caller_number="09012345678",
            caller_name="",
            dialled_by=AgentId("sato"),
        ),
    ),
    (user("CtiQueued", "Queue: members"), sig.CallerQueued(**FIELDS, queue=QueueId("members"))),
    (user("CtiFallback", "Queue: members"), sig.CallerFellBack(**FIELDS, queue=QueueId("members"))),
    (user("CtiFallback", "Queue: a b"), sig.CallerFellBack(**FIELDS)),
    (user("CtiFallback"), sig.CallerFellBack(**FIELDS)),
    (user("CtiNotRecorded", "Side: caller\nReason: disk_full"), sig.RecordingRefused(**FIELDS, reason="disk_full")),
    (
        headers("Event: MixMonitorMute", SNAPSHOT, "Direction: both\nState: 1"),
        sig.ChannelMuted(**FIELDS, muted=True),
    ),
    (
        headers("Event: MixMonitorMute", SNAPSHOT, "Direction: both\nState: 0"),
        sig.ChannelMuted(**FIELDS, muted=False),
    ),
    (user("CtiKey", "Key: #"), sig.CallerPressed(**FIELDS, key="#")),
    (user("CtiVoicemail"), sig.VoicemailBegan(**FIELDS)),
    (
        user("CtiOfferEnded", f"Offer: {OFFER}\nStatus: NOANSWER\nCause: 21"),
        sig.OfferDialled(**FIELDS, offer_id=OFFER, status="NOANSWER", cause=21),
    ),
    (
        user("CtiOfferEnded", f"Offer: {OFFER}\nStatus:\nCause:"),
        sig.OfferDialled(**FIELDS, offer_id=OFFER, status="", cause=0),
    ),
    (user("CtiOfferStale", f"Offer: {OFFER}"), sig.OfferStale(**FIELDS, offer_id=OFFER)),
    (user("CtiRecording", f"File: {CALL}-c"), sig.RecordingBegan(**FIELDS, file=f"{CALL}-c")),
    (
        user("CtiCallback", f"Effect: {OFFER}\nStatus: MAILBOX"),
        sig.CallbackReported(**FIELDS, effect_id=OFFER, status="MAILBOX"),
    ),
    (user("CtiHeld"), sig.LegPlaced(**FIELDS, place=Place.HOLD)),
    (user("CtiHeld", "Outside: 09012345678"), sig.LegPlaced(**FIELDS, place=Place.HOLD, outside="+819012345678")),
    (user("CtiConsult", "Outside: 0334980110"), sig.LegPlaced(**FIELDS, place=Place.DIALS, outside="+81334980110")),
    (user("CtiParked"), sig.LegPlaced(**FIELDS, place=Place.PARKED)),
    (user("CtiConsult", "Endpoint: demo-suzuki"), sig.LegPlaced(**FIELDS, place=Place.DIALS)),
    (user("CtiConsultEnded", "Status: BUSY\nCause: 17"), sig.LegPlaced(**FIELDS, place=Place.PARKED)),
    (user("CtiTarget"), sig.LegPlaced(**FIELDS, place=Place.WAITS)),
    (headers("Event: DialBegin", SNAPSHOT, DEST), sig.DialBegan(**FIELDS, **AGENT)),
    (
        headers("Event: DialEnd", SNAPSHOT, DEST, "DialStatus: ANSWER"),
        sig.DialEnded(**FIELDS, **AGENT, status="ANSWER"),
    ),
    (headers("Event: BridgeEnter", SNAPSHOT, "BridgeUniqueid: b-1"), sig.BridgeEntered(**FIELDS, bridge="b-1")),
    (headers("Event: BridgeLeave", SNAPSHOT, "BridgeUniqueid: b-1"), sig.BridgeLeft(**FIELDS, bridge="b-1")),
    (headers("Event: Hold", SNAPSHOT), sig.HoldBegan(**FIELDS)),
    (headers("Event: Unhold", SNAPSHOT), sig.HoldEnded(**FIELDS)),
    (headers("Event: BlindTransfer", TRANSFER), sig.Transferred(**FIELDS, kind="blind", to="demo-suzuki")),
    (headers("Event: HangupRequest", SNAPSHOT), sig.HangupRequested(**FIELDS)),
    (
        headers("Event: Hangup", SNAPSHOT, "Cause: 16\nCause-txt: Normal Clearing"),
        sig.ChannelHungUp(**FIELDS, cause=16, cause_text="Normal Clearing"),
    ),
    (
        headers("Event: DeviceStateChange\nTimestamp: 1795299049.446382\nDevice: PJSIP/demo-sato\nState: RINGING"),
        sig.DeviceChanged(at=AT, endpoint="demo-sato", state=PhoneState.RINGING),
    ),
]


@pytest.mark.parametrize(("frame", "signal"), CASES)
def test_each_kind(frame: dict[str, str], signal: sig.Signal) -> None:
    assert translate(frame, NOW) == signal


# What stands between in a whole event; SNAPSHOT has what we read.
BETWEEN = """
ConnectedLineNum: 1
ConnectedLineName: x
Language: ja
AccountCode: a
Context: c
Exten: s
Priority: 1
Uniqueid"""
WHOLE = SNAPSHOT.replace("CallerIDNum", "ChannelState: 6\nChannelStateDesc: Up\nCallerIDNum").replace(
    "\nUniqueid", BETWEEN
)


@pytest.mark.parametrize(("frame", "signal"), CASES)
@pytest.mark.parametrize("tenant", ["", "Tenantid: demo\n"])
def test_each_kind_as_it_comes_over_the_wire(frame: dict[str, str], signal: sig.Signal, tenant: str) -> None:
    whole = headers(WHOLE.replace("ChanVariable", f"{tenant}ChanVariable"))
    text = "\r\n".join(f"{key}: {value}" for key, value in {"Event": frame["Event"], **whole, **frame}.items())
    assert translate(EventHeaders(frame["Event"], text), NOW) == signal


identities = st.sampled_from(
    [CALL, CALL.upper(), "", "1 OR 1=1", f" {CALL}", f"{CALL}\rX", "x\r\nChanVariable: OTHER=1"]
)


def test_a_whole_channel_is_read_at_one_look() -> None:
    assert CHANNEL.search("\r\n" + WHOLE.strip().replace("\n", "\r\n"))


@given(identities, st.sets(st.integers(0, 13), max_size=2), st.booleans(), st.sampled_from(["", "\r\nCallID: " + CALL]))
def test_a_channel_reads_the_same_at_one_look_and_header_by_header(
    identity: str, left_out: set[int], backwards: bool, more: str
) -> None:
    lines = [line for at, line in enumerate(WHOLE.strip().split("\n")) if at not in left_out]
    text = "\r\n".join(["Event: Hold", *(reversed(lines) if backwards else lines)]).replace(CALL, identity) + more
    assert translate(EventHeaders("Hold", text), NOW) == translate(parse_headers(text), NOW)


def test_every_kind_is_tested_and_wanted() -> None:
    tested = {c[0].get("UserEvent") or c[0]["Event"] for c in CASES}
    assert tested | {"AttendedTransfer"} == {*_EVENTS, *_USER_EVENTS}
    assert {*_EVENTS, "UserEvent"} == WANTED


@pytest.mark.parametrize(("frame", "signal"), CASES)
def test_no_header_less_raises(frame: dict[str, str], signal: sig.Signal) -> None:
    for key in frame:
        rest = {k: v for k, v in frame.items() if k != key}
        got = translate(rest, NOW)
        assert isinstance(got, Skipped | type(signal))
        if isinstance(got, Skipped):
            assert got.reason


names = st.sampled_from(sorted({*_EVENTS, *_USER_EVENTS, "UserEvent", "Newexten", ""}))
keys = st.sampled_from(
    [*sorted({k for frame, _ in CASES for k in frame}), "OrigTransfererChannel", "TransferTargetChannel"]
)
texts = st.one_of(
    st.text(max_size=30), st.sampled_from(["0", "-1", "9" * 400, "\n", "1795299049.446382", CALL, "PJSIP/x-00000001"])
)


@given(names, st.dictionaries(keys, texts))
def test_no_headers_raise(name: str, body: dict[str, str]) -> None:
    for frame in ({**body, "Event": name}, {**body, "Event": "UserEvent", "UserEvent": name}):
        got = translate(frame, NOW)
        assert isinstance(got, sig.Signal | Skipped)
        if isinstance(got, sig.Signal):
            assert got.at.tzinfo is not None
        if isinstance(got, sig.ChannelSignal):
            assert got.channel
            assert got.uniqueid
            assert got.call_id is None or call_id_of(got.call_id) == got.call_id


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (headers("Event: Newexten", SNAPSHOT), "no_signal"),
        (user("SomebodyElses"), "no_signal"),
        ({}, "no_signal"),
        (headers("Event: DialBegin", DEST), "DialBegin:no_channel"),  # an Originate dials without a caller
        (user("CtiArrived", "NumberCalled: 1"), "CtiArrived:no_tenant"),
        (user("CtiArrived", "Tenant: ../x"), "CtiArrived:bad_tenant"),
        (user("CtiArrived", "Tenant: demo\nDialledBy: ../x"), "CtiArrived:bad_dialledby"),
        (user("CtiKey", "Key: 55"), "CtiKey:bad_key"),
        (user("CtiOfferEnded", "Offer: 1"), "CtiOfferEnded:bad_offer"),
        (user("CtiCallback", "Effect: 1\nStatus: BUSY"), "CtiCallback:bad_effect"),
        (user("CtiRecording", "File: ../../etc/passwd"), "CtiRecording:bad_file"),
        (headers("Event: BlindTransfer", TRANSFER, "Result: Fail"), "BlindTransfer:not_done"),
        (headers("Event: DeviceStateChange\nDevice: Queue:demo\nState: INUSE"), "DeviceStateChange:not_a_phone"),
        (headers("Event: DeviceStateChange\nDevice: PJSIP/a\nState: DANCING"), "DeviceStateChange:bad_state"),
        (headers("Event: Hangup\nUniqueid: 1.1"), "Hangup:no_channel"),
    ],
)
def test_why_an_event_is_skipped(frame: dict[str, str], reason: str) -> None:
    assert translate(frame, NOW) == Skipped(reason=reason)


def test_a_call_without_an_identity_does_not_arrive() -> None:
    frame = user("CtiArrived", "Tenant: demo\nChanVariable: CTI_CALL_ID=")
    assert translate(frame, NOW) == Skipped(reason="CtiArrived:no_call_id")


def test_the_identity_may_come_as_a_header_of_the_user_event() -> None:
    frame = user("CtiQueued", f"Queue: members\nChanVariable: CTI_CALL_ID=\nCallID: {CALL.upper()}")
    got = translate(frame, NOW)
    assert isinstance(got, sig.CallerQueued)
    assert got.call_id == CALL


def test_several_channel_variables_and_an_identity_that_is_none() -> None:
    frame = headers("Event: Hold", SNAPSHOT)
    frame["ChanVariable"] = f"OTHER=1\nCTI_CALL_ID={CALL}\nLAST=a=b"
    assert translate(frame, NOW).call_id == CALL  # type: ignore[union-attr]
    frame["ChanVariable"] = "CTI_CALL_ID=1 OR 1=1"
    assert translate(frame, NOW).call_id is None  # type: ignore[union-attr]


@pytest.mark.parametrize("number", ["", "<unknown>", "9" * 5000, "佐藤\n\0x"])
def test_a_callers_number_may_be_anything(number: str) -> None:
    frame = user("CtiArrived", "Tenant: demo")
    frame["CallerIDNum"] = frame["CallerIDName"] = number
    got = translate(frame, NOW)
    assert isinstance(got, sig.CallerArrived)
    assert len(got.caller_number) <= 300
    assert "\0" not in got.caller_name
    assert "<unknown>" not in (got.caller_number, got.caller_name)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1795299049.446382", AT),
        ("1795299049.5", datetime(2026, 11, 21, 22, 10, 49, 500000, tzinfo=UTC)),
        ("1795299049.446382999", AT),
        ("", NOW),
        ("yesterday", NOW),
        ("99999999999.0", NOW),
        ("9999999999.0", NOW),
        ("0.0", NOW),
        ("-1.0", NOW),
        ("١٧٩٥٢٩٩٠٤٩.٤٤٦٣٨٢", NOW),
    ],
)
def test_asterisks_clock(text: str, at: datetime) -> None:
    assert instant(text, NOW) == at


def test_device_states_in_both_spellings() -> None:
    assert phone_state("Not in use") is phone_state("NOT_INUSE") is None or phone_state("NOT_INUSE") is PhoneState.IDLE
    assert phone_state("RINGINUSE") is PhoneState.BUSY
    assert phone_state("nonsense") is None


@pytest.mark.parametrize(
    ("transferee", "uniqueid", "to_key", "to"),
    [
        ("TransfereeChannel: PJSIP/trunk-1", "TransfereeUniqueid: 1.0", "TransferTargetChannel", "PJSIP/demo-b-2"),
        ("OrigTransfererChannel: PJSIP/trunk-1", "OrigTransfererUniqueid: 1.1", "DestApp", "Playback"),
    ],
)
def test_attended_transfer(transferee: str, uniqueid: str, to_key: str, to: str) -> None:
    got = translate(headers("Event: AttendedTransfer", "Result: Success", transferee, uniqueid, f"{to_key}: {to}"), NOW)
    assert isinstance(got, sig.Transferred)
    assert (got.kind, got.channel, got.to) == ("attended", "PJSIP/trunk-1", to)
