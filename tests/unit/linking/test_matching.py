"""Every rule of the table, and properties that hold for any answer."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.model import CallerKind, CallerNumber, LinkConfidence, MenuFacts
from cti.linking.contract import LookupAnswer
from cti.linking.matching import match
from tests.unit.linking.builders import answer, booking, caller, member, menu, ticket

WITHHELD = caller(None)
PAYPHONE = caller(None, CallerKind.PAYPHONE)

A, B, C = member("A", "number"), member("B", "number"), member("C", "reservation")

# name: caller, menu, asked reservation, answer → confidence, score, why, member, reservation
RULES: dict[str, tuple[CallerNumber, MenuFacts | None, str | None, LookupAnswer, tuple[Any, ...]]] = {
    "keyed, own booking": (
        caller(), menu("11"), "11", answer(member("A", "number", "reservation"), booking("R-11", "A")),
        ("confirmed", 1.0, "number_and_reservation", "A", "R-11"),
    ),
    "keyed, a colleague's shared number": (
        caller(), menu("22"), "22", answer(A, B, booking("R-11", "A"), booking("R-22", "B")),
        ("confirmed", 0.95, "shared_number_and_reservation", "B", "R-22"),
    ),
    "keyed, another member's booking": (
        caller(), menu("33"), "33", answer(A, C, booking("R-11", "A"), booking("R-33", "C")),
        ("possible", 0.5, "reservation_of_other_member", None, "R-33"),
    ),
    "keyed, another member's booking, shared number": (
        caller(), menu("33"), "33", answer(A, B, C, booking("R-33", "C")),
        ("possible", 0.5, "reservation_of_other_member", None, "R-33"),
    ),
    "keyed number of two bookings": (
        caller(), menu("33"), "33", answer(A, C, booking("R-33", "C"), booking("R-34", "D", number="33")),
        ("possible", 0.4, "reservation_ambiguous", None, None),
    ),
    "keyed, number unknown": (
        caller(), menu("33"), "33", answer(C, booking("R-33", "C")),
        ("likely", 0.7, "reservation_only", "C", "R-33"),
    ),
    "keyed, no number": (
        WITHHELD, menu("33"), "33", answer(C, booking("R-33", "C")),
        ("likely", 0.6, "reservation_without_number", "C", "R-33"),
    ),
    "number only": (
        caller(), None, None, answer(A, booking("R-11", "A")),
        ("likely", 0.8, "number_only", "A", "R-11"),
    ),
    "number only, two bookings under way": (
        caller(), None, None, answer(A, booking("R-11", "A"), booking("R-12", "A", "overdue")),
        ("likely", 0.8, "number_only", "A", None),
    ),
    "number only, one about to start": (
        caller(), None, None, answer(A, booking("R-11", "A", "upcoming", starts_h=1, ends_h=3)),
        ("likely", 0.8, "number_only", "A", "R-11"),
    ),
    "number only, one next week": (
        caller(), None, None, answer(A, booking("R-11", "A", "upcoming", starts_h=168, ends_h=170)),
        ("likely", 0.8, "number_only", "A", None),
    ),
    "number only, one just returned": (
        caller(), None, None, answer(A, booking("R-11", "A", "returned", starts_h=-5, ends_h=-1)),
        ("likely", 0.8, "number_only", "A", "R-11"),
    ),
    "number only, one returned yesterday": (
        caller(), None, None, answer(A, booking("R-11", "A", "returned", starts_h=-30, ends_h=-24)),
        ("likely", 0.8, "number_only", "A", None),
    ),
    "the member says: no member": (
        caller(), menu(is_member=False), None, answer(A, booking("R-11", "A")),
        ("possible", 0.4, "number_says_no_member", "A", "R-11"),
    ),
    "keyed a number of no booking": (
        caller(), menu("99"), "99", answer(A, booking("R-11", "A")),
        ("likely", 0.6, "number_reservation_unknown", "A", None),
    ),
    "keyed, not asked yet": (
        caller(), menu("99"), None, answer(A, booking("R-11", "A")),
        ("likely", 0.7, "number_reservation_unchecked", "A", "R-11"),
    ),
    "keyed own booking, known before it was asked": (
        caller(), menu("11"), None, answer(A, booking("R-11", "A")),
        ("confirmed", 1.0, "number_and_reservation", "A", "R-11"),
    ),
    "keyed, reservations could not be looked up": (
        caller(), menu("99"), "99", answer(A, missing=["reservations"]),
        ("likely", 0.7, "number_reservation_unchecked", "A", None),
    ),
    "shared number": (
        caller(), None, None, answer(A, B, booking("R-11", "A"), booking("R-22", "B")),
        ("possible", 0.3, "shared_number", None, None),
    ),
    "shared number, one is out": (
        caller(), None, None, answer(A, B, booking("R-22", "B")),
        ("possible", 0.5, "shared_number_one_out", None, None),
    ),
    "nobody, keyed": (caller(), menu("99"), "99", answer(), ("none", 0.0, "reservation_unknown", None, None)),
    "nobody, keyed, unasked": (caller(), menu("9"), None, answer(), ("none", 0.0, "reservation_unchecked", None, None)),
    "nobody": (caller(), None, None, answer(), ("none", 0.0, "number_unknown", None, None)),
    "members missing": (
        caller(), None, None, answer(missing=["members"]), ("none", 0.0, "number_unchecked", None, None)
    ),
    "withheld": (WITHHELD, None, None, answer(), ("none", 0.0, "caller_withheld", None, None)),
    "payphone": (PAYPHONE, None, None, answer(), ("none", 0.0, "caller_payphone", None, None)),
    "withheld, and a service that claims to know": (
        WITHHELD, None, None, answer(A, booking("R-11", "A")), ("none", 0.0, "caller_withheld", None, None)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str) -> None:
    who, facts, asked, said, expected = RULES[name]
    link = match(who, facts, said, asked_reservation=asked).link
    assert (link.confidence.value, link.score, link.why, link.member_id, link.reservation_id) == expected


def test_a_contradiction_shows_both_members_the_keyed_booking_first() -> None:
    found = match(caller(), menu("33"), answer(A, C, booking("R-33", "C")), asked_reservation="33")
    assert [(c.member_id, c.standing) for c in found.candidates] == [
        ("C", "holds_reservation"),
        ("A", "holds_number"),
    ]


def test_of_a_shared_number_those_who_are_out_stand_first() -> None:
    found = match(caller(), None, answer(A, B, booking("R-22", "B")))
    assert [c.member_id for c in found.candidates] == ["B", "A"]


def test_separators_in_a_reservation_number_do_not_matter() -> None:
    found = match(caller(), menu("1234"), answer(A, booking("R-1", "A", number="12-34")), asked_reservation="1234")
    assert found.link.confidence is LinkConfidence.CONFIRMED


@pytest.mark.parametrize(
    ("tickets", "expected"),
    [
        ([ticket("T-1", "A", "R-11")], "T-1"),
        ([ticket("T-1", "A", "R-11"), ticket("T-2", "A", "R-11")], None),
        ([ticket("T-1", "A", "R-11"), ticket("T-2", "A", "R-11", "closed")], "T-1"),
        ([ticket("T-1", "A")], "T-1"),
        ([ticket("T-1", "A", "R-99")], None),
        ([ticket("T-1", "B")], None),
    ],
)
def test_a_ticket_is_linked_when_there_is_only_one_it_can_be(tickets: list[Any], expected: str | None) -> None:
    found = match(caller(), None, answer(A, booking("R-11", "A"), *tickets))
    assert found.link.ticket_id == expected


# --- Properties -----------------------------------------------------------------------------------

ids = st.sampled_from(["A", "B", "C", "D"])
keys = st.sampled_from(["11", "22", "33", "99"])
members = st.lists(
    st.builds(lambda i, by: member(i, *by), ids, st.sets(st.sampled_from(["number", "reservation"]))),
    max_size=4,
    unique_by=lambda m: m["member_id"],
)
bookings = st.lists(
    st.builds(
        lambda n, i, s: booking(f"R-{n}-{i}", i, s, number=n),
        keys, ids, st.sampled_from(["upcoming", "in_use", "overdue", "returned", "cancelled"]),
    ),
    max_size=5,
    unique_by=lambda b: b["reservation_id"],
)  # fmt: skip
tickets = st.lists(
    st.builds(lambda n, i: ticket(f"T-{n}", i), st.integers(0, 9), ids),
    max_size=3,
    unique_by=lambda t: t["ticket_id"],
)
answers = st.builds(lambda m, b, t: answer(*m, *b, *t), members, bookings, tickets)
callers = st.one_of(
    st.just(caller()),
    st.sampled_from([k for k in CallerKind if k is not CallerKind.NUMBER]).map(lambda k: caller(None, k)),
)
menus = st.one_of(
    st.none(),
    st.builds(lambda k, m: menu(k, is_member=m), st.one_of(st.none(), keys), st.sampled_from([None, True, False])),
)
BANDS = {
    LinkConfidence.CONFIRMED: (0.9, 1.0),
    LinkConfidence.LIKELY: (0.6, 0.8),
    LinkConfidence.POSSIBLE: (0.3, 0.5),
    LinkConfidence.NONE: (0.0, 0.0),
}


def _keyed(facts: MenuFacts | None) -> str | None:
    return facts.reservation_number if facts else None


@given(who=callers, facts=menus, said=answers)
def test_without_a_number_and_a_key_nobody_is_anybody(
    who: CallerNumber, facts: MenuFacts | None, said: LookupAnswer
) -> None:
    link = match(who, facts, said, asked_reservation=_keyed(facts)).link
    if who.kind is not CallerKind.NUMBER:
        assert link.confidence is not LinkConfidence.CONFIRMED
        if _keyed(facts) is None:
            assert (link.confidence, link.member_id) == (LinkConfidence.NONE, None)


@given(who=callers, facts=menus, said=answers)
def test_confirmed_means_that_number_and_key_agree(
    who: CallerNumber, facts: MenuFacts | None, said: LookupAnswer
) -> None:
    link = match(who, facts, said, asked_reservation=_keyed(facts)).link
    if link.confidence is LinkConfidence.CONFIRMED:
        owners = {m.member_id for m in said.members if "number" in m.matched_by}
        linked = next(r for r in said.reservations if r.reservation_id == link.reservation_id)
        assert linked.number == _keyed(facts)
        assert linked.member_id == link.member_id
        assert link.member_id in owners


@given(facts=menus, said=answers)
def test_the_number_s_owner_is_never_confirmed_by_somebody_else_s_booking(
    facts: MenuFacts | None, said: LookupAnswer
) -> None:
    key = _keyed(facts)
    owners = {m.member_id for m in said.members if "number" in m.matched_by}
    holders = {r.member_id for r in said.reservations if r.number == key}
    found = match(caller(), facts, said, asked_reservation=key)
    if key is not None and owners and holders and not owners & holders:
        assert found.link.confidence is LinkConfidence.POSSIBLE
        assert found.link.member_id is None
        assert owners | holders == {c.member_id for c in found.candidates}


@given(who=callers, facts=menus, said=answers, seed=st.integers(0, 1000))
def test_the_order_of_an_answer_changes_no_link(
    who: CallerNumber, facts: MenuFacts | None, said: LookupAnswer, seed: int
) -> None:
    rng = random.Random(seed)
    mixed = said.model_copy(
        update={
            name: tuple(rng.sample(getattr(said, name), len(getattr(said, name))))
            for name in ("members", "reservations", "tickets")
        }
    )
    assert match(who, facts, mixed).link == match(who, facts, said).link


@given(who=callers, facts=menus, said=answers, asked=st.one_of(st.none(), keys))
def test_every_link_is_consistent(
    who: CallerNumber, facts: MenuFacts | None, said: LookupAnswer, asked: str | None
) -> None:
    found = match(who, facts, said, asked_reservation=asked)
    link = found.link
    low, high = BANDS[link.confidence]
    assert low <= link.score <= high
    assert link.reservation_id is None or link.reservation_id in {r.reservation_id for r in said.reservations}
    assert link.ticket_id is None or link.ticket_id in {t.ticket_id for t in said.tickets}
    assert link.member_id is None or link.member_id in {c.member_id for c in found.candidates}
    if link.confidence is LinkConfidence.NONE:
        assert (link.member_id, link.reservation_id, link.ticket_id) == (None, None, None)
