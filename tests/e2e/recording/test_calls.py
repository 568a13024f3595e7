"""Whole calls: tones said into real phones, looked for in the bytes that replay returns."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import math
import os
import signal
import subprocess
import time
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cti.ami.client import AmiClient, AmiSettings
from cti.ami.telephony import AmiTelephony
from cti.bus import Bus
from cti.demo.folders import LOOPBACK, RunFolder
from cti.demo.objectstore import RunningObjectStore
from cti.demo.postgres import RunningPostgres
from cti.demo.tones import read_wav, strength
from cti.domain.errors import NotFound, PeerError
from cti.domain.events import PhoneWatched, RecordingStored
from cti.packets import PacketWatch
from recording.lifecycle import RecordingState
from recording.objectstore import ObjectChanged
from recording.wav import read_info
from tests.e2e.dialplan.rig import AGENT_HZ, CALLER_HZ, EPOCH, PHONE_SECRET, PLAIN_NUMBER, SECRET, a_rig
from tests.e2e.recording.conftest import DEMO, Caller, Centre, a_centre
from tests.e2e.recording.rtp_phone import PCMU, WIDE_HZ, RtpPhone, in_g722

pytestmark = pytest.mark.asyncio(loop_scope="package")

SUZUKI_HZ = 700
# Frames are 20 ms, a phone's first packet may be one late, and an onset is looked for in steps of 10 ms.
NEAR_S = 0.06


async def replayed(centre: Centre, caller: Caller, start: int = 0, end: int | None = None) -> bytes:
    playable = await centre.replay.open(DEMO, caller.call_id)
    return b"".join([chunk async for chunk in centre.replay.read(playable, start=start, end=end)])


def channels(data: bytes, folder: Path, rate_hz: int = 8000) -> tuple[array[int], array[int]]:
    """Left and right as a player hears them."""
    path = folder / "replayed.webm"
    path.write_bytes(data)
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-f", "s16le", "-ar", str(rate_hz), "-"],
        capture_output=True,
        check=True,
    ).stdout
    both = array("h", raw)
    return both[0::2], both[1::2]


def spans(
    samples: array[int], hz: float, *, least_s: float = 0.2, rate_hz: int = 8000, share: float = 0.5
) -> list[tuple[float, float]]:
    """When a tone is heard, alone or as more than ``share`` of the sound: (from, to) in seconds."""
    step, found = rate_hz // 100, []
    since: float | None = None
    for at in range(0, len(samples) + step, step):
        part = samples[at : at + step]
        heard = len(part) == step and max(part) > 1500 and strength(part, hz, rate_hz) > share
        if heard and since is None:
            since = at / rate_hz
        elif not heard and since is not None:
            if at / rate_hz - since >= least_s:
                found.append((since, at / rate_hz))
            since = None
    return found


async def closed(path: Path) -> Path:
    """A file of the spool, once Asterisk has closed it: its header is written then, within a second of the hang-up."""
    async with asyncio.timeout(20):
        while True:
            with suppress(PeerError):  # the header is being written
                if read_info(path).closed:
                    return path
            await asyncio.sleep(0.05)


async def a_talk(centre: Centre, *, seconds: float) -> tuple[Caller, str]:
    """A call in which sato talks; returns it still going on, with the leg's file."""
    rig = centre.rig
    since = rig.ami.now
    queued = await rig.waiting()
    caller = Caller(centre, await rig.ami.user_event("CtiArrived", since=since))
    await caller.tell()
    await rig.offer(queued, "sato")
    leg = await rig.ami.user_event("CtiRecording", since=since, Side="agent")
    await caller.tell()
    await asyncio.sleep(seconds)
    return caller, leg["File"]


async def test_one_call_from_the_spool_to_the_ear(centre: Centre, tmp_path: Path) -> None:
    rig, since = centre.rig, centre.rig.ami.now
    caller, leg = await a_talk(centre, seconds=2)
    queued = await rig.ami.user_event("CtiQueued", since=since)
    # Taken from sato, and after some music given to suzuki.
    await rig.ami.redirect(queued["Channel"], "cti-wait")
    await asyncio.sleep(1)
    ringing = len(rig.suzuki.events)
    await rig.offer(queued, "suzuki", offer="0b" * 16, ring_s=10)
    await rig.suzuki.wait_for("CALL_INCOMING", since=ringing)
    await rig.suzuki.accept()
    second = await rig.ami.wait(
        lambda e: e.get("UserEvent") == "CtiRecording" and e["Side"] == "agent" and e["File"] != leg, since=since
    )
    await asyncio.sleep(2)
    await rig.end()
    call = await caller.ended()

    fact = await centre.fact(caller.call_id)
    assert isinstance(fact, RecordingStored)
    delay_s = (datetime.now(UTC) - call.ended_at).total_seconds() if call.ended_at else 99
    assert delay_s < 10, f"replayable {delay_s:.2f} s after hang-up"
    data = await replayed(centre, caller)
    assert hashlib.sha256(data).hexdigest() == fact.sha256
    record = await centre.ledger.get(DEMO, caller.call_id)
    assert record.state is RecordingState.STORED
    assert record.audio is not None
    assert record.audio.flags == ()
    assert [talk["silent"] for talk in record.audio.talks] == [[], []]
    assert record.facts.agents == ("sato", "suzuki")

    left, right = channels(data, tmp_path)
    zero = caller.anchors[f"{caller.call_id}-c"]
    ((on, off),) = spans(left, CALLER_HZ)
    assert on < NEAR_S
    assert call.ended_at is not None
    assert abs(off - (call.ended_at - zero).total_seconds()) < NEAR_S + 0.04  # the last frames may be missing
    assert spans(left, AGENT_HZ) == spans(right, CALLER_HZ) == []
    for hz, file in ((AGENT_HZ, leg), (SUZUKI_HZ, second["File"])):
        ((on, off),) = spans(right, hz)
        assert abs(on - (caller.anchors[file] - zero).total_seconds()) < NEAR_S
        assert off - on > 1.5
    async with asyncio.timeout(5):
        while centre.pipeline.gauges()["unsettled"]:
            await asyncio.sleep(0.01)
    assert centre.spool(caller.call_id) == []
    assert list(centre.work.iterdir()) == []


async def test_a_range_is_what_was_asked_for(centre: Centre) -> None:
    caller, _ = await a_talk(centre, seconds=1)
    await centre.rig.end()
    await caller.ended()
    await centre.fact(caller.call_id)
    data = await replayed(centre, caller)
    assert await replayed(centre, caller, 1000, 2345) == data[1000:2345]
    assert (await centre.replay.peaks(DEMO, caller.call_id)).startswith(b'{"version":1,"bucket_ms":50')
    playable = await centre.replay.open(DEMO, caller.call_id)
    first, last = await centre.replay.seconds(playable, len(data) // 2, len(data))
    assert 0 < first < last == playable.duration_s


async def test_asterisk_closes_its_files_within_a_moment_of_the_hang_up(centre: Centre) -> None:
    """What the pipeline waits for: until then the header says that there is nothing."""
    caller, leg = await a_talk(centre, seconds=1)
    names = [f"{caller.call_id}-c-rx.wav", f"{leg}-rx.wav", f"{leg}-tx.wav"]
    paths = [centre.rig.recordings / name for name in names]
    assert not any(read_info(path).closed for path in paths)
    await centre.rig.caller.hangup()
    await centre.rig.ami.kind("Hangup", Channel=caller._call.channel)
    async with asyncio.timeout(1):
        while not all(read_info(path).closed for path in paths):
            await asyncio.sleep(0.005)
    assert not any(read_info(path).salvaged for path in paths)
    await centre.rig.idle()
    await caller.ended()
    await centre.fact(caller.call_id)


async def test_the_store_is_away_at_hang_up_and_the_recording_arrives_later(centre: Centre) -> None:
    caller, _ = await a_talk(centre, seconds=1)
    centre.gate.shut()
    await centre.rig.end()
    await caller.ended()
    async with asyncio.timeout(20):
        while centre.pipeline.stats.store_waits < 3:
            await asyncio.sleep(0.02)
    assert not [fact for fact in centre.facts.events if getattr(fact, "call_id", "") == caller.call_id]
    assert f"{caller.call_id}-c-rx.wav" in centre.spool(caller.call_id)
    async with asyncio.timeout(10):
        while (await centre.ledger.get(DEMO, caller.call_id)).state is not RecordingState.ENCODED:
            await asyncio.sleep(0.02)
    with pytest.raises(NotFound, match="encoded"):
        await centre.replay.open(DEMO, caller.call_id)
    await centre.gate.open()
    fact = await centre.fact(caller.call_id)
    assert isinstance(fact, RecordingStored)
    assert hashlib.sha256(await replayed(centre, caller)).hexdigest() == fact.sha256


async def test_a_caller_who_gives_up_waiting_is_kept(centre: Centre, tmp_path: Path) -> None:
    rig, since = centre.rig, centre.rig.ami.now
    await rig.waiting()
    caller = Caller(centre, await rig.ami.user_event("CtiArrived", since=since))
    await asyncio.sleep(5)  # below 3 s it would be too short to keep
    await rig.end()
    # What Asterisk heard, with whatever gap a busy machine's phone left in its tone.
    said = spans(read_wav(await closed(rig.recordings / f"{caller.call_id}-c-rx.wav"))[0][0], CALLER_HZ)
    await caller.ended()
    await centre.fact(caller.call_id)
    left, right = channels(await replayed(centre, caller), tmp_path)
    heard = spans(left, CALLER_HZ)
    assert sum(off - on for on, off in said) > 2.5
    assert [off - on for on, off in heard] == pytest.approx([off - on for on, off in said], abs=0.05)
    assert [on - heard[0][0] for on, _ in heard] == pytest.approx([on - said[0][0] for on, _ in said], abs=0.05)
    assert max(right) < 50
    record = await centre.ledger.get(DEMO, caller.call_id)
    assert record.audio is not None
    assert record.audio.flags == ("unanswered",)


@asynccontextmanager
async def counting_packets(centre: Centre) -> AsyncIterator[None]:
    """The packet watch as it is on the server's bus, through the server's own door to Asterisk."""
    settings = centre.rig.settings
    door = AmiSettings(host=LOOPBACK, port=settings.ami_port, username=settings.ami_user, secret=SECRET)
    client = AmiClient(door, wanted=(), on_frame=lambda _: None)
    await client.start()
    await client.wait_up(10)
    bus = Bus()
    watch = PacketWatch(telephony=AmiTelephony(client, epoch=EPOCH), sink=bus, now=time.time)
    bus.subscribe("packets", watch.handle, kinds=PacketWatch.KINDS, prompt=True)
    bus.subscribe("recording", centre.pipeline.on_event, kinds=(PhoneWatched,))
    await bus.start()
    centre.facts.also.append(bus.publish)
    await watch.start()
    try:
        yield
    finally:
        centre.facts.also.remove(bus.publish)
        await watch.stop()
        await bus.stop()
        await client.stop()


async def test_time_in_which_both_phones_sent_nothing_is_put_back(centre: Centre, tmp_path: Path) -> None:
    async with counting_packets(centre):
        await talk_with_silences(centre, tmp_path)


async def talk_with_silences(centre: Centre, tmp_path: Path) -> None:
    rig, since = centre.rig, centre.rig.ami.now
    server = (LOOPBACK, rig.settings.sip_port)
    agent = await RtpPhone.agent("demo-silent", PHONE_SECRET, server, hz=AGENT_HZ)
    # Its codec would carry 5,000 Hz: this trunk is narrow, as all are that are not declared wide, and answers without.
    phone = await RtpPhone.caller("09000000000", server, hz=CALLER_HZ, wide=two_tones(5000))
    await phone.dial(PLAIN_NUMBER)
    assert phone.speaks == PCMU
    queued = await rig.ami.user_event("CtiQueued", since=since)
    caller = Caller(centre, await rig.ami.user_event("CtiArrived", since=since))
    await caller.tell()
    await rig.offer(queued, "silent", ring_s=5)
    leg = await rig.ami.user_event("CtiRecording", since=since, Side="agent")
    await caller.tell()
    # The rig hangs an agent up after 2 s without a packet: the pauses stay well below, also on a busy machine.
    for talk_s, pause_s in ((5.0, 1.2), (5.0, 1.2), (3.0, 0.0)):
        await asyncio.sleep(talk_s)
        for one in (phone, agent):
            one.talking.clear()
        await asyncio.sleep(pause_s)
        for one in (phone, agent):
            one.talking.set()
    phone.hang_up()
    await rig.idle()
    call = await caller.ended()
    for one in (phone, agent):
        one.stop()
    lost_s = _missing(centre, caller, call.ended_at)
    await centre.fact(caller.call_id)
    assert abs(lost_s - 2.4) < 0.3, f"Asterisk lost {lost_s} s"
    record = await centre.ledger.get(DEMO, caller.call_id)
    assert record.audio is not None
    assert record.audio.flags == ("time_put_back",)
    assert record.audio.rate == 8000
    left, right = channels(await replayed(centre, caller), tmp_path)
    zero = caller.anchors[f"{caller.call_id}-c"]
    for side, hz, spoken, start in ((left, CALLER_HZ, phone.sent, None), (right, AGENT_HZ, agent.sent, leg["File"])):
        heard, said = spans(side, hz), [at - zero.timestamp() for at in spoken]
        first = 0.0 if start is None else (caller.anchors[start] - zero).total_seconds()
        assert abs(heard[0][0] - first) < NEAR_S
        assert abs(heard[-1][1] - said[-1]) < 0.3  # after both gaps the sound is where the clock says
        # The second silence: from the first on the phones' packets were counted, so it is where it was.
        (silent_s, again_s) = [(a, b) for a, b in itertools.pairwise(said) if b - a > 1][-1]
        assert min(abs(off - silent_s) for _, off in heard) < 0.2
        assert min(abs(on - again_s) for on, _ in heard) < 0.2
        sounded_s, sent_s = sum(off - on for on, off in heard), 0.02 * sum(at > first for at in said)
        assert abs(sounded_s - sent_s) < 0.8  # each spurt loses its edges, and a piece below 0.2 s is not counted


def _missing(centre: Centre, caller: Caller, end: datetime | None) -> float:
    assert end is not None
    name = f"{caller.call_id}-c"
    info = read_info(centre.rig.recordings / f"{name}-rx.wav")
    return (end - caller.anchors[name]).total_seconds() - info.seconds


async def test_an_object_changed_behind_our_back_is_noticed(centre: Centre) -> None:
    caller, _ = await a_talk(centre, seconds=1)
    await centre.rig.end()
    await caller.ended()
    await centre.fact(caller.call_id)
    record = await centre.ledger.get(DEMO, caller.call_id)
    assert record.audio is not None
    playable = await centre.replay.open(DEMO, caller.call_id)
    await centre.objects.put_bytes(record.audio.key, b"x" * playable.size, content_type="audio/webm")
    with pytest.raises(ObjectChanged, match="replaced"):
        await centre.replay.open(DEMO, caller.call_id)
    reading: AsyncIterator[bytes] = centre.replay.read(playable)
    with pytest.raises(ObjectChanged):
        await anext(reading)
    await centre.objects.delete(record.audio.key)
    with pytest.raises(ObjectChanged, match="gone from the store"):
        await centre.replay.open(DEMO, caller.call_id)


def two_tones(*hz: int) -> bytes:
    """What a phone with a wide codec says; ten seconds, then from the start."""
    wave = (round(sum(6000 * math.sin(2 * math.pi * f * n / WIDE_HZ) for f in hz)) for n in range(10 * WIDE_HZ))
    return in_g722(array("h", wave))


async def test_asterisk_is_killed_in_the_middle_of_a_wide_call(
    around: tuple[RunFolder, RunningObjectStore, RunningPostgres], tmp_path: Path
) -> None:
    """A trunk in G.722: the caller, then a desk phone that has PCMU alone, then one that is wide, then kill -9."""
    async with a_rig(trunk_codecs=("g722", "ulaw"), record_hz=WIDE_HZ) as rig, a_centre(around, rig) as centre:
        since, server = rig.ami.now, (LOOPBACK, rig.settings.sip_port)
        phone = await RtpPhone.caller("09000000000", server, wide=two_tones(CALLER_HZ, 5000))
        suzuki = await RtpPhone.agent("demo-silent", PHONE_SECRET, server, wide=two_tones(SUZUKI_HZ, 6000))
        await phone.dial(PLAIN_NUMBER)
        queued = await rig.ami.user_event("CtiQueued", since=since)
        caller = Caller(centre, await rig.ami.user_event("CtiArrived", since=since))
        legs: list[str] = []
        for agent, offer in (("sato", "0a" * 16), ("silent", "0b" * 16)):
            since = rig.ami.now
            if legs:
                await rig.ami.redirect(queued["Channel"], "cti-wait")
                await rig.ami.user_event("CtiQueued", since=since)
            await rig.offer(queued, agent, offer=offer, ring_s=5)
            legs.append((await rig.ami.user_event("CtiRecording", since=since, Side="agent"))["File"])
            await caller.tell()
            await asyncio.sleep(2.5)
        rig.asterisk.child.signal(signal.SIGKILL)
        await rig.asterisk.child.wait()
        for one in (phone, suzuki):
            one.stop()
        # The narrow phone's file is narrow, and closed; the others say 16 kHz, and have no length.
        infos = [read_info(path) for path in sorted(rig.recordings.glob(f"{caller.call_id}-*-rx.wav*"))]
        assert [(info.rate, info.salvaged) for info in infos] == [(8000, False), (WIDE_HZ, True), (WIDE_HZ, True)]
        await caller.ended(at=datetime.now(UTC))
        await centre.fact(caller.call_id)
        record = await centre.ledger.get(DEMO, caller.call_id)
        assert record.audio is not None
        assert record.audio.rate == WIDE_HZ
        assert "salvaged" in record.audio.flags
        # On a busy machine more than the last second may be missing, and the recording says that as well.
        assert record.state in (RecordingState.SALVAGED, RecordingState.TRUNCATED)
        left, right = channels(await replayed(centre, caller), tmp_path, WIDE_HZ)
        ends_s = infos[-1].seconds
        # 5,000 Hz is what a telephone has not. When a narrow phone answers, Asterisk decodes the caller anew, and a
        # decoder of G.722 that begins in the middle has the levels right after 0.13 s.
        for hz in (CALLER_HZ, 5000):
            heard = spans(left, hz, rate_hz=WIDE_HZ, share=0.3, least_s=0.05)
            assert heard[0][0] < NEAR_S
            assert abs(heard[-1][1] - ends_s) < NEAR_S
            assert sum(off - on for on, off in heard) > ends_s - 0.6
        zero = caller.anchors[f"{caller.call_id}-c"]
        first, second = ((caller.anchors[file] - zero).total_seconds() for file in legs)
        ((on, off), *_) = spans(right, AGENT_HZ, rate_hz=WIDE_HZ)
        assert abs(on - first) < NEAR_S
        assert 2.3 < off - on < second - first + NEAR_S
        for hz in (SUZUKI_HZ, 6000):
            heard = spans(right, hz, rate_hz=WIDE_HZ, share=0.3, least_s=0.05)
            assert abs(heard[0][0] - second) < NEAR_S + 0.13  # its decoder, too, begins in the middle of what it says
            assert sum(off - on for on, off in heard) > 0.9  # Asterisk holds the last second in memory
        # Nothing that the narrow phone said is heard above what its codec carries.
        assert strength(right[round((first + 0.5) * WIDE_HZ) : round((first + 2) * WIDE_HZ)], 7000, WIDE_HZ) < 1e-4


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
async def test_the_disk_of_the_spool_is_full(
    around: tuple[RunFolder, RunningObjectStore, RunningPostgres], tmp_path: Path
) -> None:
    """Asterisk tells nobody: the files stop growing, the call goes on. The recording says that it is cut short."""
    async with a_rig() as rig:
        # Five files of 16 kB a second: full after two of them.
        size = ("mount", "-t", "tmpfs", "-o", "size=160k,mode=0777", "tmpfs", str(rig.recordings))
        if subprocess.run(size, check=False).returncode != 0:
            pytest.skip("this machine lets nobody mount")
        try:
            async with a_centre(around, rig) as centre:
                caller, _ = await a_talk(centre, seconds=9)
                await rig.end()
                call = await caller.ended()
                await centre.fact(caller.call_id)
                record = await centre.ledger.get(DEMO, caller.call_id)
                assert record.state is RecordingState.TRUNCATED
                assert record.audio is not None
                assert call.ended_at is not None
                clock_s = (call.ended_at - caller.anchors[f"{caller.call_id}-c"]).total_seconds()
                assert abs(record.audio.duration_s - clock_s) < 0.1
                left, _ = channels(await replayed(centre, caller), tmp_path)
                assert spans(left, CALLER_HZ)[0][0] < NEAR_S
                assert sum(off - on for on, off in spans(left, CALLER_HZ)) < 6
                async with asyncio.timeout(5):
                    while centre.spool(caller.call_id):
                        await asyncio.sleep(0.05)
        finally:
            subprocess.run(("umount", "--lazy", str(rig.recordings)), check=False)
