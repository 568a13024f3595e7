"""INVITE → 200 OK of a page that answers by itself, beside plain JsSIP, on one interface and on two.

Three agents take turns on the same Asterisk, in the same Chromium: our page, whose microphone is open; a page of
nothing but JsSIP that answers at once with a microphone opened beforehand; the same that opens its microphone for each
call, as JsSIP does when it is told nothing. Both of the latter wait until every candidate is gathered, as JsSIP does.
From Asterisk's INVITE to the agent's phone until its 200 OK is there, by the trace of Asterisk's own SIP stack (pcap,
microseconds). Each case runs in a network namespace of its own, with one or two interfaces beside loopback; every
answer must offer a way by each of them. Three calls at the same time at most. Unit: ms. Needs the right to make
network namespaces.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, expect

from cti.demo.client import logged_in
from cti.demo.folders import PortPool, run_folder
from cti.demo.processes import ChildSpec, run_to_end
from cti.demo.sipp import SippLoad, run_sipp
from cti.demo.stack import Stack
from tests.bench._page import (
    AGENT,
    NUMBER,
    PASSWORD,
    PLAIN,
    PLAIN_OPENING,
    Message,
    a_page_desk,
    plain_page,
    plain_site,
    read_trace,
    rung,
    say,
)  # fmt: skip
from tests.bench._report import Sample, case, line
from tests.bench._stopwatch import ahead_of_others
from tests.e2e.pages.browser import window

HERE = Path(__file__).parent
AIM = 0.5  # of plain JsSIP with an open microphone, at the median and at the 99th percentile
# Addresses of the two interfaces; the sound of Asterisk is on the last one.
CASES = {"one-interface": ("10.99.1.1",), "two-interfaces": ("10.99.1.1", "10.99.2.1")}
WAYS = re.compile(r"^a=candidate:\S+ 1 udp \d+ (\S+) \d+ typ host", re.MULTILINE | re.IGNORECASE)


@dataclass(kw_only=True)
class Found:
    """What a case brought, by the user of the agent's phone."""

    took_ms: dict[str, list[float]] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)  # answers of ours without a way by each interface


def times(messages: Sequence[Message], ways: Sequence[str]) -> Found:
    """From each INVITE to an agent's phone to its first 200."""
    found = Found()
    asked = {message.header("Call-ID"): (endpoint, message.at) for endpoint, message in rung(messages)}
    for message in messages:
        call = message.header("Call-ID")
        if call not in asked or not message.first.startswith("SIP/2.0 200") or "INVITE" not in message.header("CSeq"):
            continue
        endpoint, at = asked.pop(call)
        found.took_ms.setdefault(endpoint, []).append((message.at - at) * 1000)
        offered = set(WAYS.findall(message.text))
        if endpoint == f"demo-{AGENT}" and not offered >= set(ways):
            found.lacking.append(f"{sorted(offered)} of {sorted(ways)}")
    return found


async def measure(name: str, calls: int) -> Found:
    """One case, inside its namespace."""
    ways = CASES[name]
    with run_folder() as run, PortPool() as pool:
        async with (
            a_page_desk(run, pool, media=ways[-1], auto=True) as (stack, browser, trace),
            our_page(stack, browser),
            plain_pages(stack, browser, run.path),
        ):
            scenario = run.path / "short.xml"
            text = (HERE / "scenarios" / "call.xml").read_text()
            scenario.write_text(text.replace('min="800" max="1600"', 'min="1200" max="1600"'))
            load = SippLoad(scenario=scenario, server=stack.trunk, service=NUMBER, calls=calls, rate_hz=1.5, limit=3)
            async with asyncio.timeout(calls * 6 + 60):
                result = await run_sipp(run, pool, load, name="callers")
            say(f"{name}: {result.successful} calls went well, {result.failed} did not")
            messages = read_trace(trace)
            say(f"rung: {dict(Counter(endpoint for endpoint, _ in rung(messages)))}")
            return times(messages, ways)


@asynccontextmanager
async def our_page(stack: Stack, browser: Browser) -> AsyncIterator[None]:
    """Ready, and its agent available."""
    async with window(browser) as seen, logged_in(stack.web, AGENT, PASSWORD) as person:
        await seen.log_in(stack.web, AGENT, PASSWORD)
        await expect(seen.page.locator(".phone-says")).to_contain_text("Ready for calls", timeout=30_000)
        await person.set_state("available")
        yield


@asynccontextmanager
async def plain_pages(stack: Stack, browser: Browser, folder: Path) -> AsyncIterator[None]:
    """Two pages of JsSIP alone, registered, their agents available."""
    async with plain_site(stack, folder) as site, AsyncExitStack() as pages:
        context = await browser.new_context()
        pages.push_async_callback(context.close)
        for agent, opened in ((PLAIN, True), (PLAIN_OPENING, False)):
            page = await context.new_page()
            await pages.enter_async_context(plain_page(page, stack, site, agent, opened=opened))
        yield


async def namespace(name: str) -> None:
    """The interfaces of this case, up; we are in a namespace of our own."""
    words = ["link set lo up"]
    for n, address in enumerate(CASES[name]):
        # Both ends stay here: an end is up when the other one is.
        words += [f"link add way{n} type veth peer name end{n}", f"addr add {address}/24 dev way{n}"]
        words += [f"link set way{n} up", f"link set end{n} up"]
    for one in words:
        await run_to_end(ChildSpec(name=f"ip {one}", argv=["ip", *one.split()], log=Path(os.devnull)), 10.0)


def inside(name: str, calls: int) -> dict[str, object]:
    """Run a case in a namespace of its own. Raises SystemExit with what is missing."""
    for program in ("unshare", "ip"):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is not there: apt-get install util-linux iproute2")
    command = [sys.executable, "-m", "tests.bench.answer", "--inside", name, "--calls", str(calls)]
    tried = subprocess.run(["unshare", "-n", "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        raise SystemExit(f"no network namespace can be made here ({tried.stderr.strip()}): run it as root")
    done = subprocess.run(["unshare", "-n", *command], stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=330, help="each case; three pages take turns (default 330)")
    parser.add_argument("--case", action="append", choices=CASES, help="only this one; may be repeated")
    parser.add_argument("--inside", choices=CASES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        asyncio.run(namespace(arguments.inside))
        with ahead_of_others():
            print(json.dumps(asyncio.run(measure(arguments.inside, arguments.calls)).__dict__))
        return
    cases, met = [], True
    for name in arguments.case or CASES:
        found = inside(name, arguments.calls)
        took, lacking = found["took_ms"], found["lacking"]
        assert isinstance(took, dict)
        assert isinstance(lacking, list)
        ours, plain, opening = (Sample.of(took[f"demo-{who}"]) for who in (AGENT, PLAIN, PLAIN_OPENING))
        cases.append({**case(name, ours, "plain JsSIP, microphone open", plain), "lacking": lacking})
        cases.append(case(f"{name}-default", ours, "plain JsSIP, opens its microphone", opening))
        met = met and not lacking and ours.n >= 100 and ours.p50 <= AIM * plain.p50 and ours.p99 <= AIM * plain.p99
    print(line("answer", "ms", cases, "half of plain JsSIP, no candidate missing", met))


if __name__ == "__main__":
    main()
