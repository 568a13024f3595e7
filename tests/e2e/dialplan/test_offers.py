"""An offer: one ring of one agent, by Setvar and Redirect."""

from __future__ import annotations

import asyncio

import pytest

from cti.demo.tones import tone_seconds
from tests.e2e.dialplan.rig import AGENT_HZ, CALLER_HZ, PHONE_SECRET, Rig, samples
from tests.e2e.dialplan.sipstub import StubPhone

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_an_offer_connects_with_sound_both_ways(rig: Rig) -> None:
    queued = await rig.waiting()
    call_id, since = queued["CallID"], rig.ami.now
    offer = await rig.offer(queued, "sato")
    began = await rig.ami.kind("DialBegin", since=since)
    assert began["CTI_CALL_ID"] == call_id
    assert began["DestChannel"].startswith("PJSIP/demo-sato-")
    recording = await rig.ami.user_event("CtiRecording", since=since, Side="agent")
    assert recording["CTI_CALL_ID"] == call_id
    assert recording["Offer"] == offer
    assert recording["File"] == f"{call_id}-a-{began['DestUniqueid']}"
    for event in ("CALL_ESTABLISHED",):
        await rig.sato.wait_for(event)
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    await asyncio.sleep(2.5)  # the talk itself
    await rig.end()
    for name, hz, other in (
        (f"{call_id}-c-rx", CALLER_HZ, AGENT_HZ),
        (f"{recording['File']}-rx", AGENT_HZ, CALLER_HZ),
        (f"{recording['File']}-tx", CALLER_HZ, AGENT_HZ),
    ):
        sound = samples(rig.recordings / f"{name}.wav")
        assert tone_seconds(sound, hz) >= 2, name
        assert tone_seconds(sound, other) == 0, name


@pytest.mark.parametrize(
    ("agent", "code", "status", "cause", "agent_cause"),
    [
        ("busy", 486, "BUSY", "17", "17"),
        ("declining", 603, "CHANUNAVAIL", "21", "21"),
        ("absent", 404, "CHANUNAVAIL", "1", "1"),
        ("full", 503, "CONGESTION", "34", "34"),
    ],
)
async def test_a_phone_says_no(rig: Rig, agent: str, code: int, status: str, cause: str, agent_cause: str) -> None:
    phone = await StubPhone.start(f"demo-{agent}", PHONE_SECRET, ("127.0.0.1", rig.settings.sip_port), code)
    try:
        queued = await rig.waiting()
        since = rig.ami.now
        offer = await rig.offer(queued, agent)
        ended = await rig.ami.user_event("CtiOfferEnded", since=since, Offer=offer)
        assert (ended["Status"], ended["Cause"]) == (status, cause)
        hungup = await rig.ami.kind("Hangup", since=since)
        assert hungup["Cause"] == agent_cause
        await rig.ami.user_event("CtiQueued", since=since, CallID=queued["CallID"])
    finally:
        phone.stop()
