"""The card says what the answer says, to whom it matters, best first, and how fresh it is."""

from __future__ import annotations

import json
from typing import Any

from cti.domain.model import MenuFacts
from cti.linking.card import empty_card, filled_card
from cti.linking.contract import LookupAnswer
from cti.linking.matching import match, nobody
from tests.unit.linking.builders import NOW, answer, booking, caller, member, menu, ticket


def card_of(said: LookupAnswer, facts: MenuFacts | None = None, status: str = "live") -> dict[str, Any]:
    found = match(caller(), facts, said, asked_reservation=facts.reservation_number if facts else None)
    card = filled_card(found, said, facts, status)
    plain: dict[str, Any] = json.loads(json.dumps(card))  # or this raises
    return plain


def test_a_full_card() -> None:
    said = answer(
        member("A", "number", name_kana="タカハシ", company="会社", plan="法人", language="ja", notes=["延滞"],
               phones=["+819012345678", "03-1234-5678", 5, "+81312345678"],
               verification=[{"prompt": "生年月日", "answer": "1988"}]),
        booking("R-11", "A", vehicle={"vehicle_id": "V", "plate": "品川 330 わ 12-34", "fuel_percent": 50},
                terms=[{"code": "noc", "text": "NOC"}]),
        ticket("T-1", "A"),
    )  # fmt: skip
    card = card_of(said)
    as_of = {"status": "live", "as_of": NOW.isoformat()}
    assert card["link"] == as_of | {
        "link": {"confidence": "likely", "score": 0.8, "why": "number_only", "member_id": "A",
                 "reservation_id": "R-11", "ticket_id": "T-1"}
    }  # fmt: skip
    (who,) = card["members"]["members"]
    assert who == {
        "member_id": "A", "name": "会員 A", "name_kana": "タカハシ", "company": "会社", "plan": "法人",
        "language": "ja", "notes": ["延滞"], "phones": ["090-1234-5678", "03-1234-5678"],
        "status": "active", "standing": "holds_number",
        "reservation_id": "R-11", "verification": [{"prompt": "生年月日", "answer": "1988", "code": ""}],
    }  # fmt: skip
    (reservation,) = card["reservations"]["reservations"]
    assert reservation["member_name"] == "会員 A"
    assert reservation["vehicle"]["plate"] == "品川 330 わ 12-34"
    assert (reservation["terms"], reservation["term_codes"]) == (["NOC"], ["noc"])
    assert [t["ticket_id"] for t in card["tickets"]["tickets"]] == ["T-1"]


def test_the_keyed_booking_comes_first_then_the_late_ones() -> None:
    said = answer(
        member("A", "number"), member("C", "reservation"),
        booking("R-1", "A", "returned"), booking("R-2", "A", "overdue"), booking("R-33", "C", "upcoming"),
    )  # fmt: skip
    card = card_of(said, menu("33"))
    assert [r["reservation_id"] for r in card["reservations"]["reservations"]] == ["R-33", "R-2", "R-1"]


def test_members_whom_nothing_led_to_are_not_shown() -> None:
    said = answer(member("A", "number"), member("X"), booking("R-9", "X"), booking("R-1", "A"), ticket("T-9", "X"))
    card = card_of(said)
    assert [m["member_id"] for m in card["members"]["members"]] == ["A"]
    assert [r["reservation_id"] for r in card["reservations"]["reservations"]] == ["R-1"]
    assert card["tickets"]["tickets"] == []


def test_closed_tickets_are_left_out() -> None:
    card = card_of(answer(member("A", "number"), ticket("T-1", "A", status="closed"), ticket("T-2", "A")))
    assert [t["ticket_id"] for t in card["tickets"]["tickets"]] == ["T-2"]


def test_the_reason_lifts_the_term_it_is_about() -> None:
    terms = [{"code": "noc", "text": "N"}, {"code": "puncture_not_covered", "text": "P"}]
    said = answer(member("A", "number"), booking("R-1", "A", terms=terms))
    (reservation,) = card_of(said, menu(reason="puncture"))["reservations"]["reservations"]
    assert reservation["terms"] == ["P", "N"]


def test_a_missing_part_is_unavailable_not_empty() -> None:
    card = card_of(answer(member("A", "number"), missing=["tickets"]), status="stale")
    assert card["tickets"] == {"status": "unavailable", "as_of": None, "tickets": []}
    assert card["members"]["status"] == "stale"


def test_an_empty_card() -> None:
    link = nobody(caller(None))
    card: Any = empty_card(link, "live", NOW)
    assert card["link"]["link"]["why"] == "caller_withheld"
    assert card["members"] == {"status": "live", "as_of": NOW.isoformat(), "members": []}
    pending: Any = empty_card(None, "pending")
    assert pending["link"] == {"status": "pending", "as_of": None, "link": None}
