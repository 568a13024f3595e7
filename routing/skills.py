"""Agents' skills, changed while the desk runs. In PostgreSQL.

A supervisor's word holds until the desk file says something new about that agent: decision 0176. The desk's notice goes
out with the change, so every server goes by it at once, for the calls that wait too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from cti.domain.errors import ConfigError, NotFound, Unavailable
from cti.domain.model import AgentId, SkillId, TenantId
from routing.expression import HIGHEST, LOWEST
from routing.plans import AWAY, CHANNEL, QUERY_S
from routing.reading import MOST_NAMED, short
from routing.sqlfile import statements

SQL = statements("skills.sql")


@dataclass(frozen=True, kw_only=True, slots=True)
class SkillsOf:
    """An agent's skills."""

    agent: AgentId
    skills: Mapping[SkillId, int]  # levels 1 to 5
    set_by: str | None  # the supervisor whose word counts; None: the desk file's
    set_at: datetime | None


class SkillStore:
    """A tenant's skills. Who may do this is for the caller to check, and to write into the audit."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def names(self, tenant: TenantId) -> dict[SkillId, tuple[str, str]]:
        """The desk's skills with their names: Japanese, English. Raises Unavailable."""
        try:
            rows = await self._pool.fetch(SQL["names"], tenant, timeout=QUERY_S)
        except AWAY as error:
            raise _away(error) from error
        return {SkillId(row["skill"]): (row["name_ja"], row["name_en"]) for row in rows}

    async def of(self, tenant: TenantId, agent: AgentId) -> SkillsOf:
        """One agent's. Raises NotFound (no active agent) and Unavailable."""
        try:
            async with self._pool.acquire(timeout=QUERY_S) as conn:
                return _skills(agent, await _row(conn, tenant, agent))
        except AWAY as error:
            raise _away(error) from error

    async def put(self, tenant: TenantId, agent: AgentId, skills: Mapping[SkillId, int], *, by: str) -> SkillsOf:
        """Make these the agent's skills from now on; what is not named is taken away.

        Exactly what the desk file said last gives the file its say back. Raises ConfigError with every skill that does
        not exist or has a level that does not, NotFound (no active agent) and Unavailable.
        """
        try:
            async with self._pool.acquire(timeout=QUERY_S) as conn, conn.transaction():
                # One at a time for a desk; `config apply` takes the same lock.
                await conn.execute(SQL["lock"], timeout=QUERY_S)
                row = await _row(conn, tenant, agent)
                there = {found["skill"] for found in await conn.fetch(SQL["names"], tenant, timeout=QUERY_S)}
                _check(skills, there)
                signed = None if json.loads(row["said"]) == dict(skills) else by
                await conn.execute(SQL["clear"], tenant, agent, timeout=QUERY_S)
                await conn.execute(SQL["put"], tenant, agent, list(skills), list(skills.values()), timeout=QUERY_S)
                await conn.execute(SQL["sign"], tenant, agent, signed, timeout=QUERY_S)
                await conn.execute("SELECT pg_notify($1, $2)", CHANNEL, f"skills {agent}", timeout=QUERY_S)
                return _skills(agent, await _row(conn, tenant, agent))
        except AWAY as error:
            raise _away(error) from error


async def _row(conn: Any, tenant: TenantId, agent: AgentId) -> Any:
    row = await conn.fetchrow(SQL["agent"], tenant, agent, timeout=QUERY_S)
    if row is None:
        raise NotFound(f"no agent {agent!r} on this desk")
    return row


def _skills(agent: AgentId, row: Any) -> SkillsOf:
    return SkillsOf(
        agent=agent,
        skills={SkillId(skill): level for skill, level in zip(row["skills"], row["levels"], strict=True)},
        set_by=row["skills_by"],
        set_at=row["skills_at"],
    )


def _check(skills: Mapping[SkillId, int], there: set[str]) -> None:
    names = ", ".join(sorted(there)[:MOST_NAMED]) or "none"
    problems = [
        f"skills: there is no skill {short(skill)}; there is: {names}" for skill in skills if skill not in there
    ]
    problems += [
        f"skills.{skill}: level is {short(level)}; write a number from {LOWEST} to {HIGHEST}"
        for skill, level in skills.items()
        if not LOWEST <= level <= HIGHEST
    ]
    if problems:
        raise ConfigError(problems)


def _away(error: BaseException) -> Unavailable:
    return Unavailable(f"skills cannot be read or written: the database does not answer ({type(error).__name__})")
