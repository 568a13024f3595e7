"""An offer: one ring of one agent, by Setvar and Redirect."""

from __future__ import annotations

import asyncio
import signal

import pytest

from cti.demo.tones import tone_seconds
from tests.e2e.dialplan.rig import AGENT_HZ, CALLER_HZ, PHONE_SECRET, PROMPTS, Rig, samples
from tests.e2e.dialplan.sipstub import StubPhone, header

pytestmark = pytest.mark.asyncio(loop_scope="package")

NO_CONTACT = "Could not create dialog|Failed to create outgoing session|Unable to create channel|was not found"


async def test_an_offer_connects_with_sound_both_ways(rig: Rig) -> None:
    queued = await rig.waiting()
    call_id, since, seen = queued["CallID"], rig.ami.now, len(rig.sato.events)
    offer = await rig.offer(queued, "sato")
    began = await rig.ami.kind("DialBegin", since=since)
    assert began["CTI_CALL_ID"] == call_id
    assert began["DestChannel"].startswith("PJSIP/demo-sato-")
    recording = await rig.ami.user_event("CtiRecording", since=since, Side="agent")
    assert recording["CTI_CALL_ID"] == call_id
    assert recording["Offer"] == offer
    assert recording["File"] == f"{call_id}-a-{began['DestUniqueid']}"
    incoming = await rig.sato.wait_for("CALL_ESTABLISHED", since=seen)
    assert "09012345678" in incoming.peer  # the agent's phone shows who calls
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    await asyncio.sleep(1.5)  # the talk itself
    await rig.end()
    for name, hz, other in (
        (f"{call_id}-c-rx", CALLER_HZ, AGENT_HZ),
        (f"{recording['File']}-rx", AGENT_HZ, CALLER_HZ),
        (f"{recording['File']}-tx", CALLER_HZ, AGENT_HZ),
    ):
        sound = samples(rig.recordings / f"{name}.wav")
        assert tone_seconds(sound, hz) >= 1.2, name
        assert tone_seconds(sound, other) == 0, name


@pytest.mark.parametrize(
    ("agent", "code", "status", "cause", "agent_cause"),
    [
        ("busy", 486, "BUSY", "17", "17"),
        ("declining", 603, "CHANUNAVAIL", "21", "21"),
        ("absent", 404, "CHANUNAVAIL", "1", "1"),
        ("full", 503, "CONGESTION", "34", "34"),
        # Not followed: the leg is taken down by whichever of Dial and the channel driver comes first.
        ("forwarding", 302, "BUSY", "0", "23 or 0"),
    ],
)
async def test_a_phone_says_no(rig: Rig, agent: str, code: int, status: str, cause: str, agent_cause: str) -> None:
    phone = await stub(rig, agent, code)
    try:
        queued = await rig.waiting()
        since = rig.ami.now
        offer = await rig.offer(queued, agent)
        ended = await rig.ami.user_event("CtiOfferEnded", since=since, Offer=offer)
        assert (ended["Status"], ended["Cause"]) == (status, cause)
        assert header(phone.invite, "X-Kakehashi-Queue") == ""  # no page: the header would only delay the ring
        hangup = await rig.ami.kind("Hangup", since=since)
        assert hangup["Cause"] in agent_cause.split(" or ")
        await rig.ami.user_event("CtiQueued", since=since, CallID=queued["CallID"])
    finally:
        phone.stop()


async def test_a_phone_that_nobody_answers(rig: Rig) -> None:
    phone = await stub(rig, "silent", None)
    await rig.ami.setvar("CTI_PAGE_demo-silent", "1")  # as rendered for a phone in a browser
    try:
        queued = await rig.waiting()
        since = rig.ami.now
        offer = await rig.offer(queued, "silent", ring_s=1)
        ended = await rig.ami.user_event("CtiOfferEnded", since=since, Offer=offer)
        assert header(phone.invite, "X-Kakehashi-Queue") == "members"  # a page answers by itself by that
        assert (ended["Status"], ended["Cause"]) == ("NOANSWER", "0")
        assert (await rig.ami.kind("DialEnd", since=since))["DialStatus"] == "NOANSWER"
        await asyncio.wait_for(phone.cancelled.wait(), 2)
        # Nobody took it: no file was begun for that leg.
        assert not list(rig.recordings.glob(f"{queued['CallID']}-a-*"))
    finally:
        await rig.ami.setvar("CTI_PAGE_demo-silent", "")
        phone.stop()


async def test_a_phone_that_is_not_registered(rig: Rig) -> None:
    queued = await rig.waiting()
    since = rig.ami.now
    rig.expected_complaints = NO_CONTACT
    offer = await rig.offer(queued, "missing")
    ended = await rig.ami.user_event("CtiOfferEnded", since=since, Offer=offer, deadline_s=1)
    assert (ended["Status"], ended["Cause"]) == ("CHANUNAVAIL", "3")
    assert not [event for event in rig.ami.events[since:] if event["Event"] == "DialEnd"]
    await rig.ami.user_event("CtiQueued", since=since, CallID=queued["CallID"])


async def test_a_caller_who_hangs_up_while_it_rings(rig: Rig) -> None:
    # Asterisk's own race: the phone's last word to the cancel may come between its look at the session and its hang-up.
    rig.expected_complaints = "Session already DISCONNECTED"
    phone = await stub(rig, "silent", None)
    try:
        queued = await rig.waiting()
        since = rig.ami.now
        await rig.offer(queued, "silent", ring_s=20)
        await asyncio.wait_for(phone.rang.wait(), 2)
        await rig.end()
        await asyncio.wait_for(phone.cancelled.wait(), 2)
        assert (await rig.ami.kind("DialEnd", since=since))["DialStatus"] == "CANCEL"
        assert not [event for event in rig.ami.events[since:] if event.get("UserEvent") == "CtiOfferEnded"]
        requested = await rig.ami.kind("HangupRequest", since=since)
        assert requested["Channel"] == queued["Channel"]
    finally:
        phone.stop()


async def test_an_offer_that_is_taken_back(rig: Rig) -> None:
    phone = await stub(rig, "silent", None)
    try:
        queued = await rig.waiting()
        since = rig.ami.now
        await rig.offer(queued, "silent", ring_s=20)
        await asyncio.wait_for(phone.rang.wait(), 2)
        await rig.ami.redirect(queued["Channel"], "cti-wait")
        await asyncio.wait_for(phone.cancelled.wait(), 2)
        await rig.ami.user_event("CtiQueued", since=since, CallID=queued["CallID"])
    finally:
        phone.stop()


@pytest.mark.parametrize(
    "held",
    [
        "",  # none at all
        "ff" * 16 + "|7|demo-sato|20",  # another offer
        "0a" * 16 + "|6|demo-sato|20",  # made by a server that is no longer in charge
        "0a" * 16 + "||demo-sato|20",
        "0a" * 16,
    ],
)
async def test_a_stale_offer_rings_nobody(rig: Rig, held: str) -> None:
    queued = await rig.waiting()
    since = rig.ami.now
    await rig.ami.setvar("CTI_OFFER", held, queued["Channel"])
    await rig.ami.redirect(queued["Channel"], "cti-connect", "0a" * 16)
    stale = await rig.ami.user_event("CtiOfferStale", since=since)
    assert (stale["Offer"], stale["CallID"]) == ("0a" * 16, queued["CallID"])
    await rig.ami.user_event("CtiQueued", since=since, CallID=queued["CallID"])
    assert not [event for event in rig.ami.events[since:] if event["Event"] == "DialBegin"]
    # What the channel held it still holds: the right offer may be on its way.
    kept = await rig.ami.action("Getvar", Channel=queued["Channel"], Variable="CTI_OFFER")
    assert kept["Value"] == held


async def test_without_an_epoch_no_offer_is_good(rig: Rig) -> None:
    """After a restart of Asterisk, until the server has said who it is."""
    await rig.ami.setvar("CTI_EPOCH", "")
    try:
        queued = await rig.waiting()
        since = rig.ami.now
        await rig.offer(queued, "sato", epoch="")
        await rig.ami.user_event("CtiOfferStale", since=since)
    finally:
        await rig.ami.setvar("CTI_EPOCH", "7")


async def test_the_same_offer_twice_rings_once(rig: Rig) -> None:
    queued = await rig.waiting()
    since = rig.ami.now
    offer = await rig.offer(queued, "missing")
    rig.expected_complaints = NO_CONTACT
    await rig.ami.user_event("CtiOfferEnded", since=since, Offer=offer)
    again = rig.ami.now
    await rig.ami.redirect(queued["Channel"], "cti-connect", offer)
    await rig.ami.user_event("CtiOfferStale", since=again, Offer=offer)


async def test_an_offer_cannot_name_anything_but_a_phone(rig: Rig) -> None:
    queued = await rig.waiting()
    since = rig.ami.now
    offer = "0b" * 16
    rig.expected_complaints = NO_CONTACT
    await rig.ami.setvar("CTI_OFFER", f"{offer}|7|trunk/sip:1@127.0.0.1&Local/s@cti-wait,60,U(x)|5", queued["Channel"])
    await rig.ami.redirect(queued["Channel"], "cti-connect", offer)
    ended = await rig.ami.user_event("CtiOfferEnded", since=since, Offer=offer)
    assert ended["Status"] == "CHANUNAVAIL"
    assert not [event for event in rig.ami.events[since:] if event["Event"] == "DialBegin"]


async def test_an_agent_who_hangs_up_ends_the_call(rig: Rig) -> None:
    queued = await rig.waiting()
    since, seen = rig.ami.now, len(rig.caller.events)
    offer = await rig.offer(queued, "sato")
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    await rig.sato.hangup()
    ended = await rig.ami.user_event("CtiOfferEnded", since=since, Offer=offer)
    assert (ended["Status"], ended["Cause"]) == ("ANSWER", "16")
    hangup = await rig.ami.kind("Hangup", since=since, Channel=queued["Channel"])
    assert hangup["Cause"] == "16"
    requested = [event["Channel"] for event in rig.ami.events[since:] if event["Event"] == "HangupRequest"]
    assert len(requested) == 1
    assert requested[0].startswith("PJSIP/demo-sato-")
    await rig.caller.wait_for("CALL_CLOSED", since=seen)


async def test_an_agent_whose_sound_stops_costs_the_caller_no_call(rig: Rig) -> None:
    """Also when another agent's leg, that the caller was taken from, ended just now and in order."""
    queued = await rig.waiting()
    since, seen = rig.ami.now, len(rig.suzuki.events)
    await rig.offer(queued, "suzuki", offer="0f" * 16, ring_s=5)
    await rig.suzuki.wait_for("CALL_INCOMING", since=seen)
    await rig.suzuki.accept()
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    since = rig.ami.now
    offer = await rig.offer(queued, "sato")
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    await asyncio.sleep(0.3)  # rtp_timeout counts from the last packet: there must have been one
    rig.sato.child.signal(signal.SIGSTOP)
    try:
        rig.expected_complaints = "RTP|inactivity|lack of|Disconnecting"
        ended = await rig.ami.user_event("CtiOfferEnded", since=since, Offer=offer, deadline_s=8)
        assert (ended["Status"], ended["Cause"]) == ("ANSWER", "44")
        await rig.ami.user_event("CtiQueued", since=since, CallID=queued["CallID"])
    finally:
        rig.sato.child.signal(signal.SIGCONT)
    await rig.end()
    mix = samples(rig.recordings / f"{queued['CallID']}-c.wav")
    assert tone_seconds(mix, PROMPTS["agent-lost"], share=0.25) >= 0.15


async def stub(rig: Rig, agent: str, code: int | None) -> StubPhone:
    """A phone that answers with that code, registered."""
    return await StubPhone.start(f"demo-{agent}", PHONE_SECRET, ("127.0.0.1", rig.settings.sip_port), code)
