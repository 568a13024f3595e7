"""Waiting calls, plans and decisions as bodies. PURE."""

from __future__ import annotations

from collections.abc import Sequence

from cti.domain.model import CallId, TenantId
from cti.web import ports
from cti.web.actionbodies import (
    AgentHope,
    CallDecisions,
    DecisionBody,
    PlanStepBody,
    PlanVersionBody,
    QueuePlan,
    WaitingWhy,
)
from cti.web.actionports import DecisionFact, HopeFact, PlanFact, StepFact, VersionFact, WaitFact
from cti.web.agentview import named_queue
from cti.web.parts import Named


def waiting_body(tenant: TenantId, fact: WaitFact, names: ports.Names) -> WaitingWhy:
    """A call that waits."""
    return WaitingWhy.model_validate(
        {
            "call_id": fact.call_id,
            "queue": named_queue(tenant, fact.queue, names),
            "where": fact.where,
            "since": fact.since,
            "position": fact.position,
            "priority": fact.priority,
            "own_priority": fact.own_priority,
            "attempts": fact.attempts,
            "offered_to": fact.offered_to,
            "expected_s": fact.expected_s,
            "step": fact.step,
            "steps": fact.steps,
            "step_since": fact.step_since,
            "want_ja": fact.want[0],
            "want_en": fact.want[1],
            "why": fact.why,
            "why_ja": fact.why_words[0],
            "why_en": fact.why_words[1],
            "fit": [_hope(one) for one in fact.fit],
            "fit_count": fact.fit_count,
        }
    )


def _hope(one: HopeFact) -> AgentHope:
    return AgentHope.model_validate(
        {"agent": one.agent, "name": one.name, "state": one.state, "phone": one.phone, "why": one.why}
    )


def step_bodies(steps: Sequence[StepFact]) -> list[PlanStepBody]:
    """A plan's steps in words."""
    return [PlanStepBody(want_ja=one.want[0], want_en=one.want[1], expires_s=one.expires_s) for one in steps]


def _version(one: VersionFact) -> PlanVersionBody:
    return PlanVersionBody(
        version=one.version,
        plan=one.plan,
        published_at=one.published_at,
        published_by=one.published_by,
        note=one.note,
        reverts_to=one.reverts_to,
    )


def plan_body(queue: Named, fact: PlanFact) -> QueuePlan:
    """A queue's plan and its versions."""
    return QueuePlan(
        queue=queue,
        plan=fact.plan,
        steps=step_bodies(fact.checked.steps),
        warnings=list(fact.checked.warnings),
        version=fact.versions[0].version if fact.versions else 0,
        versions=[_version(one) for one in fact.versions],
    )


def decisions_body(call_id: CallId, found: Sequence[DecisionFact], waiting: WaitingWhy | None) -> CallDecisions:
    """Everything that was decided about a call."""
    return CallDecisions(
        call_id=call_id,
        decisions=[
            DecisionBody(
                at=one.at,
                kind=one.kind,
                words_ja=one.words[0],
                words_en=one.words[1],
                queue=one.queue,
                agent=one.agent,
                agent_name=one.agent_name,
                result=one.result,
                by=one.by,
            )
            for one in found
        ],
        waiting=waiting,
    )
