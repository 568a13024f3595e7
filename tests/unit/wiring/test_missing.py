from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cti.bus import Bus
from cti.domain.events import RecordingMissing
from cti.domain.model import CallId, TenantId
from cti.wiring import missing
from cti.wiring.readiness import Warned

START = datetime(2026, 11, 22, tzinfo=UTC)


async def test_what_is_missing_is_said_for_an_hour_and_what_nobody_wanted_is_not() -> None:
    now = [START]
    bus = Bus()
    probe = missing.watch(bus, lambda: now[0])
    await bus.start()
    try:
        for reason in ("not_wanted", "too_short", "paused"):
            bus.publish(RecordingMissing(at=START, tenant=TenantId("demo"), call_id=CallId("1"), reason=reason))
        assert await probe() is None
        for reason in ("no_file", "disk_full", "no_file"):
            bus.publish(RecordingMissing(at=START, tenant=TenantId("demo"), call_id=CallId("1"), reason=reason))
        said = await probe()
        assert isinstance(said, Warned)
        assert said.why.startswith("3 call(s) of the last hour have no recording (disk_full: 1, no_file: 2)")
        now[0] = START + timedelta(hours=1, seconds=1)
        assert await probe() is None
    finally:
        await bus.stop(1.0)
