"""Client, telephony, heartbeat and audits on a scripted peer: order, deadlines, refusals."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from cti.ami import feed as feed_module
from cti.ami.client import AmiClient
from cti.ami.errors import AmiRefused, AsteriskTooOld, OutcomeUnknown
from cti.ami.feed import AmiFeed
from cti.ami.frames import Headers
from cti.ami.protocol import MAX_PENDING
from cti.domain import signals as sig
from cti.domain.errors import CallerError, NotAllowed, NotFound, Unavailable
from cti.domain.model import CallId, CallState, ChannelName
from tests.unit.ami.fakeasterisk import FakeAsterisk, fake_asterisk, settings
from tests.unit.ami.test_actions import an_offer
from tests.unit.ami.test_resync import CALL, caller

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
CHANNEL = ChannelName("PJSIP/trunk-00000001")
EMPTY_LIST = "Response: Success\nEventList: start\n\nEvent: Complete\nEventList: Complete"


class Sink:
    """Keeps what is posted."""

    def __init__(self) -> None:
        self.signals: list[sig.Signal] = []

    def post(self, signal: sig.Signal) -> None:
        self.signals.append(signal)

    def kinds(self) -> list[str]:
        return [type(s).__name__ for s in self.signals]


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with fake_asterisk() as server:
        server.answers.update({"Status": EMPTY_LIST, "DeviceStateList": EMPTY_LIST})
        yield server


@contextlib.asynccontextmanager
async def a_feed(
    fake: FakeAsterisk, sink: Sink, known: dict[CallId, CallState] | None = None, **changes: object
) -> AsyncIterator[AmiFeed]:
    feed = AmiFeed(settings(fake, **changes), sink, known=lambda: known or {}, clock=lambda: NOW)
    await feed.start()
    try:
        await feed.client.wait_up(5)
        yield feed
    finally:
        await feed.stop()


def listing(*items: dict[str, str], between: str = "") -> str:
    """A Status answer; ``between`` comes before its end, as events of other things do."""
    parts = ["Response: Success\nEventList: start"]
    for item in items:
        lines = []
        for key, value in item.items():
            lines += [f"{key}: {line}" for line in value.split("\n")]
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, *([between] if between else []), "Event: StatusComplete\nEventList: Complete"])


async def test_at_start_epoch_beat_and_snapshot_come_before_anybody_may_act(fake: FakeAsterisk) -> None:
    fake.answers["Status"] = lambda _: listing(caller())
    fake.answers["DeviceStateList"] = (
        "Response: Success\nEventList: start\n\nEvent: DeviceStateChange\nDevice: PJSIP/demo-sato\nState: NOT_INUSE\n\n"
        "Event: DeviceStateListComplete\nEventList: Complete"
    )
    sink = Sink()
    async with a_feed(fake, sink) as feed:
        assert sink.kinds() == ["DeviceChanged", "CallerArrived", "CallerQueued", "ChannelsSeen", "LinkChanged"]
        names = [(a["Action"], a.get("Variable")) for a in fake.actions[:5]]
        assert names[:3] == [("Login", None), ("CoreSettings", None), ("Getvar", "CTI_EPOCH")]
        assert names[3:] == [("Setvar", "CTI_EPOCH"), ("Setvar", "CTI_BEAT")]
        assert fake.named("Setvar")[0]["Value"] == feed.epoch
        (seen,) = [s for s in sink.signals if isinstance(s, sig.ChannelsSeen)]
        assert seen.uniqueids == {"1.0"}


async def test_nobody_acts_while_the_first_snapshot_is_taken(fake: FakeAsterisk) -> None:
    fake.answers["Status"] = None
    feed = AmiFeed(settings(fake), Sink(), known=dict, clock=lambda: NOW)
    await feed.start()
    await fake.received("Status")
    with pytest.raises(Unavailable):
        await feed.telephony.hang_up(channel=CHANNEL)
    await feed.stop()


async def test_a_channel_that_appears_while_the_snapshot_is_taken_counts_as_seen(fake: FakeAsterisk) -> None:
    """Asterisk makes the list, then tells what happened meanwhile, then answers the ping."""
    sink = Sink()
    born = (
        f"Event: UserEvent\nUserEvent: CtiArrived\nTenant: demo\nChannel: PJSIP/trunk-9\nUniqueid: 9.0\nCallID: {CALL}"
    )

    def status(action: Headers) -> str:
        asyncio.get_running_loop().call_soon(fake.event, born)
        return listing()

    fake.answers["Status"] = status
    async with a_feed(fake, sink):
        await asyncio.sleep(0)
        (seen,) = [s for s in sink.signals if isinstance(s, sig.ChannelsSeen)]
        assert "CallerArrived" in sink.kinds()
        assert seen.uniqueids == {"9.0"}


async def test_the_snapshot_stands_at_its_place_in_the_stream(fake: FakeAsterisk) -> None:
    """A hang-up that is told right behind the list must come after what the list said."""
    sink = Sink()
    hung_up = "Event: Hangup\nChannel: PJSIP/trunk-00000001\nUniqueid: 1.0\nCause: 16"
    fake.answers["Status"] = lambda _: listing(caller()) + "\n\n" + hung_up
    async with a_feed(fake, sink):
        kinds = sink.kinds()
        assert kinds.index("CallerArrived") < kinds.index("ChannelHungUp") < kinds.index("ChannelsSeen")


async def test_ends_that_are_told_after_the_list_come_before_who_is_missing(fake: FakeAsterisk) -> None:
    """Asterisk tells what happened while it made the list before it answers the next action."""
    hung_up = "Event: Hangup\nChannel: PJSIP/trunk-00000001\nUniqueid: 1.0\nCause: 16"

    def ping(_: Headers) -> str:
        fake.event(hung_up)
        return "Response: Success\nPing: Pong"

    fake.answers["Ping"] = ping
    sink = Sink()
    async with a_feed(fake, sink):
        assert sink.kinds()[:2] == ["ChannelHungUp", "ChannelsSeen"]


async def test_a_snapshot_that_cannot_be_merged_ends_no_call_and_is_taken_again(fake: FakeAsterisk) -> None:
    """A mistake of ours in the middle of it must not look like an Asterisk without calls."""
    broken = True
    sink = Sink()

    def known() -> dict[CallId, CallState]:
        if broken:
            raise ZeroDivisionError("a bug")
        return {}

    feed = AmiFeed(settings(fake), sink, known=known, clock=lambda: NOW)
    await feed.start()
    await fake.received("Status", 2)
    assert "ChannelsSeen" not in sink.kinds()
    assert not feed.client.up
    broken = False
    await feed.client.wait_up(5)
    assert "ChannelsSeen" in sink.kinds()
    await feed.stop()


async def test_a_mistake_of_ours_at_log_in_does_not_end_the_reconnecting(fake: FakeAsterisk) -> None:
    tries: list[int] = []

    async def on_up() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ZeroDivisionError("a bug")

    client = AmiClient(settings(fake), wanted=(), on_frame=print, on_up=on_up)
    await client.start()
    await client.wait_up(5)
    assert (len(tries), client.handler_failures) == (3, 2)
    await client.stop()


async def test_a_mistake_of_ours_costs_one_beat(fake: FakeAsterisk) -> None:
    ill = [ZeroDivisionError("a bug")]

    def alive() -> bool:
        if ill:
            raise ill.pop()
        return True

    feed = AmiFeed(settings(fake), Sink(), known=dict, alive=alive, clock=lambda: NOW)
    await feed.client.start()
    await feed.client.wait_up(5)
    assert feed.heartbeat.missed == 1
    assert await feed.heartbeat.beat()
    await feed.stop()


async def test_answered_actions_are_forgotten(fake: FakeAsterisk) -> None:
    """More of them than may be under way at once."""
    async with a_feed(fake, Sink()) as feed:
        for _ in range(MAX_PENDING + 100):
            await feed.client.request({"Action": "Ping"})
        assert feed.client.up


async def test_too_many_actions_under_way_are_refused(fake: FakeAsterisk) -> None:
    async with a_feed(fake, Sink()) as feed:
        fake.answers["Hangup"] = None
        action = {"Action": "Hangup", "Channel": CHANNEL}
        waiting = feed.client.submit_all([action] * (MAX_PENDING - 10))
        with pytest.raises(Unavailable, match="too many"):
            feed.client.submit_all([action] * 20)
        with pytest.raises(OutcomeUnknown):
            await waiting[0]
        await feed.client.request({"Action": "Ping"})


async def test_after_a_long_outage_the_next_short_one_is_short(fake: FakeAsterisk) -> None:
    await fake.stop()
    tries: list[float] = []

    def jitter() -> float:
        tries.append(1.0)
        return 1.0

    client = AmiClient(
        settings(fake, backoff_first_s=0.02, backoff_max_s=5.0), wanted=(), on_frame=print,
        jitter=jitter,
    )  # fmt: skip
    await client.start()
    async with asyncio.timeout(10):
        while len(tries) < 6:  # the next wait is 0.64 s, and the one after it 1.28 s
            await asyncio.sleep(0.01)
    await fake.start()
    await client.wait_up(5)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    fake.drop()
    await fake.connected(2)
    assert loop.time() - began_s < 0.5
    await client.stop()


async def test_an_offer_leaves_in_one_piece(fake: FakeAsterisk) -> None:
    """The Redirect does not wait for the answer to the Setvar."""
    async with a_feed(fake, Sink()) as feed:
        held = len(fake.actions)
        fake.answers["Setvar"] = None
        offering = asyncio.ensure_future(feed.telephony.offer(an_offer(), channel=CHANNEL, endpoint="demo-sato"))
        await fake.received("Redirect")
        ours = [a for a in fake.actions[held:] if a.get("Variable") != "CTI_BEAT" and a["Action"] != "Ping"]
        assert [a["Action"] for a in ours] == ["Setvar", "Redirect"]
        assert ours[0]["Value"] == f"{'0a' * 16}|{feed.epoch}|demo-sato|20"
        with pytest.raises(OutcomeUnknown):
            await offering


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("No such channel", NotFound),
        ("Channel does not exist: PJSIP/trunk-00000001", NotFound),
        ("Permission denied", NotAllowed),
        ("Something else", Unavailable),
    ],
)
async def test_what_asterisk_refuses(fake: FakeAsterisk, message: str, error: type[Exception]) -> None:
    async with a_feed(fake, Sink()) as feed:
        fake.answers["Hangup"] = f"Response: Error\nMessage: {message}"
        with pytest.raises(error, match=message.split(":")[0]):
            await feed.telephony.hang_up(channel=CHANNEL)


async def test_a_value_with_a_line_break_is_refused_before_anything_is_sent(fake: FakeAsterisk) -> None:
    async with a_feed(fake, Sink()) as feed:
        held = len(fake.named("Setvar"))
        with pytest.raises(CallerError):
            await feed.telephony.set_variables(channel=CHANNEL, variables={"GOOD": "1", "BAD": "1\r\nAction: Logoff"})
        await feed.telephony.set_variables(channel=CHANNEL, variables={})
        names = {a["Variable"] for a in fake.named("Setvar")[held:]}
        assert names <= {"CTI_BEAT"}


async def test_the_heart_stops_when_those_who_serve_callers_are_not_well(fake: FakeAsterisk) -> None:
    well = True
    feed = AmiFeed(settings(fake), Sink(), known=dict, alive=lambda: well, clock=lambda: NOW)
    await feed.start()
    await feed.client.wait_up(5)
    assert await feed.heartbeat.beat()
    well = False
    sent = len(fake.named("Setvar"))
    assert not await feed.heartbeat.beat()
    assert len(fake.named("Setvar")) == sent
    assert feed.heartbeat.missed == 1
    await feed.stop()


async def test_a_beat_that_asterisk_does_not_confirm_is_missed(fake: FakeAsterisk) -> None:
    async with a_feed(fake, Sink()) as feed:
        fake.answers["Setvar"] = "Response: Error\nMessage: Permission denied"
        assert not await feed.heartbeat.beat()


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ("Response: Success\nAsteriskVersion: 20.1.0", AsteriskTooOld, "upgrade"),
        ("Response: Error\nMessage: Permission denied", AmiRefused, "reporting"),
    ],
)
async def test_an_asterisk_that_is_too_old_is_refused_and_not_tried_again(
    fake: FakeAsterisk, answer: str, error: type[Exception], words: str
) -> None:
    fake.answers["CoreSettings"] = answer
    feed = AmiFeed(settings(fake), Sink(), known=dict, clock=lambda: NOW)
    await feed.start()
    with pytest.raises(error, match=words):
        await feed.client.wait_up(5)
    assert fake.connections == 1
    await feed.stop()


async def test_a_peer_that_is_not_asterisk_is_named_and_tried_again(fake: FakeAsterisk) -> None:
    fake.greeting = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    client = AmiClient(settings(fake), wanted=(), on_frame=lambda _: None)
    await client.start()
    await fake.connected(2)
    with pytest.raises(Unavailable, match="not Asterisk"):
        await client.wait_up(0.05)
    fake.greeting = b"Asterisk Call Manager/11.0.0\r\n"
    await client.wait_up(5)
    assert client.problem is None
    await client.stop()


async def test_a_peer_that_says_nothing_is_given_up(fake: FakeAsterisk) -> None:
    fake.greeting = b""
    client = AmiClient(settings(fake, connect_s=0.1), wanted=(), on_frame=lambda _: None)
    await client.start()
    with pytest.raises(Unavailable, match="did not greet"):
        await client.wait_up(0.5)
    await client.stop()


async def test_nobody_listens_there() -> None:
    async with fake_asterisk() as gone:
        free = settings(gone)
    client = AmiClient(free, wanted=(), on_frame=lambda _: None)
    await client.start()
    with pytest.raises(Unavailable, match="cannot be reached"):
        await client.wait_up(0.2)
    await client.stop()


async def test_a_log_in_refused_for_now_is_tried_again(fake: FakeAsterisk) -> None:
    """Not the password: too many sessions, or not allowed twice while the old link is still counted."""
    fake.answers["Login"] = "Response: Error\nMessage: Login Already In Use"
    client = AmiClient(settings(fake), wanted=(), on_frame=lambda _: None)
    await client.start()
    await fake.received("Login", 2)
    del fake.answers["Login"]
    await client.wait_up(5)
    await client.stop()


async def test_garbage_breaks_the_link_and_it_comes_back(fake: FakeAsterisk) -> None:
    sink = Sink()
    async with a_feed(fake, sink):
        fake.send(b"x" * 2_000_000)
        await fake.connected(2)
        async with asyncio.timeout(5):
            while sink.kinds().count("LinkChanged") < 3:
                await asyncio.sleep(0.01)
        assert [s.up for s in sink.signals if isinstance(s, sig.LinkChanged)] == [True, False, True]


async def test_the_back_off_grows_and_is_not_in_step(fake: FakeAsterisk) -> None:
    await fake.stop()
    waits: list[float] = []

    def jitter() -> float:
        waits.append(asyncio.get_running_loop().time())
        return 1.0

    client = AmiClient(
        settings(fake, backoff_first_s=0.02, backoff_max_s=0.08), wanted=(), on_frame=print, jitter=jitter
    )
    await client.start()
    async with asyncio.timeout(5):
        while len(waits) < 6:
            await asyncio.sleep(0.01)
    await client.stop()
    gaps = [b - a for a, b in itertools.pairwise(waits)]
    assert gaps[0] < gaps[1] < gaps[2]
    assert max(gaps) < 0.5


async def test_events_that_make_no_signal_are_counted_by_reason(
    fake: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "MAX_REASONS", 2)
    sink = Sink()
    async with a_feed(fake, sink) as feed:
        for name in ("CtiQueued", "CtiQueued", "CtiKey", "CtiArrived"):
            fake.event(f"Event: UserEvent\nUserEvent: {name}\nChannel: PJSIP/a-1\nUniqueid: 1.1")
        fake.event("Event: Hangup\nChannel: PJSIP/a-1\nUniqueid: 1.1\nCause: 16")
        async with asyncio.timeout(5):
            while "ChannelHungUp" not in sink.kinds():
                await asyncio.sleep(0.01)
        assert dict(feed.skipped) == {"CtiQueued:no_queue": 2, "CtiKey:no_key": 1}  # and no room for more reasons


async def test_reports_stay_here_until_one_says_that_a_recording_loses_sound(fake: FakeAsterisk) -> None:
    sink = Sink()

    def report(second: int, number: int) -> str:
        sent = f"Event: RTCPSent\nTimestamp: {NOW.timestamp() + second}\nChannel: PJSIP/a-1\nUniqueid: 1.1"
        return f"{sent}\nChanVariable: CTI_CALL_ID={CALL}\nReport0HighestSequence: {number}"

    async with a_feed(fake, sink) as feed:
        before = len(sink.signals)
        for second, number in enumerate((100, 150, 200, 100, 150, 200)):
            fake.event(report(second, number))
        fake.event("Event: Hangup\nTimestamp: 1\nChannel: PJSIP/a-1\nUniqueid: 1.1\nCause: 16")
        async with asyncio.timeout(5):
            while "ChannelHungUp" not in sink.kinds():
                await asyncio.sleep(0.01)
        assert sink.kinds()[before:] == ["NumbersFellBack", "NumbersFellBack", "ChannelHungUp"]
        assert len(feed.numbers) == 0


async def test_a_snapshot_on_demand(fake: FakeAsterisk) -> None:
    sink = Sink()
    known = {CALL: CallState.TALKING}
    async with a_feed(fake, sink, known) as feed:
        fake.answers["Status"] = lambda _: listing(caller())
        before = feed.auditor.runs
        feed.ask_resync()
        async with asyncio.timeout(5):
            while feed.auditor.runs == before:
                await asyncio.sleep(0.01)
        assert sink.kinds()[-2:] == ["CallerQueued", "ChannelsSeen"]


async def test_a_thawed_server_moves_nobody_before_asterisk_has_answered_it(
    fake: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_feed(fake, Sink()) as feed:
        offer = an_offer()
        await feed.telephony.offer(offer, channel=CHANNEL, endpoint="demo-sato")
        await feed.heartbeat.stop()
        monkeypatch.setattr("cti.ami.heartbeat.FRESH_S", 0.0)  # as if a long time had passed
        for move in (
            feed.telephony.offer(offer, channel=CHANNEL, endpoint="demo-sato"),
            feed.telephony.take_back(channel=CHANNEL),
            feed.telephony.treat(channel=CHANNEL, treatment="closed"),
        ):
            with pytest.raises(Unavailable, match="heartbeat"):
                await move
        monkeypatch.setattr("cti.ami.heartbeat.TAKE_IN_S", 0.2)
        assert await feed.heartbeat.beat()
        monkeypatch.setattr("cti.ami.heartbeat.FRESH_S", 3.0)
        with pytest.raises(Unavailable, match="heartbeat"):  # what the answer came behind is still being taken in
            await feed.telephony.take_back(channel=CHANNEL)
        await asyncio.sleep(0.25)
        await feed.telephony.take_back(channel=CHANNEL)
