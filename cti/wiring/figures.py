"""Figures of those parts that may not know the metrics: read every few seconds, set as gauges and counters."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

from cti.ami.feed import AmiFeed
from cti.bus import Bus
from cti.calls import CallDesk
from cti.effects import EffectSender
from cti.metrics import Metrics
from cti.web.ports import Readiness
from cti.wiring.journals import Journals
from cti.wiring.recordings import RecordingWorker
from cti.wiring.routing import RoutingDesk
from ivr.server import IvrServer

# Prometheus asks every 15 s by default.
EVERY_S = 5.0


class Figures:
    """A task that keeps /metrics true."""

    def __init__(
        self,
        metrics: Metrics,
        bus: Bus,
        desk: CallDesk,
        feed: AmiFeed,
        journals: Journals,
        recordings: RecordingWorker,
        menus: IvrServer,
        readiness: Readiness,
        router: RoutingDesk,
        senders: Mapping[str, EffectSender | None],
    ) -> None:
        self._metrics = metrics
        self._bus = bus
        self._desk = desk
        self._feed = feed
        self._journals = journals
        self._recordings = recordings
        self._menus = menus
        self._readiness = readiness
        self._router = router
        self._effects = EffectFigures(metrics, senders)
        self._told: dict[tuple[str, str], int] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read."""
        self._task = asyncio.create_task(self._run(), name="figures")

    async def stop(self) -> None:
        """Read no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self._metrics.loop_lag.set(max(0.0, loop.time() - due_s))
            self.read()

    def read(self) -> None:
        """Set everything once."""
        metrics = self._metrics
        for name, part in self._readiness.parts().items():
            metrics.up.labels(name).set(1 if part.ready else 0)
        for (tenant, queue), callers in self._router.supervisors.without_hope().items():
            metrics.calls_nobody.labels(tenant, queue).set(callers)
        metrics.signals_waiting.set(self._desk.stats.queued)
        metrics.journal_waiting.set(self._journals.waiting)
        for journal in self._journals.all:
            metrics.journal_active.labels(journal.name).set(1 if journal.active else 0)
            metrics.journal_failed.labels(journal.name).inc(
                self._since("journal", journal.name, journal.counts["failed"])
            )
        gauges: Mapping[str, float] = self._recordings.gauges()
        metrics.recordings_waiting.set(gauges["unsettled"])
        metrics.spool_bytes.set(gauges["spool_bytes"])
        metrics.spool_strangers.set(gauges["strangers"])
        metrics.recordings_oldest.set(gauges["oldest_waiting_seconds"])
        for name, stats in self._bus.stats().items():
            metrics.bus_waiting.labels(name).set(stats.queued)
            metrics.bus_dropped.labels(name).inc(self._since("bus", name, stats.dropped))
        metrics.ami_reconnects.inc(self._since("ami", "reconnects", self._feed.client.reconnects))
        counts = self._menus.counts
        for outcome in ("completed", "hung_up", "failed", "refused"):
            metrics.menus.labels("", outcome).inc(self._since("menus", outcome, getattr(counts, outcome)))

        self._effects.read()

    def _since(self, kind: str, name: str, total: int) -> int:
        """What a total grew by since it was last told."""
        before = self._told.get((kind, name), 0)
        self._told[kind, name] = total
        return max(0, total - before)


class EffectFigures:
    """What cannot be undone: what waits, what could not be stored, and what the rest came to."""

    def __init__(self, metrics: Metrics, senders: Mapping[str, EffectSender | None]) -> None:
        """``senders`` by the name that the figures give them; None: there is none."""
        self._metrics = metrics
        self._senders = {name: sender for name, sender in senders.items() if sender is not None}
        self._told: Counter[tuple[str, str]] = Counter()

    def read(self) -> None:
        """Set everything once."""
        for name, sender in self._senders.items():
            self._metrics.effects_waiting.labels(name).set(len(sender.live))
            self._metrics.effects_unsaved.labels(name).set(len(sender.unsaved))
            for outcome in ("done", "not_done", "never_known"):
                total = sender.counts[outcome]
                self._metrics.effects.labels(name, outcome).inc(total - self._told[name, outcome])
                self._told[name, outcome] = total
