"""Statements by name from a .sql file of this package: each begins with a line ``-- name: NAME``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources


def statements(file: str) -> Mapping[str, str]:
    """All of a file's statements."""
    text = resources.files("routing").joinpath(file).read_text(encoding="utf-8")
    found = re.findall(r"-- name: (\w+)\n(.*?)(?=\n-- name: |\Z)", text, re.DOTALL)
    return {name: body.strip() for name, body in found}
