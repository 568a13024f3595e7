"""When a desk is open: rules of a day, changes of the clock, national holidays, mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.domain.errors import ConfigError
from routing.calendar import LOOK_DAYS, Calendar, calendar_from_data, national_holidays, problems_in

TOKYO, BERLIN, NEW_YORK = "Asia/Tokyo", "Europe/Berlin", "America/New_York"
OFFICE = {
    "id": "office",
    "weekly": {day: ["10:00-19:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
    "days": [{"name": {"ja": "年末年始", "en": "New Year"}, "first": "12-29", "last": "01-03"}],
}


def calendar(data: Mapping[str, Any] = OFFICE, zone: str = TOKYO, **more: Any) -> Calendar:
    return calendar_from_data({**data, **more}, zone=zone)


def daily(*hours: str, zone: str = TOKYO, **more: Any) -> Calendar:
    """The same hours each day, no holidays."""
    weekly = {day: list(hours) for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    return calendar({"id": "daily", "holidays": "none", "weekly": weekly}, zone=zone, **more)


def at(text: str, zone: str = TOKYO, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


# --- A day's rule ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "is_open", "why", "until"),
    [
        ("2026-11-20T09:59:59", False, "weekday", "2026-11-20T10:00"),  # a Friday
        ("2026-11-20T10:00:00", True, "weekday", "2026-11-20T19:00"),
        ("2026-11-20T19:00:00", False, "weekday", "2026-11-24T10:00"),  # over the weekend and 勤労感謝の日
        ("2026-11-23T12:00:00", False, "holiday", "2026-11-24T10:00"),
        ("2026-09-22T12:00:00", False, "holiday", "2026-09-24T10:00"),  # a citizens' holiday between two others
        ("2026-12-28T12:00:00", True, "weekday", "2026-12-28T19:00"),
        ("2026-12-29T12:00:00", False, "own_days", "2027-01-04T10:00"),
        ("2027-01-01T12:00:00", False, "own_days", "2027-01-04T10:00"),  # a national holiday too: its own day says more
    ],
)
def test_hours_of_an_office(when: str, is_open: bool, why: str, until: str) -> None:
    said = calendar().open_at(at(when))
    assert (said.open, said.why, said.until) == (is_open, why, at(until))


def test_the_day_has_its_name_in_both_languages() -> None:
    assert calendar().open_at(at("2026-12-31T12:00")).name == ("年末年始", "New Year")
    assert calendar().open_at(at("2026-11-23T12:00")).name == ("勤労感謝の日", "勤労感謝の日")
    assert calendar().open_at(at("2026-11-20T12:00")).name == ("", "")


def test_a_day_with_a_year_holds_before_that_of_every_year() -> None:
    special = {"name": {"ja": "臨時", "en": "Extra"}, "first": "2026-12-30", "hours": ["10:00-15:00"]}
    open_once = calendar(days=[*OFFICE["days"], special])
    assert open_once.open_at(at("2026-12-30T14:00")).open
    assert open_once.open_at(at("2026-12-30T14:00")).name == ("臨時", "Extra")
    assert not open_once.open_at(at("2027-12-30T14:00")).open


def test_hours_on_national_holidays() -> None:
    both = calendar(on_holidays=["10:00-17:00"])
    assert both.open_at(at("2026-11-23T16:59")).open
    assert both.open_at(at("2026-11-23T16:59")).why == "holiday"
    assert not both.open_at(at("2026-11-23T17:00")).open


def test_national_holidays_may_be_none_of_ours() -> None:
    assert calendar(holidays="none").open_at(at("2026-11-23T12:00")).open


def test_a_lunch_break_and_hours_that_touch() -> None:
    lunch = daily("09:00-12:00", "13:00-17:30", "17:30-18:00")
    assert lunch.open_at(at("2026-11-20T12:30")).until == at("2026-11-20T13:00")
    assert lunch.open_at(at("2026-11-20T14:00")).until == at("2026-11-20T18:00")


def test_a_night_shift_is_one_opening() -> None:
    night = daily("00:00-06:00", "22:00-24:00")
    assert night.open_at(at("2026-11-20T23:00")).until == at("2026-11-21T06:00")
    assert night.open_at(at("2026-11-20T12:00")).until == at("2026-11-20T22:00")


def test_always_open_and_never_open_have_no_next_change() -> None:
    always, never = daily("00:00-24:00"), daily()
    assert (always.open_at(at("2026-11-20T12:00")).open, always.open_at(at("2026-11-20T12:00")).until) == (True, None)
    assert (never.open_at(at("2026-11-20T12:00")).open, never.next_opening(at("2026-11-20T12:00"))) == (False, None)


def test_the_calendar_has_a_time_zone_of_its_own() -> None:
    # 10:00 in New York is midnight in Tokyo.
    assert calendar(time_zone=NEW_YORK).open_at(at("2026-11-21T00:00")).open
    assert not calendar(time_zone=NEW_YORK).open_at(at("2026-11-20T12:00")).open


def test_an_answer_that_is_kept_is_not_told_for_another_day_or_hour() -> None:
    office = calendar()
    for when, why in (
        ("2026-11-22T12:00", "weekday"),
        ("2026-11-23T00:00", "holiday"),
        ("2026-11-22T23:59", "weekday"),
    ):
        assert office.open_at(at(when)).why == why
    assert [office.open_at(at(f"2026-11-20T{hour}:00")).open for hour in (12, 20, 12)] == [True, False, True]


# --- Changes of the clock --------------------------------------------------------------------------


@pytest.mark.parametrize(("zone", "day"), [(BERLIN, "2026-03-29"), (NEW_YORK, "2026-03-08")])
def test_a_skipped_hour_means_the_instant_of_the_change(zone: str, day: str) -> None:
    """At 02:00 the clock jumps to 03:00: 02:30 never comes."""
    change = at(f"{day}T03:00", zone)
    opens = daily("02:30-10:00", zone=zone)
    assert not opens.open_at(change - timedelta(seconds=1)).open
    assert opens.open_at(change - timedelta(seconds=1)).until == change
    assert opens.open_at(change).open
    closes = daily("00:00-02:30", zone=zone)
    assert closes.open_at(at(f"{day}T01:00", zone)).until == change
    only = daily("02:15-02:45", zone=zone)  # never on that day
    assert only.open_at(at(f"{day}T01:00", zone)).until == at(
        f"{date.fromisoformat(day) + timedelta(days=1)}T02:15", zone
    )


@pytest.mark.parametrize(("zone", "day", "hour"), [(BERLIN, "2026-10-25", 2), (NEW_YORK, "2026-11-01", 1)])
def test_an_hour_that_comes_twice_opens_at_the_first_and_closes_at_the_last(zone: str, day: str, hour: int) -> None:
    half = f"{day}T0{hour}:30"
    opens = daily(f"0{hour}:30-10:00", zone=zone)
    assert opens.open_at(at(half, zone, fold=0)).open
    assert opens.open_at(at(f"{day}T0{hour}:15", zone, fold=1)).open  # the wall shows a time before the opening
    assert opens.open_at(at(half, zone, fold=0)).until == at(f"{day}T10:00", zone)
    closes = daily(f"00:00-0{hour}:30", zone=zone)
    assert closes.open_at(at(f"{day}T0{hour}:45", zone, fold=0)).open
    assert closes.open_at(at(f"{day}T00:10", zone)).until == at(half, zone, fold=1)
    assert not closes.open_at(at(half, zone, fold=1)).open


def test_a_day_that_is_skipped_altogether() -> None:
    """Samoa left 2011-12-30 out; its hours are none, and the next day's are as usual."""
    samoa = daily("09:00-17:00", zone="Pacific/Apia")
    evening = at("2011-12-29T18:00", "Pacific/Apia")
    assert samoa.open_at(evening).until == at("2011-12-31T09:00", "Pacific/Apia")


# --- Properties ------------------------------------------------------------------------------------

MINUTES = st.lists(st.integers(0, 96), min_size=2, max_size=6, unique=True).map(sorted)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    def hours() -> list[str]:
        edges = [15 * quarter for quarter in draw(MINUTES)]
        pairs = zip(edges[::2], edges[1::2], strict=False)
        return [f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in pairs]

    weekly = {day: hours() for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun") if draw(st.booleans())}
    days = [{"name": {"ja": "日", "en": "day"}, "first": "2026-10-24", "last": "2026-10-26", "hours": hours()}]
    zone = draw(st.sampled_from([TOKYO, BERLIN, NEW_YORK, "Australia/Lord_Howe", "America/Sao_Paulo"]))
    return calendar({"id": "any", "weekly": weekly, "days": days, "on_holidays": hours()}, zone=zone)


# Around the changes of the clock of 2026, where it is hardest, and anywhere else.
def seconds_from(first: str, days: int) -> st.SearchStrategy[datetime]:
    return st.integers(0, days * 86_400).map(lambda second: at(first, "UTC") + timedelta(seconds=second))


INSTANTS = st.one_of(seconds_from("2026-03-07", 30), seconds_from("2026-10-03", 30), seconds_from("2018-01-01", 4000))


@settings(max_examples=300, deadline=None)
@given(calendars(), INSTANTS, st.lists(st.floats(0, 0.999), max_size=5))
def test_nothing_changes_before_the_next_change_and_something_does_at_it(
    which: Calendar, instant: datetime, shares: list[float]
) -> None:
    said = which.open_at(instant)
    until = said.until or instant + timedelta(days=LOOK_DAYS - 1)
    assert until > instant
    for share in shares:
        between = which.open_at(instant + share * (until - instant))
        assert (between.open, between.until) == (said.open, said.until) or said.until is None
        assert between.open is said.open
    if said.until is not None:
        assert which.open_at(said.until).open is not said.open
        assert which.open_at(said.until - timedelta(microseconds=1)).open is said.open


@settings(max_examples=300, deadline=None)
@given(calendars(), INSTANTS)
def test_far_from_a_change_of_the_clock_the_wall_decides(which: Calendar, instant: datetime) -> None:
    wall = instant.astimezone(which.zone)
    offsets = {
        (wall + timedelta(hours=hours)).astimezone(UTC).astimezone(which.zone).utcoffset() for hours in (-26, 0, 26)
    }
    if len(offsets) > 1:
        return
    own = next((days for days in which.days if days.covers(wall.date())), None)
    hours = which.weekly[wall.weekday()]
    if own is not None:
        hours = own.hours
    elif wall.date() in national_holidays(wall.year):
        hours = which.on_holidays
    minute = wall.hour * 60 + wall.minute
    assert which.open_at(instant).open is any(span.start_min <= minute < span.end_min for span in hours)


@settings(max_examples=200, deadline=None)
@given(calendars(), INSTANTS)
def test_the_answer_does_not_depend_on_what_was_asked_before(which: Calendar, instant: datetime) -> None:
    for hours in (0, 5, -30, 700):
        which.open_at(instant + timedelta(hours=hours))
    fresh = Calendar(
        calendar="fresh", zone=which.zone, weekly=which.weekly, on_holidays=which.on_holidays, days=which.days
    )
    assert which.open_at(instant) == fresh.open_at(instant)


# --- National holidays -----------------------------------------------------------------------------

# Cabinet Office, 国民の祝日について (www8.cao.go.jp/chosei/shukujitsu/gaiyou.html and its syukujitsu.csv): all dates
# of ten years, 2019 to 2021 with their special laws, substitute holidays and citizens' holidays included.
PUBLISHED = {
    2018: "1-1 1-8 2-11 2-12 3-21 4-29 4-30 5-3 5-4 5-5 7-16 8-11 9-17 9-23 9-24 10-8 11-3 11-23 12-23 12-24",
    2019: "1-1 1-14 2-11 3-21 4-29 4-30 5-1 5-2 5-3 5-4 5-5 5-6 7-15 8-11 8-12 9-16 9-23 10-14 10-22 11-3 11-4 11-23",
    2020: "1-1 1-13 2-11 2-23 2-24 3-20 4-29 5-3 5-4 5-5 5-6 7-23 7-24 8-10 9-21 9-22 11-3 11-23",
    2021: "1-1 1-11 2-11 2-23 3-20 4-29 5-3 5-4 5-5 7-22 7-23 8-8 8-9 9-20 9-23 11-3 11-23",
    2022: "1-1 1-10 2-11 2-23 3-21 4-29 5-3 5-4 5-5 7-18 8-11 9-19 9-23 10-10 11-3 11-23",
    2023: "1-1 1-2 1-9 2-11 2-23 3-21 4-29 5-3 5-4 5-5 7-17 8-11 9-18 9-23 10-9 11-3 11-23",
    2024: "1-1 1-8 2-11 2-12 2-23 3-20 4-29 5-3 5-4 5-5 5-6 7-15 8-11 8-12 9-16 9-22 9-23 10-14 11-3 11-4 11-23",
    2025: "1-1 1-13 2-11 2-23 2-24 3-20 4-29 5-3 5-4 5-5 5-6 7-21 8-11 9-15 9-23 10-13 11-3 11-23 11-24",
    2026: "1-1 1-12 2-11 2-23 3-20 4-29 5-3 5-4 5-5 5-6 7-20 8-11 9-21 9-22 9-23 10-12 11-3 11-23",
    2027: "1-1 1-11 2-11 2-23 3-21 3-22 4-29 5-3 5-4 5-5 7-19 8-11 9-20 9-23 10-11 11-3 11-23",
}


@pytest.mark.parametrize("year", PUBLISHED)
def test_national_holidays_are_those_of_the_cabinet_office(year: int) -> None:
    published = {date(year, *(int(part) for part in day.split("-"))) for day in PUBLISHED[year].split()}
    assert national_holidays(year).keys() == published


# --- Mistakes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "where", "what"),
    [
        ({"weekly": {"mon": ["10:00-13:00", "12:00-19:00"]}}, ("weekly", "mon"), "overlap; write each hour once"),
        (
            {"weekly": {"mon": ["22:00-06:00"]}},
            ("weekly", "mon"),
            '"22:00-24:00" here and "00:00-06:00" on the next day',
        ),
        ({"weekly": {"mon": ["22:00-00:00"]}}, ("weekly", "mon"), 'goes past midnight; "22:00-24:00"'),
        ({"weekly": {"mon": ["10-19"]}}, ("weekly", "mon"), 'are no hours; write "10:00-19:00"'),
        ({"weekly": {"mon": ["10:00-24:30"]}}, ("weekly", "mon"), "from 00:00 to 24:00"),
        ({"weekly": {"monday": []}}, ("weekly", "monday"), "no such weekday; write one of mon, tue"),
        ({"on_holidays": ["1:00-2:00"]}, ("on_holidays",), "are no hours"),
        ({"days": [{"first": "2026-02-29"}]}, ("days", 0, "first"), "no such date"),
        (
            {"days": [{"first": "2026-12-29", "last": "01-03"}]},
            ("days", 0, "last"),
            "must both have a year, or neither",
        ),
        ({"days": [{"first": "2026-12-29", "last": "2026-12-01"}]}, ("days", 0, "last"), "lies before the first day"),
        ({"days": [{"first": "12-29", "hours": ["9-5"]}]}, ("days", 0, "hours"), "are no hours"),
    ],
)
def test_each_mistake_has_its_place_and_its_advice(change: dict[str, Any], where: tuple[Any, ...], what: str) -> None:
    for item in change.get("days", ()):
        item["name"] = {"ja": "休", "en": "off"}
    ((place, sentence),) = problems_in({**OFFICE, **change})
    assert place == where
    assert what in sentence


@pytest.mark.parametrize(
    ("first", "last", "what"),
    [
        ("12-31", "12-31", "'棚卸' and '年末年始' overlap on 12-31 of every year; give each day one entry"),
        ("01-02", "01-10", "overlap on 01-02 of every year"),
        ("01-04", "01-10", None),
        ("2026-12-31", "2026-12-31", None),  # one with a year holds before one of every year: no chance in it
    ],
)
def test_own_days_must_not_overlap(first: str, last: str, what: str | None) -> None:
    more = {"name": {"ja": "棚卸", "en": "Stocktaking"}, "first": first, "last": last}
    problems = problems_in({**OFFICE, "days": [*OFFICE["days"], more]})
    assert [where for where, _ in problems] == ([("days", 1, "first")] if what else [])
    assert all(what is not None and what in sentence for _, sentence in problems)


def test_own_days_with_years_must_not_overlap() -> None:
    days = [
        {"name": {"ja": "一", "en": "one"}, "first": "2026-08-10", "last": "2026-08-16"},
        {"name": {"ja": "二", "en": "two"}, "first": "2026-08-14", "last": "2026-08-20"},
    ]
    ((where, sentence),) = problems_in({**OFFICE, "days": days})
    assert where == ("days", 1, "first")
    assert "overlap on 2026-08-14" in sentence


def test_a_wrong_calendar_is_not_read() -> None:
    with pytest.raises(ConfigError, match=r"weekly\.mon: .* overlap"):
        calendar(weekly={"mon": ["10:00-13:00", "12:00-19:00"]})
