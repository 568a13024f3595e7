"""Which seconds of a recording hold no sound: its pauses, on its timeline. PURE.

Asterisk has written silence there already, as far as it was proven. This is the second lock, for what it could not
silence in time: a leg that began meanwhile, a channel that did not answer, the moment between asking and doing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from cti.domain.model import Pause
from cti.domain.pause import ASKED
from recording.timeline import Timeline

# Events and samples agree within 60 ms (docs/dialplan.md), and Opus spreads an edge over one frame of 20 ms. A quarter
# of a second costs nobody a word: people say that they are about to, and that they have.
MARGIN_S = 0.25
# Asterisk mutes as it writes, and holds back up to half a second of a side (its audiohooks' queue): what was said last
# in a pause may be in the file behind its end.
LATE_S = 0.5
# Where time was put back, a piece lies where it was to within this (recording.timeline).
PLACED_S = 1.0
# At the worst it was elsewhere in the same step of the file (2.05 s): what Asterisk did not prove is cut that far.
UNPROVEN_S = 2.1


def with_blanks(
    timeline: Timeline, pauses: Iterable[Pause], *, but: tuple[datetime, datetime] | None = None
) -> Timeline:
    """The plan with silence where it was paused. A pause that nobody saw end goes on to the recording's.

    ``but``: from when to when the caller left a message. No rule of the desk silences it; what somebody asked for does.
    """
    pauses = tuple(pauses)
    if not pauses:
        return timeline
    shaky = any(track.put_back_s > 0 or track.guessed for track in timeline.tracks)
    # Nobody knows where a guessed gap was: sound may lie too early by all of it. Proven silence is silence in the file.
    guesses = (track.put_back_s + track.missing_at_end_s for track in timeline.tracks if track.guessed)
    guess_s = max(guesses, default=0.0)
    hole = None if but is None else (timeline.offset_s(but[0]), timeline.offset_s(but[1]))
    spans = []
    for pause in pauses:
        wide_s = MARGIN_S + (PLACED_S if shaky else 0.0)
        if pause.proven_at is None and shaky:
            wide_s = MARGIN_S + UNPROVEN_S + guess_s
        margin = timedelta(seconds=wide_s)
        begin = (pause.began_at - margin - timeline.started_at).total_seconds()
        end = timeline.duration_s
        if pause.ended_at is not None:
            end = (pause.ended_at + margin - timeline.started_at).total_seconds() + LATE_S
        if hole is None or pause.why == ASKED:
            spans.append((begin, end))
        else:
            spans += [(begin, min(end, hole[0])), (max(begin, hole[1]), end)]
    blanks: list[tuple[float, float]] = []
    for begin, end in sorted(spans):
        begin, end = max(0.0, begin), min(end, timeline.duration_s)
        if begin >= end:
            continue
        if blanks and begin <= blanks[-1][1]:
            blanks[-1] = (blanks[-1][0], max(end, blanks[-1][1]))
        else:
            blanks.append((begin, end))
    return replace(timeline, blanks=tuple(blanks))
