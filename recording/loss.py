"""Which seconds are missing, as far as another file or Asterisk's own reports know of them. PURE.

A channel's recording drops frames whose RTP sequence number is behind the last one until the numbers have caught up
(20 ms for each), and holds silence there; the parties hear each other. An agent's leg that began later does not know
the old numbers: what was said to that agent (its -tx file) has the voice which the caller's file has not.

Within a leg no file has it. Then Asterisk's reports of the numbers tell that frames were dropped (cti.ami.numbers), and
the channel's own file that nothing is where the voice should be.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from cti.domain.events import SoundLost
from recording.model import Job, Loss
from recording.timeline import PlacedTrack, Timeline

Span = tuple[float, float]  # seconds of the recording

# A piece of a file lies where it was to within a second where time was lost (timeline): shorter than this may be that.
LEAST_S = 1.5
# Events and samples agree within this: around holds and consultations an agent hears others than the caller.
EDGE_S = 0.5
# A second of reports loses no less; a shorter hole is a breath.
HOLE_S = 0.5
# Of one call: a phone whose numbers jump more often than this is told often enough.
MOST = 100


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


def with_loss(known: tuple[Loss, ...], told: SoundLost) -> tuple[Loss, ...]:
    """``known`` with what was told; told again it has become longer, or is over."""
    loss = Loss(
        uniqueid=told.uniqueid,
        caller=told.uniqueid == told.call.uniqueid,
        began_at=told.began_at,
        until_at=told.until_at,
        lost_s=told.lost_s,
    )
    same = (loss.uniqueid, loss.began_at)
    if any((one.uniqueid, one.began_at) == same for one in known):
        return tuple(loss if (one.uniqueid, one.began_at) == same else one for one in known)
    return (*known, loss) if len(known) < MOST else known


def is_missing(timeline: Timeline, placed: PlacedTrack, losses: Iterable[Loss]) -> bool:
    """Whether this channel's file holds nothing somewhere in the time in which its frames were dropped.

    Where it does hold something nothing was dropped: the numbers that fell back were older than the file.
    """
    track = placed.track
    there = (timeline.offset_s(track.anchor_at), timeline.offset_s(track.until_at))
    dropped = [(timeline.offset_s(one.began_at), timeline.offset_s(one.until_at or track.until_at)) for one in losses]
    sound = _without(_placed(placed, [(0, track.frames)]), _placed(placed, track.silences))
    holes = _without([there], [*_without([there], dropped), *sound, *timeline.blanks])
    return any(end - begin >= HOLE_S for begin, end in holes)


def with_ends(job: Job) -> Job:
    """The job of a call that has ended: what was lost to a channel's end ended there."""
    ends = {talk.uniqueid: talk.end_at for talk in job.talks}

    def ended(loss: Loss) -> Loss:
        until_at = loss.until_at or ends.get(loss.uniqueid) or job.ended_at
        if until_at is None:
            return loss
        lost_s = min(loss.lost_s, max(0.0, (until_at - loss.began_at).total_seconds()))
        return replace(loss, until_at=until_at, lost_s=round(lost_s, 2))

    return replace(job, losses=tuple(ended(loss) for loss in job.losses))


def in_words(job: Job) -> list[dict[str, Any]]:
    """For the ledger: ``side``, ``agent`` (None for the caller), ``at_s`` of the recording, and ``seconds`` at most.

    Nothing of a side whose file is whole.
    """
    if job.began_at is None or job.audio is None:
        return []
    agents = {talk.uniqueid: talk.agent for talk in job.talks}
    losses = sorted(with_ends(job).losses, key=lambda loss: loss.began_at)
    return [
        {
            "side": "caller" if loss.caller else "agent",
            "agent": None if loss.caller else agents.get(loss.uniqueid),
            "at_s": round(max(0.0, (loss.began_at - job.began_at).total_seconds()), 1),
            "seconds": round(loss.lost_s, 1),
        }
        for loss in losses
        if ("caller_lost" if loss.caller else "agent_lost") in job.audio.flags
    ]


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
