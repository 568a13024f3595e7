"""What the simulated router must reproduce: exact values of queueing theory, and a published simulation.

Erlang's formulas give the plain desks. A desk of single-skilled agents with shared waiting places is a product of
independent queues, cut off where the places are full (truncation of a reversible process), so its blocking, its mean
wait and the share within so many seconds are exact too. For two and three skills there is no formula: the figures are
those of routing's reference, 3 × 360,000 calls, after Wallace and Whitt (M&SOM 7(4), 2005).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from math import exp
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "simulations"
TALK_S = 600.0


@dataclass(frozen=True, kw_only=True)
class Expected:
    """One figure of one FILE."""

    file: str
    figure: str  # as routing.simulation.figures names it
    value: float
    stated: str  # as the reference has it, rounded
    exact: bool = True  # False: a published simulation, with a sampling error of its own


@dataclass(frozen=True, kw_only=True)
class Line:
    """Exact figures of a plain line."""

    waits: float  # chance to wait, of those who are let in
    blocked: float
    abandoned: float
    wait_s: float  # mean of all who are let in
    wait_answered_s: float
    occupancy: float


def plain(agents: int, erlangs: float, talk_s: float, *, patience_s: float | None = None, places: int = 5_000) -> Line:
    """M/M/c with waiting places, and M/M/c+M: birth and death, summed up. ``places`` is "any number" by default."""
    hertz, leave_hz = erlangs / talk_s, 1 / patience_s if patience_s else 0.0
    weights = [1.0]
    for there in range(1, agents + places + 1):
        out_hz = min(there, agents) / talk_s + max(0, there - agents) * leave_hz
        weights.append(weights[-1] * hertz / out_hz)
        if there > agents and weights[-1] < 1e-18 * weights[0] and places == 5_000:
            break
    total = sum(weights)
    shares = [weight / total for weight in weights]
    last = shares[-1] if len(shares) == agents + places + 1 else 0.0
    in_line = sum(max(0, there - agents) * share for there, share in enumerate(shares))
    let_in_hz = hertz * (1 - last)
    abandoned = in_line * leave_hz / hertz
    busy = sum(min(there, agents) * share for there, share in enumerate(shares))
    wait_s = in_line / let_in_hz
    return Line(
        waits=(sum(shares[agents:]) - last) / (1 - last),
        blocked=last,
        abandoned=abandoned,
        wait_s=wait_s,
        wait_answered_s=_wait_answered_s(agents, talk_s, leave_hz, shares) if leave_hz else wait_s,
        occupancy=busy / agents,
    )


def _wait_answered_s(agents: int, talk_s: float, leave_hz: float, shares: list[float]) -> float:
    """Mean wait of the answered: a caller with k before them moves up, or leaves, step by step."""
    answered, waited = 1.0 - sum(shares[agents:]), 0.0
    reach, reach_s = 1.0, 0.0  # chance to be answered from here, and mean of wait × answered
    for before, share in enumerate(shares[agents:]):
        up_hz = agents / talk_s + before * leave_hz
        all_hz = up_hz + leave_hz
        # One step: it takes 1 / all_hz, and leads up with up_hz / all_hz.
        reach_s = up_hz / all_hz * (reach_s + reach / all_hz)
        reach = up_hz / all_hz * reach
        answered += share * reach
        waited += share * reach_s
    return waited / answered


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Exact figures of a desk with waiting places, first come first served."""

    blocked: float
    wait_s: float  # of the let in
    within_offered: float
    within_accepted: float


@lru_cache
def lines(kinds: int, erlangs: float, *, agents: int = 90, places: int = 30, limit_s: float = 20.0) -> Desk:
    """``kinds`` separate lines of agents ÷ kinds each, which share the waiting places. One line: M/M/c/c+K."""
    seats, load = agents // kinds, erlangs / kinds
    weights = [1.0]
    for there in range(1, seats + places + 1):
        weights.append(weights[-1] * load / min(there, seats))
    one = [sum(weights[: seats + 1]), *weights[seats + 1 :]]  # by callers waiting
    others = [1.0] + [0.0] * places
    for _ in range(kinds - 1):
        others = [sum(others[i] * one[k - i] for i in range(k + 1)) for k in range(places + 1)]
    room = list(accumulate(others))  # weight of the other lines having at most so many waiting
    total = let_in = wait_s = within = 0.0
    for there, weight in enumerate(weights):
        waiting = max(0, there - seats)
        total += weight * room[places - waiting]
        if there < seats:
            let_in += weight * room[places]
            within += weight * room[places]
        elif waiting < places:
            here = weight * room[places - waiting - 1]
            let_in += here
            wait_s += here * (waiting + 1) * TALK_S / seats
            within += here * _served(waiting + 1, seats / TALK_S * limit_s)
    return Desk(
        blocked=1 - let_in / total,
        wait_s=wait_s / let_in,
        within_offered=within / total,
        within_accepted=within / let_in,
    )


def _served(turns: int, expected: float) -> float:
    """The chance that so many turns are over when so many are expected (Poisson)."""
    term = fewer = exp(-expected)
    for number in range(1, turns):
        term *= expected / number
        fewer += term
    return 1 - fewer


def erlang_rows() -> list[Expected]:
    """The first table of the reference."""
    full = plain(50, 48, 60)
    impatient = plain(50, 48, 60, patience_s=120)
    small, large = plain(14, 10, TALK_S), plain(47, 40, TALK_S)
    rows = [
        ("erlang-50", "waited_share", full.waits, "0.694"),
        ("erlang-50", "wait_all.mean_s", full.wait_s, "20.8 s"),
        ("erlang-50-patience", "abandoned_share", impatient.abandoned, "3.09 %"),
        ("erlang-50-patience", "wait_all.mean_s", impatient.wait_s, "3.7 s"),
        ("erlang-50-patience", "wait_answered.mean_s", impatient.wait_answered_s, "3.6 s"),
        ("erlang-50-patience", "occupancy_all", impatient.occupancy, "93.0 %"),
        ("erlang-14", "within.20.of_offered", 1 - small.waits * exp(-(14 - 10) * 20 / TALK_S), "84.8 %"),
        ("erlang-14", "occupancy_all", small.occupancy, "71 %"),
        ("erlang-47", "within.20.of_offered", 1 - large.waits * exp(-(47 - 40) * 20 / TALK_S), "83.8 %"),
        ("erlang-47", "wait_all.mean_s", large.wait_s, "17.6 s"),
    ]
    places = lines(1, 84)
    rows += [
        ("skills-84-6", "blocked_share", places.blocked, "0.364 %"),
        ("skills-84-6", "wait_all.mean_s", places.wait_s, "0.450 min"),
        ("skills-84-6", "within.20.of_accepted", places.within_accepted, "69.9 %"),
        ("skills-84-6", "within.20.of_offered", places.within_offered, "69.65 %"),
    ]
    return [Expected(file=file, figure=name, value=value, stated=text) for file, name, value, text in rows]


# Erlang, skills per agent: blocked in %, mean wait in min, within 20 s in % of the let in.
WALLACE_WHITT = {
    (77.4, 1): (1.02, 1.74, 59),
    (77.4, 2): (0.02, 0.147, 88),
    (77.4, 6): (0.01, 0.079, 93),
    (84, 1): (3.76, 2.44, 48),
    (84, 2): (0.42, 0.567, 65),
    (84, 3): (0.37, 0.469, 69),
    (84, 6): (0.33, 0.437, 70),
    (90, 1): (7.85, 2.84, 42),
    (90, 2): (2.45, 1.35, 33),
    (90, 6): (2.20, 1.20, 36),
}


def skill_rows() -> list[Expected]:
    """The second table of the reference: exact for one skill and for all six, else as published."""
    rows = []
    for (erlangs, skills), (blocked, wait_min, within) in WALLACE_WHITT.items():
        exact = {1: lambda load=erlangs: lines(6, load), 6: lambda load=erlangs: lines(1, load)}.get(skills)
        desk = exact() if exact is not None else None
        published = (blocked / 100, wait_min * 60, within / 100)
        values = (desk.blocked, desk.wait_s, desk.within_accepted) if desk is not None else published
        stated = (f"{blocked} %", f"{wait_min} min", f"{within} %")
        names = ("blocked_share", "wait_all.mean_s", "within.20.of_accepted")
        file = f"skills-{erlangs:g}-{skills}".replace(".", "_")
        for name, value, text in zip(names, values, stated, strict=True):
            rows.append(Expected(file=file, figure=name, value=value, stated=text, exact=desk is not None))
    rows.append(Expected(file="skills-84-2", figure="within.30.of_accepted", value=0.68, stated="68 %", exact=False))
    own = Expected(file="skills-84-2-own-first", figure="within.30.of_accepted", value=0.72, stated="72 %", exact=False)
    return [*rows, own]


def all_rows() -> list[Expected]:
    """Both tables, by FILE."""
    return sorted(erlang_rows() + skill_rows(), key=lambda row: row.file)
