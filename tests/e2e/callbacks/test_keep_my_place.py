"""A caller presses 1, hangs up, and is called back when it is their turn: real Asterisk, real phones, real sound."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.callbacks.conftest import AGENT_HZ, PERSON, PERSON_HZ, Office
from tests.e2e.callbacks.steps import at_desk, callbacks, keep_place, recorded_tones
from tests.e2e.desk.office import offered, record_of

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_press_1_hang_up_and_be_called_back(office: Office) -> None:
    desk, person, since = office.desk, office.person, len(office.person.events)
    async with at_desk(desk) as (agent, screen):
        origin = await keep_place(desk)
        kept = (await callbacks(desk, lambda rows: bool(rows) and rows[-1]["state"] == "waiting"))[-1]
        assert kept["number"] == "+81" + PERSON[1:]
        first = await record_of(desk, origin, lambda record: record["ended_at"] is not None)
        assert first["end_reason"] == "callback"

        await agent.set_state("available")
        _, offer = await screen.wait_for("pop", offered, "pop", 15.0)
        call_id = offer["pop"]["call_id"]
        assert call_id != origin
        assert offer["pop"]["callback"] is True
        assert "090-1234-5678" in offer["pop"]["caller"].values(), "whom they will talk to"
        assert not any(event.kind == "CALL_INCOMING" for event in person.events[since:]), "the agent first"
        await desk.phones["sato"].accept()
        incoming = await person.wait_for("CALL_INCOMING", 10.0, since=since)
        assert desk.number in incoming.peer, "the desk's own number is shown"
        await person.accept()
        await asyncio.sleep(1.5)
        await person.send_digits("1")
        done = (await callbacks(desk, lambda rows: rows[-1]["state"] == "reached"))[-1]
        assert done["tries"] == 0
        await asyncio.sleep(3.0)
        await person.hangup()
        record = await record_of(desk, call_id, lambda record: record["ended_at"] is not None)
        assert record["end_reason"] == "completed"
        assert record["agents"] == ["sato"]
        heard = await recorded_tones(desk, call_id, (PERSON_HZ, AGENT_HZ))
    assert heard["left", PERSON_HZ] > 2.0
    assert heard["right", AGENT_HZ] > 2.0
    assert heard["left", AGENT_HZ] < 0.3
