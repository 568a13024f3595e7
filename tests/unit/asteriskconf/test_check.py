"""Judging an AMI user's rights."""

from __future__ import annotations

import pytest

from cti.asteriskconf.check import FORBIDDEN, NEEDED, judge_rights, rights_problems


def test_the_right_rights_are_no_problem() -> None:
    assert rights_problems({*NEEDED, "Getvar", "QueuePause", "WaitEvent"}) == ()


@pytest.mark.parametrize("action", sorted(FORBIDDEN))
def test_what_is_too_wide_is_named(action: str) -> None:
    assert judge_rights({*NEEDED, action}).too_wide == (action,)
    assert action in rights_problems({*NEEDED, action})[0]


@pytest.mark.parametrize("action", sorted(NEEDED))
def test_what_is_missing_is_named(action: str) -> None:
    assert judge_rights(NEEDED - {action}).missing == (action,)
    assert "write = call,reporting,agent" in rights_problems(NEEDED - {action})[0]


def test_nothing_is_both() -> None:
    assert not NEEDED & FORBIDDEN
