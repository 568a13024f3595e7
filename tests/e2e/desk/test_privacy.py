"""One caller's data from the trunk to nothing: held, disclosed, erased, on a whole desk."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from cti.cli.main import run
from cti.demo.client import Person, logged_in
from cti.demo.stack import Stack
from tests.e2e.desk.office import at_work, calling, eventually, of_call, offered, record_of

pytestmark = pytest.mark.asyncio(loop_scope="package")

CALLER = "090-8888-7777"


async def posted(person: Person, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    async with person.session.post(person.base + path, json=body) as answer:
        data = await answer.read()
        return answer.status, json.loads(data) if answer.content_type.endswith("json") else data


async def command(desk: Stack, *words: str) -> int:
    """As a person types it, on another thread: it has an event loop of its own."""
    return await asyncio.to_thread(run, [*words, "--config", str(desk.config)])


@asynccontextmanager
async def officer_too(desk: Stack, login: str) -> AsyncIterator[None]:
    """Somebody of the desk answers for personal data as well, for so long."""
    connection = await asyncpg.connect(desk.postgres.url)
    before = await connection.fetchval("SELECT roles FROM users WHERE login = $1", login)
    change = "UPDATE users SET roles = $2 WHERE login = $1"
    try:
        await connection.execute(change, login, [*before, "privacy"])
        yield
    finally:
        await connection.execute(change, login, before)
        await connection.close()


async def test_a_person_is_disclosed_and_erased_but_not_while_held(
    desk: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    async with officer_too(desk, "tanaka"):
        await disclosed_and_erased(desk, capsys)


async def disclosed_and_erased(desk: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    async with at_work(desk, "sato") as screens, calling(desk, caller=CALLER) as phone:
        _, offer = await screens["sato"].wait_for("pop", offered, "pop", 25.0)
        call = offer["pop"]["call_id"]
        await desk.phones["sato"].accept()
        await screens["sato"].wait_for("answer", of_call("pop.answered", call), "answer")
        await asyncio.sleep(1)
        await phone.hangup()
        await record_of(desk, call, lambda record: (record["recording"] or {}).get("status") == "stored", 40)
    her = {"numbers": [CALLER], "reference": "D-17"}
    async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as officer:
        status, hold = await posted(officer, f"/api/recordings/{call}/holds", {"reason": "case 9"})
        assert status == 200, hold
        status, refused = await posted(officer, f"/api/recordings/{call}/deletion", {"reason": "asked"})
        assert (status, refused["key"], refused["detail"]) == (409, "under_hold", "held by tanaka until it is released")
        status, erasure = await posted(officer, "/api/people/erasures", her)
        assert status == 202, erasure
        path = f"/api/people/erasures/{erasure['erasure_id']}"
        report = await eventually(lambda: officer.get(path), lambda report: report["state"] == "done", 20)
        assert list(report["held"]) == [call]
        status, data = await posted(officer, "/api/people/export", her)
        archive = zipfile.ZipFile(io.BytesIO(data))
        assert archive.testzip() is None
        assert len(archive.read(f"recordings/{call}.webm")) > 1000
        assert "+819088887777" in archive.read("data/calls.json").decode()

        assert await command(desk, "recordings", "holds", "list") == 0
        assert "case 9" in capsys.readouterr().out
        assert (await posted(officer, f"/api/holds/{hold['hold_id']}/release", {"reason": "closed"}))[0] == 200
        status, erasure = await posted(officer, "/api/people/erasures", her)
        path = f"/api/people/erasures/{erasure['erasure_id']}"
        report = await eventually(lambda: officer.get(path), lambda report: report["state"] == "done", 20)
        assert (report["held"], report["waiting"], report["counts"]["recordings"]) == ({}, 0, 1)
        record = await officer.get(f"/api/calls/{call}")
        assert (record["caller"]["e164"], record["recording"]["status"]) == (None, "deleted")
    async with (
        logged_in(desk.web, "watanabe", desk.password("watanabe")) as qa,
        qa.session.get(f"{qa.base}/api/recordings/{call}/audio") as answer,
    ):
        assert answer.status == 404
    assert await command(desk, "recordings", "retention", "status") == 0
    assert "1 deleted" in capsys.readouterr().out
