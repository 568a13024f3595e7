"""A desk's phone book in PostgreSQL: what the desk file says, and what people changed since (decision 0239)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from cti.domain.errors import CallerError, NotFound
from cti.domain.model import AgentId, TenantId, UserLogin
from cti.domain.phone import national
from cti.outbound.rules import OutboundRules, Permit, may_be_saved
from cti.store.away import deadline
from cti.web.savedports import NewSaved, SavedFact

# As many as an agent's page holds and searches without anybody noticing; a desk file may name 500 of them.
MOST = 1_000

_COLUMNS = "saved, name, reading, number, queues, agents, said IS NOT NULL AS by_file, changed_by, changed_at"
_ALL = f"""
SELECT {_COLUMNS} FROM saved_numbers
 WHERE tenant = $1 AND NOT removed
 ORDER BY coalesce(nullif(reading, ''), name), saved
"""  # noqa: S608 - a constant of ours
# An agent serves a queue when they have each of its skills at its level or above (docs/routing.md).
_OF_AGENT = f"""
SELECT {_COLUMNS} FROM saved_numbers s
 WHERE tenant = $1 AND NOT removed
   AND (cardinality(queues) + cardinality(agents) = 0 OR $2 = ANY(agents) OR EXISTS (
        SELECT 1 FROM queues q
         WHERE q.tenant = $1 AND q.active AND q.queue = ANY(s.queues) AND NOT EXISTS (
               SELECT 1 FROM queue_skills needed
                WHERE needed.tenant = $1 AND needed.queue = q.queue AND NOT EXISTS (
                      SELECT 1 FROM agent_skills had
                       WHERE had.tenant = $1 AND had.agent = $2 AND had.skill = needed.skill
                         AND had.level >= needed.level))))
 ORDER BY coalesce(nullif(reading, ''), name), saved
"""  # noqa: S608 - a constant of ours
_ADD = f"""
INSERT INTO saved_numbers (tenant, saved, name, reading, number, queues, agents, changed_by, changed_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
 WHERE (SELECT count(*) FROM saved_numbers WHERE tenant = $1 AND NOT removed) < {MOST}
RETURNING {_COLUMNS}
"""  # noqa: S608 - constants of ours
_CHANGE = f"""
UPDATE saved_numbers
   SET name = $3, reading = $4, number = $5, queues = $6, agents = $7, changed_by = $8, changed_at = $9
 WHERE tenant = $1 AND saved = $2 AND NOT removed
RETURNING {_COLUMNS}
"""  # noqa: S608 - a constant of ours
# What the file names stays as a row that says so: else the same file would bring it back.
_REMOVE = """
UPDATE saved_numbers SET removed = true, changed_by = $3, changed_at = $4
 WHERE tenant = $1 AND saved = $2 AND NOT removed AND said IS NOT NULL
RETURNING saved
"""
_DELETE = "DELETE FROM saved_numbers WHERE tenant = $1 AND saved = $2 AND said IS NULL RETURNING saved"
_KNOWN = """
SELECT ARRAY(SELECT queue FROM queues WHERE tenant = $1 AND active) AS queues,
       ARRAY(SELECT agent FROM agents WHERE tenant = $1 AND active) AS agents
"""


_READINGS = """
SELECT a.agent, u.name_kana FROM agents a JOIN users u ON u.tenant = a.tenant AND u.login = a.login
 WHERE a.tenant = $1 AND a.active AND u.name_kana <> ''
"""


class Full(CallerError):
    """There are as many as there may be."""

    key, detail = "saved_full", str(MOST)


class StoredSavedNumbers:
    """Implements cti.web.savedports.SavedNumbers. ``rules`` gives a desk's rules for dialling out, or None."""

    def __init__(self, pool: asyncpg.Pool[Any], rules: Callable[[TenantId], OutboundRules | None]) -> None:
        self._pool = pool
        self._rules = rules

    async def of_agent(self, tenant: TenantId, agent: AgentId) -> Sequence[SavedFact]:
        """See the port."""
        async with deadline():
            return [_fact(row) for row in await self._pool.fetch(_OF_AGENT, tenant, agent)]

    async def all(self, tenant: TenantId) -> Sequence[SavedFact]:
        """See the port."""
        async with deadline():
            return [_fact(row) for row in await self._pool.fetch(_ALL, tenant)]

    async def readings(self, tenant: TenantId) -> Mapping[AgentId, str]:
        """See the port."""
        async with deadline():
            return {row["agent"]: row["name_kana"] for row in await self._pool.fetch(_READINGS, tenant)}

    async def add(self, tenant: TenantId, new: NewSaved, *, by: UserLogin, at: datetime) -> SavedFact:
        """See the port."""
        wanted = await self._checked(tenant, new)
        # "p-" and hex digits: a desk file's ids may look like it, 48 random bits will not be one of them.
        saved = f"p-{secrets.token_hex(6)}"
        async with deadline():
            row = await self._pool.fetchrow(_ADD, tenant, saved, *_values(new, wanted), by, at)
        if row is None:
            raise Full(f"the phone book holds {MOST} numbers already")
        return _fact(row)

    async def change(self, tenant: TenantId, saved: str, new: NewSaved, *, by: UserLogin, at: datetime) -> SavedFact:
        """See the port."""
        wanted = await self._checked(tenant, new)
        async with deadline():
            row = await self._pool.fetchrow(_CHANGE, tenant, saved, *_values(new, wanted), by, at)
        if row is None:
            raise NotFound(f"no saved number {saved!r}")
        return _fact(row)

    async def remove(self, tenant: TenantId, saved: str, *, by: UserLogin, at: datetime) -> None:
        """See the port."""
        async with deadline():
            gone = await self._pool.fetchval(_REMOVE, tenant, saved, by, at)
            gone = gone or await self._pool.fetchval(_DELETE, tenant, saved)
        if gone is None:
            raise NotFound(f"no saved number {saved!r}")

    async def _checked(self, tenant: TenantId, new: NewSaved) -> Permit:
        """Raises CallerError: the number may never be dialled, or a queue or an agent is none."""
        wanted = may_be_saved(self._rules(tenant), new.number)
        async with deadline():
            known: Any = await self._pool.fetchrow(_KNOWN, tenant)
        for kind, names in (("queues", new.queues), ("agents", new.agents)):
            for name in names:
                if name not in known[kind]:
                    raise CallerError(f"{kind}: this desk has no {kind[:-1]} {name!r}")
        return wanted


def _values(new: NewSaved, wanted: Permit) -> tuple[Any, ...]:
    return (new.name, new.reading, wanted.e164, list(new.queues), list(new.agents))


def _fact(row: Any) -> SavedFact:
    return SavedFact(
        saved=row["saved"],
        name=row["name"],
        reading=row["reading"],
        e164=row["number"],
        national=national(row["number"]),
        queues=tuple(row["queues"]),
        agents=tuple(row["agents"]),
        by_file=row["by_file"],
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
    )
