"""Redirect callers in the very moment in which their dialplan goes from step to step; count who was hung up on.

A real Asterisk on the rendered configuration, and callers (Local channels) who wait there. Each is redirected to a
stale offer about when the first look of their waiting loop is over, again and again, in steps of 0.2 ms around it. How
often one strayed, found their way back or was lost is Asterisk's word (user events, Hangup). Exit status 1: somebody
was lost, or nobody strayed, so that nothing was tried.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter

from tests.e2e.dialplan.ami import Ami, Message
from tests.e2e.dialplan.rig import a_rig

OFFER = "0a" * 16
CALLERS = 60
# The first look comes 1 s after CtiQueued; what lies between its steps is tried out to 2.2 ms behind.
FIRST_S, STEP_S, STEPS = 0.9996, 0.0002, 14
# A timer of the loop is no finer than a millisecond: the last two are counted off.
SPIN_S = 0.002


class Strays:
    """Sends everybody on whenever they wait anew."""

    def __init__(self, ami: Ami) -> None:
        self._ami = ami
        self._tasks: set[asyncio.Task[None]] = set()
        self.at_s = FIRST_S
        self.seen: Counter[str] = Counter()

    async def add(self, number: int) -> None:
        """One more caller."""
        variables = f"__CTI_CALL_ID=stray-{number},__CTI_QUEUE=members,__CTI_LANG=ja,CTI_OFFER={OFFER}|1|demo-absent|2"
        await self._ami.action(
            "Originate", Channel="Local/s@cti-wait", Application="Wait", Data="3600", Timeout="3600000",
            Variable=variables, Async="true",
        )  # fmt: skip

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            position = self._ami.now
            await self._ami.wait(lambda _: True, since=position, deadline_s=30)
            for event in self._ami.events[position:]:
                self._take(event)

    def stop(self) -> None:
        """Nobody is sent on any more."""
        for task in self._tasks:
            task.cancel()

    def _take(self, event: Message) -> None:
        name = event.get("UserEvent", "")
        if name == "CtiQueued":
            task = asyncio.create_task(self._redirect(event["Channel"], float(event["Timestamp"])))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if name:
            self.seen[name] += 1
        elif event["Event"] == "Hangup" and event["Channel"].endswith(";2"):
            self.seen["lost"] += 1

    async def _redirect(self, channel: str, queued_s: float) -> None:
        at_s = queued_s + self.at_s + random.uniform(-STEP_S, STEP_S)
        await asyncio.sleep(max(0.0, at_s - SPIN_S - time.time()))
        while time.time() < at_s:
            pass
        await self._ami.redirect(channel, "cti-connect", OFFER)


async def hold(step_s: float) -> Counter[str]:
    """All steps, ``step_s`` each; what was seen."""
    async with a_rig() as rig:
        strays = Strays(rig.ami)
        watch = asyncio.create_task(strays.watch())
        for number in range(CALLERS):
            await strays.add(number)
            await asyncio.sleep(1 / CALLERS)
        for step in range(STEPS):
            strays.at_s = FIRST_S + step * STEP_S
            await asyncio.sleep(step_s)
            print(f"{strays.at_s:.4f} s: {dict(strays.seen)}", file=sys.stderr, flush=True)
        watch.cancel()
        strays.stop()
        for channel in await rig.ami.listing("CoreShowChannels", "CoreShowChannelsComplete"):
            await rig.ami.action("Hangup", Channel=channel["Channel"])
        return strays.seen


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3.0)
    minutes = parser.parse_args().minutes
    seen = asyncio.run(hold(minutes * 60 / STEPS))
    held = seen["lost"] == 0 and seen["CtiStrayed"] > 0
    counted = {"redirects": seen["CtiQueued"], "strayed": seen["CtiStrayed"], "lost": seen["lost"]}
    print(json.dumps({"soak": "strays", **counted, "held": held}))
    raise SystemExit(not held)


if __name__ == "__main__":
    main()
