"""An agent dials out: their own phone first, then the person's; told, recorded, and a talk like any other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from cti.demo.client import AgentScreen, Person, logged_in, watching
from cti.demo.tones import read_wav, tone_seconds
from tests.e2e.callbacks.conftest import AGENT_HZ, PERSON_HZ, Office
from tests.e2e.callbacks.steps import BREAK, clean, rang, recorded_tones
from tests.e2e.desk.office import of_call, offered, record_of

pytestmark = pytest.mark.asyncio(loop_scope="session")

NUMBER = "090-1234-5678"


@dataclass
class Dialler:
    """Sato, who dials; on a break, so that nobody else's call comes between."""

    office: Office
    person: Person
    screen: AgentScreen
    since: int  # events of the person's phone
    heard: int  # and of the agent's
    call_id: str = ""

    async def dial(self, number: str = NUMBER, status: int = 200) -> Any:
        """POST /api/my/dial, and what it answers."""
        async with self.person.session.post(f"{self.person.base}/api/my/dial", json={"number": number}) as response:
            answer = await response.json()
            assert response.status == status, answer
            self.call_id = answer.get("call_id", "")
            return answer

    async def ask(self, command: str, status: int = 200) -> Any:
        """Command the call; the answer, once confirmed."""
        body = {"command": command}
        async with self.person.session.post(f"{self.person.base}/api/my/call", json=body) as response:
            answer = await response.json()
            assert response.status == status, answer
            return answer

    async def own_phone(self) -> Any:
        """The agent's own phone rings, and the page shows for whom."""
        await self.office.desk.phones["sato"].wait_for("CALL_INCOMING", 20.0, since=self.heard)
        _, offer = await self.screen.wait_for("pop", offered, "pop", 20.0)
        assert offer["pop"]["call_id"] == self.call_id
        return offer["pop"]

    async def rings(self) -> None:
        """The agent answers; the person's phone rings."""
        await self.own_phone()
        await self.office.desk.phones["sato"].accept()
        await self.office.person.wait_for("CALL_INCOMING", 20.0, since=self.since)

    async def reach(self, wanted: str) -> None:
        """The page says how far the call has come."""

        def said(message: dict[str, Any]) -> bool:
            return of_call("pop.update", self.call_id)(message) and message["reach"] == wanted

        await self.screen.wait_for("reach", said, f"reach {wanted}", 20.0)

    async def closed(self) -> Any:
        """The record."""
        return await record_of(self.office.desk, self.call_id, lambda record: record["ended_at"] is not None, 20.0)


@asynccontextmanager
async def dialler(office: Office) -> AsyncIterator[Dialler]:
    desk = office.desk
    await clean(desk)
    await desk.start_server()
    async with logged_in(desk.web, "sato", desk.password("sato")) as person, watching(person) as screen:
        await person.set_state("break", BREAK)
        yield Dialler(office, person, screen, len(office.person.events), len(desk.phones["sato"].events))


async def test_own_phone_first_then_the_person_who_is_told_and_recorded(office: Office) -> None:
    async with dialler(office) as line:
        assert (await line.dial())["number"] == NUMBER
        pop = await line.own_phone()
        assert (pop["phase"], pop["reach"], pop["caller"]["national"]) == ("ringing", "calling", NUMBER)
        assert rang(office, line.since) == 0, "nobody outside is rung before the agent has answered"
        await line.rings()
        assert (await line.ask("hold", 409))["key"] == "not_now", "nobody is there who could hold"
        await office.person.accept()
        await line.reach("reached")
        assert (await line.ask("hold"))["talk"]["phase"] == "held"
        assert (await line.ask("resume"))["talk"]["phase"] == "talking"
        await asyncio.sleep(2.0)  # they talk
        await office.person.hangup()
        record = await line.closed()
        tones = await recorded_tones(office.desk, line.call_id, (PERSON_HZ, AGENT_HZ))
    assert (record["direction"], record["dialled_by"], record["end_reason"]) == ("outbound", "sato", "completed")
    assert (record["agents"], record["caller"]["national"], record["queue"]) == (["sato"], NUMBER, None)
    assert record["held_s"] > 0
    assert tones["left", PERSON_HZ] > 1.0
    assert tones["right", AGENT_HZ] > 1.0
    assert tones["left", AGENT_HZ] < 0.3
    heard, rate_hz = read_wav(office.person.heard()[-1])
    assert tone_seconds(heard[0], AGENT_HZ, rate_hz, share=0.15) > 1.0
