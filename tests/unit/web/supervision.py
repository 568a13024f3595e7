"""What supervisors act on, for tests of the HTTP side: a real engine behind it, plans and skills in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from cti.domain.errors import CallerError, ConfigError, NotFound
from cti.domain.model import (
    AgentId,
    AgentState,
    CallId,
    OfferId,
    PhoneState,
    QueueId,
    SkillId,
    SkillLevel,
    TenantId,
)
from cti.web import actionports as a
from routing import model as m
from routing.engine import Engine
from routing.reasons import Ids, in_words, render
from routing.why import why_waiting

DEMO = TenantId("demo")
MEMBERS, ENGLISH, NIGHT = QueueId("members"), QueueId("english"), QueueId("night")
SATO = AgentId("sato")
RULES = m.DeskRules(
    queues=(
        m.QueueRule(queue=MEMBERS),
        m.QueueRule(queue=ENGLISH, skills=(SkillLevel(skill=SkillId("en"), level=3),)),
        m.QueueRule(queue=NIGHT, active=False),
    ),
    agents=(m.AgentRule(agent=SATO, skills={SkillId("en"): 5}),),
)


@dataclass
class FakeSupervision:
    """Implements cti.web.actionports.Supervision for the tenant ``demo``."""

    now: datetime
    states: list[tuple[AgentId, AgentState, str, str]] = field(default_factory=list)
    versions: list[a.VersionFact] = field(default_factory=list)
    decided: list[a.DecisionFact] = field(default_factory=list)
    refusal: Exception | None = None  # of a state
    day: list[a.StateFact] = field(default_factory=list)  # of SATO
    asked_since: datetime | None = None

    def __post_init__(self) -> None:
        numbers = count(1)
        self.engine = Engine(lambda: OfferId(f"{next(numbers):032x}"))
        self.tell(m.DeskLoaded(rules=RULES))
        self.tell(m.PhoneIs(agent=SATO, phone=PhoneState.IDLE))
        self.state(AgentState.BREAK)

    def tell(self, told: m.Told) -> list[m.Decision]:
        return self.engine.advance(told, self.now)

    def state(self, state: AgentState) -> None:
        self.tell(m.AgentChooses(agent=SATO, state=state, reason="x"))

    def wait(self, call_id: CallId) -> None:
        self.tell(m.CallWaits(call_id=call_id, queue=MEMBERS, queued_at=self.now))

    def waiting(self, tenant: TenantId, call_id: CallId) -> a.WaitFact | None:
        call = self.engine.call(call_id) if tenant == DEMO else None
        if call is None:
            return None
        why = why_waiting(self.engine, call, self.now)
        shared = ("call_id", "queue", "where", "since", "position", "priority", "own_priority", "attempts")
        more = ("offered_to", "expected_s", "step", "steps", "step_since", "fit_count")
        return a.WaitFact(
            **{name: getattr(why, name) for name in shared + more},
            want=(in_words(why.want, "ja", Ids()), in_words(why.want, "en", Ids())),
            why=why.reason.slug,
            why_words=(render(why.reason, "ja", Ids()), render(why.reason, "en", Ids())),
            fit=[
                a.HopeFact(agent=it.agent, name="佐藤 花子", state=it.state, phone=it.phone, why=it.why)
                for it in why.fit
            ],
        )

    def _after(self, tenant: TenantId, call_id: CallId) -> a.WaitFact:
        fact = self.waiting(tenant, call_id)
        assert fact is not None
        return fact

    def move(self, tenant: TenantId, call_id: CallId, queue: QueueId, *, by: str) -> a.WaitFact:
        self.tell(m.MoveCall(call_id=call_id, to=queue, by=by))
        return self._after(tenant, call_id)

    def prioritise(self, tenant: TenantId, call_id: CallId, priority: int | None, *, by: str) -> a.WaitFact:
        self.tell(m.SetPriority(call_id=call_id, priority=priority, by=by))
        return self._after(tenant, call_id)

    def set_state(self, tenant: TenantId, agent: AgentId, state: AgentState, reason: str, *, by: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.states.append((agent, state, reason, by))

    async def skills(self, tenant: TenantId) -> Sequence[tuple[SkillId, a.Words]]:
        return [(SkillId("en"), ("英語", "English"))]

    async def agent_skills(self, tenant: TenantId, agent: AgentId) -> a.SkillsFact:
        if (tenant, agent) != (DEMO, SATO):
            raise NotFound(f"no agent {agent!r} on this desk")
        return a.SkillsFact(agent=agent, skills=[SkillLevel(skill=SkillId("en"), level=5)], set_by=None, set_at=None)

    async def set_skills(
        self, tenant: TenantId, agent: AgentId, skills: Mapping[SkillId, int], *, by: str
    ) -> a.SkillsFact:
        await self.agent_skills(tenant, agent)
        if wrong := [skill for skill in skills if skill != "en"]:
            raise ConfigError([f"skills: there is no skill {skill!r}; there is: en" for skill in wrong])
        levels = [SkillLevel(skill=skill, level=level) for skill, level in skills.items()]
        return a.SkillsFact(agent=agent, skills=levels, set_by=by, set_at=self.now)

    def _queue(self, tenant: TenantId, queue: QueueId) -> None:
        if (tenant, queue) != (DEMO, MEMBERS):
            raise NotFound(f"no queue {queue!r} on this desk")

    async def plan(self, tenant: TenantId, queue: QueueId) -> a.PlanFact:
        self._queue(tenant, queue)
        newest = self.versions[0].plan if self.versions else []
        return a.PlanFact(plan=newest, checked=await self.check_plan(tenant, queue, newest), versions=self.versions)

    async def check_plan(self, tenant: TenantId, queue: QueueId, plan: Any) -> a.CheckFact:
        self._queue(tenant, queue)
        if "golf" in str(plan):
            raise ConfigError(["plan[0].want: there is no skill 'golf'; there is: en"])
        return a.CheckFact(
            steps=[a.StepFact(want=("英語 ≥ 3", "English ≥ 3"), expires_s=20.0)] * len(plan), warnings=["w"]
        )

    async def publish_plan(
        self, tenant: TenantId, queue: QueueId, plan: Any, *, by: str, note: str, after: int
    ) -> tuple[int, Sequence[str]]:
        checked = await self.check_plan(tenant, queue, plan)
        return self._publish(plan, by, note, after, None), checked.warnings

    async def revert_plan(
        self, tenant: TenantId, queue: QueueId, version: int, *, by: str, note: str, after: int
    ) -> tuple[int, Sequence[str]]:
        self._queue(tenant, queue)
        old = next((it for it in self.versions if it.version == version), None)
        if old is None:
            raise NotFound(f"queue {queue!r} has no version {version} of its plan")
        return self._publish(old.plan, by, note, after, version), ()

    def _publish(self, plan: Any, by: str, note: str, after: int, reverts_to: int | None) -> int:
        if after != len(self.versions):
            raise CallerError(f"version {len(self.versions)} of the plan was published meanwhile; look at it first")
        one = a.VersionFact(
            version=after + 1, plan=plan, published_at=self.now, published_by=by, note=note, reverts_to=reverts_to
        )
        self.versions.insert(0, one)
        return one.version

    async def states_of(self, tenant: TenantId, agent: AgentId, since: datetime) -> Sequence[a.StateFact]:
        self.asked_since = since
        return self.day if (tenant, agent) == (DEMO, SATO) else []

    async def decisions(self, tenant: TenantId, call_id: CallId) -> Sequence[a.DecisionFact]:
        return self.decided if tenant == DEMO and self.engine.call(call_id) is not None else []
