"""An offer to several agents: one Dial rings all of them, the first to answer has the caller, nobody else ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cti.demo.phones import Baresip, PhoneAccount, start_phone
from tests.e2e.dialplan.ami import Message
from tests.e2e.dialplan.rig import PHONE_SECRET, Rig
from tests.e2e.dialplan.test_offers import NO_CONTACT, stub

pytestmark = pytest.mark.asyncio(loop_scope="package")

# Agents with a phone that is answered by hand, whose name is free in the rig.
HANDS = ("silent", "absent", "full")


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def phones(shared_rig: Rig) -> AsyncIterator[dict[str, Baresip]]:
    """Three agents' phones that nobody picks up by themselves."""
    rig = shared_rig
    made = [
        await start_phone(
            rig.run,
            rig.pool,
            PhoneAccount(user=f"demo-{name}", server=rig.server, password=PHONE_SECRET, register=True),
            name=f"hand-{name}",
            answer="manual",
        )
        for name in HANDS
    ]
    yield dict(zip(HANDS, made, strict=True))
    for phone in made:
        await phone.stop()


async def all_ring(rig: Rig, phones: dict[str, Baresip], *, ring_s: int = 20) -> tuple[Message, str, int]:
    """A caller for whom all three ring: the CtiQueued event, the offer, and the place in the events."""
    queued = await rig.waiting()
    since, seen = rig.ami.now, {name: len(phone.events) for name, phone in phones.items()}
    offer = await rig.offer(queued, "&demo-".join(HANDS), ring_s=ring_s)
    for name, phone in phones.items():
        await phone.wait_for("CALL_INCOMING", since=seen[name])
    return queued, offer, since


def bridged(rig: Rig, since: int) -> set[str]:
    """Agents whose leg was in a bridge."""
    entered = (event["Channel"] for event in rig.ami.events[since:] if event["Event"] == "BridgeEnter")
    return {channel.split("-")[1] for channel in entered if channel.startswith("PJSIP/demo-")}


async def test_the_first_to_answer_has_the_caller_and_the_others_stop(rig: Rig, phones: dict[str, Baresip]) -> None:
    queued, offer, since = await all_ring(rig, phones)
    winner, others = HANDS[1], (HANDS[0], HANDS[2])
    seen = {name: len(phones[name].events) for name in others}
    await phones[winner].accept()
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    for name in others:
        await phones[name].wait_for("CALL_CLOSED", since=seen[name])
        leg = await leg_of(rig, since, name)
        assert (await rig.ami.kind("DialEnd", since=since, DestChannel=leg))["DialStatus"] == "CANCEL"
        assert (await rig.ami.kind("Hangup", since=since, Channel=leg))["Cause"] == "26"  # answered elsewhere
    recording = await rig.ami.user_event("CtiRecording", since=since, Side="agent")
    assert recording["Offer"] == offer
    assert bridged(rig, since) == {winner}
    await rig.end()
    # Only the leg of the talk was recorded.
    assert [path.name for path in rig.recordings.glob(f"{queued['CallID']}-a-*-rx.wav")] == [
        f"{recording['File']}-rx.wav"
    ]


async def test_two_who_accept_at_once_are_never_both_connected(rig: Rig, phones: dict[str, Baresip]) -> None:
    for _ in range(3):
        queued, _, since = await all_ring(rig, phones)
        await asyncio.gather(*(phones[name].accept() for name in HANDS))
        await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
        answered = [event for event in rig.ami.events[since:] if event.get("DialStatus") == "ANSWER"]
        assert len(answered) == 1
        losers = set(HANDS) - {answered[0]["DestChannel"].split("-")[1]}
        for name in losers:
            await rig.ami.wait(
                lambda event, name=name: event["Event"] == "Hangup" and f"demo-{name}-" in event["Channel"],  # type: ignore[misc]
                since=since,
            )
        await rig.end()
        assert bridged(rig, since) == set(HANDS) - losers
        assert len(list(rig.recordings.glob(f"{queued['CallID']}-a-*-rx.wav"))) == 1


async def test_one_who_declines_is_told_apart_and_the_others_ring_on(rig: Rig, phones: dict[str, Baresip]) -> None:
    queued, _, since = await all_ring(rig, phones)
    await phones[HANDS[0]].hangup()
    gone = await rig.ami.kind("Hangup", since=since)
    assert gone["Channel"].startswith(f"PJSIP/demo-{HANDS[0]}-")
    assert gone["Cause"] in ("17", "21")
    await phones[HANDS[2]].accept()
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    assert bridged(rig, since) == {HANDS[2]}
    await rig.end()


async def test_a_caller_who_hangs_up_ends_every_ring(rig: Rig, phones: dict[str, Baresip]) -> None:
    _, _, since = await all_ring(rig, phones)
    seen = {name: len(phone.events) for name, phone in phones.items()}
    await rig.end()
    for name, phone in phones.items():
        await phone.wait_for("CALL_CLOSED", since=seen[name])
    assert bridged(rig, since) == set()
    assert [event["DialStatus"] for event in rig.ami.events[since:] if event["Event"] == "DialEnd"] == ["CANCEL"] * 3


async def test_nobody_answers_and_each_leg_says_so(rig: Rig, phones: dict[str, Baresip]) -> None:
    queued, offer, since = await all_ring(rig, phones, ring_s=1)
    ended = await rig.ami.user_event("CtiOfferEnded", since=since, Offer=offer)
    assert ended["Status"] == "NOANSWER"
    await rig.ami.user_event("CtiQueued", since=since, CallID=queued["CallID"])
    assert [event["DialStatus"] for event in rig.ami.events[since:] if event["Event"] == "DialEnd"] == ["NOANSWER"] * 3
    for name in HANDS:  # told after the caller is back in the loop
        leg = await leg_of(rig, since, name)
        assert (await rig.ami.kind("Hangup", since=since, Channel=leg))["Cause"] == "0"


async def test_a_phone_that_is_not_registered_does_not_keep_the_others_from_ringing(rig: Rig) -> None:
    phone = await stub(rig, "declining", 486)
    rig.expected_complaints = NO_CONTACT
    try:
        queued = await rig.waiting()
        since = rig.ami.now
        offer = await rig.offer(queued, "missing&demo-declining")
        await rig.ami.user_event("CtiOfferEnded", since=since, Offer=offer)
        began = [event["DestChannel"] for event in rig.ami.events[since:] if event["Event"] == "DialBegin"]
        assert len(began) == 1
        assert began[0].startswith("PJSIP/demo-declining-")
    finally:
        phone.stop()


async def test_one_ring_of_several_is_stopped_and_a_caller_it_had_just_answered_waits_again(
    rig: Rig, phones: dict[str, Baresip]
) -> None:
    """As the server stops it: Hangup of the leg with cause 44."""
    queued, _, since = await all_ring(rig, phones)
    leg = await leg_of(rig, since, HANDS[0])
    seen = len(phones[HANDS[0]].events)
    await rig.ami.action("Hangup", Channel=leg, Cause="44")
    await phones[HANDS[0]].wait_for("CALL_CLOSED", since=seen)
    assert not [event for event in rig.ami.events[since:] if event.get("UserEvent") == "CtiOfferEnded"]
    await phones[HANDS[1]].accept()
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    assert bridged(rig, since) == {HANDS[1]}
    # Too late: it was answered meanwhile.
    again = rig.ami.now
    await rig.ami.action("Hangup", Channel=await leg_of(rig, since, HANDS[1]), Cause="44")
    await rig.ami.user_event("CtiQueued", since=again, CallID=queued["CallID"])


async def leg_of(rig: Rig, since: int, name: str) -> str:
    began = await rig.ami.wait(
        lambda event: event["Event"] == "DialBegin" and f"demo-{name}-" in event["DestChannel"], since=since
    )
    return began["DestChannel"]
