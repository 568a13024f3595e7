"""How good the announced wait is: each estimate held against what the caller then waited, and against a rival.

The rival is what most systems announce: how long the last caller waited who got an agent from the same queue. It is
given its best form as well, the last one who had to wait at all. Callers who hung up are left out: nobody knows how
long they would have waited.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from cti.domain.model import CallId, QueueId
from routing.engine import Engine


@dataclass(frozen=True, slots=True)
class Forecast:
    """What could have been said to one caller who had to wait, in seconds."""

    ours_s: float
    last_s: float  # the wait of the last caller who was answered
    last_waited_s: float  # of the last one who had to wait


@dataclass(slots=True)
class Forecasts:
    """Looks on at a run (routing.simulation.run.Observer)."""

    said: list[Forecast] = field(default_factory=list)  # to those who were answered in the end
    waited_s: list[float] = field(default_factory=list)  # and how long they waited
    unknown: int = 0  # nobody was at work: nothing can be said
    _open: dict[CallId, Forecast] = field(default_factory=dict)
    _last: dict[QueueId, float] = field(default_factory=dict)
    _last_waited: dict[QueueId, float] = field(default_factory=dict)

    def waits(self, call_id: CallId, queue: QueueId, engine: Engine, now: datetime) -> None:
        """A caller has to wait: note what each would say."""
        call = engine.call(call_id)
        ours_s = engine.expected_wait_s(call, now) if call is not None else None
        if ours_s is None:
            self.unknown += 1
            return
        self._open[call_id] = Forecast(ours_s, self._last.get(queue, 0.0), self._last_waited.get(queue, 0.0))

    def answered(self, call_id: CallId, queue: QueueId, wait_s: float) -> None:
        """An agent answered: now it is known."""
        self._last[queue] = wait_s
        if wait_s > 0:
            self._last_waited[queue] = wait_s
        said = self._open.pop(call_id, None)
        if said is not None:
            self.said.append(said)
            self.waited_s.append(wait_s)

    def errors_s(self) -> dict[str, float]:
        """The median of |said - waited| in seconds, by who said it."""
        names = ("ours_s", "last_s", "last_waited_s")
        pairs = list(zip(self.said, self.waited_s, strict=True))
        return {name: median(abs(getattr(said, name) - waited) for said, waited in pairs) for name in names}

    def longer(self) -> float:
        """The share of callers who waited longer than we said; an honest median has a half."""
        return sum(w > said.ours_s for said, w in zip(self.said, self.waited_s, strict=True)) / len(self.said)
