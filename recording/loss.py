"""Which seconds of a caller are missing, as far as another file knows of them. PURE.

A channel's recording drops frames whose RTP sequence number is behind the last one until the numbers have caught up
(20 ms for each), and holds silence there; the parties hear each other. An agent's leg that began later does not know
the old numbers: what was said to that agent (its -tx file) has the voice which the caller's file has not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from recording.timeline import PlacedTrack, Timeline

Span = tuple[float, float]  # seconds of the recording

# A piece of a file lies where it was to within a second where time was lost (timeline): shorter than this may be that.
LEAST_S = 1.5
# Events and samples agree within this: around holds and consultations an agent hears others than the caller.
EDGE_S = 0.5


def lost_of_caller(
    timeline: Timeline, caller: PlacedTrack, legs: Iterable[tuple[PlacedTrack, Span]], apart: Iterable[Span]
) -> tuple[Span, ...]:
    """Where an agent heard something and the caller's file holds nothing at all.

    ``legs``: agents' legs with the seconds in which they had the caller. ``apart``: when the caller was on hold, or the
    agent heard a colleague as well.
    """
    around = [(begin - EDGE_S, end + EDGE_S) for begin, end in apart]
    nothing = _without(_placed(caller, caller.track.silences), [*around, *timeline.blanks])
    found: list[Span] = []
    for leg, (from_s, to_s) in legs:
        if leg.track.echo is None:
            continue
        whole = _placed(leg, [(0, leg.track.frames)])
        sound = _without(_common(whole, [(from_s + EDGE_S, to_s - EDGE_S)]), _placed(leg, leg.track.echo))
        found += [span for span in _common(nothing, sound) if span[1] - span[0] >= LEAST_S]
    return tuple(sorted(found))


def _placed(placed: PlacedTrack, runs: Sequence[tuple[int, int]]) -> list[Span]:
    """Runs of a file's frames as seconds of the recording."""
    rate, found, number = placed.track.rate, [], 0
    for piece in placed.pieces:
        last = piece.source + piece.frames
        while number < len(runs) and runs[number][0] < last:
            begin, end = max(runs[number][0], piece.source), min(runs[number][1], last)
            if begin < end:
                found.append(((begin - piece.source + piece.at) / rate, (end - piece.source + piece.at) / rate))
            if runs[number][1] > last:
                break  # it goes on in the next piece
            number += 1
    return found


def _common(ones: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What two lists share; each in order and without overlaps."""
    found, one, other = [], 0, 0
    while one < len(ones) and other < len(others):
        begin, end = max(ones[one][0], others[other][0]), min(ones[one][1], others[other][1])
        if begin < end:
            found.append((begin, end))
        if ones[one][1] < others[other][1]:
            one += 1
        else:
            other += 1
    return found


def _without(spans: Sequence[Span], taken: Iterable[Span]) -> list[Span]:
    """``spans``, in order and without overlaps, less ``taken`` in any order."""
    free: list[Span] = []
    since = -math.inf
    for begin, end in sorted(taken):
        if begin > since:
            free.append((since, begin))
        since = max(since, end)
    return _common(spans, [*free, (since, math.inf)])
