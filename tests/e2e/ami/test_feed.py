"""AmiFeed, CallDesk and Bus on a real Asterisk, with real phones."""

from __future__ import annotations

import asyncio
import time

import pytest

from cti.ami.errors import AmiLoginRefused
from cti.ami.feed import AmiFeed
from cti.domain import events as ev
from cti.domain.errors import NotAllowed, NotFound
from cti.domain.model import CallState, ChannelName, EndedBy, EndReason, OfferOutcome, PhoneState
from tests.e2e.ami.conftest import Server, a_server, settings
from tests.e2e.dialplan.rig import Rig

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_whole_call(server: Server) -> None:
    queued = await server.waiting()
    assert queued.call.caller.e164 == "+819012345678"
    assert queued.call.number_called == "+81501234510"
    offer = await server.offer(queued, "sato")
    ringing = await server.saw(ev.CallRinging)
    assert ringing.offer_id == offer.offer_id
    answered = await server.saw(ev.CallAnswered)
    assert (answered.agent, answered.offer_id) == ("sato", offer.offer_id)
    recording = await server.saw(ev.RecordingStarted, lambda e: e.agent == "sato")
    assert recording.file == f"{queued.call_id}-a-{answered.call.talks[0].agent_uniqueid}"
    await server.rig.sato.hangup()
    ended = await server.saw(ev.CallEnded)
    assert (ended.call.end_reason, ended.call.ended_by) == (EndReason.COMPLETED, EndedBy.AGENT)
    assert ended.call.talks[0].ended_at is not None
    assert server.desk.all_live() == ()
    assert server.desk.stats.illegal == server.desk.stats.failed == 0
    await server.saw(
        ev.AgentPhoneChanged, lambda e: e.agent == "sato" and e.phone is PhoneState.IDLE and e.at > answered.at
    )


async def test_a_ring_is_told_with_the_time_at_which_asterisk_saw_it(server: Server) -> None:
    """How soon it is told is a bench's matter (`scripts/bench pop`)."""
    queued = await server.waiting()
    for _ in range(3):
        seen, offered_s = len(server.events), time.time()
        await server.offer(queued, "suzuki")
        ringing = await server.saw(ev.CallRinging, since=seen)
        assert offered_s < ringing.at.timestamp() < time.time()
        await server.feed.telephony.take_back(channel=queued.call.channel)
        await server.saw(ev.OfferEnded, since=seen)
        queued = await server.saw(ev.CallQueued, since=seen)


async def test_taken_back_and_treated(server: Server) -> None:
    queued = await server.waiting()
    await server.offer(queued, "suzuki")
    await server.saw(ev.CallRinging)
    await server.feed.telephony.take_back(channel=queued.call.channel)
    ended = await server.saw(ev.OfferEnded)
    assert ended.outcome is OfferOutcome.WITHDRAWN
    await server.feed.telephony.set_variables(channel=queued.call.channel, variables={"CTI_LANG": "en"})
    await server.feed.telephony.treat(channel=queued.call.channel, treatment="closed")
    over = await server.saw(ev.CallEnded)
    assert (over.call.end_reason, over.call.ended_by) == (EndReason.TREATED, EndedBy.SYSTEM)


async def test_hang_up_and_a_channel_that_is_gone(server: Server) -> None:
    queued = await server.waiting()
    await server.feed.telephony.hang_up(channel=queued.call.channel)
    await server.saw(ev.CallEnded)
    for action in (
        server.feed.telephony.hang_up(channel=queued.call.channel),
        server.feed.telephony.take_back(channel=queued.call.channel),
        server.feed.telephony.set_variables(channel=queued.call.channel, variables={"CTI_SAY": "x"}),
    ):
        with pytest.raises(NotFound):
            await action
    with pytest.raises(NotFound):
        await server.feed.telephony.treat(channel=ChannelName("PJSIP/trunk-ffffffff"), treatment="closed")


async def test_the_user_may_do_no_more_than_it_needs(server: Server) -> None:
    for action in (
        {"Action": "Command", "Command": "core show version"},
        {"Action": "Originate", "Channel": "Local/s@cti-wait", "Application": "System", "Data": "true"},
        {"Action": "GetConfig", "Filename": "manager.conf"},
        {"Action": "Reload"},
    ):
        with pytest.raises(NotAllowed):
            await server.feed.client.request(action)


async def test_epoch_and_heartbeat_are_in_asterisk(server: Server) -> None:
    assert server.feed.client.asterisk_version is not None
    assert server.feed.client.asterisk_version.startswith("22.")
    async with asyncio.timeout(5):
        while server.feed.heartbeat.beats < 2:
            await asyncio.sleep(0.05)
    globals_ = await server.rig.asterisk.cli("dialplan show globals")
    assert f"CTI_EPOCH={server.feed.epoch}" in globals_
    beat = int(globals_.split("CTI_BEAT=")[1].split()[0])
    assert abs(beat - time.time()) < 3


async def test_phones_are_known_at_start(server: Server) -> None:
    phone = await server.saw(ev.AgentPhoneChanged, lambda e: e.agent == "sato")
    assert phone.phone is PhoneState.IDLE
    missing = [e for e in server.events if isinstance(e, ev.AgentPhoneChanged) and e.agent == "missing"]
    assert [e.phone for e in missing] in ([PhoneState.UNREACHABLE], [])


async def test_a_server_that_starts_finds_the_calls_there_are(server: Server, rig: Rig) -> None:
    queued = await server.waiting()
    async with a_server(rig) as second:
        found = await second.saw(ev.CallQueued)
        assert found.call_id == queued.call_id
        assert found.call.number_called == queued.call.number_called
        assert found.call.caller == queued.call.caller
        assert found.call.queue == queued.call.queue
        assert abs((found.call.arrived_at - queued.call.arrived_at).total_seconds()) <= 1.5
        await second.offer(found, "sato")
        await second.saw(ev.CallAnswered)
    # A third start finds it talking.
    async with a_server(rig) as third:
        answered = await third.saw(ev.CallAnswered)
        assert (answered.agent, answered.offer_id) == ("sato", None)
        assert "CallQueued" not in third.names(queued.call_id)
        await rig.sato.hangup()
        ended = await third.saw(ev.CallEnded)
        assert (ended.call.end_reason, ended.call.inferred) == (EndReason.COMPLETED, False)


async def test_a_broken_link_is_mended_and_what_was_missed_is_told(server: Server) -> None:
    first = await server.waiting()
    server.proxy.cut()
    await server.lost()
    await server.rig.end()  # nobody sees this hang-up
    server.proxy.mend()
    ended = await server.saw(ev.CallEnded)
    assert ended.call_id == first.call_id
    assert ended.call.inferred
    assert (ended.call.ended_by, ended.call.end_reason) == (EndedBy.UNKNOWN, EndReason.FAILED)
    ups = [e.up for e in server.events if isinstance(e, ev.AsteriskReachable)]
    assert ups in ([True, False], [True, False, True])  # the end may be told just before


async def test_calls_go_on_while_the_link_is_broken(server: Server, rig: Rig) -> None:
    queued = await server.waiting()
    await server.offer(queued, "sato")
    await server.saw(ev.CallAnswered)
    server.proxy.cut()
    await server.lost()
    server.proxy.mend()
    await server.back()
    call = server.desk.live(queued.call_id)
    assert call is not None
    assert call.state is CallState.TALKING
    assert server.names(queued.call_id).count("CallArrived") == 1
    assert server.names(queued.call_id).count("CallAnswered") == 1
    await rig.sato.hangup()
    ended = await server.saw(ev.CallEnded)
    assert not ended.call.inferred
    assert ended.call.ended_by is EndedBy.AGENT


async def test_an_answer_that_nobody_saw_is_found(server: Server, rig: Rig) -> None:
    queued = await server.waiting()
    await server.offer(queued, "suzuki")
    await server.saw(ev.CallRinging)
    server.proxy.cut()
    await server.lost()
    await rig.suzuki.accept()
    await asyncio.sleep(0.5)
    server.proxy.mend()
    answered = await server.saw(ev.CallAnswered)
    assert answered.agent == "suzuki"
    assert answered.offer_id is not None
    ended = await server.saw(ev.OfferEnded)
    assert ended.outcome is OfferOutcome.ACCEPTED


async def test_a_dead_link_is_noticed_within_five_seconds(server: Server) -> None:
    began = time.monotonic()
    server.proxy.swallow()
    await server.lost()
    assert time.monotonic() - began < 5


async def test_a_wrong_password_says_so_and_stops(rig: Rig) -> None:
    feed = AmiFeed(settings(rig, secret="wrong-secret-of-tests"), _Nowhere(), known=dict)
    await feed.start()
    with pytest.raises(AmiLoginRefused, match="secret"):
        await feed.client.wait_up(10)
    await feed.stop()


class _Nowhere:
    def post(self, signal: object) -> None: ...
