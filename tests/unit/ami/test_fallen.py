"""Nobody is pulled out of Asterisk's own queue by a decision that was made before the fallback was known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from cti.ami.feed import AmiFeed
from cti.domain.errors import Unavailable
from cti.domain.model import ChannelName
from tests.unit.ami.fakeasterisk import FakeAsterisk, fake_asterisk
from tests.unit.ami.test_actions import an_offer
from tests.unit.ami.test_feed import CHANNEL, EMPTY_LIST, Sink, a_feed, listing
from tests.unit.ami.test_resync import CALL, caller, leg

SNAPSHOT = f"Channel: {CHANNEL}\nUniqueid: 1.0\nChanVariable: CTI_CALL_ID={CALL}"
FELL_BACK = f"Event: UserEvent\nUserEvent: CtiFallback\n{SNAPSHOT}\nQueue: members"
QUEUED = f"Event: UserEvent\nUserEvent: CtiQueued\n{SNAPSHOT}\nQueue: members"
RINGS = f"Event: DialBegin\n{SNAPSHOT}\nDestChannel: PJSIP/demo-sato-00000002\nDestUniqueid: 1.1"
RANG_OUT = RINGS.replace("DialBegin", "DialEnd") + "\nDialStatus: NOANSWER"
ANSWERED = RINGS.replace("DialBegin", "DialEnd") + "\nDialStatus: ANSWER"
HUNG_UP = f"Event: Hangup\n{SNAPSHOT}\nCause: 16"


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with fake_asterisk() as server:
        server.answers.update({"Status": EMPTY_LIST, "DeviceStateList": EMPTY_LIST})
        yield server


async def told(fake: FakeAsterisk, feed: AmiFeed, *events: str) -> None:
    """These events, and proof that they have been read: the answer to a later action."""
    for event in events:
        fake.event(event)
    await feed.client.request({"Action": "Ping"})


async def moves(feed: AmiFeed) -> list[str]:
    """Which of the actions that move a caller are refused."""
    ask = feed.telephony
    tried = {
        "offer": ask.offer(an_offer(), channel=CHANNEL, endpoint="demo-sato"),
        "take_back": ask.take_back(channel=CHANNEL),
        "treat": ask.treat(channel=CHANNEL, treatment="closed"),
        "fetch_back": ask.fetch_back(channel=CHANNEL),
    }
    results = await asyncio.gather(*tried.values(), return_exceptions=True)
    assert all(result is None or isinstance(result, Unavailable) for result in results), results
    return [name for name, result in zip(tried, results, strict=True) if result is not None]


async def test_an_offer_decided_before_the_fallback_is_known_does_not_leave(fake: FakeAsterisk) -> None:
    """The event has been read, and still stands in front of the call desk: routing knows nothing of it."""
    async with a_feed(fake, Sink()) as feed:
        await told(fake, feed, FELL_BACK)
        assert await moves(feed) == ["offer", "take_back", "treat"]
        assert [(a["Context"], a["Exten"]) for a in fake.named("Redirect")] == [("cti-wait", "s")]  # to fetch back
        ways = [(a["Channel"], a["Value"]) for a in fake.named("Setvar") if a["Variable"] == "CTI_GO"]
        assert ways == [(CHANNEL, "cti-wait,s,1")]  # should they stray on the way (cti-stray)
        assert [a for a in fake.named("Setvar") if a["Variable"] == "CTI_OFFER" and a["Value"]] == []


async def test_who_is_back_in_the_wait_is_offered_again(fake: FakeAsterisk) -> None:
    async with a_feed(fake, Sink()) as feed:
        await told(fake, feed, FELL_BACK, QUEUED)
        assert await moves(feed) == []


@pytest.mark.parametrize("engaged", [(RINGS,), (RINGS, ANSWERED)])
async def test_who_is_rung_for_or_talks_there_is_not_fetched_either(fake: FakeAsterisk, engaged: list[str]) -> None:
    async with a_feed(fake, Sink()) as feed:
        await told(fake, feed, FELL_BACK, *engaged)
        assert "fetch_back" in await moves(feed)
        assert fake.named("Redirect") == []


async def test_whose_agent_did_not_answer_may_be_fetched(fake: FakeAsterisk) -> None:
    async with a_feed(fake, Sink()) as feed:
        await told(fake, feed, FELL_BACK, RINGS, RANG_OUT)
        assert "fetch_back" not in await moves(feed)


async def test_a_snapshot_finds_callers_whose_fallback_was_not_heard(fake: FakeAsterisk) -> None:
    fake.answers["Status"] = listing(caller("cti-fallback"), leg(state="5"))
    async with a_feed(fake, Sink()) as feed:
        assert await moves(feed) == ["offer", "take_back", "treat", "fetch_back"]


async def test_nobody_stays_there_for_ever(fake: FakeAsterisk) -> None:
    async with a_feed(fake, Sink()) as feed:
        await told(fake, feed, FELL_BACK)
        assert CHANNEL in feed.fallen
        await told(fake, feed, HUNG_UP)
        assert CHANNEL not in feed.fallen
        await told(fake, feed, FELL_BACK)
        feed.fallen.seen((), ())
        assert CHANNEL not in feed.fallen


async def test_a_server_that_was_frozen_does_not_end_a_phone_by_what_it_remembers(fake: FakeAsterisk) -> None:
    """The phone rang among others when it froze; who answered it meanwhile talks with the caller."""
    ringing = ChannelName("PJSIP/demo-sato-00000002")
    async with a_feed(fake, Sink()) as feed:
        await told(fake, feed, RINGS)
        await feed.telephony.stop_ring(leg=ringing)
        feed.heartbeat.anew()  # as after a gap: no beat is confirmed
        with pytest.raises(Unavailable):
            await feed.telephony.stop_ring(leg=ringing)
        assert [(a["Channel"], a["Cause"]) for a in fake.named("Hangup")] == [(ringing, "44")]
