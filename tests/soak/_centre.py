"""A desk whose four agents have their phones in four browsers, and callers with real SIP phones; each speaks a tone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from playwright.async_api import Browser, Error, Playwright, async_playwright, expect

from cti.demo.call import place_call
from cti.demo.client import Person, logged_in
from cti.demo.components import find_program
from cti.demo.folders import LOOPBACK, PortPool, RunFolder
from cti.demo.phones import Baresip, PhoneAccount, PhoneError, start_phone
from cti.demo.stack import Plan, Progress, running_stack
from cti.demo.tones import tone, write_wav
from tests.deskfile import agent_tables
from tests.e2e.pages.browser import FLAGS, Window, window
from tests.e2e.softphone.page import Phone, own_address
from tests.soak._branch import DESK as BRANCH_DESK
from tests.soak._branch import Branch
from tests.soak._ears import AGENTS_HZ, CALLERS_HZ, PERSON_HZ, SORRY_HZ, SORRY_S, CallerEar, PageEar, ear_script
from tests.soak._parts import Parts

Tables = Mapping[str, Mapping[str, str | int | list[str]]]

NAMES = ("Hana", "Ken", "Mei", "Ren")
PASSWORD = "a password for a soak"
NUMBER, AUTO = "05012345600", "05012345601"  # answered by hand; answered by the page itself
QUEUE, AUTO_QUEUE = "Everything", "By itself"
PERSON = "09012345678"  # dialled from the page
RING_S = 8  # a phone that does not answer: the next agent's turn
AUTO_ANSWER_S = 1
SAME_AGENT_S = 2  # whose browser is killed does not come back in time
# A whole number of waves of each tone: Chromium plays its microphone's file again and again, without a click.
MICROPHONE_S = 10.0
# A browser starts and registers in 2 s; beside other work on two cores in five times that.
READY_S = 30.0
DESK = f"""\
[tenants.demo]
name = "soak"
[tenants.demo.routing]
missed_state = "available"
wrap_up_s = 0
same_agent_s = @same_agent_s
skip_s = 2
skip_alone_s = 2
[tenants.demo.outbound]
number = "+815012345600"
[[tenants.demo.queues]]
id = "all"
name = {{ ja = "全員", en = "{QUEUE}" }}
ring_s = {RING_S}
[[tenants.demo.queues]]
id = "auto"
name = {{ ja = "自動応答", en = "{AUTO_QUEUE}" }}
ring_s = {RING_S}
auto_answer_s = {AUTO_ANSWER_S}
[[tenants.demo.numbers]]
number = "+815012345600"
name = "all"
queue = "all"
[[tenants.demo.numbers]]
number = "+815012345601"
name = "auto"
queue = "auto"
"""


def desk_text(same_agent_s: int = SAME_AGENT_S) -> str:
    """The desk file."""
    agents = (agent_tables(name.lower(), PASSWORD, name=name, more='phone = "browser"') for name in NAMES)
    return DESK.replace("@same_agent_s", str(same_agent_s)) + "".join(agents)


def family(marker: str) -> list[int]:
    """The process whose command line has this word, and all below it, parents first."""
    parents: dict[int, int] = {}
    roots: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            pid = int(entry.name)
            words = (entry / "cmdline").read_bytes()
            parents[pid] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if marker.encode() in words and b"--type=" not in words:
                roots.append(pid)
    found = list(roots)
    for pid in found:  # grows while it is gone through
        found += [child for child, parent in parents.items() if parent == pid and child not in found]
    return found


@dataclass(kw_only=True)
class Agent:
    """One agent: a browser of their own with their page, which is their phone."""

    name: str
    hz: int
    centre: Centre
    person: Person  # chooses the state; not the page's log-in
    seen: Window | None = None
    browser: Browser | None = None
    marker: str = ""
    branch: Branch | None = None  # the network their machine is in; None: this machine's
    _windows: AsyncExitStack | None = None

    @property
    def id(self) -> str:
        """As the server calls them."""
        return self.name.lower()

    @property
    def phone(self) -> Phone:
        """The page."""
        assert self.seen is not None
        assert self.browser is not None
        return Phone(self.seen, self.centre.stack, self.browser)

    @property
    def ear(self) -> PageEar:
        """What the page plays."""
        return PageEar(lambda: self.phone.seen.page)

    async def open(self) -> None:
        """Start the browser and log in; returns when a call could ring."""
        run, number = self.centre.stack.run, next(self.centre.numbers)
        self.marker = f"--kakehashi-soak={run.path.name}-{self.id}-{number}"
        voice = run.path / f"voice-{self.hz}.wav"
        if not voice.exists():
            write_wav(voice, tone(self.hz, MICROPHONE_S))
        flags = [
            *FLAGS,
            f"--use-file-for-fake-audio-capture={voice}",
            "--allow-loopback-in-peer-connection",
            self.marker,
        ]
        chromium, pages = find_program("chromium"), self.centre.stack.web
        if self.branch is not None:
            chromium, pages = self.branch.launcher(chromium), pages.replace(LOOPBACK, BRANCH_DESK)
            # A microphone is given to pages of https and of this machine; there is no certificate here.
            flags.append(f"--unsafely-treat-insecure-origin-as-secure={pages}")
        self.browser = await self.centre.playwright.chromium.launch(executable_path=str(chromium), args=flags)
        self._windows = AsyncExitStack()
        self.seen = await self._windows.enter_async_context(window(self.browser, language="en"))
        await self.seen.page.add_init_script(ear_script())
        await self.seen.log_in(pages, self.id, PASSWORD)
        await self.phone.says("Ready for calls", READY_S)

    def signal(self, number: signal.Signals) -> None:
        """To every process of this browser. Children last, so that nobody starts them again."""
        for pid in family(self.marker):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    async def close(self) -> None:
        """The browser ends, whatever state it is in."""
        if self.browser is None:
            return
        self.signal(signal.SIGCONT)
        with contextlib.suppress(Error, TimeoutError):
            async with asyncio.timeout(5.0):
                await self.browser.close()
        self.signal(signal.SIGKILL)
        self.browser = self.seen = self._windows = None

    async def shows(self, phase: str, within_s: float = 15.0) -> None:
        """The controls of the talk say that."""
        told = self.phone.seen.page.locator(".talk-phase")
        await expect(told).to_contain_text(phase, timeout=within_s * 1000)

    async def does(self, step: str, whom: str = "") -> None:
        """One of the controls of the talk, and whom it is about."""
        controls = self.phone.seen.page.get_by_role("group", name="Call controls")
        await controls.get_by_role("button", name=step, exact=True).click()
        if whom:
            await self.phone.seen.page.locator("#whom").fill(whom)
            found = self.phone.seen.page.locator(".talk-choice [role=option][aria-selected=true]")
            await expect(found).to_contain_text(whom, timeout=10_000)
            await self.phone.seen.page.locator("#whom").press("Enter")

    async def answer(self, within_s: float = 20.0) -> None:
        """Wait until it rings, and answer."""
        await self.phone.says("Ringing", within_s)
        await self.phone.press("Answer")
        await self.phone.says("On the line")


@dataclass(kw_only=True)
class Caller:
    """Somebody on the line."""

    phone: Baresip
    hz: int
    ear: CallerEar

    @property
    def gone(self) -> bool:
        """The line has ended."""
        return any(event.kind == "CALL_CLOSED" for event in self.phone.events)

    async def hang_up(self) -> None:
        """Of their own accord."""
        with contextlib.suppress(PhoneError, TimeoutError):
            await self.phone.hangup()


@dataclass(kw_only=True)
class Centre(Parts):
    """The desk, its agents, and whoever calls."""

    playwright: Playwright
    agents: list[Agent] = field(default_factory=list)
    person: Baresip | None = None
    numbers: count[int] = field(default_factory=count)
    branch: Branch | None = None  # the first agent's

    @property
    def cel(self) -> Path:
        """Asterisk's account of every leg."""
        return self.stack.folders.log / "cel.csv"

    async def available(self, *wanted: Agent) -> None:
        """Exactly these are; the others are in a training, so that they may be asked and are not rung."""
        for agent in self.agents:
            await agent.person.set_state("available" if agent in wanted else "training")

    @asynccontextmanager
    async def caller(self, number: str = NUMBER, hz: int = CALLERS_HZ[0]) -> AsyncIterator[Caller]:
        """A caller on the line; switched off at the end."""
        n = next(self.numbers)
        phone = await place_call(
            self.stack.run, self.stack.pool, trunk=self.stack.trunk, number=number, caller=f"0901234{n:04}", sound=hz,
            name=f"caller-{n}",
        )  # fmt: skip
        made = Caller(phone=phone, hz=hz, ear=CallerEar(phone))
        made.ear.start()
        try:
            yield made
        finally:
            await made.hang_up()
            await made.ear.stop()
            await phone.stop()

    async def quiet(self) -> None:
        """Until every page could ring again and nobody is on the line."""
        for agent in self.agents:
            await agent.phone.says("Ready for calls", READY_S)
        end = time.monotonic() + READY_S
        while True:
            assert self.stack.asterisk is not None
            if (await self.stack.asterisk.cli("core show channels count")).startswith("0 active channels"):
                return
            if time.monotonic() > end:
                raise TimeoutError(f"channels are left {READY_S:g} s after the last hang-up")
            await asyncio.sleep(0.1)


@asynccontextmanager
async def a_centre(
    run: RunFolder,
    pool: PortPool,
    say: Progress,
    agents: int = len(NAMES),
    branch: Branch | None = None,
    same_agent_s: int = SAME_AGENT_S,
    relay: Tables | None = None,
) -> AsyncIterator[Centre]:
    """Everything up, each agent's page ready; nobody calls yet. ``branch``: the first agent's network.

    ``relay``: tables that name a TURN server on its cable; then Asterisk's sound is on loopback, out of its reach.
    """
    desk_file = run.path / "desk.toml"
    desk_file.write_text(desk_text(same_agent_s), encoding="utf-8")
    async with AsyncExitStack() as cleanup:
        # Asterisk's address is of no use to the person's phone: it only receives.
        account = PhoneAccount(user=PERSON, server=f"{LOOPBACK}:9")
        person = await start_phone(run, pool, account, name="person", sound=PERSON_HZ, answer="auto")
        cleanup.push_async_callback(person.stop)
        plan = Plan(
            desk_file=desk_file,
            asterisk={"trunk_out": person.address.rpartition("@")[2]},
            web_hosts=() if branch is None else (BRANCH_DESK,),
            tables=_websocket(pool.tcp(), branch, relay),
        )
        stack = await cleanup.enter_async_context(running_stack(run, pool, say, plan))
        for spoken in (run.path / "sounds").rglob("agent-lost.wav"):
            write_wav(spoken, tone(SORRY_HZ, SORRY_S))
        playwright = await cleanup.enter_async_context(async_playwright())
        centre = Centre(stack=stack, playwright=playwright, person=person, branch=branch)
        cleanup.push_async_callback(_stop_started, centre)
        for name, hz in zip(NAMES[:agents], AGENTS_HZ, strict=False):
            known = await cleanup.enter_async_context(logged_in(stack.web, name.lower(), PASSWORD))
            theirs = branch if not centre.agents else None
            agent = Agent(name=name, hz=hz, centre=centre, person=known, branch=theirs)
            centre.agents.append(agent)
            cleanup.push_async_callback(agent.close)
            await agent.open()
            say(f"{name}'s page is a phone")
        yield centre


def _websocket(port: int, branch: Branch | None, relay: Tables | None) -> Tables:
    """Where browsers register, and where their sound goes: this machine's own, or the end of the branch's cable."""
    at = LOOPBACK if branch is None else BRANCH_DESK
    websocket: dict[str, str | int | list[str]] = {"address": at, "port": port}
    if branch is not None and relay is None:
        return {"asterisk.websocket": {**websocket, "media_address": at}}
    seen = own_address() if branch is None else at
    return {"asterisk.websocket": websocket, "asterisk.websocket.ice_hosts": {f'"{seen}"': LOOPBACK}, **(relay or {})}


async def _stop_started(centre: Centre) -> None:
    for child in (*centre.started, centre.server):
        child.signal(signal.SIGCONT)
        await child.stop(1.0)
