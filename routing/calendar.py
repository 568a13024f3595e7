"""When a desk is open: hours by weekday, national holidays, own days, in the calendar's own time zone. PURE.

Which rule a day has, first match: an own day with a year in its dates, an own day of every year, a national holiday,
the weekday. So each instant has exactly one answer.

Hours are those on the clock on the wall. Where a change of the clock makes that ambiguous, the desk is open rather
longer than shorter: a time that occurs twice opens at the first and closes at the last; a time that is skipped means
the instant of the change.

National holidays are ``jpholiday``'s: the law's dates with equinoxes, substitute and citizens' holidays. Those of years
that the Cabinet Office has not announced yet are computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import jpholiday

from cti.domain.errors import ConfigError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# How far ahead a change is looked for: a year and its longest holidays. Beyond it a calendar counts as never changing.
LOOK_DAYS = 400
# Most zones change by an hour, the odd one by 24; a change is found to the second.
ONE_SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
# Where in a calendar the hours of a day stand that is no ordinary weekday.
PLACES = {"own_days": "days", "holiday": "on_holidays"}
# Rather open than closed.
TWICE = {"opens": "first", "closes": "last"}

_HOURS = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])\Z")
_DATE = re.compile(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})\Z")

Location = tuple[str | int, ...]
# Where in the calendar, and what is wrong there.
Problem = tuple[Location, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hours:
    """Open from and until, in minutes of the day on the wall; 1440 is midnight at its end."""

    start_min: int
    end_min: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnDays:
    """Days with hours of their own: a closure, or other hours than usual."""

    name: tuple[str, str]  # Japanese, English
    first: tuple[int | None, int, int]  # year (None: every year), month, day
    last: tuple[int | None, int, int]  # included; may lie before ``first`` when every year: then over New Year
    hours: tuple[Hours, ...] = ()  # none: closed

    @property
    def yearly(self) -> bool:
        """Whether it comes every year."""
        return self.first[0] is None

    def covers(self, day: date) -> bool:
        """Whether ``day`` is one of them."""
        if not self.yearly:
            return self.first <= (day.year, day.month, day.day) <= self.last
        first, last, here = self.first[1:], self.last[1:], (day.month, day.day)
        return first <= here <= last if first <= last else here >= first or here <= last


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """What a calendar says of an instant."""

    open: bool
    why: str  # slug: "own_days", "holiday", "weekday"
    name: tuple[str, str]  # of the day, Japanese and English; empty for a weekday
    until: datetime | None  # the next change, UTC; None: none within LOOK_DAYS


@dataclass(frozen=True, kw_only=True, slots=True)
class Calendar:
    """Business hours."""

    calendar: str  # slug
    zone: ZoneInfo
    weekly: tuple[tuple[Hours, ...], ...]  # Monday first
    holidays: bool = True  # the Japanese national holidays have hours of their own
    on_holidays: tuple[Hours, ...] = ()  # and these are they; none: closed
    days: tuple[OwnDays, ...] = ()  # those with a year before those of every year
    # The last answer, by its day: many callers ask within one minute. Changes nothing that anybody can see.
    _last: dict[date, tuple[datetime, Opening]] = field(default_factory=dict, init=False, compare=False, repr=False)

    def open_at(self, instant: datetime) -> Opening:
        """Whether it is open at an aware instant, why, and until when that holds."""
        # In one zone Python compares what the wall shows: of a time that comes twice both are the same to it.
        instant = instant.astimezone(UTC)
        here = instant.astimezone(self.zone).date()
        known = self._last.get(here)
        if known is not None and known[0] <= instant and (known[1].until is None or instant < known[1].until):
            return known[1]
        found = self._look(instant, here)
        self._last.clear()
        self._last[here] = (instant, found)
        return found

    def _look(self, instant: datetime, here: date) -> Opening:
        why, name, _ = self._rule(here)
        for start, end in self._spans(here - DAY):
            if end > instant:
                is_open = start <= instant
                return Opening(open=is_open, why=why, name=name, until=self._until(end if is_open else start, instant))
        return Opening(open=False, why=why, name=name, until=None)

    def next_opening(self, instant: datetime) -> datetime | None:
        """The first instant at or after this one at which it is open; None: not within LOOK_DAYS."""
        now = self.open_at(instant)
        return instant if now.open else now.until

    def clock_changes(self, first: date) -> Iterator[Problem]:
        """Openings and closings from that day on, within LOOK_DAYS, that a change of the clock skips or repeats.

        Each with its place in the calendar, and what is done about it: nobody has to guess on the day.
        """
        for n in range(LOOK_DAYS):
            day = first + n * DAY
            why, _, spans = self._rule(day)
            where: Location = ("weekly", WEEKDAYS[day.weekday()]) if why == "weekday" else (PLACES[why],)
            for minute, does in ((m, d) for s in spans for m, d in ((s.start_min, "opens"), (s.end_min, "closes"))):
                wall = datetime.combine(day, time()) + timedelta(minutes=minute)
                early, late = (wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
                if early == late:
                    continue
                at = self._instant(day, minute, last=does == "closes").astimezone(self.zone)
                if early < late:
                    said = f"comes twice on the clocks of {self.zone.key}: {does} at the {TWICE[does]} of them"
                else:
                    said = f"is skipped by the clocks of {self.zone.key}: {does} at {at:%H:%M}, when they change"
                yield where, f"{wall:%H:%M} on {wall:%Y-%m-%d} {said}; for other hours write an own day"

    def _until(self, at: datetime, instant: datetime) -> datetime | None:
        return at if at - instant <= timedelta(days=LOOK_DAYS) else None

    def _rule(self, day: date) -> tuple[str, tuple[str, str], tuple[Hours, ...]]:
        for own in self.days:
            if own.covers(day):
                return "own_days", own.name, own.hours
        if self.holidays and (holiday := national_holidays(day.year).get(day)):
            return "holiday", (holiday, holiday), self.on_holidays
        return "weekday", ("", ""), self.weekly[day.weekday()]

    def _spans(self, first: date) -> Iterator[tuple[datetime, datetime]]:
        """When it is open, from a day on, as instants in order; what touches is one span."""
        begun: tuple[datetime, datetime] | None = None
        for n in range(LOOK_DAYS + 3):
            day = first + n * DAY
            for hours in self._rule(day)[2]:
                start = self._instant(day, hours.start_min, last=False)
                end = self._instant(day, hours.end_min, last=True)
                if begun is not None and start <= begun[1]:
                    begun = (begun[0], max(begun[1], end))
                    continue
                if begun is not None:
                    yield begun
                begun = (start, end) if start < end else None
        if begun is not None:
            yield begun

    def _instant(self, day: date, minute: int, *, last: bool) -> datetime:
        """When the clock on the wall shows this; see the module's rule for times that occur twice or never."""
        wall = datetime.combine(day, time()) + timedelta(minutes=minute)
        before, after = (wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if before <= after:
            return after if last else before
        # Skipped: with the offset of before the change it comes too late, with that of after it too early (PEP 495).
        offset = after.astimezone(self.zone).utcoffset()
        while before - after > ONE_SECOND:
            middle = after + (before - after) / 2
            if middle.astimezone(self.zone).utcoffset() == offset:
                after = middle
            else:
                before = middle
        return before.replace(microsecond=0)


@cache
def national_holidays(year: int) -> Mapping[date, str]:
    """The Japanese national holidays of a year with their names, substitute and citizens' holidays among them."""
    return dict(jpholiday.year_holidays(year))


# --- From data -------------------------------------------------------------------------------------


def calendar_from_data(data: Mapping[str, Any], *, zone: str) -> Calendar:
    """A calendar as the desk file has it (docs/queues.md). ``zone``: the tenant's, for those that name none.

    Raises ConfigError with a sentence per problem.
    """
    problems = problems_in(data)
    if problems:
        raise ConfigError([f"{'.'.join(map(str, where))}: {what}" for where, what in problems])
    weekly = data.get("weekly") or {}
    days = tuple(_own_days(item) for item in data.get("days") or ())
    return Calendar(
        calendar=data["id"],
        zone=ZoneInfo(data.get("time_zone") or zone),
        weekly=tuple(_hours(weekly.get(day) or ()) for day in WEEKDAYS),
        holidays=data.get("holidays", "jp") == "jp",
        on_holidays=_hours(data.get("on_holidays") or ()),
        days=tuple(sorted(days, key=lambda own: own.yearly)),
    )


def problems_in(data: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with a calendar, each with its place and what to write instead."""
    problems: list[Problem] = []
    for day, hours in (data.get("weekly") or {}).items():
        if day not in WEEKDAYS:
            problems.append((("weekly", day), f"no such weekday; write one of {', '.join(WEEKDAYS)}"))
        problems += _hours_problems(("weekly", day), hours)
    problems += _hours_problems(("on_holidays",), data.get("on_holidays") or ())
    days = data.get("days") or ()
    for number, item in enumerate(days):
        problems += _days_problems(("days", number), item)
    if not problems:
        problems += _overlaps([_own_days(item) for item in days])
    return problems


def _hours_problems(where: Location, texts: Any) -> Iterator[Problem]:
    spans: list[tuple[int, int, str]] = []
    for text in texts:
        match = _HOURS.match(str(text))
        start, end = _minutes(match) if match else (0, 0)
        if match is None or start > 1440 or end > 1440:
            yield where, f'{text!r} are no hours; write "10:00-19:00", from 00:00 to 24:00'
        elif end <= start:
            late, early = f"{match[1]}:{match[2]}", f"{match[3]}:{match[4]}"
            advice = f'write "{late}-24:00" here and "00:00-{early}" on the next day' if end else f'"{late}-24:00"'
            yield where, f"{text!r} goes past midnight; {advice}"
        else:
            spans.append((start, end, str(text)))
    spans.sort()
    for one, other in pairwise(spans):
        if other[0] < one[1]:
            yield where, f"{one[2]!r} and {other[2]!r} overlap; write each hour once"


def _days_problems(where: Location, item: Mapping[str, Any]) -> Iterator[Problem]:
    first = _date(str(item.get("first", "")))
    last = _date(str(item["last"])) if item.get("last") else first
    if first is None:
        yield (*where, "first"), 'no such date; write "2026-12-29", or "12-29" for every year'
    if last is None and item.get("last"):
        yield (*where, "last"), 'no such date; write "2027-01-03", or "01-03" for every year'
    if first is not None and last is not None:
        if (first[0] is None) != (last[0] is None):
            yield (*where, "last"), "the first and the last day must both have a year, or neither"
        elif first[0] is not None and last < first:
            yield (*where, "last"), "lies before the first day"
    yield from _hours_problems((*where, "hours"), item.get("hours") or ())


def _overlaps(days: list[OwnDays]) -> Iterator[Problem]:
    """Two own days of the same kind on one date: which of them holds would be chance."""
    for number, own in enumerate(days):
        for other in days[:number]:
            if own.yearly == other.yearly and (shared := _shared(own, other)):
                on = f"{shared:%m-%d} of every year" if own.yearly else f"{shared:%Y-%m-%d}"
                names = f"{own.name[0]!r} and {other.name[0]!r}"
                yield ("days", number, "first"), f"{names} overlap on {on}; give each day one entry"


def _shared(one: OwnDays, other: OwnDays) -> date | None:
    # A leap year has every day of every year. With years the later beginning decides.
    if one.yearly:
        return next(
            (day for n in range(366) if one.covers(day := date(2024, 1, 1) + n * DAY) and other.covers(day)), None
        )
    start = max(one.first, other.first)
    day = date(start[0] or 1, start[1], start[2])
    return day if one.covers(day) and other.covers(day) else None


def _own_days(item: Mapping[str, Any]) -> OwnDays:
    first, last = _date(item["first"]), _date(item.get("last") or item["first"])
    assert first is not None and last is not None  # noqa: S101 - problems_in has looked
    name = item["name"]
    return OwnDays(name=(name["ja"], name["en"]), first=first, last=last, hours=_hours(item.get("hours") or ()))


def _date(text: str) -> tuple[int | None, int, int] | None:
    match = _DATE.match(text)
    if match is None:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        date(year or 2024, month or 0, day or 0)
    except ValueError:
        return None
    return year, month or 0, day or 0


def _hours(texts: Any) -> tuple[Hours, ...]:
    matches = [match for text in texts if (match := _HOURS.match(text))]
    spans = sorted(_minutes(match) for match in matches)
    return tuple(Hours(start_min=start, end_min=end) for start, end in spans)


def _minutes(match: re.Match[str]) -> tuple[int, int]:
    hour, minute, until_hour, until_minute = (int(part) for part in match.groups())
    return 60 * hour + minute, 60 * until_hour + until_minute
