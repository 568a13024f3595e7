"""Hold, consultation and conference of a live call, pure: where its legs are, and what that means (cti.domain.consult).

Handlers as in callfsm: (track, signal, agent, at) → (track, facts). All of them may be told twice, and in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from cti.domain import consult
from cti.domain import events as ev
from cti.domain.calltable import move
from cti.domain.calltrack import (
    Leg,
    Move,
    Step,
    Track,
    agent_gone,
    close_hold,
    connect,
    end_consultation,
    fact,
    open_hold,
    settle_transfer,
    update,
)
from cti.domain.consult import NOWHERE, ON_HOLD, Place
from cti.domain.copies import changed as replace
from cti.domain.model import (
    AgentId,
    CallState,
    Consultation,
    ConsultResult,
    TalkPhase,
    TransferKind,
    TransferRecord,
    TransferResult,
    UniqueId,
)
from cti.domain.signals import BridgeEntered, BridgeLeft, DialBegan, LegPlaced, TransferAsked

# Phases in which the colleague has answered.
_ANSWERED = frozenset({TalkPhase.CONSULTING, TalkPhase.SWAPPED, TalkPhase.CONFERENCE})


def placed(track: Track, signal: LegPlaced, agent: AgentId | None, at: datetime) -> Step:
    """A leg waits somewhere."""
    track = move(track, Move.NOTE, at)
    if signal.place is Place.DIALS or signal.outside is not None:
        track = replace(track, outside=signal.outside, outside_by=agent)
    return look(_put(track, signal.uniqueid, signal.place), at)


def bridge_entered(track: Track, signal: BridgeEntered, _agent: AgentId | None, at: datetime) -> Step:
    """A leg hears whoever else is in that bridge."""
    return look(move(track, Move.NOTE, at, places=_places(track, signal.uniqueid, signal.bridge)), at)


def bridge_left(track: Track, signal: BridgeLeft, _agent: AgentId | None, at: datetime) -> Step:
    """It does not any more; where it went is told next."""
    if track.places.get(signal.uniqueid) != signal.bridge:
        return move(track, Move.NOTE, at), ()
    return move(track, Move.NOTE, at, places=_places(track, signal.uniqueid, NOWHERE)), ()


def transfer_asked(track: Track, signal: TransferAsked, _agent: AgentId | None, at: datetime) -> Step:
    """An agent passes the caller on."""
    track = move(track, Move.NOTE, at)
    record = TransferRecord(kind=signal.kind, by=signal.by, to=signal.to, at=at)
    track = _with_transfer(track, record)
    return track, (fact(ev.CallTransferred, track, at, kind=signal.kind.value, to=signal.to),)


def is_passed_on(track: Track, agent: AgentId) -> bool:
    """Whether the agent who has the caller passes them on to this one."""
    last = track.call.transfers[-1] if track.call.transfers else None
    return last is not None and last.result is None and (last.kind, last.to) == (TransferKind.AGENT, agent)


def kept(track: Track) -> Track:
    """The caller did not leave the agent who has them."""
    return update(track, state=CallState.TALKING, phase=TalkPhase.TALKING)


def is_consultation(track: Track, signal: DialBegan, agent: AgentId | None) -> bool:
    """Whether the agent's phone (its line with the caller, or another of the same phone) rings a colleague.

    Or the caller's own channel somebody outside to whom it is passed on; the agent may have left already.
    """
    if track.second is not None:
        return False
    if signal.uniqueid == track.call.uniqueid:
        # A snapshot tells again of one who has the caller by now.
        known = any(asked.uniqueid == signal.agent_uniqueid for asked in track.call.consultations)
        return agent is None and track.outside is not None and not known
    first = track.first
    if first is None:
        return False
    return signal.uniqueid == first.uniqueid or _phone(signal.channel) == _phone(first.channel)


def begin(track: Track, signal: DialBegan, agent: AgentId | None, at: datetime) -> Step:
    """A colleague's phone rings."""
    track = move(track, Move.NOTE, at)
    first = track.first
    leg = Leg(channel=signal.agent_channel, uniqueid=signal.agent_uniqueid, agent=agent, offer_id=None, began_at=at)
    asked = Consultation(
        first=first.agent if first else track.outside_by,
        second=agent,
        channel=leg.channel,
        uniqueid=leg.uniqueid,
        began_at=at,
        outside=track.outside if agent is None else None,
    )
    track = replace(update(track, consultations=(*track.call.consultations, asked)), second=leg, outside=None)
    track = _put(track, leg.uniqueid, Place.RINGS)
    facts = (fact(ev.ConsultBegan, track, at, agent=agent),) if agent is not None else ()
    track, more = look(track, at)
    return track, (*facts, *more)


def still_rings(track: Track, at: datetime) -> Step:
    """A snapshot tells again of a phone that is being rung: the record knew that, but not where the legs are."""
    second = track.second
    if second is None or second.answered or track.places.get(second.uniqueid, NOWHERE) != NOWHERE:
        return track, ()
    return look(_put(track, second.uniqueid, Place.RINGS), at)


def answered(track: Track, at: datetime) -> Step:
    """The colleague's phone was answered."""
    track = move(track, Move.NOTE, at)
    if track.second is None or track.second.answered:
        return track, ()
    track = _consulted(replace(track, second=replace(track.second, status="ANSWER", answered=True)), answered_at=at)
    return track, (fact(ev.CallPhaseChanged, track, at),)


def second_gone(track: Track, second: Leg, at: datetime) -> Step:
    """The colleague's channel is gone."""
    track = move(track, Move.NOTE, at)
    joined = track.leg(second.uniqueid)
    freed: tuple[ev.Event, ...] = ()
    if joined is not None:
        held = track.call.held_since  # somebody who leaves a conference ends no hold
        track, freed = agent_gone(track, joined, at) if held is None else (track, ())
    result = ConsultResult.RETURNED if second.answered else ConsultResult.UNANSWERED
    if _passes_outside(track):
        track = settle_transfer(track, TransferResult.UNANSWERED, at)
    # Whoever is asked and hangs up ends nothing but that.
    track = replace(_put(track, second.uniqueid, NOWHERE), outside_hung_up=False)
    track, facts = end_consultation(track, result, at)
    track, more = look(track, at)
    return track, (*freed, *facts, *more)


def look(track: Track, at: datetime) -> Step:
    """What the legs' places mean, when they mean anything new."""
    first, second = track.first, track.second
    if first is None and second is None:
        return track, ()
    place = track.places.get
    pictured = consult.picture(
        place(track.call.uniqueid, NOWHERE),
        place(first.uniqueid, NOWHERE) if first else NOWHERE,
        place(second.uniqueid, NOWHERE) if second else NOWHERE,
    )
    if second is not None and consult.is_handed_over(pictured):
        return _hand_over(track, first, second, at)
    phase = consult.PICTURES.get(pictured)
    if phase is TalkPhase.TALKING and first is not None and _gave_back(track, first):
        track = _not_theirs(track)
        return _change(track, phase, at)
    if phase is None or phase is track.call.phase:
        return track, ()
    return _change(track, phase, at)


def _change(track: Track, phase: TalkPhase, at: datetime) -> Step:
    facts: tuple[ev.Event, ...] = ()
    state = track.call.state
    if phase in ON_HOLD and state is CallState.TALKING:
        track, facts = open_hold(move(track, Move.HOLD, at), at)
    elif phase not in ON_HOLD and state is CallState.HELD and track.call.phase in ON_HOLD:
        track, facts = close_hold(move(track, Move.UNHOLD, at), at)
    track = update(track, phase=phase)
    if phase in _ANSWERED and track.second is not None and not track.second.answered:  # told by a snapshot only
        track, _ = answered(track, at)
    if phase is TalkPhase.CONFERENCE and track.second is not None and track.leg(track.second.uniqueid) is None:
        track, joined = connect(_consulted(track, joined_at=at), track.second, at)
        facts = (*facts, *joined)
    return track, (*facts, fact(ev.CallPhaseChanged, track, at))


def _hand_over(track: Track, first: Leg | None, second: Leg, at: datetime) -> Step:
    """The caller is the colleague's."""
    asked = track.call.consultations[-1]
    by = first.agent if first else asked.first
    to = second.agent or asked.outside or second.channel
    track, facts = close_hold(move(track, Move.ANSWER, at), at)
    if track.leg(second.uniqueid) is None:
        track, joined = connect(track, second, at)
        facts = (*facts, *joined)
    kind = TransferKind.OUTSIDE if asked.outside else TransferKind.CONSULTED
    passed_on = _passes_outside(track)
    if passed_on:
        track = settle_transfer(track, TransferResult.ANSWERED, at)
    else:
        record = TransferRecord(kind=kind, by=by, to=to, at=at, ended_at=at, result=TransferResult.ANSWERED)
        track = _with_transfer(track, record)
    track = replace(track, waiting=False, agent_hung_up=False)
    track = update(track, phase=TalkPhase.TALKING)
    track, ended = end_consultation(track, ConsultResult.HANDED_OVER, at)
    if passed_on:  # told when it was asked for
        return track, (*facts, *ended)
    return track, (*facts, *ended, fact(ev.CallTransferred, track, at, kind=kind.value, to=to))


def _gave_back(track: Track, first: Leg) -> bool:
    """Whether the agent who passed the caller on outside has them again, who never let go of their phone.

    Somebody answered and hung up in the notice: Asterisk puts them into a bridge with the caller for a moment, or not.
    """
    last = track.call.transfers[-1] if track.call.transfers else None
    if last is None or (last.kind, last.result) != (TransferKind.OUTSIDE, TransferResult.ANSWERED):
        return False
    return any(talk.agent_uniqueid == first.uniqueid and talk.answered_at <= last.at for talk in track.call.talks)


def _not_theirs(track: Track) -> Track:
    """The caller was nobody's outside."""
    call = track.call
    transfers = (*call.transfers[:-1], replace(call.transfers[-1], result=TransferResult.UNANSWERED))
    consultations = (*call.consultations[:-1], replace(call.consultations[-1], result=ConsultResult.RETURNED))
    return replace(update(track, transfers=transfers, consultations=consultations), outside_hung_up=False)


def _passes_outside(track: Track) -> bool:
    """Whether the caller is being passed on to somebody outside without having been asked about."""
    last = track.call.transfers[-1] if track.call.transfers else None
    return last is not None and last.result is None and last.kind is TransferKind.OUTSIDE


def hung_up(track: Track, leg: Leg | None) -> Track:
    """The far end of a leg hung up: who ends the call if nobody else has the caller."""
    if leg is None or not leg.answered:
        return track
    consultations = track.call.consultations if leg.agent is None else ()
    if any(asked.uniqueid == leg.uniqueid and asked.outside is not None for asked in consultations):
        return replace(track, outside_hung_up=True)
    return replace(track, agent_hung_up=True, outside_hung_up=False)


def _with_transfer(track: Track, record: TransferRecord) -> Track:
    call = track.call
    return update(track, transfers=(*call.transfers, record), transferred_at=(*call.transferred_at, record.at))


def _consulted(track: Track, **changes: datetime) -> Track:
    """The track with the open consultation changed."""
    consultations = tuple(replace(c, **changes) if c.ended_at is None else c for c in track.call.consultations)
    return update(track, consultations=consultations)


def _put(track: Track, uniqueid: UniqueId, place: str) -> Track:
    """The track with a leg somewhere."""
    places = _places(track, uniqueid, place)
    return track if places is track.places else replace(track, places=places)


def _places(track: Track, uniqueid: UniqueId, place: str) -> Mapping[UniqueId, str]:
    """The track's places with a leg somewhere; legs that are not this call's (any more) are forgotten."""
    before = track.places
    if before.get(uniqueid, NOWHERE) == place:
        return before
    known = [track.call.uniqueid, *[leg.uniqueid for leg in track.legs]]
    if track.second is not None:
        known.append(track.second.uniqueid)
    if uniqueid not in known:
        return before
    places = {leg: where for leg, where in before.items() if leg in known and leg != uniqueid}
    if place != NOWHERE:
        places[uniqueid] = place
    return MappingProxyType(places)


def _phone(channel: str) -> str:
    """The endpoint part of a channel's name: "PJSIP/demo-sato" of "PJSIP/demo-sato-0000001a"."""
    return channel.rsplit("-", 1)[0]
