"""What must hold of a desk's rules for dialling out: its number and hours exist, each prefix lets something in."""

from __future__ import annotations

from collections.abc import Iterator

from cti.desk.schema import Tenant
from cti.domain.callbacks import HAD_DIALLED
from cti.domain.phone import NumberClass, classify
from cti.tomlfile import Location, TomlFile, closest

# What no rule can allow, in words.
NEVER = {
    NumberClass.EMERGENCY: "emergency numbers are never dialled",
    NumberClass.SHORT_CODE: "short codes are never dialled",
    NumberClass.PREMIUM: "premium numbers are never dialled",
    NumberClass.NAVI_DIAL: "navi-dial numbers, which cost by the minute, are never dialled",
    NumberClass.INTERNATIONAL: "numbers abroad are never dialled",
}
_OTHERWISE = "no number that may be dialled begins so"
# Japanese numbers have 10 digits or 11; which digits follow decides of some prefixes.
_LENGTHS, _FILLERS = (10, 11), ("1", "0", "5")


def outbound_problems(file: TomlFile, at: Location, tenant: Tenant) -> Iterator[str]:
    """One sentence for each thing that is wrong."""
    rules = tenant.outbound
    if rules is None:
        return
    here = (*at, "outbound")
    numbers = {number.number for number in tenant.numbers}
    calendars = {calendar.id for calendar in tenant.calendars}
    if rules.number not in numbers:
        yield file.problem((*here, "number"), f"no number {rules.number!r}; {closest(rules.number, numbers)}")
    if rules.calendar is not None and rules.calendar not in calendars:
        yield file.problem((*here, "calendar"), f"no calendar {rules.calendar!r}; {closest(rules.calendar, calendars)}")
    for index, prefix in enumerate(rules.prefixes):
        why = pointless(prefix)
        if why is not None:
            yield file.problem((*here, "prefixes", index), f"{prefix!r} lets nothing in: {why}; leave it out")


def pointless(prefix: str) -> str | None:
    """Why no number that begins so may be dialled; None: some may."""
    whole = [prefix.ljust(length, filler) for length in _LENGTHS for filler in _FILLERS]
    kinds = [classify(number) for number in whole]
    if HAD_DIALLED.intersection(kinds):
        return None
    return next((NEVER[kind] for kind in kinds if kind in NEVER), _OTHERWISE)
