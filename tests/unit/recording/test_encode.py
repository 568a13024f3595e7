"""Mix and encoding, on the real ffmpeg: which sound is where in the stored file."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tracemalloc
from array import array
from pathlib import Path

import pytest

from cti.demo.tones import strength
from cti.domain.errors import ConfigError, PeerError, Unavailable
from cti.domain.model import AgentId
from recording import encode, webm
from recording.analysis import TalkWindow
from recording.encode import EncodeJob, EncoderPool, hash_file, require_ffmpeg
from recording.mix import MixSource, mix
from recording.timeline import Side, Timeline, Track, plan
from recording.wav import read_info
from tests.unit.recording.fakes import break_header, later, tone, write_wav

SATO = AgentId("sato")


def placed(folder: Path, name: str, samples: bytes, side: Side, at: float, rate: int = 8000) -> tuple[Track, Path]:
    path = write_wav(folder / name, samples, rate=rate)
    info = read_info(path)
    return (
        Track(
            file=name,
            side=side,
            agent=SATO if side is Side.AGENT else None,
            frames=info.frames,
            rate=info.rate,
            anchor_at=later(at),
            until_at=later(at + info.seconds),
        ),
        path,
    )


def job(folder: Path, *tracks: tuple[Track, Path], length_s: float) -> EncodeJob:
    timeline = plan(tuple(track for track, _ in tracks), started_at=later(0), ended_at=later(length_s))
    return EncodeJob(
        name="call",
        timeline=timeline,
        sources=tuple(
            MixSource(placed=item, path=path, info=read_info(path))
            for item, (_, path) in zip(timeline.tracks, tracks, strict=True)
        ),
        talks=(TalkWindow(agent=SATO, start_s=0, end_s=length_s),),
        audio_path=folder / "call.webm",
        peaks_path=folder / "call.peaks.json",
    )


def decoded(path: Path) -> tuple[array[int], array[int]]:
    """Both channels as any player hears them, at 8 kHz."""
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-f", "s16le", "-ar", "8000", "-"], capture_output=True, check=True
    ).stdout
    both = array("h", raw)
    return both[0::2], both[1::2]


def on_and_off(samples: array[int], hz: float) -> tuple[float, float]:
    """First and last second at which the tone is heard, by windows of 10 ms."""
    step = 80
    heard = [
        at / 8000
        for at in range(0, len(samples) - step, step)
        if max(samples[at : at + step]) > 2000 and strength(samples[at : at + step], hz) > 0.5
    ]
    return heard[0], heard[-1] + 0.01


def test_caller_left_agents_right_each_at_its_second(tmp_path: Path) -> None:
    work = job(
        tmp_path,
        placed(tmp_path, "c.wav", tone(440, 8), Side.CALLER, 0),
        placed(tmp_path, "a.wav", tone(1000, 2), Side.AGENT, 2.5),
        placed(tmp_path, "b.wav", tone(700, 2), Side.AGENT, 5.0),
        length_s=8,
    )
    made = encode.encode(work)
    left, right = decoded(made.audio_path)
    assert abs(len(left) / 8000 - 8) < 0.03
    assert on_and_off(left, 440)[0] < 0.03
    for hz, start in ((1000, 2.5), (700, 5.0)):
        on, off = on_and_off(right, hz)
        assert abs(on - start) < 0.03
        assert abs(off - (start + 2)) < 0.03
    assert strength(right[20_000:36_000], 440) < 1e-4  # nothing of the caller leaks to the right
    assert strength(left, 1000) < 1e-4
    assert (made.duration_s, made.rate) == (8.0, 8000)
    assert hash_file(made.audio_path) == (made.audio_sha256, made.audio_bytes)
    assert json.loads(made.peaks_path.read_text())["bucket_ms"] == 50


def test_a_byte_is_of_the_second_that_the_seek_index_says(tmp_path: Path) -> None:
    """Silence takes hardly any bytes: who heard the middle of the file heard the voice, and not the pause behind it."""
    voice = placed(tmp_path, "c.wav", tone(440, 10) + tone(0, 30), Side.CALLER, 0)
    made = encode.encode(job(tmp_path, voice, length_s=40))
    data = made.audio_path.read_bytes()
    marks = webm.cues(data[: webm.cues_end(made.duration_s)])
    assert {data[at : at + 4].hex() for at, _ in marks} == {"1f43b675"}  # each is where a cluster begins
    assert [round(second) for _, second in marks[:20]] == list(range(0, 40, 2))
    assert webm.second_at(marks, len(data) // 2, size=len(data), duration_s=40) < 10


def test_two_agents_at_once_are_added(tmp_path: Path) -> None:
    work = job(
        tmp_path,
        placed(tmp_path, "a.wav", tone(1000, 2), Side.AGENT, 0),
        placed(tmp_path, "b.wav", tone(700, 2), Side.AGENT, 1),
        length_s=3,
    )
    right = array("h", b"".join(agent for _, agent in mix(work.timeline, work.sources, rate=8000, step_frames=400)))
    middle = right[9_000:15_000]
    assert strength(middle, 1000) > 0.45
    assert strength(middle, 700) > 0.45


def test_files_of_different_rates_meet_at_the_better_one(tmp_path: Path) -> None:
    made = encode.encode(
        job(
            tmp_path,
            placed(tmp_path, "c.wav", tone(440, 3), Side.CALLER, 0),
            placed(tmp_path, "a.wav", tone(3600, 2, rate=16000), Side.AGENT, 1, rate=16000),
            length_s=3,
        )
    )
    assert made.rate == 16000
    left, right = decoded(made.audio_path)
    assert strength(left[800:], 440) > 0.9
    assert abs(on_and_off(right, 3600)[0] - 1) < 0.03


def test_a_narrow_leg_beside_a_wide_caller_keeps_its_second_and_its_frequency(tmp_path: Path) -> None:
    work = job(
        tmp_path,
        placed(tmp_path, "c.wav16", tone(5000, 6, rate=16000), Side.CALLER, 0, rate=16000),
        placed(tmp_path, "a.wav", tone(0, 1) + tone(3000, 2), Side.AGENT, 2.0125),
        length_s=6,
    )
    runs = list(mix(work.timeline, work.sources, rate=16000, step_frames=800))
    left, right = (array("h", b"".join(run[side] for run in runs)) for side in (0, 1))
    assert strength(left, 5000, 16000) > 0.99
    assert max(map(abs, right[: round(3.01 * 16000)])) == 0  # its first second, and what was before it
    spoken = right[round(3.0225 * 16000) : round(5.0025 * 16000)]
    assert strength(spoken, 3000, 16000) > 0.999
    assert strength(spoken, 5000, 16000) < 1e-5  # where a straight line between samples would mirror it, at -9 dB
    assert max(map(abs, right[round(5.0145 * 16000) :])) == 0
    made = encode.encode(work)
    assert (made.rate, made.duration_s) == (16000, 6.0)
    assert made.analysis.bucket_ms == 50


def test_an_empty_recording_is_still_a_file_with_two_channels(tmp_path: Path) -> None:
    made = encode.encode(job(tmp_path, length_s=2))
    left, right = decoded(made.audio_path)
    assert max(map(abs, left)) == max(map(abs, right)) == 0


def test_a_salvaged_file_sounds_the_same(tmp_path: Path) -> None:
    track, path = placed(tmp_path, "c.wav", tone(440, 3), Side.CALLER, 0)
    made = encode.encode(job(tmp_path, (track, break_header(path)), length_s=3))
    assert strength(decoded(made.audio_path)[0], 440) > 0.9


def test_memory_does_not_grow_with_the_call(tmp_path: Path) -> None:
    def peak(seconds: int) -> int:
        track = placed(tmp_path, f"{seconds}.wav", tone(440, 1) * seconds, Side.CALLER, 0)
        work = job(tmp_path, track, length_s=seconds)
        tracemalloc.start()
        for _ in mix(work.timeline, work.sources, rate=8000, step_frames=400):
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(1200) < peak(60) * 1.2 + 100_000


def test_a_file_that_ffmpeg_cannot_write_is_an_error_with_its_words(tmp_path: Path) -> None:
    work = job(tmp_path, placed(tmp_path, "c.wav", tone(440, 1), Side.CALLER, 0), length_s=1)
    gone = EncodeJob(
        name="call",
        timeline=work.timeline,
        sources=work.sources,
        talks=(),
        audio_path=tmp_path / "missing" / "x.webm",
        peaks_path=work.peaks_path,
    )
    with pytest.raises(Unavailable, match=r"ffmpeg gave up on call.*No such file"):
        encode.encode(gone)


def test_a_result_of_the_wrong_length_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(timeline: Timeline, sources: tuple[MixSource, ...], *, rate: int, step_frames: int) -> object:
        return list(mix(timeline, sources, rate=rate, step_frames=step_frames))[:1]

    monkeypatch.setattr(encode, "mix", half)
    with pytest.raises(PeerError, match=r"1\.\d+ s instead of \[2\] and 3\.00 s"):
        encode.encode(job(tmp_path, placed(tmp_path, "c.wav", tone(440, 3), Side.CALLER, 0), length_s=3))


def test_without_ffmpeg_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(encode, "get_encoder_name", lambda: "ffmpeg")
    with pytest.raises(ConfigError, match="install the package ffmpeg"):
        require_ffmpeg()


async def test_the_pool_encodes_and_comes_back_after_a_worker_was_killed(tmp_path: Path) -> None:
    import os
    import signal

    work = job(tmp_path, placed(tmp_path, "c.wav", tone(440, 2), Side.CALLER, 0), length_s=2)
    pool = EncoderPool(workers=1)
    with pytest.raises(Unavailable):
        await pool.encode(work)
    await pool.start()
    try:
        assert (await pool.encode(work)).duration_s == 2
        (pid,) = pool.pids()
        assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(Unavailable):
            await pool.encode(work)
        assert (await pool.encode(work)).duration_s == 2
    finally:
        await pool.stop()


async def test_a_worker_whose_parent_was_killed_while_it_began_does_not_stay(tmp_path: Path) -> None:
    source = (
        "import os, signal\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from multiprocessing import get_context\n"
        "from recording import encode\n"
        "if __name__ == '__main__':\n"
        "    pool = ProcessPoolExecutor(1, mp_context=get_context('spawn'),\n"
        "        initializer=encode._settle_worker, initargs=(1_000_000_000,))\n"
        "    try:\n"
        "        pool.submit(os.getpid).result(20)\n"
        "    except Exception as error:\n"
        "        print(type(error).__name__)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(source)
    process = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=asyncio.subprocess.PIPE)
    said, _ = await asyncio.wait_for(process.communicate(), 30)
    assert said.decode().strip() == "BrokenProcessPool"
