"""The oldest Asterisk we work with, pure."""

from __future__ import annotations

import re

from cti.ami.errors import AsteriskTooOld

# 22.10.1 closed 20 published security holes of its predecessor, some of them reachable from the trunk.
FLOOR = (22, 10, 1)

_VERSION = re.compile(r"(?:Asterisk )?(\d+)\.(\d+)\.(\d+)")


def parse(text: str) -> tuple[int, int, int] | None:
    """'22.10.1~dfsg+~cs6.15' → (22, 10, 1); None for what is no release (certified, git, empty)."""
    match = _VERSION.match(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def check(text: str) -> None:
    """Raises AsteriskTooOld, with a sentence for the operator, unless ``text`` is a release at the floor or above."""
    floor = ".".join(map(str, FLOOR))
    found = parse(text)
    if found is None:
        raise AsteriskTooOld(f"Asterisk says its version is {text!r}, no release we know: use {floor} or newer")
    if found < FLOOR:
        raise AsteriskTooOld(
            f"Asterisk {text} is older than {floor}, which closed security holes that a caller or a manager user "
            f"could use: upgrade Asterisk to {floor} or newer"
        )
