"""CPU time a call: our server, and everything of ours, beside Asterisk's own.

Calls of 4 to 6 s with sound from both sides (1 kHz, µ-law), 4 new ones a second, 40 agents with a socket each; each
call is queued, offered, popped, answered, recorded, looked up, encoded and uploaded. CPU time is what the kernel
counts for each process and those it waited for, from the first call until the last recording is stored. Case server:
`kakehashi serve` alone; case all-ours: with its encoders. PostgreSQL and the object store are counted apart. Unit: ms
a call; p50 and p99 are over windows of 5 s while calls come (n: calls), ms_per_call is over all, ratio is ours ÷
Asterisk of it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import asyncpg

from cti.demo.sipp import SippLoad, run_sipp
from cti.demo.stack import Stack
from recording.lifecycle import SETTLED
from tests.bench._desk import OURS, Desk, bench_desk, say, with_sound
from tests.bench._report import Sample, line
from tests.bench.pop import screens

AGENTS = 40
RATE_HZ = 4.0
WINDOW_S = 5.0
# Encoding falls behind on a busy machine; it is counted whenever it happens.
SETTLE_S = 300.0
AIM = 1.0
PARTS = ("server", "encoder", "asterisk", "postgresql", "s3")
_TICKS = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(folder.name))
        if fields:
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def _stat(pid: int) -> list[str]:
    """/proc/PID/stat from the state on (proc(5): field 3 is index 0)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def spent_ms(pids: Iterable[int], *, reaped: bool) -> float:
    """CPU time of processes; ``reaped``: with that of their children that have ended."""
    ticks = 0
    for pid in pids:
        fields = _stat(pid)
        if fields:
            ticks += sum(int(field) for field in fields[11 : 15 if reaped else 13])
    return ticks * 1000 / _TICKS


def look(stack: Stack) -> dict[str, float]:
    """CPU time of each part until now, in ms."""
    assert stack.server is not None
    assert stack.asterisk is not None
    assert stack.postgres.child is not None
    assert stack.store.child is not None
    server, *below = tree(stack.server.pid)
    return {
        "server": spent_ms([server], reaped=False),
        "encoder": spent_ms(below, reaped=True),
        "asterisk": spent_ms([stack.asterisk.child.pid], reaped=True),
        "postgresql": spent_ms(tree(stack.postgres.child.pid), reaped=True),
        "s3": spent_ms(tree(stack.store.child.pid), reaped=True),
    }


async def measure(calls: int) -> tuple[dict[str, float], dict[str, list[float]], int]:
    """ms a call by part; the same by window; calls."""
    async with (
        bench_desk(AGENTS, scenario="heard_agent.xml") as desk,
        desk.at_work(OURS, AGENTS),
        screens(desk.stack, AGENTS, []),
    ):
        before = look(desk.stack)
        windows, done = await _calls(desk, calls)
        await _settled(desk.stack)
        after = look(desk.stack)
    return {part: (after[part] - before[part]) / done for part in PARTS}, windows, done


async def _calls(desk: Desk, calls: int) -> tuple[dict[str, list[float]], int]:
    stack = desk.stack
    load = SippLoad(
        scenario=with_sound(stack.run, "heard_caller.xml"),
        server=stack.trunk,
        service=stack.number,
        calls=calls,
        rate_hz=RATE_HZ,
        rtp_ports=400,
    )
    say(f"{calls} calls at {RATE_HZ:g}/s")
    running = asyncio.create_task(run_sipp(stack.run, stack.pool, load, name="callers"))
    windows: dict[str, list[float]] = {part: [] for part in PARTS}
    last = look(stack)
    while not running.done():
        await asyncio.wait({running}, timeout=WINDOW_S)
        now = look(stack)
        if not running.done():  # the last window is no whole one
            for part in PARTS:
                windows[part].append((now[part] - last[part]) / (RATE_HZ * WINDOW_S))
        last = now
    result = running.result()
    say(f"{result.successful} calls went well, {result.failed} did not")
    return windows, result.successful


async def _settled(stack: Stack) -> None:
    """Until every recording is stored."""
    states = [state.value for state in SETTLED]
    conn = await asyncpg.connect(stack.postgres.url)
    try:
        async with asyncio.timeout(SETTLE_S):
            while left := await conn.fetchval("SELECT count(*) FROM recordings WHERE state <> ALL($1)", states):
                say(f"{left} recordings are not stored yet")
                await asyncio.sleep(2.0)
        rows = await conn.fetch("SELECT state, count(*) AS n FROM recordings GROUP BY state")
        say("recordings: " + ", ".join(f"{row['n']} {row['state']}" for row in rows))
    finally:
        await conn.close()


def _case(name: str, parts: tuple[str, ...], total: dict[str, float], windows: dict[str, list[float]], n: int) -> Any:
    def figures(of: tuple[str, ...]) -> dict[str, Any]:
        sample = Sample.of([sum(values) for values in zip(*(windows[part] for part in of), strict=True)])
        return {"p50": sample.p50, "p99": sample.p99, "n": n, "ms_per_call": round(sum(total[p] for p in of), 2)}

    mine, theirs = figures(parts), figures(("asterisk",))
    ratio = round(mine["ms_per_call"] / theirs["ms_per_call"], 2)
    return {"case": name, "ours": mine, "peer": {"name": "Asterisk", **theirs}, "ratio": ratio}


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=520)
    total, windows, calls = asyncio.run(measure(parser.parse_args().calls))
    server = _case("server", ("server",), total, windows, calls)
    everything = _case("all-ours", ("server", "encoder"), total, windows, calls)
    apart = {f"{part}_ms_per_call": round(total[part], 2) for part in ("encoder", "postgresql", "s3")}
    everything["ours"].update(apart)
    met = server["ratio"] <= AIM and calls >= 500
    print(line("cpu", "ms", [server, everything], f"server {AIM:g} × Asterisk or less", met))


if __name__ == "__main__":
    main()
