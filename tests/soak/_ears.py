"""Who hears whom, at this moment: tones in what a caller's phone writes down, and in what an agent's page plays.

Everybody speaks one tone. Those of agents lie halfway between the notes of a piano, so far apart up there that music on
hold is nobody; it is never played to agents who talk.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from array import array
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from playwright.async_api import Error, Page

from cti.demo.phones import Baresip
from cti.demo.tones import RATE_HZ

CALLERS_HZ = (855, 538, 604, 453)
AGENTS_HZ = (1015, 1357, 1710, 2155)
PERSON_HZ = 1141  # who is called from the page
# The apology is a tone here, so that it is known whether the caller heard it. Nobody is dialled who could be meant.
SORRY_HZ, SORRY_S = PERSON_HZ, 2.0
TONES = (*CALLERS_HZ, *AGENTS_HZ, PERSON_HZ)
WINDOW_S = 0.1
# A tone stands above what is beside it by so much, however loud others are: browsers take a lasting tone for noise, and
# make it quieter.
BESIDE_HZ, ABOVE_DB = 45, 14
# Quieter than this is silence, where full level is 0: what µ-law makes of nothing.
SILENCE_DB = -60
# A tone that is there for so many windows in a row is somebody; fewer may be a note or the edge of one.
STEADY = 4
WAV_HEADER_BYTES = 44

# The same in the page, ten times a second while it plays a call: window.heard = [[ms, [tone, …]], …].
EAR = """(() => {
  const tones = %s, heard = (window.heard = []);
  let of = null, context = null, ears, bins;
  setInterval(() => {
    const now = document.querySelector("#phone-sound")?.srcObject ?? null;
    if (now !== of) {
      of = now;
      if (context) context.close();
      context = now ? new AudioContext() : null;
      if (context) {
        ears = context.createAnalyser();
        ears.fftSize = 8192;
        ears.smoothingTimeConstant = 0;
        bins = new Float32Array(ears.frequencyBinCount);
        context.createMediaStreamSource(now).connect(ears);
      }
    }
    if (!context) return;
    ears.getFloatFrequencyData(bins);
    const hz = context.sampleRate / ears.fftSize;
    const level = (at) => Math.max(...bins.slice(Math.round(at / hz) - 3, Math.round(at / hz) + 4));
    const there = (tone) => {
      const beside = Math.max(level(tone - %d), level(tone + %d));
      return level(tone) > %d && level(tone) > beside + %d;
    };
    heard.push([Date.now(), tones.filter(there)]);
    if (heard.length > 1200) heard.shift();
  }, 100);
})()"""


def ear_script() -> str:
    """For ``add_init_script``."""
    return EAR % (list(TONES), BESIDE_HZ, BESIDE_HZ, SILENCE_DB - 10, ABOVE_DB)


def tones_in(samples: Sequence[int], rate_hz: int = RATE_HZ) -> frozenset[int]:
    """The tones that stand out of a tenth of a second of sound; none of silence."""
    sound = np.asarray(samples, dtype=np.float64) / 32768
    hann = np.hanning(len(sound))
    found = 20 * np.log10(np.abs(np.fft.rfft(sound * hann)) * 2 / hann.sum() + 1e-9)
    step_hz = rate_hz / len(sound)

    def level(hz: float) -> float:
        at = round(hz / step_hz)
        return float(found[at - 1 : at + 2].max())

    def there(hz: int) -> bool:
        beside = max(level(hz - BESIDE_HZ), level(hz + BESIDE_HZ))
        return level(hz) > SILENCE_DB and level(hz) > beside + ABOVE_DB

    return frozenset(hz for hz in TONES if there(hz))


@dataclass(frozen=True)
class Heard:
    """A tenth of a second of what somebody hears."""

    at: float  # epoch seconds
    tones: frozenset[int]


def steady(heard: Sequence[Heard], tones: Collection[int], since: float) -> float | None:
    """When exactly these tones began to be heard for STEADY windows in a row, at ``since`` or later; None: not yet."""
    wanted, run = frozenset(tones), 0
    for n, one in enumerate(heard):
        run = run + 1 if one.at >= since and one.tones == wanted else 0
        if run == STEADY:
            return heard[n - STEADY + 1].at
    return None


@dataclass
class CallerEar:
    """What a caller's phone hears. The file grows as sound arrives: each look says when."""

    phone: Baresip
    heard: list[Heard] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen from now on."""
        self._task = asyncio.create_task(self._listen(), name="a caller's ear")

    async def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> Sequence[Heard]:
        """What was heard so far."""
        return self.heard

    def loudness_db(self, last_s: float) -> float:
        """Of the last seconds, where full level is 0."""
        with self.phone.heard()[-1].open("rb") as file:
            samples = np.frombuffer(file.read()[WAV_HEADER_BYTES:], dtype="<i2")[-round(RATE_HZ * last_s) :]
        return float(20 * np.log10(np.sqrt(np.mean((samples / 32768) ** 2)) + 1e-9))

    async def _listen(self) -> None:
        size = round(RATE_HZ * WINDOW_S) * 2
        at, rest = WAV_HEADER_BYTES, b""
        while True:
            await asyncio.sleep(WINDOW_S / 2)
            files = self.phone.heard()
            if not files:
                continue
            with files[-1].open("rb") as file:
                file.seek(at)
                new = file.read()
            at += len(new)
            rest += new
            while len(rest) >= size:
                samples = array("h", rest[:size])
                rest = rest[size:]
                behind_s = len(rest) / 2 / RATE_HZ
                self.heard.append(Heard(time.time() - behind_s - WINDOW_S, tones_in(samples)))


@dataclass
class PageEar:
    """What an agent's page plays."""

    page: Callable[[], Page]

    async def look(self) -> Sequence[Heard]:
        """What was heard since the page was loaded."""
        with contextlib.suppress(Error, TimeoutError):
            async with asyncio.timeout(5.0):
                rows = await self.page().evaluate("window.heard ?? []")
                return [Heard(ms / 1000, frozenset(tones)) for ms, tones in rows]
        return []


Ear = CallerEar | PageEar


async def hears(ear: Ear, tones: Collection[int], *, since: float, within_s: float) -> float:
    """Seconds from ``since`` until exactly these tones were heard. Raises TimeoutError that says what was heard."""
    end = time.monotonic() + within_s
    while True:
        heard = await ear.look()
        at = steady(heard, tones, since)
        if at is not None:
            return at - since
        if time.monotonic() > end:
            last = [sorted(one.tones) for one in heard[-5:]]
            raise TimeoutError(f"{sorted(tones)} Hz not heard within {within_s:g} s; at the end: {last}")
        await asyncio.sleep(0.05)


def gap_s(heard: Sequence[Heard], tones: Collection[int], since: float, until: float) -> float:
    """The longest time between ``since`` and ``until`` in which not exactly these tones were heard, in seconds."""
    wanted = frozenset(tones)
    there = [since, *(one.at for one in heard if since <= one.at <= until and one.tones == wanted), until]
    return max(later - before for before, later in pairwise(there))
