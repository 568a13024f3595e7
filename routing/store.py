"""Routing in PostgreSQL: the desk is read, agents' states and decisions are written behind, in batches.

While PostgreSQL is away, states and decisions wait in memory: all states, the newest decisions up to KEEP_ROWS. The
journal keeps a copy on disk, which the next start writes when this process dies.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg

from cti.domain.errors import Unavailable
from cti.domain.journal import Body, Journal, NoJournal
from cti.domain.model import AgentId, AgentState, CallId, OfferId, QueueId, TenantId
from routing.desk import DecisionRow, StateRow, TenantDesk
from routing.journal import decision_body, row_from_body, state_body
from routing.rows import desk_from_rows
from routing.sqlfile import statements

log = logging.getLogger(__name__)

# A batch a fifth of a second: pages and reports do not look closer, and 20 calls/s make a dozen rows.
FLUSH_S = 0.2
RETRY_S = 1.0
RETRY_MOST_S = 15.0
BATCH_ROWS = 500
# An hour of PostgreSQL away at 20 calls/s is 70,000 offers; 20,000 rows are some 10 MB and the rest is counted.
KEEP_ROWS = 20_000
KEEP_DAYS = 90
FORGET_EVERY_S = 3600.0
QUERY_S = 10.0
# An agent's changes of a day: a call makes two, and nobody takes a thousand.
STATES_MOST = 2_000
REFUSED = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)  # this value, not now or later
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)

SQL = statements("store.sql")


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreStats:
    """Counters, for /metrics."""

    waiting: int  # rows not written yet
    written: int
    dropped: int  # decisions lost because PostgreSQL was away too long


class RoutingStore:
    """Implements routing.desk.DeskStore."""

    def __init__(self, pool: asyncpg.Pool[Any], journal: Journal | None = None) -> None:
        self._pool = pool
        self._journal: Journal = journal or NoJournal()
        self._journal.attach(self._bodies)
        self._states: dict[tuple[TenantId, AgentId], StateRow] = {}
        self._decisions: deque[DecisionRow] = deque()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self._written = 0
        self._dropped = 0
        self.degraded: str | None = None  # why rows wait, for /readyz; None: all is well

    @property
    def waiting(self) -> int:
        """How many rows wait to be written."""
        return len(self._states) + len(self._decisions)

    @property
    def stats(self) -> StoreStats:
        """Counters as of now."""
        return StoreStats(waiting=self.waiting, written=self._written, dropped=self._dropped)

    # --- Reading ---

    async def load(self) -> list[TenantDesk]:
        """All desks. Raises Unavailable.

        A plan that cannot be read is left out and logged: its queue goes on with plain skills.
        """
        names = ("tenants", "queues", "agents", "skills", "calendars", "announcements")
        tenants, *parts = await self._read(*names)
        return [
            desk_from_rows(tenant, *([row for row in rows if row["tenant"] == tenant["tenant"]] for rows in parts))
            for tenant in tenants
        ]

    async def states(self) -> list[StateRow]:
        """Agents' states as last stored, or as they wait to be. Raises Unavailable."""
        stored = {(row.tenant, row.agent): row for row in await self._stored_states()}
        return list((stored | self._states).values())

    async def _stored_states(self) -> list[StateRow]:
        (rows,) = await self._read("states")
        return [
            StateRow(
                tenant=row["tenant"],
                agent=row["agent"],
                state=AgentState(row["state"]),
                reason=row["reason"],
                since=row["since"],
            )
            for row in rows
        ]

    async def last_agent(self, tenant: TenantId, member_id: str, call_id: CallId) -> AgentId | None:
        """Who talked with a member last, in another call of the last 90 days. Raises Unavailable."""
        (rows,) = await self._read("last_agent", args=(tenant, member_id, call_id))
        return AgentId(rows[0]["agent"]) if rows else None

    async def priorities(self) -> dict[tuple[TenantId, CallId], int]:
        """Priorities that people gave to calls within a day. Raises Unavailable."""
        (rows,) = await self._read("priorities")
        return {
            (TenantId(row["tenant"]), CallId(row["call_id"])): row["priority"]
            for row in rows
            if row["slug"] == "priority_set"
        }

    async def decisions_of(self, tenant: TenantId, call_id: CallId) -> list[DecisionRow]:
        """What was decided about a call, in order. Raises Unavailable."""
        (rows,) = await self._read("decisions_of", args=(tenant, call_id))
        return [
            DecisionRow(
                tenant=tenant,
                at=row["at"],
                kind=row["kind"],
                slug=row["slug"],
                params=json.loads(row["params"]),
                call_id=CallId(row["call_id"]),
                queue=QueueId(row["queue"]) if row["queue"] else None,
                agent=AgentId(row["agent"]) if row["agent"] else None,
                offer_id=OfferId(row["offer_id"]) if row["offer_id"] else None,
                result=row["result"],
                by=row["by"],
            )
            for row in rows
        ]

    async def states_of(self, tenant: TenantId, agent: AgentId, since: datetime) -> list[StateRow]:
        """An agent's states, oldest first, from the one that they were in at ``since``, if that is known. Raises
        Unavailable."""
        (rows,) = await self._read("states_of", args=(tenant, agent, since, STATES_MOST))
        return [
            StateRow(tenant=tenant, agent=agent, state=AgentState(row["result"]), reason=row["slug"], since=row["at"])
            for row in rows
        ]

    async def newest_call(self, tenant: TenantId) -> CallId | None:
        """The call about which something was decided last; None: there is none. Raises Unavailable."""
        (rows,) = await self._read("newest_call", args=(tenant,))
        return CallId(rows[0]["call_id"]) if rows else None

    async def _read(self, *names: str, args: Sequence[object] = ()) -> list[list[Any]]:
        try:
            async with (
                self._pool.acquire(timeout=QUERY_S) as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                return [await connection.fetch(SQL[name], *args, timeout=QUERY_S) for name in names]
        except AWAY as error:
            raise Unavailable(f"routing cannot read the database ({type(error).__name__})") from error

    # --- Writing behind ---

    def put_state(self, row: StateRow) -> None:
        """Store it soon; a newer one of the same agent replaces it."""
        self._states[row.tenant, row.agent] = row
        self._journal.put(partial(state_body, row))
        self._wake.set()

    def put_decision(self, row: DecisionRow) -> None:
        """Store it soon. Past KEEP_ROWS the oldest is lost and counted."""
        if len(self._decisions) >= KEEP_ROWS:
            self._decisions.popleft()
            self._dropped += 1
        self._decisions.append(row)
        self._journal.put(partial(decision_body, row))
        self._wake.set()

    def _bodies(self) -> Iterator[Body]:
        yield from (partial(state_body, row) for row in self._states.values())
        yield from (partial(decision_body, row) for row in self._decisions)

    def _take_back(self, body: Mapping[str, Any]) -> None:
        row = row_from_body(body)
        if isinstance(row, StateRow):
            self._states[row.tenant, row.agent] = row
        else:
            self._decisions.append(row)

    async def recover(self) -> int:
        """Take in line what an earlier process could not write, before ``start``. Returns how many rows wait.

        Raises Unavailable when the database or the disk cannot be read.
        """
        await self._journal.recover(self._take_back)
        if self._states:
            # A second server may have gone on meanwhile: its newer word stays.
            for row in await self._stored_states():
                ours = self._states.get((row.tenant, row.agent))
                if ours is not None and ours.since < row.since:
                    del self._states[row.tenant, row.agent]
        if self.waiting:
            self._wake.set()
        else:
            await self._journal.settle()
        return self.waiting

    async def start(self) -> None:
        """Begin to write."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._write(), name="routing-store"),
                asyncio.create_task(self._forget(), name="routing-forget"),
            ]

    async def stop(self, deadline_s: float = 2.0) -> int:
        """Write what waits, within the deadline, and end. Returns how many rows were left."""
        self._closing = True
        self._wake.set()
        if self._tasks:
            writer, *others = self._tasks
            for task in others:
                task.cancel()
            await asyncio.wait({writer}, timeout=deadline_s)
            writer.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._tasks = []
        await self._journal.close()
        left = self.waiting
        if left:
            log.error("routing could not store everything before the end", extra={"left": left})
        return left

    async def _write(self) -> None:
        pause_s = RETRY_S
        while True:
            await self._wake.wait()
            if not self._closing:
                await asyncio.sleep(FLUSH_S)
            self._wake.clear()
            try:
                await self._flush()
                pause_s, self.degraded = RETRY_S, None
            except AWAY as error:
                self._journal.begin()
                if self.degraded is None:
                    log.warning("routing cannot write to the database", extra={"error": type(error).__name__})
                self.degraded = f"the database is away ({type(error).__name__}); {self.waiting} rows of routing wait"
                self._wake.set()
                if self._closing:
                    return
                await asyncio.sleep(pause_s)
                pause_s = min(RETRY_MOST_S, pause_s * 2)
            if self._closing and not self._states and not self._decisions:
                return

    async def _flush(self) -> None:
        """Write all that waits. What fails stays."""
        while self._states or self._decisions:
            states = dict(self._states)
            decisions = [self._decisions[n] for n in range(min(BATCH_ROWS, len(self._decisions)))]
            dropped, whole = self._dropped, len(states) + len(decisions) == self.waiting
            # The table must not know a newer state than the journal: a start would write the older one over it.
            await self._journal.synced()
            with self._journal.writing():
                await self._put(states.values(), decisions)
            for key, row in states.items():
                if self._states.get(key) is row:
                    del self._states[key]
            for _ in range(len(decisions) - (self._dropped - dropped)):
                self._decisions.popleft()
            self._written += len(states) + len(decisions)
            if whole:
                await self._journal.settle()

    async def _put(self, states: Iterable[StateRow], decisions: Iterable[DecisionRow]) -> None:
        """In one transaction; row by row when the database refuses one of them, which must not hold up the others."""
        rows = [("put_state", _state_args(row)) for row in states]
        rows += [("put_decision", _decision_args(row)) for row in decisions]
        try:
            await self._put_rows(rows)
        except REFUSED:
            for row in rows:
                try:
                    await self._put_rows([row])
                except REFUSED as error:
                    log.error("the database refuses a row of routing", extra={"error": type(error).__name__})

    async def _put_rows(self, rows: Iterable[tuple[str, tuple[object, ...]]]) -> None:
        by_name: dict[str, list[tuple[object, ...]]] = {}
        for name, values in rows:
            by_name.setdefault(name, []).append(values)
        async with self._pool.acquire(timeout=QUERY_S) as connection, connection.transaction():
            for name, many in by_name.items():
                await connection.executemany(SQL[name], many, timeout=QUERY_S)

    async def _forget(self) -> None:
        """Decisions are kept for KEEP_DAYS."""
        while True:
            try:
                async with self._pool.acquire(timeout=QUERY_S) as connection:
                    await connection.execute(SQL["forget"], datetime.now(UTC) - timedelta(days=KEEP_DAYS))
            except AWAY as error:
                log.warning("old decisions could not be removed", extra={"error": type(error).__name__})
            await asyncio.sleep(FORGET_EVERY_S)


def _state_args(row: StateRow) -> tuple[object, ...]:
    return (row.tenant, row.agent, row.state.value, row.reason, row.since, row.by)


def _decision_args(row: DecisionRow) -> tuple[object, ...]:
    params = json.dumps(row.params, ensure_ascii=False)
    return (
        row.tenant, row.at, row.kind, row.call_id, row.queue, row.agent, row.offer_id, row.result, row.slug, params,
        row.by,
    )  # fmt: skip
