"""Where lost time was, told by an agent's leg that heard it. PURE.

MixMonitor writes nothing while both sides of a channel send nothing, and that time is missing from the file. The
caller's channel loses more than that: at a change of agent the new agent's RTP numbers may be behind the old one's,
Asterisk drops their frames from the caller's *recording* until the numbers have caught up, and each time the caller
falls silent meanwhile the file stands still. The agent's own leg records on, and in what was said to them (its -tx
file) the same moment is there as silence of that length. How long the file stood still is known by the clock
(timeline); this says where. Where a phone's packets were counted they say it better (reckoning).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

# A file's frame and the clock agree to within this: what MixMonitor waits for, and an event's way.
NEAR_S = 0.1
# Shorter ones than this are packets that were late, in one file and perhaps not in the other.
LATE_S = 0.06
# What several silences may differ from the clock's word together: late packets, and what is written late.
OFF_S = 0.15

Runs = Sequence[tuple[int, int]]  # silences of a file: from, to in frames


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """A file stood still, somewhere between two positions."""

    low: int  # frames
    high: int
    length: int  # frames that were lost
    zero_s: float  # the instant (POSIX seconds) of the file's first frame, had nothing been lost but this
    rate: int
    silences: Runs  # of the file itself

    @property
    def from_s(self) -> float:
        """The earliest instant at which it began."""
        return self.zero_s + self.low / self.rate

    @property
    def to_s(self) -> float:
        """The latest instant at which it ended."""
        return self.zero_s + (self.high + self.length) / self.rate


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """When somebody was silent, in POSIX seconds: what an agent's file holds of what was said to them, between two
    losses of its own; or when a phone sent nothing, while its packets were counted."""

    from_s: float
    to_s: float
    silences: tuple[tuple[float, float], ...]


def places(stop: Stop, heard: Iterable[Heard]) -> list[tuple[int, int]]:
    """Where in the file how much was lost: (position, length) in frames, in order, together ``stop.length``.

    Empty when nobody heard it, or when what they heard does not add up to what the clock says.
    """
    for one in heard:
        if one.from_s > stop.from_s + NEAR_S or one.to_s < stop.to_s - NEAR_S:
            continue
        found = list(_missing(stop, one))
        # Packets that came late are short silences as well, and the file need not have lost those.
        for several in (found, [one for one in found if one[1] > OFF_S]):
            if several and abs(sum(length for _, length in several) - stop.length / stop.rate) <= OFF_S:
                return _whole(stop, several)
    return []


def _missing(stop: Stop, heard: Heard) -> Iterator[tuple[float, float]]:
    """What of each silence the file has not: its own second (from ``zero_s``), and length in seconds."""
    lost_s = 0.0
    first = bisect_left(heard.silences, stop.from_s, key=lambda silence: silence[1])
    for begin_s, end_s in islice(heard.silences, first, None):
        if begin_s > stop.to_s:
            return
        at_s, full_s = begin_s - stop.zero_s - lost_s, end_s - begin_s
        own = [
            (max(begin / stop.rate, at_s - NEAR_S), min(end / stop.rate, at_s + full_s)) for begin, end in stop.silences
        ]
        own = [(begin, end) for begin, end in own if begin < end]
        length_s = full_s - sum(end - begin for begin, end in own)
        if length_s > LATE_S:
            lost_s += length_s
            # Of a silence that the file has in part, the file knows to the frame where it began.
            yield (max(at_s, own[0][0]) if own and own[0][0] - at_s <= NEAR_S else at_s), length_s


def _whole(stop: Stop, found: list[tuple[float, float]]) -> list[tuple[int, int]]:
    """In frames. The clock's word on the length counts: what differs goes to the longest."""
    differs_s = stop.length / stop.rate - sum(length for _, length in found)
    longest = max(range(len(found)), key=lambda number: found[number][1])
    shift, placed = 0, []
    for number, (at, length) in enumerate(found):
        kept = max(0, round((length + (differs_s if number == longest else 0.0)) * stop.rate))
        last = number == len(found) - 1
        placed.append(
            (min(stop.high, max(stop.low, round(at * stop.rate))), max(0, stop.length - shift) if last else kept)
        )
        shift += kept
    return placed
