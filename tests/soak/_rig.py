"""The whole desk with a tap on each of the server's wires, and what can be done to its parts."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cti.demo.folders import LOOPBACK, PortPool, RunFolder
from cti.demo.stack import Plan, Progress, _ready, running_stack
from tests.soak._load import Load, desk_file, fill
from tests.soak._observer import Observer
from tests.soak._parts import Parts
from tests.soak._wires import Moment, Sight, Trap, Way, Wire

RTP_PORTS = 240


@dataclass(kw_only=True)
class Rig(Parts):
    """Everything a fault needs."""

    load: Load
    observer: Observer
    wires: dict[str, Wire]

    @property
    def cel(self) -> Path:
        """Asterisk's account of every leg."""
        return self.stack.folders.log / "cel.csv"

    async def until_ready(self, deadline_s: float = 60.0) -> float:
        """Seconds until /readyz says yes twice, half a second apart: a fault may not have been noticed yet."""
        began, probe = time.monotonic(), _ready(self.stack.ports.web)
        since: float | None = None
        while time.monotonic() - began < deadline_s:
            if not await probe():
                since = None
            elif since is None:
                since = time.monotonic()
            elif time.monotonic() - since >= 0.5:
                return since - began
            await asyncio.sleep(0.05)
        return deadline_s

    async def until_beat(self, deadline_s: float = 60.0) -> float:
        """Seconds until the server beats again: its link to Asterisk is up, and it has taken its snapshot."""
        began = time.monotonic()
        sight = Sight(way=Way.ASK, pattern=re.compile(rb"Variable: CTI_BEAT"))
        trap = Trap(sights=(sight,), moment=Moment.AFTER, pull=lambda: None)
        self.wires["ami"].traps.append(trap)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(trap.sprung.wait(), deadline_s)
        return time.monotonic() - began


@asynccontextmanager
async def a_rig(run: RunFolder, pool: PortPool, say: Progress) -> AsyncIterator[Rig]:
    """Desk, taps, agents; no callers yet."""
    plan = Plan(desk_file=desk_file(run), rtp_ports=RTP_PORTS, asterisk={"agent_qualify_s": 0}, fill=fill)
    async with running_stack(run, pool, say, plan) as stack:
        wires = {
            "ami": Wire(stack.ports.ami),
            "postgres": Wire(_port(stack.postgres.url)),
            "s3": Wire(_port(stack.store.access.endpoint)),
        }
        rig = Rig(
            stack=stack, load=Load.of(stack), wires=wires,
            observer=Observer(stack.ports.ami, "kakehashi", stack.secrets["ami"]),
        )  # fmt: skip
        try:
            for wire in wires.values():
                await wire.start()
            await rig.load.believe_contacts()
            await rig.load.start_agents()
            await rig.server.stop()
            stack.config = _through_taps(rig)
            await stack.start_server()
            await rig.observer.start()
            yield rig
        finally:
            await rig.load.stop()
            await rig.observer.stop()
            with contextlib.suppress(ProcessLookupError):
                rig.server.signal(signal.SIGCONT)
            for child in (rig.server, *rig.started):
                child.signal(signal.SIGCONT)
                await child.stop(1.0)
            for wire in wires.values():
                await wire.stop()


def _port(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


def _through_taps(rig: Rig) -> Path:
    """The server's configuration with the taps' ports in the place of the real ones."""
    stack = rig.stack
    text = stack.config.read_text(encoding="utf-8")
    for old, new in (
        (f"ami_port = {stack.ports.ami}", f"ami_port = {rig.wires['ami'].port}"),
        (f"@{LOOPBACK}:{_port(stack.postgres.url)}/", f"@{LOOPBACK}:{rig.wires['postgres'].port}/"),
        (stack.store.access.endpoint, f"http://{LOOPBACK}:{rig.wires['s3'].port}"),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = stack.config.with_name("through-taps.toml")
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path
