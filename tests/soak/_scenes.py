"""The states of a call in which a fault strikes, and the way from a caller who has just called to each."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from playwright.async_api import expect

from tests.soak._actions import apart, asked, talk
from tests.soak._centre import Agent, Caller, Centre
from tests.soak._ears import hears

# Held, or passed on to a colleague, by the phone itself while our server is away. In the last two the colleague is hit.
ALONE, PASSED, ASKED = "held without us", "passed on without us", "asked"
STATES = ("ringing", "talking", "held", "consulting", ALONE, PASSED, ASKED)
WITHOUT_US = (ALONE, PASSED)
# What is one fault in these: a server that is away dies no second time, and nothing of ours is a colleague's alone.
_BROWSER = ("page reloaded", "browser killed", "browser frozen")
ONLY = {ALONE: (*_BROWSER, "Asterisk killed"), PASSED: _BROWSER[1:], ASKED: _BROWSER}
AWAY_S = 10.0
SAID_S = 12.0  # until the page says that something is away; a server that is silent shows after two missed pings
MIRRORED_S = 2.5
MUSIC_DB = -45  # of full level; the demo's music is at -20 or so, and silence below -70


def cells_of(faults: Sequence[str], states: Sequence[str]) -> list[tuple[str, str]]:
    """Every fault in every state in which it can strike."""
    return [(fault, state) for fault in faults for state in states if fault in ONLY.get(state, faults)]


@dataclass(kw_only=True)
class Trial:
    """One fault in one state."""

    fault: str
    state: str
    began: float = 0.0
    struck: float = 0.0
    ended: float = 0.0
    heard_s: float | None = None  # until the caller and an agent heard each other (again)
    freed_s: float | None = None  # until Asterisk ended the leg of the agent who was gone
    told_s: float | None = None  # until the caller, who has nobody any more, heard why
    cut_s: float | None = None  # until the page said that it cannot be reached
    passed_at: float | None = None  # epoch seconds: the page passed the caller on by itself
    ready_s: float | None = None  # from when the part was back until the page could ring again, or say so
    failed: list[str] = field(default_factory=list)

    def figures(self) -> str:
        """What was measured, in one line."""
        known = {
            "heard": self.heard_s, "freed": self.freed_s, "told": self.told_s, "cut off": self.cut_s,
            "ready": self.ready_s,
        }  # fmt: skip
        return ", ".join(f"{name} {value:.1f} s" for name, value in known.items() if value is not None)

    def must(self, fine: bool, sentence: str) -> None:
        """Note it when it is not so."""
        if not fine:
            self.failed.append(sentence)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Who is on the line."""

    centre: Centre
    caller: Caller
    first: Agent  # whose call it is
    second: Agent  # who is asked, or takes over
    trial: Trial
    away_s: float = AWAY_S  # a server that was killed

    @property
    def struck(self) -> Agent:
        """Whose browser it happens to."""
        return self.second if self.trial.state in (ASKED, PASSED) else self.first

    @property
    def left(self) -> list[Agent]:
        """Who has the caller when that browser is gone."""
        return [self.first] if self.trial.state in (ASKED, PASSED) else [self.second]


async def set_scene(scene: Scene) -> None:
    """From a caller who has just called to the state."""
    state, first = scene.trial.state, scene.first
    await first.phone.says("Ringing", 20.0)
    if state == "ringing":
        return
    await first.phone.press("Answer")
    await first.phone.says("On the line")
    await talk(first, scene.caller, time.time())
    await first.shows("Talking with the caller")
    if state == "held":
        await first.does("Hold")
        await first.shows("on hold")
        await apart(scene.caller, first)
    if state in WITHOUT_US:
        # Asterisk's own queue rings who was at work when our server died, about a second after it was told so.
        await scene.second.person.set_state("available")
        await asyncio.sleep(MIRRORED_S)
        scene.centre.server.signal(signal.SIGKILL)
        await says_away(first)
        if state == ALONE:
            await held_alone(scene, first)
        else:
            await first.does("Transfer", scene.second.name)
            await scene.second.answer()
            await talk(scene.second, scene.caller, time.time())
            await first.phone.says("Ready for calls")
    if state in ("consulting", ASKED):
        await asked(first, scene.second, scene.caller)


async def says_away(agent: Agent) -> None:
    """The page says that our server is away."""
    offline = agent.phone.seen.page.locator(".offline")
    await expect(offline).to_contain_text("connection to the server is lost", timeout=SAID_S * 1000)


async def held_alone(scene: Scene, agent: Agent) -> None:
    """On hold by the agent's own phone: the caller hears music, and nobody; nor does the agent."""
    since = time.time()
    await agent.does("Hold")
    await agent.shows("on hold and hears music")
    await hears(agent.ear, set(), since=since, within_s=5.0)
    await music(scene, agent)


async def music(scene: Scene, agent: Agent) -> None:
    """What the caller hears on hold is not silence, and not this agent."""
    await apart(scene.caller, agent)
    loud = scene.caller.ear.loudness_db(1.0)
    scene.trial.must(loud > MUSIC_DB, f"the caller on hold hears {loud:.0f} dB, no music")
