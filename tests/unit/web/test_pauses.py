"""Pausing a recording over HTTP: by the agent on the line, and by programs with the right to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from cti.domain.errors import CallerError, Unavailable
from cti.domain.model import Call, Pause
from cti.web.talkview import recording
from tests.unit.web.conftest import Site
from tests.unit.web.fakes import T0, call_id, closed_call

PATH = f"/api/calls/{call_id(1)}/recording"


def paused(**changes: Any) -> Call:
    pause = Pause(began_at=T0, why="asked", by="sato", until=T0 + timedelta(seconds=300), proven_at=T0)
    return replace(closed_call(1), pauses=(replace(pause, **changes),))


async def ask(client: aiohttp.ClientSession, path: str, command: str) -> tuple[int, Any]:
    async with client.post(path, json={"command": command}) as answer:
        return answer.status, await answer.json()


async def test_the_agent_on_the_line_pauses_their_own_call_and_nobody_elses(site: Site) -> None:
    site.fakes.pauses.call = closed_call(1)
    sato = await site.logged_in("sato")
    assert (await ask(sato, "/api/my/call", "record_pause"))[0] == 409
    site.fakes.talks.calls["sato"] = closed_call(1)
    assert (await ask(sato, "/api/my/call", "record_pause"))[0] == 200
    assert site.fakes.pauses.asked == [(call_id(1), "record_pause", "sato")]
    assert site.fakes.talks.asked == []
    assert (await ask(sato, PATH, "record_pause"))[0] == 403


async def test_a_program_with_the_right_pauses_a_call_and_is_told_what_is_so(site: Site) -> None:
    site.fakes.pauses.call = paused()
    tanaka = await site.logged_in("tanaka")
    status, body = await ask(tanaka, PATH, "record_pause")
    assert status == 200
    assert body["recording"]["state"] == "paused"
    assert body["recording"]["may"] == ["record_resume", "record_pause"]


@pytest.mark.parametrize(
    ("refusal", "command", "status", "key"),
    [
        (Unavailable("no proof"), "record_pause", 503, "not_paused"),
        (Unavailable("no proof"), "record_resume", 503, "unavailable"),
        (CallerError("it was ended"), "record_pause", 409, "not_now"),
    ],
)
async def test_what_could_not_be_proven_is_not_called_paused(
    site: Site, refusal: Exception, command: str, status: int, key: str
) -> None:
    site.fakes.pauses.refusal = refusal
    site.fakes.talks.calls["sato"] = closed_call(1)
    for login, path in (("sato", "/api/my/call"), ("tanaka", PATH)):
        answered, body = await ask(await site.logged_in(login), path, command)
        assert (answered, body["key"]) == (status, key)


@pytest.mark.parametrize(
    ("call", "state", "may"),
    [
        (closed_call(1), "on", ["record_pause"]),
        (paused(proven_at=None), "pausing", ["record_resume", "record_pause"]),
        (paused(stopped=True), "stopped", []),
        (paused(ended_at=T0), "on", ["record_pause"]),
        (paused(why="not_wanted"), "off", []),
        (paused(why="on_demand"), "off", ["record_start"]),
    ],
)
def test_what_the_page_shows(call: Call, state: str, may: list[str]) -> None:
    shown = recording(call)
    assert (shown.state, shown.may) == (state, may)
