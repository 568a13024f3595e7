"""Whose calls are whose, and orders to erase a person (0028_people.sql). Methods raise Unavailable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from cti.domain.access import AuditEntry
from cti.domain.errors import CallerError
from cti.domain.model import CallId, TenantId
from cti.domain.person import Erasure, ErasureState, Person
from cti.store.away import deadline

# A person with more calls than this is a company's main number; an export of all of them is no disclosure any more.
MOST_CALLS = 20_000
FIND_S = 30.0

# Theirs are calls from their numbers, calls that were linked to them with some certainty (a guess may be somebody
# else's call), and the calls of their callbacks.
_CALLS = """
SELECT call_id FROM calls WHERE tenant = $1 AND caller_e164 = ANY ($2::text[])
UNION
SELECT l.call_id FROM call_links l JOIN call_links_current c USING (tenant, call_id)
 WHERE l.tenant = $1 AND l.member_id = $3::text AND c.member_id = $3::text
   AND c.confidence IN ('confirmed', 'by_agent', 'likely')
UNION
SELECT unnest(ARRAY[origin, attempt]) FROM callbacks WHERE tenant = $1 AND number = ANY ($2::text[])
"""
_FOUND = f"""
SELECT f.call_id, c.call_id IS NOT NULL AND c.ended_at IS NULL AS live
  FROM ({_CALLS}) AS f LEFT JOIN calls c ON c.tenant = $1 AND c.call_id = f.call_id
 WHERE f.call_id IS NOT NULL ORDER BY f.call_id LIMIT $4
"""  # noqa: S608 - a part of this module's own
_ORDER = """
INSERT INTO person_erasures (tenant, erasure_id, state, reference, asked_by, asked_at, numbers, member_id, calls, held)
VALUES ($1, $2, 'ordered', $3, $4, $5, $6, $7, $8, $9::text::jsonb)
"""
_COLUMNS = """
SELECT e.tenant, e.erasure_id, e.state, e.reference, e.asked_by, e.asked_at, e.done_at, e.numbers, e.member_id, e.calls,
       e.counts::text AS counts, e.held::text AS held,
       (SELECT count(*) FROM person_erasure_calls c JOIN recordings r USING (tenant, call_id)
         WHERE c.tenant = e.tenant AND c.erasure_id = e.erasure_id AND r.delete_asked_at IS NOT NULL
           AND r.state <> 'deleted') AS waiting
  FROM person_erasures e
"""
_FIND = f"{_COLUMNS} WHERE e.tenant = $1 AND e.erasure_id = $2"
_NEWEST = f"{_COLUMNS} WHERE e.tenant = $1 ORDER BY e.asked_at DESC LIMIT $2"
_OPEN = f"{_COLUMNS} WHERE e.state = 'ordered' ORDER BY e.asked_at LIMIT 20"
_TODO = """
SELECT call_id FROM person_erasure_calls WHERE tenant = $1 AND erasure_id = $2 AND NOT done ORDER BY call_id LIMIT $3
"""
_MARK = """
INSERT INTO erased_calls (tenant, call_id, erased_at) SELECT $1, unnest($2::uuid[]), $3
ON CONFLICT (tenant, call_id) DO UPDATE SET erased_at = excluded.erased_at
"""
_PROGRESS = """
UPDATE person_erasures SET counts = $3::text::jsonb, held = held || $4::text::jsonb,
       calls = calls - $5
 WHERE tenant = $1 AND erasure_id = $2
"""
_FORGET = "UPDATE person_erasures SET numbers = '{}', member_id = NULL WHERE tenant = $1 AND erasure_id = $2"
_DONE = """
UPDATE person_erasures SET state = 'done', done_at = $3 WHERE tenant = $1 AND erasure_id = $2 AND state = 'ordered'
"""
_AUDIT = """
INSERT INTO audit (at, tenant, who, what, which, detail, address) VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7)
"""


class PeopleStore:
    """See the module."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def calls_of(self, person: Person) -> tuple[list[CallId], list[CallId]]:
        """Calls of a person that are over, and those that go on.

        Raises CallerError when there are more than MOST_CALLS: leaving some out would look like all of them.
        """
        async with deadline(FIND_S):
            rows = await self._pool.fetch(
                _FOUND, person.tenant, list(person.numbers), person.member_id, MOST_CALLS + 1, timeout=FIND_S
            )
        if len(rows) > MOST_CALLS:
            raise CallerError(f"more than {MOST_CALLS:,} calls are theirs: this is a company's number and no person's")
        over = [CallId(str(row["call_id"])) for row in rows if not row["live"]]
        return over, [CallId(str(row["call_id"])) for row in rows if row["live"]]

    async def order(
        self, person: Person, calls: Sequence[CallId], live: Sequence[CallId], entry: AuditEntry, reference: str
    ) -> str:
        """Store an order with its calls and its line in the trail. Returns its id."""
        erasure = uuid4()
        held = json.dumps(dict.fromkeys(live, "the call goes on"))
        async with deadline(FIND_S), self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                _ORDER,
                person.tenant,
                erasure,
                reference,
                entry.who,
                entry.at,
                list(person.numbers),
                person.member_id,
                len(calls),
                held,
            )
            await connection.executemany(
                "INSERT INTO person_erasure_calls (tenant, erasure_id, call_id) VALUES ($1, $2, $3)",
                [(person.tenant, erasure, UUID(call)) for call in calls],
            )
            await _audit(connection, entry, str(erasure))
        return str(erasure)

    async def find(self, tenant: TenantId, erasure_id: str) -> Erasure | None:
        """One, or None."""
        async with deadline():
            row = await self._pool.fetchrow(_FIND, tenant, UUID(erasure_id))
        return None if row is None else _erasure(row)

    async def newest(self, tenant: TenantId, limit: int) -> Sequence[Erasure]:
        """Newest first."""
        async with deadline():
            return [_erasure(row) for row in await self._pool.fetch(_NEWEST, tenant, limit)]

    async def open(self) -> Sequence[tuple[Erasure, Person]]:
        """Orders that are not done, oldest first, with whom they are about."""
        async with deadline():
            rows = await self._pool.fetch(_OPEN)
        return [
            (
                _erasure(row),
                Person(tenant=TenantId(row["tenant"]), numbers=tuple(row["numbers"]), member_id=row["member_id"]),
            )
            for row in rows
        ]

    async def todo(self, erasure: Erasure, limit: int) -> tuple[CallId, ...]:
        """Calls whose data is not erased yet."""
        async with deadline():
            rows = await self._pool.fetch(_TODO, erasure.tenant, UUID(erasure.erasure_id), limit)
        return tuple(CallId(str(row["call_id"])) for row in rows)

    async def mark(self, erasure: Erasure, calls: Sequence[CallId], at: datetime) -> None:
        """What is written of these calls from now on is of before, and stays nobody's (0030_erased_calls.sql)."""
        async with deadline():
            await self._pool.execute(_MARK, erasure.tenant, [UUID(call) for call in calls], at)

    async def progress(
        self, erasure: Erasure, calls: Sequence[CallId], counts: Mapping[str, int], held: Mapping[str, str]
    ) -> None:
        """These calls are erased, or held and left alone."""
        which = UUID(erasure.erasure_id)
        async with deadline(), self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "UPDATE person_erasure_calls SET done = true WHERE tenant = $1 AND erasure_id = $2"
                " AND call_id = ANY ($3::uuid[])",
                erasure.tenant,
                which,
                [UUID(call) for call in calls],
            )
            await connection.execute(_PROGRESS, erasure.tenant, which, json.dumps(counts), json.dumps(held), len(held))

    async def forget(self, erasure: Erasure) -> None:
        """All tables are done: whom it was about is not kept either."""
        async with deadline():
            await self._pool.execute(_FORGET, erasure.tenant, UUID(erasure.erasure_id))

    async def done(self, erasure: Erasure, entry: AuditEntry) -> None:
        """The recordings are gone as well. The report stays, without the list of calls."""
        which = UUID(erasure.erasure_id)
        async with deadline(), self._pool.acquire() as connection, connection.transaction():
            said = await connection.execute(_DONE, erasure.tenant, which, entry.at)
            if said.endswith(" 0"):
                return
            await connection.execute(
                "DELETE FROM person_erasure_calls WHERE tenant = $1 AND erasure_id = $2", erasure.tenant, which
            )
            await _audit(connection, entry, erasure.erasure_id)


async def _audit(connection: Any, entry: AuditEntry, which: str) -> None:
    detail = json.dumps(dict(entry.detail), ensure_ascii=False)
    await connection.execute(_AUDIT, entry.at, entry.tenant, entry.who, entry.what, which, detail, entry.address)


def _erasure(row: Any) -> Erasure:
    return Erasure(
        erasure_id=str(row["erasure_id"]),
        tenant=TenantId(row["tenant"]),
        state=ErasureState(row["state"]),
        reference=row["reference"],
        asked_by=row["asked_by"],
        asked_at=row["asked_at"],
        done_at=row["done_at"],
        calls=row["calls"],
        counts=json.loads(row["counts"]),
        held=json.loads(row["held"]),
        waiting=row["waiting"],
    )
