"""The README's pictures: one real call on a whole desk, photographed. usage: scripts/pictures [FOLDER]

Starts a desk of its own (Asterisk, PostgreSQL, object store, phones), lets a member call, an agent answer, others
wait, and QA listen; at last the server dies in a talk of smith's, whose phone is the page, and the page holds the
caller by itself. Writes agent-ringing, agent-talking, queues, qa-player and agent-alone, each in Japanese and English.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import Page

from cti.demo.browser import browser_plan
from cti.demo.call import place_call
from cti.demo.check import agent_available
from cti.demo.client import logged_in
from cti.demo.folders import PortPool, run_folder
from cti.demo.phones import Baresip
from cti.demo.stack import Stack, running_stack
from tests.e2e.pages.browser import chromium, until, window
from tests.e2e.pages.voices import AGENT, CALLER, speak

FOLDER = Path(__file__).resolve().parents[3] / "docs/pictures"
LANGUAGES = ("ja", "en")
# A page of the README loads two of them.
MOST_BYTES = 250_000
# Japanese, member, her reservation, yes, "cannot unlock".
MEMBER, MEMBER_KEYS = "090-1234-5678", "w1w1w48120017www1ww1"
PATIENCE_MS = 30_000


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


class Photographer:
    """Each person's page in both languages, and where the pictures go."""

    def __init__(self, folder: Path, pages: dict[str, list[Page]]) -> None:
        self.folder = folder
        self.pages = pages

    async def wait(self, login: str, selector: str) -> None:
        for page in self.pages[login]:
            await page.locator(selector).first.wait_for(timeout=PATIENCE_MS)

    async def take(self, login: str, name: str) -> None:
        for language, page in zip(LANGUAGES, self.pages[login], strict=True):
            await photograph(page, self.folder / f"{name}.{language}.png")


async def photograph(page: Page, file: Path) -> None:
    await page.screenshot(path=file)
    size = file.stat().st_size
    if size > MOST_BYTES:
        raise SystemExit(f"{file} has {size} bytes; at most {MOST_BYTES}")
    say(f"{file} ({size} bytes)")


async def the_call(stack: Stack, photographer: Photographer, phones: dict[str, Baresip]) -> Baresip:
    """A member calls; the phone rings at sato; they talk."""
    voice = speak(CALLER, stack.run.path / "caller.wav")
    caller = await place_call(
        stack.run, stack.pool, trunk=stack.trunk, number=stack.number, caller=MEMBER, keys=MEMBER_KEYS,
        sound=voice, name="member",  # type: ignore[arg-type]
    )  # fmt: skip
    await photographer.wait("sato", ".pop-ringing .verify")
    await asyncio.sleep(2.2)
    await photographer.take("sato", "agent-ringing")
    await phones["sato"].accept()
    await photographer.wait("sato", ".pop-talking")
    await asyncio.sleep(6)
    await photographer.take("sato", "agent-talking")
    return caller


async def the_line(stack: Stack, photographer: Photographer, phones: dict[str, Baresip]) -> Sequence[Baresip]:
    """Others call meanwhile: two for roadside help and one in English wait, a car park talks with suzuki."""

    async def comes(caller: str, keys: str) -> Baresip:
        return await place_call(
            stack.run, stack.pool, trunk=stack.trunk, number=stack.number, caller=caller, keys=keys,
            name=f"waiting-{caller}-{keys}",
        )  # fmt: skip

    waiting = [
        await comes("080-2345-6789", "10"),
        await comes("03-6666-0100", "w1w2w1"),
        await comes("anonymous", "10"),
        await comes("payphone", "20"),
    ]
    await phones["suzuki"].wait_for("CALL_INCOMING")
    await phones["suzuki"].accept()
    await photographer.wait("tanaka", ".queue-late")
    await asyncio.sleep(3)
    await photographer.take("tanaka", "queues")
    return waiting


async def the_listening(photographer: Photographer) -> None:
    """QA opens the member's call when it is stored and the others are settled."""
    for page in photographer.pages["watanabe"]:
        row = page.locator("tbody tr", has_text=MEMBER)
        for _ in range(60):
            await page.locator(".filters .primary").click()
            await asyncio.sleep(0.5)
            settled = await page.locator("tbody .recording-pending").count() == 0
            if settled and await row.locator(".recording-stored").count():
                break
        await row.first.get_by_role("button").click()
        await until(page, "document.querySelector('audio')?.currentTime > 0.2", deadline_s=10)
        await page.locator("audio").evaluate("audio => { audio.pause(); audio.currentTime = audio.duration * 0.55 }")
        await page.locator(".journey [aria-current]").scroll_into_view_if_needed()
    await asyncio.sleep(0.5)
    await photographer.take("watanabe", "qa-player")


async def the_bad_day(stack: Stack, page: Page, folder: Path) -> None:
    """Somebody calls in English; smith answers in the page; the server dies, and smith puts the caller on hold."""
    async with logged_in(stack.web, "smith", stack.password("smith")) as person:
        await person.set_state("available")
    caller = await place_call(
        stack.run, stack.pool, trunk=stack.trunk, number=stack.number, caller="080-2345-6789", keys="20", name="english"
    )
    await page.locator(".phone-bar-ringing").wait_for(timeout=PATIENCE_MS)
    await page.keyboard.press("F2")
    await page.locator(".talk-record button").wait_for(timeout=PATIENCE_MS)
    await asyncio.sleep(12)
    assert stack.server is not None
    stack.server.signal(signal.SIGKILL)
    await page.locator(".offline p").wait_for(timeout=PATIENCE_MS)
    await page.locator(".talk .choices button").first.click()
    await page.locator(".talk .choices .primary").wait_for(timeout=PATIENCE_MS)
    for language in LANGUAGES:
        if await page.evaluate("document.documentElement.lang") != language:
            await page.locator(".bar-end button[lang]").click()
            await page.mouse.move(0, 0)  # nothing is pointed at
        await asyncio.sleep(0.5)
        await photograph(page, folder / f"agent-alone.{language}.png")
    await caller.hangup()
    await caller.stop()


async def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as cleanup:
        run, pool = cleanup.enter_context(run_folder()), cleanup.enter_context(PortPool())
        stack = await cleanup.enter_async_context(
            running_stack(run, pool, say, browser_plan(run.path, pool, ["smith"]))
        )
        agent = speak(AGENT, run.path / "agent.wav")
        phones = {
            "sato": await stack.start_agent_phone("sato", sound=agent),  # type: ignore[arg-type]
            "suzuki": await stack.start_agent_phone("suzuki"),
        }
        for login in ("sato", "suzuki"):
            await agent_available(stack, login)
        async with logged_in(stack.web, "smith", stack.password("smith")) as person:
            await person.set_state("break", "lunch")
        browser = await cleanup.enter_async_context(chromium())
        smith = await cleanup.enter_async_context(window(browser))
        await smith.log_in(stack.web, "smith", stack.password("smith"))
        await smith.page.locator(".phone-bar[data-line=ready]").wait_for(timeout=PATIENCE_MS)
        pages: dict[str, list[Page]] = {}
        for login in ("sato", "tanaka", "watanabe"):
            for language in LANGUAGES:
                seen = await cleanup.enter_async_context(window(browser, language=language))
                await seen.log_in(stack.web, login, stack.password(login))
                await seen.page.locator("h1").wait_for()
                pages.setdefault(login, []).append(seen.page)
        photographer = Photographer(folder, pages)
        caller = await the_call(stack, photographer, phones)
        waiting = await the_line(stack, photographer, phones)
        await asyncio.sleep(14)  # until they have said everything
        for phone in (caller, *waiting):
            await phone.hangup()
            await phone.stop()
        await the_listening(photographer)
        await the_bad_day(stack, smith.page, folder)


if __name__ == "__main__":
    if "--help" in sys.argv:
        print(__doc__)
    else:
        asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
