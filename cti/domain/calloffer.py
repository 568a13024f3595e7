"""Offers of a call, pure: made, dialled, ended without an answer. One phone rings, or several at once.

Handlers as in callfsm: (track, signal, agent, at) → (track, facts). Phones that ring at once are one ring: one Dial in
Asterisk, where the first to answer wins and the others are stopped. Each has an offer of its own; which leg belongs to
which is known by whose phone it is. The call is OFFERED until the last of them is over.
"""

from __future__ import annotations

from datetime import datetime

from cti.domain import callconsult, callend
from cti.domain import events as ev
from cti.domain.calltable import move
from cti.domain.calltrack import (
    Move,
    Step,
    Track,
    end_offer,
    fact,
    leave_talk,
    settle_transfer,
)
from cti.domain.copies import changed as replace
from cti.domain.errors import IllegalMove
from cti.domain.model import (
    AgentId,
    Offer,
    OfferId,
    OfferOutcome,
    OfferRecord,
    QueueId,
    TransferKind,
    TransferResult,
)
from cti.domain.signals import OfferDecided, OfferDialled, OfferStale, OfferTakenBack


def decided(track: Track, signal: OfferDecided, _agent: AgentId | None, at: datetime) -> Step:
    """Routing chose whose phones are to ring."""
    if track.call.phase is not None and not callconsult.is_passed_on(track, signal.offer.agent):
        raise IllegalMove(Move.OFFER.value, track.call.state.value, track.call.call_id)
    track = move(track, Move.OFFER, at)
    offers = (signal.offer, *signal.also)
    records = (OfferRecord(offer_id=o.offer_id, agent=o.agent, reason=o.reason, offered_at=at) for o in offers)
    call = replace(track.call, offers=(*track.call.offers, *records))
    track = replace(track, call=call, offers=offers, waiting=False, returned_to=None)
    track, facts = leave_talk(track, at)  # an agent passed the caller on to this one
    told = (fact(ev.CallOffered, track, at, offer_id=offer.offer_id, agent=offer.agent) for offer in offers)
    return track, (*facts, *told)


def waits(track: Track, queue: QueueId, at: datetime) -> Step:
    """The caller waits in a queue, for the first time or again."""
    call = replace(track.call, queue=queue, queued_at=track.call.queued_at or at)
    track = replace(track, call=call, waiting=True, returned_to=None)
    return track, (fact(ev.CallQueued, track, at),)


def give_up(track: Track, offer: Offer, outcome: OfferOutcome, at: datetime) -> Step:
    """A live offer ended without an answer. After the last one the caller may be back in the waiting loop already."""
    if len(track.offers) > 1:
        return end_offer(move(track, Move.NOTE, at), offer, outcome, at)
    track, ended = end_offer(move(track, Move.OFFER_OVER, at), offer, outcome, at)
    if track.call.transfers and track.call.transfers[-1].kind is TransferKind.AGENT:
        track = settle_transfer(track, TransferResult.UNANSWERED, at)
    if track.returned_to is None:
        # Asterisk did not pass the caller on: they are where they were.
        kept = track.first is not None and outcome is OfferOutcome.WITHDRAWN
        return (callconsult.kept(track) if kept else track), ended
    track, back = waits(track, track.returned_to, at)
    return track, (*ended, *back)


def dialled(track: Track, signal: OfferDialled, _agent: AgentId | None, at: datetime) -> Step:
    """Dial has returned."""
    if all(offer.ring is None for offer in track.offers):
        offer = next((offer for offer in track.offers if offer.offer_id == signal.offer_id), None)
        if offer is None:
            return move(track, Move.NOTE, at), ()
        return give_up(track, offer, outcome_of(track, offer, signal.cause, signal.status, at), at)
    # What is said of several is the last one's. A phone that rang tells of itself (its Hangup); the others never did.
    rang = {leg.offer_id for leg in track.legs}
    silent = [offer for offer in track.offers if offer.ring == signal.offer_id and offer.offer_id not in rang]
    somebody = signal.status == "ANSWER"  # which was not told: nobody else is to bear anything
    return _all_over(track, silent, OfferOutcome.WITHDRAWN if somebody else OfferOutcome.UNREACHABLE, at)


def is_lost(offer: Offer, cause: int) -> bool:
    """Whether a leg ended because another phone of its ring was faster.

    Asterisk tells that before the answer itself. The offer is over when the answer is told: everybody hears first who
    has the caller.
    """
    return offer.ring is not None and cause == callend.ANSWERED_ELSEWHERE


def outcome_of(track: Track, offer: Offer, cause: int, status: str | None, at: datetime) -> OfferOutcome:
    """How an offer ended: by its leg's Hangup, or by what Dial says of it."""
    began = next((leg.began_at for leg in track.legs if leg.offer_id == offer.offer_id), offer.made_at)
    return callend.offer_outcome(cause, status, (at - began).total_seconds(), offer.ring_s)


def stale(track: Track, signal: OfferStale, _agent: AgentId | None, at: datetime) -> Step:
    """The dialplan rang nobody."""
    ring = [offer for offer in track.offers if offer.ring_id == signal.offer_id]
    return _all_over(track, ring, OfferOutcome.WITHDRAWN, at)


def taken_back(track: Track, signal: OfferTakenBack, _agent: AgentId | None, at: datetime) -> Step:
    """Routing does not want this phone to ring any more."""
    return _all_over(track, [o for o in track.offers if o.offer_id == signal.offer_id], signal.outcome, at)


def accepted(track: Track, offer_id: OfferId | None, at: datetime) -> Step:
    """Somebody has the caller: whoever was asked with this offer, or nobody who was asked (None)."""
    facts: tuple[ev.Event, ...] = ()
    for offer in sorted(track.offers, key=lambda offer: offer.offer_id != offer_id):  # who has the caller comes first
        taken = offer.offer_id == offer_id
        track, ended = end_offer(track, offer, OfferOutcome.ACCEPTED if taken else OfferOutcome.WITHDRAWN, at)
        facts += ended
    return track, facts


def _all_over(track: Track, offers: list[Offer], outcome: OfferOutcome, at: datetime) -> Step:
    track = move(track, Move.NOTE, at)
    facts: tuple[ev.Event, ...] = ()
    for offer in offers:
        track, ended = give_up(track, offer, outcome, at)
        facts += ended
    return track, facts
