"""Answers are taken as the contract says, cut where it says, and refused otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.model import CallerKind
from cti.linking.contract import MAX_LISTED, MAX_TEXT, LookupRequest, read_answer, read_ticket
from tests.unit.linking.builders import CALL, NOW, booking, member, ticket

GOOD: dict[str, Any] = {
    "as_of": NOW.isoformat(),
    "members": [member("A", "number")],
    "reservations": [booking("R-1", "A")],
    "tickets": [ticket("T-1", "A")],
}


def test_keys_we_do_not_know_are_ignored() -> None:
    said = {**GOOD, "new": 1, "members": [{**GOOD["members"][0], "shoe_size": 42}]}
    assert read_answer(json.dumps(said)) == read_answer(json.dumps(GOOD))


def test_any_unicode_is_a_name() -> None:
    name = "渡邊󠄀 Zoë 👩‍🔧 ﷽ \u202e"
    said = {**GOOD, "members": [member("A", "number") | {"name": name}]}
    assert read_answer(json.dumps(said)).members[0].name == name


def test_long_lists_and_texts_are_cut() -> None:
    said = {
        **GOOD,
        "members": [member(f"M{n}", "number", notes=["x" * 9999] * 99) for n in range(99)],
        "reservations": [booking(f"R-{n}", "A") for n in range(99)],
        "tickets": [ticket(f"T-{n}", "A") for n in range(99)],
    }
    read = read_answer(json.dumps(said))
    assert [len(read.members), len(read.reservations), len(read.tickets)] == [MAX_LISTED] * 3
    assert {len(note) for note in read.members[0].notes} == {MAX_TEXT}


@pytest.mark.parametrize(
    "wrong",
    [
        {"as_of": "yesterday"},
        {"as_of": "2026-11-21T21:00:00"},  # no offset: nobody knows when that is
        {"members": None},
        {"members": {"name": "x"}},
        {"members": [member("", "number")]},
        {"members": [member("x" * 65, "number")]},
        {"members": [member("M\x00", "number")]},
        {"members": [member("A", "telepathy")]},
        {"reservations": [booking("R-1", "A", "lost")]},
        {"reservations": [booking("R-1", "A") | {"starts_at": None}]},
        {"tickets": [ticket("T-1", "A", status="?")]},
        {"missing": ["everything"]},
    ],
)
def test_a_wrong_part_makes_the_answer_wrong(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        read_answer(json.dumps({**GOOD, **wrong}))


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (["+819012345678", "090-1234-5678", "+0", 7, None, "+819012345678 "], ("+819012345678",)),
        ([f"+8190123456{n:02}" for n in range(9)], tuple(f"+8190123456{n:02}" for n in range(5))),
        ("+819012345678", ()),
        ({"home": "+819012345678"}, ()),
        (None, ()),
    ],
)
def test_numbers_in_a_shape_of_their_own_cost_no_pop(said: object, read: tuple[str, ...]) -> None:
    body = {**GOOD, "members": [{**member("A", "number"), "phones": said}]}
    assert read_answer(json.dumps(body)).members[0].phones == read


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b'{"as_of": "\xff"}', b"[" * 100_000, b'{"a":' * 50_000])
def test_garbage_is_a_value_error(raw: bytes) -> None:
    with pytest.raises(ValueError):
        read_answer(raw)
    with pytest.raises(ValueError):
        read_ticket(raw)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda c: (
            st.lists(c)
            | st.dictionaries(
                st.sampled_from(["as_of", "members", "reservations", "tickets", "member_id", "name", "matched_by"])
                | st.text(),
                c,
            )
        ),
    )
)
def test_any_json_is_an_answer_or_a_value_error(body: Any) -> None:
    try:
        read = read_answer(json.dumps(body))
    except ValueError:
        return
    assert read.as_of.tzinfo is not None


def test_a_question_says_what_the_contract_asks_for() -> None:
    asked = LookupRequest(call_id=CALL, kind=CallerKind.PAYPHONE, number=None, number_called="+815012345000")
    assert asked.body() == {
        "call_id": CALL,
        "caller": {"kind": "payphone", "number": None},
        "number_called": "+815012345000",
        "reservation_number": None,
        "language": "ja",
    }


def test_the_same_question_of_another_call_has_the_same_topic() -> None:
    a = LookupRequest(call_id=CALL, kind=CallerKind.NUMBER, number="+81312345678", number_called="+81")
    b = LookupRequest(call_id=type(CALL)("other"), kind=CallerKind.NUMBER, number="+81312345678", number_called="+81")
    c = LookupRequest(call_id=CALL, kind=CallerKind.NUMBER, number="+81312345678", number_called="+81", language="en")
    assert a.topic() == b.topic()
    assert a.topic() != c.topic()
