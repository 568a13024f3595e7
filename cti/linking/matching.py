"""Who is calling, about what, and how sure that is: a pure decision from three sources.

The rules, first match wins. *Owners* are the members whom the caller's number led to; the *keyed booking* is the
one whose number the caller keyed and confirmed. The number is believed only of callers who show one, whatever
the answer says.

======================================================  ==========  =====  ===============================
situation                                               confidence  score  why
======================================================  ==========  =====  ===============================
keyed booking of the number's only owner                confirmed   1.00   number_and_reservation
keyed booking of one of the number's owners             confirmed   0.95   shared_number_and_reservation
keyed number fits bookings of several members           possible    0.40   reservation_ambiguous
keyed booking of somebody who does not own the number   possible    0.50   reservation_of_other_member
keyed booking, the number leads to nobody               likely      0.70   reservation_only
keyed booking, the caller shows no number               likely      0.60   reservation_without_number
one owner who says "no member" in the menu              possible    0.40   number_says_no_member
one owner, keyed number leads to no booking             likely      0.60   number_reservation_unknown
one owner, keyed number not looked up                   likely      0.70   number_reservation_unchecked
one owner, nothing keyed                                likely      0.80   number_only
several owners, one of them with a booking under way    possible    0.50   shared_number_one_out
several owners                                          possible    0.30   shared_number
nobody, keyed number leads to no booking                none        0.00   reservation_unknown
nobody, keyed number not looked up                      none        0.00   reservation_unchecked
nobody, the caller shows a number                       none        0.00   number_unknown
nobody, members could not be looked up                  none        0.00   number_unchecked
nobody, the caller shows none                           none        0.00   caller_withheld, caller_payphone …
======================================================  ==========  =====  ===============================

Confirmed says that number and booking agree. It does not say who is speaking: the agent asks (verification).
In a contradiction no member is linked, the keyed booking is, and both members stand among the candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from cti.domain.model import CallerKind, CallerNumber, Link, LinkConfidence, MenuFacts
from cti.linking.contract import LookupAnswer, Member, Reservation, ReservationStatus, Ticket

# A booking that starts or ended this close to the call is what a caller without a running one calls about.
NEAR = timedelta(hours=2)

CHOSEN = "chosen_by_agent"  # why, of a link that a person made

_UNDER_WAY = frozenset({ReservationStatus.IN_USE, ReservationStatus.OVERDUE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A member who may be calling."""

    member_id: str
    standing: str  # "both", "holds_reservation" or "holds_number"
    reservation_id: str | None  # the booking this member would be calling about, if one stands out


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """The link, and everybody who may be calling, best first."""

    link: Link
    candidates: tuple[Candidate, ...]


def match(
    caller: CallerNumber, menu: MenuFacts | None, answer: LookupAnswer, *, asked_reservation: str | None = None
) -> Match:
    """Decide by the rules above.

    ``asked_reservation`` is the reservation number that ``answer`` was asked about. When the caller keyed another
    one since (its look-up is under way or failed), that one counts as not looked up.
    """
    keyed_number = _digits(menu.reservation_number) if menu and menu.reservation_number else ""
    bookings = _keyed(answer.reservations, keyed_number)
    # Matters only without bookings: the answer to the number alone may hold the keyed one already.
    asked = keyed_number == _digits(asked_reservation or "") and "reservations" not in answer.missing
    unchecked = bool(keyed_number) and not asked
    owners = _owners(caller, answer.members)
    holders = sorted({booking.member_id for booking in bookings})
    candidates = _candidates(answer, owners, bookings)
    agreed = [holder for holder in holders if holder in owners]
    if holders:
        link = _with_booking(caller, answer, owners, bookings, holders, agreed)
    elif owners:
        link = _by_number(menu, answer, owners, bool(keyed_number), unchecked)
    else:
        unasked = "members" in answer.missing
        link = nobody(caller, keyed=bool(keyed_number), unchecked=unchecked, number_unchecked=unasked)
    return Match(link=link, candidates=candidates)


def chosen(found: Match, answer: LookupAnswer, member_id: str) -> Match:
    """The same, with the candidate whom an agent chose: the booking that was keyed, or stands out, is theirs.

    A member whom the answer does not name any more stays chosen, without records.
    """
    mine = next((one for one in found.candidates if one.member_id == member_id), None)
    booking = None if mine is None else mine.reservation_id
    rest = tuple(one for one in found.candidates if one is not mine)
    return Match(
        link=_link(answer, LinkConfidence.BY_AGENT, 1.0, CHOSEN, member_id, booking),
        candidates=rest if mine is None else (mine, *rest),
    )


def nobody(
    caller: CallerNumber, *, keyed: bool = False, unchecked: bool = False, number_unchecked: bool = False
) -> Link:
    """The link of a caller of whom nothing is known."""
    if keyed:
        why = "reservation_unchecked" if unchecked else "reservation_unknown"
    elif caller.kind is CallerKind.NUMBER:
        why = "number_unchecked" if number_unchecked else "number_unknown"
    else:
        why = f"caller_{caller.kind.value}"
    return Link(confidence=LinkConfidence.NONE, score=0.0, why=why)


def _with_booking(
    caller: CallerNumber,
    answer: LookupAnswer,
    owners: frozenset[str],
    bookings: Sequence[Reservation],
    holders: list[str],
    agreed: list[str],
) -> Link:
    if len(agreed) == 1:
        booking = next(b for b in bookings if b.member_id == agreed[0])
        score, why = (1.0, "number_and_reservation") if len(owners) == 1 else (0.95, "shared_number_and_reservation")
        return _link(answer, LinkConfidence.CONFIRMED, score, why, agreed[0], booking.reservation_id)
    if len(holders) > 1:
        return Link(confidence=LinkConfidence.POSSIBLE, score=0.4, why="reservation_ambiguous")
    booking = bookings[0]
    if owners:
        return Link(
            confidence=LinkConfidence.POSSIBLE,
            score=0.5,
            why="reservation_of_other_member",
            reservation_id=booking.reservation_id,
        )
    score, why = (0.7, "reservation_only") if caller.kind is CallerKind.NUMBER else (0.6, "reservation_without_number")
    return _link(answer, LinkConfidence.LIKELY, score, why, booking.member_id, booking.reservation_id)


def _by_number(
    menu: MenuFacts | None, answer: LookupAnswer, owners: frozenset[str], keyed: bool, unchecked: bool
) -> Link:
    if len(owners) > 1:
        out = [member for member in owners if _under_way(answer, member)]
        if len(out) == 1:
            return Link(confidence=LinkConfidence.POSSIBLE, score=0.5, why="shared_number_one_out")
        return Link(confidence=LinkConfidence.POSSIBLE, score=0.3, why="shared_number")
    (member,) = owners
    reservation = _stands_out(answer, member)
    confidence = LinkConfidence.LIKELY
    if menu is not None and menu.is_member is False:
        confidence, score, why = LinkConfidence.POSSIBLE, 0.4, "number_says_no_member"
    elif unchecked:
        score, why = 0.7, "number_reservation_unchecked"
    elif keyed:
        # What was keyed is of no booking of theirs, so no booking stands out any more.
        score, why, reservation = 0.6, "number_reservation_unknown", None
    else:
        score, why = 0.8, "number_only"
    return _link(answer, confidence, score, why, member, reservation)


def _link(
    answer: LookupAnswer,
    confidence: LinkConfidence,
    score: float,
    why: str,
    member_id: str,
    reservation_id: str | None,
) -> Link:
    return Link(
        confidence=confidence,
        score=score,
        why=why,
        member_id=member_id,
        reservation_id=reservation_id,
        ticket_id=_ticket(answer.tickets, member_id, reservation_id),
    )


def _ticket(tickets: Sequence[Ticket], member_id: str, reservation_id: str | None) -> str | None:
    """The one ticket that is not closed: of the booking, else of the member and no other booking."""
    alive = [ticket for ticket in tickets if ticket.status != "closed"]
    of_booking = [t for t in alive if reservation_id is not None and t.reservation_id == reservation_id]
    of_member = [t for t in alive if t.member_id == member_id and t.reservation_id is None]
    found = {ticket.ticket_id for ticket in (of_booking or of_member)}
    return found.pop() if len(found) == 1 else None


def _candidates(answer: LookupAnswer, owners: frozenset[str], bookings: Sequence[Reservation]) -> tuple[Candidate, ...]:
    keyed = {booking.member_id: booking.reservation_id for booking in bookings}
    order = {member.member_id: at for at, member in enumerate(answer.members)}
    found = [
        Candidate(
            member_id=member,
            standing="both" if member in owners and member in keyed
            else "holds_reservation" if member in keyed
            else "holds_number",
            reservation_id=keyed.get(member) or _stands_out(answer, member),
        )
        for member in owners | keyed.keys()
    ]  # fmt: skip
    standings = ("both", "holds_reservation", "holds_number")
    return tuple(
        sorted(
            found,
            key=lambda c: (
                standings.index(c.standing),
                not _under_way(answer, c.member_id),
                order.get(c.member_id, len(order)),
                c.member_id,
            ),
        )
    )


def _owners(caller: CallerNumber, members: Sequence[Member]) -> frozenset[str]:
    if caller.kind is not CallerKind.NUMBER:
        return frozenset()
    return frozenset(member.member_id for member in members if "number" in member.matched_by)


def _keyed(reservations: Sequence[Reservation], number: str) -> tuple[Reservation, ...]:
    """Bookings of that number, whatever separators either side writes; by our own eyes, not matched_by."""
    if not number:
        return ()
    found = (r for r in reservations if _digits(r.number) == number)
    return tuple(sorted(found, key=lambda r: r.reservation_id))


def _under_way(answer: LookupAnswer, member_id: str) -> list[Reservation]:
    return [r for r in answer.reservations if r.member_id == member_id and r.status in _UNDER_WAY]


def _stands_out(answer: LookupAnswer, member_id: str) -> str | None:
    """The one booking under way; without any, the one about to start or just ended; else None."""
    found = _under_way(answer, member_id) or [
        r for r in answer.reservations if r.member_id == member_id and _is_near(r, answer)
    ]
    ids = {reservation.reservation_id for reservation in found}
    return ids.pop() if len(ids) == 1 else None


def _is_near(reservation: Reservation, answer: LookupAnswer) -> bool:
    if reservation.status is ReservationStatus.UPCOMING:
        return reservation.starts_at - answer.as_of <= NEAR
    if reservation.status is ReservationStatus.RETURNED:
        ended_at = reservation.returned_at or reservation.ends_at
        return answer.as_of - ended_at <= NEAR
    return False


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isascii() and character.isdigit())
