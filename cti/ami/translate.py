"""AMI events to signals, pure. Never raises, whatever the headers hold: what makes no sense is skipped with a reason.

Header names and meanings: Asterisk 22's main/manager_channels.c, manager_bridges.c, app.c, devicestate.c; user
events: docs/dialplan.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from cti.ami.frames import EventHeaders
from cti.domain.consult import Place
from cti.domain.model import AgentId, CallId, ChannelName, OfferId, PhoneState, QueueId, TenantId, UniqueId
from cti.domain.phone import parse_called
from cti.domain.signals import (
    BridgeEntered,
    BridgeLeft,
    CallbackReported,
    CallerArrived,
    CallerFellBack,
    CallerPressed,
    CallerQueued,
    ChannelHungUp,
    ChannelMuted,
    DeviceChanged,
    DialBegan,
    DialEnded,
    HangupRequested,
    HoldBegan,
    HoldEnded,
    LegPlaced,
    OfferDialled,
    OfferStale,
    RecordingBegan,
    RecordingRefused,
    Signal,
    Transferred,
    VoicemailBegan,
)

# Longer is no number and no name: carriers allow 15 digits, SIP display names rarely pass 80 characters.
MAX_TEXT = 300
# The days of a timedelta: within a day of each other. Two clocks that differ by more are set wrong, and ours is the one
# the records are kept by.
_SAME_TIME = (-1, 0)
# Ten digits of epoch seconds (until 2286), a point and microseconds; more digits are cut, not rounded.
_STAMP_LENGTH = 17
# A call tells its identity some fifteen times: room for those that are live at the same time.
_IDENTITIES_KEPT = 4096

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_OFFER = re.compile(r"[0-9a-f]{32}\Z")
_OUTSIDE = re.compile(r"0[0-9]{8,10}\Z")
_NUMBER = re.compile(r"\d{1,10}\Z", re.ASCII)
# A channel as Asterisk 22 writes it (manager_channels.c) with our variable alone, after the time and maybe its bridge:
# one look instead of four. What is written otherwise is read header by header.
_LINE = r"[^\r]*\r\n"
_CHANNEL = re.compile(
    rf"\r\nTimestamp: ([0-9.]+)\r\n(?:Bridge{_LINE})*Channel: ([^\r\n]{{1,{MAX_TEXT}}})\r\n{_LINE * 11}"
    rf"Uniqueid: ([^\r\n]{{1,{MAX_TEXT}}})\r\nLinkedid: {_LINE}(?:Tenantid: {_LINE})?"
    r"ChanVariable: CTI_CALL_ID=([^\r\n]+)(?:\r\n|\Z)"
)
_KEYS = re.compile(r"[0-9*#A-D]\Z")
_FILE = re.compile(r"[A-Za-z0-9._-]+\Z")
_STATE = re.compile(r"(?:0|1|true|false)\Z", re.IGNORECASE)
_TRUE = frozenset({"1", "true", "True"})

# Asterisk's device states (main/devicestate.c). Ringing while in use is busy: the agent talks.
PHONE_STATES: Mapping[str, PhoneState] = {
    "NOT_INUSE": PhoneState.IDLE,
    "INUSE": PhoneState.BUSY,
    "BUSY": PhoneState.BUSY,
    "RINGINUSE": PhoneState.BUSY,
    "ONHOLD": PhoneState.BUSY,
    "RINGING": PhoneState.RINGING,
    "UNAVAILABLE": PhoneState.UNREACHABLE,
    "INVALID": PhoneState.UNREACHABLE,
    "UNKNOWN": PhoneState.UNREACHABLE,
}

Headers = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """An event that makes no signal, and why (a slug to count by)."""

    reason: str


class _Unusable(Exception):
    """A header is missing or not of its form; the reason is the first argument."""


def translate(frame: Headers, now: datetime) -> Signal | Skipped:
    """One event as a signal. ``now`` (aware UTC) stands in where Asterisk sent no Timestamp (``timestampevents``)."""
    name = frame.get("Event", "")
    if name == "UserEvent":
        name = frame.get("UserEvent", "")
        build = _USER_EVENTS.get(name)
    else:
        build = _EVENTS.get(name)
    if build is None:
        return Skipped(reason="no_signal")
    try:
        return build(frame, now)
    except _Unusable as error:
        return Skipped(reason=f"{name}:{error.args[0]}")


def instant(text: str, now: datetime) -> datetime:
    """A Timestamp header ("1795300000.123456", epoch seconds) as aware UTC, or ``now`` for one that cannot be."""
    try:
        at = datetime.fromtimestamp(float(text[:_STAMP_LENGTH]), UTC)
    except (ValueError, OverflowError, OSError):
        return now
    # A call never goes back in time: one event of the year 5138 would keep all that follow there.
    return at if (at - now).days in _SAME_TIME and text.isascii() else now


def variables(frame: Headers, prefix: str = "") -> dict[str, str]:
    """What ``channelvars`` put on the event: ``ChanVariable: NAME=value``, several joined by a line feed."""
    found = {}
    for line in frame.get(f"{prefix}ChanVariable", "").split("\n"):
        name, equals, value = line.partition("=")
        if equals:
            found[name] = value
    return found


def call_id_of(text: str) -> CallId | None:
    """A call's identity, or None when ``text`` is none."""
    return _identity(text) if len(text) <= MAX_TEXT else None


@lru_cache(maxsize=_IDENTITIES_KEPT)
def _identity(text: str) -> CallId | None:
    text = text.strip().lower()
    return CallId(text) if _UUID.match(text) else None


def phone_state(text: str) -> PhoneState | None:
    """An Asterisk device state in our words, or None for a word Asterisk does not have."""
    return PHONE_STATES.get(text.strip().upper().replace(" ", "_"))


def _need(frame: Headers, key: str) -> str:
    value = frame.get(key, "")
    if not value or len(value) > MAX_TEXT or "\n" in value:
        raise _Unusable(f"no_{key.lower()}")
    return value


def _match(frame: Headers, key: str, form: re.Pattern[str]) -> str:
    value = _need(frame, key)
    if not form.match(value):
        raise _Unusable(f"bad_{key.lower()}")
    return value


def _channel(frame: Headers, now: datetime, prefix: str = "") -> dict[str, Any]:
    """The fields of a ChannelSignal."""
    found = _CHANNEL.search(frame.text) if isinstance(frame, EventHeaders) and not prefix else None
    if found is not None and (call_id := call_id_of(found[4])) is not None:
        return {"at": instant(found[1], now), "channel": found[2], "uniqueid": found[3], "call_id": call_id}
    # channelvars names this variable alone, so that in nearly every event it is the whole header.
    name, _, value = frame.get(prefix + "ChanVariable", "").partition("=")
    if name != "CTI_CALL_ID" or "\n" in value:
        value = variables(frame, prefix).get("CTI_CALL_ID", "")
    call_id = call_id_of(value)
    if call_id is None and not prefix:
        call_id = call_id_of(frame.get("CallID", ""))
    return {
        "at": instant(frame.get("Timestamp", ""), now),
        "channel": _need(frame, prefix + "Channel"),
        "uniqueid": _need(frame, prefix + "Uniqueid"),
        "call_id": call_id,
    }


def _text(frame: Headers, key: str) -> str:
    """A caller's own words: any length, cut; "<unknown>" is Asterisk's way to say nothing."""
    value = frame.get(key, "").replace("\n", " ").replace("\0", "")[:MAX_TEXT]
    return "" if value == "<unknown>" else value


def _cause(frame: Headers, key: str) -> int:
    """A Q.850 cause; 0 (not defined) when it is none."""
    value = frame.get(key, "").strip()
    return int(value) if _NUMBER.match(value) and int(value) <= 127 else 0


def _arrived(frame: Headers, now: datetime) -> Signal:
    fields = _channel(frame, now)
    if fields["call_id"] is None:
        raise _Unusable("no_call_id")
    return CallerArrived(
        **fields,
        tenant=TenantId(_match(frame, "Tenant", _SLUG)),
        number_called=_text(frame, "NumberCalled"),
        caller_number=_text(frame, "CallerIDNum"),
        caller_name=_text(frame, "CallerIDName"),
        callback=_match(frame, "Callback", _OFFER) if frame.get("Callback") else None,
        dialled_by=AgentId(_match(frame, "DialledBy", _SLUG)) if frame.get("DialledBy") else None,
    )


def _queued(frame: Headers, now: datetime) -> Signal:
    return CallerQueued(**_channel(frame, now), queue=QueueId(_match(frame, "Queue", _SLUG)))


def _fell_back(frame: Headers, now: datetime) -> Signal:
    queue = frame.get("Queue", "")
    # The fact counts more than the queue's name.
    return CallerFellBack(**_channel(frame, now), queue=QueueId(queue) if _SLUG.match(queue) else None)


def _placed(place: Place) -> Callable[[Headers, datetime], Signal]:
    def build(frame: Headers, now: datetime) -> Signal:
        outside = parse_called(_match(frame, "Outside", _OUTSIDE)) if frame.get("Outside") else None
        return LegPlaced(**_channel(frame, now), place=place, outside=outside)

    return build


def _pressed(frame: Headers, now: datetime) -> Signal:
    return CallerPressed(**_channel(frame, now), key=_match(frame, "Key", _KEYS))


def _voicemail(frame: Headers, now: datetime) -> Signal:
    return VoicemailBegan(**_channel(frame, now))


def _offer_dialled(frame: Headers, now: datetime) -> Signal:
    return OfferDialled(
        **_channel(frame, now),
        offer_id=OfferId(_match(frame, "Offer", _OFFER)),
        status=frame.get("Status", "").strip().upper()[:32],
        cause=_cause(frame, "Cause"),
    )


def _offer_stale(frame: Headers, now: datetime) -> Signal:
    return OfferStale(**_channel(frame, now), offer_id=OfferId(_match(frame, "Offer", _OFFER)))


def _recording(frame: Headers, now: datetime) -> Signal:
    return RecordingBegan(**_channel(frame, now), file=_match(frame, "File", _FILE))


def _not_recorded(frame: Headers, now: datetime) -> Signal:
    return RecordingRefused(**_channel(frame, now), reason=_match(frame, "Reason", re.compile(r"[a-z][a-z_]{0,62}\Z")))


def _muted(frame: Headers, now: datetime) -> Signal:
    # One direction alone would leave the other in the file; the server asks for both.
    if frame.get("Direction", "").lower() != "both":
        raise _Unusable("one_direction")
    return ChannelMuted(**_channel(frame, now), muted=_match(frame, "State", _STATE) in _TRUE)


def _callback(frame: Headers, now: datetime) -> Signal:
    effect_id, status = _match(frame, "Effect", _OFFER), _need(frame, "Status").strip().upper()[:32]
    return CallbackReported(**_channel(frame, now), effect_id=effect_id, status=status)


def _agent_leg(frame: Headers) -> dict[str, Any]:
    return {
        "agent_channel": ChannelName(_need(frame, "DestChannel")),
        "agent_uniqueid": UniqueId(_need(frame, "DestUniqueid")),
    }


def _dial_began(frame: Headers, now: datetime) -> Signal:
    return DialBegan(**_channel(frame, now), **_agent_leg(frame))


def _dial_ended(frame: Headers, now: datetime) -> Signal:
    status = _need(frame, "DialStatus").strip().upper()[:32]
    return DialEnded(**_channel(frame, now), **_agent_leg(frame), status=status)


def _bridge_entered(frame: Headers, now: datetime) -> Signal:
    return BridgeEntered(**_channel(frame, now), bridge=_need(frame, "BridgeUniqueid"))


def _bridge_left(frame: Headers, now: datetime) -> Signal:
    return BridgeLeft(**_channel(frame, now), bridge=_need(frame, "BridgeUniqueid"))


def _hold(frame: Headers, now: datetime) -> Signal:
    return HoldBegan(**_channel(frame, now))


def _unhold(frame: Headers, now: datetime) -> Signal:
    return HoldEnded(**_channel(frame, now))


def _blind(frame: Headers, now: datetime) -> Signal:
    if frame.get("Result", "") != "Success":
        raise _Unusable("not_done")
    return Transferred(**_channel(frame, now, "Transferee"), kind="blind", to=_need(frame, "Extension"))


def _attended(frame: Headers, now: datetime) -> Signal:
    if frame.get("Result", "") != "Success":
        raise _Unusable("not_done")
    to = next((frame[k] for k in ("TransferTargetChannel", "DestTransferTargetChannel", "DestApp") if frame.get(k)), "")
    prefix = "Transferee" if frame.get("TransfereeChannel") else "OrigTransferer"
    return Transferred(**_channel(frame, now, prefix), kind="attended", to=to[:MAX_TEXT])


def _hangup_request(frame: Headers, now: datetime) -> Signal:
    return HangupRequested(**_channel(frame, now))


def _hangup(frame: Headers, now: datetime) -> Signal:
    return ChannelHungUp(**_channel(frame, now), cause=_cause(frame, "Cause"), cause_text=_text(frame, "Cause-txt"))


def _device(frame: Headers, now: datetime) -> Signal:
    technology, slash, endpoint = _need(frame, "Device").partition("/")
    if technology.upper() != "PJSIP" or not slash or not endpoint:
        raise _Unusable("not_a_phone")
    state = phone_state(_need(frame, "State"))
    if state is None:
        raise _Unusable("bad_state")
    return DeviceChanged(at=instant(frame.get("Timestamp", ""), now), endpoint=endpoint, state=state)


_EVENTS: Mapping[str, Callable[[Headers, datetime], Signal]] = {
    "DialBegin": _dial_began,
    "DialEnd": _dial_ended,
    "BridgeEnter": _bridge_entered,
    "BridgeLeave": _bridge_left,
    "Hold": _hold,
    "Unhold": _unhold,
    "BlindTransfer": _blind,
    "AttendedTransfer": _attended,
    "HangupRequest": _hangup_request,
    "Hangup": _hangup,
    "DeviceStateChange": _device,
    "MixMonitorMute": _muted,
}

_USER_EVENTS: Mapping[str, Callable[[Headers, datetime], Signal]] = {
    "CtiArrived": _arrived,
    "CtiQueued": _queued,
    "CtiFallback": _fell_back,
    "CtiKey": _pressed,
    "CtiVoicemail": _voicemail,
    "CtiOfferEnded": _offer_dialled,
    "CtiOfferStale": _offer_stale,
    "CtiRecording": _recording,
    "CtiCallback": _callback,
    "CtiHeld": _placed(Place.HOLD),
    "CtiParked": _placed(Place.PARKED),
    "CtiConsult": _placed(Place.DIALS),
    "CtiConsultEnded": _placed(Place.PARKED),
    "CtiTarget": _placed(Place.WAITS),
    "CtiNotRecorded": _not_recorded,
}

# What the client has to parse; everything else is dropped by name. manager.conf's eventfilter lists the same.
WANTED: frozenset[str] = frozenset({*_EVENTS, "UserEvent"})
