"""The talk of somebody who was called back is a talk like any other: held, asked about, passed on, and kept when
the agent is lost."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cti.demo.client import AgentScreen, Person, logged_in, watching
from cti.demo.tones import read_wav, tone_seconds
from tests.e2e.callbacks.conftest import AGENT_HZ, PERSON_HZ, Office
from tests.e2e.callbacks.steps import clean, kill, promise, recorded_tones, states
from tests.e2e.desk.office import commanded, eventually, in_phase, offered, record_of

pytestmark = pytest.mark.asyncio(loop_scope="package")

COLLEAGUE_HZ = 700


@dataclass
class Back:
    """Somebody is called back: sato is asked first, suzuki is a colleague."""

    office: Office
    people: dict[str, Person]
    screens: dict[str, AgentScreen]
    since: int  # events of the person's phone
    call_id: str = ""

    async def ask(self, command: str, to: str = "", *, agent: str = "sato", status: int = 200) -> Any:
        """Command the call over HTTP; the answer, once confirmed."""
        return await commanded(self.people[agent], command, to, status=status)

    async def pop(self, agent: str) -> None:
        """The card of this call is on the agent's screen; their phone is answered."""
        phone = self.office.desk.phones[agent]
        _, offer = await self.screens[agent].wait_for("pop", offered, "pop", 25.0)
        self.call_id = self.call_id or offer["pop"]["call_id"]
        assert offer["pop"]["call_id"] == self.call_id
        await phone.accept()

    async def rings(self) -> None:
        await self.office.person.wait_for("CALL_INCOMING", 10.0, since=self.since)

    async def says_yes(self) -> None:
        """The person answers and presses 1."""
        await self.office.person.accept()
        await asyncio.sleep(1.0)
        await self.office.person.send_digits("1")
        await states(self.office.desk, "reached")

    async def phase(self, wanted: str, agent: str = "sato") -> None:
        """The newest call.talk of this agent's socket says so."""
        await in_phase(self.screens[agent], wanted)

    async def closed(self) -> Any:
        """The record, when the person's phone is on the hook."""
        await self.office.person.wait_for("CALL_CLOSED", since=self.since)
        return await record_of(self.office.desk, self.call_id, lambda record: record["ended_at"] is not None)

    def person_heard(self, hz: int) -> float:
        """Seconds of a tone in the person's ear, in their newest call."""
        return tone_seconds(read_wav(self.office.person.heard()[-1])[0][0], hz, share=0.15)


@asynccontextmanager
async def back(office: Office) -> AsyncIterator[Back]:
    """A promise of ten minutes ago; sato takes calls, suzuki does not yet."""
    desk = office.desk
    await clean(desk)
    await promise(desk)
    await desk.start_server()
    if "suzuki" not in desk.phones:
        await desk.start_agent_phone("suzuki", sound=COLLEAGUE_HZ)
    async with AsyncExitStack() as stack:
        people, screens = {}, {}
        for agent, state in (("suzuki", "training"), ("sato", "available")):
            people[agent] = await stack.enter_async_context(logged_in(desk.web, agent, desk.password(agent)))
            screens[agent] = await stack.enter_async_context(watching(people[agent]))
            await people[agent].set_state(state)
        yield Back(office, people, screens, len(office.person.events))


async def test_held_asked_about_and_passed_on(office: Office) -> None:
    async with back(office) as line:
        await line.pop("sato")
        await line.rings()
        assert (await line.ask("hold", status=409))["key"] == "not_now", "nobody is there who could hold"
        await line.says_yes()
        await line.phase("talking")
        await asyncio.sleep(1.0)
        assert (await line.ask("hold"))["talk"]["phase"] == "held"
        assert (await line.ask("resume"))["talk"]["phase"] == "talking"
        assert (await line.ask("consult", "suzuki"))["talk"]["phase"] == "calling"
        await line.pop("suzuki")
        await line.phase("consulting")
        for command, phase in (("swap", "swapped"), ("swap", "consulting"), ("join", "conference")):
            assert (await line.ask(command))["talk"]["phase"] == phase
        await asyncio.sleep(1.0)
        await line.ask("complete")
        await line.phase("talking", "suzuki")
        await asyncio.sleep(2.0)
        await office.desk.phones["suzuki"].hangup()
        record = await line.closed()
        assert (record["agents"], record["end_reason"]) == (["sato", "suzuki"], "completed")
        assert record["held_s"] > 0
        assert [asked["result"] for asked in record["consultations"]] == ["handed_over"]
        assert line.person_heard(AGENT_HZ) > 0.3
        assert line.person_heard(COLLEAGUE_HZ) > 1.0
        tones = await recorded_tones(office.desk, line.call_id, (PERSON_HZ, AGENT_HZ, COLLEAGUE_HZ))
    assert tones["left", PERSON_HZ] > 3.0, "through all of it"
    assert tones["left", COLLEAGUE_HZ] < 0.3
    assert tones["right", COLLEAGUE_HZ] > 1.0


async def test_a_lost_agent_costs_the_person_neither_the_line_nor_the_place(office: Office) -> None:
    desk = office.desk
    async with back(office) as line:
        await line.pop("sato")
        await line.rings()
        await line.says_yes()
        await asyncio.sleep(1.0)
        desk.phones["sato"].child.signal(signal.SIGSTOP)  # no sound and no BYE: as a phone that loses power
        async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as supervisor:

            async def waiting() -> Any:
                board = await supervisor.get("/api/queues")
                return [call for queue in board["queues"] for call in queue["waiting"]]

            (waits,) = await eventually(waiting, bool, 20.0)
        assert waits["call_id"] == line.call_id
        ago = datetime.now(UTC) - datetime.fromisoformat(waits["since"])
        assert ago > timedelta(minutes=9), "the place they had kept"
        await line.people["suzuki"].set_state("available")
        await line.pop("suzuki")
        await line.phase("talking", "suzuki")
        await asyncio.sleep(1.0)
        await office.person.hangup()
        record = await line.closed()
        desk.phones["sato"].child.signal(signal.SIGCONT)
    assert (record["agents"], record["end_reason"]) == (["sato", "suzuki"], "completed")
    assert line.person_heard(COLLEAGUE_HZ) > 0.5


async def test_who_pressed_1_while_no_server_lived_is_there_for_the_next_one(office: Office) -> None:
    """The server that rang the agent is killed; the next one learns from Asterisk that the two talk."""
    async with back(office) as line:
        await line.pop("sato")
        await line.rings()
        await kill(office.desk)
        await office.person.accept()
        await asyncio.sleep(1.0)
        await office.person.send_digits("1")
        await office.desk.start_server()
        await states(office.desk, "reached")
    desk = office.desk
    async with logged_in(desk.web, "sato", desk.password("sato")) as sato, watching(sato) as screen:
        line.people["sato"], line.screens["sato"] = sato, screen

        async def held() -> Any:
            async with sato.session.post(f"{sato.base}/api/my/call", json={"command": "hold", "to": ""}) as response:
                return await response.json() if response.status == 200 else None

        # The link to Asterisk is up a moment before the talk is known.
        assert (await eventually(held, bool))["talk"]["phase"] == "held"
        await line.ask("resume")
        await line.ask("to_queue", "members")
        await office.person.hangup()
        record = await line.closed()
    assert record["agents"] == ["sato"]
