"""The stored format in a real browser, over Range: it plays, it seeks, and its two channels are still two."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page, async_playwright

from cti.demo.components import find_program
from recording import encode
from recording.timeline import Side
from tests.unit.recording.fakes import tone
from tests.unit.recording.test_encode import job, placed

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"]  # fmt: skip
LENGTH_S = 120

# Decodes the whole file as the browser hears it: the loudest frequency bin of each side in the middle of 100 s.
LISTEN = """async (url) => {
  const bytes = await (await fetch(url)).arrayBuffer();
  const sound = await new OfflineAudioContext(2, 48000, 48000).decodeAudioData(bytes);
  const power = (side, hz) => {
    const data = sound.getChannelData(side), from = 100 * sound.sampleRate, n = 4800;
    let re = 0, im = 0;
    for (let i = 0; i < n; i++) {
      const w = 2 * Math.PI * hz * i / sound.sampleRate;
      re += data[from + i] * Math.cos(w); im += data[from + i] * Math.sin(w);
    }
    return 2 * Math.hypot(re, im) / n;
  };
  return {channels: sound.numberOfChannels, seconds: sound.duration,
          left: [power(0, 440), power(0, 1000)], right: [power(1, 440), power(1, 1000)]};
}"""

PLAY = """async (url) => {
  const audio = new Audio(url);
  const once = (name) => new Promise((ok, no) => {
    audio.addEventListener(name, ok, {once: true});
    audio.addEventListener('error', () => no(audio.error.message), {once: true});
  });
  await Promise.all([once('canplay'), audio.load()]);
  const seconds = audio.duration;
  const seeks = [];
  for (const to of [90, 10, 119, 45.5]) {
    const done = once('seeked'), began = performance.now();
    audio.currentTime = to;
    await done;
    seeks.push([to, audio.currentTime, performance.now() - began]);
  }
  const playing = once('timeupdate');
  await audio.play();
  await playing;
  return {seconds, seeks, moved: audio.currentTime, seekable: audio.seekable.end(0)};
}"""


@pytest_asyncio.fixture
async def page() -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(find_program("chromium")), args=FLAGS)
        yield await browser.new_page()
        await browser.close()


@pytest_asyncio.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    made = encode.encode(
        job(
            tmp_path,
            placed(tmp_path, "c.wav", tone(440, 1) * LENGTH_S, Side.CALLER, 0),
            placed(tmp_path, "a.wav", tone(1000, 1) * 60, Side.AGENT, 50),
            length_s=LENGTH_S,
        )
    )
    app = web.Application()

    async def empty(_: web.Request) -> web.Response:
        return web.Response(text="<title>x</title>", content_type="text/html")

    async def audio(request: web.Request) -> web.FileResponse:
        request.app[RANGES].append(request.headers.get("Range", ""))
        return web.FileResponse(made.audio_path, headers={"Content-Type": encode.CONTENT_TYPE})

    app[RANGES] = []
    app.router.add_get("/", empty)
    app.router.add_get("/audio", audio)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


RANGES = web.AppKey("ranges", list)


@pytest.mark.timeout(90)
async def test_chromium_plays_seeks_and_hears_both_sides_apart(page: Page, address: str) -> None:
    await page.goto(address)
    played = await page.evaluate(PLAY, f"{address}/audio")
    assert abs(played["seconds"] - LENGTH_S) < 0.05
    assert played["seekable"] == played["seconds"]
    assert played["seeks"]
    for wanted, got, took_ms in played["seeks"]:
        assert abs(got - wanted) < 0.01
        assert took_ms < 2000
    assert played["moved"] >= 45.5
    heard = await page.evaluate(LISTEN, f"{address}/audio")
    assert heard["channels"] == 2
    assert abs(heard["seconds"] - LENGTH_S) < 0.05
    assert heard["left"][0] > 0.2
    assert heard["right"][1] > 0.2
    assert max(heard["left"][1], heard["right"][0]) < 0.002
