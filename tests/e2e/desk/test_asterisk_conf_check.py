"""`asterisk-conf check` and what `serve` does on a real Asterisk: as rendered, too wide, open to everybody."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from cti.ami.client import AmiClient
from cti.config import load_config
from cti.demo.stack import ROOT, Stack
from cti.wiring import core, proof
from tests.e2e.desk.test_start import changed, serve

pytestmark = pytest.mark.asyncio(loop_scope="package")
ALL_RIGHTS = ("write = call,reporting,agent,originate", "write = all")
EVERYWHERE = ("bindaddr = 127.0.0.1", "bindaddr = 0.0.0.0")


async def check(desk: Stack) -> tuple[int, dict[str, list[str]]]:
    """Exit status, and the sentences of what was refused, by part."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cti", "asterisk-conf", "check", "--json", "--config", str(desk.config),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    result: dict[str, Any] = json.loads(said)
    refused: dict[str, list[str]] = {}
    for finding in result["findings"]:
        if finding["verdict"] == "refused":
            refused.setdefault(finding["part"], []).append(finding["sentence"])
    assert result["proved"] is not bool(refused)
    return process.returncode or 0, refused


@asynccontextmanager
async def with_manager_conf(desk: Stack, written: str, instead: str) -> AsyncIterator[None]:
    """Asterisk with one line of manager.conf changed and reloaded; calls and connections stay."""
    assert desk.asterisk is not None
    path = desk.folders.etc / "manager.conf"
    right = path.read_text(encoding="utf-8")
    assert written in right
    path.write_text(right.replace(written, instead), encoding="utf-8")
    await desk.asterisk.cli("manager reload")
    try:
        yield
    finally:
        path.write_text(right, encoding="utf-8")
        await desk.asterisk.cli("manager reload")


async def test_what_was_rendered_is_proved(desk: Stack) -> None:
    before = len(complaints(desk))
    assert await check(desk) == (0, {})
    assert complaints(desk)[before:] == [], "Asterisk's log says nothing of it"


async def test_all_rights_are_refused_by_name_and_serve_does_not_start(desk: Stack, tmp_path: Path) -> None:
    async with with_manager_conf(desk, *ALL_RIGHTS):
        status, refused = await check(desk)
        assert status == 1
        assert set(refused) == {"rights", "files"}
        assert "Command" in refused["rights"][0]
        assert "Originate of System" in refused["rights"][0]
        assert "[kakehashi] has write = all, declared is write = call,reporting,agent,originate" in refused["files"][0]
        status, said = await serve(changed(desk, tmp_path, "[ivr]", "[ivr]"))
        assert status == 2
        assert "Asterisk is not what its configuration declares: the AMI user may use" in said
        assert "reduce it to write = call,reporting,agent,originate in manager.conf" in said


async def test_an_ami_open_to_everybody_is_refused_and_serve_does_not_start(desk: Stack, tmp_path: Path) -> None:
    wide = f"AMI listens on 0.0.0.0:{desk.ports.ami} (tcp), declared is 127.0.0.1:{desk.ports.ami}"
    async with with_manager_conf(desk, *EVERYWHERE):
        status, refused = await check(desk)
        assert status == 1
        assert set(refused) == {"doors", "files"}
        assert wide in refused["doors"][0]
        status, said = await serve(changed(desk, tmp_path, "[ivr]", "[ivr]"))
        assert status == 2
        assert wide in said


async def test_a_module_a_context_and_a_file_too_many_or_too_few(desk: Stack) -> None:
    assert desk.asterisk is not None
    await desk.asterisk.cli("module load res_clialiases.so")
    await desk.asterisk.cli("dialplan remove context cti-treat")
    try:
        status, refused = await check(desk)
    finally:
        await desk.asterisk.cli("module unload res_clialiases.so")
        await desk.asterisk.cli("dialplan reload")
    assert status == 1
    assert refused == {
        "modules": ["loaded but not named in modules.conf: res_clialiases.so; restart Asterisk without them"],
        "dialplan": ["the running dialplan is another: no context cti-treat; run `dialplan reload` on Asterisk"],
    }


async def test_a_server_that_runs_goes_on_and_says_so(desk: Stack) -> None:
    """Rights that grew while we were away for a moment cost no caller: docs/decisions/0113."""
    config = load_config(desk.config)
    judge = proof.AsteriskProof(config)

    def said() -> str:
        return judge.problem or ""

    client = AmiClient(core.ami_settings(config), wanted=(), on_frame=lambda _: None, on_up=lambda: judge(client))
    await client.start()
    await client.wait_up(5)
    assert said() == ""
    async with with_manager_conf(desk, *ALL_RIGHTS):
        assert client._link is not None
        client._link.abort()
        async with asyncio.timeout(10):
            while not said():
                await asyncio.sleep(0.02)
        await client.wait_up(5)
        assert "Originate of System" in said()
    await client.stop()


async def test_the_look_at_start_is_short(desk: Stack) -> None:
    config = load_config(desk.config)
    client = AmiClient(core.ami_settings(config), wanted=(), on_frame=lambda _: None)
    await client.start()
    await client.wait_up(5)
    seconds = []
    for _ in range(5):
        began_s = time.perf_counter()
        await proof.ami_findings(client, proof.ami_door(config))
        seconds.append(time.perf_counter() - began_s)
    await client.stop()
    assert min(seconds) < 0.3


def complaints(desk: Stack) -> list[str]:
    lines = (desk.folders.log / "messages.log").read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if "WARNING" in line or "ERROR" in line]
