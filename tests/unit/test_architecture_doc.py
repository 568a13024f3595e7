"""docs/architecture.md names what there is: a newcomer finds every package and module of the top in it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
PACKAGES = ("routing", "ivr", "recording")


def parts() -> set[str]:
    """Packages, and the modules that stand beside them."""
    beside = {f"cti/{path.name}" for path in (ROOT / "cti").glob("*.py") if path.name != "__init__.py"}
    return {*PACKAGES, *(f"cti/{path.parent.name}" for path in (ROOT / "cti").glob("*/__init__.py")), *beside}


def test_every_package_and_every_module_of_the_top_is_told() -> None:
    assert len(parts()) > 25
    assert [part for part in sorted(parts()) if f"`{part}`" not in DOC] == []


def test_what_is_told_is_there() -> None:
    told = set(re.findall(r"`((?:cti|routing|ivr|recording|frontend)/[\w./]+)`", DOC))
    assert len(told) > 40
    assert [path for path in sorted(told) if not (ROOT / path).exists()] == []
