"""Asterisk away when the server starts, something else on its port, and two servers on one Asterisk by mistake."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cti.ami.charge import SENTENCE
from cti.demo.folders import LOOPBACK
from cti.demo.processes import Child, ChildSpec, start_child
from cti.demo.stack import ROOT, Stack
from tests.e2e.desk.office import URGENT, at_work, calling, eventually, offered
from tests.e2e.desk.test_start import changed

pytestmark = pytest.mark.asyncio(loop_scope="package")

SOON_S = 15.0  # a server that waits looks again after 5 s at most; a busy machine takes its time


async def ready(web: str) -> dict[str, Any]:
    """What /readyz says; nothing ready while nobody listens."""
    try:
        async with aiohttp.ClientSession() as http, http.get(f"{web}/readyz") as answer:
            return dict(await answer.json())
    except aiohttp.ClientError:
        return {"ready": False, "parts": {}}


def why(said: dict[str, Any], part: str) -> str:
    return str(said["parts"].get(part, {}).get("why"))


async def start(config: Path, log: Path) -> Child:
    argv = [sys.executable, "-m", "cti", "serve", "--config", str(config)]
    return await start_child(ChildSpec(name="serve", argv=argv, log=log, cwd=ROOT))


@asynccontextmanager
async def without_its_server(desk: Stack) -> AsyncIterator[None]:
    """The desk's own server is stopped meanwhile."""
    assert desk.server is not None
    await desk.server.stop(grace_s=30.0)
    try:
        yield
    finally:
        await desk.start_server()


@asynccontextmanager
async def forwarding(port: int, target: int) -> AsyncIterator[None]:
    """Somebody listens on ``port`` and passes everything on, as Asterisk would that was started now."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            while data := await reader.read(65_536):
                writer.write(data)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(LOOPBACK, target)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(serve, LOOPBACK, port)
    try:
        yield
    finally:
        server.close()


async def test_asterisk_away_at_start_is_said_and_served_as_soon_as_it_comes(desk: Stack, tmp_path: Path) -> None:
    port = desk.pool.tcp()
    text = desk.config.read_text(encoding="utf-8").replace(f"ami_port = {desk.ports.ami}", f"ami_port = {port}")
    config = tmp_path / "kakehashi.toml"
    config.write_text(text, encoding="utf-8")
    async with without_its_server(desk):
        child = await start(config, tmp_path / "log")
        try:
            said = await eventually(lambda: ready(desk.web), lambda said: "cannot be reached" in why(said, "ami"), 30.0)
            assert not said["ready"]
            assert f"Asterisk at {LOOPBACK}:{port} cannot be reached" in why(said, "ami")
            assert "no heartbeat" in why(said, "routing")
            assert said["parts"]["postgres"]["ready"]
            async with forwarding(port, desk.ports.ami):
                await eventually(lambda: ready(desk.web), lambda said: bool(said["ready"]), SOON_S)
                async with at_work(desk, "sato") as screens, calling(desk, keys=URGENT):
                    await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        finally:
            await child.stop(grace_s=30.0)


async def test_what_is_not_asterisk_is_named(desk: Stack, tmp_path: Path) -> None:
    file = changed(desk, tmp_path, f"ami_port = {desk.ports.ami}", f"ami_port = {desk.ports.lookup}")
    web = web_of(file)
    child = await start(file, tmp_path / "log")
    try:
        said = await eventually(lambda: ready(web), lambda said: "greet" in why(said, "ami"), 30.0)
    finally:
        await child.stop(grace_s=30.0)
    assert why(said, "ami") == f"{LOOPBACK}:{desk.ports.lookup} did not greet like Asterisk within 3 s"


def web_of(config: Path) -> str:
    text = config.read_text(encoding="utf-8")
    section = text[text.index("[web]") :]
    return f"http://{LOOPBACK}:{section.split('port = ', 1)[1].split()[0]}"


async def test_of_two_servers_the_later_one_is_in_charge_and_the_earlier_one_waits(desk: Stack, tmp_path: Path) -> None:
    second_file = changed(desk, tmp_path, "[web]", "[web]")
    second_web = web_of(second_file)
    await eventually(lambda: ready(desk.web), lambda said: bool(said["ready"]), SOON_S)
    second = await start(second_file, tmp_path / "log")
    try:
        await eventually(
            lambda: ready(second_web), lambda said: bool(said["parts"].get("routing", {}).get("ready")), 30.0
        )
        said = await eventually(lambda: ready(desk.web), lambda said: SENTENCE in why(said, "ami"), SOON_S)
        assert not said["ready"]
        assert not said["parts"]["routing"]["ready"], "it makes no offers"
        await asyncio.sleep(2.0)  # beats of both would be seen by now
        assert (await ready(second_web))["parts"]["ami"]["ready"]
        second.signal(signal.SIGKILL)
        await second.wait()
        await eventually(lambda: ready(desk.web), lambda said: bool(said["ready"]), SOON_S)
        async with at_work(desk, "sato") as screens, calling(desk, keys=URGENT):
            await screens["sato"].wait_for("pop", offered, "pop", 25.0)
    finally:
        await second.stop()
