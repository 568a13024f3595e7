"""Where in time a recording file lies: the facts that docs/dialplan.md promises to the recording pipeline."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Sequence
from pathlib import Path

import pytest

from cti.demo.tones import RATE_HZ, strength
from tests.e2e.dialplan.ami import Message
from tests.e2e.dialplan.rig import AGENT_HZ, CALLER_HZ, Rig, samples

pytestmark = pytest.mark.asyncio(loop_scope="package")

WINDOW = RATE_HZ // 50  # a frame
# Two frames, and what a machine with two busy cores adds.
TOLERANCE_S = 0.08


async def test_second_zero_of_a_file_is_its_recording_event(rig: Rig) -> None:
    since = rig.ami.now
    queued = await rig.waiting()
    call_id = queued["CallID"]
    await rig.offer(queued, "sato")
    bridged = await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    await asyncio.sleep(1.2)
    await rig.end()
    caller = await rig.ami.user_event("CtiRecording", since=since, Side="caller", CallID=call_id)
    agent = await rig.ami.user_event("CtiRecording", since=since, Side="agent", CallID=call_id)
    for recording in (caller, agent):
        started = await rig.ami.kind("MixMonitorStart", since=since, Uniqueid=recording["Uniqueid"])
        assert 0 <= at(recording) - at(started) < 0.02
        ended = await rig.ami.kind("Hangup", since=since, Uniqueid=recording["Uniqueid"])
        length_s = seconds(rig.recordings / f"{recording['File']}.wav")
        assert length_s == pytest.approx(at(ended) - at(recording), abs=TOLERANCE_S)
    # The agent's tone reaches the caller's mix when the bridge says so, and the agent's own file at once.
    mix = samples(rig.recordings / f"{call_id}-c.wav")
    assert onset_s(mix, AGENT_HZ) == pytest.approx(at(bridged) - at(caller), abs=TOLERANCE_S)
    assert onset_s(samples(rig.recordings / f"{agent['File']}-rx.wav"), AGENT_HZ) < TOLERANCE_S
    assert onset_s(samples(rig.recordings / f"{agent['File']}-tx.wav"), CALLER_HZ) < TOLERANCE_S
    # Answer, recording, DialEnd and bridge are one moment.
    dialled = await rig.ami.kind("DialEnd", since=since)
    assert abs(at(dialled) - at(agent)) < 0.02
    assert abs(at(bridged) - at(agent)) < 0.02


async def test_the_second_agent_of_a_call_has_a_file_of_its_own(rig: Rig) -> None:
    since = rig.ami.now
    queued = await rig.waiting()
    await rig.offer(queued, "sato")
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    await asyncio.sleep(1.0)
    first = await rig.ami.user_event("CtiRecording", since=since, Side="agent")
    # Paused: a recording that is silent by proof goes on. Else a further file of the same leg, told as the first one.
    await rig.ami.setvar("CTI_PAUSED", "asked:1", queued["Channel"])
    await record_anew(rig, first["Channel"])
    await rig.ami.setvar("CTI_PAUSED", "", queued["Channel"])
    await record_anew(rig, first["Channel"])
    further = await rig.ami.user_event("CtiRecording", since=since, File=f"{first['File']}-p1")
    assert (further["Channel"], further["Side"]) == (first["Channel"], "agent")
    second, seen = rig.ami.now, len(rig.suzuki.events)
    await rig.ami.redirect(queued["Channel"], "cti-wait")
    await rig.ami.user_event("CtiQueued", since=second, CallID=queued["CallID"])
    await rig.offer(queued, "suzuki", offer="0c" * 16, ring_s=5)
    await rig.suzuki.wait_for("CALL_INCOMING", since=seen)
    await rig.suzuki.accept()
    recording = await rig.ami.user_event("CtiRecording", since=second, Side="agent", Offer="0c" * 16)
    await rig.ami.kind("BridgeEnter", since=second, Channel=queued["Channel"])
    await asyncio.sleep(1.0)
    await rig.end()
    said = samples(rig.recordings / f"{recording['File']}-rx.wav")
    assert onset_s(said, 700) < TOLERANCE_S
    legs = sorted(rig.recordings.glob(f"{queued['CallID']}-a-*-rx.wav"))
    assert [leg.name.removesuffix("-rx.wav") for leg in legs] == [further["File"], first["File"], recording["File"]]


async def record_anew(rig: Rig, channel: str) -> None:
    """As cti.ami.actions asks; returns when the dialplan has looked."""
    await rig.ami.setvar("CTI_ANEW", "1", channel)
    await rig.ami.action("PlayDTMF", Channel=channel, Digit="D", Duration="1", Receive="true")
    async with asyncio.timeout(20):
        while (await rig.ami.action("Getvar", Channel=channel, Variable="CTI_ANEW"))["Value"] != "":
            await asyncio.sleep(0.02)


def at(event: Message) -> float:
    """Asterisk's own time of an event, epoch seconds."""
    return float(event["Timestamp"])


def seconds(path: Path) -> float:
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()


def onset_s(sound: Sequence[int], hz: float) -> float:
    """When the tone is first half of what is heard; the file's length when never."""
    for start in range(0, len(sound) - WINDOW, WINDOW // 4):
        part = sound[start : start + WINDOW]
        if max(part) > 1000 and strength(part, hz) > 0.25:
            return start / RATE_HZ
    return len(sound) / RATE_HZ
