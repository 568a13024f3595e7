"""Messages for other systems: written in their facts' own transaction, read in order, never missed.

Numbers are given under the lock of the tenant's row in ``outgoing_heads``, which is held until the transaction has
committed. So whoever sees number n sees every smaller one: n + 1 is not given before n is visible or rolled back, and
what was rolled back gave its numbers back. A reader that asks for what is after n can miss nothing. decisions/0190.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import asyncpg

from cti.domain.model import CallId, TenantId
from cti.domain.outgoing import Message, MessageKind, Outgoing
from cti.store.away import deadline
from cti.store.callrows import clean

MAX_LIMIT = 200

_ARGUMENTS = "$1::text[], $2::text[], $3::text[], $4::uuid[], $5::timestamptz[], $6::text[]"
_TOLD = """
SELECT n.place FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS n (tenant, kind, about, place)
 WHERE EXISTS (SELECT FROM outgoing o WHERE o.tenant = n.tenant AND o.kind = n.kind AND o.about = n.about)
"""
# In the order of their names, so that two writers never wait for each other in a ring.
_MAKE_HEADS = """
INSERT INTO outgoing_heads (tenant, last) SELECT DISTINCT t, 0 FROM unnest($1::text[]) t ORDER BY t
ON CONFLICT (tenant) DO NOTHING
"""
_LOCK_HEADS = "SELECT tenant, last FROM outgoing_heads WHERE tenant = ANY ($1::text[]) ORDER BY tenant FOR UPDATE"
_WRITE = f"""
WITH fresh AS (
    SELECT n.*, row_number() OVER (PARTITION BY tenant ORDER BY place) AS step
      FROM unnest({_ARGUMENTS}) WITH ORDINALITY AS n (tenant, kind, about, call_id, at, body, place)
     WHERE NOT EXISTS (SELECT FROM outgoing o WHERE o.tenant = n.tenant AND o.kind = n.kind AND o.about = n.about)
), heads AS (
    UPDATE outgoing_heads h SET last = h.last + f.many
      FROM (SELECT tenant, count(*) AS many FROM fresh GROUP BY tenant) f
     WHERE h.tenant = f.tenant
 RETURNING h.tenant, h.last - f.many AS before
)
INSERT INTO outgoing (tenant, id, kind, about, call_id, at, body)
SELECT f.tenant, h.before + f.step, f.kind, f.about, f.call_id, f.at, f.body::jsonb
  FROM fresh f JOIN heads h USING (tenant)
"""  # noqa: S608 - names of this module's own
_AFTER = """
SELECT tenant, id, kind, call_id, at, stored_at, body::text AS body FROM outgoing
 WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3
"""
_HEAD = "SELECT coalesce((SELECT last FROM outgoing_heads WHERE tenant = $1), 0)"
_CURSOR = "SELECT delivered FROM outgoing_cursors WHERE tenant = $1 AND reader = $2"
_MAKE_CURSOR = """
INSERT INTO outgoing_cursors (tenant, reader, delivered)
VALUES ($1, $2, coalesce((SELECT last FROM outgoing_heads WHERE tenant = $1), 0))
ON CONFLICT DO NOTHING
"""
# Two servers for a moment: the one that is behind finds that its word is not the last, and reads again.
_MOVE_CURSOR = """
UPDATE outgoing_cursors SET delivered = $4, changed_at = now() WHERE tenant = $1 AND reader = $2 AND delivered = $3
"""


async def write_outgoing(connection: Any, messages: Sequence[Outgoing]) -> None:
    """Number and write those that were not told before. The last thing in a transaction: it holds the tenants' locks.

    Raises what asyncpg raises.
    """
    messages = list({(m.tenant, m.kind, m.about): m for m in messages}.values())
    if messages:
        keys = [m.tenant for m in messages], [m.kind.value for m in messages], [m.about for m in messages]
        told = {row["place"] for row in await connection.fetch(_TOLD, *keys)}
        messages = [m for place, m in enumerate(messages, 1) if place not in told]
    if not messages:
        return
    tenants = [m.tenant for m in messages]
    if len(await connection.fetch(_LOCK_HEADS, tenants)) < len(set(tenants)):
        await connection.execute(_MAKE_HEADS, tenants)
        await connection.fetch(_LOCK_HEADS, tenants)
    # A statement of its own, so that it sees what the writer before us committed under the same lock.
    await connection.execute(
        _WRITE,
        tenants,
        [m.kind.value for m in messages],
        [m.about for m in messages],
        [m.call_id for m in messages],
        [m.at for m in messages],
        [json.dumps(clean(m.body), ensure_ascii=False, allow_nan=False) for m in messages],
    )


class OutgoingStore:
    """What readers ask. Raises Unavailable when PostgreSQL is away."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def after(self, tenant: TenantId, after: int, limit: int) -> list[Message]:
        """Messages with a number above ``after``, in order, at most ``limit`` (and never more than 200)."""
        async with deadline():
            rows = await self._pool.fetch(_AFTER, tenant, after, max(1, min(limit, MAX_LIMIT)))
        return [_message(row) for row in rows]

    async def head(self, tenant: TenantId) -> int:
        """The last number given; 0: none yet."""
        async with deadline():
            return int(await self._pool.fetchval(_HEAD, tenant))

    async def cursor(self, tenant: TenantId, reader: str) -> int:
        """How far a reader of ours has come. A new one begins with what happens from now on."""
        async with deadline():
            known = await self._pool.fetchval(_CURSOR, tenant, reader)
            if known is None:
                await self._pool.execute(_MAKE_CURSOR, tenant, reader)
                known = await self._pool.fetchval(_CURSOR, tenant, reader)
        return int(known)

    async def move_cursor(self, tenant: TenantId, reader: str, was: int, now: int) -> bool:
        """Everything up to ``now`` is delivered. False: somebody else has moved it meanwhile, read it again."""
        async with deadline():
            done = await self._pool.execute(_MOVE_CURSOR, tenant, reader, was, now)
        return bool(done == "UPDATE 1")


def _message(row: Any) -> Message:
    return Message(
        id=row["id"],
        tenant=TenantId(row["tenant"]),
        kind=MessageKind(row["kind"]),
        call_id=CallId(str(row["call_id"])),
        at=row["at"],
        stored_at=row["stored_at"],
        body=json.loads(row["body"]),
    )
