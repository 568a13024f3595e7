"""A live call as its state machine sees it: the public record, and what only the machine needs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from cti.domain import callend
from cti.domain import events as ev
from cti.domain.copies import changed as replace
from cti.domain.copies import made
from cti.domain.errors import IllegalMove
from cti.domain.model import (
    AgentId,
    Call,
    CallerNumber,
    CallState,
    ChannelName,
    ConsultResult,
    EndedBy,
    EndReason,
    Hold,
    Offer,
    OfferId,
    OfferOutcome,
    QueueId,
    TalkSegment,
    TransferResult,
    UniqueId,
)
from cti.domain.signals import CallerArrived

EMPTY: Mapping[UniqueId, str] = MappingProxyType({})


class Move(StrEnum):
    """What a signal means for one call."""

    MENU = "menu"  # the dialogue started
    MENU_OVER = "menu_over"  # the dialogue ended, or told what it had learned
    QUEUE = "queue"  # the caller entered the waiting loop
    OFFER = "offer"  # routing chose an agent
    RING = "ring"  # the chosen agent's phone rings
    RING_OTHER = "ring_other"  # another phone rings: fallback queue, a phone's transfer, after a gap
    OFFER_OVER = "offer_over"  # the live offer ended without an answer
    LEG_OVER = "leg_over"  # another phone stopped ringing
    ANSWER = "answer"  # somebody answered
    AGENT_LEFT = "agent_left"  # an answered leg ended
    HOLD = "hold"
    UNHOLD = "unhold"
    TRANSFER = "transfer"  # a phone passed the caller on
    FALL_BACK = "fall_back"  # the dialplan gave up on us
    KEY = "key"  # the waiting caller pressed a key
    TREAT = "treat"  # routing gives the call a treatment instead of an agent
    RECORD = "record"  # a recording file began
    NOTE = "note"  # something to remember, no state depends on it
    END = "end"  # the caller's channel is gone
    VANISH = "vanish"  # the caller's channel is gone, and nobody saw it go


# No slots: copied with its call's signals, see cti.domain.copies.
@dataclass(frozen=True, kw_only=True)
class Leg:
    """One phone that is or was asked to ring for a call."""

    channel: ChannelName
    uniqueid: UniqueId
    agent: AgentId | None  # None: no agent of ours
    offer_id: OfferId | None  # None: rung without an offer (fallback queue, transfer)
    began_at: datetime  # Asterisk's DialBegin
    status: str | None = None  # DialEnd's status; None: not seen yet
    answered: bool = False
    told: bool = True  # False: answered before our start, the answer is to be told again when a snapshot shows it


# No slots: copied with each signal, see cti.domain.copies.
@dataclass(frozen=True, kw_only=True)
class Track:
    """A call and what only its state machine needs to know."""

    call: Call
    last_at: datetime  # latest instant of this call; none goes back behind it
    legs: tuple[Leg, ...] = ()  # those whose channel still exists
    offers: tuple[Offer, ...] = ()  # the live ones: of one ring, at most one an agent
    waiting: bool = False  # CallQueued was told, and no offer was made since
    returned_to: QueueId | None = None  # back in this queue while an offer is not over yet
    treatment: str | None = None  # decided by routing
    menu_done: bool = False  # the dialogue ran to its end
    caller_hung_up: bool = False  # the caller's far end hung up
    agent_hung_up: bool = False  # the far end of the latest answered leg hung up
    second: Leg | None = None  # the colleague of the consultation that goes on
    outside: str | None = None  # E.164 of whom outside a leg is about to ring
    outside_by: AgentId | None = None  # whose caller that was, where the record may not know it (a snapshot)
    outside_hung_up: bool = False  # who ended the talk last was somebody outside
    places: Mapping[UniqueId, str] = field(
        default_factory=lambda: EMPTY
    )  # of the caller and the legs: a consult.Place, or a bridge's id

    def leg(self, uniqueid: UniqueId) -> Leg | None:
        """The leg with this Uniqueid."""
        for leg in self.legs:
            if leg.uniqueid == uniqueid:
                return leg
        return None

    @property
    def first(self) -> Leg | None:
        """The agent who has the caller: the latest who answered, the colleague of a consultation aside."""
        apart = self.second.uniqueid if self.second else None
        for leg in reversed(self.legs):
            if leg.answered and leg.uniqueid != apart:
                return leg
        return None


Step = tuple[Track, tuple[ev.Event, ...]]


def begin(signal: CallerArrived, caller: CallerNumber, number_called: str) -> Step:
    """A new call."""
    if signal.call_id is None:
        raise IllegalMove("CallerArrived", "none", "without an identity")
    fields = {
        "call_id": signal.call_id,
        "tenant": signal.tenant,
        "state": CallState.ARRIVED,
        "channel": signal.channel,
        "uniqueid": signal.uniqueid,
        "number_called": number_called,
        "caller": caller,
        "arrived_at": signal.at,
        "extra": _made_by(signal),
    }
    track = made(Track, {"call": made(Call, fields), "last_at": signal.at, "places": EMPTY})
    return track, (fact(ev.CallArrived, track, signal.at),)


def _made_by(signal: CallerArrived) -> dict[str, str]:
    """Which call of ours it is, if it is one."""
    said = {callend.CALLBACK: signal.callback, callend.OUTBOUND: signal.dialled_by}
    return {key: value for key, value in said.items() if value}


def update(track: Track, **changes: Any) -> Track:
    """The track with these fields of its call changed."""
    return replace(track, call=replace(track.call, **changes))


def fact(event: type[ev.CallEvent], track: Track, at: datetime, /, **fields: Any) -> ev.CallEvent:
    """A fact about the call as it is in ``track``."""
    call = track.call
    return made(event, {"at": at, "tenant": call.tenant, "call": call, **fields})


def with_leg(track: Track, leg: Leg) -> Track:
    """The track with this leg, instead of the one of the same Uniqueid."""
    others = [known for known in track.legs if known.uniqueid != leg.uniqueid]
    return replace(track, legs=(*others, leg))


def without_leg(track: Track, uniqueid: UniqueId) -> Track:
    """The track without this leg."""
    return replace(track, legs=tuple(leg for leg in track.legs if leg.uniqueid != uniqueid))


def change_offer(track: Track, offer_id: OfferId, **changes: Any) -> Track:
    """The track with this offer's record changed."""
    offers = tuple(replace(o, **changes) if o.offer_id == offer_id else o for o in track.call.offers)
    return update(track, offers=offers)


def end_offer(track: Track, offer: Offer, outcome: OfferOutcome, at: datetime) -> Step:
    """End one of the live offers."""
    offers = tuple(other for other in track.offers if other is not offer)
    track = change_offer(replace(track, offers=offers), offer.offer_id, ended_at=at, outcome=outcome)
    return track, (fact(ev.OfferEnded, track, at, offer_id=offer.offer_id, agent=offer.agent, outcome=outcome),)


def withdraw_offers(track: Track, at: datetime) -> Step:
    """End the live offers, if there are any: it was nobody's doing."""
    facts: tuple[ev.Event, ...] = ()
    for offer in track.offers:
        track, ended = end_offer(track, offer, OfferOutcome.WITHDRAWN, at)
        facts += ended
    return track, facts


def open_hold(track: Track, at: datetime) -> Step:
    """The caller hears music from now on."""
    track = update(track, held_since=at, holds=(*track.call.holds, Hold(began_at=at)))
    return track, (fact(ev.CallHeld, track, at),)


def close_hold(track: Track, at: datetime) -> Step:
    """End the hold, if there is one, and count its time."""
    since = track.call.held_since
    if since is None:
        return track, ()
    held_s = track.call.held_s + (at - since).total_seconds()
    holds = tuple(replace(hold, ended_at=at) if hold.ended_at is None else hold for hold in track.call.holds)
    track = update(track, held_since=None, held_s=held_s, holds=holds)
    return track, (fact(ev.CallResumed, track, at),)


def connect(track: Track, leg: Leg, at: datetime, **changes: Any) -> Step:
    """``leg`` and the caller hear each other from now on. ``changes``: of the call's other fields."""
    others = [known for known in track.legs if known.uniqueid != leg.uniqueid]
    legs = (*others, replace(leg, status="ANSWER", answered=True))
    before = track.call
    changes["answered_at"] = before.answered_at or at
    if callend.LOST_BY in before.extra:
        changes["extra"] = {key: said for key, said in before.extra.items() if key != callend.LOST_BY}
    if leg.agent is None:
        return replace(track, legs=legs, call=replace(before, **changes)), ()
    fields = {
        "agent": leg.agent,
        "offer_id": leg.offer_id,
        "agent_channel": leg.channel,
        "agent_uniqueid": leg.uniqueid,
        "answered_at": at,
    }
    talk = made(TalkSegment, fields)
    track = replace(track, legs=legs, call=replace(before, talks=(*before.talks, talk), **changes))
    return track, (fact(ev.CallAnswered, track, at, agent=leg.agent, offer_id=leg.offer_id),)


def end_consultation(track: Track, result: ConsultResult, at: datetime) -> Step:
    """The colleague of the consultation is a colleague no more."""
    second = track.second
    if second is None:
        return track, ()
    consultations = tuple(
        replace(c, ended_at=at, result=result) if c.ended_at is None else c for c in track.call.consultations
    )
    track = replace(update(track, consultations=consultations), second=None)
    changed = fact(ev.CallPhaseChanged, track, at)
    if second.agent is None:
        return track, (changed,)
    return track, (fact(ev.ConsultEnded, track, at, agent=second.agent, result=result), changed)


def settle_transfer(track: Track, result: TransferResult, at: datetime) -> Track:
    """What became of the transfer that was under way, if one was."""
    transfers = track.call.transfers
    if not transfers or transfers[-1].result is not None:
        return track
    return update(track, transfers=(*transfers[:-1], replace(transfers[-1], ended_at=at, result=result)))


def leave_talk(track: Track, at: datetime) -> Step:
    """No agent has the caller any more: they wait again, or another phone is being rung."""
    track, facts = close_hold(track, at)
    track, ended = end_consultation(track, ConsultResult.GONE_ON, at)
    if track.outside is not None:
        track = replace(track, outside=None)
    if track.call.phase is not None:
        track = replace(update(track, phase=None), places=EMPTY)
    return track, (*facts, *ended)


def agent_gone(track: Track, leg: Leg, at: datetime, ended_at: datetime | None = None) -> Step:
    """An answered leg's channel is gone: its agent is free. ``ended_at``: since when, where that was told late."""
    track, facts = close_hold(track, at)
    legs = tuple([known for known in track.legs if known.uniqueid != leg.uniqueid])
    call = track.call
    talks = [
        replace(t, ended_at=min(at, max(ended_at or at, t.answered_at)))
        if t.agent_uniqueid == leg.uniqueid and t.ended_at is None
        else t
        for t in call.talks
    ]
    track = replace(track, legs=legs, call=replace(call, talks=tuple(talks)))
    if leg.agent is None:
        return track, facts
    fields = {"at": at, "tenant": call.tenant, "agent": leg.agent, "call_id": call.call_id}
    return track, (*facts, made(ev.AgentFreed, fields))


def close(track: Track, was: CallState, at: datetime, *, cause: int | None) -> Step:
    """The caller is gone. ``was`` is the state before; ``cause`` the Q.850 cause, None when nobody saw it."""
    track, facts = close_hold(track, at)
    track, asked = end_consultation(track, ConsultResult.CALLER_LEFT, at)
    track = settle_transfer(track, TransferResult.CALLER_LEFT, at)
    track, ended = withdraw_offers(track, at)
    freed: list[ev.Event] = []
    for leg in track.legs:
        if leg.answered:
            track, more = agent_gone(track, leg, at)
            freed.extend(more)
    call = track.call
    answered = call.answered_at is not None
    if cause is None:
        by = EndedBy.UNKNOWN
        reason = EndReason.COMPLETED if answered else EndReason.FAILED
    else:
        by = callend.ended_by(
            caller_hung_up=track.caller_hung_up,
            agent_hung_up=track.agent_hung_up,
            outside_hung_up=track.outside_hung_up,
        )
        reason = callend.end_reason(
            was, by, answered=answered, treated=track.treatment is not None, menu_done=track.menu_done
        )
    reason = callend.of_callback(call.extra, reason)
    call = replace(
        call, phase=None, ended_at=at, ended_by=by, end_reason=reason, hangup_cause=callend.cause_of(cause),
        inferred=cause is None,
    )  # fmt: skip
    track = replace(track, call=call, legs=())
    return track, (*facts, *asked, *ended, *freed, fact(ev.CallEnded, track, at))
