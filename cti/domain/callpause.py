"""Pauses of the recording as a call sees them. Pure. What is done in Asterisk is cti.pauses; here is what is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cti.domain import events as ev
from cti.domain.calltable import move
from cti.domain.calltrack import Move, Step, Track, fact, update
from cti.domain.model import AgentId, Pause
from cti.domain.signals import ChannelMuted, PauseBegan, PauseEnded, PauseProven


def muted(track: Track, signal: ChannelMuted, _agent: AgentId | None, at: datetime) -> Step:
    """Asterisk says that it writes silence, or sound again."""
    track = move(track, Move.NOTE, at)
    return track, (fact(ev.ChannelMuted, track, at, channel=signal.channel, muted=signal.muted),)


def began(track: Track, signal: PauseBegan, _agent: AgentId | None, at: datetime) -> Step:
    """From when it was asked for, and not from the last event on: the later would keep what was said in between."""
    track = move(track, Move.NOTE, at)
    known = next((p for p in track.call.pauses if p.why == signal.why and p.ended_at is None), None)
    if known is not None:
        if known.until is None or signal.until is None or signal.until <= known.until:
            return track, ()
        longer = replace(known, until=signal.until)
        return _told(track, tuple(longer if pause is known else pause for pause in track.call.pauses), at)
    began_at = max(signal.at, track.call.arrived_at)
    pause = Pause(began_at=began_at, why=signal.why, by=signal.by, until=signal.until)
    return _told(track, (*track.call.pauses, pause), at)


def proven(track: Track, signal: PauseProven, _agent: AgentId | None, at: datetime) -> Step:
    """All that are open are proven together: what Asterisk writes is silence, whatever the reason."""
    track = move(track, Move.NOTE, at)
    changed = tuple(
        pause
        if pause.ended_at is not None
        else replace(
            pause,
            proven_at=(pause.proven_at or at) if signal.proven else None,
            stopped=pause.stopped or signal.stopped,
        )
        for pause in track.call.pauses
    )
    return (track, ()) if changed == track.call.pauses else _told(track, changed, at)


def ended(track: Track, signal: PauseEnded, _agent: AgentId | None, at: datetime) -> Step:
    """Sound is kept again."""
    track = move(track, Move.NOTE, at)
    changed = tuple(
        replace(pause, ended_at=max(at, pause.began_at), ended_by=signal.by)
        if pause.ended_at is None and pause.why == signal.why
        else pause
        for pause in track.call.pauses
    )
    return (track, ()) if changed == track.call.pauses else _told(track, changed, at)


def _told(track: Track, pauses: tuple[Pause, ...], at: datetime) -> Step:
    track = update(track, pauses=pauses)
    return track, (fact(ev.RecordingPauseChanged, track, at),)
