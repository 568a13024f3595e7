"""DialBegin at Asterisk → complete first message at the agent's WebSocket, beside bare panoramisk.

Case 1000-sockets: 1,000 agents with a socket each, 20 calls/s of real SIP calls, all available agents taking turns.
Ours: Asterisk's own timestamp of DialBegin (in the message) → the message parsed at the agent's socket. Peer: the
same timestamp → the bare event at one WebSocket, from a script of panoramisk and aiohttp on the same Asterisk in the
same run. Everything runs on this machine. Both sides are heard (1 kHz), so each call is recorded, encoded and
uploaded meanwhile. Unit: ms.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import asyncpg

from cti.demo.folders import LOOPBACK, PortPool, run_folder
from cti.demo.sipp import SippLoad, run_sipp, start_sipp
from cti.demo.stack import TENANT, Stack, running_stack
from tests.bench._crowd import crowd
from tests.bench._desk import register, with_sound
from tests.bench._report import Sample, case, line
from tests.bench._stopwatch import ahead_of_others

HERE = Path(__file__).parent
AIM_MS = 10.0


async def measure(sockets: int, calls: int, rate_hz: float) -> tuple[list[float], list[float]]:
    """Latencies in ms: ours, the peer's."""
    with run_folder() as run, PortPool() as pool:
        plan = crowd(run, sockets)
        async with running_stack(run, pool, _say, plan) as stack:
            agents = SippLoad(
                scenario=with_sound(run, "heard_agent.xml"), server=stack.trunk, calls=10_000_000, rtp_ports=400
            )
            answering = await start_sipp(run, pool, agents, name="agents")
            try:
                await register(stack, answering.address)
                return await _run(stack, sockets, calls, rate_hz)
            finally:
                await answering.stop()


async def _run(stack: Stack, sockets: int, calls: int, rate_hz: float) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    theirs: list[float] = []
    async with _peer(stack, theirs), screens(stack, sockets, ours):
        load = SippLoad(
            scenario=with_sound(stack.run, "heard_short.xml"),
            server=stack.trunk,
            service=stack.number,
            calls=calls,
            rate_hz=rate_hz,
            rtp_ports=400,
        )
        _say(f"{calls} calls at {rate_hz:g}/s")
        async with asyncio.timeout(calls / rate_hz + 60):
            result = await run_sipp(stack.run, stack.pool, load, name="callers")
        _say(
            f"{result.successful} calls went well, {result.failed} did not; {len(ours)} pops, {len(theirs)} bare events"
        )
    return ours, theirs


@asynccontextmanager
async def screens(stack: Stack, count: int, latencies: list[float]) -> AsyncIterator[None]:
    """Every agent's socket, open and available."""
    tokens = [secrets.token_urlsafe(32) for _ in range(count)]
    now = datetime.now(UTC)
    conn = await asyncpg.connect(stack.postgres.url)
    await conn.executemany(
        "INSERT INTO sessions (token_sha256, tenant, login, created_at, seen_at, expires_at, address)"
        " VALUES ($1, $2, $3, $4, $4, $5, '127.0.0.1')",
        [
            (hashlib.sha256(token.encode()).digest(), TENANT, f"a{n}", now, now + timedelta(hours=1))
            for n, token in enumerate(tokens)
        ],
    )
    await conn.close()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        opened = asyncio.Semaphore(50)
        ready = [asyncio.get_running_loop().create_future() for _ in tokens]

        async def screen(token: str, available: asyncio.Future[None]) -> None:
            headers = {"Cookie": f"kakehashi_session={token}", "Origin": stack.web}
            async with opened:
                socket = await session.ws_connect(f"{stack.web}/api/socket", headers=headers)
                await socket.send_json({"type": "state.set", "state": "available", "ref": "1"})
            async for frame in socket:
                at = datetime.now(UTC)
                message = json.loads(frame.data)
                if message["type"] == "pop.offer":
                    rang = datetime.fromisoformat(message["pop"]["rang_at"])
                    latencies.append((at - rang).total_seconds() * 1000)
                elif message["type"] == "done" and not available.done():
                    available.set_result(None)

        tasks = [asyncio.create_task(screen(t, r)) for t, r in zip(tokens, ready, strict=True)]
        async with asyncio.timeout(120):
            await asyncio.gather(*ready)
        _say(f"{count} sockets connected, their agents available")
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _peer(stack: Stack, latencies: list[float]) -> AsyncIterator[None]:
    """The bare script and one socket that listens to it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "_pop_peer.py"), str(stack.ports.ami), "kakehashi", stack.secrets["ami"],
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        port = int(await asyncio.wait_for(process.stdout.readline(), 20))
        async with aiohttp.ClientSession() as session, session.ws_connect(f"http://{LOOPBACK}:{port}/") as socket:

            async def listen() -> None:
                async for frame in socket:
                    at = datetime.now(UTC).timestamp()
                    latencies.append((at - float(json.loads(frame.data)["Timestamp"])) * 1000)

            task = asyncio.create_task(listen())
            try:
                yield
            finally:
                task.cancel()
    finally:
        process.terminate()
        await process.wait()


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=600)
    parser.add_argument("--rate", type=float, default=20.0, help="calls a second")
    arguments = parser.parse_args()
    with ahead_of_others():
        ours, theirs = asyncio.run(measure(arguments.sockets, arguments.calls, arguments.rate))
    mine, bare = Sample.of(ours), Sample.of(theirs)
    found = case(f"{arguments.sockets}-sockets", mine, "bare panoramisk → one WebSocket", bare)
    print(line("pop", "ms", [found], f"p99 {AIM_MS:g} ms", mine.p99 <= AIM_MS and mine.n >= 500))


if __name__ == "__main__":
    main()
