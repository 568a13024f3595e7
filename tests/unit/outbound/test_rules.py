"""Whom an agent may have dialled: over any text, and at the edges of every rule."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.asteriskconf.render import templates_directory
from cti.domain.model import QueueId
from cti.outbound.rules import HOUR, OutboundRules, Permit, Refused, permit
from cti.web.texts import LANGUAGES, catalogue

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
OWN = "+815012345000"
RULES = OutboundRules(number=OWN, queue=QueueId("members"), language="ja", own=frozenset({OWN}))
GOOD = "090-1234-5678"

numbers = st.one_of(
    st.text(max_size=45),
    st.from_regex(r"\A[0-9+\-() ]{1,18}\Z"),
    st.from_regex(r"\A(184|186)?0[0-9]{8,11}\Z"),
    st.from_regex(r"\A(\+81|0)(120|800|570|990|180|170|91|600|50|20|90|3)[0-9]{6,9}\Z"),
)
times = st.lists(st.integers(-7200, 0).map(lambda s: NOW + timedelta(seconds=s)), max_size=40)


def asked(text: str, rules: OutboundRules | None = RULES, mine: list[datetime] | None = None) -> Permit:
    return permit(rules, text, NOW, mine=mine or [], all_=mine or [])


def why(text: str, rules: OutboundRules | None = RULES, mine: list[datetime] | None = None) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        asked(text, rules, mine)
    return refused.value.key, refused.value.detail


@pytest.mark.parametrize(
    "text", [GOOD, "09012345678", "+81 90 1234 5678", "０９０−１２３４−５６７８", "184-090-1234-5678"]
)
def test_a_number_in_any_way_of_writing_it(text: str) -> None:
    assert asked(text) == Permit(e164="+819012345678", digits="09012345678", shown=GOOD)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("110", "dial_emergency"), ("118", "dial_emergency"), ("１１９", "dial_emergency"),
        ("184110", "dial_emergency"), ("117", "dial_short_code"), ("188", "dial_short_code"),
        ("0990-123-456", "dial_premium"),
        ("0570-012-345", "dial_navi_dial"), ("0180-123-456", "dial_service"), ("0170123456", "dial_service"),
        ("020-4123-4567", "dial_service"), ("+1 202 555 0123", "dial_abroad"), ("010-1-202-555-0123", "dial_abroad"),
        ("", "dial_no_number"), ("佐藤", "dial_no_number"), ("090", "dial_no_number"), ("sip:a@b", "dial_no_number"),
        ("050-1234-5000", "dial_own"),
    ],
)  # fmt: skip
def test_what_is_never_dialled_is_refused_with_its_reason(text: str, key: str) -> None:
    assert why(text)[0] == key


def test_an_emergency_is_told_also_where_nobody_dials_out() -> None:
    assert why("110", None) == ("dial_emergency", "")
    assert why(GOOD, None) == ("dial_off", "")


def dialplan() -> list[tuple[re.Pattern[str], bool]]:
    """The extensions of cti-person with those that it includes, the most exact first, and whether each dials."""
    text = (templates_directory() / "extensions.conf").read_text(encoding="utf-8")
    found = []
    for context in ("cti-person", "cti-callee"):  # its own win over those that it includes
        lines = text.partition(f"[{context}]")[2].partition("\n[")[0]
        rows = re.findall(r"(?m)^exten => _(\S+),1,Goto\((dial|i),1\)$", lines)
        found.append(sorted(rows, key=lambda row: row[0].count("[")))
    assert [len(rows) for rows in found] == [2, 9]
    return [(re.compile(pattern.replace("X", "[0-9]")), way == "dial") for rows in found for pattern, way in rows]


@given(numbers)
def test_whatever_is_asked_for_only_what_the_dialplan_dials_too_is_permitted(text: str) -> None:
    try:
        found = asked(text)
    except Refused as refused:
        assert all(refused.key in catalogue(language) for language in LANGUAGES)
        return
    assert re.fullmatch(r"0[1-9][0-9]{8,9}", found.digits)
    assert not re.match(r"0(990|570|180|170|91|20|[1-9]10$)", found.digits)
    assert next((dials for pattern, dials in dialplan() if pattern.fullmatch(found.digits)), False)


@given(st.from_regex(r"\A0[0-9]{9,10}\Z"))
def test_what_the_dialplan_dials_is_permitted_where_no_rule_is_narrower(digits: str) -> None:
    if next((dials for pattern, dials in dialplan() if pattern.fullmatch(digits)), False) and digits != "05012345000":
        assert asked(digits).digits == digits


@given(numbers, st.lists(st.from_regex(r"\A0[0-9]{0,4}\Z"), min_size=1, max_size=5))
def test_prefixes_only_ever_take_away(text: str, prefixes: list[str]) -> None:
    narrow = replace(RULES, prefixes=tuple(prefixes))
    try:
        found = asked(text, narrow)
    except Refused:
        return
    assert found.digits.startswith(tuple(prefixes))
    assert found == asked(text)


def test_a_prefix_that_is_missing_is_told_with_those_there_are() -> None:
    assert why(GOOD, replace(RULES, prefixes=("03", "080"))) == ("dial_prefix", "03, 080")


@given(times, st.integers(0, 30))
def test_no_agent_ever_gets_more_than_the_cap_within_any_hour(before: list[datetime], cap: int) -> None:
    rules, mine, at = replace(RULES, per_agent_hour=cap), sorted(before), NOW
    for _ in range(40):
        try:
            permit(rules, GOOD, at, mine=mine, all_=[])
        except Refused as refused:
            assert (refused.key, refused.detail) == ("dial_agent_cap", str(cap))
            assert sum(at - HOUR < one <= at for one in mine) >= cap
        else:
            mine.append(at)
            assert sum(at - HOUR < one <= at for one in mine) <= cap
        at += timedelta(minutes=7)


def test_the_desks_cap_counts_everybody() -> None:
    rules = replace(RULES, per_hour=2)
    just_now = NOW - timedelta(minutes=59, seconds=59)
    with pytest.raises(Refused, match="dial_desk_cap 2"):
        permit(rules, GOOD, NOW, mine=[], all_=[just_now, just_now])
    assert permit(rules, GOOD, NOW, mine=[], all_=[just_now, NOW - HOUR]).shown == GOOD


@dataclass(frozen=True)
class From:
    """Closed until then; None: for ever."""

    at: datetime | None

    def next_opening(self, instant: datetime) -> datetime | None:
        return None if self.at is None else max(self.at, instant)


def test_out_of_hours_the_next_opening_is_told_as_the_desks_clock_shows_it() -> None:
    closed = replace(RULES, hours=From(NOW + timedelta(hours=16)), zone=ZoneInfo("Asia/Tokyo"))
    assert why(GOOD, closed) == ("dial_closed", "2026-11-23 09:00")
    assert why(GOOD, replace(RULES, hours=From(None))) == ("dial_closed", "")
    assert asked(GOOD, replace(RULES, hours=From(NOW))).shown == GOOD
