"""What `kakehashi serve` answers when something is wrong at start, and how it stops."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from cti.demo.processes import ChildSpec, start_child
from cti.demo.stack import ROOT, Stack
from tests.e2e.desk.office import URGENT, at_work, calling, of_call, offered, record_of

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def serve(config: Path, deadline_s: float = 30.0) -> tuple[int, str]:
    """Exit status and everything said by a server that is expected to refuse."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cti", "serve", "--config", str(config),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = await asyncio.wait_for(process.communicate(), deadline_s)
    except TimeoutError:
        process.kill()
        raise
    return process.returncode or 0, said.decode()


def changed(desk: Stack, folder: Path, written: str, instead: str) -> Path:
    """The desk's own configuration with one line changed, and ports of its own."""
    text = desk.config.read_text(encoding="utf-8")
    assert written in text
    text = text.replace(written, instead)
    for port in (desk.ports.web, desk.ports.fastagi):
        text = text.replace(f"port = {port}", f"port = {desk.pool.tcp()}")
    file = folder / "kakehashi.toml"
    file.write_text(text, encoding="utf-8")
    return file


async def test_a_wrong_ami_password_is_said_once_and_stops_the_start(desk: Stack, tmp_path: Path) -> None:
    secret = desk.secrets["ami"]
    status, said = await serve(changed(desk, tmp_path, f'"{secret}"', '"not the right password"'))
    assert status == 2
    assert "the AMI log-in of 'kakehashi': check user, secret and permit" in said
    assert secret not in said
    assert "not the right password" not in said


async def test_a_port_that_is_not_asterisk(desk: Stack, tmp_path: Path) -> None:
    file = changed(desk, tmp_path, f"ami_port = {desk.ports.ami}", f"ami_port = {desk.ports.lookup}")
    child = await start_child(
        ChildSpec(
            name="serve",
            argv=[sys.executable, "-m", "cti", "serve", "--config", str(file)],
            log=tmp_path / "log",
            cwd=ROOT,
        )
    )

    async def said() -> bool:
        return '"sentence": "starting without Asterisk"' in (tmp_path / "log").read_text(encoding="utf-8")

    try:
        await child.until_ready(said, 30)
    finally:
        await child.stop()
    assert child.returncode == 0, "it starts, says so, and stops in order"


async def test_a_database_without_tables(desk: Stack, tmp_path: Path) -> None:
    empty = await desk.postgres.make_database("empty")
    status, said = await serve(changed(desk, tmp_path, desk.postgres.url, empty))
    assert status == 2
    assert "run `kakehashi database migrate` first" in said


async def test_a_database_that_is_away(desk: Stack, tmp_path: Path) -> None:
    nowhere = f"postgresql://kakehashi:x@127.0.0.1:{desk.pool.tcp()}/kakehashi"
    status, said = await serve(changed(desk, tmp_path, desk.postgres.url, nowhere))
    assert status == 1
    assert "PostgreSQL cannot be reached" in said


async def test_a_stop_leaves_callers_and_agents_talking(desk: Stack) -> None:
    async with at_work(desk, "sato") as screens, calling(desk, keys=URGENT) as phone:
        _, offer = await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        call_id = offer["pop"]["call_id"]
        await desk.phones["sato"].accept()
        await screens["sato"].wait_for("answer", of_call("pop.answered", call_id), "answer")
        assert desk.server is not None
        desk.server.signal(signal.SIGTERM)
        assert await asyncio.wait_for(desk.server.wait(), 30) == 0
        assert phone.events[-1].kind != "CALL_CLOSED"
        await desk.start_server()
        await phone.hangup()
        record = await record_of(desk, call_id, lambda record: record["ended_at"] is not None)
    assert (record["end_reason"], record["agents"]) == ("completed", ["sato"])
