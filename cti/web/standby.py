"""What a server answers that is not in charge: alive, not ready, and where to go."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from cti.web.bodies import Health, PartHealth, Ready
from cti.web.context import WebSettings, answer
from cti.web.problems import Refused, response
from cti.web.server import tls_context

# Taking charge takes some seconds at most; a page that asks each second finds whoever has done it.
RETRY_S = 1
DRAIN_S = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class StandingBy:
    """How it is now."""

    since: datetime
    why: str  # who is in charge and since when, or what is missing
    address: str | None = None  # where the pages are meanwhile, as people type it


def listen_on(host: str, port: int, key: str) -> socket.socket:
    """A socket bound there and not yet listening. Raises OSError, naming ``key`` and the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:  # as asyncio: "::" is not every IPv4 address as well
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"{key}: cannot listen on {host}:{port}: {error.strerror}") from error
    return bound


class StandbyServer:
    """Listens where the pages will be. Whoever connects while it stops is answered by those who listen next."""

    def __init__(self, settings: WebSettings, listener: socket.socket, now: Callable[[], StandingBy]) -> None:
        """``listener`` stays open: the pages go on with it."""
        self._settings = settings
        self._listener = listener
        self._now = now
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises ConfigError for certificates that cannot be used."""
        context = tls_context(self._settings)
        app = web.Application(client_max_size=0)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_route("*", "/{path:.*}", self._elsewhere)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=DRAIN_S, handle_signals=False)
        await self._runner.setup()
        await web.SockSite(self._runner, self._listener.dup(), ssl_context=context).start()

    async def stop(self) -> None:
        """Answer what was asked, and close."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _healthz(self, _request: web.Request) -> web.Response:
        return answer(Health(status="ok"))

    async def _readyz(self, _request: web.Request) -> web.Response:
        now = self._now()
        said = {"lease": PartHealth(ready=False, since=now.since, why=now.why)}
        answered = answer(Ready(ready=False, parts=said), status=503)
        answered.headers["Retry-After"] = str(RETRY_S)
        return answered

    async def _elsewhere(self, request: web.Request) -> web.Response:
        headers = {"Retry-After": str(RETRY_S)}
        return response(request, Refused(503, "standing_by", detail=self._now().address, headers=headers))
