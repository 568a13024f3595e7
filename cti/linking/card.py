"""The caller card: what the screen pop shows of a look-up, as plain JSON-able data. PURE.

Four parts, each with its own freshness, because they may come from different systems and fail apart::

    {"link":         {"status", "as_of", "link": {confidence, score, why, member_id, reservation_id, ticket_id}},
     "members":      {"status", "as_of", "members": […]},
     "reservations": {"status", "as_of", "reservations": […]},
     "tickets":      {"status", "as_of", "tickets": […]}}

``status`` is "pending", "live", "stale" or "unavailable"; ``as_of`` is RFC 3339, null while pending or
unavailable. Lists are best first. docs/linking.md has every key.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cti.domain.model import Link, MenuFacts
from cti.domain.phone import national
from cti.linking.contract import LookupAnswer, Member, Reservation, ReservationStatus, Ticket, Vehicle
from cti.linking.matching import Candidate, Match

PARTS = ("members", "reservations", "tickets")

_ORDER = (
    ReservationStatus.OVERDUE,
    ReservationStatus.IN_USE,
    ReservationStatus.UPCOMING,
    ReservationStatus.RETURNED,
    ReservationStatus.CANCELLED,
)


def empty_card(link: Link | None, status: str, as_of: datetime | None = None) -> dict[str, object]:
    """A card without records: nothing asked yet ("pending"), no answer ("unavailable"), or nothing to ask."""
    when = _when(as_of)
    card: dict[str, object] = {"link": {"status": status, "as_of": when, "link": _link(link)}}
    for part in PARTS:
        card[part] = {"status": status, "as_of": when, part: []}
    return card


def filled_card(
    match: Match, answer: LookupAnswer, menu: MenuFacts | None, status: str, *, of: str | None = None
) -> dict[str, object]:
    """A card from an answer. Parts that the service could not look up are unavailable, not empty.

    ``of``: the member whom a person chose. Bookings and tickets are theirs only; the other candidates stay listed.
    """
    rank = {candidate.member_id: at for at, candidate in enumerate(match.candidates)}
    names = {member.member_id: member.name for member in answer.members}
    reason = menu.reason if menu and menu.reason else None
    members = [
        _member(member, match.candidates[rank[member.member_id]])
        for member in sorted(answer.members, key=lambda m: rank.get(m.member_id, len(rank)))
        if member.member_id in rank  # a member whom neither source led to is none of this call's business
    ]
    reservations = [
        _reservation(r, names.get(r.member_id), reason)
        for r in _sorted(answer.reservations, match, rank)
        if (r.member_id in rank if of is None else r.member_id == of)
    ]
    tickets = _tickets(answer.tickets, rank if of is None else {of: 0})
    shown = {"members": members, "reservations": reservations, "tickets": tickets}
    when = _when(answer.as_of)
    card: dict[str, object] = {"link": {"status": status, "as_of": when, "link": _link(match.link)}}
    for part in PARTS:
        missing = part in answer.missing
        card[part] = {
            "status": "unavailable" if missing else status,
            "as_of": None if missing else when,
            part: shown[part],
        }
    return card


def _sorted(reservations: Sequence[Reservation], match: Match, rank: dict[str, int]) -> list[Reservation]:
    meant = {candidate.reservation_id for candidate in match.candidates if candidate.standing != "holds_number"}

    def key(r: Reservation) -> tuple[object, ...]:
        linked = r.reservation_id in meant or r.reservation_id == match.link.reservation_id
        return (not linked, _ORDER.index(r.status), rank.get(r.member_id, len(rank)), r.reservation_id)

    return sorted(reservations, key=key)


def _link(link: Link | None) -> dict[str, Any] | None:
    if link is None:
        return None
    return {
        "confidence": link.confidence.value,
        "score": link.score,
        "why": link.why,
        "member_id": link.member_id,
        "reservation_id": link.reservation_id,
        "ticket_id": link.ticket_id,
    }


def _member(member: Member, candidate: Candidate) -> dict[str, Any]:
    return {
        "member_id": member.member_id,
        "name": member.name,
        "name_kana": member.name_kana,
        "company": member.company,
        "plan": member.plan,
        "language": member.language,
        "notes": list(member.notes),
        "phones": [national(phone) for phone in member.phones],
        "status": member.status,
        "standing": candidate.standing,
        "reservation_id": candidate.reservation_id,
        "verification": [{"prompt": v.prompt, "answer": v.answer, "code": v.code} for v in member.verification],
    }


def _reservation(reservation: Reservation, name: str | None, reason: str | None) -> dict[str, Any]:
    # What the caller gave as the reason first: "puncture" lifts puncture_not_covered to the top.
    terms = sorted(reservation.terms, key=lambda t: not (reason and t.code.startswith(reason)))
    return {
        "reservation_id": reservation.reservation_id,
        "number": reservation.number,
        "status": reservation.status.value,
        "starts_at": _when(reservation.starts_at),
        "ends_at": _when(reservation.ends_at),
        "returned_at": _when(reservation.returned_at),
        "member_id": reservation.member_id,
        "member_name": name,
        "station": reservation.station,
        "vehicle": _vehicle(reservation.vehicle),
        "terms": [term.text for term in terms],
        "term_codes": [term.code for term in terms],
    }


def _vehicle(vehicle: Vehicle | None) -> dict[str, Any] | None:
    return None if vehicle is None else vehicle.model_dump(mode="json")


def _tickets(tickets: Sequence[Ticket], rank: dict[str, int]) -> list[dict[str, Any]]:
    alive = [t for t in tickets if t.status != "closed" and (t.member_id is None or t.member_id in rank)]
    return [
        {**ticket.model_dump(mode="json"), "opened_at": _when(ticket.opened_at)}
        for ticket in sorted(alive, key=lambda t: (t.opened_at, t.ticket_id), reverse=True)
    ]


def _when(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
