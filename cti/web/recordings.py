"""Recordings for QA: the list, the sound, the wave. Every listen is in the audit trail before its first byte goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from cti.domain.errors import KakehashiError
from cti.domain.model import CallId
from cti.web import ranges
from cti.web.auth import parts_of
from cti.web.calls import call_id_of
from cti.web.context import SETTINGS, answer, session_of
from cti.web.evaluations import own_work
from cti.web.problems import Refused
from cti.web.recordingbodies import MissingRecording, MissingRecordings, Peaks
from cti.web.recordingports import RecordingFacts
from cti.web.trail import trail

log = logging.getLogger(__name__)

# A listener that takes nothing for this long has gone; the object store's stream is given back.
WRITE_S = 60.0
# As long as the part "recordings" of /readyz warns of them (cti.wiring.missing); a page shows so many.
MISSING_SHOWN, MISSING_MOST = timedelta(hours=1), 20


@dataclass(frozen=True, kw_only=True, slots=True)
class _Audible:
    """A recording that can be heard."""

    facts: RecordingFacts
    size: int
    etag: str  # quoted SHA-256: strong, the bytes themselves


async def _audible(request: web.Request, call_id: CallId) -> _Audible:
    tenant = session_of(request).user.tenant
    facts = await parts_of(request).recordings.get(tenant, call_id)
    if facts is None or facts.size is None or facts.size <= 0 or facts.sha256 is None:
        raise Refused(404, "no_audio")
    return _Audible(facts=facts, size=facts.size, etag=f'"{facts.sha256}"')


def _range_of(request: web.Request, sound: _Audible) -> tuple[int, int] | None:
    if request.headers.get("If-Range", sound.etag) != sound.etag:
        return None  # it has another version: send all of this one
    try:
        return ranges.wanted(request.headers.get("Range"), sound.size)
    except ranges.Unsatisfiable as error:
        raise Refused(416, "bad_range", headers={"Content-Range": f"bytes */{sound.size}"}) from error


async def _audit(request: web.Request, what: str, sound: _Audible, start: int, stop: int) -> None:
    """Who heard which seconds of which call."""
    detail = {
        "bytes": [start, stop],
        "seconds": [round(second, 1) for second in await _seconds(request, sound, start, stop)],
        "sha256": sound.facts.sha256,
    }
    await trail(request, what, sound.facts.call_id, detail)


async def _seconds(request: web.Request, sound: _Audible, start: int, stop: int) -> tuple[float, float]:
    """Which seconds these bytes are, by the recording's own index; in proportion when that cannot be read just now."""
    length_s = sound.facts.duration_s or 0.0
    if (start, stop) == (0, sound.size):
        return 0.0, length_s
    try:
        tenant = session_of(request).user.tenant
        return await parts_of(request).recordings.seconds(tenant, sound.facts.call_id, start, stop)
    except KakehashiError:
        log.warning("The trail has seconds in proportion to bytes.", extra={"action": "listen"}, exc_info=True)
    return start / sound.size * length_s, stop / sound.size * length_s


async def get_audio(request: web.Request) -> web.StreamResponse:
    """GET /api/recordings/{call_id}/audio."""
    return await _sound(request, "listen", "recording.listened", await _audible(request, call_id_of(request)))


async def my_evaluated_audio(request: web.Request) -> web.StreamResponse:
    """GET /api/my/evaluations/{evaluation}/audio: what an agent was scored for. No right to listen is needed for that,
    but nobody else is heard by it: colleagues who took part, and what they said about this one."""
    found = await own_work(request)
    sound = await _audible(request, found.call_id)
    call = await parts_of(request).calls.get(found.tenant, found.call_id)
    # Who was only asked is recorded, and in no talk with the caller.
    asked = call is None or any(one.second not in (None, found.agent) for one in call.consultations)
    if asked or set(sound.facts.agents) != {found.agent}:
        raise Refused(403, "others_heard")
    return await _sound(request, "listen", "recording.listened", sound)


async def download_recording(request: web.Request) -> web.StreamResponse:
    """GET /api/recordings/{call_id}/file."""
    sound = await _audible(request, call_id_of(request))
    return await _sound(request, "download", "recording.downloaded", sound)


async def _sound(request: web.Request, way: str, done: str, sound: _Audible) -> web.StreamResponse:
    """The bytes asked for, once the trail has them as ``done``; what was not taken in the end as cut."""
    headers: dict[str, str] = {
        "ETag": sound.etag,
        "Accept-Ranges": "bytes",
        # No cache keeps it: hearing it again from there would not be in the trail.
        "Cache-Control": "private, no-store",
        "Content-Type": sound.facts.content_type or "application/octet-stream",
    }
    if way == "download":
        headers["Content-Disposition"] = f'attachment; filename="{sound.facts.call_id}.webm"'
    if sound.etag in request.headers.get("If-None-Match", "").split(", "):
        return web.Response(status=304, headers=headers)
    part = _range_of(request, sound)
    start, stop = part if part is not None else (0, sound.size)
    response = web.StreamResponse(status=200 if part is None else 206, headers=headers)
    response.content_length = stop - start
    if part is not None:
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{sound.size}"
    if request.method == "HEAD":
        await response.prepare(request)
        return response
    tenant = session_of(request).user.tenant
    if way == "listen" and request.app[SETTINGS].replay_url_s and request.headers.get("Sec-Fetch-Dest") == "audio":
        return await _address(request, sound)
    # Closed at once whatever happens: a stream of the object store that waits for the garbage collector is one less.
    async with aclosing(parts_of(request).recordings.read(tenant, sound.facts.call_id, start, stop)) as pieces:
        first = await anext(pieces, b"")  # so that an object store that is away is a 503, not half an answer
        await _audit(request, done, sound, start, stop)
        await response.prepare(request)
        sent = await _send(response, first, pieces)
    if sent < stop - start:
        # The listener left, or the store failed: the trail says what was really heard.
        await _audit(request, f"recording.{way}_cut", sound, start, start + sent)
        response.force_close()
        if request.transport is not None:
            request.transport.abort()
    return response


async def _address(request: web.Request, sound: _Audible) -> web.Response:
    """Where the player hears it straight from the object store. Whoever has the address hears all of it, so the trail
    says all of it, before the address is given."""
    parts, seconds = parts_of(request), request.app[SETTINGS].replay_url_s
    url = await parts.recordings.address(session_of(request).user.tenant, sound.facts.call_id, seconds)
    await _audit(request, "recording.address_given", sound, 0, sound.size)
    return web.Response(status=307, headers={"Location": url, "Cache-Control": "no-store"})


async def _send(response: web.StreamResponse, first: bytes, pieces: AsyncIterator[bytes]) -> int:
    """Send until the end or the first failure; returns how many bytes went."""
    sent, piece = 0, first
    try:
        while piece:
            async with asyncio.timeout(WRITE_S):
                await response.write(piece)
            sent += len(piece)
            piece = await anext(pieces, b"")
    except (ConnectionError, TimeoutError):
        pass
    except KakehashiError:
        log.exception("A recording broke off while it was sent.", extra={"action": "listen"})
    return sent


async def missing_recordings(request: web.Request) -> web.Response:
    """GET /api/recordings/missing. For who watches the queues: which calls, and why; nothing of what was said."""
    parts = parts_of(request)
    since = parts.now() - MISSING_SHOWN
    found = await parts.recordings.missing(session_of(request).user.tenant, since, MISSING_MOST + 1)
    calls = [
        MissingRecording(call_id=one.call_id, arrived_at=one.arrived_at, queue=one.queue, why=one.why) for one in found
    ]
    return answer(MissingRecordings(calls=calls[:MISSING_MOST], more=len(calls) > MISSING_MOST))


async def get_peaks(request: web.Request) -> web.Response:
    """GET /api/recordings/{call_id}/peaks."""
    call_id = call_id_of(request)
    found = await parts_of(request).recordings.peaks(session_of(request).user.tenant, call_id)
    if found is None:
        raise Refused(404, "no_audio")
    return answer(
        Peaks(
            call_id=call_id,
            step_ms=found.step_ms,
            duration_s=found.duration_s,
            left=list(found.left),
            right=list(found.right),
            silences=[list(span) for span in found.silences],
        )
    )
