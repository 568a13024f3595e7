"""Phones whose RTP numbers jump back within a leg: what the recording lacks is said, of callers and of agents. They are
desk phones that report nothing, so how they sounded is Asterisk's word as well."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import datetime

import pytest

from cti.demo.client import logged_in
from cti.demo.folders import LOOPBACK
from cti.demo.stack import TENANT, Stack
from cti.demo.tones import tone_seconds
from tests.e2e.desk.office import eventually, record_of, replayed
from tests.e2e.recording.rtp_phone import RtpPhone

pytestmark = pytest.mark.asyncio(loop_scope="package")

NUMBER = "05012345010"  # no menu before it
CALLER_HZ, AGENT_HZ = 440, 1000
BACK = 100  # packets: 2 s
FAR = 400  # 8 s
# A report tells within a second that a jump was; its place lies between two of them.
REPORT_S = 1.0


@asynccontextmanager
async def another_phone(desk: Stack, agent: str) -> AsyncIterator[RtpPhone]:
    """A phone in the place of the desk's own, which is put back: who registers last has the calls."""
    await desk.phones[agent].stop()
    server = (LOOPBACK, desk.ports.sip)
    phone = await RtpPhone.agent(f"{TENANT}-{agent}", desk.agent_secrets[agent], server, hz=AGENT_HZ)
    try:
        yield phone
    finally:
        phone.stop()
        await desk.start_agent_phone(agent, sound=AGENT_HZ)


async def parts(desk: Stack, call_id: str) -> int:
    """Files of the agent's leg."""
    spool = desk.folders.spool / "monitor"
    return len(list(spool.glob(f"{call_id}-a-*-rx.wav")))


async def test_what_jumps_of_numbers_cost_a_recording_is_said(desk: Stack) -> None:
    async with another_phone(desk, "sato") as agent:
        await jumps(desk, agent)


async def jumps(desk: Stack, agent: RtpPhone) -> None:
    server = (LOOPBACK, desk.ports.sip)
    with ExitStack() as phones:
        caller = await RtpPhone.caller("09012345678", server, hz=CALLER_HZ)
        phones.callback(caller.stop)
        async with logged_in(desk.web, "sato", desk.password("sato")) as sato:
            await sato.set_state("available")
            await caller.dial(NUMBER)
            talk = await eventually(lambda: sato.get("/api/my/call"), lambda said: bool(said["talk"]), 30.0)
            call_id = talk["talk"]["call_id"]
            await eventually(
                lambda: sato.get("/api/my/call"),
                lambda said: bool(said["talk"]) and said["talk"]["phase"] == "talking",
                20.0,
            )
            await asyncio.sleep(1.5)  # a report of each before
            # A phone that comes back from its own hold as another source: nothing is lost, for its leg went on in a
            # further file as it held.
            agent.talking.clear()
            await agent.renew("sendonly")
            await eventually(lambda: parts(desk, call_id), lambda found: found == 2, 20.0)
            await asyncio.sleep(1.0)  # Asterisk holds up to half a second of a side back: less would vanish
            await agent.renew("sendrecv")
            agent.jump(FAR)
            agent.talking.set()
            resumed_at = time.time()
            await asyncio.sleep(2.2)
            assert await parts(desk, call_id) == 2, "asked for once"
            caller.jump(BACK)
            caller._ssrc -= 1  # the same source: its numbers alone
            # And one that jumps without a word: until a report tells.
            agent.jump(FAR)
            await eventually(lambda: parts(desk, call_id), lambda found: found == 3, 20.0)
            await asyncio.sleep(1.0)  # until the caller has caught up
            caller.hang_up()
    record = await record_of(
        desk, call_id, lambda r: bool((r["recording"] or {}).get("began_at")) and len(r["quality"]) == 2
    )
    for one, whose in zip(record["quality"], (None, "sato"), strict=True):
        assert (one["agent"], one["measured_by"], one["loss_in"], one["loss_out"]) == (whose, "asterisk", None, 0.0)
        assert one["grade"] == "good"
        assert one["measured_s"] > 3
    lost = {one["side"]: one for one in record["recording"]["lost"]}
    assert set(lost) == {"caller", "agent"}, record["recording"]
    assert lost["agent"]["agent"] == "sato"
    assert lost["caller"]["seconds"] == pytest.approx(BACK * 0.02, abs=0.3), lost
    assert lost["agent"]["seconds"] < FAR * 0.02, lost
    left, right = await replayed(desk, call_id)
    for side, sound, hz in (("caller", left, CALLER_HZ), ("agent", right, AGENT_HZ)):
        told = lost[side]
        # Where it is said to be, and nowhere else, there is a hole of that length.
        around = sound[round(8000 * told["at_s"]) : round(8000 * (told["at_s"] + told["seconds"] + REPORT_S))]
        missing_s = len(around) / 8000 - tone_seconds(around, hz)
        assert told["seconds"] - REPORT_S - 0.5 < missing_s < told["seconds"] + 0.5, (side, lost, missing_s)
    resumed_s = resumed_at - datetime.fromisoformat(record["recording"]["began_at"]).timestamp()
    after = right[round(8000 * resumed_s) : round(8000 * (resumed_s + 1.2))]
    assert tone_seconds(after, AGENT_HZ) > 0.95, resumed_s  # looked at every 0.1 s, and a packet may be late
