"""Which states an agent may choose. PURE but for the refusal it raises."""

from __future__ import annotations

from cti.domain.model import AgentState
from cti.web.problems import Refused
from cti.web.texts import BREAK_REASONS


def check_state(state: str, reason: str) -> tuple[AgentState, str]:
    """The state and reason to set. Raises Refused: a break needs a reason of ours, other states have none."""
    chosen = AgentState(state)
    if chosen is AgentState.BREAK and reason not in BREAK_REASONS:
        raise Refused(400, "state_refused", problems=[f"reason: one of {', '.join(BREAK_REASONS)}"])
    return chosen, reason if chosen is AgentState.BREAK else ""
