"""Whoever answers look-ups answers so: the client with the real service behind it, and the fake of other tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from cti.domain.model import MenuFacts
from cti.linking.client import LookupClient
from cti.linking.contract import LookupAnswer, LookupRequest, Lookups, LookupStatus
from cti.linking.matching import Match, match
from tests.contract.linking.service import DEMO, Service
from tests.unit.linking.builders import CALL, FakeLookups, answer, booking, caller, member, menu

COMPANY = [f"M-{100101 + n}" for n in range(24)]


def fake_answers(request: LookupRequest) -> LookupAnswer:
    """The four demo callers, as few words as will do."""
    owners: list[str] = {
        DEMO["known_number"]["e164"]: ["M-100017"],
        DEMO["other_members_booking"]["e164"]: ["M-100029"],
        DEMO["shared_company_number"]["e164"]: COMPANY[:20],
    }.get(request.number, [])
    bookings = {
        "48120017": booking("R-48120017", "M-100017"),
        "48120025": booking("R-48120025", "M-100025", "overdue", starts_h=-6, ends_h=-1),
        "48120033": booking("R-48120033", "M-100033", starts_h=-20, ends_h=28),
        "48120041": booking("R-48120041", "M-100101"),
        "48120042": booking("R-48120042", "M-100109"),
    }
    keyed = bookings.get(request.reservation_number or "")
    who: dict[str, list[str]] = {owner: ["number"] for owner in owners}
    if keyed:
        who.setdefault(keyed["member_id"], []).append("reservation")
    shown = [b for b in bookings.values() if b["member_id"] in who]
    return answer(*(member(m, *by) for m, by in who.items()), *shown, member_count=len(who))


@pytest.fixture(params=["service", "fake"])
async def lookups(request: pytest.FixtureRequest) -> AsyncIterator[Lookups]:
    if request.param == "fake":
        yield FakeLookups(fake_answers)
        return
    service: Service = request.getfixturevalue("service")
    async with LookupClient(service.url, service.token) as client:
        yield client


async def ask(lookups: Lookups, number: str | None, keys: str | None = None) -> Match:
    who = caller(number)
    facts: MenuFacts | None = menu(keys) if keys else None
    result = await lookups.look_up(
        LookupRequest(
            call_id=CALL, kind=who.kind, number=who.e164, number_called="+815012345000", reservation_number=keys
        )
    )
    assert result.status is LookupStatus.LIVE, result.fault
    assert result.answer is not None
    return match(who, facts, result.answer, asked_reservation=keys)


@pytest.mark.parametrize("case", DEMO)
async def test_the_four_callers_have_the_outcomes_they_are_listed_with(lookups: Lookups, case: str) -> None:
    demo, expect = DEMO[case], DEMO[case]["expect"]
    link = (await ask(lookups, demo["e164"], demo["keys"] or None)).link
    assert (link.confidence.value, link.why) == (expect["confidence"], expect["why"])
    assert link.reservation_id == expect["reservation_id"]


@pytest.mark.parametrize("case", [c for c in DEMO if "confidence_when_keyed" in DEMO[c]["expect"]])
async def test_their_own_reservation_keyed_makes_it_surer(lookups: Lookups, case: str) -> None:
    demo: dict[str, Any] = DEMO[case]
    link = (await ask(lookups, demo["e164"], demo["own_reservation"])).link
    assert link.confidence.value == demo["expect"]["confidence_when_keyed"]
    assert link.reservation_id == f"R-{demo['own_reservation']}"


async def test_the_contradiction_names_both_members(lookups: Lookups) -> None:
    demo = DEMO["other_members_booking"]
    found = await ask(lookups, demo["e164"], demo["keys"])
    assert [c.member_id for c in found.candidates] == ["M-100025", "M-100029"]


async def test_nobody_has_this_number(lookups: Lookups) -> None:
    assert (await ask(lookups, "+81312340000")).link.why == "number_unknown"


async def test_no_booking_has_this_number(lookups: Lookups) -> None:
    assert (await ask(lookups, "+819012345678", "99999999")).link.why == "number_reservation_unknown"
