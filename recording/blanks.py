"""Which seconds of a recording hold no sound: its pauses, on its timeline. PURE.

Asterisk has written silence there already, as far as it was proven. This is the second lock, for what it could not
silence in time: a leg that began meanwhile, a channel that did not answer, the moment between asking and doing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from cti.domain.model import Pause
from recording.timeline import Timeline

# Events and samples agree within 60 ms (docs/dialplan.md), and Opus spreads an edge over one frame of 20 ms. A quarter
# of a second costs nobody a word: people say that they are about to, and that they have.
MARGIN_S = 0.25
# Where time was put back, a piece lies where it was to within this (recording.timeline).
PLACED_S = 1.0


def with_blanks(timeline: Timeline, pauses: Iterable[Pause]) -> Timeline:
    """The plan with silence where it was paused. A pause that nobody saw end goes on to the recording's."""
    pauses = tuple(pauses)
    if not pauses:
        return timeline
    shaky = any(track.put_back_s > 0 or track.guessed for track in timeline.tracks)
    margin = timedelta(seconds=MARGIN_S + (PLACED_S if shaky else 0.0))
    spans = sorted(
        (
            (pause.began_at - margin - timeline.started_at).total_seconds(),
            timeline.duration_s
            if pause.ended_at is None
            else (pause.ended_at + margin - timeline.started_at).total_seconds(),
        )
        for pause in pauses
    )
    blanks: list[tuple[float, float]] = []
    for begin, end in spans:
        begin, end = max(0.0, begin), min(end, timeline.duration_s)
        if begin >= end:
            continue
        if blanks and begin <= blanks[-1][1]:
            blanks[-1] = (blanks[-1][0], max(end, blanks[-1][1]))
        else:
            blanks.append((begin, end))
    return replace(timeline, blanks=tuple(blanks))
