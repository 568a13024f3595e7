"""Where each spool file's sound lies on the call's one timeline. PURE.

A file has no clock in it, only samples, so each is placed by its *anchor*: the instant of its first sample.

- The caller's channel is recorded from the moment MixMonitor starts: the timestamp of its ``CtiRecording`` event.
- An agent's leg is recorded from its answer on; its announcement's timestamp again (docs/dialplan.md).

MixMonitor pads the silent one of two sides, but writes nothing while *both* send nothing: that time is missing
from the file, and all that follows would be heard too early. The file's length is therefore compared with the
clock, and the missing time is put back as silence. Where it belongs is told by the file's growth, which is
watched during the call: Asterisk's buffer reaches the disk each 32 KiB (2.0 s at 8 kHz), so a gap is found to
within one such step, to within less where the files of both sides agree, to about a packet where the phones' packets
were counted, and to the frame where an agent's leg has heard it (see echo). Without any watch (the server was away)
it can only be put at the end, and the result says so.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice, takewhile

from cti.domain.model import AgentId
from recording.echo import NEAR_S, OFF_S, Heard, Stop, places
from recording.reckoning import Region, reckoned

# Announcement, answer and hang-up carry Asterisk's own timestamps, within 20 ms frames and some scheduling of the
# sound; a file that is off by less than this lost nothing.
TOLERANCE_S = 0.12

# MixMonitor waits 40 ms for a side that was just there, and writes whole buffers; less than this is that, not a gap.
GROWTH_NOISE_S = 0.1

# A step this wide was not watched from buffer to buffer (2.05 s at 8 kHz): the server was away for a while.
WIDE_STEP_S = 5.0

# More than this missing at the end of a file that was watched means that the recording broke off: a pause before
# the hang-up is seen when the file is closed. What was not watched may well be a pause, up to the longer bound.
TRUNCATED_S = 2.0
TRUNCATED_UNWATCHED_S = 5.0

# Packets are counted each 0.1 s, less often where many phones are watched: a file's first and last moments may not be.
UNSEEN_S = 0.5

# Silence after the last sound is kept up to this. A call lasts as long as its clock says, but an end that was
# concluded after a crash, or by a clock that jumped, must not cost hours of encoding.
LONGEST_END_S = 3600.0


class Side(StrEnum):
    """A channel of the stored recording."""

    CALLER = "caller"  # left
    AGENT = "agent"  # right


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """A look at a growing file: at this instant so many frames had just reached the disk."""

    at: datetime
    frames: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Track:
    """One spool file that takes part in the recording."""

    file: str  # name in the spool
    side: Side
    agent: AgentId | None  # who is heard; None: the caller
    frames: int  # samples per channel in the file
    rate: int  # samples per second
    anchor_at: datetime  # the first sample's instant
    until_at: datetime  # when this channel ended, or the call did
    growth: tuple[Growth, ...] = ()  # oldest first
    silences: tuple[tuple[int, int], ...] = ()  # where every sample is zero: from, to in frames; () when not looked for
    echo: tuple[tuple[int, int], ...] | None = None  # an agent's: the same of what was said to them, frame beside frame
    quiet: tuple[Heard, ...] = ()  # when its phone sent nothing, as far as that was watched; in order


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A run of a file's frames, and where it goes. Counted in frames of the file's own rate."""

    source: int
    frames: int
    at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PlacedTrack:
    """A file cut into pieces with the lost time between them."""

    track: Track
    pieces: tuple[Piece, ...]
    put_back_s: float  # silence inserted before the last piece
    missing_at_end_s: float  # lost time that only the end can take
    guessed: bool  # nobody watched the file for a while: where some of it was lost is not known


@dataclass(frozen=True, kw_only=True, slots=True)
class _Gap:
    """Lost time of one track: it belongs somewhere between two positions of the file."""

    low: int  # frames
    high: int
    length: int  # frames that were lost
    shift: int  # frames lost before this gap

    def window_s(self, track: Track) -> tuple[float, float]:
        """Between which instants it began (POSIX seconds)."""
        zero = track.anchor_at.timestamp() + self.shift / track.rate
        return zero + self.low / track.rate, zero + self.high / track.rate


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeline:
    """The whole recording's plan."""

    started_at: datetime  # second 0
    duration_s: float
    tracks: tuple[PlacedTrack, ...]
    blanks: tuple[tuple[float, float], ...] = ()  # from, to, in order and apart: silence there, whatever files hold

    @property
    def truncated(self) -> bool:
        """Sound is missing at the end of a file although its channel went on."""
        return any(
            placed.missing_at_end_s > (TRUNCATED_UNWATCHED_S if placed.guessed else TRUNCATED_S)
            for placed in self.tracks
        )

    def offset_s(self, at: datetime) -> float:
        """An instant as seconds of the recording, never before its start."""
        return max(0.0, (at - self.started_at).total_seconds())


def plan(tracks: tuple[Track, ...], *, started_at: datetime, ended_at: datetime) -> Timeline:
    """Place every track. ``started_at`` is second 0; tracks anchored before it lose what came earlier."""
    tracks = tuple(replace(track, quiet=_to_the_ends(track)) if track.quiet else track for track in tracks)
    found = tuple(
        (_followed(track, gaps), missing_s, guessed)
        for track, (gaps, missing_s, guessed) in ((track, _gaps(track)) for track in tracks)
    )
    windows = [gap.window_s(track) for track, (gaps, _, _) in zip(tracks, found, strict=True) for gap in gaps]
    heard = [tuple(_heard(track, gaps)) for track, (gaps, _, _) in zip(tracks, found, strict=True) if track.echo]
    lost = tuple(
        ([exact for gap in gaps for exact in _exact(gap, track, heard)], missing_s, guessed)
        for track, (gaps, missing_s, guessed) in zip(tracks, found, strict=True)
    )
    placed = tuple(_place(track, started_at, gaps, windows) for track, gaps in zip(tracks, lost, strict=True))
    last_sound_s = max(((p.at + p.frames) / item.track.rate for item in placed for p in item.pieces), default=0.0)
    clock_s = max(0.0, (ended_at - started_at).total_seconds())
    duration_s = max(last_sound_s, min(clock_s, last_sound_s + LONGEST_END_S))
    return Timeline(started_at=started_at, duration_s=duration_s, tracks=placed)


def _place(
    track: Track,
    started_at: datetime,
    found: tuple[list[_Gap], float, bool],
    windows: list[tuple[float, float]],
) -> PlacedTrack:
    gaps, missing_at_end_s, guessed = found
    at = round((track.anchor_at - started_at).total_seconds() * track.rate)
    pieces: list[Piece] = []
    source, put_back = 0, 0
    for gap in gaps:
        position = _position(gap, track, windows)
        pieces.append(Piece(source=source, frames=position - source, at=at))
        at += position - source + gap.length
        source = position
        put_back += gap.length
    pieces.append(Piece(source=source, frames=track.frames - source, at=at))
    return PlacedTrack(
        track=track,
        pieces=tuple(kept for piece in pieces if (kept := _not_before_start(piece)).frames > 0),
        put_back_s=put_back / track.rate,
        missing_at_end_s=missing_at_end_s,
        guessed=guessed,
    )


def _heard(track: Track, gaps: list[_Gap]) -> Iterator[Heard]:
    """What was said to an agent, in stretches of which is known when it was; in order."""
    runs, number, near = track.echo or (), 0, round(NEAR_S * track.rate)
    silences: list[tuple[float, float]] = []
    from_s = zero_s = track.anchor_at.timestamp()  # zero_s: of the first frame, had nothing been lost but this
    for gap in gaps:
        while number < len(runs) and runs[number][1] < gap.low - near:
            silences.append(_seconds(runs[number], track.rate, zero_s))
            number += 1
        after = number
        while after < len(runs) and runs[after][0] <= gap.high + near:
            after += 1
        later_s = zero_s + gap.length / track.rate
        around = [run for run in runs[number:after] if run[1] - run[0] > OFF_S * track.rate]  # the others: late packets
        if len(around) == 1:
            # Nothing was heard before it or after it, and nothing in it: one silence, wherever the file stood still.
            silences.append((_seconds(around[0], track.rate, zero_s)[0], _seconds(around[0], track.rate, later_s)[1]))
        else:
            yield Heard(from_s=from_s, to_s=zero_s + gap.low / track.rate, silences=tuple(silences))
            silences, from_s = [], later_s + gap.high / track.rate
        number, zero_s = after, later_s
    silences += [_seconds(run, track.rate, zero_s) for run in runs[number:]]
    yield Heard(from_s=from_s, to_s=zero_s + track.frames / track.rate, silences=tuple(silences))


def _seconds(run: tuple[int, int], rate: int, zero_s: float) -> tuple[float, float]:
    return zero_s + run[0] / rate, zero_s + run[1] / rate


def _exact(gap: _Gap, track: Track, heard: list[tuple[Heard, ...]]) -> list[_Gap]:
    """The gap where it was, in as many pieces as it was; as it is where nobody knows."""
    # An agent's leg is exact to the frame, and hears the caller alone.
    known = heard if track.side is Side.CALLER else []
    if not known or gap.low == gap.high:
        return [gap]
    first = bisect_left(track.silences, gap.low - track.rate, key=lambda run: run[1])
    stop = Stop(
        low=gap.low,
        high=gap.high,
        length=gap.length,
        zero_s=track.anchor_at.timestamp() + gap.shift / track.rate,
        rate=track.rate,
        silences=tuple(takewhile(lambda run: run[0] <= gap.high + track.rate, islice(track.silences, first, None))),
    )
    there = [one[at - 1] for one in known if (at := bisect_right(one, stop.from_s + NEAR_S, key=lambda h: h.from_s))]
    exact, shift = [], gap.shift
    for position, length in places(stop, there):
        exact.append(_Gap(low=position, high=position, length=length, shift=shift))
        shift += length
    return exact or [gap]


def _to_the_ends(track: Track) -> tuple[Heard, ...]:
    """What was watched, and what lies between it and the file's ends: who looks is told of a file after it began, and
    sees it last before it ends."""
    quiet, begin_s, end_s = list(track.quiet), track.anchor_at.timestamp(), track.until_at.timestamp()
    if 0 < quiet[0].from_s - begin_s < UNSEEN_S:
        quiet[0] = replace(quiet[0], from_s=begin_s)
    if 0 < end_s - quiet[-1].to_s < UNSEEN_S:
        quiet[-1] = replace(quiet[-1], to_s=end_s)
    return tuple(quiet)


def _followed(track: Track, gaps: list[_Gap]) -> list[_Gap]:
    """The gaps where its phone's silences say they were, as far as these were watched."""
    zero_s, rate = track.anchor_at.timestamp(), track.rate
    for heard in track.quiet:
        watched = [
            gap
            for gap in gaps
            if gap.low < gap.high
            and heard.from_s - NEAR_S <= gap.window_s(track)[0]
            and gap.window_s(track)[1] + gap.length / rate <= heard.to_s + NEAR_S
        ]
        if not watched:
            continue
        first, at = watched[0], gaps.index(watched[0])
        # A step that was late tells of a gap before it was there: what comes after the last belongs to it.
        other = gaps[at + len(watched)].low if at + len(watched) < len(gaps) else track.frames
        whole_s = (track.until_at - track.anchor_at).total_seconds() - track.frames / rate
        steps = [
            (position, lost_s)
            for position, lost_s in _lost_before(track, whole_s)
            if first.low < position <= other and zero_s + lost_s + position / rate <= heard.to_s + NEAR_S
        ]
        if not steps:
            continue
        region = Region(
            low=first.low, high=steps[-1][0], zero_s=zero_s, before_s=first.shift / rate, rate=rate,
            zeros=track.silences, steps=steps,
        )  # fmt: skip
        shift, there = first.shift, []
        for loss in reckoned(region, heard):
            there.append(_Gap(low=loss.low, high=loss.at, length=round(loss.seconds * rate), shift=shift))
            shift += there[-1].length
        gaps = [*gaps[:at], *there, *gaps[at + len(watched) :]]
    return gaps


def _position(gap: _Gap, track: Track, windows: list[tuple[float, float]]) -> int:
    """The frame before which the lost time goes: the middle of what every file agrees on.

    Time is lost in all files of a call at the same instant, and their buffers reach the disk at different ones: what
    their windows share is narrower than each, and cutting all at one instant keeps both sides in step.
    """
    if gap.low == gap.high:
        return gap.low
    low, high = gap.window_s(track)
    for other_low, other_high in windows:
        if max(low, other_low) < min(high, other_high):
            low, high = max(low, other_low), min(high, other_high)
    began = gap.window_s(track)[0]
    return min(gap.high, gap.low + round(((low + high) / 2 - began) * track.rate))


def _not_before_start(piece: Piece) -> Piece:
    early = max(0, -piece.at)
    return Piece(source=piece.source + early, frames=max(0, piece.frames - early), at=piece.at + early)


def _gaps(track: Track) -> tuple[list[_Gap], float, bool]:
    """Where time was lost; how much is left for the end (seconds); whether some of it is a guess."""
    clock_s = (track.until_at - track.anchor_at).total_seconds()
    missing_s = clock_s - track.frames / track.rate
    if missing_s <= TOLERANCE_S:
        return [], 0.0, False
    gaps: list[_Gap] = []
    put_back_s = 0.0
    before = 0
    guessed = False
    for position, lost_s in _lost_before(track, missing_s):
        gap_s = lost_s - put_back_s
        if gap_s > GROWTH_NOISE_S:
            guessed = guessed or position - before > WIDE_STEP_S * track.rate
            length, shift = round(gap_s * track.rate), round(put_back_s * track.rate)
            gaps.append(_Gap(low=before, high=position, length=length, shift=shift))
            put_back_s = lost_s
        before = position
    rest_s = missing_s - put_back_s
    if rest_s <= GROWTH_NOISE_S:
        return gaps, 0.0, guessed
    return gaps, rest_s, guessed or not track.growth


def _lost_before(track: Track, missing_s: float) -> list[tuple[int, float]]:
    """For each step of growth: its position in frames, and the time lost before it in seconds.

    A step is seen late, never early, so the lost time is at most what a look says, and never more than what any
    later look says, nor than what the whole file misses.
    """
    lost: list[tuple[int, float]] = []
    least = missing_s
    for look in reversed(track.growth):
        if not 0 < look.frames <= track.frames:
            continue
        clock_s = (look.at - track.anchor_at).total_seconds()
        least = max(0.0, min(least, clock_s - look.frames / track.rate))
        lost.append((look.frames, least))
    lost.reverse()
    return lost
