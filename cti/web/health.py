"""Is it alive, is it ready, how does it do."""

from __future__ import annotations

from aiohttp import web

from cti.metrics import CONTENT_TYPE
from cti.web.auth import parts_of
from cti.web.bodies import Health, PartHealth, Ready
from cti.web.context import answer
from cti.web.hub import HUB


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: answers as long as the event loop runs."""
    return answer(Health(status="stopping" if request.app[HUB].stopping else "ok"))


async def readyz(request: web.Request) -> web.Response:
    """GET /readyz: 200 when every part is ready, else 503; the body says which is not, since when and why."""
    parts = parts_of(request)
    states = parts.readiness.parts()
    ready = all(s.ready for s in states.values()) and not request.app[HUB].stopping
    for name, state in states.items():
        parts.metrics.up.labels(name).set(1 if state.ready else 0)
    said = {n: PartHealth(ready=s.ready, since=s.since, why=s.why) for n, s in states.items()}
    return answer(Ready(ready=ready, parts=said), status=200 if ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics."""
    return web.Response(body=parts_of(request).metrics.render(), headers={"Content-Type": CONTENT_TYPE})
