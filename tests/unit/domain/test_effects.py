"""Effects: every pair of state and move, and nothing but the table's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cti.domain.effects import SETTLED, TABLE, Effect, EffectId, EffectMove, EffectState, advance
from cti.domain.errors import IllegalMove
from cti.domain.model import TenantId

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
PAIRS = [(state, move) for state in EffectState for move in EffectMove]


def effect(state: EffectState) -> Effect:
    return Effect(
        effect_id=EffectId("e" * 32), tenant=TenantId("demo"), kind="callback", created_at=NOW, changed_at=NOW, body={},
        state=state,
    )  # fmt: skip


@pytest.mark.parametrize(("state", "move"), PAIRS)
def test_every_pair(state: EffectState, move: EffectMove) -> None:
    before, wanted = effect(state), TABLE[state].get(move)
    if wanted is None:
        with pytest.raises(IllegalMove, match=f"{move.value} is not allowed in state {state.value}.*eeee"):
            advance(before, move, NOW)
        return
    after = advance(before, move, NOW + timedelta(seconds=1))
    assert after.state is wanted
    assert after.version == before.version + (wanted is not state), "a change is a new word, no change is none"


def test_what_is_settled_stays_and_nothing_else_is_an_end() -> None:
    assert {state for state in EffectState if set(TABLE[state].values()) <= {state}} == SETTLED


def test_nothing_leads_back_to_sending() -> None:
    """Sent once: no way from any state but the first."""
    assert {state for state, moves in TABLE.items() if EffectMove.SEND in moves} == {EffectState.STORED}
    assert not any(EffectState.STORED in moves.values() for moves in TABLE.values())


def test_time_never_goes_back() -> None:
    assert advance(effect(EffectState.STORED), EffectMove.SEND, NOW - timedelta(hours=1)).changed_at == NOW
