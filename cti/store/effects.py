"""The outbox: effects and callbacks, on disk before anything is done about them.

``save`` returns when its records are in PostgreSQL, or, while PostgreSQL is away, in the journal on a local disk
(fsync), from which they are written when it is back. When neither can be had it raises, and nothing may be done.
docs/decisions/0140.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import asyncpg

from cti.domain.callbacks import Callback
from cti.domain.effects import Effect, EffectId
from cti.domain.errors import Unavailable
from cti.domain.journal import Body, Journal, NoJournal
from cti.domain.model import CallId, TenantId
from cti.domain.outgoing import Outgoing, of_callback, of_ticket
from cti.store import effectrows as rows
from cti.store.outgoing import write_outgoing
from cti.store.recorder import AWAY

log = logging.getLogger(__name__)

# A commit takes 2 to 10 ms. An agent is held for the effect meanwhile: after this the journal is quicker.
SAVE_S = 1.0
QUERY_S = 10.0
RETRY_S = 0.5
RETRY_MOST_S = 5.0
# More tickets for one call than this are nobody's wish.
TICKETS_SHOWN = 50
# A desk has some tens of callbacks; each change of one is a record until PostgreSQL is back.
MAX_WAITING = 5_000

Record = Effect | Callback
Key = tuple[str, TenantId, str]


class EffectStore:
    """One writer, one event loop. ``recover`` and ``load`` before ``start``."""

    def __init__(self, pool: asyncpg.Pool[Any], journal: Journal | None = None) -> None:
        self._pool = pool
        self._journal: Journal = journal or NoJournal()
        self._journal.attach(self._bodies)
        self._waiting: dict[Key, Record] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.degraded: str | None = None  # why records wait, for /readyz; None: all is well

    @property
    def waiting(self) -> int:
        """How many records are in the journal and not in PostgreSQL."""
        return len(self._waiting)

    # --- Start and end ---

    async def recover(self) -> int:
        """Take in line what an earlier process could not write. Returns how many; raises Unavailable."""
        await self._journal.recover(self._take_back)
        if self._waiting:
            self._wake.set()
        else:
            await self._journal.settle()
        return self.waiting

    async def load(self) -> tuple[list[Callback], list[Effect]]:
        """Callbacks that are open or were taken over lately, and effects to be settled. Raises Unavailable."""
        try:
            async with self._pool.acquire(timeout=QUERY_S) as connection:
                callbacks = await connection.fetch(rows.OPEN_CALLBACKS, timeout=QUERY_S)
                effects = await connection.fetch(rows.OPEN_EFFECTS, timeout=QUERY_S)
        except AWAY as error:
            raise Unavailable(f"callbacks cannot be read ({type(error).__name__})") from error
        known: dict[Key, Record] = {}
        stored: list[Record] = [rows.callback_from_row(row) for row in callbacks]
        stored += [rows.effect_from_row(row) for row in effects]
        for record in stored:
            known[_key(record)] = record
        for key, record in self._waiting.items():
            if key not in known or known[key].version <= record.version:
                known[key] = record
        return (
            [record for record in known.values() if isinstance(record, Callback) and _counts(record)],
            [record for record in known.values() if isinstance(record, Effect) and _open(record)],
        )

    async def page(self, tenant: TenantId, limit: int) -> list[Callback]:
        """A tenant's callbacks, open and ended, newest first. Raises Unavailable."""
        try:
            async with self._pool.acquire(timeout=QUERY_S) as connection:
                found = await connection.fetch(rows.PAGE, tenant, limit, timeout=QUERY_S)
        except AWAY as error:
            raise Unavailable(f"callbacks cannot be read ({type(error).__name__})") from error
        return [rows.callback_from_row(row) for row in found]

    async def tickets(self, tenant: TenantId, call_id: CallId) -> list[Effect]:
        """The tickets that were asked for in a call, oldest first, as far as they have come. Raises Unavailable."""
        try:
            async with self._pool.acquire(timeout=QUERY_S) as connection:
                found = await connection.fetch(rows.TICKETS_OF_CALL, tenant, call_id, TICKETS_SHOWN, timeout=QUERY_S)
        except AWAY as error:
            raise Unavailable(f"tickets cannot be read ({type(error).__name__})") from error
        known = {_key(effect): effect for effect in (rows.effect_from_row(row) for row in found)}
        waiting = [record for record in self._waiting.values() if isinstance(record, Effect)]
        known |= {_key(one): one for one in waiting if one.tenant == tenant and one.body.get("call_id") == call_id}
        return list(known.values())

    async def effect(self, tenant: TenantId, effect_id: EffectId) -> Effect | None:
        """One effect, or None: nothing was asked for under this id. Raises Unavailable."""
        waiting = self._waiting.get(("effect", tenant, effect_id))
        if isinstance(waiting, Effect):
            return waiting
        try:
            async with self._pool.acquire(timeout=QUERY_S) as connection:
                row = await connection.fetchrow(rows.ONE_EFFECT, tenant, effect_id, timeout=QUERY_S)
        except AWAY as error:
            raise Unavailable(f"effects cannot be read ({type(error).__name__})") from error
        return None if row is None else rows.effect_from_row(row)

    async def start(self) -> None:
        """Begin to write what waits."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="effect-store")

    async def stop(self, deadline_s: float = 2.0) -> int:
        """End; what waits stays in the journal for the next start. Returns how many records that are."""
        if self._task is not None:
            if self._waiting:
                await asyncio.wait({self._task}, timeout=0 if self.degraded else deadline_s)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._journal.close()
        return self.waiting

    # --- Writing ---

    async def save(self, *records: Record) -> None:
        """Returns when all are on disk, together. Raises Unavailable when they cannot be: then nothing may be done."""
        if self.degraded is None and not self._waiting:
            try:
                async with asyncio.timeout(SAVE_S):
                    await self._write(records)
                return
            except AWAY as error:
                self._degrade(type(error).__name__)
            except asyncpg.PostgresError as error:
                # A mistake of ours. Whoever waits for the answer must get the one they are prepared for.
                log.exception("the database refuses a record of callbacks")
                raise Unavailable(f"the database refuses the record ({type(error).__name__})") from error
        await self._to_journal(records)

    async def _to_journal(self, records: Iterable[Record]) -> None:
        before = {}
        for record in records:
            key = _key(record)
            before[key] = self._waiting.get(key)
            if len(self._waiting) >= MAX_WAITING and before[key] is None:
                self._put_back(before)
                raise Unavailable(f"{MAX_WAITING} records of callbacks wait for the database: no more are taken")
            self._waiting[key] = record
        self._journal.begin()
        for record in records:
            self._journal.put(partial(rows.body_of, record))
        await self._journal.synced()
        if not self._journal.active or self._journal.problem is not None:
            self._put_back(before)
            raise Unavailable(f"neither the database nor the local disk takes a record: {self._journal.problem}")
        self._wake.set()

    def _put_back(self, before: Mapping[Key, Record | None]) -> None:
        for key, record in before.items():
            if record is None:
                self._waiting.pop(key, None)
            else:
                self._waiting[key] = record

    async def _write(self, records: Iterable[Record]) -> None:
        async with self._pool.acquire(timeout=QUERY_S) as connection, connection.transaction():
            told: list[Outgoing] = []
            for record in records:
                said = await connection.execute(*rows.put(record), timeout=QUERY_S)
                # A word that came too late (another server's is newer) is no fact, and nothing is told of it.
                if said == "INSERT 0 1":
                    told += of_callback(record) if isinstance(record, Callback) else of_ticket(record)
            await write_outgoing(connection, told)

    # --- While PostgreSQL is away ---

    def _degrade(self, why: str) -> None:
        if self.degraded is None:
            log.warning("callbacks are kept in the journal: the database is away", extra={"action": why})
        self.degraded = f"the database is away ({why}); callbacks are kept in the journal"
        self._wake.set()

    async def _run(self) -> None:
        pause_s = RETRY_S
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting or self.degraded is not None:
                if await self._drain():
                    pause_s = RETRY_S
                    continue
                await asyncio.sleep(pause_s)
                pause_s = min(RETRY_MOST_S, 2 * pause_s)

    async def _drain(self) -> bool:
        """Write all that waits. What changed meanwhile is another object, and stays."""
        batch = dict(self._waiting)
        # The tables must not know more than the journal: a start would write its older word over them.
        await self._journal.synced()
        try:
            with self._journal.writing():
                async with asyncio.timeout(QUERY_S):
                    await self._write(batch.values())
        except AWAY as error:
            self._degrade(type(error).__name__)
            return False
        except asyncpg.PostgresError:
            # Each of these is a mistake of ours; the journal keeps them and /readyz says so.
            log.exception("the database refuses a record of callbacks")
            return False
        for key, record in batch.items():
            if self._waiting.get(key) is record:
                del self._waiting[key]
        if not self._waiting:
            await self._journal.settle()
            if self.degraded is not None:
                log.info("the database is back, callbacks are written")
            self.degraded = None
        return True

    # --- The journal ---

    def _bodies(self) -> Iterator[Body]:
        yield from (partial(rows.body_of, record) for record in self._waiting.values())

    def _take_back(self, body: Mapping[str, Any]) -> None:
        """One record of the journal, in order. Raises KeyError, ValueError or TypeError."""
        record = rows.from_body(body)
        self._waiting[_key(record)] = record


def _counts(callback: Callback) -> bool:
    """Whether a start has to know of it."""
    return callback.open or callback.successor is not None


def _open(effect: Effect) -> bool:
    """Whether somebody still has to find out what became of it."""
    return not (effect.settled or effect.given_up)


def _key(record: Record) -> Key:
    if isinstance(record, Effect):
        return ("effect", record.tenant, record.effect_id)
    return ("callback", record.tenant, record.callback_id)
