"""Being slow, wrong, huge or down on purpose, so that whoever depends on this service can be tested.

Only with ``--allow-faults``. ``PUT /faults {"kind": …, "delay_s": …}`` changes it while the service runs.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from aiohttp import web

HUGE = 8 * 1024 * 1024  # far over the 256 KiB that the contract allows
KINDS = ("none", "slow", "drip", "wrong", "broken", "huge", "error", "away", "reset", "redirect", "gzip")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong."""

    kind: str = "none"
    delay_s: float = 5.0  # for slow and drip

    @classmethod
    def parse(cls, text: str) -> Fault:
        """From "slow:3" or "error". Raises ValueError saying what may be written."""
        kind, _, delay = text.partition(":")
        return cls.checked(kind, float(delay) if delay else 5.0)

    @classmethod
    def checked(cls, kind: object, delay_s: object) -> Fault:
        """Raises ValueError for a kind or a delay that does not exist."""
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"a fault is one of {', '.join(KINDS)}; slow and drip take seconds: slow:3")
        if isinstance(delay_s, bool) or not isinstance(delay_s, int | float) or not 0 <= delay_s <= 600:
            raise ValueError("delay_s is 0 to 600 seconds")
        return cls(kind=kind, delay_s=float(delay_s))


async def misbehave(fault: Fault, request: web.Request) -> web.StreamResponse | None:
    """The wrong answer of this fault; None to go on (perhaps late) and answer properly."""
    json = "application/json"
    match fault.kind:
        case "none":
            return None
        case "slow":
            await asyncio.sleep(fault.delay_s)
            return None
        case "drip":
            return await _drip(request, fault.delay_s)
        case "wrong":
            return web.json_response({"as_of": "yesterday", "members": {"name": "not a list"}})
        case "broken":
            return web.Response(body=b'{"as_of": "2026-11-21T21:00:00+09:00", "members": [\xff', content_type=json)
        case "huge":
            return await _huge(request)
        case "away":
            problem = {"title": "Unavailable", "status": 503, "code": "unavailable"}
            return web.json_response(problem, status=503, headers={"Retry-After": "1"})
        case "redirect":
            return web.Response(status=302, headers={"Location": "/elsewhere"})
        case "gzip":
            response = web.json_response({"as_of": "2026-11-21T21:00:00+09:00"})
            response.enable_compression(web.ContentCoding.gzip, strategy=0)
            return response
        case "reset":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        case _:
            return web.json_response({"title": "Internal error", "status": 500, "code": "internal"}, status=500)


async def _drip(request: web.Request, delay_s: float) -> web.StreamResponse:
    """A proper head, then one blank each 50 ms: no single read is slow, only the whole."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for _ in range(math.ceil(delay_s / 0.05)):
        await response.write(b" ")
        await asyncio.sleep(0.05)
    await response.write(b"{}")
    return response


async def _huge(request: web.Request) -> web.StreamResponse:
    """Without a Content-Length, so that only counting helps."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"as_of": "')
    for _ in range(HUGE // 65_536):
        await response.write(b"x" * 65_536)
    await response.write(b'"}')
    return response
