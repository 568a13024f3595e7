"""Who a caller turned out to be, as their agent says: which member it is, and what they could tell. PURE.

A desk declares policies: which steps (date of birth, plate …) and how many must pass, for which queues. Agents mark
steps; what a caller answered is kept nowhere. Marks hold for the member who was linked when they were made: whoever
is linked later has shown nothing yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cti.domain.errors import CallerError
from cti.domain.model import AgentId, QueueId, UserLogin


class StepResult(StrEnum):
    """What a step showed."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"  # not asked, or the caller does not know
    OPEN = "open"  # marked by mistake: as if it had not been


class VerificationState(StrEnum):
    """How far a caller is verified."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    FAILED = "failed"  # the policy cannot be met any more


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationStep:
    """One thing to ask."""

    step: str  # slug; a question of the look-up with the same code holds the answer
    name_ja: str
    name_en: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VerificationPolicy:
    """What verifies the callers of some queues."""

    policy: str  # slug
    queues: frozenset[QueueId]  # empty: every queue that no other policy names, and calls without one
    steps: tuple[VerificationStep, ...]
    needed: int  # as many must pass
    failures_most: int  # one more wrong answer than this, and the caller has failed


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who says so."""

    login: UserLogin
    agent: AgentId
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Which of several members is calling, as a person decided."""

    member_id: str
    by: Person
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class StepMark:
    """What a step showed, said of one member."""

    step: str
    result: StepResult
    member_id: str
    by: Person
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What agents said of a call's caller."""

    choice: Choice | None = None
    marks: tuple[StepMark, ...] = ()  # oldest first


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """Whose earlier calls are meant: a member's, or, when nobody is linked, a number's."""

    member_id: str | None
    number: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Where the marks have led."""

    state: VerificationState
    mark: StepMark | None  # the one that led there; none while nothing is decided


class NotSaid(CallerError):
    """What an agent says of a caller cannot be taken. ``key`` is a slug for the page's catalogue."""

    def __init__(self, key: str, sentence: str) -> None:
        super().__init__(sentence)
        self.key = key


def policy_for(policies: Iterable[VerificationPolicy], queue: QueueId | None) -> VerificationPolicy | None:
    """The policy that names the queue, else the one that names none."""
    general = None
    for one in policies:
        if queue is not None and queue in one.queues:
            return one
        if not one.queues:
            general = one
    return general


def marks_that_count(
    marks: Iterable[StepMark], member_id: str | None, choice: Choice | None, policy: VerificationPolicy
) -> list[StepMark]:
    """Those of the policy's steps that were made of this member since they were chosen, the latest of each step."""
    steps = {step.step for step in policy.steps}
    latest: dict[str, StepMark] = {}
    for mark in marks:
        if mark.step not in steps or mark.member_id != member_id or (choice is not None and mark.at <= choice.at):
            continue
        latest.pop(mark.step, None)
        latest[mark.step] = mark
    return [mark for mark in latest.values() if mark.result is not StepResult.OPEN]


def judge(policy: VerificationPolicy, marks: Sequence[StepMark]) -> Verdict:
    """Where ``marks`` lead, oldest first, each step once."""
    verdict = Verdict(state=VerificationState.UNVERIFIED, mark=None)
    for count, mark in enumerate(marks, start=1):
        state = _state(policy, marks[:count])
        if state is not verdict.state:
            verdict = Verdict(state=state, mark=None if state is VerificationState.UNVERIFIED else mark)
    return verdict


def _state(policy: VerificationPolicy, marks: Sequence[StepMark]) -> VerificationState:
    passed = sum(mark.result is StepResult.PASSED for mark in marks)
    failed = sum(mark.result is StepResult.FAILED for mark in marks)
    if failed > policy.failures_most:
        return VerificationState.FAILED
    if passed >= policy.needed:
        return VerificationState.VERIFIED
    if len(policy.steps) - failed < policy.needed:
        return VerificationState.FAILED
    return VerificationState.UNVERIFIED
