"""Callbacks as records: the table, tries, hours, and whom a machine may dial, here and in the dialplan."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.asteriskconf.render import templates_directory
from cti.domain import callbacks as cb
from cti.domain.callbacks import OPEN, TABLE, Callback, CallbackId, CallbackMove, CallbackRules, CallbackState
from cti.domain.errors import IllegalMove
from cti.domain.model import CallId, QueueId, TenantId

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)  # 10:00 in Tokyo
TOKYO = ZoneInfo("Asia/Tokyo")
RULES = CallbackRules(opens=time(9), closes=time(20), zone=TOKYO, tries=2, pause_s=60)


def callback(state: CallbackState = CallbackState.WAITING, **more: Any) -> Callback:
    base = Callback(
        callback_id=CallbackId("c" * 32), tenant=TenantId("demo"), queue=QueueId("members"), origin=CallId("x"),
        number="+819012345678", number_called="+815012345000", language="ja", queued_at=NOW, asked_at=NOW, state=state,
    )  # fmt: skip
    return replace(base, **more)


@pytest.mark.parametrize(("state", "move"), [(s, m) for s in CallbackState for m in CallbackMove])
def test_every_pair(state: CallbackState, move: CallbackMove) -> None:
    wanted = TABLE[state].get(move)
    if wanted is None:
        with pytest.raises(IllegalMove):
            cb.advance(callback(state), move, NOW)
        return
    after = cb.advance(callback(state), move, NOW)
    assert (after.state, after.version) == (wanted, 2)
    assert (after.ended_at is None) == (wanted in OPEN)


def test_tries_are_counted_and_end() -> None:
    first = cb.missed(callback(CallbackState.CALLING), "busy", RULES, NOW)
    assert (first.state, first.tries, first.outcome) == (CallbackState.WAITING, 1, "busy")
    assert first.not_before == NOW + timedelta(seconds=60)
    last = cb.missed(cb.advance(first, CallbackMove.CALL, NOW), "noanswer", RULES, NOW)
    assert (last.state, last.tries, last.outcome, last.ended_at) == (CallbackState.GIVEN_UP, 2, "noanswer", NOW)


def test_callbacks_that_were_switched_off_end_with_their_try() -> None:
    assert cb.missed(callback(CallbackState.CALLING), "busy", None, NOW).state is CallbackState.GIVEN_UP


@given(st.integers(0, 730 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes)))
def test_hours_are_the_desks_and_their_next_change_is_ahead(at: datetime) -> None:
    assert RULES.is_open(at) == (9 <= at.astimezone(TOKYO).hour < 20)
    change = RULES.next_change(at)
    assert at < change <= at + timedelta(hours=24)
    assert RULES.is_open(at) == RULES.is_open(change - timedelta(microseconds=1))


def test_the_hours_hold_from_their_first_instant_and_not_at_their_last() -> None:
    opens, closes = (datetime(2026, 11, 22, hour, tzinfo=TOKYO) for hour in (9, 20))
    assert (RULES.is_open(opens), RULES.is_open(closes)) == (True, False)
    assert (RULES.next_change(opens), RULES.next_change(closes)) == (closes, opens + timedelta(days=1))


@given(st.integers(0, 4 * 24 * 60).map(lambda minutes: datetime(2026, 3, 27, tzinfo=UTC) + timedelta(minutes=minutes)))
def test_an_hour_that_is_skipped_costs_a_minute_at_most(at: datetime) -> None:
    rules = CallbackRules(opens=time(2, 30), closes=time(3, 30), zone=ZoneInfo("Europe/Berlin"))
    assert at < rules.next_change(at) <= at + timedelta(hours=26)


@pytest.mark.parametrize(
    ("number", "may"),
    [
        ("+819012345678", True), ("06012345678", True), ("0312345678", True), ("05012345678", True),
        ("06001234567", True), ("110", False), ("118", False), ("119", False), ("117", False), ("0990123456", False),
        ("0570123456", False), ("0120123456", False), ("08001234567", False), ("0180123456", False),
        ("0170123456", False), ("02041234567", False), ("0911234567", False), ("+12025550123", False), ("", False),
        ("184", False), ("18409012345678", True),
    ],
)  # fmt: skip
def test_whom_a_machine_may_dial(number: str, may: bool) -> None:
    assert cb.may_dial(number) is may


def patterns() -> list[tuple[re.Pattern[str], bool]]:
    """The extensions of cti-callee, the most exact first, and whether each leads to Dial()."""
    text = (templates_directory() / "extensions.conf").read_text(encoding="utf-8")
    context = text.partition("[cti-callee]")[2].partition("\n[")[0]
    rows = re.findall(r"(?m)^exten => _(\S+),1,Goto\((dial|i),1\)$", context)
    assert len(rows) == 9
    found = [(re.compile(pattern.replace("X", "[0-9]")), way == "dial") for pattern, way in rows]
    return sorted(found, key=lambda row: row[0].pattern.count("["))


@given(
    st.one_of(
        st.from_regex(r"\A0[0-9]{5,11}\Z"),
        st.from_regex(r"\A0[1-9]0[0-9]{6,8}\Z"),
        st.from_regex(r"\A0(120|570|990|180|170|91|600|50|20)[0-9]{5,8}\Z"),
        st.from_regex(r"\A[0-9]{1,12}\Z"),
    )
)
def test_the_dialplan_dials_the_same_numbers_and_no_other(number: str) -> None:
    first = next((dials for pattern, dials in patterns() if pattern.fullmatch(number)), False)
    spoken_for = re.fullmatch(r"18[46].*|010.*|[1-9].*", number)  # prefixes that are understood, never sent
    if not spoken_for:
        assert first is cb.may_dial(number)
    assert not (first and not number.startswith("0"))
