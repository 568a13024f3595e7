"""Navigation → ready of the agent's page: somebody logged in, the desk shown, its phone registered.

A real Chromium loads our page with a session that is there, as an agent does in the morning; ready is when the page
says so and a call could ring. Case `again`: files come from the browser's cache where their names allow it. Case
`first`: a new profile each time, so that nothing is there but the session. Peer: a page of nothing but JsSIP, loaded
again, until it is registered. By each page's own clock (performance.now(), which counts from the navigation). The line
has the 95th percentile too, and the size of all scripts, gzip. Unit: ms.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from cti.demo.folders import LOOPBACK, PortPool, run_folder
from cti.demo.stack import Stack
from tests.bench._page import AGENT, PASSWORD, PLAIN, a_page_desk, plain_page, plain_site
from tests.bench._report import Sample, case, line
from tests.bench._stopwatch import ahead_of_others
from tests.e2e.pages.browser import until, window
from tests.e2e.softphone.page import own_address

ASSETS = Path(__file__).resolve().parents[2] / "cti/web/static/assets"
AIM_P95_MS, AIM_BYTES = 1_000.0, 200_000
WATCH = """(() => {
  new MutationObserver((_, me) => {
    if (!document.querySelector(".phone-bar[data-line=ready]") || !document.querySelector(".state-word")) return;
    window.readyMs = performance.now();
    me.disconnect();
  }).observe(document, { subtree: true, childList: true, attributes: true });
})()"""


@dataclass(kw_only=True)
class Found:
    """Milliseconds until ready."""

    again: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)


async def ready_ms(page: Page) -> float:
    """From the navigation that was begun, by the page's own clock."""
    await until(page, "window.readyMs > 0", 20.0)
    return float(await page.evaluate("window.readyMs"))


async def measure(loads: int) -> Found:
    """The whole."""
    found = Found()
    with run_folder() as run, PortPool() as pool:
        async with a_page_desk(run, pool, media=LOOPBACK, own=own_address()) as (stack, browser, _):
            async with window(browser) as seen, plain_site(stack, run.path) as site:
                await seen.page.add_init_script(WATCH)
                await seen.log_in(stack.web, AGENT, PASSWORD)
                await expect(seen.page.locator(".phone-says")).to_contain_text("Ready for calls", timeout=30_000)
                context = await browser.new_context()
                plain = await context.new_page()
                async with plain_page(plain, stack, site, PLAIN, opened=True):
                    for _ in range(loads):
                        for page, took in ((seen.page, found.again), (plain, found.peer)):
                            await page.reload(wait_until="commit")
                            took.append(await ready_ms(page))
                await context.close()
                session = await seen.context.storage_state()
            for _ in range(loads):
                found.first.append(await loaded_first(stack, browser, session))
    return found


async def loaded_first(stack: Stack, browser: Browser, session: object) -> float:
    """With an empty cache."""
    context = await browser.new_context(storage_state=session, locale="en-GB")  # type: ignore[arg-type]
    try:
        page = await context.new_page()
        await page.add_init_script(WATCH)
        await page.goto(stack.web, wait_until="commit")
        return await ready_ms(page)
    finally:
        await context.close()


def scripts_bytes() -> int:
    """All scripts of the pages, each compressed as a web server would."""
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in ASSETS.glob("*.js"))


def p95(values: Sequence[float]) -> float:
    """By nearest rank."""
    return round(sorted(values)[math.ceil(0.95 * len(values)) - 1], 1)


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", type=int, default=60, help="of each case (default 60)")
    arguments = parser.parse_args()
    with ahead_of_others():
        found = asyncio.run(measure(arguments.loads))
    peer, size = Sample.of(found.peer), scripts_bytes()
    cases = [
        {**case(name, Sample.of(took), "plain JsSIP, registered", peer), "p95": p95(took), "scripts_gzip_bytes": size}
        for name, took in (("again", found.again), ("first", found.first))
    ]
    met = size <= AIM_BYTES and all(p95(took) <= AIM_P95_MS for took in (found.again, found.first))
    print(line("page-load", "ms", cases, f"p95 {AIM_P95_MS:g} ms; scripts {AIM_BYTES} bytes", met))


if __name__ == "__main__":
    main()
