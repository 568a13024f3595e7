"""Supervision as the test wants it: plans are read and checked by routing's own code, the rest is remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cti.domain.callbacks import Callback, CallbackId, CallbackState
from cti.domain.errors import CallerError, NotFound
from cti.domain.model import AgentId, AgentState, CallId, PhoneState, QueueId, SkillId, SkillLevel, TenantId
from cti.web import actionports
from cti.web.actionports import DecisionFact, HopeFact, PlanFact, SkillsFact, StepFact, VersionFact, WaitFact
from routing.expression import to_data
from routing.model import AgentRule, QueueRule
from routing.plan import nobody_for, steps_from_data
from routing.reading import Known
from routing.reasons import in_words
from tests.e2e.pages.records import DEMO, call_id

Words = tuple[str, str]


@dataclass
class PlayedNames:
    """Names for the words of plans."""

    skills: Mapping[str, Words]
    agents: Mapping[AgentId, Any]
    language: int = 0

    def skill(self, skill: SkillId) -> str:
        return self.skills.get(skill, (skill, skill))[self.language]

    def agent(self, agent: AgentId) -> str:
        found = self.agents.get(agent)
        return found.name if found is not None else agent

    def clock(self, at: datetime) -> str:
        return at.isoformat()


@dataclass
class PlayedSupervision:
    """Implements cti.web.actionports.Supervision on one desk in memory."""

    desk: Any  # PlayedDesk
    skill_names: Mapping[str, Words]
    own: tuple[SkillLevel, ...] = (SkillLevel(skill=SkillId("roadside"), level=2),)  # of every queue
    gone: set[CallId] = field(default_factory=set)
    refusal: Exception | None = None
    done: list[tuple[str, ...]] = field(default_factory=list)  # what was asked for, in order
    own_priority: dict[CallId, int] = field(default_factory=dict)
    versions: dict[QueueId, list[VersionFact]] = field(default_factory=dict)  # newest first
    set_by: dict[AgentId, tuple[str, datetime]] = field(default_factory=dict)
    day: list[actionports.StateFact] = field(default_factory=list)  # of whoever asks

    def _check(self) -> None:
        if self.refusal is not None:
            raise self.refusal

    async def states_of(self, tenant: TenantId, agent: AgentId, since: datetime) -> Sequence[actionports.StateFact]:
        return self.day

    # --- Calls ---

    def waiting(self, tenant: TenantId, call_id: CallId) -> WaitFact | None:
        for queue in self.desk.queues:
            for place, call in enumerate(queue.waiting, 1):
                if call.call_id == call_id and call_id not in self.gone:
                    return self._fact(queue, place, call)
        return None

    def _fact(self, queue: Any, place: int, call: Any) -> WaitFact:
        people = [one for one in self.desk.agents.values() if one.state is not AgentState.OFFLINE]
        hopes = [
            HopeFact(
                agent=one.agent,
                name=one.name,
                state=one.state,
                phone=one.phone,
                why="talks"
                if one.phone is PhoneState.BUSY
                else "ready"
                if one.state is AgentState.AVAILABLE
                else "state",
            )
            for one in people
        ]
        return WaitFact(
            call_id=call.call_id,
            queue=queue.queue,
            where="offered" if call.offered_to else "waiting",
            since=call.since,
            position=place,
            priority=self.own_priority.get(call.call_id, 10),
            own_priority=self.own_priority.get(call.call_id),
            attempts=call.attempts,
            offered_to=call.offered_to,
            expected_s=95.0,
            step=2,
            steps=3,
            step_since=call.since + timedelta(seconds=20),
            want=("車両トラブル 2以上", "Roadside ≥ 2"),
            why="waits_busy",
            why_words=(
                f"車両トラブル 2以上の{len(hopes)}名は、通話中または後処理中です",
                f"all {len(hopes)} with Roadside ≥ 2 are on calls or in after-call work",
            ),
            fit=hopes[:50],
            fit_count=len(hopes),
        )

    def move(self, tenant: TenantId, call_id: CallId, queue: QueueId, *, by: str) -> WaitFact:
        self._check()
        self.done.append(("move", call_id, queue, by))
        fact = self.waiting(tenant, call_id)
        assert fact is not None
        return replace(fact, queue=queue)

    def prioritise(self, tenant: TenantId, call_id: CallId, priority: int | None, *, by: str) -> WaitFact:
        self._check()
        self.done.append(("priority", call_id, str(priority), by))
        if priority is None:
            self.own_priority.pop(call_id, None)
        else:
            self.own_priority[call_id] = priority
        fact = self.waiting(tenant, call_id)
        assert fact is not None
        return fact

    async def decisions(self, tenant: TenantId, call_id: CallId) -> Sequence[DecisionFact]:
        begin = datetime.now(UTC) - timedelta(minutes=3)
        words = (
            ("step", ("英語 3以上を求める。1 / 3番目のステップ", "asks for 英語 ≥ 3; step 1 of 3"), None, ""),
            ("offered", ("英語 3以上の2名のうち、待機が最も長い", "longest idle of 2 with 英語 ≥ 3"), "佐藤 花子", ""),
            (
                "step",
                ("車両トラブル 2以上を求める。2 / 3番目のステップ", "asks for Roadside ≥ 2; step 2 of 3"),
                None,
                "",
            ),
            ("priority", ("優先度を 50 に変更", "priority set to 50"), None, "tanaka"),
        )
        return [
            DecisionFact(
                at=begin + timedelta(seconds=20 * n), kind=kind, words=said, queue=QueueId("roadside"),
                agent=None, agent_name=name, result=None, by=by,
            )
            for n, (kind, said, name, by) in enumerate(words)
        ]  # fmt: skip

    # --- Agents ---

    def set_state(self, tenant: TenantId, agent: AgentId, state: AgentState, reason: str, *, by: str) -> None:
        self._check()
        self.done.append(("state", agent, state.value, reason, by))
        self.desk.site.set_state(state, reason or "chosen", agent)

    async def skills(self, tenant: TenantId) -> Sequence[tuple[SkillId, Words]]:
        return [(SkillId(skill), words) for skill, words in self.skill_names.items()]

    async def agent_skills(self, tenant: TenantId, agent: AgentId) -> SkillsFact:
        who, when = self.set_by.get(agent, (None, None))
        return SkillsFact(agent=agent, skills=self.desk.agents[agent].skills, set_by=who, set_at=when)

    async def set_skills(
        self, tenant: TenantId, agent: AgentId, skills: Mapping[SkillId, int], *, by: str
    ) -> SkillsFact:
        self._check()
        self.done.append(("skills", agent, str(dict(skills)), by))
        levels = tuple(SkillLevel(skill=skill, level=level) for skill, level in skills.items())
        self.desk.agents[agent] = replace(self.desk.agents[agent], skills=levels)
        self.set_by[agent] = (by, datetime.now(UTC))
        return await self.agent_skills(tenant, agent)

    # --- Plans ---

    def _checked(self, plan: Any) -> actionports.CheckFact:
        agents = list(self.desk.agents.values())
        known = Known(
            skills=frozenset(SkillId(skill) for skill in self.skill_names),
            agents=frozenset(one.agent for one in agents),
            profiles=frozenset({"night"}),
        )
        steps = steps_from_data(plan, where="plan", known=known)
        rules = [AgentRule(agent=one.agent, skills={it.skill: it.level for it in one.skills}) for one in agents]
        rule = QueueRule(queue=QueueId("any"), skills=self.own, steps=steps)
        said = []
        for step in steps:
            want = {"own": True} if step.want is None else to_data(step.want)
            ja, en = (
                in_words(want, language, PlayedNames(self.skill_names, self.desk.agents, n))
                for n, language in enumerate(("ja", "en"))
            )
            said.append(StepFact(want=(ja, en), expires_s=step.expires_s))
        return actionports.CheckFact(steps=said, warnings=nobody_for(rule, rules, where="plan"))

    async def plan(self, tenant: TenantId, queue: QueueId) -> PlanFact:
        if queue not in {one.queue for one in self.desk.queues}:
            raise NotFound("no such queue")
        versions = self.versions.get(queue, [])
        plan = versions[0].plan if versions else []
        return PlanFact(plan=plan, checked=self._checked(plan), versions=versions)

    async def check_plan(self, tenant: TenantId, queue: QueueId, plan: Any) -> actionports.CheckFact:
        self._check()
        return self._checked(plan)

    async def publish_plan(
        self, tenant: TenantId, queue: QueueId, plan: Any, *, by: str, note: str, after: int
    ) -> tuple[int, Sequence[str]]:
        self._check()
        return self._publish(queue, plan, by=by, note=note, after=after, reverts_to=None)

    async def revert_plan(
        self, tenant: TenantId, queue: QueueId, version: int, *, by: str, note: str, after: int
    ) -> tuple[int, Sequence[str]]:
        self._check()
        old = next(one for one in self.versions[queue] if one.version == version)
        return self._publish(queue, old.plan, by=by, note=note, after=after, reverts_to=version)

    def _publish(
        self, queue: QueueId, plan: Any, *, by: str, note: str, after: int, reverts_to: int | None
    ) -> tuple[int, Sequence[str]]:
        before = self.versions.get(queue, [])
        newest = before[0].version if before else 0
        if newest != after:
            raise CallerError(f"version {newest} was published meanwhile")
        warnings = self._checked(plan).warnings
        made = VersionFact(
            version=newest + 1, plan=plan, published_at=datetime.now(UTC), published_by=by, note=note,
            reverts_to=reverts_to,
        )  # fmt: skip
        self.versions[queue] = [made, *before]
        self.done.append(("publish", queue, str(newest + 1), by))
        return newest + 1, warnings


class PlayedCallbacks:
    """Callbacks in memory. Implements cti.web.ports.Callbacks."""

    def __init__(self) -> None:
        self.rows: dict[CallbackId, Callback] = {}

    def add(self, n: int, queued_at: datetime, **about: Any) -> Callback:
        made = Callback(
            callback_id=CallbackId(f"{n:032x}"),
            tenant=DEMO,
            queue=QueueId("members"),
            origin=call_id(700 + n),
            number=f"+8190111122{n:02d}",
            number_called="+81501234500",
            language="ja",
            queued_at=queued_at,
            asked_at=queued_at + timedelta(seconds=40),
        )
        self.rows[made.callback_id] = replace(made, **about)
        return self.rows[made.callback_id]

    def open(self, tenant: TenantId) -> Sequence[Callback]:
        return list(self.rows.values())

    async def newest(self, tenant: TenantId, limit: int) -> Sequence[Callback]:
        return list(self.rows.values())[:limit]

    async def cancel(self, tenant: TenantId, callback_id: CallbackId) -> Callback:
        found = self.rows.get(callback_id)
        if found is None:
            raise NotFound("no such callback is open")
        if found.state is CallbackState.CALLING:
            raise CallerError("this person is being called now")
        del self.rows[callback_id]
        return replace(found, state=CallbackState.CANCELLED)
