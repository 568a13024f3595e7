"""A real Asterisk on the rendered configuration, with phones, a heartbeat and a menu server to switch on and off."""

from __future__ import annotations

import asyncio
import contextlib
import time
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cti.asteriskconf.files import write
from cti.asteriskconf.music import music_files
from cti.asteriskconf.render import render
from cti.asteriskconf.settings import AgentPhone, AsteriskSettings, CalledNumber, Directories, FallbackQueue
from cti.demo.asterisk import RunningAsterisk, asterisk_folders, start_asterisk
from cti.demo.folders import LOOPBACK, PortPool, RunFolder, run_folder
from cti.demo.phones import Baresip, PhoneAccount, start_phone
from cti.demo.tones import RATE_HZ, tone, write_wav
from tests.e2e.dialplan.ami import Ami, Message
from tests.e2e.dialplan.sipstub import StubPhone

SECRET = "a-secret-of-tests-0"
PHONE_SECRET = "phone-secret"
EPOCH = "7"
MENU_NUMBER, PLAIN_NUMBER = "+81501234500", "+81501234510"
AGENTS = (
    "sato", "suzuki", "busy", "declining", "absent", "silent", "missing", "full", "nobody", "twice", "forwarding",
    "page",
)  # fmt: skip
# Each prompt is a tone of its own, so that a test hears which one was said.
PROMPTS = {
    "please-hold": 300,
    "recorded": 350,
    "fallback-sorry": 500,
    "number-unknown": 550,
    "treat-nobody-logged-in": 600,
    "treat-nobody-skilled": 650,
    "treat-waited-too-long": 800,
    "treat-closed": 850,
    "treat-full": 950,
    "treat-goodbye": 900,
    "agent-lost": 1100,
    "transfer-sorry": 1150,
    "position-1": 1200,
}
BRIEF = ("recorded", "please-hold")  # heard in nearly every test, measured in none
CALLER_HZ, AGENT_HZ = 440, 1000
PROMPT_S = 0.4


class Menu:
    """A FastAGI server in one of its moods.

    ``done`` ends the dialogue well, ``frozen`` says nothing for ever, ``lingers`` freezes after its last act,
    ``treats`` after it has chosen a treatment.
    """

    def __init__(self) -> None:
        self.mood = "done"
        self.queue = ""
        self.requests: list[Message] = []
        self.held: list[asyncio.StreamWriter] = []
        self.holds = asyncio.Event()  # a caller hangs on a frozen server

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            block = (await reader.readuntil(b"\n\n")).decode()
            self.requests.append(dict(line.split(": ", 1) for line in block.strip().split("\n") if ": " in line))
            for command in self._commands():
                writer.write(command.encode() + b"\n")
                await reader.readline()
            if self.mood != "done":
                self.held.append(writer)
                self.holds.set()
                await reader.read()
        writer.close()

    def _commands(self) -> list[str]:
        if self.mood == "frozen":
            return []
        if self.mood == "treats":
            return ["SET CONTEXT cti-treat", "SET EXTENSION closed", "SET PRIORITY 1"]
        queue = [f'SET VARIABLE CTI_QUEUE "{self.queue}"'] if self.queue else []
        return [*queue, 'SET VARIABLE CTI_DONE "1"']


@dataclass
class Rig:
    """Everything one test needs."""

    run: RunFolder
    pool: PortPool
    settings: AsteriskSettings
    asterisk: RunningAsterisk
    ami: Ami
    menu: Menu
    caller: Baresip
    sato: Baresip
    suzuki: Baresip
    outside: StubPhone  # the carrier, for our own calls: busy, whoever is dialled
    at_start: str  # Asterisk's log when it was ready
    expected_complaints: str = ""  # pattern of log lines that the test means to cause
    beating: asyncio.Event = field(default_factory=asyncio.Event)
    _menu_server: asyncio.Server | None = None

    @property
    def server(self) -> str:
        return f"{LOOPBACK}:{self.settings.sip_port}"

    @property
    def recordings(self) -> Path:
        return Path(self.settings.directories.recordings)

    async def open_menu(self) -> None:
        if self._menu_server is None:
            self._menu_server = await asyncio.start_server(self.menu.serve, LOOPBACK, self.settings.fastagi_port)

    def refuse_menus(self) -> None:
        """No new connection; open ones stay as they are."""
        if self._menu_server is not None:
            self._menu_server.close()
            self._menu_server = None

    async def close_menu(self) -> None:
        """As after a SIGKILL: open connections are reset, new ones refused."""
        self.refuse_menus()
        for writer in self.menu.held:
            writer.transport.abort()
        self.menu.held.clear()
        self.menu.holds.clear()

    async def beat(self) -> None:
        while True:
            if self.beating.is_set():
                await self.beat_once()
            await asyncio.sleep(0.5)

    async def beat_once(self, age_s: int = 0) -> None:
        await self.ami.setvar("CTI_BEAT", str(int(time.time()) - age_s))

    async def arrive(self, phone: Baresip | None = None, number: str = PLAIN_NUMBER) -> Message:
        """Dial in; the CtiArrived event."""
        since = self.ami.now
        await (phone or self.caller).dial(f"sip:{number}@{self.server}")
        return await self.ami.user_event("CtiArrived", since=since)

    async def waiting(self, phone: Baresip | None = None, number: str = PLAIN_NUMBER) -> Message:
        """Dial in and come to the waiting loop; the CtiQueued event."""
        since = self.ami.now
        arrived = await self.arrive(phone, number)
        return await self.ami.user_event("CtiQueued", since=since, CallID=arrived["CallID"])

    async def offer(
        self, queued: Message, agent: str, *, offer: str = "0a" * 16, epoch: str = EPOCH, ring_s: int = 2
    ) -> str:
        """As the server offers a call: set CTI_OFFER, then redirect."""
        await self.ami.setvar("CTI_OFFER", f"{offer}|{epoch}|demo-{agent}|{ring_s}", queued["Channel"])
        await self.ami.redirect(queued["Channel"], "cti-connect", offer)
        return offer

    async def end(self, phone: Baresip | None = None) -> None:
        """Hang the caller up, and wait until Asterisk has no channel left."""
        phone = phone or self.caller
        count = sum(event.kind == "CALL_CLOSED" for event in phone.events)
        with contextlib.suppress(Exception):
            await phone.hangup()
        await self.idle()
        await phone.wait_for("CALL_CLOSED", count=max(1, count))

    async def idle(self) -> None:
        async with asyncio.timeout(10):
            while await self.ami.listing("CoreShowChannels", "CoreShowChannelsComplete"):
                await asyncio.sleep(0.05)

    def log_lines(self) -> list[str]:
        """Warnings and errors Asterisk wrote so far."""
        text = (Path(self.settings.directories.log) / "messages.log").read_text()
        complaints = [line for line in text.splitlines() if "WARNING" in line or "ERROR" in line]
        # Asterisk's own race, no matter what the dialplan does: a list of channels (our polling in `idle`) meets one
        # that is being taken apart.
        return [line for line in complaints if "name must be provided" not in line]


def asterisk_settings(run: RunFolder, pool: PortPool) -> AsteriskSettings:
    """A small desk on ports and in folders of its own."""
    folders, rtp = asterisk_folders(run), pool.udp_block(200)
    return AsteriskSettings(
        directories=Directories(
            etc=str(folders.etc),
            modules="/unused",  # the demo's start puts the real folders in
            data="/unused",
            var=str(folders.lib),
            spool=str(folders.spool),
            run=str(folders.run),
            log=str(folders.log),
            sounds=str(run.path / "sounds"),
            recordings=str(folders.spool / "monitor"),
        ),
        sip_address=LOOPBACK,
        sip_port=pool.tcp(),
        media_address=LOOPBACK,
        rtp_first=rtp.start,
        rtp_last=rtp.stop - 1,
        ami_port=pool.tcp(),
        ami_secret=SECRET,
        fastagi_port=pool.tcp(),
        trunk_peers=(LOOPBACK,),
        agents=tuple(
            AgentPhone(tenant="demo", endpoint=f"demo-{a}", secret=PHONE_SECRET, name=f"担当 {a}") for a in AGENTS
        ),
        queues=(
            FallbackQueue(tenant="demo", queue="members", members=("demo-sato",), ring_s=5),
            FallbackQueue(tenant="demo", queue="slow", members=("demo-suzuki",), ring_s=2),
            FallbackQueue(tenant="demo", queue="roadside", members=("demo-missing",), ring_s=5),
        ),
        numbers=(
            CalledNumber(number=MENU_NUMBER, tenant="demo", queue="members", menu="main"),
            CalledNumber(number=PLAIN_NUMBER, tenant="demo", queue="members"),
            CalledNumber(number="+81501234530", tenant="demo", queue="slow"),
            CalledNumber(number="+81501234520", tenant="demo", queue="roadside", language="en"),
        ),
        agent_rtp_timeout_s=2,
        fallback_look_s=3,
    )


def write_sounds(folder: Path) -> None:
    """Music and prompts, readable by Asterisk's user."""
    (folder / "moh").mkdir(parents=True)
    write(music_files(), folder / "moh")
    for position, language in enumerate(("ja", "en")):
        (folder / language).mkdir()
        for name, hz in PROMPTS.items():
            write_wav(folder / language / f"{name}.wav", tone(hz + 25 * position, 0.1 if name in BRIEF else PROMPT_S))
    for path in (folder.parent, *folder.parent.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


@contextlib.asynccontextmanager
async def a_rig(**more: Any) -> AsyncIterator[Rig]:
    """``more``: other settings of Asterisk (AsteriskSettings) than the small desk's."""
    async with contextlib.AsyncExitStack() as stack:
        run = stack.enter_context(run_folder())
        pool = stack.enter_context(PortPool())
        outside = await StubPhone.listen(486)
        stack.callback(outside.stop)
        settings = replace(asterisk_settings(run, pool), trunk_out=f"{outside.host}:{outside.port}", **more)
        folders = asterisk_folders(run)
        write(render(settings), folders.etc)
        write_sounds(run.path / "sounds" / "kakehashi")
        asterisk = await start_asterisk(run)
        stack.push_async_callback(asterisk.stop)
        at_start = asterisk.child.log_tail() + Path(settings.directories.log, "messages.log").read_text()
        server = f"{LOOPBACK}:{settings.sip_port}"
        ami = await Ami.connect(settings.ami_port, settings.ami_user, SECRET)
        stack.push_async_callback(ami.close)
        accounts = [
            (PhoneAccount(user="09012345678", server=server), "caller", CALLER_HZ, "auto"),
            (_agent("sato", server), "sato", AGENT_HZ, "auto"),
            (_agent("suzuki", server), "suzuki", 700, "manual"),
        ]
        caller, sato, suzuki = await asyncio.gather(
            *(
                start_phone(run, pool, account, name=name, sound=hz, answer=answer)
                for account, name, hz, answer in accounts
            )
        )
        for phone in (caller, sato, suzuki):
            stack.push_async_callback(phone.stop)
        rig = Rig(run, pool, settings, asterisk, ami, Menu(), caller, sato, suzuki, outside, at_start=at_start)
        await rig.open_menu()
        stack.push_async_callback(rig.close_menu)
        await ami.setvar("CTI_EPOCH", EPOCH)
        rig.beating.set()
        beats = asyncio.create_task(rig.beat(), name="heartbeat")
        stack.callback(beats.cancel)
        yield rig


def _agent(name: str, server: str) -> PhoneAccount:
    return PhoneAccount(user=f"demo-{name}", server=server, password=PHONE_SECRET, register=True)


def samples(path: Path) -> list[int]:
    """A mono file's samples."""
    with wave.open(str(path), "rb") as file:
        assert file.getframerate() == RATE_HZ
        data = memoryview(file.readframes(file.getnframes())).cast("h")
        return data.tolist()
