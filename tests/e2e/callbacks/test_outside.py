"""Somebody outside: asked while the caller holds, in a conference, given the caller, and the way back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cti.demo.client import AgentScreen, Person, logged_in, watching
from cti.demo.phones import Baresip
from cti.demo.tones import tone_seconds
from tests.e2e.callbacks.conftest import AGENT_HZ, PERSON_HZ, Office
from tests.e2e.callbacks.steps import clean, kill, recorded_tones, rows_of
from tests.e2e.desk.office import calling, commanded, eventually, in_phase, of_call, offered, record_of

pytestmark = pytest.mark.asyncio(loop_scope="package")

NUMBER, E164 = "090-1234-5678", "+819012345678"
CALLER = "09087654321"
CALLER_HZ = 440
PATIENCE_S = 20.0


@dataclass
class Line:
    """A caller who talks with sato."""

    office: Office
    sato: Person
    screen: AgentScreen
    caller: Baresip
    call_id: str

    async def ask(self, command: str, to: str = "", status: int = 200) -> Any:
        said = await commanded(self.sato, command, to, status=status)
        if status == 200:  # the socket says so too: what is waited for next must not be an older message
            await self.phase((said["talk"] or {}).get("phase"))
        return said

    async def left(self) -> Any:
        """How many more numbers sato may have dialled this hour."""
        desk = self.office.desk
        async with logged_in(desk.web, "sato", desk.password("sato")) as sato:
            return (await sato.get("/api/my/dial"))["left"]

    async def phase(self, wanted: str | None) -> Any:
        return await in_phase(self.screen, wanted)

    async def rings(self, since: int) -> Any:
        """The person's phone rings; with whose number."""
        return await self.office.person.wait_for("CALL_INCOMING", PATIENCE_S, since=since)

    async def record(self, wanted: Callable[[Any], bool] = lambda record: record["ended_at"] is not None) -> Any:
        return await record_of(self.office.desk, self.call_id, wanted, PATIENCE_S)

    async def hear_each_other(self) -> None:
        """The caller and the person, for long enough to be found in what each heard and in the recording."""
        phones = ((self.caller, PERSON_HZ), (self.office.person, CALLER_HZ))
        began = [(phone.heard()[-1], size(phone.heard()[-1])) for phone, _ in phones]

        async def heard() -> list[float]:
            return [
                tone_seconds(growing(path, at), hz, share=0.15)
                for (path, at), (_, hz) in zip(began, phones, strict=True)
            ]

        await eventually(heard, lambda seconds: min(seconds) > 1.0, PATIENCE_S)


def size(path: Path) -> int:
    return path.stat().st_size


def growing(path: Path, begin: int) -> list[int]:
    """Samples of a file that is still written, from this byte on."""
    data = path.read_bytes()[begin:]
    return memoryview(data[: len(data) // 2 * 2]).cast("h").tolist()


@asynccontextmanager
async def a_talk(office: Office) -> AsyncIterator[Line]:
    desk = office.desk
    if await rows_of(desk, "SELECT 1 FROM callbacks"):  # what other tests left: somebody would be called back meanwhile
        await clean(desk)
        await desk.start_server()
    async with AsyncExitStack() as stack:
        sato = await stack.enter_async_context(logged_in(desk.web, "sato", desk.password("sato")))
        screen = await stack.enter_async_context(watching(sato))
        heard = len(desk.phones["sato"].events)
        await sato.set_state("available")
        caller = await stack.enter_async_context(calling(desk, caller=CALLER, sound=CALLER_HZ))
        _, offer = await screen.wait_for("pop", offered, "pop", 25.0)
        call_id = offer["pop"]["call_id"]
        await desk.phones["sato"].wait_for("CALL_INCOMING", PATIENCE_S, since=heard)
        await desk.phones["sato"].accept()
        await screen.wait_for("answer", of_call("pop.answered", call_id), "answer")
        yield Line(office, sato, screen, caller, call_id)


async def test_asked_swapped_joined_and_given_the_caller(office: Office) -> None:
    since, person = len(office.person.events), office.person
    async with a_talk(office) as line:
        await line.phase("talking")
        assert (await line.ask("consult_outside", "110", 409))["key"] == "dial_emergency"
        assert (await line.ask("to_outside", "0990-123-456", 409))["key"] == "dial_premium"
        said = await line.ask("consult_outside", NUMBER)
        assert (said["talk"]["phase"], said["talk"]["outside"]) == ("calling", NUMBER)
        ring = await line.rings(since)
        assert "815012345000" in str(ring), "the desk's number calls, not the caller's"
        assert CALLER not in str(ring)
        await person.accept()
        await line.phase("consulting")
        for command, phase in (("swap", "swapped"), ("swap", "consulting"), ("join", "conference")):
            assert (await line.ask(command))["talk"]["phase"] == phase
        await line.hear_each_other()
        assert (await line.ask("complete"))["talk"] is None
        await line.hear_each_other()
        await person.hangup()
        await line.caller.wait_for("CALL_CLOSED", PATIENCE_S)
        record = await line.record()
        tones = await recorded_tones(office.desk, line.call_id, (CALLER_HZ, AGENT_HZ, PERSON_HZ))
    assert (record["ended_by"], record["end_reason"], record["agents"]) == ("outside", "completed", ["sato"])
    told = [(t["kind"], t["by"], t["to"], t["result"]) for t in record["transfers"]]
    assert told == [("outside", "sato", E164, "answered")]
    (asked,) = record["consultations"]
    assert (asked["first"], asked["second"], asked["outside"], asked["result"]) == ("sato", None, E164, "handed_over")
    assert asked["answered_at"] <= asked["joined_at"] <= asked["ended_at"]
    assert tones["left", CALLER_HZ] > 2.0
    assert tones["left", PERSON_HZ] < 0.3
    assert tones["right", PERSON_HZ] > 1.0, "alone, after the agent; before that two tones lie over each other"
    assert tones["right", AGENT_HZ] > 0.5


async def test_whoever_is_not_there_gives_the_caller_back(office: Office) -> None:
    person, desk = office.person, office.desk
    async with a_talk(office) as line:
        await line.phase("talking")
        since = len(person.events)
        said = await line.ask("to_outside", NUMBER)
        assert (said["talk"]["phase"], said["talk"]["may"]) == ("calling", ["return"])
        ring = await line.rings(since)
        assert "815012345000" in str(ring), "the desk's number calls, not the caller's"
        assert CALLER not in str(ring)
        await person.hangup()  # busy: back to the agent who waits
        await line.phase("talking")
        since = len(person.events)
        await line.ask("to_outside", NUMBER)
        await line.rings(since)
        await person.accept()
        await person.wait_for("CALL_ESTABLISHED", PATIENCE_S, since=since)
        await person.hangup()  # in the middle of the notice: the caller was never theirs
        await line.phase("talking")
        since = len(person.events)
        await line.ask("to_outside", NUMBER)
        await line.rings(since)
        assert (await line.ask("return"))["talk"]["phase"] == "talking"
        await person.wait_for("CALL_CLOSED", PATIENCE_S, since=since)
        since, heard = len(person.events), len(desk.phones["sato"].events)
        await line.sato.set_state("break", "lunch")
        await line.ask("to_outside", NUMBER)
        await line.rings(since)
        await desk.phones["sato"].hangup()  # has left: the caller who comes back waits again, with their age
        await desk.phones["sato"].wait_for("CALL_CLOSED", PATIENCE_S, since=heard)
        await person.hangup()
        record = await line.record(lambda record: record["state"] == "queued")
        assert [t["result"] for t in record["transfers"]] == ["unanswered"] * 4
        assert record["talk_s"] is not None
        await line.caller.hangup()
        record = await line.record()
    assert record["ended_by"] == "caller"


async def test_a_server_that_dies_while_the_phone_outside_rings_changes_nothing(office: Office) -> None:
    person, desk = office.person, office.desk
    since, heard = len(person.events), len(desk.phones["sato"].events)
    async with a_talk(office) as line:
        await line.phase("talking")
        await line.ask("to_outside", NUMBER)
        await line.rings(since)
        left = await line.left()
        await kill(desk)
        await person.accept()
        await desk.phones["sato"].wait_for("CALL_CLOSED", PATIENCE_S, since=heard)  # not needed any more
        await line.hear_each_other()
        await desk.start_server()
        # Told by the snapshot: the server that asked for it may not have written it down.
        await line.record(lambda record: record["state"] == "talking" and bool(record["transfers"]))
        assert await line.left() == left, "a restart gives nobody new numbers"
        since = len(line.caller.events)
        await person.hangup()
        await line.caller.wait_for("CALL_CLOSED", PATIENCE_S, since=since)
        record = await line.record()
    assert record["end_reason"] == "completed"
    told = [(t["kind"], t["by"], t["to"], t["result"]) for t in record["transfers"]]
    assert told == [("outside", "sato", E164, "answered")]
