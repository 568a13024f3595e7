"""Which members of Asterisk's own queues need which pause state."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.ami import membership
from cti.domain.model import AgentState


def member(interface: str, queue: str, paused: str) -> dict[str, str]:
    """As Asterisk 22.10.1 answers QueueStatus."""
    return {"Event": "QueueMember", "Queue": queue, "Location": interface, "Paused": paused, "Status": "1"}


def test_only_who_chose_to_take_calls_is_rung() -> None:
    assert [state for state in AgentState if not membership.is_paused(state)] == [AgentState.AVAILABLE]


def test_members_are_read_over_all_their_queues() -> None:
    items = [
        {"Event": "QueueParams", "Queue": "demo-members"},
        member("PJSIP/demo-sato", "demo-members", "0"),
        member("PJSIP/demo-sato", "demo-roadside", "1"),
        member("PJSIP/demo-smith", "demo-members", "1"),
        member("PJSIP/demo-strange", "demo-members", "maybe"),
        member("", "demo-members", "1"),
        {"Event": "QueueEntry", "Queue": "demo-members", "Position": "1"},
    ]
    assert membership.read(items) == {
        "PJSIP/demo-sato": frozenset({False, True}),
        "PJSIP/demo-smith": frozenset({True}),
    }


@pytest.mark.parametrize(
    ("wanted", "members", "needed"),
    [
        ({"a": True}, {"a": {False}}, {"a": True}),
        ({"a": False}, {"a": {True}}, {"a": False}),
        ({"a": True}, {"a": {True}}, {}),
        ({"a": False}, {"a": {False, True}}, {"a": False}),  # a new queue, a new member
        ({}, {"a": {False}}, {"a": True}),  # has left the desk
        ({}, {"a": {True}}, {}),
        ({"a": True}, {}, {}),  # in none of Asterisk's queues
    ],
)
def test_what_differs(wanted: dict[str, bool], members: dict[str, set[bool]], needed: dict[str, bool]) -> None:
    assert membership.differences(wanted, {name: frozenset(flags) for name, flags in members.items()}) == needed


NAMES = st.sampled_from("abcdef")


@given(
    st.dictionaries(NAMES, st.booleans()),
    st.dictionaries(NAMES, st.frozensets(st.booleans(), min_size=1)),
)
def test_after_the_changes_nothing_differs(wanted: dict[str, bool], members: dict[str, frozenset[bool]]) -> None:
    changes = membership.differences(wanted, members)
    after = {name: frozenset({changes[name]}) if name in changes else flags for name, flags in members.items()}
    assert membership.differences(wanted, after) == {}
