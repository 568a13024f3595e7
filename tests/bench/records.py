"""Time to find contact records among ten million, and from a click to a player that plays, each in milliseconds.

search: words of notes, part of a plate, a number, a booking, a ticket; filter: queue, agent, days, kind of caller,
reason, result, length, silence, transfers, alone and together. Each is what GET /api/recordings does for a page of
50: the search, the rows, the ledger's rows. The queries of a case are of a dozen shapes, drawn anew each time. The
peer asks the same with one statement, all conditions in WHERE, newest first through the index by time: what the page
did before, and what a table without an index for each combination does. It gets every eighth query (n) and 5 s for
it; what it does not answer counts as 5 s.

player: a click on a line of the list → sound can play and the wave is drawn, in Chromium, recordings of three minutes
in a real object store; the peer is a bare <audio> element with the same address: no wave.

The records are made once (a minute or two a million) and kept in the cache (13 GB for ten million).
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from cti.demo.folders import PortPool, RunFolder, run_folder
from cti.domain.callsearch import CallWanted
from cti.domain.model import CallId, TenantId
from cti.store.callsearch import CallSearch, conditions_of
from tests.bench._records_made import AGENTS, QUEUES, REASONS, TENANT, records, say
from tests.bench._records_player import player
from tests.bench._report import Sample, case, line

ROWS = 10_000_000
TIMES = 240  # a case
PEER_EVERY = 8  # of the same queries
PEER_S = 5.0
PEER_NAME = "one statement, index by time"
AIM_MS, AIM_PLAYER_MS = 100.0, 500.0
SEED = 1
# The newest record's day, see _records_made.sql.
NEWEST = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)

Make = Callable[[random.Random, Any], CallWanted]


def _days(chance: random.Random, length: int) -> dict[str, Any]:
    until = NEWEST - timedelta(days=chance.randrange(0, 700))
    return {"since": until - timedelta(days=length), "until": until}


def _yesterday() -> dict[str, Any]:
    return {"since": NEWEST - timedelta(days=1), "until": NEWEST}


def _place(row: Any) -> tuple[datetime, CallId]:
    return row["arrived_at"], CallId(str(row["call_id"]))


# ``some`` is any record's row: what is looked for is there, as it is when somebody looks for a call they know of.
SEARCH: dict[str, Make] = {
    "word everybody writes": lambda c, some: CallWanted(
        text=c.choice(("解錠", "予約", "レッカー", "バッテリー", "お子様連れ"))
    ),
    "two words": lambda c, some: CallWanted(
        text=c.choice(("タイヤ レッカー", "警察 写真", "ミラー 保険", "英語で 返金"))
    ),
    "rare word": lambda c, some: CallWanted(text=f"案件{c.randrange(0, 40_000, 20):05d}号"),
    "word that nobody wrote": lambda c, some: CallWanted(text=c.choice(("宇宙船", "ラクダ", "潜水艦", "気球に"))),
    "word and days": lambda c, some: CallWanted(text="紛失", **_days(c, 30)),
    "word and queue": lambda c, some: CallWanted(text="パンク", queue=c.choice(QUEUES)),
    "plate, last four": lambda c, some: CallWanted(plate=some["plates"][-4:]),
    "plate, whole": lambda c, some: CallWanted(plate=some["plates"]),
    "yesterday's call of a plate": lambda c, some: CallWanted(plate=some["plates"][-4:], **_yesterday()),
    "number, whole": lambda c, some: CallWanted(digits=some["digits"][2:]),
    "number, last four": lambda c, some: CallWanted(digits=some["digits"][-4:]),
    "booking": lambda c, some: CallWanted(reservation=some["reservations"][0]),
    "ticket": lambda c, some: CallWanted(ticket=f"T{c.randrange(100_000, 1_000_000)}"),
}
FILTER: dict[str, Make] = {
    "nothing": lambda c, some: CallWanted(),
    "a day": lambda c, some: CallWanted(**_days(c, 1)),
    "queue": lambda c, some: CallWanted(queue=c.choice(QUEUES)),
    "agent and days": lambda c, some: CallWanted(agent=f"a{c.randrange(AGENTS)}", **_days(c, 7)),
    "agent and reason": lambda c, some: CallWanted(agent=f"a{c.randrange(AGENTS)}", reasons=(c.choice(REASONS),)),
    "rare caller and result": lambda c, some: CallWanted(caller="payphone", result="abandoned_in_menu"),
    "long silence and hold": lambda c, some: CallWanted(min_silence=0.8, min_transfers=1, queue=c.choice(QUEUES)),
    "long calls of an agent": lambda c, some: CallWanted(min_length_s=800.0, agent=f"a{c.randrange(AGENTS)}"),
    "many transfers": lambda c, some: CallWanted(min_transfers=3, caller="company"),
    "nothing to hear": lambda c, some: CallWanted(statuses=("failed",), queue=c.choice(QUEUES), **_days(c, 90)),
    "outbound, short": lambda c, some: CallWanted(direction="outbound", max_length_s=25.0),
    "what does not exist": lambda c, some: CallWanted(queue="closed-desk", result="failed"),
    "a later page of a queue": lambda c, some: CallWanted(queue=c.choice(QUEUES), after=_place(some)),
}


async def _some(pool: asyncpg.Pool[Any], chance: random.Random) -> Any:
    """A record of a known member with a booked car, somewhere in the two years."""
    row = await pool.fetchrow(
        "SELECT arrived_at, call_id, plates, digits, reservations FROM call_search"
        " WHERE tenant = $1 AND arrived_at < $2 AND plates <> '' AND digits <> '' AND reservations <> '{}'"
        " ORDER BY arrived_at DESC, call_id DESC LIMIT 1",
        TENANT,
        NEWEST - timedelta(seconds=chance.randrange(60, 700 * 86_400)),
    )
    assert row is not None
    return row


async def _timed(doing: Any) -> float:
    begin = time.perf_counter()
    await doing
    return (time.perf_counter() - begin) * 1000


async def _peer(pool: asyncpg.Pool[Any], wanted: CallWanted) -> float:
    where, values = await conditions_of(pool, TenantId(TENANT), wanted)
    sql = f"SELECT s.* FROM call_search s WHERE {where} ORDER BY s.arrived_at DESC, s.call_id DESC LIMIT 50"
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            f"SET LOCAL statement_timeout = {PEER_S * 1000:.0f}; SET LOCAL jit = off; SET LOCAL enable_seqscan = off;"
            " SET LOCAL max_parallel_workers_per_gather = 0"
        )
        try:
            return await _timed(connection.fetch(sql, *values))
        except asyncpg.QueryCanceledError:
            return PEER_S * 1000


async def measured(pool: asyncpg.Pool[Any], name: str, shapes: dict[str, Make], times: int) -> dict[str, Any]:
    """One case, every shape as often as the others."""
    chance, search = random.Random(SEED), CallSearch(pool)
    ours: list[float] = []
    peers: list[float] = []
    by_shape: dict[str, list[float]] = {}
    for turn in range(times):
        shape = list(shapes)[turn % len(shapes)]
        wanted = shapes[shape](chance, await _some(pool, chance))
        took = await _timed(search.page(TenantId(TENANT), wanted))
        ours.append(took)
        by_shape.setdefault(shape, []).append(took)
        if turn % PEER_EVERY == 0:
            peers.append(await _peer(pool, wanted))
        if turn % 24 == 23:
            say(f"{name}: {turn + 1} of {times}")
    for shape, values in by_shape.items():
        say(f"  {shape:28} median {sorted(values)[len(values) // 2]:7.1f} ms, worst {max(values):7.1f} ms")
    found = case(name, Sample.of(ours), PEER_NAME, Sample.of(peers))
    found["ours"]["p95"], found["peer"]["p95"] = p95(ours), p95(peers)
    found["ratio_p95"] = round(found["ours"]["p95"] / found["peer"]["p95"], 3)
    return found


def p95(values: Sequence[float]) -> float:
    """By nearest rank."""
    ordered = sorted(values)
    return round(ordered[max(0, -(-len(ordered) * 95 // 100) - 1)], 3)


async def run(cases: Sequence[str], rows: int, times: int) -> int:
    """Measure; prints the line."""
    found: list[dict[str, Any]] = []
    with run_folder() as folder, PortPool() as ports:
        if {"search", "filter"} & set(cases):
            found += await _among(folder, ports, cases, rows, times)
        if "player" in cases:
            found.append(await _clicked(folder, ports))
    aims = {"search": AIM_MS, "filter": AIM_MS, "player": AIM_PLAYER_MS}
    met = all(one["ours"]["p95"] <= aims[one["case"]] for one in found) and rows >= ROWS
    print(line("records", "ms", found, f"p95 {AIM_MS:.0f} ms; player p95 {AIM_PLAYER_MS:.0f} ms", met))
    return 0


async def _among(
    folder: RunFolder, ports: PortPool, cases: Sequence[str], rows: int, times: int
) -> list[dict[str, Any]]:
    found = []
    async with records(folder, ports, rows) as pool:
        for name, shapes in (("search", SEARCH), ("filter", FILTER)):
            if name in cases:
                found.append(await measured(pool, name, shapes, times) | {"rows": rows})
    return found


async def _clicked(folder: RunFolder, ports: PortPool) -> dict[str, Any]:
    ours, peers = await player(folder, ports)
    found = case("player", Sample.of(ours), "a bare <audio> element", Sample.of(peers))
    found["ours"]["p95"], found["peer"]["p95"] = p95(ours), p95(peers)
    return found


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "cases", nargs="*", choices=["search", "filter", "player", []], help="all of them when left out"
    )
    parser.add_argument("--rows", type=int, default=ROWS, help="contact records (the aim is about ten million)")
    parser.add_argument("--times", type=int, default=TIMES, help="queries a case")
    arguments = parser.parse_args()
    return asyncio.run(run(arguments.cases or ["search", "filter", "player"], arguments.rows, arguments.times))


if __name__ == "__main__":
    sys.exit(main())
