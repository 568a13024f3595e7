"""Calls without a recording that should have one, for the operator: on the queue page half a minute after hang-up."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timedelta

from cti.bus import Bus
from cti.domain.events import RecordingMissing
from cti.wiring.readiness import Probe, Warned

# Long enough to be seen by whoever looks once in a while; the ledger has them all.
SHOWN = timedelta(hours=1)
_MOST = 1_000
# Nothing is missing where nothing was wanted, or where there was nothing to hear.
AS_MEANT = frozenset({"not_wanted", "not_demanded", "too_short", "paused"})


def watch(bus: Bus, now: Callable[[], datetime]) -> Probe:
    """A part that warns while calls of the last hour lack a recording. Counts only: everybody may read it."""
    missing: deque[tuple[datetime, str]] = deque(maxlen=_MOST)

    def handle(event: RecordingMissing) -> None:
        if event.reason not in AS_MEANT:
            missing.append((now(), event.reason))

    bus.subscribe("missing-recordings", handle, kinds=(RecordingMissing,), prompt=True)

    async def why() -> Warned | None:
        while missing and missing[0][0] < now() - SHOWN:
            missing.popleft()
        if not missing:
            return None
        counted = Counter(reason for _, reason in missing)
        said = ", ".join(f"{reason}: {count}" for reason, count in sorted(counted.items()))
        return Warned(why=f"{len(missing)} call(s) of the last hour have no recording ({said}); {WHERE}")

    return why


WHERE = "the QA page lists them under the status 'not recorded', docs/recording.md says what each reason means"
