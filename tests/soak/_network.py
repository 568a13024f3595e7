"""An agent's network that is away for a while: nothing arrives at either end, and neither is told.

Run by ``scripts/soak browser`` in a network namespace of its own (``unshare --net``); the last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from playwright.async_api import expect

from cti.demo.folders import PortPool, run_folder
from tests.soak._actions import talk
from tests.soak._badday import HUNG_UP, Fault, somebody
from tests.soak._branch import a_branch, network_of
from tests.soak._centre import Agent, Centre, a_centre
from tests.soak._ears import SORRY_HZ, hears
from tests.soak._judge import read_cel
from tests.soak._relay import a_relay, relayed_call
from tests.soak._scenes import Scene, Trial
from tests.soak.browser import FINDINGS, bad_days, ledgers, say, why

SAME_AGENT_S = 20
# Longer than 5 s and the leg is lost; back within SAME_AGENT_S, and after it.
SHORT_S, LONG_S, LONGER_S = 3.0, 12.0, 45.0
# Short of the 5 s, and long enough for a page that looks at once to have replaced its connection.
HINTED_S = 4.0
SORRY_WITHIN_S = 8.0  # 5 s until the leg is over, the browser's own look, and the way to the caller's ear
# 5 s without a packet, up to a second until the browser calls that cut, a second more, and the way to the caller's ear.
DEAF_S = 8.0
# The page asks Asterisk each 4.5 s at most, waits for 2 s, and says so.
CUT_OFF_S = 8.0
# It knocks anew each 2 s or so, is registered, and says so.
READY_AGAIN_S = 6.0
# Then it rings, and is answered.
AGAIN_S = READY_AGAIN_S + 4.0
# A word of the other's phone over the new connection: at once.
BYE_S = 2.0


async def blink(scene: Scene, seconds: float = SHORT_S) -> None:
    """Shorter than Asterisk waits: the same talk goes on by itself."""
    trial, first, caller = scene.trial, scene.first, scene.caller
    cut = asyncio.create_task(_cut(scene, seconds), name="the network is away")
    try:
        with contextlib.suppress(AssertionError):  # the cable may be back before the page has looked
            await _says_cut_off(scene)
        await cut
        mended = trial.struck + seconds
        trial.heard_s = seconds + await talk(first, caller, mended)
        if trial.cut_s is not None:
            await _registered(scene, mended)
    finally:
        cut.cancel()
        await asyncio.gather(cut, return_exceptions=True)
    if trial.state == "talking":
        await first.shows("Talking with the caller")
    trial.must(not _rung_since(scene.centre, trial.struck, first.id), "the agent's phone was rung anew")


async def hangs_up(scene: Scene, *, agent: bool) -> None:
    """Who talks on over another WebSocket can end the call as ever, and each hears of it at once."""
    trial, first, caller = scene.trial, scene.first, scene.caller
    await blink(scene, HINTED_S)
    trial.must(trial.cut_s is not None, "the page noticed nothing: nothing was tried")
    began = time.time()
    if agent:
        await first.phone.press("Hang up")
        await caller.phone.wait_for("CALL_CLOSED")
    else:
        await caller.hang_up()
    await first.phone.says("Ready for calls")
    took_s = time.time() - began
    trial.must(took_s <= BYE_S, f"the other side heard of it after {took_s:.1f} s")


async def again(scene: Scene) -> None:
    """Cut once more in a talk that went on over another WebSocket: that the page had moved makes nobody wait."""
    await blink(scene, HINTED_S)
    scene.trial.must(scene.trial.cut_s is not None, "the page noticed nothing: nothing was tried")
    await away(scene, LONG_S)


async def _says_cut_off(scene: Scene) -> None:
    """The page says that it cannot be reached, and how long after the cut."""
    trial = scene.trial
    await scene.first.phone.says("o connection", CUT_OFF_S)  # "The phone has no…" and "No connection to Asterisk…"
    trial.cut_s = time.time() - trial.struck


async def _never_ready(agent: Agent, until: asyncio.Task[None]) -> None:
    """The page does not say that it could ring while nothing reaches it. Raises AssertionError."""
    says = agent.phone.seen.page.locator(".phone-says")
    while not until.done():
        words = await says.text_content() or ""
        if not until.done():
            assert "Ready for calls" not in words, words
        await asyncio.sleep(0.1)
    await until


async def _registered(scene: Scene, mended: float) -> None:
    """Until the page is back: it could ring, or rings."""
    await expect(scene.first.phone.seen.page.locator(".phone-says")).not_to_contain_text(
        "o connection", timeout=READY_AGAIN_S * 1000
    )
    scene.trial.ready_s = time.time() - mended


async def away(scene: Scene, seconds: float) -> None:
    """The caller hears why it is silent; only the same agent is asked, until ``same_agent_s`` is over."""
    trial, first, second, caller = scene.trial, scene.first, scene.second, scene.caller
    await second.person.set_state("available")
    cut = asyncio.create_task(_cut(scene, seconds), name="the network is away")
    try:
        said = asyncio.create_task(_says_cut_off(scene), name="the page says so")
        trial.told_s = await hears(caller.ear, {SORRY_HZ}, since=time.time(), within_s=SORRY_WITHIN_S)
        trial.must(trial.told_s <= SORRY_WITHIN_S, f"the apology came after {trial.told_s:.1f} s")
        await said
        if seconds > SAME_AGENT_S:
            trial.heard_s = await somebody(scene, [second], trial.struck, SORRY_WITHIN_S + SAME_AGENT_S + 10.0)
            await _never_ready(first, cut)
            began = trial.struck + seconds
            await first.phone.says("Ready for calls", READY_AGAIN_S)
            trial.ready_s = time.time() - began
            await talk(second, caller, time.time())
            return
        await _never_ready(first, cut)
        back = asyncio.create_task(_registered(scene, trial.struck + seconds), name="the page is registered")
        trial.heard_s = await somebody(scene, [first], trial.struck, seconds + AGAIN_S)
        await back
        trial.must(not _rung_since(scene.centre, trial.struck, second.id), "somebody else was rung before the agent")
    finally:
        cut.cancel()
        await asyncio.gather(cut, return_exceptions=True)


async def deaf(scene: Scene, *, mute: bool) -> None:
    """Sound alone is cut: only to the page, which then has to notice by itself, or both ways."""
    trial, first, second, branch = scene.trial, scene.first, scene.second, scene.centre.branch
    assert branch is not None
    await second.person.set_state("available")
    trial.struck = time.time()
    await branch.deafen(mute=mute)
    try:
        sorry_s = await hears(scene.caller.ear, {SORRY_HZ}, since=time.time(), within_s=SORRY_WITHIN_S)
        trial.freed_s = round(sorry_s, 2)
        trial.must(sorry_s <= DEAF_S, f"the apology came after {sorry_s:.1f} s, at most {DEAF_S:g}")
        await first.phone.says("The sound between this browser and Asterisk broke off")
    finally:
        await branch.undeafen(mute=mute)
    mended = time.time()
    trial.heard_s = mended - trial.struck + await somebody(scene, [first], mended, SAME_AGENT_S)
    trial.must(not _rung_since(scene.centre, trial.struck, second.id), "somebody else was rung before the agent")


async def _cut(scene: Scene, seconds: float) -> None:
    branch = scene.centre.branch
    assert branch is not None
    scene.trial.struck = time.time()
    await branch.cut()
    try:
        if seconds == HINTED_S:
            await scene.first.phone.seen.page.evaluate("dispatchEvent(new Event('offline'))")
        await asyncio.sleep(seconds)
    finally:
        await branch.mend()


def _rung_since(centre: Centre, since: float, agent: str) -> bool:
    """Whether Asterisk's own account knows a leg to this agent that began after that."""
    calls = read_cel(centre.cel.read_text(encoding="utf-8", errors="replace"))
    return any(leg.endpoint.endswith(f"-{agent}") and leg.started > since for call in calls for leg in call.agents)


AWAY: dict[str, Fault] = {
    f"network away {SHORT_S:g} s": blink,
    HUNG_UP[0]: partial(hangs_up, agent=True),
    HUNG_UP[1]: partial(hangs_up, agent=False),
    f"network away {LONG_S:g} s": partial(away, seconds=LONG_S),
    f"network away {HINTED_S:g} s, then {LONG_S:g} s": again,
    f"network away {LONGER_S:g} s": partial(away, seconds=LONGER_S),
    "sound to the page away": partial(deaf, mute=False),
    "sound away": partial(deaf, mute=True),
}
CELLS = [(fault, "talking") for fault in AWAY] + [(f"network away {LONG_S:g} s", "held")]


async def trials(cells: Sequence[tuple[str, str]], rounds: int) -> tuple[list[Trial], list[str]]:
    """Every cell so often, and what ledgers say that no trial accounts for. The network is this process's own."""
    with run_folder() as run, PortPool() as pool:
        async with a_branch(run) as branch, a_centre(run, pool, say, 2, branch, SAME_AGENT_S) as centre:
            made = await bad_days(centre, cells, rounds, AWAY)
            return made, await ledgers(centre, made)


async def relayed() -> Trial:
    """One call that nothing but a TURN server carries."""
    with run_folder() as run, PortPool() as pool:
        async with (
            a_branch(run) as branch,
            a_relay(run, pool) as relay,
            a_centre(run, pool, say, 1, branch, relay=relay.tables) as centre,
        ):
            return await relayed_call(centre)


async def everything(cells: Sequence[tuple[str, str]], rounds: int, *, relay: bool) -> dict[str, Any]:
    """What is printed."""
    made, others = await trials(cells, rounds) if cells else ([], [])
    if relay:
        try:
            made.append(await relayed())
            say(f"TURN: {made[-1].figures()} {'; '.join(made[-1].failed)}")
        except FINDINGS as error:
            others.append(f"TURN: {why(error)}")
    return {"trials": [asdict(trial) for trial in made], "others": others}


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--fault", action="append", default=[], choices=[*AWAY, "relay"])
    arguments = parser.parse_args()
    if network_of("self") == network_of(os.getppid()):
        sys.exit("this would cut the machine's own network: scripts/soak browser --part network")
    named = arguments.fault or [*AWAY, "relay"]
    cells = [cell for cell in CELLS if cell[0] in named]
    print(json.dumps(asyncio.run(everything(cells, arguments.rounds, relay="relay" in named)), ensure_ascii=False))


if __name__ == "__main__":
    main()
