"""Plans while the desk runs: checked, published as versions, read again, put back. In PostgreSQL.

A version is written, ``queues.steps`` follows and the desk's notice goes out in one transaction: every server reads the
desk again at once, and the calls that wait go by the new plan.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from cti.domain.errors import CallerError, ConfigError, NotFound, Unavailable
from cti.domain.model import AgentId, QueueId, SkillId, SkillLevel, TenantId
from routing.model import AgentRule, QueueRule, Step
from routing.plan import nobody_for, steps_from_data
from routing.reading import Known, refuse_too_large
from routing.sqlfile import statements

QUERY_S = 10.0
# Published by hand, now and then: a page of them is a year.
MOST_VERSIONS = 100
MOST_NOTE = 500
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
CHANNEL = "desk_changed"  # heard by cti.wiring.desk_changes, as after `config apply`
SQL = statements("plans.sql")


@dataclass(frozen=True, kw_only=True, slots=True)
class PlanVersion:
    """A plan as it was published."""

    queue: QueueId
    version: int  # 1 for the queue's first
    plan: Any  # as written: a list of steps, or a template
    published_at: datetime
    published_by: str
    note: str  # why, in their words
    reverts_to: int | None  # the version whose plan this is again

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> PlanVersion:
        """From plan_versions."""
        return cls(
            queue=QueueId(row["queue"]),
            version=row["version"],
            plan=json.loads(row["plan"]),
            published_at=row["published_at"],
            published_by=row["published_by"],
            note=row["note"],
            reverts_to=row["reverts_to"],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A plan that can be published."""

    steps: tuple[Step, ...]  # what it means; templates are written out
    warnings: tuple[str, ...]  # steps that no agent of now could take; callers pass them over


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """What came of publishing."""

    version: int
    warnings: tuple[str, ...]  # steps that no agent of now could take; callers pass them over


class PlanStore:
    """A tenant's plans. Who may do this is for the caller to check, and to write into the audit."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def in_force(self, tenant: TenantId, queue: QueueId) -> Any:
        """The queue's plan as written; an empty list: plain skills. Raises NotFound and Unavailable."""
        try:
            async with self._pool.acquire(timeout=QUERY_S) as conn:
                written = await conn.fetchval(SQL["steps"], tenant, queue, timeout=QUERY_S)
        except AWAY as error:
            raise _away(error) from error
        if written is None:
            raise NotFound(f"no queue {queue!r} on this desk")
        return json.loads(written)

    async def check_plan(self, tenant: TenantId, queue: QueueId, plan: object) -> Checked:
        """What publishing would mean and warn of. Raises ConfigError with every problem, NotFound and Unavailable."""
        try:
            async with self._pool.acquire(timeout=QUERY_S) as conn:
                return await _checked(conn, tenant, queue, plan)
        except AWAY as error:
            raise _away(error) from error

    async def publish_plan(
        self, tenant: TenantId, queue: QueueId, plan: object, *, by: str, note: str = "", after: int | None = None
    ) -> Published:
        """Make this the queue's plan from now on, for those who wait too.

        ``after``: the version it was written from; CallerError when somebody else published meanwhile. Raises
        ConfigError with every problem, NotFound (no such queue) and Unavailable.
        """
        return await self._publish(tenant, queue, plan, by=by, note=note, after=after, reverts_to=None)

    async def revert_plan(
        self, tenant: TenantId, queue: QueueId, version: int, *, by: str, note: str = "", after: int | None = None
    ) -> Published:
        """Publish what an earlier version said, checked against the desk of now. Raises as publish_plan does."""
        old = next((it for it in await self.plans(tenant, queue) if it.version == version), None)
        if old is None:
            raise NotFound(f"queue {queue!r} has no version {version} of its plan")
        return await self._publish(tenant, queue, old.plan, by=by, note=note, after=after, reverts_to=version)

    async def plans(self, tenant: TenantId, queue: QueueId) -> list[PlanVersion]:
        """A queue's versions, newest first. Raises Unavailable."""
        try:
            async with self._pool.acquire(timeout=QUERY_S) as conn:
                rows = await conn.fetch(SQL["versions"], tenant, queue, MOST_VERSIONS, timeout=QUERY_S)
        except AWAY as error:
            raise _away(error) from error
        return [PlanVersion.from_row(row) for row in rows]

    async def _publish(
        self,
        tenant: TenantId,
        queue: QueueId,
        plan: object,
        *,
        by: str,
        note: str,
        after: int | None,
        reverts_to: int | None,
    ) -> Published:
        if len(note) > MOST_NOTE:
            raise CallerError(f"a note has at most {MOST_NOTE} letters")
        try:
            async with self._pool.acquire(timeout=QUERY_S) as conn, conn.transaction():
                # One at a time for a queue; `config apply` takes the same lock.
                await conn.execute(SQL["lock"], timeout=QUERY_S)
                checked = await _checked(conn, tenant, queue, plan)
                newest = await conn.fetchval(SQL["newest"], tenant, queue, timeout=QUERY_S)
                if after is not None and newest != after:
                    raise CallerError(f"version {newest} of the plan was published meanwhile; look at it first")
                written = json.dumps(plan, ensure_ascii=False)
                values = (tenant, queue, newest + 1, written, by, note, reverts_to)
                await conn.execute(SQL["publish"], *values, timeout=QUERY_S)
                await conn.execute(SQL["put_steps"], tenant, queue, written, timeout=QUERY_S)
                await conn.execute("SELECT pg_notify($1, $2)", CHANNEL, f"plan {queue} {newest + 1}")
        except AWAY as error:
            raise _away(error) from error
        return Published(version=newest + 1, warnings=checked.warnings)


async def left_behind(conn: Any, tenant: TenantId, queue: QueueId) -> list[str]:
    """What the plan in force names that the desk has no more, as sentences; those steps ask for nobody."""
    written = await conn.fetchval(SQL["steps"], tenant, queue, timeout=QUERY_S)
    try:
        await _checked(conn, tenant, queue, json.loads(written or "[]"))
    except ConfigError as error:
        return error.problems
    return []


async def _checked(conn: Any, tenant: TenantId, queue: QueueId, plan: object) -> Checked:
    """Raises ConfigError with every problem, and NotFound."""
    refuse_too_large(plan, where="plan")
    row = await conn.fetchrow(SQL["queue"], tenant, queue, timeout=QUERY_S)
    if row is None:
        raise NotFound(f"no queue {queue!r} on this desk")
    skills = await conn.fetch(SQL["skills"], tenant, timeout=QUERY_S)
    agents = await conn.fetch(SQL["agents"], tenant, timeout=QUERY_S)
    rules = [
        AgentRule(
            agent=AgentId(it["agent"]),
            skills={SkillId(skill): level for skill, level in zip(it["skills"], it["levels"], strict=True)},
            profile=it["profile"],
        )
        for it in agents
    ]
    known = Known(
        skills=frozenset(SkillId(it["skill"]) for it in skills),
        agents=frozenset(rule.agent for rule in rules),
        profiles=frozenset(rule.profile for rule in rules if rule.profile),
    )
    steps = steps_from_data(plan, where="plan", known=known)
    own = tuple(
        SkillLevel(skill=SkillId(skill), level=level) for skill, level in zip(row["skills"], row["levels"], strict=True)
    )
    # Each condition is tried on each agent: beside the calls, not before them.
    rule = QueueRule(queue=queue, skills=own, steps=steps)
    warnings = await asyncio.to_thread(nobody_for, rule, rules, where="plan")
    return Checked(steps=steps, warnings=tuple(warnings))


def _away(error: BaseException) -> Unavailable:
    return Unavailable(f"plans cannot be read or written: the database does not answer ({type(error).__name__})")
