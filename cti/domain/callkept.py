"""Callbacks as a call sees them: a caller who keeps their place and hangs up, a person who is called back. Pure."""

from __future__ import annotations

from datetime import datetime

from cti.domain import events as ev
from cti.domain.callend import KEPT, STATUS
from cti.domain.calltable import move
from cti.domain.calltrack import Move, Step, Track, fact, update
from cti.domain.model import AgentId
from cti.domain.signals import CallbackReported, PlaceKept


def reported(track: Track, signal: CallbackReported, _agent: AgentId | None, at: datetime) -> Step:
    """The person answered, or did not."""
    track = move(track, Move.NOTE, at)
    if track.call.extra.get(STATUS) == signal.status:  # a snapshot tells it again
        return track, ()
    track = update(track, extra={**track.call.extra, STATUS: signal.status})
    return track, (fact(ev.CallbackReported, track, at, effect_id=signal.effect_id, status=signal.status),)


def place_kept(track: Track, signal: PlaceKept, _agent: AgentId | None, at: datetime) -> Step:
    """The caller is promised a call back, or stayed after all."""
    track = move(track, Move.NOTE, at)
    return update(track, extra={**track.call.extra, KEPT: signal.callback}), ()
