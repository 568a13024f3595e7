"""Room for recordings: measured on our disks, told to the dialplan, the ledger and the operator."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from cti.ami.recordswitch import RecordSwitch
from cti.bus import Bus
from cti.calls import CallDesk
from cti.config import Config
from cti.domain.events import RecordingRefused
from cti.domain.model import Call, ChannelName
from cti.metrics import Metrics
from cti.wiring.readiness import Probe, Warned
from recording.disk import DiskGuard, measure
from recording.diskguard import MB, Level, Limits

log = logging.getLogger(__name__)


def guard(
    config: Config, bus: Bus, desk: CallDesk, switch: RecordSwitch, metrics: Metrics, now: Callable[[], datetime]
) -> DiskGuard:
    """Looks after the folder Asterisk records into and the one beside it where recordings wait for S3."""
    spool, work = config.asterisk.spool_dir, config.data_dir / "recordings"
    work.mkdir(mode=0o750, parents=True, exist_ok=True)  # as the recordings' own process does, which starts later

    async def act(level: Level) -> None:
        await switch.keep(record=level < Level.STOP)
        if level is Level.CUT:
            await _end_running(bus, desk, switch, now)
        _count(level)

    def _count(level: Level) -> None:
        metrics.record_level.set(level)
        free = disk.gauges().get("free_bytes")
        if free is not None:
            metrics.record_free_bytes.set(free)

    disk = DiskGuard(
        measure=partial(measure, disks=(spool, config.data_dir), spools=(spool, work)),
        limits=limits(config),
        act=act,
    )
    return disk


def limits(config: Config) -> Limits:
    """As configured. Running recordings are ended at half of what stops new ones."""
    recording = config.recording
    return Limits(
        warn_free=recording.free_warn_mb * MB,
        stop_free=recording.free_stop_mb * MB,
        cut_free=recording.free_stop_mb * MB // 2,
        spool_max=recording.spool_max_mb * MB,
    )


def probe(disk: DiskGuard) -> Probe:
    """What the operator should know. Never "not ready": calls are served, and only this server can empty the spool."""

    async def why() -> Warned | None:
        return Warned(why=disk.sentence) if disk.sentence else None

    return why


async def _end_running(bus: Bus, desk: CallDesk, switch: RecordSwitch, now: Callable[[], datetime]) -> None:
    calls = desk.all_live()
    ended = await switch.end(frozenset(channel for call in calls for channel in _channels(call)))
    for call in calls:
        if ended & _channels(call):
            about = {"action": "disk", "call_id": call.call_id}
            log.warning("a running recording was ended, the disk is nearly full", extra=about)
            refused = RecordingRefused(at=now(), tenant=call.tenant, call=call, reason="disk_full")
            bus.publish(refused)


def _channels(call: Call) -> frozenset[ChannelName]:
    """Those that record: the caller's, and each agent's who talks."""
    return frozenset({call.channel, *(talk.agent_channel for talk in call.talks if talk.ended_at is None)})
