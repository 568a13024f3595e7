"""The state machine of a call, pure: ``advance(track, signal, agent) -> (track, events)``.

A signal says what Asterisk, the menu or routing did; what it means for this call (whose channel was it? was the leg
ever answered?) is its Move. ``calltable.TABLE`` is every move a state allows; anything else raises IllegalMove and
changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from cti.domain import callconsult, callhold, callkept, calloffer, callpause, callsound
from cti.domain import events as ev
from cti.domain.callend import LOST_BY, OUTBOUND, SOUND_STOPPED
from cti.domain.calltable import TABLE, move
from cti.domain.calltrack import (
    Leg,
    Move,
    Step,
    Track,
    agent_gone,
    change_offer,
    close,
    close_hold,
    connect,
    fact,
    leave_talk,
    open_hold,
    settle_transfer,
    update,
    with_leg,
    withdraw_offers,
    without_leg,
)
from cti.domain.consult import ON_HOLD
from cti.domain.copies import changed as replace
from cti.domain.copies import made
from cti.domain.errors import IllegalMove
from cti.domain.model import (
    AgentId,
    CallState,
    TalkPhase,
    TransferKind,
    TransferRecord,
    TransferResult,
)
from cti.domain.signals import (
    BridgeEntered,
    BridgeLeft,
    CallbackReported,
    CallerArrived,
    CallerFellBack,
    CallerPressed,
    CallerQueued,
    CallVanished,
    ChannelHungUp,
    ChannelMuted,
    DialBegan,
    DialEnded,
    HangupRequested,
    HoldBegan,
    HoldEnded,
    HoldTold,
    LegPlaced,
    MenuBegan,
    MenuEnded,
    OfferDecided,
    OfferDialled,
    OfferStale,
    OfferTakenBack,
    PauseBegan,
    PauseEnded,
    PauseProven,
    PlaceKept,
    RecordingBegan,
    RecordingRefused,
    Signal,
    TransferAsked,
    Transferred,
    TreatmentDecided,
    TreatmentSeen,
    VoicemailBegan,
)
from cti.domain.soundsignals import LegSounded, NumbersFellBack

__all__ = ["TABLE", "advance"]


def advance(track: Track, signal: Signal, agent: AgentId | None = None) -> Step:
    """What ``signal`` does to a call: the track after it, and the facts to publish, in order.

    ``agent`` is whose phone the signal's agent channel (or, for a recording, its channel) is; None when it is no
    agent's. Raises IllegalMove for what the state does not allow, and for a signal that is not about calls.
    """
    handler = _HANDLERS.get(type(signal))
    if handler is None:
        raise IllegalMove(type(signal).__name__, track.call.state.value, track.call.call_id)
    at, last_at = signal.at, track.last_at
    return handler(track, signal, agent, at if at > last_at else last_at)


def _menu_began(track: Track, _signal: MenuBegan, _agent: AgentId | None, at: datetime) -> Step:
    track = move(track, Move.MENU, at)
    if track.call.menu_at is not None:  # the dialplan asked again after a server that died
        return track, ()
    track = update(track, menu_at=at)
    return track, (fact(ev.CallInMenu, track, at),)


def _menu_ended(track: Track, signal: MenuEnded, _agent: AgentId | None, at: datetime) -> Step:
    track = move(track, Move.MENU_OVER, at)
    track = replace(update(track, menu=signal.facts), menu_done=track.menu_done or signal.completed)
    return track, (fact(ev.CallLeftMenu, track, at),)


def _queued(track: Track, signal: CallerQueued, _agent: AgentId | None, at: datetime) -> Step:
    was = track.call.state
    track = move(track, Move.QUEUE, at)
    if was is CallState.OFFERED:  # Asterisk may tell the return before the end of the offer
        return replace(track, returned_to=signal.queue), ()
    track, facts = leave_talk(track, at)
    if track.waiting and track.call.queue == signal.queue and was is CallState.QUEUED:
        return track, facts
    track, waits = calloffer.waits(track, signal.queue, at)
    return track, (*facts, *waits)


def _fell_back(track: Track, signal: CallerFellBack, _agent: AgentId | None, at: datetime) -> Step:
    if _is_past(track, signal.at):
        began = track.call.fallback_at or max(signal.at, track.call.arrived_at)
        return update(move(track, Move.NOTE, at), fallback_at=began), ()
    again = track.call.state is CallState.FALLBACK
    track = move(track, Move.FALL_BACK, at)
    track, facts = leave_talk(track, at)
    track, ended = withdraw_offers(track, at)
    if again:
        return track, (*facts, *ended)
    call = track.call
    # Waiting in Asterisk's own queue is waiting: who comes back from there keeps that age too.
    track = update(track, fallback_at=call.fallback_at or at, queued_at=call.queued_at or at)
    track = replace(update(track, queue=signal.queue or call.queue), waiting=False)
    return track, (*facts, *ended, fact(ev.CallFellBack, track, at))


def _is_past(track: Track, at: datetime) -> bool:
    """Whether this fallback is known already (a snapshot tells it again), or an offer has ended it since."""
    later = [track.call.fallback_at, *(offer.offered_at for offer in track.call.offers[-1:])]
    return any(instant is not None and at <= instant for instant in later)


def _pressed(track: Track, signal: CallerPressed, _agent: AgentId | None, at: datetime) -> Step:
    track = move(track, Move.KEY, at)
    return track, (fact(ev.CallKeyPressed, track, at, key=signal.key),)


def _voicemail(track: Track, _signal: VoicemailBegan, _agent: AgentId | None, at: datetime) -> Step:
    """A message ends a call like any other treatment, also when the dialplan took it without us."""
    track = update(move(track, Move.NOTE, at), voicemail_at=track.call.voicemail_at or at)
    return replace(track, treatment=track.treatment or "voicemail"), ()


def _treated(track: Track, signal: TreatmentDecided, _agent: AgentId | None, at: datetime) -> Step:
    return move(track, Move.TREAT, at, treatment=signal.treatment), ()


def _treatment_seen(track: Track, signal: TreatmentSeen, _agent: AgentId | None, at: datetime) -> Step:
    track = move(track, Move.NOTE, at, treatment=signal.treatment, waiting=False)
    return track, (fact(ev.CallTreated, track, at),)


def _recording(track: Track, signal: RecordingBegan, agent: AgentId | None, at: datetime) -> Step:
    track = move(track, Move.RECORD, at)
    whose = None if signal.uniqueid == track.call.uniqueid else agent
    return track, (fact(ev.RecordingStarted, track, at, file=signal.file, agent=whose, channel=signal.channel),)


def _not_recorded(track: Track, signal: RecordingRefused, _agent: AgentId | None, at: datetime) -> Step:
    track = move(track, Move.RECORD, at)
    return track, (fact(ev.RecordingRefused, track, at, reason=signal.reason),)


def _dial_began(track: Track, signal: DialBegan, agent: AgentId | None, at: datetime) -> Step:
    if callconsult.is_consultation(track, signal, agent):
        return callconsult.begin(track, signal, agent, at)
    if track.second is not None and signal.agent_uniqueid == track.second.uniqueid:
        return callconsult.still_rings(move(track, Move.NOTE, at), at)
    # Another leg that dials: not (yet) a talk with the caller.
    if signal.uniqueid != track.call.uniqueid or track.leg(signal.agent_uniqueid) is not None:
        return move(track, Move.NOTE, at), ()
    offer = next((offer for offer in track.offers if offer.agent == agent), None)
    track = move(track, Move.RING if offer else Move.RING_OTHER, at)
    fields = {
        "channel": signal.agent_channel,
        "uniqueid": signal.agent_uniqueid,
        "agent": agent,
        "offer_id": offer.offer_id if offer else None,
        "began_at": at,
    }
    leg = made(Leg, fields)
    rings_already = offer is not None and any(known.offer_id == offer.offer_id for known in track.legs)
    track = with_leg(track, leg)
    if offer is None and agent is not None and track.call.extra.get(OUTBOUND) and not track.call.talks:
        return track, (fact(ev.OwnPhoneRings, track, at, agent=agent),)
    if offer is None or rings_already:  # an agent with two phones rings once
        return track, ()
    track = change_offer(track, offer.offer_id, rang_at=at)
    rings = {"offer_id": offer.offer_id, "agent": offer.agent, "agent_channel": leg.channel}
    return track, (fact(ev.CallRinging, track, at, **rings),)


def _dial_ended(track: Track, signal: DialEnded, agent: AgentId | None, at: datetime) -> Step:
    if track.second is not None and signal.agent_uniqueid == track.second.uniqueid:
        return callconsult.answered(track, at) if signal.status == "ANSWER" else (move(track, Move.NOTE, at), ())
    leg = track.leg(signal.agent_uniqueid)
    if signal.status != "ANSWER":
        track = move(track, Move.NOTE, at)
        return (with_leg(track, replace(leg, status=signal.status)) if leg else track), ()
    if leg is None:  # its beginning was missed
        track, _ = _dial_began(
            track,
            DialBegan(
                at=signal.at,
                channel=signal.channel,
                uniqueid=signal.uniqueid,
                call_id=signal.call_id,
                agent_channel=signal.agent_channel,
                agent_uniqueid=signal.agent_uniqueid,
            ),
            agent,
            at,
        )
        leg = track.leg(signal.agent_uniqueid)
    if leg is None:
        return move(track, Move.NOTE, at), ()
    if leg.answered:
        return _tell_again(move(track, Move.NOTE, at), leg, at)
    return _answered(track, leg, at)


def _tell_again(track: Track, leg: Leg, at: datetime) -> Step:
    """A talk that began before our start: those who listen now have not heard of it."""
    if track.call.phase is None:  # a record of an older server
        track = update(track, phase=TalkPhase.TALKING)
    if leg.told or leg.agent is None:
        return track, ()
    track = with_leg(track, replace(leg, told=True))
    return track, (fact(ev.CallAnswered, track, at, agent=leg.agent, offer_id=leg.offer_id),)


def _answered(track: Track, leg: Leg, at: datetime) -> Step:
    # A new talk begins a new question of who leaves first.
    track = move(track, Move.ANSWER, at, waiting=False, agent_hung_up=False)
    track, facts = close_hold(track, at)
    track, ended = calloffer.accepted(track, leg.offer_id, at)
    track = settle_transfer(track, TransferResult.ANSWERED, at)
    track, told = connect(track, leg, at, phase=TalkPhase.TALKING)
    return track, (*facts, *ended, *told)


def _hold(track: Track, signal: HoldBegan, _agent: AgentId | None, at: datetime) -> Step:
    leg = track.leg(signal.uniqueid)
    if leg is None or not leg.answered or track.call.state is CallState.HELD:
        return move(track, Move.NOTE, at), ()
    return open_hold(move(track, Move.HOLD, at), at)


def _unhold(track: Track, signal: HoldEnded, _agent: AgentId | None, at: datetime) -> Step:
    if track.leg(signal.uniqueid) is None or track.call.held_since is None or track.call.phase in ON_HOLD:
        return move(track, Move.NOTE, at), ()
    return close_hold(move(track, Move.UNHOLD, at), at)


# A snapshot tells a transfer in whole seconds, cut, of Asterisk's clock.
_TOLD_TWICE = timedelta(seconds=2)


def _transferred(track: Track, signal: Transferred, agent: AgentId | None, at: datetime) -> Step:
    told = [one for one in track.call.transfers if (one.kind, one.to) == (TransferKind.PHONE, signal.to)]
    if told and told[-1].at >= signal.at - _TOLD_TWICE:
        return move(track, Move.NOTE, at), ()
    # Who answered without us and passed the caller on was never seen to talk.
    unseen = signal.by is not None and Move.TRANSFER not in TABLE[track.call.state]
    track = move(track, Move.NOTE if unseen else Move.TRANSFER, at)
    track, facts = close_hold(track, at)
    by = track.first.agent if track.first else agent
    record = TransferRecord(kind=TransferKind.PHONE, by=by, to=signal.to, at=at)
    track = update(
        track,
        transferred_at=(*track.call.transferred_at, at),
        transfers=(*track.call.transfers, record),
    )
    return track, (*facts, fact(ev.CallTransferred, track, at, kind=signal.kind, to=signal.to))


def _hangup_requested(track: Track, signal: HangupRequested, _agent: AgentId | None, at: datetime) -> Step:
    if signal.uniqueid == track.call.uniqueid:
        return move(track, Move.NOTE, at, caller_hung_up=True), ()
    leg = track.leg(signal.uniqueid)
    return callconsult.hung_up(move(track, Move.NOTE, at), leg), ()


def _noted(track: Track, _signal: Signal, _agent: AgentId | None, at: datetime) -> Step:
    return move(track, Move.NOTE, at), ()


def _hung_up(track: Track, signal: ChannelHungUp, _agent: AgentId | None, at: datetime) -> Step:
    if signal.uniqueid == track.call.uniqueid:
        was = track.call.state
        return close(move(track, Move.END, at), was, at, cause=signal.cause)
    if track.second is not None and signal.uniqueid == track.second.uniqueid:
        return callconsult.second_gone(track, track.second, at)
    leg = track.leg(signal.uniqueid)
    if leg is None:
        return move(track, Move.NOTE, at), ()
    if leg.answered:
        if signal.cause == SOUND_STOPPED and leg.agent is not None and leg is track.first:
            track = update(track, extra={**track.call.extra, LOST_BY: leg.agent})
        track, freed = agent_gone(move(track, Move.AGENT_LEFT, at), leg, at, signal.at)
        track, facts = callconsult.look(track, at)  # the others of a conference talk on
        return track, (*freed, *facts)
    rest = without_leg(track, leg.uniqueid)
    offer = next((offer for offer in track.offers if offer.offer_id == leg.offer_id), None)
    rings_on = any(other.offer_id == leg.offer_id for other in rest.legs)
    if offer is None or rings_on or calloffer.is_lost(offer, signal.cause):
        return move(rest, Move.LEG_OVER, at), ()
    return calloffer.give_up(rest, offer, calloffer.outcome_of(track, offer, signal.cause, leg.status, at), at)


def _vanished(track: Track, _signal: CallVanished, _agent: AgentId | None, at: datetime) -> Step:
    was = track.call.state
    return close(move(track, Move.VANISH, at), was, at, cause=None)


_HANDLERS: dict[type[Signal], Callable[[Track, Any, AgentId | None, datetime], Step]] = {
    MenuBegan: _menu_began,
    MenuEnded: _menu_ended,
    CallerQueued: _queued,
    CallerFellBack: _fell_back,
    CallerPressed: _pressed,
    VoicemailBegan: _voicemail,
    TreatmentDecided: _treated,
    TreatmentSeen: _treatment_seen,
    RecordingBegan: _recording,
    RecordingRefused: _not_recorded,
    ChannelMuted: callpause.muted,
    NumbersFellBack: callsound.fell_back,
    LegSounded: callsound.sounded,
    PauseBegan: callpause.began,
    PauseProven: callpause.proven,
    PauseEnded: callpause.ended,
    CallbackReported: callkept.reported,
    PlaceKept: callkept.place_kept,
    OfferDecided: calloffer.decided,
    DialBegan: _dial_began,
    DialEnded: _dial_ended,
    OfferDialled: calloffer.dialled,
    OfferStale: calloffer.stale,
    OfferTakenBack: calloffer.taken_back,
    HoldBegan: _hold,
    HoldEnded: _unhold,
    HoldTold: callhold.told,
    Transferred: _transferred,
    HangupRequested: _hangup_requested,
    LegPlaced: callconsult.placed,
    TransferAsked: callconsult.transfer_asked,
    BridgeEntered: callconsult.bridge_entered,
    BridgeLeft: callconsult.bridge_left,
    CallerArrived: _noted,  # a snapshot tells again of calls that are known
    ChannelHungUp: _hung_up,
    CallVanished: _vanished,
}
