"""Random numbers that belong to a caller, not to a plan.

Each kind of callers has its own streams for arrivals, talk and patience, seeded by the simulation's seed, the number
of the replication and the callers' name. All three are drawn when a call is made up, before anybody decides anything:
the n-th caller of a kind comes at the same instant with the same talk and patience whatever the plan, so that two plans
differ by what they do and not by luck (common random numbers).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import cycle
from math import exp, inf, log, sqrt
from random import Random

from routing.simulation.model import (
    HOUR_S,
    Arrivals,
    Callers,
    Duration,
    Exponential,
    Fixed,
    Instants,
    Listed,
    Lognormal,
    Rate,
    RateByHour,
)

# (arrival in seconds since the start, talk in seconds, patience in seconds)
Caller = tuple[float, float, float]


def callers(kind: Callers, start: datetime, seed: int, replication: int) -> Iterator[Caller]:
    """Callers of one kind, in order of arrival; endless, except for a list of instants."""

    def stream(purpose: str) -> Random:
        return Random(f"{seed}/{replication}/{kind.name}/{purpose}")  # noqa: S311 -- must be repeatable

    talk = durations(kind.talk, stream("talk"))
    patience = durations(kind.patience or Fixed(inf), stream("patience"))
    for at_s in instants(kind.arrivals, start, stream("arrivals")):
        yield at_s, talk(), patience()


def durations(of: Duration, random: Random) -> Callable[[], float]:
    """A function that gives the next duration in seconds."""
    match of:
        case Exponential(mean_s):
            rate_hz = 1 / mean_s
            return lambda: random.expovariate(rate_hz)
        case Lognormal(mean_s, cv):
            sigma = sqrt(log(1 + cv * cv))
            mu = log(mean_s) - sigma * sigma / 2
            return lambda: exp(random.normalvariate(mu, sigma))
        case Fixed(each_s):
            return lambda: each_s
        case Listed(values_s):
            return cycle(values_s).__next__


def instants(of: Arrivals, start: datetime, random: Random) -> Iterator[float]:
    """Arrivals in seconds since the start."""
    match of:
        case Rate(per_h):
            yield from _steady(per_h / HOUR_S, random)
        case RateByHour(per_h):
            yield from _by_hour([rate / HOUR_S for rate in per_h], start, random)
        case Instants(at_s):
            yield from at_s


def _steady(rate_hz: float, random: Random) -> Iterator[float]:
    at_s = 0.0
    while True:
        at_s += random.expovariate(rate_hz)
        yield at_s


def _by_hour(rates_hz: list[float], start: datetime, random: Random) -> Iterator[float]:
    """A Poisson process whose rate changes on the hour: unit exponentials, stretched by the rate that holds."""
    hour = start.hour
    at_s = 0.0
    hour_ends_s = HOUR_S - (start.minute * 60 + start.second)
    while True:
        work = random.expovariate(1.0)
        while at_s + work / (rates_hz[hour] or 1e-300) > hour_ends_s:
            work -= rates_hz[hour] * (hour_ends_s - at_s)
            at_s = hour_ends_s
            hour_ends_s += HOUR_S
            hour = (hour + 1) % len(rates_hz)
        at_s += work / rates_hz[hour]
        yield at_s
