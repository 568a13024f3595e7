"""Whether there is room to record: the decision. PURE.

::

    ok ⇄ low ⇄ stop ⇄ cut        worse at once; better after several looks that saw more room than the limit asks

``low`` is said. ``stop`` begins no new recording, ``cut`` ends those that run as well: the disk is about to be full in
spite of it, and a full disk stops more than recordings. What cannot be measured stops nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

MB = 1_000_000
# Better is believed at this much more free space, or this much less in the spool, than the limit: one recording that is
# stored, or one more call, must not switch to and fro.
FREE_MARGIN = 1.25
SPOOL_MARGIN = 0.9
# … and only when so many looks in a row have seen it.
CALM_LOOKS = 3
# Shares of the spool's limit. Recordings that run go on growing it beyond, and may, to some point.
SPOOL_LOW, SPOOL_STOP, SPOOL_CUT = 0.8, 1.0, 1.2


class Level(IntEnum):
    """How much room there is; a larger one is worse."""

    OK = 0
    LOW = 1
    STOP = 2
    CUT = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What the operator decided, in bytes. ``warn_free`` > ``stop_free`` > ``cut_free``."""

    warn_free: int  # less free space than this is said
    stop_free: int  # … than this: no new recordings
    cut_free: int  # … than this: running ones are ended too
    spool_max: int  # how large the recordings that wait on our disks may be together


@dataclass(frozen=True, kw_only=True, slots=True)
class Free:
    """A folder's file system. ``free`` is what we may still write there, in bytes; None: it cannot be read."""

    folder: str
    free: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What was measured at one moment."""

    frees: tuple[Free, ...]
    spool: int | None  # bytes of all recordings on our disks; None: cannot be counted
    problem: str = ""  # why something could not be measured


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """What is in force."""

    level: Level = Level.OK
    calm: int = 0  # looks in a row that saw more room than the level stands for


def advance(guard: Guard, look: Look, limits: Limits) -> Guard:
    """What is in force after one more look."""
    seen = _level(look, limits, free_margin=1.0, spool_margin=1.0)
    if seen > guard.level:
        return Guard(level=seen)
    surely = _level(look, limits, free_margin=FREE_MARGIN, spool_margin=SPOOL_MARGIN)
    if surely >= guard.level:
        return Guard(level=guard.level)
    if guard.calm + 1 < CALM_LOOKS:
        return Guard(level=guard.level, calm=guard.calm + 1)
    return Guard(level=surely)


def _level(look: Look, limits: Limits, *, free_margin: float, spool_margin: float) -> Level:
    known = [one.free for one in look.frees if one.free is not None]
    free_steps = ((Level.CUT, limits.cut_free), (Level.STOP, limits.stop_free), (Level.LOW, limits.warn_free))
    spool_steps = ((Level.CUT, SPOOL_CUT), (Level.STOP, SPOOL_STOP), (Level.LOW, SPOOL_LOW))
    by_free = next((lv for lv, least in free_steps if known and min(known) < least * free_margin), Level.OK)
    by_spool = next(
        (lv for lv, share in spool_steps if (look.spool or 0) > limits.spool_max * share * spool_margin), Level.OK
    )
    return max(by_free, by_spool)


def say(level: Level, look: Look, limits: Limits) -> str:
    """The level as a sentence for the operator; "" when all is well and known."""
    if level is Level.OK:
        return f"cannot be measured, recording goes on: {look.problem}" if look.problem else ""
    what = {
        Level.LOW: "room for recordings gets short",
        Level.STOP: "no new recordings, there is too little room; calls go on",
        Level.CUT: "no recordings, the disk is nearly full; calls go on",
    }[level]
    parts = [
        f"{one.folder} has {one.free // MB} MB free" for one in look.frees if (one.free or 0) < limits.warn_free * 2
        and one.free is not None
    ]  # fmt: skip
    if look.spool is not None:
        parts.append(f"recordings on disk take {look.spool // MB} MB of {limits.spool_max // MB}")
    if look.problem:
        parts.append(look.problem)
    return f"{what} ({'; '.join(parts)})"
