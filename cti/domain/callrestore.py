"""Tracks of calls that come out of records: live ones after a restart, closed ones from Asterisk's account. Pure."""

from __future__ import annotations

from cti.domain import events as ev
from cti.domain.calltrack import Leg, Step, Track
from cti.domain.copies import changed as replace
from cti.domain.model import Call, CallState, Offer, QueueId

# A restored offer's ring time is not in its record; routing's own limit ends it in any case.
RESTORED_RING_S = 20


def restored(call: Call) -> Track:
    """The track of a call out of the records: open talks become legs, an open offer the live one."""
    instants = [call.arrived_at, call.menu_at, call.queued_at, call.answered_at, call.held_since, call.fallback_at]
    instants += [t.ended_at or t.answered_at for t in call.talks]
    instants += [o.ended_at or o.rang_at or o.offered_at for o in call.offers]
    legs = tuple(
        Leg(
            channel=talk.agent_channel,
            uniqueid=talk.agent_uniqueid,
            agent=talk.agent,
            offer_id=talk.offer_id,
            began_at=talk.answered_at,
            status="ANSWER",
            answered=True,
            told=False,
        )
        for talk in call.talks
        if talk.ended_at is None
    )
    return Track(
        call=call,
        last_at=max(i for i in instants if i is not None),
        legs=legs,
        offers=_open_offers(call),
        menu_done=call.menu is not None,
        second=_second(call),
    )


def _second(call: Call) -> Leg | None:
    """The colleague of a consultation that went on."""
    asked = call.consultations[-1] if call.consultations else None
    if asked is None or asked.ended_at is not None:
        return None
    return Leg(
        channel=asked.channel,
        uniqueid=asked.uniqueid,
        agent=asked.second,
        offer_id=None,
        began_at=asked.began_at,
        status="ANSWER" if asked.answered_at else None,
        answered=asked.answered_at is not None,
    )


def _open_offers(call: Call) -> tuple[Offer, ...]:
    """Those of the last ring. Offers that were made at one instant are of one ring."""
    if call.state is not CallState.OFFERED or not call.offers:
        return ()
    made_at = call.offers[-1].offered_at
    ring = [(number, offer) for number, offer in enumerate(call.offers, 1) if offer.offered_at == made_at]
    return tuple(
        Offer(
            offer_id=offer.offer_id,
            tenant=call.tenant,
            call_id=call.call_id,
            queue=call.queue or QueueId(""),
            agent=offer.agent,
            ring_s=RESTORED_RING_S,
            reason=offer.reason,
            made_at=offer.offered_at,
            attempt=number,
            ring=ring[0][1].offer_id if len(ring) > 1 else None,
        )
        for number, offer in ring
        if offer.ended_at is None
    )


def accounted(vanished: Step, record: Call) -> Step:
    """A call that vanished, closed with what Asterisk's own account tells of it instead of what we could conclude."""
    track, facts = vanished
    call = replace(record, offers=track.call.offers, link=track.call.link)
    return replace(track, call=call), tuple(
        ev.CallEnded(at=call.ended_at or track.last_at, tenant=call.tenant, call=call)
        if isinstance(fact, ev.CallEnded)
        else fact
        for fact in facts
    )


def found(record: Call) -> Step:
    """A call that nobody of ours heard of while it lived: its record is all there is to tell."""
    at = record.ended_at or record.arrived_at
    return Track(call=record, last_at=at), (ev.CallEnded(at=at, tenant=record.tenant, call=record),)
