"""An agent dials out: their own phone first, then the person's; told, recorded, and a talk like any other."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from cti.demo.client import AgentScreen, Person, logged_in, watching
from cti.demo.tones import read_wav, tone_seconds
from tests.e2e.callbacks.conftest import AGENT_HZ, PERSON_HZ, Office
from tests.e2e.callbacks.steps import BREAK, clean, kill, rang, recorded_tones, rows_of, run_sql
from tests.e2e.desk.office import eventually, of_call, offered, record_of

pytestmark = pytest.mark.asyncio(loop_scope="package")

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

    def begin(self) -> None:
        """Another call: what was before is over."""
        self.since, self.heard = len(self.office.person.events), len(self.office.desk.phones["sato"].events)

    async def dial(self, number: str = NUMBER, status: int = 200) -> Any:
        """POST /api/my/dial, and what it answers."""
        async with self.person.session.post(f"{self.person.base}/api/my/dial", json={"number": number}) as response:
            answer = await response.json()
            assert response.status == status, answer
            self.call_id = answer.get("call_id", "")
            return answer

    async def ask(self, command: str, status: int = 200, to: str = "") -> Any:
        """Command the call; the answer, once confirmed."""
        body = {"command": command, "to": to}
        async with self.person.session.post(f"{self.person.base}/api/my/call", json=body) as response:
            answer = await response.json()
            assert response.status == status, answer
            return answer

    async def own_phone(self) -> Any:
        """The agent's own phone rings, and the page shows for whom."""
        await self.office.desk.phones["sato"].wait_for("CALL_INCOMING", 20.0, since=self.heard)
        _, offer = await self.screen.wait_for(
            "pop", lambda message: offered(message) and message["pop"]["call_id"] == self.call_id, "pop", 20.0
        )
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
async def dialler(office: Office, *, afresh: bool = False) -> AsyncIterator[Dialler]:
    """Sato at their desk; ``afresh``: with another server, and nothing that other tests left."""
    desk = office.desk
    if afresh:
        await clean(desk)
        await desk.start_server()
    async with logged_in(desk.web, "sato", desk.password("sato")) as person, watching(person) as screen:
        await person.set_state("break", BREAK)
        yield Dialler(office, person, screen, len(office.person.events), len(desk.phones["sato"].events))


async def waiting(office: Office) -> list[str]:
    """The calls that wait, once there are any."""

    async def board() -> Any:
        return [call["call_id"] for queue in (await tanaka.get("/api/queues"))["queues"] for call in queue["waiting"]]

    async with logged_in(office.desk.web, "tanaka", office.desk.password("tanaka")) as tanaka:
        found: list[str] = await eventually(board, bool, 20.0)
    return found


async def test_own_phone_first_then_the_person_who_is_told_and_recorded(office: Office) -> None:
    async with dialler(office, afresh=True) as line:
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
        assert (await line.ask("to_queue", to="members"))["talk"] is None
        assert line.call_id in await waiting(office), "passed on to a queue, they wait there like any caller"
        await office.person.hangup()
        record = await line.closed()
        tones = await recorded_tones(office.desk, line.call_id, (PERSON_HZ, AGENT_HZ))
    assert (record["direction"], record["dialled_by"], record["end_reason"]) == ("outbound", "sato", "completed")
    assert (record["agents"], record["caller"]["national"], record["queue"]) == (["sato"], NUMBER, "members")
    assert record["held_s"] > 0
    assert tones["left", PERSON_HZ] > 1.0
    assert tones["right", AGENT_HZ] > 1.0
    assert tones["left", AGENT_HZ] < 0.3
    heard, rate_hz = read_wav(office.person.heard()[-1])
    assert tone_seconds(heard[0], AGENT_HZ, rate_hz, share=0.15) > 1.0


async def test_each_end_without_a_talk_is_shown_and_written_down(office: Office) -> None:
    phone = office.desk.phones["sato"]
    async with dialler(office, afresh=True) as line:
        ends = []
        for reach, end in (
            ("own_phone", phone.hangup),  # declines: nobody outside is rung
            ("busy", office.person.hangup),
            ("no_answer", None),
            ("calling", phone.hangup),  # hangs up while the person's phone rings, which stops
        ):
            line.begin()
            await line.dial()
            if reach == "own_phone":
                await line.own_phone()
            else:
                await line.rings()
            if end is not None:
                await end()
            if reach != "calling":
                await line.reach(reach)
            if reach in ("busy", "no_answer"):
                await phone.hangup()  # does not hear to the end that nobody could be reached
            record = await line.closed()
            ends.append((record["end_reason"], record["agents"], rang(office, line.since)))
            if reach != "own_phone":
                await office.person.wait_for("CALL_CLOSED", 20.0, since=line.since)
        refused = await line.dial("0990-123-456", 409)
        assert refused["key"] == "dial_premium"
    assert ends == [("unreached", [], 0), *[("unreached", ["sato"], 1)] * 3]


async def test_a_server_killed_behind_the_order_changes_nothing_and_one_before_it_calls_nobody(office: Office) -> None:
    desk = office.desk
    async with dialler(office, afresh=True) as line:
        await line.dial()
        await line.own_phone()
        await kill(desk)
        await desk.phones["sato"].accept()
        await office.person.wait_for("CALL_INCOMING", 20.0, since=line.since)
        await office.person.accept()
        # As if another server had died between storing an order and sending it.
        lost = uuid.uuid4().hex
        await run_sql(
            desk,
            "INSERT INTO effects (tenant, effect_id, kind, state, version, created_at, changed_at, body)"
            " SELECT tenant, $1, kind, 'stored', 1, now(), now(), body || jsonb_build_object('call', $2::text)"
            " FROM effects WHERE kind = 'outbound'",
            lost,
            str(uuid.uuid4()),
        )
        await desk.start_server()

        async def stored() -> Any:
            found = await rows_of(desk, "SELECT effect_id, state FROM effects")
            return {row["effect_id"] == lost: row["state"] for row in found}

        await eventually(stored, lambda states: states == {False: "done", True: "not_done"}, 20.0)

    async with dialler(office) as after:
        after.since, after.call_id = line.since, line.call_id

        async def talk() -> Any:
            return (await after.person.get("/api/my/call"))["talk"]

        assert "hold" in (await eventually(talk, lambda talk: talk is not None and bool(talk["may"]), 20.0))["may"]
        await office.person.hangup()
        record = await after.closed()
    assert (record["direction"], record["dialled_by"], record["end_reason"]) == ("outbound", "sato", "completed")
    assert record["agents"] == ["sato"]
    assert rang(office, line.since) == 1
