"""One whole desk whose agent has a phone in the browser, and a real Chromium that is this phone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from cti.demo.components import find_program
from cti.demo.folders import LOOPBACK, PortPool, run_folder
from cti.demo.outside import start_outside, with_a_way_out
from cti.demo.phones import Baresip
from cti.demo.stack import DESK_FILE, Plan, Stack, running_stack
from cti.demo.tones import tone, write_wav
from tests.e2e.pages.browser import FLAGS, window
from tests.e2e.softphone.page import AGENT_HZ, Phone, own_address

STATIC = Path(__file__).resolve().parents[3] / "cti/web/static/index.html"
# A whole number of waves: Chromium plays its microphone's file again and again, without a click.
MICROPHONE_S = 10.0


def _own_address() -> str:
    try:
        return own_address()
    except OSError:
        pytest.skip("this machine has no network interface beside loopback")


@pytest.fixture(scope="package")
def pool() -> Iterator[PortPool]:
    with PortPool() as made:
        yield made


@pytest.fixture(scope="package")
def way_out() -> list[int]:
    """The port that our trunk leads to, once there is a desk."""
    return []


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def desk(pool: PortPool, way_out: list[int]) -> AsyncIterator[Stack]:
    """Sato's phone is the browser; Suzuki has a SIP phone, as before. The trunk is wide: narrow callers stay narrow."""
    if not STATIC.is_file():
        pytest.fail("the pages are not built: scripts/bring/web")
    with run_folder() as run:
        text = DESK_FILE.read_text(encoding="utf-8")
        text = text.replace('\nuser = "sato"\n', '\nuser = "sato"\nphone = "browser"\n')
        assert 'phone = "browser"' in text
        text += "\n[tenants.demo.routing]\nsame_agent_s = 2\n"  # a caller whose agent is lost is not kept waiting here
        desk_file = run.path / "desk.toml"
        desk_file.write_text(text, encoding="utf-8")
        plan = Plan(
            desk_file=desk_file,
            asterisk={"trunk_codecs": ["g722", "ulaw"]},
            recording={"rate_hz": 16_000},
            tables={
                "asterisk.websocket": {"address": LOOPBACK, "port": pool.tcp()},
                "asterisk.websocket.ice_hosts": {f'"{_own_address()}"': LOOPBACK},
            },
        )
        plan, port = with_a_way_out(plan, run.path, pool)
        way_out.append(port)
        async with running_stack(run, pool, lambda _: None, plan) as stack:
            await stack.start_agent_phone("suzuki", sound=700)
            yield stack


@pytest_asyncio.fixture(loop_scope="package")
async def person(desk: Stack, pool: PortPool, way_out: list[int]) -> AsyncIterator[Baresip]:
    """Somebody outside, whose phone has G.711 alone."""
    made = await start_outside(desk.run, pool, way_out[0])
    try:
        yield made
    finally:
        await made.stop()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def phone(desk: Stack) -> AsyncIterator[Phone]:
    """Sato's browser: its microphone hears a tone."""
    said = desk.run.path / "microphone.wav"
    write_wav(said, tone(AGENT_HZ, MICROPHONE_S))
    flags = (
        *FLAGS,
        f"--use-file-for-fake-audio-capture={said}",
        "--allow-loopback-in-peer-connection",
    )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(find_program("chromium")), args=list(flags))
        try:
            async with window(browser, language="en") as seen:
                made = Phone(seen, desk, browser)
                await made.log_in()
                yield made
                assert seen.unexpected() == []
        finally:
            await browser.close()
