"""What supervisors act on, joined: the routing service for what is live, PostgreSQL for plans, skills and decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

import asyncpg

from cti.domain.errors import ConfigError, Unavailable
from cti.domain.model import AgentId, AgentState, CallId, QueueId, SkillId, SkillLevel, TenantId
from cti.web.actionports import (
    CheckFact,
    DecisionFact,
    HopeFact,
    PlanFact,
    SkillsFact,
    StateFact,
    StepFact,
    VersionFact,
    WaitFact,
    Words,
)
from cti.wiring.directory import DeskDirectory
from cti.wiring.routing import RoutingDesk
from routing.explain import explain
from routing.expression import to_data
from routing.model import Step
from routing.plans import Checked, PlanStore, PlanVersion
from routing.reasons import in_words, render
from routing.skills import SkillsOf, SkillStore
from routing.store import RoutingStore
from routing.why import Why


class StoredSupervision:
    """Implements cti.web.actionports.Supervision."""

    def __init__(self, router: RoutingDesk, directory: DeskDirectory, pool: asyncpg.Pool[Any]) -> None:
        self._router = router
        self._directory = directory
        self._plans = PlanStore(pool)
        self._skills = SkillStore(pool)
        self._decisions = RoutingStore(pool)  # to read: the service's own writes

    # --- Live ---

    def waiting(self, tenant: TenantId, call_id: CallId) -> WaitFact | None:
        """See the port."""
        why = self._router.supervisors.why(tenant, call_id)
        return None if why is None else self._wait(tenant, why)

    def move(self, tenant: TenantId, call_id: CallId, queue: QueueId, *, by: str) -> WaitFact:
        """See the port."""
        return self._wait(tenant, self._router.supervisors.move(tenant, call_id, queue, by=by))

    def prioritise(self, tenant: TenantId, call_id: CallId, priority: int | None, *, by: str) -> WaitFact:
        """See the port."""
        return self._wait(tenant, self._router.supervisors.prioritise(tenant, call_id, priority, by=by))

    def set_state(self, tenant: TenantId, agent: AgentId, state: AgentState, reason: str, *, by: str) -> None:
        """See the port."""
        self._router.set_state(tenant, agent, state, reason, by=by)

    def _wait(self, tenant: TenantId, why: Why) -> WaitFact:
        return WaitFact(
            call_id=why.call_id,
            queue=why.queue,
            where=why.where,
            since=why.since,
            position=why.position,
            priority=why.priority,
            own_priority=why.own_priority,
            attempts=why.attempts,
            offered_to=why.offered_to,
            expected_s=why.expected_s,
            step=why.step,
            steps=why.steps,
            step_since=why.step_since,
            want=self._directory.both(tenant, partial(in_words, why.want)),
            why=why.reason.slug,
            why_words=self._directory.both(tenant, partial(render, why.reason)),
            fit=[
                HopeFact(
                    agent=hope.agent,
                    name=self._directory.person(tenant, hope.agent),
                    state=hope.state,
                    phone=hope.phone,
                    why=hope.why,
                )
                for hope in why.fit
            ],
            fit_count=why.fit_count,
        )

    # --- Skills ---

    async def skills(self, tenant: TenantId) -> Sequence[tuple[SkillId, Words]]:
        """See the port."""
        return list((await self._skills.names(tenant)).items())

    async def agent_skills(self, tenant: TenantId, agent: AgentId) -> SkillsFact:
        """See the port."""
        return _skills(await self._skills.of(tenant, agent))

    async def set_skills(
        self, tenant: TenantId, agent: AgentId, skills: Mapping[SkillId, int], *, by: str
    ) -> SkillsFact:
        """See the port."""
        found = await self._skills.put(tenant, agent, skills, by=by)
        await self._in_force()
        return _skills(found)

    # --- Plans ---

    async def plan(self, tenant: TenantId, queue: QueueId) -> PlanFact:
        """See the port. A plan in force that names what is gone since has its mistakes as warnings, and no steps."""
        written = await self._plans.in_force(tenant, queue)
        try:
            checked = await self.check_plan(tenant, queue, written)
        except ConfigError as error:
            checked = CheckFact(steps=(), warnings=error.problems)
        versions = await self._plans.plans(tenant, queue)
        return PlanFact(plan=written, checked=checked, versions=[_version(one) for one in versions])

    async def check_plan(self, tenant: TenantId, queue: QueueId, plan: Any) -> CheckFact:
        """See the port."""
        checked: Checked = await self._plans.check_plan(tenant, queue, plan)
        return CheckFact(steps=[self._step(tenant, step) for step in checked.steps], warnings=checked.warnings)

    async def publish_plan(
        self, tenant: TenantId, queue: QueueId, plan: Any, *, by: str, note: str, after: int
    ) -> tuple[int, Sequence[str]]:
        """See the port."""
        done = await self._plans.publish_plan(tenant, queue, plan, by=by, note=note, after=after)
        await self._in_force()
        return done.version, done.warnings

    async def revert_plan(
        self, tenant: TenantId, queue: QueueId, version: int, *, by: str, note: str, after: int
    ) -> tuple[int, Sequence[str]]:
        """See the port."""
        done = await self._plans.revert_plan(tenant, queue, version, by=by, note=note, after=after)
        await self._in_force()
        return done.version, done.warnings

    def _step(self, tenant: TenantId, step: Step) -> StepFact:
        want = {"own": True} if step.want is None else to_data(step.want)
        return StepFact(want=self._directory.both(tenant, partial(in_words, want)), expires_s=step.expires_s)

    async def _in_force(self) -> None:
        """Whoever asked sees it on the next page. Should it fail, the desk's notice brings it a little later."""
        with suppress(Unavailable):
            await self._router.reload()

    async def states_of(self, tenant: TenantId, agent: AgentId, since: datetime) -> Sequence[StateFact]:
        """See the port."""
        return [
            StateFact(state=row.state, reason=row.reason, since=row.since)
            for row in await self._decisions.states_of(tenant, agent, since)
        ]

    # --- Why ---

    async def decisions(self, tenant: TenantId, call_id: CallId) -> Sequence[DecisionFact]:
        """See the port."""
        return [
            DecisionFact(
                at=row.at,
                kind=row.kind,
                words=self._directory.both(tenant, partial(explain, row)),
                queue=row.queue,
                agent=row.agent,
                agent_name=None if row.agent is None else self._directory.person(tenant, row.agent),
                result=row.result,
                by=row.by,
            )
            for row in await self._decisions.decisions_of(tenant, call_id)
        ]


def _skills(found: SkillsOf) -> SkillsFact:
    levels = [SkillLevel(skill=skill, level=found.skills[skill]) for skill in sorted(found.skills)]
    return SkillsFact(agent=found.agent, skills=levels, set_by=found.set_by, set_at=found.set_at)


def _version(one: PlanVersion) -> VersionFact:
    return VersionFact(
        version=one.version,
        plan=one.plan,
        published_at=one.published_at,
        published_by=one.published_by,
        note=one.note,
        reverts_to=one.reverts_to,
    )
