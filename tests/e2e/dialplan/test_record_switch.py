"""CTI_RECORD: the dialplan begins no recording while it says "no", and everything else records."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.dialplan.rig import AGENT_HZ, CALLER_HZ, Rig, samples
from tests.e2e.dialplan.test_recording import onset_s, seconds

pytestmark = pytest.mark.asyncio(loop_scope="package")

NEVER_S = 0.5


async def test_with_no_nothing_is_recorded_and_both_talk(rig: Rig) -> None:
    await rig.ami.setvar("CTI_RECORD", "no")
    try:
        since = rig.ami.now
        queued = await rig.waiting()
        call_id = queued["CallID"]
        await rig.offer(queued, "sato")
        await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
        for side in ("caller", "agent"):
            said = await rig.ami.user_event("CtiNotRecorded", since=since, CallID=call_id, Side=side)
            assert said["Reason"] == "disk_full"
        await rig.end()
    finally:
        await rig.ami.setvar("CTI_RECORD", "")
    assert [e for e in rig.ami.events[since:] if e["Event"] == "MixMonitorStart"] == []
    assert list(rig.recordings.glob(f"{call_id}-*")) == []


@pytest.mark.parametrize("value", ["yes", "", "NO", "no "])
async def test_anything_else_records(rig: Rig, value: str) -> None:
    await rig.ami.setvar("CTI_RECORD", value)
    try:
        since = rig.ami.now
        queued = await rig.waiting()
        await rig.ami.user_event("CtiRecording", since=since, Side="caller", CallID=queued["CallID"])
        await rig.end()
    finally:
        await rig.ami.setvar("CTI_RECORD", "")


async def test_the_next_agent_is_recorded_again_when_there_is_room(rig: Rig) -> None:
    await rig.ami.setvar("CTI_RECORD", "no")
    since = rig.ami.now
    queued = await rig.waiting()
    await rig.ami.user_event("CtiNotRecorded", since=since, CallID=queued["CallID"], Side="caller")
    await rig.ami.setvar("CTI_RECORD", "yes")
    await rig.offer(queued, "sato")
    recording = await rig.ami.user_event("CtiRecording", since=since, Side="agent", CallID=queued["CallID"])
    await asyncio.sleep(1.0)
    await rig.end()
    assert onset_s(samples(rig.recordings / f"{recording['File']}-rx.wav"), AGENT_HZ) < 0.2
    # Nothing of the caller is lost either: the agent's file has what the agent heard.
    assert onset_s(samples(rig.recordings / f"{recording['File']}-tx.wav"), CALLER_HZ) < 0.2


async def test_a_running_recording_is_ended_by_the_servers_own_user_and_the_call_goes_on(rig: Rig) -> None:
    since = rig.ami.now
    queued = await rig.waiting()
    await rig.offer(queued, "sato")
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    answer = await rig.ami.action("StopMixMonitor", Channel=queued["Channel"])
    assert answer["Response"] == "Success"
    file = rig.recordings / f"{queued['CallID']}-c.wav"
    length_s = seconds(file)
    await asyncio.sleep(NEVER_S)
    assert seconds(file) == length_s, "closed, with a good header"
    assert not [e for e in rig.ami.events[since:] if e["Event"] == "Hangup"]
    await rig.end()
