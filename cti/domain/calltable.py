"""Every move that every state of a call allows: a literal table, and the one function that applies it. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cti.domain.calltrack import Move, Track
from cti.domain.copies import changed as replace
from cti.domain.errors import IllegalMove
from cti.domain.model import CallState

_S = CallState

# What every living call allows, where it changes nothing.
# An agent's leg may be told to have ended after the caller went on to a queue.
_ANYWHERE = (Move.NOTE, Move.RECORD, Move.MENU_OVER, Move.LEG_OVER, Move.RING_OTHER, Move.AGENT_LEFT)


def _stay(state: CallState) -> dict[Move, CallState]:
    return dict.fromkeys(_ANYWHERE, state) | {Move.END: _S.ENDED, Move.VANISH: _S.ENDED}


TABLE: dict[CallState, dict[Move, CallState]] = {
    _S.ARRIVED: _stay(_S.ARRIVED)
    | {
        Move.MENU: _S.IN_MENU,
        Move.QUEUE: _S.QUEUED,
        Move.FALL_BACK: _S.FALLBACK,
        Move.ANSWER: _S.TALKING,  # found talking after a gap
        Move.TREAT: _S.ARRIVED,
    },
    _S.IN_MENU: _stay(_S.IN_MENU)
    | {
        Move.MENU: _S.IN_MENU,  # the dialplan tries again after a server that died
        Move.QUEUE: _S.QUEUED,
        Move.FALL_BACK: _S.FALLBACK,
        Move.ANSWER: _S.TALKING,
        Move.TREAT: _S.IN_MENU,
    },
    _S.QUEUED: _stay(_S.QUEUED)
    | {
        Move.QUEUE: _S.QUEUED,
        Move.OFFER: _S.OFFERED,
        Move.KEY: _S.QUEUED,
        Move.FALL_BACK: _S.FALLBACK,
        Move.ANSWER: _S.TALKING,
        Move.TREAT: _S.QUEUED,
    },
    _S.OFFERED: _stay(_S.OFFERED)
    | {
        Move.RING: _S.OFFERED,
        Move.OFFER_OVER: _S.QUEUED,
        Move.ANSWER: _S.TALKING,
        Move.QUEUE: _S.OFFERED,  # the return from the offer before may be told after the next was decided
        Move.KEY: _S.OFFERED,  # pressed just before the phone was rung
        Move.FALL_BACK: _S.FALLBACK,
    },
    _S.TALKING: _stay(_S.TALKING)
    | {
        Move.HOLD: _S.HELD,
        Move.UNHOLD: _S.TALKING,
        Move.ANSWER: _S.TALKING,  # a colleague joins, or takes over
        Move.TRANSFER: _S.TALKING,
        Move.OFFER: _S.OFFERED,  # passed on to an agent
        Move.QUEUE: _S.QUEUED,  # passed on to a queue
        Move.FALL_BACK: _S.FALLBACK,
    },
    _S.HELD: _stay(_S.HELD)
    | {
        Move.HOLD: _S.HELD,
        Move.UNHOLD: _S.TALKING,
        Move.AGENT_LEFT: _S.TALKING,
        Move.ANSWER: _S.TALKING,
        Move.TRANSFER: _S.TALKING,
        Move.OFFER: _S.OFFERED,
        Move.QUEUE: _S.QUEUED,
        Move.FALL_BACK: _S.FALLBACK,
    },
    _S.FALLBACK: _stay(_S.FALLBACK)
    | {
        Move.QUEUE: _S.QUEUED,
        Move.FALL_BACK: _S.FALLBACK,
        Move.ANSWER: _S.TALKING,
        Move.TREAT: _S.FALLBACK,
    },
    # A menu learns of the hang-up later than we do; what it had learned still belongs to the record.
    _S.ENDED: {Move.MENU_OVER: _S.ENDED},
}


def move(track: Track, step: Move, at: datetime, **changes: Any) -> Track:
    """The track in the state that ``step`` leads to, at ``at``, which is never before its clock. Raises IllegalMove.

    ``changes``: of the track's other fields.
    """
    call = track.call
    state = TABLE[call.state].get(step)
    if state is None:
        raise IllegalMove(step.value, call.state.value, call.call_id)
    # Most moves stay: a copy of a call's 30 fields costs as much as all the rest of a signal.
    if state is not call.state:
        changes["call"] = replace(call, state=state)
    return replace(track, last_at=at, **changes)
