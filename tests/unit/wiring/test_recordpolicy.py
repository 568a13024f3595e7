"""Rules are read again with the desk; what cannot be read records nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from cti.domain import events as ev
from cti.domain.errors import Unavailable
from cti.domain.model import Call, Pause
from cti.domain.recordpolicy import Decision
from cti.wiring.recordpolicy import RecordPolicy
from tests.unit.web.fakes import T0, closed_call


class Desk:
    """A pool with one tenant's rules, a call desk with one call, and pauses that keep what is wanted."""

    def __init__(self, rules: str) -> None:
        self.rules: str | None = rules
        self.wanted: list[Decision] = []
        self.call = closed_call(1)
        self.policy = RecordPolicy(self, self, self)  # type: ignore[arg-type]

    async def fetch(self, query: str, *, timeout: float) -> list[dict[str, Any]]:
        if self.rules is None:
            raise asyncpg.InterfaceError("away")
        return [{"tenant": self.call.tenant, "rules": self.rules}]

    def all_live(self) -> tuple[Call, ...]:
        return (self.call,)

    def want(self, call: Call, decision: Decision) -> None:
        self.wanted.append(decision)

    def told(self) -> str | None:
        self.policy.handle(ev.CallQueued(at=T0, tenant=self.call.tenant, call=self.call))
        return self.wanted[-1].reason if self.wanted else None


async def test_rules_count_from_the_next_fact_on_and_without_rules_nobody_is_asked() -> None:
    desk = Desk("[]")
    await desk.policy.reload()
    assert desk.told() is None
    desk.rules = json.dumps([{"record": "never", "queue": desk.call.queue}])
    await desk.policy.reload()
    assert [decision.reason for decision in desk.wanted] == ["not_wanted: queue"], "a call that goes on is judged too"
    assert desk.told() == "not_wanted: queue"
    desk.policy.handle(ev.AsteriskReachable(at=T0, tenant=desk.call.tenant, up=True))
    assert len(desk.wanted) == 3


async def test_a_rule_that_is_taken_away_keeps_nothing_out_any_more() -> None:
    desk = Desk("[]")
    desk.call = replace(desk.call, pauses=(Pause(began_at=T0, why="not_wanted", by="not_wanted: queue"),))
    await desk.policy.reload()
    assert [(decision.reason, decision.why) for decision in desk.wanted] == [("recorded", None)]


@pytest.mark.parametrize("rules", ['[{"record": "perhaps"}]', "[1]", "3", "{}x"])
async def test_what_another_version_wrote_records_nothing(rules: str) -> None:
    desk = Desk(rules)
    await desk.policy.reload()
    assert desk.told() == "not_wanted: all"


async def test_with_the_database_away_the_rules_of_before_stay() -> None:
    desk = Desk('[{"record": "never"}]')
    await desk.policy.reload()
    desk.rules = None
    with pytest.raises(Unavailable):
        await desk.policy.reload()
    assert desk.told() == "not_wanted: all"
