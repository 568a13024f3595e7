"""Retention, holds and orders to delete, in PostgreSQL (0025_keeping.sql). The statements are in sql/keeping.sql.

An order to delete is stored before anything is deleted, in the transaction that has looked for holds; whoever sets a
hold takes the same row's lock, so one of the two comes first and the other is told. What is done is in the audit
trail in the transaction that does it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any
from uuid import UUID

import asyncpg

from cti.domain.errors import NotFound
from cti.domain.keeping import (
    Actor,
    BeingDeleted,
    Chosen,
    Hold,
    KeepRule,
    KeptFacts,
    UnderHold,
    choose,
    rules_from_data,
)
from cti.domain.model import CallId, TenantId
from recording.lifecycle import RecordingState
from recording.store import deadline, load_statements

_SQL = load_statements(files("recording").joinpath("sql/keeping.sql").read_text(encoding="utf-8"))

RETENTION = Actor(who="retention")
# Orders given in one transaction each; a pass of the sweep takes no more of each kind and comes again.
BATCH = 200
# A deletion that failed is tried again after 10, 20, 40 … seconds.
_AGAIN_S = 10.0
_AGAIN_MOST_S = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A recording that was ordered to be deleted."""

    tenant: TenantId
    call_id: CallId
    state: RecordingState
    uri: str | None  # of the sound; None: there is no object
    arrived_at: datetime
    by: str
    why: str
    tries: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Lockable:
    """A recording whose locks in the store are not those of the ledger yet."""

    tenant: TenantId
    call_id: CallId
    uri: str
    retain_until: datetime | None
    held: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruled:
    """What the rules of today say about one recording."""

    tenant: TenantId
    call_id: CallId
    arrived_at: datetime
    before: datetime | None
    after: datetime | None
    chosen: Chosen
    changed: bool


class Keeping:
    """Every method raises Unavailable when PostgreSQL is away."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    # --- Holds --------------------------------------------------------------------------------------------------

    async def hold(
        self, tenant: TenantId, call_id: CallId, by: Actor, reason: str, *, until: datetime | None, at: datetime
    ) -> Hold:
        """Keep a recording. Raises NotFound, and BeingDeleted when an order to delete it came first."""
        async with deadline(), self._pool.acquire() as connection, connection.transaction():
            row = await self._locked(connection, tenant, call_id)
            if row["delete_asked_at"] is not None:
                raise BeingDeleted(f"the recording of call {call_id} is being deleted or gone")
            made = await connection.fetchrow(_SQL["hold"], tenant, UUID(call_id), reason, by.who, at, until)
            await connection.execute(_SQL["lock_due"], tenant, UUID(call_id))
            hold = _hold(made)
            detail = {"hold": hold.hold_id, "reason": reason, "until": until.isoformat() if until else None}
            await _audit(connection, at, tenant, by, "recording.held", call_id, detail)
        return hold

    async def release(self, tenant: TenantId, hold_id: int, by: Actor, reason: str, *, at: datetime) -> Hold:
        """End a hold. Raises NotFound: there is none, or it is over."""
        async with deadline(), self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_SQL["release"], tenant, hold_id, at, by.who, reason)
            if row is None:
                raise NotFound(f"no hold {hold_id} counts now")
            await connection.execute(_SQL["lock_due"], tenant, row["call_id"])
            hold = _hold(row)
            detail = {"hold": hold_id, "reason": reason}
            await _audit(connection, at, tenant, by, "recording.released", hold.call_id, detail)
        return hold

    async def holds(
        self,
        tenant: TenantId,
        *,
        now: datetime,
        call_id: CallId | None = None,
        counting: bool = True,
        before: int | None = None,
        limit: int = 50,
    ) -> tuple[Hold, ...]:
        """Holds, newest first, behind ``before``. ``counting``: only those that keep something now."""
        which = UUID(call_id) if call_id else None
        async with deadline():
            rows = await self._pool.fetch(_SQL["holds"], tenant, which, counting, now, before, limit)
        return tuple(_hold(row) for row in rows)

    async def end_holds(self, now: datetime) -> int:
        """Holds whose time is over are released, in the trail too. Returns how many."""
        async with deadline(), self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_SQL["holds_over"], now, BATCH)
            for row in rows:
                await connection.execute(_SQL["lock_due"], row["tenant"], row["call_id"])
                detail = {"hold": row["hold_id"], "reason": row["release_reason"]}
                await _audit(
                    connection, now, row["tenant"], RETENTION, "recording.released", str(row["call_id"]), detail
                )
        return len(rows)

    # --- Deletion -----------------------------------------------------------------------------------------------

    async def order(self, tenant: TenantId, call_id: CallId, by: Actor, why: str, *, at: datetime) -> bool:
        """Order a deletion; False: it was ordered before. Raises NotFound, UnderHold."""
        async with deadline(), self._pool.acquire() as connection, connection.transaction():
            return await self._order(connection, tenant, call_id, by, why, at)

    async def _order(
        self, connection: Any, tenant: TenantId, call_id: CallId, by: Actor, why: str, at: datetime
    ) -> bool:
        row = await self._locked(connection, tenant, call_id)
        if row["delete_asked_at"] is not None:
            return False
        if holds := await connection.fetch(_SQL["holding"], tenant, UUID(call_id), at):
            raise UnderHold([_hold(hold) for hold in holds])
        await connection.execute(_SQL["order"], tenant, UUID(call_id), at, by.who, why)
        await _audit(connection, at, tenant, by, "recording.deletion_ordered", call_id, {"why": why})
        return True

    async def order_expired(self, now: datetime) -> int:
        """Order what is kept no longer, at most a batch. Returns how many were found."""
        async with deadline():
            rows = await self._pool.fetch(_SQL["expired"], now, BATCH)
        for row in rows:
            tenant, call_id = TenantId(row["tenant"]), CallId(str(row["call_id"]))
            try:
                async with deadline(), self._pool.acquire() as connection, connection.transaction():
                    locked = await self._locked(connection, tenant, call_id)
                    if locked["retain_until"] is not None and locked["retain_until"] <= now:
                        await self._order(connection, tenant, call_id, RETENTION, "expired", now)
            except UnderHold:
                continue  # held since we looked; a rule that keeps it longer may have come since then as well
        return len(rows)

    async def due(self, now: datetime, *, call_id: CallId | None = None, limit: int = BATCH) -> tuple[Due, ...]:
        """What is to be deleted now, oldest order first."""
        async with deadline():
            rows = await self._pool.fetch(_SQL["due"], now, UUID(call_id) if call_id else None, limit)
        return tuple(
            Due(
                tenant=TenantId(row["tenant"]),
                call_id=CallId(str(row["call_id"])),
                state=RecordingState(row["state"]),
                uri=row["uri"],
                arrived_at=row["arrived_at"],
                by=row["delete_by"],
                why=row["delete_why"],
                tries=row["delete_tries"],
            )
            for row in rows
        )

    async def deleted(self, due: Due, *, at: datetime) -> None:
        """Its objects are gone: the ledger says so, and the trail. What was written about it goes too: remarks, and the
        words of scores, whose figures stay. Safe to repeat."""
        call_id = UUID(due.call_id)
        async with deadline(), self._pool.acquire() as connection, connection.transaction():
            number = await connection.fetchval(_SQL["deleted"], due.tenant, call_id, at)
            if number is None:
                return
            await connection.execute(_SQL["deleted_move"], due.tenant, call_id, number, at)
            await connection.execute(_SQL["forget_uri"], due.tenant, call_id)
            await connection.execute(_SQL["forget_remarks"], due.tenant, call_id)
            await connection.execute(_SQL["forget_words"], due.tenant, call_id)
            detail = {"why": due.why, "ordered_by": due.by}
            await _audit(connection, at, due.tenant, Actor(who=due.by), "recording.deleted", due.call_id, detail)

    async def not_deleted(self, due: Due, why: str, *, at: datetime) -> None:
        """A try failed: the next one is later."""
        again_s = min(_AGAIN_MOST_S, _AGAIN_S * 2.0 ** min(due.tries, 10))
        async with deadline():
            await self._pool.execute(
                _SQL["trouble"], due.tenant, UUID(due.call_id), at + timedelta(seconds=again_s), why[:500]
            )

    async def _locked(self, connection: Any, tenant: TenantId, call_id: CallId) -> Any:
        row = await connection.fetchrow(_SQL["lock"], tenant, UUID(call_id))
        if row is None:
            raise NotFound(f"no recording of call {call_id}")
        return row

    # --- Retention ----------------------------------------------------------------------------------------------

    async def rules(self) -> Mapping[TenantId, tuple[KeepRule, ...]]:
        """The desk file's rules, by tenant."""
        async with deadline():
            rows = await self._pool.fetch(_SQL["rules"])
        return {TenantId(row["tenant"]): rules_from_data(json.loads(row["retention"])) for row in rows}

    async def rule_new(self) -> int:
        """Say of recordings that were stored since how long they are kept, at most a batch. Returns how many."""
        rules = await self.rules()
        async with deadline():
            rows = await self._pool.fetch(_SQL["to_rule"], BATCH)
        await self._set([_ruled(row, rules) for row in rows])
        return len(rows)

    async def rule_again(
        self, tenant: TenantId, *, dry_run: bool, tell: Callable[[Sequence[Ruled]], None], until: datetime
    ) -> None:
        """Judge every stored recording of a tenant by the rules of today, newest first, in batches. ``until``: an
        instant after the newest. A run that is broken off is simply done again."""
        rules = await self.rules()
        place: tuple[datetime, UUID] = (until, UUID(int=(1 << 128) - 1))
        while True:
            async with deadline(30.0):
                rows = await self._pool.fetch(_SQL["all_to_rule"], tenant, *place, BATCH)
            if not rows:
                return
            ruled = [_ruled(row, rules) for row in rows]
            if not dry_run:
                await self._set([one for one in ruled if one.changed])
            tell(ruled)
            place = (rows[-1]["arrived_at"], rows[-1]["call_id"])

    async def _set(self, ruled: Sequence[Ruled]) -> None:
        if not ruled:
            return
        values = [(one.tenant, UUID(one.call_id), one.chosen.rule, one.after) for one in ruled]
        async with deadline():
            await self._pool.executemany(_SQL["set_rule"], values)

    async def status(self, tenant: TenantId, now: datetime) -> Mapping[str, int]:
        """Counts for people: stored, unruled, expired, deleting, troubled, deleted."""
        async with deadline(30.0):
            row = await self._pool.fetchrow(_SQL["status"], tenant, now)
        return dict(row or {})

    # --- The store's own locks ----------------------------------------------------------------------------------

    async def to_lock(self, now: datetime) -> tuple[Lockable, ...]:
        """Recordings whose locks in the object store are to be set, at most a batch."""
        async with deadline():
            rows = await self._pool.fetch(_SQL["to_lock"], now, BATCH)
        return tuple(
            Lockable(
                tenant=TenantId(row["tenant"]),
                call_id=CallId(str(row["call_id"])),
                uri=row["uri"],
                retain_until=row["retain_until"],
                held=row["held"],
            )
            for row in rows
        )

    async def locked(self, one: Lockable, *, now: datetime) -> None:
        """The store's locks are those of ``one``; if the ledger says something else by now, they are due again."""
        async with deadline():
            await self._pool.execute(_SQL["locked"], one.tenant, UUID(one.call_id), one.retain_until, one.held, now)


def _ruled(row: Any, rules: Mapping[TenantId, tuple[KeepRule, ...]]) -> Ruled:
    tenant = TenantId(row["tenant"])
    direction = "outbound" if row["dialled_by"] else "callback" if row["callback"] else "inbound"
    result = "voicemail" if row["voicemail_s"] is not None else "answered" if row["agents"] else "unanswered"
    chosen = choose(rules.get(tenant, ()), KeptFacts(queue=row["queue"], direction=direction, result=result))
    after = row["stored_at"] + timedelta(days=chosen.days) if chosen.days is not None else None
    return Ruled(
        tenant=tenant,
        call_id=CallId(str(row["call_id"])),
        arrived_at=row["arrived_at"],
        before=row["retain_until"],
        after=after,
        chosen=chosen,
        changed=(row["retain_rule"], row["retain_until"]) != (chosen.rule, after),
    )


def _hold(row: Any) -> Hold:
    return Hold(
        hold_id=row["hold_id"],
        tenant=TenantId(row["tenant"]),
        call_id=CallId(str(row["call_id"])),
        reason=row["reason"],
        set_by=row["set_by"],
        set_at=row["set_at"],
        until=row["until"],
        released_at=row["released_at"],
        released_by=row["released_by"],
        arrived_at=row.get("arrived_at"),
    )


async def _audit(
    connection: Any, at: datetime, tenant: str, by: Actor, what: str, which: str, detail: Mapping[str, Any]
) -> None:
    text = json.dumps(dict(detail), ensure_ascii=False)
    await connection.execute(_SQL["audit"], at, tenant, by.who, what, which, text, by.address)
