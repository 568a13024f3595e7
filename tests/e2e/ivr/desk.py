"""An Asterisk with the real configuration, a menu server in front of it, and a caller's phone."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import logging
import tempfile
import time
import tomllib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cti.asteriskconf.files import write
from cti.asteriskconf.music import music_files
from cti.asteriskconf.render import render
from cti.asteriskconf.settings import AsteriskSettings, CalledNumber, Directories, FallbackQueue
from cti.demo.asterisk import RunningAsterisk, asterisk_folders, start_asterisk
from cti.demo.folders import LOOPBACK, PortPool, RunFolder, run_folder
from cti.demo.phones import Baresip, PhoneAccount, start_phone
from cti.domain.model import MenuId, TenantId
from cti.domain.signals import MenuEnded, Signal
from ivr.menus import Menu, parse_menu
from ivr.prompts import FileLengths, render_all
from ivr.server import IvrConfig, IvrServer

NUMBER = "0501234500"
# Content-addressed, so that runs share it.
PROMPT_CACHE = Path(tempfile.gettempdir()) / "kakehashi-test-prompts"


class Menus:
    """The menus of one tenant, as data."""

    def __init__(self, menu: Menu) -> None:
        self.kept = menu

    async def menu(self, tenant: TenantId, menu: MenuId) -> Menu:
        return self.kept


class Signals:
    """Keeps what the menu server posts."""

    def __init__(self) -> None:
        self.posted: list[Signal] = []
        self._more = asyncio.Condition()

    def post(self, signal: Signal) -> None:
        self.posted.append(signal)

    async def ended(self, deadline_s: float = 60.0) -> MenuEnded:
        async with asyncio.timeout(deadline_s):
            while True:
                for signal in self.posted:
                    if isinstance(signal, MenuEnded):
                        return signal
                await asyncio.sleep(0.02)


class Steps(logging.Handler):
    """What callers are asked, by the first prompt of each step, from the server's own log."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.prompts: list[str] = []

    def __enter__(self) -> Steps:
        logger = logging.getLogger("ivr.server")
        logger.addHandler(self)
        self._level = logger.level
        logger.setLevel(logging.DEBUG)
        return self

    def __exit__(self, *_: object) -> None:
        logger = logging.getLogger("ivr.server")
        logger.removeHandler(self)
        logger.setLevel(self._level)

    def emit(self, record: logging.LogRecord) -> None:
        if record.__dict__.get("action") == "ivr_step":
            self.prompts.append(record.__dict__["prompt"])

    async def asked(self, prompt: str, *, count: int = 1, deadline_s: float = 30.0) -> None:
        """Returns when the prompt begins to be said for the ``count``th time."""
        try:
            async with asyncio.timeout(deadline_s):
                while self.prompts.count(prompt) < count:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{prompt} was not asked; asked: {self.prompts}") from None


@dataclass(kw_only=True)
class Desk:
    """Everything a test needs."""

    run: RunFolder
    ports: PortPool
    asterisk: RunningAsterisk
    settings: AsteriskSettings
    signals: Signals = field(default_factory=Signals)
    phones: list[Baresip] = field(default_factory=list)

    @property
    def sounds(self) -> Path:
        return Path(self.settings.directories.sounds)

    def server(self, menu: Menu, **limits: float) -> IvrServer:
        config = dataclasses.replace(IvrConfig(port=self.settings.fastagi_port), **limits)  # type: ignore[arg-type]
        return IvrServer(
            config=config,
            menus=Menus(menu),
            signals=self.signals,
            lengths=FileLengths(self.sounds),
            now=lambda: datetime.now(UTC),
        )

    async def caller(self, name: str = "caller") -> Baresip:
        server = f"{LOOPBACK}:{self.settings.sip_port}"
        phone = await start_phone(self.run, self.ports, PhoneAccount(user="09012345678", server=server), name=name)
        self.phones.append(phone)
        await phone.dial(f"sip:{NUMBER}@{server}")
        await phone.wait_for("CALL_ESTABLISHED")
        return phone

    async def channel(self) -> dict[str, str]:
        """Variables and place of the only channel; empty when there is none."""
        lines = (await self.asterisk.cli("core show channels concise")).splitlines()
        names = [line.split("!")[0] for line in lines if line.startswith("PJSIP/")]
        if not names:
            return {}
        text = await self.asterisk.cli(f"core show channel {names[0]}")
        found: dict[str, str] = {}
        for line in text.splitlines():
            key, equals, value = line.strip().partition("=")
            if equals:
                found[key] = value
            key, colon, value = line.strip().partition(": ")
            if colon and key in ("Context", "Extension", "Application", "Language"):
                found[key] = value.strip()
        return found

    async def until(self, is_so: Callable[[dict[str, str]], bool], deadline_s: float = 30.0) -> dict[str, str]:
        """The channel's variables as soon as ``is_so`` of them."""
        seen: dict[str, str] = {}
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    seen = await self.channel()
                    if is_so(seen):
                        return seen
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"not in {deadline_s} s: {seen}") from None

    async def played(self, seconds: float) -> None:
        """Let Asterisk play for so long: sound takes its time."""
        await asyncio.sleep(seconds)

    async def waiting(self, deadline_s: float = 60.0) -> dict[str, str]:
        return await self.until(lambda seen: seen.get("Context") == "cti-wait", deadline_s)


def _settings(run: RunFolder, ports: PortPool) -> AsteriskSettings:
    folders = asterisk_folders(run)
    rtp = ports.udp_block(60)
    there = {name: str(getattr(folders, name)) for name in ("etc", "spool", "run", "log")}
    return AsteriskSettings(
        directories=Directories(
            **there,
            modules="/usr/lib",  # start_asterisk puts the right ones in
            data="/usr/share",
            var=str(folders.lib),
            sounds=str(run.path / "sounds"),
            recordings=str(folders.spool / "monitor"),
        ),
        sip_address=LOOPBACK,
        sip_port=ports.tcp(),
        media_address=LOOPBACK,
        rtp_first=rtp.start,
        rtp_last=rtp.stop - 1,
        ami_port=ports.tcp(),
        ami_secret="only-for-this-test",
        fastagi_port=ports.tcp(),
        trunk_peers=(LOOPBACK,),
        queues=tuple(FallbackQueue(tenant="demo", queue=queue, members=()) for queue in ("members", "roadside")),
        numbers=(CalledNumber(number="+81501234500", tenant="demo", queue="members", menu="main"),),
        beat_limit_s=60,
    )


@contextlib.asynccontextmanager
async def a_desk(menu: Menu) -> AsyncIterator[Desk]:
    """Asterisk with every prompt of ``menu``, and a heartbeat; nobody serves menus yet."""
    with run_folder() as run, PortPool() as ports:
        settings = _settings(run, ports)
        await asyncio.to_thread(render_all, run.path / "sounds", PROMPT_CACHE, texts=menu.texts())
        etc = Path(settings.directories.etc)
        etc.mkdir(parents=True)
        write(render(settings), etc)
        music = run.sub("sounds", "kakehashi", "moh", mode=0o755)
        for name, content in music_files().items():
            (music / name).write_bytes(content)
        asterisk = await start_asterisk(run)
        desk = Desk(run=run, ports=ports, asterisk=asterisk, settings=settings)
        try:
            await beat(asterisk)
            yield desk
        finally:
            for phone in desk.phones:
                await phone.stop()
            await asterisk.stop()


async def beat(asterisk: RunningAsterisk) -> None:
    """What the server does each second over AMI; here it holds for a minute."""
    await asterisk.cli(f"dialplan set global CTI_BEAT {int(time.time())}")


@functools.cache
def example() -> dict[str, Any]:
    """The tenant of examples/desk.toml."""
    root = Path(__file__).parents[3]
    tenant: dict[str, Any] = tomllib.loads((root / "examples/desk.toml").read_text())["tenants"]["demo"]
    return tenant


def asks(node: dict[str, Any]) -> bool:
    """Whether it waits for keys."""
    return node["kind"] in ("choice", "digits", "language")


def main_menu(*, timeout_s: float | None = None, attempts: int | None = None) -> Menu:
    """The example's menu, with another patience."""
    tenant = example()
    data = dict(tenant["menus"][0])
    if timeout_s is not None:
        data["nodes"] = [{**node, "timeout_s": timeout_s} if asks(node) else node for node in data["nodes"]]
    if attempts is not None:
        data["nodes"] = [{**node, "attempts": attempts} if asks(node) else node for node in data["nodes"]]
    queues = [queue["id"] for queue in tenant["queues"]]
    return parse_menu(data, queues=queues, skills=[skill["id"] for skill in tenant["skills"]])
