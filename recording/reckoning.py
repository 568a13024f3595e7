"""Where lost time was, reckoned from a phone's own silences. PURE.

While a phone's packets are counted (cti.packets) it is known of every silence when it was. Whatever is written into
the phone's file meanwhile is zeros, in one run; what of a silence is not there is where the file stood still. So the
file is followed from silence to silence, and each run of zeros that is met says how far it is. The clock, by the steps
in which the file grew, is asked whether that is true: a step may have reached the disk late, so only what several say
counts. What they say is lost and no silence explains goes into its step, as it would if nobody had counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

from recording.echo import LATE_S, Heard, Runs

# A run of zeros begins this near to where its silence is expected: packets' counts, and what MixMonitor waits for.
NEAR_S = 0.15
# What the steps may say beyond the silences: more is a loss that nobody saw.
OFF_S = 0.15
# The same where no loss of just before may have been longer than its silence says.
ALONE_S = 0.1
# So many steps, each 2 s, say together what was lost: they are late by themselves, never early.
STEPS = 4
# MixMonitor holds what came last back until more comes: a step beside a loss may be before it or after it.
HELD_S = 0.06


@dataclass(frozen=True, kw_only=True, slots=True)
class Region:
    """Part of a file, in frames, in which its phone's packets were counted."""

    low: int
    high: int
    zero_s: float  # the instant (POSIX seconds) of the file's first frame, had nothing been lost
    before_s: float  # lost before it
    rate: int
    zeros: Runs  # of the file
    steps: Sequence[tuple[int, float]]  # a position, and what was lost before it, at most; all of them after ``low``


@dataclass(slots=True)
class Loss:
    """Time that is not in the file: before ``at``, or (of which nobody knows more) somewhere from ``low`` to ``at``."""

    low: int
    at: int
    seconds: float


def reckoned(region: Region, heard: Heard) -> list[Loss]:
    """What was lost, in order. Together it is what the steps say."""
    follower, step = _Follower(region, heard), 0
    held = round(HELD_S * region.rate)
    while step < len(region.steps):
        if not follower.goes_on(region.steps[step][0] - held) and follower.compare(step, held):
            step += 1
    return [loss for loss in follower.losses if loss.seconds * region.rate >= 1]


class _Follower:
    """Follows a file from silence to silence."""

    def __init__(self, region: Region, heard: Heard) -> None:
        self._region = region
        self._silences = heard.silences
        self._lost_s = region.before_s
        self._number = bisect_left(self._silences, self._instant(region.low), key=lambda one: one[1])  # the next one
        self._known = region.low  # up to here it is known how much was lost
        self._new = False  # the last loss is one whose length the clock has not confirmed
        self._confirmed = 0  # so many losses have
        self.losses: list[Loss] = []

    def _instant(self, position: int) -> float:
        return self._region.zero_s + self._lost_s + position / self._region.rate

    def _ahead(self) -> _Follower:
        ahead = copy(self)
        ahead.losses, ahead._confirmed = [copy(loss) for loss in self.losses[self._confirmed :]], 0
        return ahead

    def goes_on(self, until: int) -> bool:
        """Past one more silence, if the next begins before that position."""
        if self._number >= len(self._silences):
            return False
        region, (begin_s, end_s) = self._region, self._silences[self._number]
        begin_s = max(begin_s, region.zero_s)
        expected = max(0, round((begin_s - region.zero_s - self._lost_s) * region.rate))
        run = self._run_at(expected)
        position = min(region.high, max(region.low, expected if run is None else run[0]))
        if position >= until:
            return False
        self._number += 1
        length_s = end_s - begin_s - (0.0 if run is None else (run[1] - run[0]) / region.rate)
        if run is not None and begin_s > region.zero_s:
            length_s += self._met(run[0], (expected - run[0]) / region.rate)
        after = position if run is None else min(region.high, run[1])  # nobody hears where in a run of zeros it was
        if length_s > LATE_S:
            self.losses.append(Loss(low=after, at=after, seconds=length_s))
            self._lost_s += length_s
            self._new = True
            # It is before the next step, which is never early: not more than that is missing.
            steps, held = region.steps, round(2 * HELD_S * region.rate)
            next_ = bisect_left(steps, after + held, key=lambda step: step[0])
            if next_ < len(steps) and self._lost_s > steps[next_][1]:
                self._put_right(steps[next_][1] - self._lost_s)
        self._known = max(self._known, after)
        return True

    def _run_at(self, expected: int) -> tuple[int, int] | None:
        """The run of zeros that begins there, or so much before it as may have been lost unseen."""
        region = self._region
        after = bisect_left(region.steps, expected + 1, key=lambda step: step[0])
        unseen_s = max(0.0, region.steps[min(after, len(region.steps) - 1)][1] - self._lost_s)
        near = NEAR_S * region.rate
        earliest = max(expected - near - unseen_s * region.rate, min(self._known, expected) - near)
        first = bisect_left(region.zeros, earliest, key=lambda run: run[0])
        there = [run for run in region.zeros[first : first + 4] if run[0] <= expected + near]
        return min(there, key=lambda run: abs(run[0] - expected), default=None)

    def _met(self, position: int, differs_s: float) -> float:
        """The file itself says to the frame how far it is: by so much earlier than was reckoned. What of that nothing
        before it explains, nobody hears in the silence that begins here."""
        if differs_s > (NEAR_S if self._new else ALONE_S):
            self._unseen(min(self._known, position), position, differs_s)
        elif self._new:
            self._put_right(differs_s)
        else:
            return differs_s
        return 0.0

    def _unseen(self, low: int, at: int, seconds: float) -> None:
        self.losses.append(Loss(low=low, at=at, seconds=seconds))
        self._lost_s += seconds
        self._known, self._new = at, False

    def _put_right(self, differs_s: float) -> None:
        """More or less was lost. More is the longest's of late; less the shortest's, which may be packets that were
        late and came all the same."""
        late = sorted(self.losses[self._confirmed :], key=lambda loss: loss.seconds, reverse=differs_s > 0)
        for loss in (*late, *reversed(self.losses[: self._confirmed])):
            change_s = max(differs_s, -loss.seconds)
            loss.seconds, differs_s = loss.seconds + change_s, differs_s - change_s
            self._lost_s += change_s
            if differs_s >= 0:
                return

    def compare(self, step: int, held: int) -> bool:
        """With what the clock says at a step of the file, and at those after it: each may be late, none is early. A
        silence beside the step is gone past first where that explains it (False)."""
        steps, ahead, off = self._region.steps, self._ahead(), []
        if steps[step][0] < self._known + held:
            return True  # within a silence: some of it may come later
        for number in range(step, len(steps)):
            position, most_s = steps[number]
            while ahead.goes_on(position - held):
                pass
            if position < ahead._known + held:
                continue
            off.append(most_s - ahead._lost_s)
            if off[-1] > 0 and ahead.goes_on(position + held):
                off[-1] = max(0.0, most_s - ahead._lost_s)
            if len(off) == STEPS:
                break
        if steps[step][1] - self._lost_s > OFF_S and self.goes_on(steps[step][0] + held):
            return False
        off_s = max(min(off), min(off[0], 0.0))
        position = steps[step][0]
        if off_s > (OFF_S if self._new else ALONE_S):
            before = steps[step - 1][0] if step else self._region.low
            self._unseen(max(before, min(self._known, position)), position, off_s)
        elif self._new or off_s < 0:
            self._put_right(off_s)
            self._new = False
        self._confirmed = len(self.losses)
        return True
