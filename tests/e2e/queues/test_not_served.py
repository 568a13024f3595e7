"""What a real caller hears and what becomes of them when a queue is closed, full or slow, on a real Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cti.demo.client import logged_in
from cti.demo.phones import Baresip
from cti.demo.stack import Stack
from cti.demo.tones import read_wav, tone_seconds
from cti.domain.spoken import sound_name
from tests.e2e.desk.office import at_work, calling, eventually, newest_call, of_call, offered, record_of
from tests.e2e.ivr.test_heard import place, samples
from tests.e2e.queues.conftest import CLOSED, FULL, NIGHT, OVERFLOW_S, SLOW

pytestmark = pytest.mark.asyncio(loop_scope="package")

TONE_HZ = 440


def spool(desk: Stack) -> Path:
    return desk.folders.spool / "monitor"


async def message_begun(desk: Stack, call_id: str) -> None:
    """Asterisk writes the message."""

    async def size() -> int:
        file = spool(desk) / f"{call_id}-m.wav"
        return file.stat().st_size if file.exists() else 0

    await eventually(size, lambda found: found > 0, 20)


async def recording_of(desk: Stack, call_id: str, deadline_s: float = 25.0) -> Any:
    """The line of QA's list, once it is stored."""
    async with logged_in(desk.web, "watanabe", desk.password("watanabe")) as qa:
        page = await eventually(
            lambda: qa.get("/api/recordings"),
            lambda page: any(it["call_id"] == call_id and it["status"] == "stored" for it in page["recordings"]),
            deadline_s,
        )
    return next(item for item in page["recordings"] if item["call_id"] == call_id)


async def test_closed_a_message_is_left_and_arrives_in_qas_list(desk: Stack) -> None:
    async with at_work(desk, "suzuki", "smith"), calling(desk, number=CLOSED, keys="") as caller:
        call = await newest_call(desk, lambda call: call["queue"] == "closed")
        await message_begun(desk, call["call_id"])
        await asyncio.sleep(4)  # the length of what is spoken
        await caller.send_digits("#")
        await caller.wait_for("CALL_CLOSED", 15)
    record = await record_of(desk, call["call_id"], lambda it: it["end_reason"] == "treated")
    assert record["offers"] == []
    assert record["voicemail_at"] is not None
    item = await recording_of(desk, call["call_id"])
    told_s = (instant(record["voicemail_at"]) - instant(record["arrived_at"])).total_seconds()
    assert item["voicemail_s"] == pytest.approx(told_s, abs=1.0)
    assert item["duration_s"] > item["voicemail_s"] + 4
    assert not (spool(desk) / f"{call['call_id']}-m.wav").exists()
    async with logged_in(desk.web, "watanabe", desk.password("watanabe")) as qa:
        peaks = await qa.get(f"/api/recordings/{call['call_id']}/peaks")
    begin = int(item["voicemail_s"] * 1000 / peaks["step_ms"])
    assert max(peaks["left"][begin : begin + int(3000 / peaks["step_ms"])]) > 10


async def test_full_the_caller_is_told(desk: Stack) -> None:
    async with at_work(desk), calling(desk, number=FULL, keys="") as caller:
        await caller.wait_for("CALL_CLOSED", 25)
        call = await newest_call(desk, lambda call: call["queue"] == "full" and call["end_reason"] is not None)
    assert (call["end_reason"], call["ended_by"]) == ("treated", "system")
    assert likeness(desk, caller, "treat-full") > 0.8


async def test_an_announcement_is_spoken_and_heard(desk: Stack) -> None:
    """Published as a supervisor does it; a caller who has to wait hears it a moment later, before any other words."""
    words = {"ja": "台風のため、到着が遅れています。", "en": "Because of a typhoon we are late."}
    ends_at = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as supervisor:
        wanted = {"queue": "slow", "text": words, "ends_at": ends_at}
        async with supervisor.session.post(f"{desk.web}/api/announcements", json=wanted) as answer:
            assert answer.status == 200, await answer.text()
            made = await answer.json()
        async with resting(desk), calling(desk, number=SLOW, keys="") as caller:
            await newest_call(desk, lambda call: call["queue"] == "slow")
            await asyncio.sleep(6)  # the notice, a second of music, the words
            await caller.hangup()
            await caller.wait_for("CALL_CLOSED")
        async with supervisor.session.delete(f"{desk.web}/api/announcements/{made['id']}") as answer:
            assert answer.status == 204
    assert likeness(desk, caller, sound_name(words["ja"], words["en"])) > 0.8


async def test_full_but_somebody_is_free(desk: Stack) -> None:
    async with at_work(desk, "smith") as screens, calling(desk, number=FULL, keys=""):
        _, pop = await screens["smith"].wait_for("pop", offered, "pop")
        await record_of(desk, pop["pop"]["call_id"], lambda it: it["queue"] == "full")


async def test_overflow_to_the_other_queues_agent_with_the_age(desk: Stack) -> None:
    """Suzuki, the only one of the slow queue, talks; Smith, of the other queue, gets the caller after the overflow."""
    async with at_work(desk, "suzuki", "smith") as screens, calling(desk, number=SLOW, keys="") as first:
        _, pop = await screens["suzuki"].wait_for("pop", offered, "pop")
        await desk.phones["suzuki"].accept()
        await screens["suzuki"].wait_for("talk", of_call("pop.answered", pop["pop"]["call_id"]), "talk")
        async with calling(desk, number=SLOW, keys="", caller="080-2222-3333"):
            _, moved = await screens["smith"].wait_for("pop", offered, "pop", OVERFLOW_S + 15)
            record = await record_of(desk, moved["pop"]["call_id"], lambda it: it["queue"] == "english")
        await first.hangup()
    waited_s = (instant(record["offers"][0]["offered_at"]) - instant(record["queued_at"])).total_seconds()
    assert OVERFLOW_S - 0.5 < waited_s < OVERFLOW_S + 5
    conn = await asyncpg.connect(desk.postgres.url)
    try:
        why = await conn.fetch(
            "SELECT slug, result FROM routing_decisions WHERE call_id = $1 ORDER BY at", record["call_id"]
        )
    finally:
        await conn.close()
    assert [tuple(row) for row in why if row["result"] == "overflow"] == [("overflow_waited", "overflow")]


async def test_without_our_server_a_message_is_taken_all_the_same(desk: Stack) -> None:
    assert desk.server is not None
    await desk.server.stop()
    try:
        async with calling(desk, number=NIGHT, keys="", sound=TONE_HZ):
            found = await eventually(lambda: marks(desk), lambda files: len(files) > 0, 25)
            await asyncio.sleep(3)
        sound = await eventually(lambda: heard(found[0]), lambda seconds: seconds > 2, 5)
        assert sound > 2
    finally:
        await desk.start_server()


@asynccontextmanager
async def resting(desk: Stack) -> AsyncIterator[None]:
    """Suzuki is there, and takes a break: callers wait."""
    async with logged_in(desk.web, "suzuki", desk.password("suzuki")) as suzuki:
        await suzuki.set_state("break", "lunch")
        yield
        await suzuki.set_state("offline")


def likeness(desk: Stack, caller: Baresip, prompt: str) -> float:
    """How well a prompt is found in what the caller heard, 0 to 1."""
    (heard,) = caller.heard()
    spoken = desk.run.path / "sounds" / "kakehashi" / "ja" / f"{prompt}.wav"
    return place(samples(heard), samples(spoken)[:16_000])[0]


async def marks(desk: Stack) -> list[Path]:
    return sorted(spool(desk).glob("*-m.wav"))


async def heard(file: Path) -> float:
    try:
        channels, rate = read_wav(file)
    except (EOFError, ValueError):
        return 0.0
    return tone_seconds(channels[0], TONE_HZ, rate)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
