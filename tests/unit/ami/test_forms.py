"""Events as a real Asterisk 22 wrote them: read at one look, and by any change header by header, to the same signal."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.ami.forms import (
    ARRIVED,
    BRIDGED,
    CHANNEL,
    DIALLED,
    DIALS,
    HANGUP,
    PHONE,
    QUEUED,
    RECORDED,
    SOUNDED,
)
from cti.ami.frames import EventHeaders, parse_headers
from cti.ami.translate import Skipped, translate

NOW = datetime(2026, 11, 22, 8, 10, tzinfo=UTC)
CALL = "a3b01457-03eb-4270-ab8a-8ca68ce3763e"
SNAPSHOT = """
Channel: PJSIP/trunk-00000056
ChannelState: 6
ChannelStateDesc: Up
CallerIDNum: 090149
CallerIDName: 佐藤
ConnectedLineNum: <unknown>
ConnectedLineName: <unknown>
Language: ja
AccountCode: a3b01457-03eb-4270-ab8a-8ca68ce3763e
Context: cti-connect
Exten: 9c17cb5e1c5644b497d9e79f78003b30
Priority: 8
Uniqueid: 1795334955.86
Linkedid: 1795334955.86
Tenantid: demo
ChanVariable: CTI_CALL_ID=a3b01457-03eb-4270-ab8a-8ca68ce3763e
""".strip()
HEAD = "Privilege: call,all\nTimestamp: 1795334960.425014"
DEST = SNAPSHOT.replace("Tenantid: demo\n", "").replace("trunk-00000056", "demo-a3-00000077").replace(".86", ".119")
DEST = "\n".join(f"Dest{line}" for line in DEST.split("\n")) + "\nDialString: demo-a3"
BRIDGE = """
BridgeUniqueid: 99588013-8245-4713-b6b6-39ca086544d8
BridgeType: basic
BridgeTechnology: simple_bridge
BridgeCreator: <unknown>
BridgeName: <unknown>
BridgeNumChannels: 2
BridgeVideoSourceMode: none
""".strip()
SAID = f"{HEAD}\n{SNAPSHOT}\nUserEvent"
WRITTEN = [
    (CHANNEL, "HangupRequest", f"{HEAD}\n{SNAPSHOT}"),
    (CHANNEL, "UserEvent", f"{SAID}: CtiVoicemail\nCallID: {CALL}"),
    (
        ARRIVED,
        "UserEvent",
        f"{SAID}: CtiArrived\nCallID: {CALL}\nTenant: demo\nNumberCalled: +8150\nQueue: all\nMenu: ",
    ),
    (QUEUED, "UserEvent", f"{SAID}: CtiQueued\nCallID: {CALL}\nQueue: all"),
    (RECORDED, "UserEvent", f"{SAID}: CtiRecording\nCallID: {CALL}\nFile: {CALL}-c\nSide: caller"),
    (DIALLED, "UserEvent", f"{SAID}: CtiOfferEnded\nCallID: {CALL}\nOffer: {'0a' * 16}\nStatus: ANSWER\nCause: 16"),
    (SOUNDED, "UserEvent", f"{SAID}: CtiSound\nCallID: {CALL}\nRtp: lp=6;rxcount=594;txcount=2100;rlp=0"),
    (BRIDGED, "BridgeEnter", f"{HEAD}\n{BRIDGE}\n{SNAPSHOT}"),
    (BRIDGED, "BridgeLeave", f"{HEAD}\n{BRIDGE}\n{SNAPSHOT}"),
    (DIALS, "DialBegin", f"{HEAD}\n{SNAPSHOT}\n{DEST}"),
    (DIALS, "DialEnd", f"{HEAD}\n{SNAPSHOT}\n{DEST}\nDialStatus: ANSWER"),
    (HANGUP, "Hangup", f"{HEAD}\n{SNAPSHOT}\nCause: 16\nCause-txt: Normal Clearing"),
    (PHONE, "DeviceStateChange", f"{HEAD}\nDevice: PJSIP/demo-a3\nState: INUSE"),
]
values = st.sampled_from(
    ["", " ", "0", "-1", "016", " 16 ", "999", "x" * 300, "x" * 301, "a\nb", "a\rb", "PJSIP/demo", "CTI_CALL_ID=", CALL]
)


def frame(event: str, lines: list[str]) -> str:
    return "\r\n".join([f"Event: {event}", *lines])


@pytest.mark.parametrize(("form", "event", "written"), WRITTEN)
def test_what_asterisk_writes_is_read_at_one_look(form: re.Pattern[str], event: str, written: str) -> None:
    text = frame(event, written.split("\n"))
    assert form.search(text)
    read = translate(EventHeaders(event, text), NOW)
    assert not isinstance(read, Skipped)
    assert read == translate(parse_headers(text), NOW)


@given(st.sampled_from(WRITTEN), st.data())
def test_what_is_written_otherwise_is_read_to_the_same(
    case: tuple[re.Pattern[str], str, str], data: st.DataObject
) -> None:
    _, event, written = case
    lines = written.split("\n")
    for _ in range(data.draw(st.integers(1, 3), label="changes")):
        at = data.draw(st.integers(0, len(lines) - 1), label="line")
        match data.draw(st.sampled_from(["left out", "moved", "other value", "more"]), label="change"):
            case "left out" if len(lines) > 1:
                del lines[at]
            case "moved":
                lines.insert(data.draw(st.integers(0, len(lines) - 1), label="to"), lines.pop(at))
            case "other value":
                lines[at] = f"{lines[at].partition(': ')[0]}: {data.draw(values, label='value')}"
            case _:
                lines.insert(at, f"New{at}: {data.draw(values, label='value')}")
    text = frame(event, lines)
    assert translate(EventHeaders(event, text), NOW) == translate(parse_headers(text), NOW)
