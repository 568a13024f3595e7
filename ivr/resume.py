"""What the caller has answered so far, kept by Asterisk in a channel variable. Pure.

A server that dies in a menu is asked again by the dialplan. The new one reads the answers and feeds them to the same
dialogue, which then stands where the caller was: nobody is asked twice. The variable is emptied at the end.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ivr.menus import Menu
from ivr.steps import SetLanguage, Step

VARIABLE = "CTI_KEYS"
# Far more than any caller presses in one menu; well below what one AGI command may carry.
MAX_CHARACTERS = 1000

_FORM = re.compile(r"(?P<menu>[0-9a-f]{12}):(?P<answers>[0-9*#,]*)")


def fingerprint(menu: Menu) -> str:
    """Changes with every change of the menu: answers to another menu's questions are worth nothing."""
    return hashlib.sha256(menu.model_dump_json().encode()).hexdigest()[:12]


def written(menu: Menu, answers: Sequence[str]) -> str:
    """The variable's value; "" when there is nothing to keep or too much of it."""
    value = f"{fingerprint(menu)}:{','.join(answers)}"
    return value if answers and len(value) <= MAX_CHARACTERS else ""


def read(menu: Menu, value: str) -> list[str]:
    """The answers, one for each step so far; none when the value is not one of this menu."""
    found = _FORM.fullmatch(value)
    if found is None or len(value) > MAX_CHARACTERS or found["menu"] != fingerprint(menu):
        return []
    return found["answers"].split(",")


@dataclass(kw_only=True)
class Answers:
    """The answers of one dialogue, old and new. Owned by one connection."""

    menu: Menu
    given: list[str] = field(default_factory=list)  # to the server before, not fed to the dialogue yet
    so_far: list[str] = field(default_factory=list)
    unsaved: str = ""  # what Asterisk is to keep now; "" when it has it

    def replay(self, step: Step) -> str | None:
        """The answer to this step from before, or None: ask the caller."""
        if isinstance(step, SetLanguage) or not self.given:
            return None
        self.so_far.append(self.given.pop(0))
        return self.so_far[-1]

    def note(self, step: Step, keys: str) -> None:
        """The caller answered. Silence alone is not worth a message: it is kept with the next key."""
        if isinstance(step, SetLanguage):
            return
        self.so_far.append(keys)
        if keys:
            self.unsaved = written(self.menu, self.so_far)

    def take_unsaved(self) -> str:
        """What is to be kept now, once."""
        value, self.unsaved = self.unsaved, ""
        return value
