"""The ledgers of a desk after a run: records and recordings, once everything has settled."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime

import asyncpg

from cti.demo.stack import Stack

# Recordings of calls that have ended: a store that was away is asked again after a minute at the latest.
SETTLE_S = 150.0


async def settled(stack: Stack) -> list[str]:
    """Waits until every call and recording has come to its end; what has not when the time for that is over."""
    end = time.monotonic() + SETTLE_S
    while left := await _unsettled(stack):
        if time.monotonic() > end:
            break
        await asyncio.sleep(1.0)
    return left


async def _unsettled(stack: Stack) -> list[str]:
    conn = await asyncpg.connect(stack.postgres.url)
    try:
        rows = await conn.fetch(
            "SELECT call_id, state FROM recordings "
            "WHERE state NOT IN ('stored', 'salvaged', 'truncated', 'not_recorded')"
        )
        left = [f"recording {row['call_id']} is {row['state']}" for row in rows]
        left += [f"call {row['call_id']} is open" for row in await conn.fetch(
            "SELECT call_id FROM calls WHERE ended_at IS NULL"
        )]  # fmt: skip
    finally:
        await conn.close()
    return left + [f"{path.name} lies in the spool" for path in (stack.folders.spool / "monitor").glob("*.wav")]


def keys_of(stack: Stack) -> list[str]:
    """What lies in the bucket."""
    access = stack.store.access
    client = access.client()
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=access.bucket)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]
    finally:
        client.close()


async def records_of(stack: Stack) -> dict[str, tuple[bool, bool]]:
    """The contact records: call → (closed, its end was inferred)."""
    conn = await asyncpg.connect(stack.postgres.url)
    try:
        rows = await conn.fetch("SELECT call_id, ended_at IS NOT NULL AS closed, inferred FROM calls")
    finally:
        await conn.close()
    return {str(row["call_id"]): (row["closed"], row["inferred"]) for row in rows}


async def newest(stack: Stack) -> tuple[list[tuple[str, str, str]], list[str]]:
    """Of the newest call: its transfers (kind, by, to) and whom it talked with, in order, as far as they are stored."""
    conn = await asyncpg.connect(stack.postgres.url)
    try:
        row = await conn.fetchrow("SELECT call_id, passages FROM calls ORDER BY arrived_at DESC LIMIT 1")
        assert row is not None
        talks = await conn.fetch("SELECT agent FROM call_talks WHERE call_id = $1 ORDER BY answered_at", row["call_id"])
    finally:
        await conn.close()
    transfers = json.loads(row["passages"]).get("transfers", [])
    return [(one["kind"], one["by"], one["to"]) for one in transfers], [talk["agent"] for talk in talks]


async def holds_of_newest(stack: Stack) -> list[tuple[float, float | None]]:
    """Of the newest call: when it was on hold, in epoch seconds; an end that is not stored yet is waited for."""
    end = time.monotonic() + 10.0
    while True:
        conn = await asyncpg.connect(stack.postgres.url)
        try:
            passages = await conn.fetchval("SELECT passages FROM calls ORDER BY arrived_at DESC LIMIT 1")
        finally:
            await conn.close()
        found = json.loads(passages).get("holds", [])
        if all(one["ended_at"] for one in found) or time.monotonic() > end:
            break
        await asyncio.sleep(0.2)
    return [(_epoch(one["began_at"]), _epoch(one["ended_at"]) if one["ended_at"] else None) for one in found]


async def first_talk_end(stack: Stack) -> float | None:
    """Of the newest call: when its first talk ended, in epoch seconds; waited for until it is stored."""
    end = time.monotonic() + 10.0
    conn = await asyncpg.connect(stack.postgres.url)
    try:
        call_id = await conn.fetchval("SELECT call_id FROM calls ORDER BY arrived_at DESC LIMIT 1")
        first = "SELECT ended_at FROM call_talks WHERE call_id = $1 ORDER BY answered_at LIMIT 1"
        while (ended_at := await conn.fetchval(first, call_id)) is None and time.monotonic() < end:
            await asyncio.sleep(0.2)
    finally:
        await conn.close()
    return None if ended_at is None else float(ended_at.timestamp())


def _epoch(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
