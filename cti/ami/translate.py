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

from cti.ami import forms
from cti.ami.forms import MAX_TEXT, Unusable, cause_of, match, need, words
from cti.ami.frames import EventHeaders
from cti.ami.legsound import figures_of
from cti.domain.consult import Place
from cti.domain.copies import made
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
from cti.domain.soundsignals import LegSounded

_from_epoch = datetime.fromtimestamp  # looked up once: each event has its time
# The days of a timedelta: within a day of each other. Two clocks that differ by more are set wrong, and ours is the one
# the records are kept by.
_SAME_TIME = (-1, 0)
# Ten digits of epoch seconds (until 2286), a point and microseconds; more digits are cut, not rounded.
_STAMP_LENGTH = 17
# A call tells its identity some fifteen times: room for those that are live at the same time.
_IDENTITIES_KEPT = 4096

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_SLUG = re.compile(rf"{forms.SLUG}\Z")
_OFFER = re.compile(rf"{forms.OFFER}\Z")
_OUTSIDE = re.compile(r"0[0-9]{8,10}\Z")
_KEYS = re.compile(r"[0-9*#A-D]\Z")
_FILE = re.compile(rf"{forms.FILE}\Z")
_REASON = re.compile(r"[a-z][a-z_]{0,62}\Z")
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


def translate(frame: Headers, now: datetime) -> Signal | Skipped:
    """One event as a signal. ``now`` (aware UTC) stands in where Asterisk sent no Timestamp (``timestampevents``)."""
    name = frame.event if isinstance(frame, EventHeaders) else frame.get("Event", "")
    if name == "UserEvent":
        name = (frame.last("UserEvent") if isinstance(frame, EventHeaders) else frame.get("UserEvent")) or ""
        build = _USER_EVENTS.get(name)
    else:
        build = _EVENTS.get(name)
    if build is None:
        return Skipped(reason="no_signal")
    try:
        return build(frame, now)
    except Unusable as error:
        return Skipped(reason=f"{name}:{error.args[0]}")


def instant(text: str, now: datetime) -> datetime:
    """A Timestamp header ("1795300000.123456", epoch seconds) as aware UTC, or ``now`` for one that cannot be."""
    try:
        at = _from_epoch(float(text[:_STAMP_LENGTH]), UTC)
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


def _channel(frame: Headers, now: datetime) -> dict[str, Any]:
    """The fields of a ChannelSignal."""
    return _seen(forms.CHANNEL, frame, now) or _read(frame, now)


def _seen(form: re.Pattern[str], frame: Headers, now: datetime) -> dict[str, Any] | None:
    """The fields of an event that is written as ``form`` says; None for any other."""
    found = form.search(frame.text) if isinstance(frame, EventHeaders) else None
    if found is None:
        return None
    fields = found.groupdict()
    fields["call_id"] = _identity(fields["call_id"])
    fields["at"] = instant(fields["at"], now)
    return fields if fields["call_id"] is not None else None


def _read(frame: Headers, now: datetime, prefix: str = "") -> dict[str, Any]:
    """The fields of a ChannelSignal, header by header."""
    # channelvars names this variable alone, so that in nearly every event it is the whole header.
    name, _, value = frame.get(prefix + "ChanVariable", "").partition("=")
    if name != "CTI_CALL_ID" or "\n" in value:
        value = variables(frame, prefix).get("CTI_CALL_ID", "")
    call_id = call_id_of(value)
    if call_id is None and not prefix:
        call_id = call_id_of(frame.get("CallID", ""))
    return {
        "at": instant(frame.get("Timestamp", ""), now),
        "channel": need(frame, prefix + "Channel"),
        "uniqueid": need(frame, prefix + "Uniqueid"),
        "call_id": call_id,
    }


def _arrived(frame: Headers, now: datetime) -> Signal:
    fields = _seen(forms.ARRIVED, frame, now)
    if fields is None:
        fields = _read(frame, now)
        if fields["call_id"] is None:
            raise Unusable("no_call_id")
        fields["tenant"] = TenantId(match(frame, "Tenant", _SLUG))
        fields["number_called"] = frame.get("NumberCalled", "")
        fields["callback"] = match(frame, "Callback", _OFFER) if frame.get("Callback") else None
        fields["dialled_by"] = AgentId(match(frame, "DialledBy", _SLUG)) if frame.get("DialledBy") else None
    fields["number_called"] = words(fields["number_called"])
    fields["caller_number"] = words(frame.get("CallerIDNum", ""))
    fields["caller_name"] = words(frame.get("CallerIDName", ""))
    return made(CallerArrived, fields)


def _queued(frame: Headers, now: datetime) -> Signal:
    fields = _seen(forms.QUEUED, frame, now) or {**_read(frame, now), "queue": QueueId(match(frame, "Queue", _SLUG))}
    return made(CallerQueued, fields)


def _fell_back(frame: Headers, now: datetime) -> Signal:
    queue = frame.get("Queue", "")
    # The fact counts more than the queue's name.
    return CallerFellBack(**_channel(frame, now), queue=QueueId(queue) if _SLUG.match(queue) else None)


def _placed(place: Place) -> Callable[[Headers, datetime], Signal]:
    def build(frame: Headers, now: datetime) -> Signal:
        outside = parse_called(match(frame, "Outside", _OUTSIDE)) if frame.get("Outside") else None
        return LegPlaced(**_channel(frame, now), place=place, outside=outside)

    return build


def _pressed(frame: Headers, now: datetime) -> Signal:
    return CallerPressed(**_channel(frame, now), key=match(frame, "Key", _KEYS))


def _voicemail(frame: Headers, now: datetime) -> Signal:
    return VoicemailBegan(**_channel(frame, now))


def _offer_dialled(frame: Headers, now: datetime) -> Signal:
    fields = _seen(forms.DIALLED, frame, now) or {
        **_read(frame, now),
        "offer_id": OfferId(match(frame, "Offer", _OFFER)),
        "status": frame.get("Status", "").strip().upper()[:32],
        "cause": frame.get("Cause", ""),
    }
    fields["cause"] = cause_of(fields["cause"])
    return made(OfferDialled, fields)


def _offer_stale(frame: Headers, now: datetime) -> Signal:
    return OfferStale(**_channel(frame, now), offer_id=OfferId(match(frame, "Offer", _OFFER)))


def _recording(frame: Headers, now: datetime) -> Signal:
    fields = _seen(forms.RECORDED, frame, now) or {**_read(frame, now), "file": match(frame, "File", _FILE)}
    return made(RecordingBegan, fields)


def _not_recorded(frame: Headers, now: datetime) -> Signal:
    return RecordingRefused(**_channel(frame, now), reason=match(frame, "Reason", _REASON))


def _callback(frame: Headers, now: datetime) -> Signal:
    effect_id, status = match(frame, "Effect", _OFFER), need(frame, "Status").strip().upper()[:32]
    return CallbackReported(**_channel(frame, now), effect_id=effect_id, status=status)


def _muted(frame: Headers, now: datetime) -> Signal:
    # One direction alone would leave the other in the file; the server asks for both.
    if frame.get("Direction", "").lower() != "both":
        raise Unusable("one_direction")
    return ChannelMuted(**_channel(frame, now), muted=match(frame, "State", _STATE) in _TRUE)


def _sounded(frame: Headers, now: datetime) -> Signal:
    fields = _seen(forms.SOUNDED, frame, now) or {
        **_read(frame, now),
        "rtp": frame.get("Rtp", ""),
    }
    fields["figures"] = figures_of(fields.pop("rtp"))
    if fields["figures"] is None:
        raise Unusable("no_figures")
    return made(LegSounded, fields)


def _dials(frame: Headers, now: datetime) -> dict[str, Any]:
    """The fields of DialBegan."""
    return _seen(forms.DIALS, frame, now) or {
        **_read(frame, now),
        "agent_channel": ChannelName(need(frame, "DestChannel")),
        "agent_uniqueid": UniqueId(need(frame, "DestUniqueid")),
    }


def _dial_began(frame: Headers, now: datetime) -> Signal:
    return made(DialBegan, _dials(frame, now))


def _dial_ended(frame: Headers, now: datetime) -> Signal:
    fields = _dials(frame, now)
    fields["status"] = need(frame, "DialStatus").strip().upper()[:32]
    return made(DialEnded, fields)


def _bridged(frame: Headers, now: datetime) -> dict[str, Any]:
    """The fields of BridgeEntered and BridgeLeft."""
    return _seen(forms.BRIDGED, frame, now) or {**_read(frame, now), "bridge": need(frame, "BridgeUniqueid")}


def _bridge_entered(frame: Headers, now: datetime) -> Signal:
    return made(BridgeEntered, _bridged(frame, now))


def _bridge_left(frame: Headers, now: datetime) -> Signal:
    return made(BridgeLeft, _bridged(frame, now))


def _hold(frame: Headers, now: datetime) -> Signal:
    return HoldBegan(**_channel(frame, now))


def _unhold(frame: Headers, now: datetime) -> Signal:
    return HoldEnded(**_channel(frame, now))


def _blind(frame: Headers, now: datetime) -> Signal:
    if frame.get("Result", "") != "Success":
        raise Unusable("not_done")
    return Transferred(**_read(frame, now, "Transferee"), kind="blind", to=need(frame, "Extension"))


def _attended(frame: Headers, now: datetime) -> Signal:
    if frame.get("Result", "") != "Success":
        raise Unusable("not_done")
    to = next((frame[k] for k in ("TransferTargetChannel", "DestTransferTargetChannel", "DestApp") if frame.get(k)), "")
    prefix = "Transferee" if frame.get("TransfereeChannel") else "OrigTransferer"
    return Transferred(**_read(frame, now, prefix), kind="attended", to=to[:MAX_TEXT])


def _hangup_request(frame: Headers, now: datetime) -> Signal:
    return made(HangupRequested, _channel(frame, now))


def _hangup(frame: Headers, now: datetime) -> Signal:
    fields = _seen(forms.HANGUP, frame, now) or {
        **_read(frame, now), "cause": frame.get("Cause", ""), "cause_text": frame.get("Cause-txt", ""),
    }  # fmt: skip
    fields["cause"] = cause_of(fields["cause"])
    fields["cause_text"] = words(fields["cause_text"])
    fields["requested"] = False
    return made(ChannelHungUp, fields)


def _device(frame: Headers, now: datetime) -> Signal:
    found = forms.PHONE.search(frame.text) if isinstance(frame, EventHeaders) else None
    if found is not None:
        stamp, device, said = found.groups()
    else:
        stamp, device, said = frame.get("Timestamp", ""), need(frame, "Device"), need(frame, "State")
    technology, slash, endpoint = device.partition("/")
    if technology.upper() != "PJSIP" or not slash or not endpoint:
        raise Unusable("not_a_phone")
    state = phone_state(said)
    if state is None:
        raise Unusable("bad_state")
    return made(DeviceChanged, {"at": instant(stamp, now), "endpoint": endpoint, "state": state})


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
    "CtiSound": _sounded,
}

# What the client has to parse; everything else is dropped by name. manager.conf's eventfilter lists the same.
WANTED: frozenset[str] = frozenset({*_EVENTS, "UserEvent"})
