"""What one `config apply` did, for the revision's row and for the person who typed it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True)
class Summary:
    """What `config apply` changed: per table the ids added, changed and switched off, and what it left alone."""

    revision: int = 0
    added: dict[str, list[str]] = field(default_factory=dict)
    changed: dict[str, list[str]] = field(default_factory=dict)
    removed: dict[str, list[str]] = field(default_factory=dict)
    kept: dict[str, list[str]] = field(default_factory=dict)  # differs, because a supervisor said so since

    def note(self, what: dict[str, list[str]], table: str, name: str) -> None:
        """Remember one row."""
        what.setdefault(table, []).append(name)

    def as_json(self) -> dict[str, Any]:
        """For the revision's row and the command's output."""
        return {"added": self.added, "changed": self.changed, "removed": self.removed, "kept": self.kept}
