"""How a call's channels sound, as the call sees it. Pure."""

from __future__ import annotations

from datetime import datetime

from cti.domain import events as ev
from cti.domain.calltable import move
from cti.domain.calltrack import Move, Step, Track, fact, update
from cti.domain.copies import made
from cti.domain.model import AgentId, CallState, LegSound
from cti.domain.soundsignals import LegSounded, NumbersFellBack


def fell_back(track: Track, signal: NumbersFellBack, _agent: AgentId | None, at: datetime) -> Step:
    """What the recording of this channel misses is told, and no state depends on it."""
    track = move(track, Move.NOTE, at)
    loss = {
        "uniqueid": signal.uniqueid,
        "began_at": signal.began_at,
        "until_at": signal.ended_at,
        "lost_s": signal.lost_s,
    }
    return track, (fact(ev.SoundLost, track, at, **loss),)


def sounded(track: Track, signal: LegSounded, _agent: AgentId | None, at: datetime) -> Step:
    """How the caller's leg or an agent's sounded. It may be told after the call's end: legs end side by side."""
    call = track.call
    if call.state is not CallState.ENDED:
        track = move(track, Move.NOTE, at)
    talk = next((one for one in call.talks if one.agent_uniqueid == signal.uniqueid), None)
    if talk is None and signal.uniqueid != call.uniqueid:
        return track, ()  # a colleague who was asked and never had the caller, somebody outside
    sound = {
        "uniqueid": signal.uniqueid,
        "agent": None if talk is None else talk.agent,
        "began_at": call.arrived_at if talk is None else talk.answered_at,
        "ended_at": max(at, call.arrived_at),
        "figures": signal.figures,
    }
    others = [one for one in call.sounds if one.uniqueid != signal.uniqueid]
    track = update(track, sounds=(*others, made(LegSound, sound)))
    return track, (fact(ev.LegMeasured, track, at),)
