"""Who is remembered as a member's last agent, and for how long."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cti.domain.errors import Unavailable
from cti.domain.events import CallLinked
from cti.domain.model import (
    AgentId,
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    Link,
    LinkConfidence,
    QueueId,
    TenantId,
    UniqueId,
)
from routing import model as m
from routing.expression import LastAgent
from routing.lastagents import LastAgents

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DEMO, SATO = TenantId("demo"), AgentId("sato")
RULES = m.DeskRules(queues=(m.QueueRule(queue=QueueId("members"), steps=(m.Step(want=LastAgent(), expires_s=None),)),))
CALL = Call(
    call_id=CallId("call-1"), tenant=DEMO, state=CallState.QUEUED, channel=ChannelName("PJSIP/trunk-1"),
    uniqueid=UniqueId("1.0"), number_called="", caller=CallerNumber(kind=CallerKind.UNKNOWN), arrived_at=NOW,
)  # fmt: skip


class Store:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away = False

    async def last_agent(self, _tenant: TenantId, member: str, _call_id: CallId) -> AgentId | None:
        self.asked.append(member)
        if self.away:
            raise Unavailable("away")
        return SATO if member == "m-1" else None


def linked(call: Call, member: str | None = "m-1", confidence: LinkConfidence = LinkConfidence.CONFIRMED) -> CallLinked:
    link = Link(confidence=confidence, score=1.0, why="number_only", member_id=member)
    return CallLinked(at=NOW, tenant=DEMO, call=call, link=link, status="live")


async def told_for(call: Call) -> tuple[LastAgents, list[Any]]:
    told: list[Any] = []
    agents = LastAgents(Store(), lambda event, agent: told.append((event.call_id, agent)))  # type: ignore[arg-type]
    agents.linked(linked(call), RULES)
    for _ in range(5):
        await asyncio.sleep(0)
    return agents, told


async def test_a_live_calls_member_has_a_last_agent_until_the_call_is_over() -> None:
    agents, told = await told_for(CALL)
    assert told == [("call-1", SATO)]
    assert agents.of(CALL.call_id) == SATO
    agents.over(CALL.call_id)
    assert agents.of(CALL.call_id) is None


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_whom_an_agent_chose_counts_and_nothing_of_the_member_before() -> None:
    store = Store()
    agents = LastAgents(store, lambda *_: None)  # type: ignore[arg-type]
    agents.linked(linked(CALL), RULES)
    await turns()
    agents.linked(linked(CALL), RULES)  # more is known of the same
    await turns()
    assert (store.asked, agents.of(CALL.call_id)) == (["m-1"], SATO)
    agents.linked(linked(CALL, "m-2", LinkConfidence.BY_AGENT), RULES)
    await turns()
    assert (store.asked, agents.of(CALL.call_id)) == (["m-1", "m-2"], None)
    agents.linked(linked(CALL, "m-1", LinkConfidence.BY_AGENT), RULES)
    await turns()
    assert agents.of(CALL.call_id) == SATO
    agents.linked(linked(CALL, None, LinkConfidence.POSSIBLE), RULES)  # the choice was taken back
    assert agents.of(CALL.call_id) is None


async def test_a_database_that_was_away_is_asked_again_with_the_next_news() -> None:
    store = Store()
    store.away = True
    agents = LastAgents(store, lambda *_: None)  # type: ignore[arg-type]
    agents.linked(linked(CALL), RULES)
    await turns()
    store.away = False
    agents.linked(linked(CALL), RULES)
    await turns()
    assert agents.of(CALL.call_id) == SATO


async def test_an_answer_that_comes_after_the_call_is_not_kept_for_ever() -> None:
    agents, told = await told_for(replace(CALL, state=CallState.ENDED))
    assert told == []
    assert agents.of(CALL.call_id) is None
