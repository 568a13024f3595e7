"""When no sound of a call is kept: the words of it, and how Asterisk remembers it. Pure.

A pause has a reason (``why``); several may be open at once, and sound is kept while none is. The one that people ask
for is ASKED (card numbers). The caller's channel carries the open ones as ``CTI_PAUSED``, so that the dialplan and
a server that takes over know of them: ``<why>:<began, epoch ms>:<until, epoch ms, or empty>``, joined by commas.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from cti.domain.model import Call, Pause
from cti.domain.recordpolicy import ON_DEMAND

ASKED = "asked"  # by an agent, or by a program
LIMIT = "limit"  # ended by its own length
# A call's pauses: more than this and somebody leans on the key; the last one then stays open.
MOST = 200
_MOST_OPEN = 8
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class RecordCommand(StrEnum):
    """What may be asked for a recording that runs."""

    PAUSE = "record_pause"
    RESUME = "record_resume"
    START = "record_start"  # where the desk records on demand


def open_pauses(call: Call) -> tuple[Pause, ...]:
    """Those that go on."""
    return tuple(pause for pause in call.pauses if pause.ended_at is None)


def asked(call: Call) -> Pause | None:
    """The pause that somebody asked for and that goes on."""
    return next((pause for pause in open_pauses(call) if pause.why == ASKED), None)


def by_rule(call: Call) -> Pause | None:
    """The desk's rules do not want what is said now, or not yet."""
    return next((pause for pause in open_pauses(call) if pause.why != ASKED), None)


def lasts(call: Call, until: datetime) -> bool:
    """Whether the pause that somebody asked for goes on to then."""
    pause = asked(call)
    return pause is not None and (pause.until is None or pause.until >= until)


def proven(call: Call) -> bool:
    """Whether the pause that somebody asked for is proven."""
    pause = asked(call)
    return pause is not None and pause.proven_at is not None


def ends_at(pause: Pause, longest: timedelta) -> datetime:
    """When a pause ends by itself. One that somebody asked for always does, also when its mark could not be read."""
    if pause.until is not None:
        return pause.until
    return pause.began_at + longest if pause.why == ASKED else NEVER


def may(call: Call) -> tuple[RecordCommand, ...]:
    """What can be asked for now."""
    pause, rule = asked(call), by_rule(call)
    if pause is None and rule is not None:
        return (RecordCommand.START,) if rule.why == ON_DEMAND and not rule.stopped else ()
    if pause is None:
        return (RecordCommand.PAUSE,) if len(call.pauses) < MOST else ()
    # To ask again is to ask for more time, and for the proof if there is none yet.
    return () if pause.stopped else (RecordCommand.RESUME, RecordCommand.PAUSE)


def merged(known: Iterable[Pause], told: Iterable[Pause]) -> tuple[Pause, ...]:
    """Two accounts of one call's pauses: none is lost, and where both know one ``told`` is right."""
    found = {(pause.began_at, pause.why): pause for pause in known}
    found.update({(pause.began_at, pause.why): pause for pause in told})
    return tuple(sorted(found.values(), key=lambda pause: pause.began_at))


def to_mark(pauses: Iterable[Pause]) -> str:
    """The value of CTI_PAUSED; "" when none is open. ASKED first: that is where the dialplan looks."""
    ordered = sorted(pauses, key=lambda pause: pause.why != ASKED)
    return ",".join(f"{p.why}:{_ms(p.began_at)}:{'' if p.until is None else _ms(p.until)}" for p in ordered)


def from_mark(text: str) -> tuple[Pause, ...]:
    """What CTI_PAUSED says. Raises ValueError for what is no mark: then a pause must be assumed."""
    pauses = []
    for part in text.split(",")[:_MOST_OPEN] if text else ():
        why, began, until = part.split(":")
        pauses.append(Pause(began_at=_instant(began), why=why, until=_instant(until) if until else None))
    return tuple(pauses)


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // _MS


def _instant(text: str) -> datetime:
    if not text.isascii() or not text.isdecimal() or len(text) > 14:
        raise ValueError("not an instant")
    return _EPOCH + int(text) * _MS
