"""`scripts/bench records player`: from a click to sound that can play and a wave that is drawn, in a real Chromium."""

from __future__ import annotations

import asyncio
import json
import secrets
from array import array
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
from playwright.async_api import Page

from cti.demo.folders import PortPool, RunFolder
from cti.demo.objectstore import start_objectstore
from cti.demo.postgres import start_postgres
from cti.domain.model import Call, TenantId
from cti.store.calls import CallStore
from cti.store.migrate import migrate
from cti.store.pool import create_pool
from cti.web.passwords import Passwords
from cti.wiring.recordingpages import RecordingPages
from recording.keys import object_keys
from recording.objectstore import S3ObjectStore
from tests.bench._records_made import say
from tests.e2e.pages.browser import Window, chromium, window
from tests.e2e.pages.conftest import people
from tests.e2e.pages.records import closed_call, queue
from tests.e2e.pages.site import PASSWORD, now, running_site
from tests.e2e.pages.sound import Sound, conversation

CLICKS = 60
SECONDS = 180
STEP_MS = 50  # of the peaks, as the pipeline makes them
# Told by the page itself, so that the way between the test and the browser does not count.
READY = """
(click) => new Promise((done) => {
  const begin = performance.now();
  click();
  const look = () => {
    const audio = document.querySelector('.player audio');
    const wave = document.querySelector('.player canvas');
    if (audio && audio.readyState >= 3 && wave && wave.dataset.drawn) done(performance.now() - begin);
    else requestAnimationFrame(look);
  };
  look();
})
"""
BARE = """
(url) => new Promise((done, fail) => {
  const begin = performance.now();
  const audio = new Audio();
  audio.oncanplay = () => { done(performance.now() - begin); audio.src = ''; };
  audio.onerror = () => fail(new Error('no sound'));
  audio.src = url;
})
"""


async def player(run: RunFolder, ports: PortPool) -> tuple[list[float], list[float]]:
    """Milliseconds of ours and of the bare element, call by call in turn."""
    sound = await asyncio.to_thread(conversation, run.sub("sound"), SECONDS)
    postgres, store = await start_postgres(run, ports), await start_objectstore(run, ports)
    try:
        pool = await create_pool(await postgres.make_database(f"player_{secrets.token_hex(4)}"))
        try:
            await migrate(pool)
            await people(pool)
            access = store.access
            objects = S3ObjectStore(
                bucket=access.bucket,
                endpoint_url=access.endpoint,
                access_key=access.access_key,
                secret_key=access.secret_key,
            )
            calls = await _stored(pool, access, sound)
            return await _clicks(ports.tcp(), pool, objects, sound, calls)
        finally:
            await pool.close()
    finally:
        await store.stop()
        await postgres.stop()


async def _stored(pool: asyncpg.Pool[Any], access: Any, sound: Sound) -> list[Call]:
    """Calls with their sound and peaks in the object store."""
    calls = [closed_call(n, now() - timedelta(minutes=n)) for n in range(1, CLICKS + 1)]
    await CallStore(pool).save(calls)
    client = access.client()
    peaks = _peaks(sound)
    for call in calls:
        keys = object_keys(TenantId("demo"), call.call_id, call.arrived_at, suffix=".webm")
        for key, body in ((keys.audio, sound.data), (keys.peaks, peaks)):
            await asyncio.to_thread(client.put_object, Bucket=access.bucket, Key=key, Body=body)
        await pool.execute(
            "INSERT INTO recordings (tenant, call_id, state, moves, arrived_at, began_at, stored_at, agents, queue,"
            " uri, object_key, peaks_key, sha256, bytes, duration_s, channels, format, rate, caller_db, agent_db,"
            " silence_s) VALUES ('demo', $1, 'stored', 6, $2, $2, $2, '{sato}', 'roadside', $3, $3, $4, $5, $6, $7, 2,"
            " 'webm/opus', 8000, -20, -20, 12)",
            call.call_id, call.arrived_at, keys.audio, keys.peaks, sound.sha256, len(sound.data), sound.duration_s,
        )  # fmt: skip
    client.close()
    return calls


def _peaks(sound: Sound) -> bytes:
    """As the pipeline makes them: a pair of signed bytes each 50 ms."""
    sides = [
        array("b", [value for loud in side for _ in range(100 // STEP_MS) for value in (-loud, loud)]).tolist()
        for side in (sound.left, sound.right)
    ]
    document = {"version": 1, "bucket_ms": STEP_MS, "bits": 8, "channels": ["caller", "agent"], "peaks": sides}
    return json.dumps(document | {"silences": [[10.0, 12.0]]}).encode()


async def _clicks(
    port: int, pool: asyncpg.Pool[Any], objects: S3ObjectStore, sound: Sound, calls: list[Call]
) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    bare: list[float] = []
    async with running_site(port, sound, pool) as site, chromium() as browser:
        site.parts = replace(site.parts, recordings=RecordingPages(pool, objects))
        await site.go_down()
        site.passwords = Passwords(time_cost=1, memory_kib=64)
        await site.come_up()
        site.desk.queues = (queue("roadside", now()),)
        async with window(browser) as seen, window(browser) as other:
            page = await _listed(seen, site.url, len(calls))
            empty = await _listed(other, site.url, len(calls))
            for number, call in enumerate(calls):
                ours.append(float(await page.evaluate(READY.replace("click()", _click(call)), None)))
                await page.keyboard.press("Escape")
                await page.locator(".player").wait_for(state="detached")
                bare.append(float(await empty.evaluate(BARE, f"/api/recordings/{call.call_id}/audio")))
                if number % 20 == 19:
                    say(f"player: {number + 1} of {len(calls)}")
    return ours, bare


def _click(call: Call) -> str:
    return f"document.getElementById('call-{call.call_id}').click()"


async def _listed(seen: Window, url: str, calls: int) -> Page:
    await seen.log_in(url, "watanabe", PASSWORD)
    await seen.page.locator("tbody tr").first.wait_for()
    while await seen.page.locator("tbody tr").count() < calls:
        await seen.page.get_by_role("button", name="Show more").click()
        await asyncio.sleep(0.2)
    return seen.page
