"""What verifies callers, from a desk file into PostgreSQL: switched off when the file names it no more."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from cti.desk.schema import Tenant
from cti.desk.summary import Summary

TABLE = "verifications"

_STORED = """
SELECT verification, queues, needed, failures_most, steps::text AS steps, active FROM verifications WHERE tenant = $1
"""
_PUT = """
INSERT INTO verifications (tenant, verification, queues, needed, failures_most, steps)
VALUES ($1, $2, $3, $4, $5, $6::text::jsonb)
ON CONFLICT (tenant, verification) DO UPDATE
   SET queues = $3, needed = $4, failures_most = $5, steps = $6::text::jsonb, active = true
"""
_OFF = "UPDATE verifications SET active = false WHERE tenant = $1 AND verification = ANY($2)"


async def apply_verifications(conn: asyncpg.Connection[Any], name: str, tenant: Tenant, summary: Summary) -> None:
    """Make the database say what the file says."""
    rows = {row["verification"]: row for row in await conn.fetch(_STORED, name)}
    for policy in tenant.verifications:
        row = rows.pop(policy.id, None)
        steps = [{"id": step.id, "ja": step.name.ja, "en": step.name.en} for step in policy.steps]
        said = (list(policy.queues), policy.needed, policy.failures_most, steps, True)
        if row is not None and said == (
            row["queues"], row["needed"], row["failures_most"], json.loads(row["steps"]), row["active"],
        ):  # fmt: skip
            continue
        written = json.dumps(steps, ensure_ascii=False)
        await conn.execute(_PUT, name, policy.id, list(policy.queues), policy.needed, policy.failures_most, written)
        summary.note(summary.added if row is None else summary.changed, TABLE, f"{name}/{policy.id}")
    gone = [one for one, row in rows.items() if row["active"]]
    await conn.execute(_OFF, name, gone)
    for one in gone:
        summary.note(summary.removed, TABLE, f"{name}/{one}")
