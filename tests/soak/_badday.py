"""Faults of a browser's phone and of what is behind it, each struck in a state of a call; what must be heard then."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from playwright.async_api import Error, expect

from tests.soak._actions import apart, talk, together
from tests.soak._centre import QUEUE, READY_S, RING_S, Agent, Centre
from tests.soak._ears import SORRY_HZ, gap_s, hears, steady
from tests.soak._judge import read_cel
from tests.soak._ledgers import first_talk_end, holds_of_newest, newest
from tests.soak._scenes import (
    ALONE,
    ASKED,
    AWAY_S,
    PASSED,
    SAID_S,
    WITHOUT_US,
    Scene,
    Trial,
    held_alone,
    music,
    says_away,
    set_scene,
)

FREED_S = 6.0  # the promise of docs/softphone.md: a browser that is gone frees its caller
TOLD_S = FREED_S + 1.0  # who has no colleague with them hears it from the dialplan, and their phone plays it
LEFT_S = FREED_S + 1.0  # who was asked and is gone leaves the caller to the one who asked
RELOADED_S = 6.0  # an agent who is back within 5 s has the caller again, and a second until both are heard
# After 5 s without sound Asterisk ends the leg; some 4 s of apology; 2 s for the same agent alone (SAME_AGENT_S); then
# it rings, and somebody answers: seconds on two cores that do other things as well.
LOST_S = 16.0
# The page is loaded, registers, is rung anew, and somebody answers.
RERUNG_S = 10.0
MISSED_S = RING_S + 16.0  # the phone that is gone rings to its end, then as above
ALONE_S = 16.0  # a server that is away for longer than 8 s: the dialplan brings held callers back
GAP_S = 0.7  # more than this is no jitter: somebody was not heard
END_S = 3.0  # a click is the end of a talk within this, by the record
HOLD_S = 5.0  # a click is a hold within this, by the record
PASSED_S = 30.0  # words for the caller, a look at the queue each few seconds, and a phone that rings
# By the state of the call, else LOST_S: until a caller is heard whose page was loaded anew, or whose browser is gone.
RELOADED = {"ringing": RERUNG_S, "talking": RELOADED_S, "held": RELOADED_S, ALONE: FREED_S + PASSED_S, ASKED: LEFT_S}
LEFT = {"ringing": MISSED_S, ALONE: FREED_S + PASSED_S, PASSED: FREED_S + PASSED_S, ASKED: LEFT_S}
BACK_S = 20.0  # until the page says that it is back, from when the part is: tries are up to 8 s apart


async def somebody(scene: Scene, agents: Sequence[Agent], since: float, within_s: float) -> float:
    """Whoever of them rings answers; seconds until one of them and the caller hear each other. Raises TimeoutError."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        for agent in agents:
            phone = agent.phone
            try:
                if "Ringing" in (await phone.seen.page.locator(".phone-says").text_content(timeout=2_000) or ""):
                    await phone.seen.page.keyboard.press("F2")
            except Error:
                continue  # it is being loaded
            theirs = steady(await agent.ear.look(), {scene.caller.hz}, since)
            heard = steady(await scene.caller.ear.look(), {agent.hz}, since)
            if theirs is not None and heard is not None:
                return max(theirs, heard) - since
        await asyncio.sleep(0.1)
    words = [await agent.phone.seen.page.locator(".phone-says").text_content() for agent in agents]
    last = [sorted(one.tones) for one in scene.caller.ear.heard[-5:]]
    raise TimeoutError(
        f"nobody and the caller hear each other {within_s:g} s later; pages: {words}, the caller: {last}"
    )


async def reload(scene: Scene) -> None:
    """The page is loaded anew."""
    trial, page = scene.trial, scene.struck.phone.seen.page
    trial.struck = time.time()
    with contextlib.suppress(Error):  # nobody serves it while our server is away
        await page.reload(wait_until="commit")
    whom = {"consulting": [scene.first, scene.second], ALONE: scene.left}.get(trial.state, [scene.first])
    limit_s = RELOADED.get(trial.state, LOST_S)
    trial.heard_s = await somebody(scene, whom, trial.struck, limit_s + 10.0)
    trial.must(trial.heard_s <= limit_s, f"heard after {trial.heard_s:.1f} s, promised {limit_s:g}")
    if trial.state == ALONE:
        await ours_is_back(scene)
        await page.goto(scene.centre.stack.web)


async def _gone(scene: Scene, number: signal.Signals) -> None:
    """The browser is there no more: its colleague has the caller."""
    trial = scene.trial
    if trial.state in ("ringing", "talking", "held"):
        await scene.second.person.set_state("available")
    trial.struck = time.time()
    scene.struck.signal(number)
    if trial.state in ("talking", "held", *WITHOUT_US):
        trial.told_s = await hears(scene.caller.ear, {SORRY_HZ}, since=trial.struck, within_s=TOLD_S + 10.0)
        trial.must(trial.told_s <= TOLD_S, f"told after {trial.told_s:.1f} s, at most {TOLD_S:g}")
    limit_s = LEFT.get(trial.state, LOST_S)
    trial.heard_s = await somebody(scene, scene.left, trial.struck, limit_s + 10.0)
    trial.must(trial.heard_s <= limit_s, f"heard after {trial.heard_s:.1f} s, at most {limit_s:g}")
    if trial.state in WITHOUT_US:
        await ours_is_back(scene)


async def ours_is_back(scene: Scene) -> None:
    """Our server is started again; the colleague who has the caller goes on talking."""
    await scene.centre.start_server()
    for agent in scene.left:
        await expect(agent.phone.seen.page.locator(".offline")).to_have_text("", timeout=BACK_S * 1000)
        await agent.shows("Talking with the caller", BACK_S)
        await talk(agent, scene.caller, time.time())


async def kill(scene: Scene) -> None:
    """Every process of the browser is killed; afterwards the agent starts it again and logs in."""
    await _gone(scene, signal.SIGKILL)
    began = time.time()
    await scene.struck.close()
    await scene.struck.open()
    scene.trial.ready_s = time.time() - began


async def freeze(scene: Scene) -> None:
    """Every process of the browser is stopped; thawed, the page is ready by itself."""
    await _gone(scene, signal.SIGSTOP)
    began = time.time()
    scene.struck.signal(signal.SIGCONT)
    await scene.struck.phone.says("Ready for calls", READY_S)
    scene.trial.ready_s = time.time() - began


async def server(scene: Scene) -> None:
    """Our server is killed and stays away; the page says so, and the agent works on without it."""
    trial, first, second, caller = scene.trial, scene.first, scene.second, scene.caller
    if trial.state == "talking":
        await second.person.set_state("available")  # of the queue that the caller will be passed on to
    trial.struck = time.time()
    scene.centre.server.signal(signal.SIGKILL)
    offline = first.phone.seen.page.locator(".offline")
    has_it = second if trial.state == "consulting" else first
    if trial.state == "ringing":
        await first.phone.press("Answer")
        trial.heard_s = await talk(first, caller, trial.struck)
    await says_away(first)
    if trial.state == "held":
        trial.heard_s = await talk(first, caller, trial.struck, ALONE_S)
        has_it = await passed_on(scene, second.name)
    if trial.state == "consulting":
        await together((first.ear, {second.hz}), (second.ear, {first.hz}), since=time.time())
        await first.phone.press("Hang up")
        trial.heard_s = await talk(second, caller, time.time())
    if trial.state == "talking":
        await first.phone.press("Mute")
        await hears(caller.ear, set(), since=time.time() + 0.3, within_s=5.0)
        await first.phone.press("Mute")
        trial.heard_s = await talk(first, caller, time.time())
        gap = gap_s(await first.ear.look(), {caller.hz}, trial.struck + 0.2, time.time() - 0.5)
        trial.must(gap < GAP_S, f"the agent did not hear the caller for {gap:.1f} s")
        has_it = await passed_on(scene, QUEUE)
    if trial.state == "ringing":
        await held_alone(scene, first)
        await resumed(scene, first)
        has_it = await passed_on(scene, second.name)
        held_at = time.time()
        await held_alone(scene, second)
    await asyncio.sleep(max(0.0, trial.struck + scene.away_s - time.time()))
    await scene.centre.start_server()
    began = time.time()
    await expect(offline).to_have_text("", timeout=BACK_S * 1000)
    trial.ready_s = time.time() - began
    if trial.state == "ringing":
        # It takes the hold over; then all of its own controls are there, "Resume" among them.
        await expect(second.phone.seen.page.locator(".talk-record")).to_be_visible(timeout=BACK_S * 1000)
        await second.shows("The caller is on hold")
        await music(scene, second)
        await resumed(scene, second)
        held = await holds_of_newest(scene.centre.stack)
        known = len(held) == 1 and abs(held[0][0] - held_at) < HOLD_S and held[0][1] is not None
        trial.must(known, f"held since {held_at:.1f}, the record says {held}")
    await has_it.shows("Talking with the caller", BACK_S)
    await talk(has_it, caller, time.time())
    if trial.state != "consulting":
        await told_later(scene, has_it)


async def resumed(scene: Scene, agent: Agent) -> None:
    """Fetched back, they hear each other."""
    since = time.time()
    await agent.does("Resume")
    await talk(agent, scene.caller, since)


async def passed_on(scene: Scene, whom: str) -> Agent:
    """By keyboard, to a colleague or a queue, with nobody but Asterisk; who has the caller then."""
    trial, first, second, caller = scene.trial, scene.first, scene.second, scene.caller
    await first.does("Transfer", whom)
    since = time.time()
    await first.phone.says("was passed on")
    trial.passed_at = since
    if whom == second.name:
        await second.answer()
        await talk(second, caller, since)
        return second
    # Asterisk's own queue rings whoever was at work; that may be the one who let go of the caller.
    await somebody(scene, [first, second], since, PASSED_S)
    if "On the line" in (await first.phone.seen.page.locator(".phone-says").text_content() or ""):
        return first
    trial.must(not caller.gone, "the caller was dropped")
    return second


async def told_later(scene: Scene, has_it: Agent) -> None:
    """The record knows of a transfer that nobody of ours heard of."""
    first = scene.first
    to = "queue-all" if scene.trial.state == "talking" else "demo-" + scene.second.id
    # That the first answered without us is known by what they did with the caller alone.
    talks = [has_it.id] if scene.trial.state == "ringing" else [first.id, has_it.id]
    expected = ([("phone", first.id, to)], talks)
    end = time.monotonic() + BACK_S
    while (found := await newest(scene.centre.stack)) != expected and time.monotonic() < end:
        await asyncio.sleep(0.2)
    scene.trial.must(found == expected, f"the record says {found}, not {expected}")


async def postgres(scene: Scene) -> None:
    """The database is killed; what the agent asks for meanwhile is done all the same."""
    trial, first, second, caller = scene.trial, scene.first, scene.second, scene.caller
    trial.struck = time.time()
    scene.centre.postgres.signal(signal.SIGQUIT)  # immediate: nothing is finished
    await scene.centre.postgres.wait()
    if trial.state == "ringing":
        await first.phone.press("Answer")
    elif trial.state == "talking":
        await first.does("Hold")
        await first.shows("on hold")
        await apart(caller, first)
        await first.does("Resume")
    elif trial.state == "held":
        await first.does("Resume")
    else:
        await first.does("Back to the caller")
    asked_at = time.time()
    trial.heard_s = await talk(first, caller, asked_at)
    began = time.time()
    await scene.centre.start_postgres()
    await first.shows("Talking with the caller", BACK_S)
    trial.ready_s = time.time() - began
    await talk(first, caller, time.time())
    if trial.state == "consulting":
        await second.phone.says("Ready for calls")


async def asterisk(scene: Scene) -> None:
    """Asterisk is killed: the callers die with it. The pages say so, and can ring again without a hand."""
    trial, centre = scene.trial, scene.centre
    on_it = [scene.first, scene.second] if trial.state == "consulting" else [scene.first]
    trial.struck = time.time()
    centre.asterisk.signal(signal.SIGKILL)
    for agent in on_it:
        await agent.phone.says("o connection", SAID_S)  # "The phone has no…" and "No connection to Asterisk…"
    await centre.start_asterisk()
    began = time.time()
    for agent in centre.agents:
        await agent.phone.says("Ready for calls", READY_S)
    trial.ready_s = time.time() - began
    trial.must(trial.ready_s <= BACK_S, f"ready again after {trial.ready_s:.1f} s, at most {BACK_S:g}")
    if trial.state == ALONE:
        await centre.start_server()
    async with centre.caller() as another:
        await scene.first.answer(READY_S)
        await talk(scene.first, another, time.time())


Fault = Callable[[Scene], Awaitable[None]]
FAULTS: dict[str, Fault] = {
    "page reloaded": reload,
    "browser killed": kill,
    "browser frozen": freeze,
    "server killed": server,
    "PostgreSQL killed": postgres,
    "Asterisk killed": asterisk,
}
# Their caller dies with them, as can be expected.
DEADLY = ("Asterisk killed",)
# Here somebody hangs up, and that is what is looked at.
HUNG_UP = ("network away 4 s, the agent hangs up", "network away 4 s, the caller hangs up")
# Asterisk ends their leg within FREED_S.
GONE = ("browser killed", "browser frozen", "network away 12 s", "network away 4 s, then 12 s", "network away 45 s")


async def strike(
    centre: Centre, fault: str, state: str, away_s: float = AWAY_S, faults: Mapping[str, Fault] = FAULTS
) -> Trial:
    """Set the scene, strike, see what follows, and leave everything as it was. Raises what is not a finding."""
    trial = Trial(fault=fault, state=state, began=time.time())
    first, second = centre.agents[:2]
    await centre.available(first)
    async with centre.caller() as caller:
        scene = Scene(centre=centre, caller=caller, first=first, second=second, trial=trial, away_s=away_s)
        await set_scene(scene)
        await faults[fault](scene)
        if fault not in (*DEADLY, *HUNG_UP):
            trial.must(not caller.gone, "the caller was dropped")
        await caller.hang_up()
        await centre.quiet()
    if trial.passed_at is not None and state != "ringing":
        # By Asterisk's own account: nobody of ours was there. (Who answered without us as well has no talk.)
        late_s = (await first_talk_end(centre.stack) or 0.0) - trial.passed_at
        trial.must(abs(late_s) < END_S, f"the record has the first talk end {late_s:.1f} s after it was passed on")
    trial.ended = time.time()
    if fault in GONE and state != "ringing":
        trial.freed_s = freed(centre, scene.struck, trial)
        trial.must(trial.freed_s is not None, "Asterisk did not end the leg")
        trial.must((trial.freed_s or 0.0) <= FREED_S, f"freed after {trial.freed_s} s, promised {FREED_S:g}")
    return trial


def freed(centre: Centre, agent: Agent, trial: Trial) -> float | None:
    """Seconds from the fault until Asterisk's own account says that the agent's leg ended."""
    for call in read_cel(centre.cel.read_text(encoding="utf-8", errors="replace")):
        for leg in call.agents:
            if (
                leg.endpoint.endswith(f"-{agent.id}")
                and leg.started <= trial.struck
                and (leg.ended or 0) >= trial.struck
            ):
                return round((leg.ended or 0.0) - trial.struck, 2)
    return None
