"""What many calls leave behind in a page: the heap of its scripts after a collection, nodes and listeners."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from playwright.async_api import CDPSession

from cti.demo.folders import PortPool
from cti.domain.model import AgentState
from tests.e2e.pages.browser import chromium, window
from tests.e2e.pages.phone_scenes import ready, says
from tests.e2e.pages.records import complete
from tests.e2e.pages.site import now, running_site
from tests.e2e.pages.sound import conversation
from tests.e2e.pages.talk_scenes import on_the_line

STEP = 100
# A page that kept a call's card, pop or connection would add some 20 kB a call. First run: 5,396, 6,127, 6,378, 6,435
# and 6,486 kB after 100 to 500 calls, with 596 nodes and 65 listeners each time: 0.5 kB a call in the second half.
GROWTH_KB_A_CALL = 1.0


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What a page holds, after so many calls."""

    calls: int
    heap_kb: int
    nodes: int
    listeners: int


async def held(debugger: CDPSession, calls: int) -> Memory:
    """Collect, then count."""
    await debugger.send("Performance.enable")
    for _ in range(2):  # what the first frees may free more
        await debugger.send("HeapProfiler.collectGarbage")
    told = {one["name"]: one["value"] for one in (await debugger.send("Performance.getMetrics"))["metrics"]}
    return Memory(
        calls=calls,
        heap_kb=round(told["JSHeapUsedSize"] / 1024),
        nodes=int(told["Nodes"]),
        listeners=int(told["JSEventListeners"]),
    )


async def played_calls(folder: Path, pool: PortPool, calls: int, say: Callable[[str], None]) -> list[Memory]:
    """Our pages with their real server; the look-up and Asterisk's WebSocket are played. Each call rings, is answered,
    has its card, and is hung up by the agent."""
    found: list[Memory] = []
    async with (
        running_site(pool.tcp(), conversation(folder, 1)) as site,
        chromium() as browser,
        window(browser) as seen,
    ):
        line = await ready(site, seen)
        debugger = await seen.page.context.new_cdp_session(seen.page)
        for n in range(1, calls + 1):
            site.set_state(AgentState.AVAILABLE)
            call = site.ring()
            await line.ring()
            await says(seen.page, "ringing")
            site.happen(complete(call, now()))
            await seen.page.keyboard.press("F2")
            await says(seen.page, "talking")
            call = on_the_line(site, call)
            await seen.page.locator(".pop-talking").wait_for()
            await seen.page.keyboard.press("F9")
            await says(seen.page, "none")
            site.hang_up(call)
            await seen.page.locator(".pop-ended").wait_for()
            if n % STEP == 0 or n == calls:
                found.append(await held(debugger, n))
                say(f"after {n} calls: {asdict(found[-1])}")
    return found


def growth_kb_a_call(found: list[Memory]) -> float | None:
    """Over the second half: what the browser keeps ready fills up in the first. None: there are too few looks."""
    if len(found) < 2:
        return None
    first, last = found[len(found) // 2 if len(found) > 2 else 0], found[-1]
    return round((last.heap_kb - first.heap_kb) / (last.calls - first.calls), 2)
