"""Stored decisions about a call as sentences, in Japanese or English. PURE."""

from __future__ import annotations

from routing.desk import DecisionRow
from routing.model import Reason
from routing.reasons import Names, catalogue, render


def explain(row: DecisionRow, language: str, names: Names) -> str:
    """What was decided, and why. A decision about an agent names them first."""
    why = render(Reason(row.slug, row.params), language, names)
    frame = catalogue(language).get(f"did_{row.kind}")
    if frame is None or row.agent is None:
        return why
    return frame.format(agent=names.agent(row.agent), why=why)
