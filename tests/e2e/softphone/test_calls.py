"""A call rings in a real browser, is answered there, both sides hear each other, and the page hangs up."""

from __future__ import annotations

import asyncio
from array import array

import pytest

from cti.demo.client import logged_in
from cti.demo.stack import Stack
from cti.demo.tones import RATE_HZ, read_wav, tone_seconds
from tests.e2e.desk.office import at_work, calling, eventually, offered, record_of
from tests.e2e.softphone.page import AGENT_HZ, CALLER_HZ, Phone, decoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

TALK_S = 3.0


async def stored_sound(desk: Stack, call_id: str) -> list[array[int]]:
    """The recording's two channels, once it is stored."""
    async with logged_in(desk.web, "watanabe", desk.password("watanabe")) as qa:

        async def stored() -> bool:
            page = await qa.get("/api/recordings", limit="10")
            return any(r["call_id"] == call_id and r["status"] == "stored" for r in page["recordings"])

        await eventually(stored, bool, 20.0)
        async with qa.session.get(f"{qa.base}/api/recordings/{call_id}/audio") as response:
            assert response.status == 200
            return await decoded(await response.read())


async def test_a_call_in_the_browser(desk: Stack, phone: Phone) -> None:
    await phone.log_in()
    async with at_work(desk, "sato") as screens, calling(desk, sound=CALLER_HZ) as caller:
        _, offer = await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        call_id = offer["pop"]["call_id"]
        await phone.says("Ringing")
        await phone.press("Answer")
        await phone.says("On the line")
        hz, share = await phone.hears()
        assert hz == pytest.approx(CALLER_HZ, abs=12)
        assert share > 0.5
        await asyncio.sleep(TALK_S - 2)  # sound takes the time it takes
        await phone.press("Hang up")
        await caller.wait_for("CALL_CLOSED")
        await phone.says("Ready for calls")
        record = await record_of(desk, call_id, lambda record: record["ended_at"] is not None)
        heard, rate_hz = read_wav(caller.heard()[0])
    assert (record["end_reason"], record["ended_by"], record["agents"]) == ("completed", "agent", ["sato"])
    assert tone_seconds(heard[0], AGENT_HZ, rate_hz) > TALK_S / 2
    left, right = await stored_sound(desk, call_id)
    assert tone_seconds(left, CALLER_HZ, RATE_HZ) > TALK_S / 2
    assert tone_seconds(right, AGENT_HZ, RATE_HZ) > TALK_S / 2
