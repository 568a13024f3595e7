"""A snapshot of Asterisk as ordinary signals, pure. Start, reconnect and each minute's audit use the same function.

A snapshot may be ahead of events that are still on their way, never behind them: Asterisk writes the answer of an
action before the events that happened meanwhile. So every signal made here may be told again, and changes nothing
the second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cti.ami.translate import call_id_of, variables
from cti.domain.callbacks import may_have_dialled
from cti.domain.callend import ANSWERED
from cti.domain.consult import Place
from cti.domain.model import AgentId, CallId, CallState, ChannelName, Pause, QueueId, TenantId, UniqueId
from cti.domain.pause import ASKED, from_mark
from cti.domain.phone import parse_called
from cti.domain.signals import (
    BridgeEntered,
    CallbackReported,
    CallerArrived,
    CallerFellBack,
    CallerQueued,
    DialBegan,
    DialEnded,
    LegPlaced,
    PauseBegan,
    Signal,
    Transferred,
    TreatmentSeen,
)

# ast_channel_state 6: Up (include/asterisk/channelstate.h)
_UP = "6"
_MAX_AGE_S = 7 * 24 * 3600  # a channel older than a week is a broken header


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenChannel:
    """One channel of a snapshot."""

    channel: ChannelName
    uniqueid: UniqueId
    call_id: CallId | None
    context: str
    bridge: str  # "" when in none
    up: bool
    age_s: float
    caller_number: str
    caller_name: str
    own: Mapping[str, str]  # the channel's variables; those it does not have are absent

    @property
    def is_caller(self) -> bool:
        """The caller's own channel: CTI_NUMBER is not inherited by legs."""
        return self.call_id is not None and bool(self.own.get("CTI_NUMBER")) and bool(self.own.get("CTI_TENANT"))


def read(items: Iterable[Mapping[str, str]]) -> tuple[SeenChannel, ...]:
    """The items of a Status answer. An item without a channel is left out."""
    found = (_channel(item) for item in items if item.get("Event") == "Status")
    return tuple(channel for channel in found if channel is not None)


def _channel(item: Mapping[str, str]) -> SeenChannel | None:
    if not item.get("Channel") or not item.get("Uniqueid"):
        return None
    own = {}
    for line in item.get("Variable", "").split("\n"):
        name, equals, value = line.partition("=")
        if equals and value != "(null)":  # how Status says that there is no such variable
            own[name] = value
    seconds = item.get("Seconds", "")
    age_s = float(seconds) if seconds.isdecimal() and len(seconds) < 8 else 0.0
    return SeenChannel(
        channel=ChannelName(item["Channel"]),
        uniqueid=UniqueId(item["Uniqueid"]),
        call_id=call_id_of(own.get("CTI_CALL_ID") or variables(item).get("CTI_CALL_ID", "")),
        context=item.get("Context", ""),
        bridge=item.get("BridgeID", ""),
        up=item.get("ChannelState") == _UP,
        age_s=min(age_s, _MAX_AGE_S),
        caller_number=_said(item.get("CallerIDNum", "")),
        caller_name=_said(item.get("CallerIDName", "")),
        own=own,
    )


def _said(value: str) -> str:
    return "" if value == "<unknown>" else value.replace("\n", " ")[:300]


def signals(
    channels: Iterable[SeenChannel], known: Mapping[CallId, CallState], now: datetime, *, after_gap: bool
) -> list[Signal]:
    """What the snapshot tells that the desk does not know.

    ``known`` is the state of each live call as the desk has it. ``after_gap`` says that events were missed (start,
    reconnect, overflow): then known calls are moved too, and not only unknown ones begun.
    """
    channels = tuple(channels)
    found: list[Signal] = []
    for caller in channels:
        if not caller.is_caller or caller.call_id is None:
            continue
        state = known.get(caller.call_id)
        if state is None:
            found.append(_arrived(caller, now))
        if state is None or after_gap:
            found.extend(_paused(caller, now))
            legs = [c for c in channels if c.call_id == caller.call_id and not c.is_caller]
            found.extend(_moved(caller, legs, state, now))
    return found


def in_fallback(channels: Iterable[SeenChannel]) -> tuple[ChannelName, ...]:
    """All callers in Asterisk's own queue."""
    return tuple(c.channel for c in channels if c.is_caller and c.context == "cti-fallback")


def left_waiting(channels: Iterable[SeenChannel]) -> tuple[ChannelName, ...]:
    """Callers in Asterisk's own queue for whom nobody rings and who talk with nobody: they may be fetched back."""
    channels = tuple(channels)
    engaged = {c.call_id for c in channels if not c.is_caller}
    return tuple(
        c.channel
        for c in channels
        if c.is_caller and c.context == "cti-fallback" and not c.bridge and c.call_id not in engaged
    )


def uniqueids(channels: Iterable[SeenChannel]) -> frozenset[UniqueId]:
    """Every channel there is."""
    return frozenset(channel.uniqueid for channel in channels)


def _instant(caller: SeenChannel, variable: str, now: datetime) -> datetime | None:
    """The epoch seconds that a variable holds, unless they cannot be."""
    text = caller.own.get(variable, "")
    if text.isdecimal() and len(text) <= 10:
        said = datetime.fromtimestamp(int(text), UTC)
        if now - timedelta(seconds=_MAX_AGE_S) < said <= now:
            return said
    return None


def _arrived(caller: SeenChannel, now: datetime) -> Signal:
    return CallerArrived(
        at=_instant(caller, "CTI_T0", now) or now - timedelta(seconds=caller.age_s),
        channel=caller.channel,
        uniqueid=caller.uniqueid,
        call_id=caller.call_id,
        tenant=TenantId(caller.own["CTI_TENANT"]),
        number_called=caller.own["CTI_NUMBER"],
        caller_number=caller.caller_number,
        caller_name=caller.caller_name,
        callback=caller.own.get("CTI_CB_ID") or None,
        dialled_by=AgentId(caller.own["CTI_CB_BY"]) if caller.own.get("CTI_CB_BY") else None,
    )


def _paused(caller: SeenChannel, now: datetime) -> Iterable[Signal]:
    """What of this call's recording is not kept now, as the channel remembers it."""
    try:
        pauses = from_mark(caller.own.get("CTI_PAUSED", ""))
    except ValueError:  # no mark of ours: rather nothing is kept than something that must not be
        pauses = (Pause(began_at=now, why=ASKED),)
    for pause in pauses:
        if caller.call_id is not None:
            at = min(pause.began_at, now)
            yield PauseBegan(at=at, call_id=caller.call_id, why=pause.why, by="", until=pause.until)


def _moved(caller: SeenChannel, legs: list[SeenChannel], state: CallState | None, now: datetime) -> Iterable[Signal]:
    base: dict[str, Any] = {
        "at": now,
        "channel": caller.channel,
        "uniqueid": caller.uniqueid,
        "call_id": caller.call_id,
    }
    talking = [leg for leg in legs if caller.bridge and leg.bridge == caller.bridge]
    if reached := caller.own.get("CTI_REACHED"):
        yield CallbackReported(**base, effect_id=reached, status=ANSWERED)
    # A phone did it, perhaps while nobody of ours listened. What the record has already is told in vain.
    if (to := caller.own.get("CTI_PASSED_TO")) and (passed_at := _instant(caller, "CTI_PASSED_AT", now)):
        by = ChannelName(caller.own.get("CTI_PASSED_BY", ""))
        yield Transferred(**{**base, "at": passed_at}, kind="blind", to=to, by=by)
    if caller.context in _TREATED:  # else it would be offered, and taken out of the words by which it ends
        yield TreatmentSeen(**base, treatment=_TREATED[caller.context])
        return
    if caller.context == "cti-pass-out":
        yield from _passed_outside(caller, legs, now)
    if any(channel.context in _CONSULT for channel in (caller, *legs)):
        yield from _consulting(caller, legs, now)
        legs = talking
    # First of all, so that nobody is offered a call for which app_queue rings somebody else.
    yield from _fell_back(caller, bool(talking), state, base, now)
    for leg in legs:
        # Not bridged and up: consulting or on the way; its own events tell.
        if leg in talking or not leg.up:
            begun = now - timedelta(seconds=leg.age_s)
            yield DialBegan(**{**base, "at": begun}, agent_channel=leg.channel, agent_uniqueid=leg.uniqueid)
            if leg in talking:
                yield DialEnded(
                    **{**base, "at": begun},
                    agent_channel=leg.channel,
                    agent_uniqueid=leg.uniqueid,
                    status="ANSWER",
                )
    if legs:
        return
    # Told also while an offer is live: the desk keeps it until the offer is over.
    if caller.context == "cti-wait":
        queue = caller.own.get("CTI_QUEUE", "")
        if queue:
            yield CallerQueued(**base, queue=QueueId(queue))


# Contexts that end a call, and what that is called in its record when nobody remembers more.
_TREATED = {"cti-treat": "treated", "cti-voicemail": "voicemail"}
# Where a leg waits, by its context (docs/transfers.md).
_PLACES = {
    "cti-hold": Place.HOLD,
    "cti-parked": Place.PARKED,
    "cti-return": Place.PARKED,
    "cti-pass-out": Place.HOLD,
    "cti-passing": Place.PARKED,
    "cti-consult": Place.DIALS,
    "cti-ask-out": Place.DIALS,
    "cti-target": Place.WAITS,
}
# Contexts in which only the agent who has the caller is.
_AGENTS = frozenset({"cti-parked", "cti-passing", "cti-return", "cti-consult", "cti-ask-out", "cti-again"})
_CONSULT = frozenset({*_PLACES, "cti-talk", "cti-join", "cti-again", "cti-third"})


def _consulting(caller: SeenChannel, legs: list[SeenChannel], now: datetime) -> Iterable[Signal]:
    """Who is who, and where, in a hold, consultation or conference. The records may be older than what goes on."""
    agent = next((leg for leg in legs if leg.context in _AGENTS), None)
    if agent is not None:
        yield from _rang(caller, agent, now)
        for leg in legs:
            with_agent = agent.bridge and leg.bridge == agent.bridge != caller.bridge
            if leg is not agent and (with_agent or leg.context == "cti-target" or not leg.up):
                yield from _rang(agent, leg, now)
    for channel in (caller, *legs):
        if channel.bridge:
            yield BridgeEntered(**_base(channel, now), bridge=channel.bridge)
        elif channel.up and channel.context in _PLACES:
            yield LegPlaced(**_base(channel, now), place=_PLACES[channel.context])


def _passed_outside(caller: SeenChannel, legs: list[SeenChannel], now: datetime) -> Iterable[Signal]:
    """The caller's own channel rings somebody outside, or has: the server that asked for it may not have kept it."""
    number = caller.own.get("CTI_OUT_TO", "")
    if not (number.isdecimal() and number.isascii() and may_have_dialled(number)):
        return
    by = ChannelName(caller.own["CTI_OUT_BY"]) if caller.own.get("CTI_OUT_BY") else None
    yield LegPlaced(**_base(caller, now), place=Place.HOLD, outside=parse_called(number), by=by)
    for leg in sorted(legs, key=lambda leg: leg.context not in _AGENTS):  # whose caller it was comes first
        yield from _rang(caller, leg, now)


def _rang(by: SeenChannel, leg: SeenChannel, now: datetime) -> Iterable[Signal]:
    """``by`` has dialled ``leg``, which answered if it is up."""
    began = {
        **_base(by, now - timedelta(seconds=leg.age_s)),
        "agent_channel": leg.channel,
        "agent_uniqueid": leg.uniqueid,
    }
    yield DialBegan(**began)
    if leg.up:
        yield DialEnded(**began, status="ANSWER")


def _base(channel: SeenChannel, at: datetime) -> dict[str, Any]:
    return {"at": at, "channel": channel.channel, "uniqueid": channel.uniqueid, "call_id": channel.call_id}


def _fell_back(
    caller: SeenChannel, talks: bool, state: CallState | None, base: Mapping[str, Any], now: datetime
) -> Iterable[Signal]:
    """The caller is in Asterisk's own queue, or was meanwhile: the dialplan leaves word (docs/dialplan.md).

    Not when the desk knows the talk that goes on: then it knows how it began.
    """
    there = caller.context == "cti-fallback"
    talked = state in (CallState.TALKING, CallState.HELD)
    if state is CallState.FALLBACK or (talked and (talks or not there)):
        return
    at = _instant(caller, "CTI_FALLBACK_T0", now)
    if there or at is not None:
        queue = caller.own.get("CTI_QUEUE")
        yield CallerFellBack(**{**base, "at": at or now}, queue=QueueId(queue) if queue else None)
