"""The demo's desk with phones in the browser."""

from __future__ import annotations

import tomllib

import pytest

from cti.demo.browser import with_browser_phones
from cti.demo.client import DemoFailed
from cti.demo.stack import DESK_FILE

DESK = DESK_FILE.read_text(encoding="utf-8")


def phones(desk: str) -> dict[str, str]:
    return {agent["id"]: agent.get("phone", "sip") for agent in tomllib.loads(desk)["tenants"]["demo"]["agents"]}


def test_only_the_agents_asked_for_speak_in_the_browser() -> None:
    assert phones(with_browser_phones(DESK, ["sato", "smith"])) == {
        **phones(DESK),
        "sato": "browser",
        "smith": "browser",
    }


def test_nobody_asked_for_changes_nothing() -> None:
    assert with_browser_phones(DESK, []) == DESK


def test_an_unknown_agent_is_named_with_those_there_are() -> None:
    with pytest.raises(DemoFailed, match=r"no agent 'tanaka'; its agents are sato, suzuki, smith"):
        with_browser_phones(DESK, ["tanaka"])
