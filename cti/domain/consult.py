"""Hold, consultation and conference as literal tables, pure: what each phase allows, and what tells a phase.

Three parties: the caller, the ``first`` agent, who talks with them, and the ``second``, whom the first asks. A command
is a wish; the phase changes only when Asterisk's events show where the three are (``PICTURES``).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from cti.domain.callend import nobody_there
from cti.domain.model import Call, TalkPhase

_P = TalkPhase


class Command(StrEnum):
    """What an agent may ask for the call they talk in."""

    HOLD = "hold"
    RESUME = "resume"
    CONSULT = "consult"  # ask a colleague while the caller holds
    CONSULT_OUTSIDE = "consult_outside"  # ask somebody outside
    RETURN = "return"  # take the caller back; the colleague is let go
    SWAP = "swap"  # change between the caller and the colleague
    JOIN = "join"  # all three together
    COMPLETE = "complete"  # the colleague has the caller, the agent is out
    TO_QUEUE = "to_queue"
    TO_AGENT = "to_agent"  # without asking
    TO_OUTSIDE = "to_outside"  # without asking; who is not there gives the caller back


# What each phase allows, and the phase that confirms it; None: the call is not this agent's any more.
TABLE: Mapping[TalkPhase, Mapping[Command, TalkPhase | None]] = {
    _P.TALKING: {
        Command.HOLD: _P.HELD,
        Command.CONSULT: _P.CALLING,
        Command.CONSULT_OUTSIDE: _P.CALLING,
        Command.TO_QUEUE: None,
        Command.TO_AGENT: None,
        Command.TO_OUTSIDE: _P.CALLING,
    },
    _P.HELD: {
        Command.RESUME: _P.TALKING,
        Command.CONSULT: _P.CALLING,
        Command.CONSULT_OUTSIDE: _P.CALLING,
        Command.TO_QUEUE: None,
        Command.TO_AGENT: None,
        Command.TO_OUTSIDE: _P.CALLING,
    },
    _P.CALLING: {
        Command.RETURN: _P.TALKING,
    },
    _P.CONSULTING: {
        Command.RETURN: _P.TALKING,
        Command.SWAP: _P.SWAPPED,
        Command.JOIN: _P.CONFERENCE,
        Command.COMPLETE: None,
        Command.TO_QUEUE: None,
    },
    _P.SWAPPED: {
        Command.RETURN: _P.TALKING,
        Command.SWAP: _P.CONSULTING,
        Command.JOIN: _P.CONFERENCE,
        Command.COMPLETE: None,
    },
    _P.CONFERENCE: {
        Command.RETURN: _P.TALKING,
        Command.COMPLETE: None,
    },
}


class Place(StrEnum):
    """Where a leg is when it is in no bridge; its context in the dialplan says so (docs/transfers.md)."""

    HOLD = "hold"  # the caller hears music
    PARKED = "parked"  # the agent hears nothing
    DIALS = "dials"  # the agent hears a colleague's phone ring
    RINGS = "rings"  # the colleague's phone rings
    WAITS = "waits"  # the colleague hears music


NOWHERE = "-"  # no such leg, or not told yet
_ALONE = frozenset({*Place, NOWHERE})
TOGETHER = "x"  # in a bridge with at least one of the other two

# (caller, first, second) → phase. What is not here is on the way from one phase to another.
PICTURES: Mapping[tuple[str, str, str], TalkPhase] = {
    (TOGETHER, TOGETHER, NOWHERE): _P.TALKING,
    (TOGETHER, TOGETHER, Place.RINGS): _P.TALKING,  # its ring is being ended
    (Place.HOLD, Place.PARKED, NOWHERE): _P.HELD,
    (Place.HOLD, Place.DIALS, Place.RINGS): _P.CALLING,
    (Place.HOLD, Place.PARKED, Place.RINGS): _P.CALLING,  # the caller's own channel rings somebody outside
    (Place.HOLD, TOGETHER, TOGETHER): _P.CONSULTING,
    (TOGETHER, TOGETHER, Place.WAITS): _P.SWAPPED,
    (TOGETHER, TOGETHER, TOGETHER): _P.CONFERENCE,
}

# The caller hears music.
ON_HOLD = frozenset({_P.HELD, _P.CALLING, _P.CONSULTING})


def picture(caller: str, first: str, second: str) -> tuple[str, str, str]:
    """Three places (a Place, NOWHERE, or the id of a bridge) as a key of PICTURES."""
    return (
        caller if caller in _ALONE else TOGETHER if caller in (first, second) else NOWHERE,
        first if first in _ALONE else TOGETHER if first in (caller, second) else NOWHERE,
        second if second in _ALONE else TOGETHER if second in (caller, first) else NOWHERE,
    )


def is_handed_over(pictured: tuple[str, str, str]) -> bool:
    """The caller is with the colleague and not with the first agent."""
    caller, first, second = pictured
    return caller == second == TOGETHER and first != TOGETHER


def possible(call: Call) -> Mapping[Command, TalkPhase | None]:
    """What the agent who has the caller may ask for now, and the phase that confirms it."""
    if call.phase is None or nobody_there(call.extra):
        return {}
    return TABLE[call.phase]


def allowed(call: Call, *, is_first: bool) -> tuple[Command, ...]:
    """What may be asked now. The colleague of a consultation asks nothing: they hang up, or are given the caller."""
    return tuple(possible(call)) if is_first else ()
