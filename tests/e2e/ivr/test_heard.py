"""What the caller's phone received is what the prompts hold: signalling alone would miss a silent menu."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.e2e.ivr.desk import Desk, Steps, main_menu

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
        name: place_of_any_second(heard, samples(sounds / f"{name}.wav"))
        for name in ("ja/greeting", "ja/recorded", "en/member", "en/to-roadside", "ja/member", "ja/to-agent")
    }
    for name in ("ja/greeting", "ja/recorded", "en/member", "en/to-roadside"):
        assert found[name][0] > 0.8, (name, found)
    for name in ("ja/member", "ja/to-agent"):
        assert found[name][0] < 0.5, (name, found)
    order = [found[name][1] for name in ("ja/greeting", "ja/recorded", "en/member", "en/to-roadside")]
    assert order == sorted(order)


def samples(path: Path) -> NDArray[np.float64]:
    with wave.open(str(path)) as source:
        assert (source.getframerate(), source.getnchannels()) == (8000, 1)
        return np.frombuffer(source.readframes(source.getnframes()), dtype="<i2").astype(np.float64)


def place_of_any_second(heard: NDArray[np.float64], prompt: NDArray[np.float64]) -> tuple[float, int]:
    """The best of the prompt's first seconds: a phone on a busy machine drops a frame now and then."""
    seconds = [prompt[begin : begin + 8000] for begin in range(0, min(len(prompt), 24_000), 8000)]
    return max((place(heard, second) for second in seconds if len(second) == 8000), key=lambda found: found[0])


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
