"""What a real caller hears and what becomes of them when a queue is closed or full, on a real Asterisk."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cti.demo.client import logged_in
from cti.demo.stack import Stack
from cti.demo.tones import tone, write_wav
from tests.e2e.callbacks.steps import kill
from tests.e2e.desk.office import at_work, calling, eventually, newest_call, offered, record_of
from tests.e2e.queues.callers import console, instant, likeness, said_in, spool, told_in
from tests.e2e.queues.conftest import CLOSED, FULL

pytestmark = pytest.mark.asyncio(loop_scope="package")

LONG = "t-long"


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
        await asyncio.sleep(3)  # the length of what is spoken
        await caller.send_digits("#")
        await caller.wait_for("CALL_CLOSED", 15)
    record = await record_of(desk, call["call_id"], lambda it: it["end_reason"] == "treated")
    assert record["offers"] == []
    assert record["voicemail_at"] is not None
    item = await recording_of(desk, call["call_id"])
    told_s = (instant(record["voicemail_at"]) - instant(record["arrived_at"])).total_seconds()
    assert item["voicemail_s"] == pytest.approx(told_s, abs=1.0)
    assert item["duration_s"] > item["voicemail_s"] + 3
    assert not (spool(desk) / f"{call['call_id']}-m.wav").exists()
    async with logged_in(desk.web, "watanabe", desk.password("watanabe")) as qa:
        peaks = await qa.get(f"/api/recordings/{call['call_id']}/peaks")
    begin = int(item["voicemail_s"] * 1000 / peaks["step_ms"])
    assert max(peaks["left"][begin : begin + int(3000 / peaks["step_ms"])]) > 10


async def test_full_the_caller_is_told_and_the_next_server_leaves_them_to_the_words(desk: Stack) -> None:
    """The server dies in the middle of the words. The next one neither queues nor offers this caller, who is older than
    the one whom it does offer; the words, and what follows them, are the dialplan's."""
    write_wav(said_in(desk, LONG), tone(600, 120))
    said_in(desk, LONG).chmod(0o644)
    async with at_work(desk), calling(desk, number=FULL, keys="") as caller:
        call = await newest_call(desk, lambda call: call["queue"] == "full" and call["end_reason"] is None)
        channel = await eventually(lambda: told_in(desk, "cti-treat"), bool, 20)
        # Words that last for as long as any server takes to die and to start: the standard ones are soon over.
        await console(
            desk, f"dialplan set chanvar {channel} CTI_OWN_TEXT {LONG}", f"channel redirect {channel} cti-treat,full,1"
        )
        await kill(desk)
        await desk.start_server()
        async with at_work(desk, "smith") as screens, calling(desk, number=FULL, keys="", caller="080-2222-3333"):
            _, other = await screens["smith"].wait_for("pop", offered, "pop", 25)
            assert other["pop"]["call_id"] != call["call_id"]
            assert other["pop"]["queue"]["id"] == "full", (
                "who comes is served although the queue is full: somebody is free"
            )
            assert await told_in(desk, "cti-treat") == channel
        await console(desk, f"channel redirect {channel} cti-treat,say,standard")
        await caller.wait_for("CALL_CLOSED", 25)
    record = await record_of(desk, call["call_id"], lambda it: it["ended_at"] is not None)
    assert (record["end_reason"], record["ended_by"], record["offers"]) == ("treated", "system", [])
    assert likeness(desk, caller, "treat-full") > 0.8
