"""Pops as the pages show them. PURE."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cti.domain import pop as domain
from cti.domain.model import CallerNumber, Link, MenuFacts, QueueId, TenantId
from cti.web import messages, parts, ports
from cti.web.agentview import named_queue

B = TypeVar("B", bound=BaseModel)
# An agent reads a handful; a company's number may fit hundreds of drivers.
MAX_RECORDS = 20


def caller(number: CallerNumber) -> parts.Caller:
    """A caller's number."""
    return parts.Caller(kind=number.kind, e164=number.e164, national=number.national)


def menu(facts: MenuFacts | None) -> parts.MenuBody | None:
    """What the menu learned."""
    if facts is None:
        return None
    return parts.MenuBody(
        menu=facts.menu,
        language=facts.language,
        path=[parts.MenuStepBody(node=s.node, keys=s.keys, label=s.label) for s in facts.path],
        is_member=facts.is_member,
        reservation_number=facts.reservation_number,
        reason=facts.reason,
    )


def link(found: Link | None) -> parts.LinkBody | None:
    """A link."""
    return None if found is None else link_body(found)


def link_body(found: Link) -> parts.LinkBody:
    """A link that there is."""
    return parts.LinkBody(
        confidence=found.confidence,
        score=found.score,
        why=found.why,
        member_id=found.member_id,
        reservation_id=found.reservation_id,
        ticket_id=found.ticket_id,
    )


def _records(model: type[B], items: Iterable[Mapping[str, Any]]) -> list[B]:
    """The records that have the shape agreed on; others are left out rather than shown wrong."""
    found: list[B] = []
    for item in items:
        try:
            found.append(model.model_validate(dict(item)))
        except ValidationError:
            continue
        if len(found) == MAX_RECORDS:
            break
    return found


def _earlier(items: Iterable[Mapping[str, Any]], tenant: TenantId, names: ports.Names) -> list[parts.EarlierCall]:
    named = [
        {**one, "queue": named_queue(tenant, QueueId(one["queue"]), names) if one.get("queue") else None}
        for one in items
    ]
    return _records(parts.EarlierCall, named)


def card(known: domain.CallerCard, tenant: TenantId, names: ports.Names) -> parts.CallerCard:
    """The caller card, whole."""
    as_of = known.members.as_of or known.reservations.as_of or known.tickets.as_of
    return parts.CallerCard(
        link=parts.LinkPart(
            status=known.link_status.value,
            as_of=as_of,
            link=link(known.link),
            chosen=None if known.chosen is None else parts.ChosenBody.model_validate(dict(known.chosen)),
        ),
        members=parts.MembersPart(
            status=known.members.status.value,
            as_of=known.members.as_of,
            members=_records(parts.MemberBody, known.members.items),
        ),
        reservations=parts.ReservationsPart(
            status=known.reservations.status.value,
            as_of=known.reservations.as_of,
            reservations=_records(parts.ReservationBody, known.reservations.items),
        ),
        tickets=parts.TicketsPart(
            status=known.tickets.status.value,
            as_of=known.tickets.as_of,
            tickets=_records(parts.TicketBody, known.tickets.items),
        ),
        calls=parts.CallsPart(
            status=known.calls.status.value,
            as_of=known.calls.as_of,
            calls=_earlier(known.calls.items, tenant, names),
        ),
        verification=parts.VerificationPart(
            status=known.verification.status.value,
            as_of=known.verification.as_of,
            verification=next(iter(_records(parts.VerificationBody, known.verification.items)), None),
        ),
    )


def pop(shown: domain.Pop, names: ports.Names) -> parts.Pop:
    """A pop, whole."""
    reason_ja, reason_en = names.reason(shown.tenant, shown.reason)
    return parts.Pop(
        offer_id=shown.offer_id,
        call_id=shown.call_id,
        revision=shown.revision,
        phase=shown.phase.value,
        caller=caller(shown.caller),
        number_called=shown.number_called,
        queue=None if shown.queue is None else named_queue(shown.tenant, shown.queue, names),
        reason_ja=reason_ja,
        reason_en=reason_en,
        menu=menu(shown.menu),
        arrived_at=shown.arrived_at,
        queued_at=shown.queued_at,
        wait_s=round(shown.wait_s, 3),
        attempt=shown.attempt,
        rang_at=shown.rang_at,
        answered_at=shown.answered_at,
        card=card(shown.card, shown.tenant, names),
        callback=shown.callback,
        reach=shown.reach,
    )


def message(change: domain.PopChange, names: ports.Names, *, seq: int, now: datetime) -> messages.ServerMessage | None:
    """The message that tells a page about a change."""
    shown = change.pop
    envelope: dict[str, Any] = {"seq": seq, "tenant": shown.tenant, "at": now}
    if isinstance(change, domain.PopOffered):
        return messages.PopOffer(**envelope, pop=pop(shown, names))
    which: dict[str, Any] = {
        **envelope,
        "call_id": shown.call_id,
        "offer_id": shown.offer_id,
        "revision": shown.revision,
    }
    match change:
        case domain.PopUpdated():
            whole = card(shown.card, shown.tenant, names)
            kept = {name: getattr(whole, name) if name in change.parts else None for name in _CARD}
            update = parts.CardUpdate(**kept)
            return messages.PopUpdate(**which, phase=shown.phase.value, card=update, reach=shown.reach)
        case domain.PopWithdrawn():
            return messages.PopWithdraw(**which, outcome=change.outcome)
        case domain.PopAnswered():
            return messages.PopAnswered(**which, answered_at=shown.answered_at or change.at)
        case domain.PopEnded():
            closed = change.call
            return messages.CallEndedMessage(
                **which,
                ended_at=change.at,
                ended_by=None if closed is None else closed.ended_by,
                end_reason=None if closed is None else closed.end_reason,
                talk_s=change.talk_s,
            )
        case _:
            return None


_CARD = ("link", "members", "reservations", "tickets", "calls", "verification")
