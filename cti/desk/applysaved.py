"""Saved numbers of a desk file into PostgreSQL: a person's word stays until the file says something new (0239)."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from cti.desk.schema import SavedNumber, Tenant
from cti.desk.summary import Summary
from cti.domain.phone import parse_called

TABLE = "saved_numbers"

_STORED = "SELECT saved, said::text AS said, changed_by FROM saved_numbers WHERE tenant = $1 AND said IS NOT NULL"
# Who was made by a person has an id that no file can have.
_PUT = """
INSERT INTO saved_numbers (tenant, saved, name, reading, number, queues, agents, said)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb)
ON CONFLICT (tenant, saved) DO UPDATE
   SET name = $3, reading = $4, number = $5, queues = $6, agents = $7, said = $8::text::jsonb,
       changed_by = NULL, changed_at = NULL, removed = false
"""


async def apply_saved_numbers(conn: asyncpg.Connection[Any], name: str, tenant: Tenant, summary: Summary) -> None:
    """Make the phone book say what the file says, where the file says something new."""
    rows = {row["saved"]: row for row in await conn.fetch(_STORED, name)}
    for entry in tenant.saved_numbers:
        said = _said(entry)
        row = rows.pop(entry.id, None)
        which = f"{name}/{entry.id}"
        if row is not None and json.loads(row["said"]) == said:
            if row["changed_by"] is not None:
                summary.note(summary.kept, TABLE, which)
            continue
        await conn.execute(
            _PUT, name, entry.id, said["name"], said["reading"], said["number"], said["queues"], said["agents"],
            json.dumps(said, ensure_ascii=False),
        )  # fmt: skip
        summary.note(summary.added if row is None else summary.changed, TABLE, which)
    gone = list(rows)
    await conn.execute("DELETE FROM saved_numbers WHERE tenant = $1 AND saved = ANY($2)", name, gone)
    for saved in gone:
        summary.note(summary.removed, TABLE, f"{name}/{saved}")


def _said(entry: SavedNumber) -> dict[str, Any]:
    return {
        "name": entry.name,
        "reading": entry.reading,
        "number": parse_called(entry.number),
        "queues": list(entry.queues),
        "agents": list(entry.agents),
    }
