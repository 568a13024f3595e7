"""How often a log-in may be tried. Pure: the monotonic clock is an argument.

Three buckets are asked, each refilled with time: the pair of log-in and address (a person who mistypes), the log-in
from everywhere (somebody who guesses from many addresses), the address (somebody who tries many log-ins;
generous, because a whole centre may sit behind one address). Only failures cost anything.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """A bucket: so many failures at once, then one each ``refill_s``."""

    failures: int
    refill_s: float


PAIR = Limit(failures=5, refill_s=30.0)
LOGIN = Limit(failures=30, refill_s=20.0)
ADDRESS = Limit(failures=100, refill_s=2.0)
# 20,000 keys are 3 MB; the oldest are forgotten first.
MAX_KEYS = 20_000


class Throttle:
    """Counts failures; refuses before a password is even looked at."""

    def __init__(self) -> None:
        self._levels: OrderedDict[tuple[str, ...], tuple[float, float]] = OrderedDict()

    def wait_s(self, login: str, address: str, now_s: float) -> int:
        """Seconds until the next try is allowed; 0: now."""
        waits = [self._wait_s(key, limit, now_s) for key, limit in _buckets(login, address)]
        return math.ceil(max(waits))

    def failed(self, login: str, address: str, now_s: float) -> None:
        """A try failed."""
        for key, limit in _buckets(login, address):
            self._levels[key] = (self._level(key, limit, now_s) + 1.0, now_s)
            self._levels.move_to_end(key)
            if len(self._levels) > MAX_KEYS:
                self._levels.popitem(last=False)

    def succeeded(self, login: str, address: str) -> None:
        """The try that ``failed`` counted was right: it costs nothing, and this person's own mistakes are forgotten.

        Else a shift of 200 who log in from one address within a minute would be taken for an attack.
        """
        for key, _ in _buckets(login, address):
            level, then_s = self._levels.get(key, (0.0, 0.0))
            if level <= 1.0 or key[0] == "pair":
                self._levels.pop(key, None)
            else:
                self._levels[key] = (level - 1.0, then_s)

    def _level(self, key: tuple[str, ...], limit: Limit, now_s: float) -> float:
        level, then_s = self._levels.get(key, (0.0, now_s))
        return max(0.0, level - (now_s - then_s) / limit.refill_s)

    def _wait_s(self, key: tuple[str, ...], limit: Limit, now_s: float) -> float:
        return max(0.0, (self._level(key, limit, now_s) + 1.0 - limit.failures) * limit.refill_s)


def _buckets(login: str, address: str) -> tuple[tuple[tuple[str, ...], Limit], ...]:
    return (
        (("pair", login, address), PAIR),
        (("login", login), LOGIN),
        (("address", address), ADDRESS),
    )
