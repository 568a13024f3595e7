"""The object store is away for longer than the disk has room: what waits, what is said, and in which order it drains.

Calls are made until recordings take more than ``spool_max_mb``; the server is killed meanwhile. Then the store comes
back. Judged by the bucket's own listing (every version of every object, with the store's time of it), the ledger and
what people are told.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg

from cti.demo.client import DemoFailed, Person, logged_in
from cti.demo.folders import LOOPBACK, PortPool, run_folder
from cti.demo.stack import TENANT, Plan, Stack, running_stack
from tests.e2e.desk.office import eventually
from tests.e2e.recording.rtp_phone import RtpPhone
from tests.soak._parts import Parts

NUMBER = "05012345010"  # no menu; both agents have its skill
AGENTS_HZ = {"sato": 1000, "suzuki": 700}
LIMIT_MB = 5
CALL_S = 6.0  # some 0.4 MB in its five files
ROUNDS = 15  # of as many calls as there are agents: more than the limit has room for
KILLED_AFTER = 2  # rounds
AFTER_LIMIT = 2  # rounds of calls that are not recorded
# Above the limit nothing begins, but what runs goes on; the guard looks each 3 s.
OVER_MB = len(AGENTS_HZ) * 1.0
UPLOADS = 2  # recording.model.RecordingSettings: so many may change places
SAID_S = 30.0  # until pages and metrics say so
DRAINED_S = 150.0  # a store that was away is asked again after a minute at the latest
FINISHED = ("stored", "salvaged", "truncated", "not_recorded")


@dataclass
class Found:
    """What was seen, and what of it is wrong."""

    calls: int = 0
    waited: int = 0
    spool_mb: float = 0.0  # the most that recordings took
    drained_s: float = 0.0
    displaced: int = 0  # by how many places a recording was stored later or sooner than its turn
    wrong: list[str] = field(default_factory=list)

    def must(self, fine: bool, sentence: str) -> None:
        """Note it when it is not so."""
        if not fine:
            self.wrong.append(sentence)


async def away(say: Any = lambda _: None) -> Found:
    """The whole part."""
    limits = {"spool_max_mb": LIMIT_MB, "free_warn_mb": 200, "free_stop_mb": 100}
    found = Found()
    with run_folder() as folder, PortPool() as ports:
        async with (
            running_stack(folder, ports, lambda _: None, Plan(recording=limits)) as desk,
            a_shift(desk) as people,
        ):
            client = desk.store.access.client()
            versioned = {"Status": "Enabled"}  # so that a second upload of anything shows
            client.put_bucket_versioning(Bucket=desk.store.access.bucket, VersioningConfiguration=versioned)  # type: ignore[arg-type]
            parts = Parts(stack=desk)
            assert desk.store.child is not None
            desk.store.child.signal(signal.SIGKILL)
            watch = asyncio.create_task(_watch(desk, found), name="the spool")
            try:
                await _until_full(desk, parts, people, found, say)
                await _is_said(desk, found)
                waiting = await _ledger(desk)
                say(f"{len(waiting)} calls, {found.spool_mb:.1f} MB: the store is started again")
                await _drains(desk, parts, found, waiting)
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)
            await _records_again(desk, people, found)
            for child in parts.started:
                await child.stop(1.0)
    return found


@asynccontextmanager
async def a_shift(desk: Stack) -> Any:
    """Agents whose phones answer by themselves."""
    async with AsyncExitStack() as stack:
        server = (LOOPBACK, desk.ports.sip)
        people: dict[str, Person] = {}
        for name, hz in AGENTS_HZ.items():
            phone = await RtpPhone.agent(f"{TENANT}-{name}", desk.agent_secrets[name], server, hz=hz)
            stack.callback(phone.stop)
            people[name] = await stack.enter_async_context(logged_in(desk.web, name, desk.password(name)))
        yield people


async def a_round(desk: Stack, people: Mapping[str, Person]) -> None:
    """As many calls at once as there are agents, each of CALL_S."""
    for person in people.values():
        with suppress(DemoFailed):  # they talk still
            await person.set_state("available")
    async with AsyncExitStack() as stack:
        callers = []
        for number in range(len(people)):
            caller = await RtpPhone.caller(f"0901234500{number}", (LOOPBACK, desk.ports.sip), hz=440)
            stack.callback(caller.stop)
            await caller.dial(NUMBER)
            callers.append(caller)
        await asyncio.sleep(CALL_S)
        for caller in callers:
            caller.hang_up()
        await asyncio.sleep(0.5)


async def _until_full(desk: Stack, parts: Parts, people: Mapping[str, Person], found: Found, say: Any) -> None:
    """Call after call, until some were not recorded for want of room."""
    left = AFTER_LIMIT
    for number in range(ROUNDS):
        if number == KILLED_AFTER:
            parts.server.signal(signal.SIGKILL)
            await parts.start_server()
        full = await _level(desk) >= 2
        await a_round(desk, people)
        left -= full
        say(f"round {number + 1}: {found.spool_mb:.1f} MB{', full' if full else ''}")
        if left == 0:
            return
    found.wrong.append(f"{ROUNDS} rounds of calls did not fill {LIMIT_MB} MB")


async def _is_said(desk: Stack, found: Found) -> None:
    """The operator, metrics and the queue page know; calls are served all the same."""
    async with aiohttp.ClientSession() as http, http.get(f"{desk.web}/readyz") as answer:
        parts = (await answer.json())["parts"]
    found.must(
        f"MB of {LIMIT_MB})" in (parts["disk"]["why"] or ""), f"/readyz says of the disk: {parts['disk']['why']}"
    )
    found.must(bool(parts["s3"]["why"]), "/readyz says nothing of the store")
    found.must(parts["routing"]["ready"], "a full disk is no reason to serve nobody")
    refused = {str(row["call_id"]) for row in await _ledger(desk) if row["reason"] == "disk_full"}

    async def missing() -> set[str]:
        async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as supervisor:
            rows = (await supervisor.get("/api/recordings/missing"))["calls"]
        return {row["call_id"] for row in rows}

    try:
        await eventually(missing, lambda told: refused <= told, SAID_S)
    except AssertionError as error:
        found.wrong.append(f"the queue page does not name what was not recorded: {error}")


async def _drains(desk: Stack, parts: Parts, found: Found, before: Sequence[Mapping[str, Any]]) -> None:
    """The store is back: everything that waited is stored, oldest first, each once."""
    began = time.monotonic()
    await parts.start_store()
    try:
        rows = await eventually(
            lambda: _ledger(desk), lambda rows: all(row["state"] in FINISHED for row in rows), DRAINED_S
        )
    except AssertionError as error:
        found.wrong.append(f"not drained: {error}")
        return
    found.drained_s = round(time.monotonic() - began, 1)
    waited = [row for row in rows if row["state"] != "not_recorded"]
    refused = [row for row in rows if row["state"] == "not_recorded"]
    found.calls, found.waited = len(rows), len(waited)
    found.must(all(row["reason"] == "disk_full" for row in refused), f"refused: {[row['reason'] for row in refused]}")
    found.must(bool(refused) and bool(waited), f"{len(waited)} waited and {len(refused)} were refused")
    found.must(len(rows) == len(before), f"{len(before)} calls, and {len(rows)} in the ledger")
    versions = await asyncio.to_thread(_versions, desk)
    turn = [str(row["call_id"]) for row in waited]  # by the end of the call
    # The store's times are whole seconds: what it took in the same one may have come in any order.
    stored = [
        call for call, _ in sorted(versions, key=lambda one: (one[1], turn.index(one[0]) if one[0] in turn else -1))
    ]
    twice = sorted({call for call in stored if stored.count(call) > 1})
    found.must(not twice, f"stored more than once: {twice}")
    found.must(sorted(stored) == sorted(turn), f"{len(turn)} waited, {len(set(stored))} are in the bucket")
    places = {call: place for place, call in enumerate(stored)}
    found.displaced = max((abs(places.get(call, 0) - place) for place, call in enumerate(turn)), default=0)
    found.must(found.displaced < UPLOADS, f"not oldest first: {[places.get(call) for call in turn]}")
    left = [path.name for path in (desk.folders.spool / "monitor").glob("*.wav")]
    found.must(not left, f"in the spool still: {left}")


async def _records_again(desk: Stack, people: Mapping[str, Person], found: Found) -> None:
    """With room again the next calls are recorded."""
    try:
        await eventually(lambda: _level(desk), lambda level: level == 0, SAID_S)
        before = len(await _ledger(desk))
        await a_round(desk, people)
        await eventually(
            lambda: _ledger(desk),
            lambda rows: len(rows) == before + len(people) and all(row["state"] == "stored" for row in rows[before:]),
            SAID_S,
        )
    except AssertionError as error:
        found.wrong.append(f"nothing is recorded with room again: {error}")


async def _watch(desk: Stack, found: Found) -> None:
    """How much recordings take, all the while."""
    folders = (desk.folders.spool / "monitor", desk.run.path / "data" / "recordings")
    while True:
        size = await asyncio.to_thread(lambda: sum(_size(folder) for folder in folders))
        found.spool_mb = round(max(found.spool_mb, size / 1_000_000), 2)
        most = LIMIT_MB + OVER_MB
        if size / 1_000_000 > most and not any("MB on disk" in one for one in found.wrong):
            found.wrong.append(f"{size / 1_000_000:.1f} MB on disk, at most {most:g} are allowed")
        await asyncio.sleep(0.5)


def _size(folder: Any) -> int:
    total = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


async def _level(desk: Stack) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"{desk.web}/metrics") as answer:
        found = re.search(r"^kakehashi_record_level (\d)", await answer.text(), re.MULTILINE)
    return int(found[1]) if found else 0


async def _ledger(desk: Stack) -> list[Mapping[str, Any]]:
    """Every call that is over, by its end."""
    conn = await asyncpg.connect(desk.postgres.url)
    try:
        rows = await conn.fetch("SELECT call_id, state, reason, ended_at FROM recordings ORDER BY ended_at, call_id")
        return [dict(row) for row in rows]
    finally:
        await conn.close()


def _versions(desk: Stack) -> list[tuple[str, Any]]:
    """Every version of every recording's sound: its call, and when the store took it."""
    access = desk.store.access
    client = access.client()
    try:
        pages = client.get_paginator("list_object_versions").paginate(Bucket=access.bucket)
        every = itertools.chain.from_iterable(page.get("Versions", []) for page in pages)
        sounds = [one for one in every if one["Key"].endswith(".webm")]
        return [(one["Key"].rpartition("/")[2].removesuffix(".webm"), one["LastModified"]) for one in sounds]
    finally:
        client.close()
