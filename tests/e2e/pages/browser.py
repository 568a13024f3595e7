"""A real Chromium, headless, and what a person does in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

from cti.demo.components import find_program

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Sound plays without a click: the tests listen to whether it goes on, not to the rule about gestures.
    "--autoplay-policy=no-user-gesture-required",
    # A microphone that beeps, allowed without asking, for pages that are phones.
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


# The browser reports each refusal. "Who am I?" is asked once at start, and before the log-in nobody is.
EXPECTED = ("status of 401",)

# A bound, not a promise: other tests may have the machine.
LONG_S = 20.0
expect.set_options(timeout=LONG_S * 1000)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's own browser; nothing is downloaded."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(find_program("chromium")), args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Window:
    """A person's page, with everything it complained about."""

    page: Page
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=lambda: list(EXPECTED))  # parts of complaints that belong to the test

    def unexpected(self) -> list[str]:
        """Everything in the console that nobody caused on purpose: a broken script, a refused style, a missing file."""
        return [one for one in self.complaints if not any(part in one for part in self.expected)]

    async def log_in(self, url: str, login: str, password: str) -> None:
        await self.page.goto(url)
        await self.page.locator("input[name=login]").fill(login)
        await self.page.locator("input[name=password]").fill(password)
        await self.page.keyboard.press("Enter")


async def drawn(page: Page) -> None:
    """Wait until what is shown has its keys: the pages lay them on after the frame is painted."""
    await page.evaluate(
        "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
    )


async def until(page: Page, expression: str, deadline_s: float = LONG_S) -> None:
    """Wait until a JavaScript expression is true. Playwright's own waiting compiles code in the page, which the
    pages' Content-Security-Policy refuses, as it should. Raises TimeoutError that names the expression."""
    try:
        async with asyncio.timeout(deadline_s):
            while not await page.evaluate(expression):
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise TimeoutError(f"not within {deadline_s:g} s: {expression}") from None


@asynccontextmanager
async def window(
    browser: Browser,
    *,
    width: int = 1366,
    height: int = 768,
    language: str = "en",
    dark: bool = False,
    still: bool = True,
) -> AsyncIterator[Window]:
    """A fresh profile. ``still``: the system asks for less movement, as pictures need it."""
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        locale="ja-JP" if language == "ja" else "en-GB",
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce" if still else "no-preference",
        timezone_id="America/Los_Angeles",  # not the desk's: pages show the desk's time whatever the machine thinks
    )
    try:
        made = Window(page=await context.new_page(), context=context)
        made.page.on("console", lambda message: _note(made, message))
        made.page.on("pageerror", lambda error: made.complaints.append(f"exception: {error}"))
        yield made
    finally:
        await context.close()


def _note(made: Window, message: ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        made.complaints.append(f"{message.type}: {message.text}")
