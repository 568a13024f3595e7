"""Supervisors, the real engine, the real call desk and a fake Asterisk: what a wish does, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cti.domain import events as ev
from cti.domain.errors import NotFound
from cti.domain.model import AgentState, Call, CallId, CallState, ChannelName, QueueId, TenantId
from routing import model as m
from routing.desk import DecisionRow
from routing.explain import explain
from routing.reasons import Ids
from tests.unit.routing.test_service import DEMO, DESK, SATO, SMITH, House, house

__all__ = ["house"]

NIGHT = QueueId("night")


async def waiting(house: House) -> tuple[ChannelName, Call]:
    """A caller in line, everybody in a break, and a second queue that asks for nothing."""
    rules = replace(DESK.rules, queues=(*DESK.rules.queues, m.QueueRule(queue=NIGHT)))
    house.store.desks = [replace(DESK, rules=rules)]
    await house.service.reload()
    for agent in (SATO, SMITH):
        house.service.choose_state(DEMO, agent, AgentState.BREAK, "lunch", by=agent)
    channel = await house.asterisk.caller()
    queued = await house.fact(lambda it: isinstance(it, ev.CallQueued))
    assert isinstance(queued, ev.CallQueued)
    return channel, queued.call


def about(house: House, kind: str) -> DecisionRow:
    (row,) = [it for it in house.store.decisions if it.kind == kind]
    return row


async def test_a_move_sets_the_channels_queue_and_the_record_follows_with_the_age(house: House) -> None:
    channel, call = await waiting(house)
    now = house.service.supervisors.move(DEMO, call.call_id, NIGHT, by="tanaka")
    assert (now.where, now.reason.slug) == ("treated", "waits_treated")
    moved = await house.fact(lambda it: isinstance(it, ev.CallQueued) and it.call.queue == NIGHT)
    assert isinstance(moved, ev.CallQueued)
    assert moved.call.queued_at == call.queued_at
    assert await house.asterisk.variable(channel, "CTI_QUEUE") == "night"
    there = house.service.supervisors.why(DEMO, call.call_id)
    assert there is not None
    assert (there.queue, there.where, there.since) == (NIGHT, "waiting", call.queued_at)
    row = about(house, "treated")
    assert (row.result, row.by, row.call_id) == ("moved", "tanaka", call.call_id)
    assert explain(row, "en", Ids()) == "moved by tanaka; goes on to the queue night"
    house.service.choose_state(DEMO, SATO, AgentState.AVAILABLE, "", by="x")
    await house.asterisk.until(channel, f"ringing:{house.asterisk.endpoint}")
    offered = about(house, "offered")
    assert explain(offered, "ja", Ids()).startswith("satoさんを呼び出す：")
    assert explain(offered, "en", Ids()).startswith("ring sato: got free; next in line")


async def test_a_priority_is_written_down_and_counts_after_a_restart(house: House) -> None:
    _, call = await waiting(house)
    assert house.service.supervisors.prioritise(DEMO, call.call_id, 40, by="tanaka").priority == 40
    row = about(house, "priority")
    assert (row.by, row.queue, row.slug, row.params["priority"]) == ("tanaka", "members", "priority_set", 40)
    house.store.given = {(DEMO, call.call_id): 40}  # as the store reads it back: tests/contract/routing/test_store.py
    again = house.new_service()
    await again.start()
    again.resync(house.desk.all_live())
    found = again.supervisors.why(DEMO, call.call_id)
    assert found is not None
    assert (found.own_priority, again.supervisors.given) == (40, {})
    await again.stop()


async def test_another_tenants_calls_do_not_exist(house: House) -> None:
    _, call = await waiting(house)
    other = TenantId("other")
    assert house.service.supervisors.why(other, call.call_id) is None
    with pytest.raises(NotFound):
        house.service.supervisors.move(other, call.call_id, NIGHT, by="tanaka")
    with pytest.raises(NotFound):
        house.service.supervisors.prioritise(other, call.call_id, 5, by="tanaka")
    with pytest.raises(NotFound):
        house.service.choose_state(other, SATO, AgentState.OFFLINE, "", by="tanaka")
    assert house.service.supervisors.why(DEMO, CallId("unknown")) is None


async def test_an_agent_whose_phone_rings_is_logged_out_and_the_call_goes_back(house: House) -> None:
    channel, call = await waiting(house)
    house.service.choose_state(DEMO, SATO, AgentState.AVAILABLE, "", by=SATO)
    await house.asterisk.until(channel, f"ringing:{house.asterisk.endpoint}")
    house.service.choose_state(DEMO, SATO, AgentState.OFFLINE, "", by="tanaka")
    await house.asterisk.until(channel, "waiting")
    assert house.store.kept[DEMO, SATO].by == "tanaka"
    live = house.desk.live(call.call_id)
    assert live is not None
    assert (live.state, live.queued_at) == (CallState.QUEUED, call.queued_at)
    assert explain(about(house, "taken_back"), "en", Ids()).startswith("take the ring at sato back: ")


async def test_callers_whom_nobody_could_take_are_counted_per_queue(house: House) -> None:
    _, call = await waiting(house)
    supervisors = house.service.supervisors
    assert set(supervisors.without_hope().values()) == {0}  # somebody is there, if not free
    for agent in (SATO, SMITH):
        house.service.choose_state(DEMO, agent, AgentState.OFFLINE, "", by=agent)
    assert {key for key, callers in supervisors.without_hope().items() if callers} == {(DEMO, call.queue)}
