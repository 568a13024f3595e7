"""How a call's channels sound, as the call sees it. Pure."""

from __future__ import annotations

from datetime import datetime

from cti.domain import events as ev
from cti.domain.calltable import move
from cti.domain.calltrack import Move, Step, Track, fact
from cti.domain.model import AgentId
from cti.domain.soundsignals import NumbersFellBack


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
