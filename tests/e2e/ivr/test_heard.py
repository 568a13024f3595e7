"""What the caller's phone received is what the prompts hold: signalling alone would miss a silent menu."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.e2e.ivr.desk import Desk, Steps, main_menu

# A fifth of a second says which prompt it is of.
PIECE = 1600
SECONDS = 4

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_the_caller_hears_each_prompt_in_the_language_chosen(desk: Desk) -> None:
    server = desk.server(main_menu(), drain_s=1.0)
    await server.start()
    try:
        with Steps() as steps:
            phone = await desk.caller()
            await steps.asked("language")
            await phone.send_digits("2")
            await steps.asked("member")
            await desk.played(4.0)
            await phone.send_digits("0")
            await desk.waiting()
            await phone.hangup()
            await phone.wait_for("CALL_CLOSED")
            await phone.stop()
    finally:
        await server.stop()
    heard = samples(phone.heard()[0])
    sounds = desk.sounds / "kakehashi"
    found = {
        name: pieces(heard, samples(sounds / f"{name}.wav"))
        for name in ("ja/greeting", "ja/recorded", "en/member", "en/to-roadside", "ja/member", "ja/to-agent")
    }
    told = (found, loudness(heard), steps.prompts)
    for name in ("ja/greeting", "ja/recorded", "en/member", "en/to-roadside"):
        assert found[name][0] > 0.8, (name, *told)
    for name in ("ja/member", "ja/to-agent"):
        assert found[name][0] < 0.1, (name, *told)
    order = [found[name][1] for name in ("ja/greeting", "ja/recorded", "en/member", "en/to-roadside")]
    assert order == sorted(order)


def samples(path: Path) -> NDArray[np.float64]:
    with wave.open(str(path)) as source:
        assert (source.getframerate(), source.getnchannels()) == (8000, 1)
        return np.frombuffer(source.readframes(source.getnframes()), dtype="<i2").astype(np.float64)


def pieces(heard: NDArray[np.float64], prompt: NDArray[np.float64]) -> tuple[float, int]:
    """How much of the prompt's first seconds was heard (0 to 1, by pieces of PIECE samples that hold sound), and where.

    By pieces, because a phone on a busy machine drops a frame now and then, and what follows is heard earlier.
    """
    first = prompt[: SECONDS * 8000]
    parts = first[: len(first) // PIECE * PIECE].reshape(-1, PIECE)
    loud = [part for part in parts if np.mean(part**2) > 0.1 * np.mean(prompt**2)]
    places = [at for likeness, at in (place(heard, part) for part in loud) if likeness > 0.9]
    return len(places) / len(loud), int(np.median(places)) if places else -1


def loudness(heard: NDArray[np.float64]) -> list[int]:
    """The sound's strength in each half second, to read what was heard when it was not what it should have been."""
    halves = heard[: len(heard) // 4000 * 4000].reshape(-1, 4000)
    return [round(float(np.sqrt(np.mean(half**2)))) for half in halves]


def place(heard: NDArray[np.float64], prompt: NDArray[np.float64]) -> tuple[float, int]:
    """Best normalised correlation of ``prompt`` anywhere in ``heard`` (1.0: the same sound), and the sample."""
    size = len(heard) + len(prompt)
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(prompt, size)), size)[: len(heard)]
    sums = np.concatenate(([0.0], np.cumsum(heard**2)))
    ends = np.minimum(np.arange(len(heard)) + len(prompt), len(heard))
    energy = np.sqrt((sums[ends] - sums[: len(heard)]) * np.sum(prompt**2))
    # Where next to nothing is heard, nothing can be like the prompt.
    likeness = product / np.maximum(energy, 0.05 * np.sum(prompt**2))
    best = int(np.argmax(likeness))
    return float(likeness[best]), best
