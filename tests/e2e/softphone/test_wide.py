"""A wide caller, a page, and somebody outside whose phone is narrow: who hears whom, and what is recorded how wide."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import pytest

from cti.demo.client import logged_in
from cti.demo.folders import LOOPBACK
from cti.demo.outside import MOBILE, OUTSIDE_HZ
from cti.demo.phones import Baresip
from cti.demo.stack import Stack
from tests.e2e.desk.office import at_work, commanded, eventually, in_phase, replayed
from tests.e2e.recording.rtp_phone import WIDE_HZ, RtpPhone
from tests.e2e.recording.test_calls import spans, two_tones
from tests.e2e.softphone.page import AGENT_HZ, CALLER_HZ, Phone

pytestmark = pytest.mark.asyncio(loop_scope="package")

NUMBER = "05012345010"  # no menu before it
WIDE_TONE_HZ = 5000  # above what G.711 carries


async def test_a_wide_caller_a_page_and_a_narrow_person_outside(desk: Stack, phone: Phone, person: Baresip) -> None:
    spool, server = desk.folders.spool / "monitor", (LOOPBACK, desk.ports.sip)
    caller = await RtpPhone.caller("09087654321", server, wide=two_tones(CALLER_HZ, WIDE_TONE_HZ))
    try:
        async with (
            at_work(desk, "sato") as screens,
            logged_in(desk.web, "sato", desk.password("sato")) as sato,
        ):
            await caller.dial(NUMBER)
            await phone.says("Ringing", 25.0)
            await phone.press("Answer")
            call_id = (await in_phase(screens["sato"], "talking"))["call_id"]
            # Both parts of the caller's sound reach the page, and after a hold too; each is half of it.
            await commanded(sato, "hold")
            await asyncio.sleep(0.5)
            await commanded(sato, "resume")
            hz, share = await phone.hears()
            assert min(abs(hz - CALLER_HZ), abs(hz - WIDE_TONE_HZ)) < 12
            assert 0.3 < share < 0.7
            heard = caller.heard(time.time() - 1.5, time.time())
            assert sum(off - on for on, off in spans(heard, AGENT_HZ, rate_hz=WIDE_HZ)) > 0.5
            since = len(person.events)
            await commanded(sato, "consult_outside", MOBILE)
            await person.wait_for("CALL_INCOMING", 20.0, since=since)
            await person.accept()
            await in_phase(screens["sato"], "consulting")
            await commanded(sato, "join")
            await commanded(sato, "complete")
            began = time.time()

            async def person_s() -> float:
                heard = caller.heard(began, time.time())
                return sum(off - on for on, off in spans(heard, OUTSIDE_HZ, rate_hz=WIDE_HZ))

            await eventually(person_s, lambda seconds: seconds > 1.0, 15.0)
            files = sorted(path.suffix for path in spool.glob(f"{call_id}-*-rx.wav*"))
            caller.hang_up()
            await phone.says("Ready for calls")
    finally:
        caller.stop()
    assert files == [".wav", ".wav16", ".wav16"]  # the person's; the caller's and the page's
    left, right = await replayed(desk, call_id)
    assert sum(off - on for on, off in spans(left, CALLER_HZ, share=0.3)) > 3.0
    assert sum(off - on for on, off in spans(right, OUTSIDE_HZ)) > 1.0
    database = await asyncpg.connect(desk.postgres.url)
    try:
        assert await database.fetchval("SELECT rate FROM recordings WHERE call_id = $1", call_id) == WIDE_HZ
    finally:
        await database.close()
