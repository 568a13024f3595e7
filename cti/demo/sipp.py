"""SIPp: many calls by a scenario, where a phone that a person could hold would be too slow."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cti.demo.components import find_program
from cti.demo.folders import LOOPBACK, PortPool, RunFolder
from cti.demo.processes import Child, ChildFailed, ChildSpec, start_child

MESSAGES = "messages.csv"


@dataclass(frozen=True, kw_only=True)
class SippLoad:
    """What SIPp is asked to do."""

    scenario: Path  # its XML
    server: str  # host:port it calls, or expects calls from
    service: str = "s"  # the number called: [service] in the scenario
    calls: int = 1
    rate_hz: float = 1.0  # new calls a second
    limit: int = 1_000  # calls at the same time
    keys: Mapping[str, str] = field(default_factory=dict)  # [name] in the scenario → value
    injection: Path | None = None  # a CSV of SIPp's own kind: a line a call
    rtp_ports: int = 100
    messages: bool = False  # write a line a SIP message, see RunningSipp.messages


@dataclass(frozen=True, kw_only=True)
class SippResult:
    """What became of it."""

    successful: int
    failed: int
    log: Path


def sipp_arguments(load: SippLoad, *, port: int, control_port: int, rtp: range, statistics: Path) -> list[str]:
    """SIPp's command line; everything bound to loopback."""
    arguments = [load.server, "-sf", str(load.scenario), "-s", load.service, "-nostdin"]
    arguments += ["-i", LOOPBACK, "-p", str(port), "-cp", str(control_port), "-ci", LOOPBACK]
    arguments += ["-mi", LOOPBACK, "-mp", str(rtp.start)]
    arguments += ["-m", str(load.calls), "-r", f"{load.rate_hz:g}", "-l", str(load.limit)]
    # The statistics are read at the end alone; one line in an hour keeps the file small.
    arguments += ["-trace_stat", "-stf", str(statistics), "-fd", "3600", "-trace_err"]
    for name, value in load.keys.items():
        arguments += ["-key", name, value]
    if load.injection is not None:
        arguments += ["-inf", str(load.injection)]
    if load.messages:
        arguments += ["-trace_shortmsg", "-shortmessage_file", str(statistics.with_name(MESSAGES))]
    return arguments


def read_statistics(text: str) -> tuple[int, int]:
    """Successful and failed calls, from SIPp's own statistics (its last line counts all)."""
    rows = list(csv.DictReader(text.splitlines(), delimiter=";"))
    if not rows:
        return 0, 0
    return int(rows[-1]["SuccessfulCall(C)"]), int(rows[-1]["FailedCall(C)"])


class RunningSipp:
    """A started SIPp, so that a test can act while it calls or answers."""

    def __init__(self, child: Child, statistics: Path, address: str) -> None:
        self.child = child
        self.address = address  # host:port where it is reached
        self.messages = statistics.with_name(MESSAGES)  # date, time, epoch seconds, S or R, Call-ID, CSeq, first line
        self._statistics = statistics

    async def finish(self) -> SippResult:
        """Waits for its end (give it a deadline with asyncio.timeout). Raises ChildFailed when it broke down.

        A failed call is a result, not a breakdown.
        """
        code = await self.child.wait()
        if code not in (0, 1) or not self._statistics.exists():  # 1: some calls failed
            raise ChildFailed(f"SIPp ended with {code}: {self.child.log_tail()}")
        successful, failed = read_statistics(self._statistics.read_text())
        return SippResult(successful=successful, failed=failed, log=self.child.spec.log)

    async def stop(self) -> None:
        """Ends it at once."""
        await self.child.stop(grace_s=1.0)


async def start_sipp(run: RunFolder, pool: PortPool, load: SippLoad, *, name: str = "sipp") -> RunningSipp:
    """Starts SIPp in a folder of its own. Raises MissingComponent."""
    folder = run.sub("sipp", name)
    statistics, port = folder / "statistics.csv", pool.tcp()
    arguments = sipp_arguments(
        load, port=port, control_port=pool.tcp(), rtp=pool.udp_block(load.rtp_ports), statistics=statistics
    )
    child = await start_child(
        ChildSpec(
            name=f"SIPp {name}",
            argv=[str(find_program("sipp")), *arguments],
            log=run.log(name),
            cwd=folder,
            env={"TERM": "dumb"},
        )
    )
    return RunningSipp(child, statistics, f"{LOOPBACK}:{port}")


async def run_sipp(run: RunFolder, pool: PortPool, load: SippLoad, *, name: str = "sipp") -> SippResult:
    """Starts SIPp and waits for its end; ends it when it is cancelled."""
    sipp = await start_sipp(run, pool, load, name=name)
    try:
        return await sipp.finish()
    finally:
        await sipp.stop()
