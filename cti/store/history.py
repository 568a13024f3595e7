"""Recorded calls, as far as a simulation can use them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any

import asyncpg

from cti.domain.errors import CallerError
from cti.domain.model import QueueId, SkillId, SkillLevel, TenantId

# A year of a busy desk; more would fill the memory of the command that asks.
MOST = 1_000_000
QUERY_S = 300.0

_TEXT = resources.files("cti.store").joinpath("history.sql").read_text(encoding="utf-8")
SQL: Mapping[str, str] = {
    name: body.strip() for name, body in re.findall(r"-- name: (\w+)\n(.*?)(?=\n-- name: |\Z)", _TEXT, re.DOTALL)
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedCall:
    """A closed call that waited for an agent."""

    queue: QueueId
    skills: tuple[SkillLevel, ...]  # asked for by the menu
    queued_at: datetime
    wait_s: float  # until an agent answered, or until the end
    talk_s: float | None  # all agents' parts together, hold included; None: nobody answered
    hung_up: bool  # the caller, while waiting

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> RecordedCall:
        """A row of ``waited``."""
        skills = json.loads(row["skills"]) if row["skills"] is not None else []
        return cls(
            queue=QueueId(row["queue"]),
            skills=tuple(SkillLevel(skill=SkillId(one["skill"]), level=one["level"]) for one in skills),
            queued_at=row["queued_at"],
            wait_s=max(0.0, float(row["wait_s"])),
            talk_s=float(row["talk_s"]) if row["talk_s"] is not None else None,
            hung_up=row["hung_up"],
        )


async def time_zones(conn: asyncpg.Connection[Any]) -> dict[TenantId, str]:
    """Every desk's time zone (IANA name)."""
    rows = await conn.fetch(SQL["time_zones"], timeout=QUERY_S)
    return {TenantId(row["tenant"]): str(row["time_zone"]) for row in rows}


async def recorded_calls(
    conn: asyncpg.Connection[Any], tenant: TenantId, begin: datetime, end: datetime
) -> list[RecordedCall]:
    """Closed calls that entered a queue from ``begin`` to before ``end`` (aware), oldest first.

    Raises CallerError when there are more than MOST.
    """
    rows = await conn.fetch(SQL["waited"], tenant, begin, end, MOST + 1, timeout=QUERY_S)
    if len(rows) > MOST:
        raise CallerError(f"more than {MOST:,} calls; write fewer days")
    return [RecordedCall.from_row(row) for row in rows]
