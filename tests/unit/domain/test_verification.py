"""Verification by steps: what passes, what fails, and whose marks count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.model import AgentId, QueueId, UserLogin
from cti.domain.verification import (
    Choice,
    Person,
    StepMark,
    StepResult,
    VerificationPolicy,
    VerificationState,
    VerificationStep,
    judge,
    marks_that_count,
    policy_for,
)

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
SATO = Person(login=UserLogin("sato"), agent=AgentId("sato"), name="佐藤 花子")
RESULTS = {"+": StepResult.PASSED, "-": StepResult.FAILED, ".": StepResult.SKIPPED, "o": StepResult.OPEN}


def policy(steps: int = 3, needed: int = 2, failures_most: int = 0, queues: tuple[str, ...] = ()) -> VerificationPolicy:
    return VerificationPolicy(
        policy="p",
        queues=frozenset(QueueId(one) for one in queues),
        steps=tuple(VerificationStep(step=f"s{n}", name_ja="問", name_en="Q") for n in range(steps)),
        needed=needed,
        failures_most=failures_most,
    )


def mark(n: int, result: StepResult, *, member: str = "A", after_s: float = 0) -> StepMark:
    return StepMark(step=f"s{n}", result=result, member_id=member, by=SATO, at=NOW + timedelta(seconds=after_s))


def marks(said: str) -> list[StepMark]:
    return [mark(n, RESULTS[one], after_s=n) for n, one in enumerate(said)]


@pytest.mark.parametrize(
    ("rules", "said", "state"),
    [
        (policy(), "", "unverified"),
        (policy(), "+", "unverified"),
        (policy(), "++", "verified"),
        (policy(), "+.+", "verified"),
        (policy(), "+..", "unverified"),  # too few were asked: another may be taken back and asked
        (policy(), "-", "failed"),
        (policy(), "++-", "failed"),  # lucky guesses do not outweigh a wrong answer
        (policy(failures_most=1), "-+", "unverified"),
        (policy(failures_most=1), "-++", "verified"),
        (policy(failures_most=1), "--", "failed"),
        (policy(steps=2, failures_most=1), "-", "failed"),  # one is left and two are needed
        (policy(steps=1, needed=1), "+", "verified"),
    ],
)
def test_where_marks_lead(rules: VerificationPolicy, said: str, state: str) -> None:
    assert judge(rules, marks(said)).state == state


def test_the_verdict_names_the_mark_that_led_there() -> None:
    said = marks("+.+")
    assert judge(policy(), said).mark == said[2]
    assert judge(policy(), said[:2]).mark is None


def test_the_latest_mark_of_a_step_counts_and_can_be_taken_back() -> None:
    said = [mark(0, StepResult.FAILED), mark(0, StepResult.PASSED, after_s=1), mark(1, StepResult.OPEN, after_s=2)]
    assert marks_that_count(said, "A", None, policy()) == [said[1]]


def test_marks_from_before_a_choice_count_no_more() -> None:
    chosen = Choice(member_id="A", by=SATO, at=NOW + timedelta(seconds=5))
    said = [mark(0, StepResult.PASSED), mark(1, StepResult.PASSED, after_s=6)]
    assert marks_that_count(said, "A", chosen, policy()) == [said[1]]


def test_a_queue_has_its_own_policy_or_the_one_that_names_none() -> None:
    own, general = policy(queues=("members",)), policy(needed=1)
    assert policy_for([general, own], QueueId("members")) is own
    assert policy_for([own, general], QueueId("night")) is general
    assert policy_for([own], QueueId("night")) is None
    assert policy_for([own, general], None) is general


SAID = st.lists(
    st.builds(
        mark,
        st.integers(0, 4),
        st.sampled_from(StepResult),
        member=st.sampled_from("AB"),
        after_s=st.floats(0, 10),
    ),
    max_size=12,
)


@given(SAID, st.integers(1, 4), st.integers(0, 3))
def test_nobody_is_verified_by_what_was_said_of_another(said: list[StepMark], needed: int, failures: int) -> None:
    rules = policy(steps=4, needed=needed, failures_most=failures)
    for member in ("A", "B"):
        counted = marks_that_count(said, member, None, rules)
        mine = marks_that_count([one for one in said if one.member_id == member], member, None, rules)
        assert counted == mine
        assert len({one.step for one in counted}) == len(counted)
        if judge(rules, counted).state is VerificationState.VERIFIED:
            assert sum(one.result is StepResult.PASSED for one in counted) >= needed
            assert sum(one.result is StepResult.FAILED for one in counted) <= failures
    assert marks_that_count(said, None, None, rules) == []
