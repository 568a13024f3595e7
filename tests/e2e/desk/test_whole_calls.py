"""Whole calls through a whole desk: what agents see, what callers get, what the records say."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from cti.demo.call import DemoCaller, demo_callers
from cti.demo.client import logged_in
from cti.demo.stack import Stack
from tests.e2e.desk.office import URGENT, at_work, calling, eventually, newest_call, of_call, offered, record_of

pytestmark = pytest.mark.asyncio(loop_scope="package")


def ended(record: dict[str, Any]) -> bool:
    return record["ended_at"] is not None


async def linked(screen: Any, call_id: str, *wanted: object) -> None:
    """Wait until the card's link is (confidence, why, reservation); what the number alone tells may come first."""

    def part(message: dict[str, Any]) -> Any:
        if offered(message) and message["pop"]["call_id"] == call_id:
            return message["pop"]["card"]["link"]
        return message["card"]["link"] if of_call("pop.update", call_id)(message) else None

    def answered(message: dict[str, Any]) -> bool:
        link = (part(message) or {}).get("link") or {}
        return (link.get("confidence"), link.get("why"), link.get("reservation_id")) == wanted

    await screen.wait_for("lookup", answered, f"link {wanted}")


@pytest.mark.parametrize("caller", demo_callers(), ids=lambda caller: caller.case)
async def test_each_of_the_four_callers_has_its_own_outcome(desk: Stack, caller: DemoCaller) -> None:
    keys = f"1w1w{caller.keys}www1w1" if caller.keys else URGENT
    async with at_work(desk, "sato") as screens, calling(desk, caller=caller.number, keys=keys) as phone:
        _, offer = await screens["sato"].wait_for("pop", offered, "pop", 30.0)
        expected = caller.expect
        call_id = offer["pop"]["call_id"]
        await linked(screens["sato"], call_id, expected["confidence"], expected["why"], expected["reservation_id"])
        await phone.hangup()
        record = await record_of(desk, call_id, ended)
    link = record["link"]
    assert (link["confidence"], link["why"]) == (expected["confidence"], expected["why"])


async def test_a_declined_call_goes_to_the_next_agent_with_its_age(desk: Stack) -> None:
    async with at_work(desk, "sato", "smith") as screens, calling(desk) as phone:
        first, second = await _whose_phone_rings_first(screens)
        _, offer = await screens[first].wait_for("pop", offered, "pop")
        await desk.phones[first].hangup()
        call_id = offer["pop"]["call_id"]
        _, withdrawn = await screens[first].wait_for("pop", of_call("pop.withdraw", call_id), "withdrawal")
        assert withdrawn["outcome"] == "rejected"
        _, again = await screens[second].wait_for("pop", offered, "pop at the other agent")
        assert again["pop"]["call_id"] == call_id
        assert again["pop"]["attempt"] == 2
        assert again["pop"]["queued_at"] == offer["pop"]["queued_at"]
        await desk.phones[second].accept()
        await screens[second].wait_for("answer", of_call("pop.answered", call_id), "answer")
        await phone.hangup()
        record = await record_of(desk, call_id, ended)
    assert [offer["outcome"] for offer in record["offers"]] == ["rejected", "accepted"]
    assert (record["end_reason"], record["ended_by"], record["agents"]) == ("completed", "caller", [second])


async def _whose_phone_rings_first(screens: dict[str, Any]) -> tuple[str, str]:
    waits = {
        asyncio.create_task(screen.wait_for("pop", offered, "pop", 25.0)): agent for agent, screen in screens.items()
    }
    done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    first = waits[done.pop()]
    return first, next(agent for agent in screens if agent != first)


async def test_the_agent_who_hangs_up_is_named(desk: Stack) -> None:
    async with at_work(desk, "sato") as screens, calling(desk) as phone:
        _, offer = await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        call_id = offer["pop"]["call_id"]
        await desk.phones["sato"].accept()
        await screens["sato"].wait_for("answer", of_call("pop.answered", call_id), "answer")
        await desk.phones["sato"].hangup()
        await phone.wait_for("CALL_CLOSED")
        record = await record_of(desk, call_id, ended)
    assert (record["end_reason"], record["ended_by"]) == ("completed", "agent")


async def test_hold_is_counted(desk: Stack) -> None:
    async with at_work(desk, "sato") as screens, calling(desk) as phone:
        _, offer = await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        call_id = offer["pop"]["call_id"]
        await desk.phones["sato"].accept()
        await screens["sato"].wait_for("answer", of_call("pop.answered", call_id), "answer")
        await desk.phones["sato"].command("hold")
        await record_of(desk, call_id, lambda record: record["state"] == "held")
        await desk.phones["sato"].command("resume")
        await record_of(desk, call_id, lambda record: record["state"] == "talking")
        await phone.hangup()
        record = await record_of(desk, call_id, ended)
    assert record["held_s"] > 0


async def test_nobody_logged_in_is_said_and_recorded(desk: Stack) -> None:
    async with at_work(desk), calling(desk) as phone:
        await phone.wait_for("CALL_CLOSED", 40.0)
        call = await newest_call(desk, ended)
    assert (call["end_reason"], call["ended_by"]) == ("treated", "system")


async def test_a_caller_who_leaves_the_menu(desk: Stack) -> None:
    async with calling(desk, keys="1") as phone:
        await phone.hangup()
        call = await newest_call(desk, ended)
    assert (call["end_reason"], call["ended_by"], call["queue"]) == ("abandoned_in_menu", "caller", None)


async def test_a_caller_who_leaves_while_it_rings_frees_the_agent(desk: Stack) -> None:
    async with at_work(desk, "sato") as screens, calling(desk) as phone:
        _, offer = await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        call_id = offer["pop"]["call_id"]
        await phone.hangup()
        await screens["sato"].wait_for("pop", of_call("pop.withdraw", call_id), "withdrawal")
        record = await record_of(desk, call_id, ended)
        async with logged_in(desk.web, "sato", desk.password("sato")) as agent:
            me = await agent.get("/api/me")
    assert (record["end_reason"], record["offers"][0]["outcome"]) == ("abandoned_in_queue", "withdrawn")
    assert me["agent"]["state"] == "available"


@pytest.mark.parametrize(
    ("caller", "kind"),
    [("anonymous", "withheld"), ("payphone", "payphone"), ("unavailable", "out_of_area"), ("conflict", "conflict"),
     ("9" * 300, "unknown")],
)  # fmt: skip
async def test_every_kind_of_number_is_kept_apart(desk: Stack, caller: str, kind: str) -> None:
    async with calling(desk, caller=caller, keys="") as phone:
        call = await newest_call(desk, lambda call: call["caller"]["kind"] == kind and call["ended_at"] is None)
        await phone.hangup()
    assert call["caller"] == {"kind": kind, "e164": None, "national": None}


async def test_recordings_wait_for_a_store_that_is_away_and_arrive(desk: Stack) -> None:
    store = desk.store.child
    assert store is not None
    async with at_work(desk, "sato") as screens, calling(desk) as phone:
        _, offer = await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        call_id = offer["pop"]["call_id"]
        await desk.phones["sato"].accept()
        await screens["sato"].wait_for("answer", of_call("pop.answered", call_id), "answer")
        # It stands still: its sockets accept and say nothing, which is worse than being dead.
        store.signal(signal.SIGSTOP)
        try:
            await phone.hangup()
            waiting = await _recording(desk, call_id, lambda row: row["status"] == "pending")
        finally:
            store.signal(signal.SIGCONT)
        stored = await _recording(desk, call_id, lambda row: row["status"] == "stored")
    assert waiting["sha256"] is None
    assert len(stored["sha256"]) == 64


async def _recording(desk: Stack, call_id: str, wanted: Any) -> Any:
    async with logged_in(desk.web, "watanabe", desk.password("watanabe")) as qa:

        async def ask() -> Any:
            rows = (await qa.get("/api/recordings"))["recordings"]
            return next((row for row in rows if row["call_id"] == call_id), None)

        return await eventually(ask, lambda row: row is not None and wanted(row), 60.0)


async def test_the_server_killed_in_mid_call_costs_no_call_and_no_recording(desk: Stack) -> None:
    async with at_work(desk, "sato") as screens, calling(desk) as phone:
        _, offer = await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        call_id = offer["pop"]["call_id"]
        await desk.phones["sato"].accept()
        await screens["sato"].wait_for("answer", of_call("pop.answered", call_id), "answer")
        assert desk.server is not None
        desk.server.signal(signal.SIGKILL)
        await desk.server.wait()
        heard = len(phone.events)
        await desk.start_server()
        assert all(event.kind != "CALL_CLOSED" for event in phone.events[heard:])
        await record_of(desk, call_id, lambda record: record["state"] == "talking")
        await phone.hangup()
        record = await record_of(desk, call_id, ended)
        stored = await _recording(desk, call_id, lambda row: row["status"] in ("stored", "salvaged", "truncated"))
    assert (record["end_reason"], record["ended_by"], record["agents"]) == ("completed", "caller", ["sato"])
    assert stored["status"] == "stored"
