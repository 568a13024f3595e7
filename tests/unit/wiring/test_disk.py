"""The disk guard joined: what the dialplan, the ledger and the operator are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cti.ami.recordswitch import RecordSwitch
from cti.bus import Bus
from cti.config import load_config
from cti.domain.events import RecordingRefused
from cti.domain.model import Call
from cti.metrics import Metrics
from cti.wiring import disk
from cti.wiring.readiness import Warned
from recording.diskguard import MB, Free, Limits, Look
from tests.unit.ami.fakeasterisk import FakeAsterisk, fake_asterisk, linked
from tests.unit.recording.fakes import later
from tests.unit.recording.test_assemble import call
from tests.unit.test_config import MINIMAL

CALL = call()


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with fake_asterisk() as server:
        yield server


@dataclass
class LiveCalls:
    """As much of the call desk as is asked."""

    calls: tuple[Call, ...] = ()

    def all_live(self) -> tuple[Call, ...]:
        return self.calls


def written(folder: Path, more: str = "") -> Path:
    file = folder / "kakehashi.toml"
    file.write_text(MINIMAL + more, encoding="utf-8")
    return file


def test_limits_are_those_of_the_configuration(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, "[recording]\nfree_warn_mb = 40\nfree_stop_mb = 20\nspool_max_mb = 100\n"))
    assert disk.limits(config) == Limits(warn_free=40 * MB, stop_free=20 * MB, cut_free=10 * MB, spool_max=100 * MB)


async def test_what_each_step_does(fake: FakeAsterisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = [20_000]

    def look(**_: object) -> Look:
        return Look(frees=(Free(folder="/spool", free=room[0] * MB),), spool=0)

    monkeypatch.setattr(disk, "measure", look)
    bus, metrics = Bus(), Metrics()
    told: asyncio.Queue[RecordingRefused] = asyncio.Queue()
    bus.subscribe("test", told.put_nowait, kinds=(RecordingRefused,))
    await bus.start()
    calls: Any = LiveCalls(calls=(CALL,))
    async with linked(fake, []) as client:
        guard = disk.guard(load_config(written(tmp_path)), bus, calls, RecordSwitch(client), metrics, lambda: later(0))
        guard._every_s = 0.001
        await guard.start()
        await fake.received("Setvar", 1)
        room[0] = 900
        assert (await fake.received("Setvar", 2))["Value"] == "no"
        assert fake.named("StopMixMonitor") == []
        said = await disk.probe(guard)()
        assert isinstance(said, Warned)
        assert "900 MB free" in said.why
        room[0] = 400
        assert (await fake.received("StopMixMonitor", 1))["Channel"] == CALL.channel
        assert (await asyncio.wait_for(told.get(), 5)).reason == "disk_full"
        assert metrics.registry.get_sample_value("kakehashi_record_level") == 3.0
        room[0] = 20_000
        assert (await fake.received("Setvar", 3))["Value"] == "yes"
        assert await disk.probe(guard)() is None
        await guard.stop()
    await bus.stop()
    assert len(fake.named("StopMixMonitor")) == 1
    assert told.empty()
