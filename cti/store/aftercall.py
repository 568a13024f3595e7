"""Notes and reason codes of calls in PostgreSQL: one row an agent of a call, saved by version. docs/decisions/0221."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from cti.domain.aftercall import CallNote, NoteChanged, Reason
from cti.domain.model import AgentId, CallId, QueueId, TenantId
from cti.store.away import deadline

# A call with more agents than this is none that anybody reads to the end.
NOTES_SHOWN = 20

_COLUMNS = "tenant, call_id, agent, version, note, reasons, changed_at"
_OF_CALL = f"""
SELECT {_COLUMNS} FROM call_notes WHERE tenant = $1 AND call_id = $2 ORDER BY began_at, agent LIMIT $3
"""  # noqa: S608 - names of this module's own
_OF_AGENT = f"""
SELECT {_COLUMNS} FROM call_notes WHERE tenant = $1 AND agent = $2 AND call_id = ANY($3::uuid[])
"""  # noqa: S608 - names of this module's own
# An answer that got lost is repeated with the same words: that is no conflict and no new version.
_SAVE = f"""
INSERT INTO call_notes AS n (tenant, call_id, agent, version, note, reasons, began_at, changed_at)
VALUES ($1, $2, $3, 1, $4, $5, $6, $6)
ON CONFLICT (tenant, call_id, agent) DO UPDATE
   SET version = n.version + (n.version = $7)::int,
       note = excluded.note, reasons = excluded.reasons,
       changed_at = CASE WHEN n.version = $7 THEN excluded.changed_at ELSE n.changed_at END
 WHERE n.version = $7 OR (n.note = excluded.note AND n.reasons = excluded.reasons)
RETURNING {_COLUMNS}
"""  # noqa: S608 - names of this module's own
_REASONS = "SELECT tenant, reason, parent, name_ja, name_en, words, active FROM reasons ORDER BY tenant, place, reason"
_REQUIRED = "SELECT tenant, queue FROM queues WHERE active AND reason_required"


class AftercallStore:
    """All methods raise Unavailable when PostgreSQL is away: a page keeps what was typed and saves it later."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def notes(self, tenant: TenantId, call_id: CallId) -> list[CallNote]:
        """What the agents of a call wrote, in the order in which they began."""
        async with deadline():
            rows = await self._pool.fetch(_OF_CALL, tenant, call_id, NOTES_SHOWN)
        return [_note(row) for row in rows]

    async def notes_of(self, tenant: TenantId, agent: AgentId, calls: Sequence[CallId]) -> list[CallNote]:
        """What one agent wrote about these calls."""
        async with deadline():
            rows = await self._pool.fetch(_OF_AGENT, tenant, agent, list(calls))
        return [_note(row) for row in rows]

    async def save(self, wanted: CallNote, at: datetime) -> CallNote:
        """Save over ``wanted.version``, the one that was seen. Raises NoteChanged when there is another."""
        arguments = (wanted.tenant, wanted.call_id, wanted.agent, wanted.note, list(wanted.reasons), at, wanted.version)
        async with deadline():
            row = await self._pool.fetchrow(_SAVE, *arguments)
        if row is not None:
            return _note(row)
        found = [note for note in await self.notes(wanted.tenant, wanted.call_id) if note.agent == wanted.agent]
        raise NoteChanged(found[0])

    async def tree(self) -> tuple[Mapping[TenantId, tuple[Reason, ...]], frozenset[tuple[TenantId, QueueId]]]:
        """Every desk's reasons, those switched off too, and the queues whose calls need one."""
        async with deadline():
            rows = await self._pool.fetch(_REASONS)
            required = await self._pool.fetch(_REQUIRED)
        found: dict[TenantId, tuple[Reason, ...]] = {}
        for row in rows:
            tenant = TenantId(row["tenant"])
            found[tenant] = (*found.get(tenant, ()), _reason(row))
        return found, frozenset((TenantId(row["tenant"]), QueueId(row["queue"])) for row in required)


def _note(row: Any) -> CallNote:
    return CallNote(
        tenant=TenantId(row["tenant"]),
        call_id=CallId(str(row["call_id"])),
        agent=AgentId(row["agent"]),
        version=row["version"],
        note=row["note"],
        reasons=tuple(row["reasons"]),
        changed_at=row["changed_at"],
    )


def _reason(row: Any) -> Reason:
    return Reason(**{name: row[name] for name in ("reason", "parent", "name_ja", "name_en", "words", "active")})
