"""A hold that only the agent's page saw, pure: its phone held the caller while nobody of ours listened."""

from __future__ import annotations

from datetime import datetime

from cti.domain import events as ev
from cti.domain.calltable import move
from cti.domain.calltrack import Move, Step, Track, close_hold, fact, update
from cti.domain.consult import ON_HOLD
from cti.domain.model import AgentId, CallState, Hold
from cti.domain.signals import HoldTold


def told(track: Track, signal: HoldTold, _agent: AgentId | None, at: datetime) -> Step:
    """Handler as in callfsm. What Asterisk told us of the same hold counts, and what cannot be is left out."""
    track = move(track, Move.NOTE, at)
    leg = track.leg(signal.uniqueid)
    talk = next((one for one in track.call.talks if one.agent_uniqueid == signal.uniqueid), None)
    if leg is None or not leg.answered or talk is None:
        return track, ()
    began_at, ended_at = max(signal.began_at, talk.answered_at), min(signal.ended_at or at, at)
    if ended_at <= began_at:
        return track, ()
    known = [one for one in track.call.holds if one.began_at <= ended_at and (one.ended_at or at) > began_at]
    if known:
        # We heard it begin and were killed; that it ended nobody could tell us.
        still = track.call.state is CallState.HELD and track.call.phase not in ON_HOLD
        open_one = still and known[-1].ended_at is None
        if not open_one or signal.ended_at is None:
            return track, ()
        return close_hold(move(track, Move.UNHOLD, at), max(ended_at, known[-1].began_at))
    if signal.ended_at is None:
        return _goes_on(track, began_at, at)
    holds = sorted((*track.call.holds, Hold(began_at=began_at, ended_at=ended_at)), key=lambda one: one.began_at)
    held_s = track.call.held_s + (ended_at - began_at).total_seconds()
    track = update(track, holds=tuple(holds), held_s=held_s)
    return track, (fact(ev.CallPhaseChanged, track, at),)


def _goes_on(track: Track, began_at: datetime, at: datetime) -> Step:
    if track.call.state is not CallState.TALKING:
        return track, ()
    track = move(track, Move.HOLD, at)
    track = update(track, held_since=began_at, holds=(*track.call.holds, Hold(began_at=began_at)))
    return track, (fact(ev.CallHeld, track, at),)
