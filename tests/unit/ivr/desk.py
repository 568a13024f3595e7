"""The example's menu, and a way to walk through a dialogue with a list of replies."""

from __future__ import annotations

import copy
import functools
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ivr.menus import Menu, parse_menu
from ivr.steps import CallerLeft, Dialogue, GetDigits, Outcome, Say, SetLanguage, Step


@functools.cache
def tenant() -> dict[str, Any]:
    root = Path(__file__).parents[3]
    found: dict[str, Any] = tomllib.loads((root / "examples/desk.toml").read_text())["tenants"]["demo"]
    return found


def document() -> dict[str, Any]:
    """A copy of the first menu's document, to be spoiled."""
    return copy.deepcopy(tenant()["menus"][0])


def queues() -> list[str]:
    return [queue["id"] for queue in tenant()["queues"]]


def skills() -> list[str]:
    return [skill["id"] for skill in tenant()["skills"]]


@functools.cache
def main_menu() -> Menu:
    return parse_menu(document(), queues=queues(), skills=skills())


HANG_UP = "hang up"


def walk(dialogue: Dialogue, replies: Sequence[str]) -> tuple[list[Step], Outcome]:
    """Answer each step that a caller can answer with the next reply; the rest hears silence.

    Returns the steps and the outcome. ``HANG_UP`` as a reply hangs up there.
    """
    left = list(replies)
    steps: list[Step] = []
    reply: str | None = None
    try:
        while True:
            step = next(dialogue) if reply is None else dialogue.send(reply)
            steps.append(step)
            reply = ""
            if isinstance(step, GetDigits) and left:
                reply = left.pop(0)
            if reply == HANG_UP:
                dialogue.throw(CallerLeft())
    except StopIteration as done:
        outcome: Outcome = done.value
    assert not left, f"never asked for {left}"
    return steps, outcome


def asked(steps: Sequence[Step]) -> list[str]:
    """The first prompt of everything that was said."""
    return [step.prompts[0] if step.prompts else "" for step in steps if isinstance(step, Say | GetDigits)]


def languages(steps: Sequence[Step]) -> list[str]:
    return [step.language for step in steps if isinstance(step, SetLanguage)]
