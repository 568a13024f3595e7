"""INVITE at Asterisk → the complete pop on the agent's screen, beside JsSIP's incoming event of the same call.

One agent whose phone is our page in a real Chromium; callers whom the reference look-up service knows, one after the
other. From Asterisk's INVITE to the agent's phone (the trace of its own SIP stack, microseconds) until the frame after
the one in which everything about the caller stood: name, booking, nothing pending, all parts live. The pop may be
earlier than the INVITE: the server hears of the call as Asterisk begins to send. Peer: until the page's WebSocket has
handed JsSIP the INVITE. The page's clock is performance.timeOrigin + performance.now(), of the same machine. Unit: ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import expect

from cti.demo.client import logged_in
from cti.demo.folders import LOOPBACK, PortPool, run_folder
from cti.demo.sipp import SippLoad, run_sipp
from tests.bench._page import (
    AGENT,
    NUMBER,
    PASSWORD,
    Message,
    a_page_desk,
    read_trace,
    rung,
    say,
)
from tests.bench._report import Sample, case, line
from tests.bench._stopwatch import ahead_of_others
from tests.e2e.pages.browser import window
from tests.e2e.softphone.page import own_address

HERE = Path(__file__).parent
AIM_MS = 50.0
# Who calls, and words that must all stand in the pop; from examples/lookup-service/demo_callers.json and its seed.
CALLERS = {
    "09012345678": ("高橋 由美", "48120017"),
    "08023456789": ("伊藤 大輔",),
    "0366660100": ("株式会社みなと設備",),
}
# A painted pop and an INVITE belong together when they are nearer than a call is long.
NEAR_S = 0.9
WATCH = """((callers) => {
  const told = (window.told = []);
  const now = () => performance.timeOrigin + performance.now();
  window.WebSocket = class extends window.WebSocket {
    constructor(...about) {
      super(...about);
      this.addEventListener("message", ({ data }) => {
        if (typeof data === "string" && data.startsWith("INVITE ")) told.push(["invite", now()]);
      });
    }
  };
  let shown = "";
  const complete = (pop) => {
    const text = pop.textContent;
    const who = Object.keys(callers).find((number) => text.replace(/-/g, "").includes(number));
    const parts = [...pop.querySelectorAll(".freshness")];
    const live = parts.length >= 3 && parts.every((part) => part.classList.contains("freshness-live"));
    return live && who && callers[who].every((word) => text.includes(word)) ? who : "";
  };
  new MutationObserver(() => {
    const pop = document.querySelector(".pop-ringing");
    const who = pop ? complete(pop) : "";
    if (who && !shown) {
      requestAnimationFrame(() => {
        const after = new MessageChannel(); // the frame is painted, then this comes
        after.port1.onmessage = () => told.push(["painted", now(), who]);
        after.port2.postMessage(0);
      });
    }
    shown = pop ? who : "";
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
})(%s)"""


@dataclass(frozen=True, kw_only=True)
class Found:
    """Latencies in ms, call by call."""

    painted: list[float]
    incoming: list[float]
    of: dict[str, list[float]]  # painted, by caller
    missing: int  # INVITEs without a complete pop


def pairs(messages: Sequence[Message], told: Sequence[Sequence[float | str]]) -> Found:
    """Each INVITE to the agent's phone with what the page told nearest to it."""
    invites = [message.at for _, message in rung(messages)]
    painted: list[float] = []
    incoming: list[float] = []
    of: dict[str, list[float]] = {}
    for at in invites:
        for kind, found in (("painted", painted), ("invite", incoming)):
            near = [(float(row[1]) / 1000 - at, row) for row in told if row[0] == kind]
            away_s, row = min(near, key=lambda one: abs(one[0]), default=(NEAR_S, ()))
            if abs(away_s) < NEAR_S:
                found.append(away_s * 1000)
                if kind == "painted":
                    of.setdefault(str(row[2]), []).append(away_s * 1000)
    return Found(painted=painted, incoming=incoming, of=of, missing=len(invites) - len(painted))


async def measure(calls: int) -> Found:
    """The whole."""
    with run_folder() as run, PortPool() as pool:
        async with (
            a_page_desk(run, pool, media=LOOPBACK, own=own_address()) as (stack, browser, trace),
            window(browser) as seen,
            logged_in(stack.web, AGENT, PASSWORD) as person,
        ):
            await seen.page.add_init_script(WATCH % json.dumps(CALLERS, ensure_ascii=False))
            await seen.log_in(stack.web, AGENT, PASSWORD)
            await expect(seen.page.locator(".phone-says")).to_contain_text("Ready for calls", timeout=30_000)
            await person.set_state("available")
            scenario = run.path / "known.xml"
            text = (HERE / "scenarios" / "call.xml").read_text()
            text = text.replace("sip:0901[call_number]@", "sip:[field0]@")
            scenario.write_text(text.replace('min="800" max="1600"', 'min="900" max="1300"'))
            people = run.path / "people.csv"
            people.write_text("SEQUENTIAL\n" + "".join(f"{number}\n" for number in CALLERS))
            load = SippLoad(
                scenario=scenario, server=stack.trunk, service=NUMBER, calls=calls, rate_hz=1, limit=1, injection=people
            )
            async with asyncio.timeout(calls * 6 + 60):
                result = await run_sipp(run, pool, load, name="callers")
            say(f"{result.successful} calls went well, {result.failed} did not")
            return pairs(read_trace(trace), await seen.page.evaluate("window.told"))


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=300)
    arguments = parser.parse_args()
    with ahead_of_others():
        found = asyncio.run(measure(arguments.calls))
    ours, peer = Sample.of(found.painted), Sample.of(found.incoming)
    say(f"{found.missing} INVITEs without a complete pop")
    for caller, took in sorted(found.of.items()):
        say(f"{caller}: {Sample.of(took)}")
    one = {**case("one-agent", ours, "JsSIP is handed the INVITE", peer), "missing": found.missing}
    met = ours.p99 <= AIM_MS and ours.n >= 200 and found.missing == 0
    print(line("pop-paint", "ms", [one], f"p99 {AIM_MS:g} ms", met))


if __name__ == "__main__":
    main()
