"""The HTTP side of the contract (docs/lookup-openapi.yaml)."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiohttp import web

from lookup_service import db as store
from lookup_service import tickets
from lookup_service.faults import Fault, misbehave
from lookup_service.wire import KEY, JoinRequest, LookupRequest, Problem, TicketRequest, read

CONTRACT = "1.0.0"
LOOKUP_BYTES = 4 * 1024
TICKET_BYTES = 16 * 1024
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
T = TypeVar("T")
log = logging.getLogger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class Service:
    """One service: its database on a thread of its own, its token, its present fault."""

    def __init__(
        self,
        db_path: str,
        token: str,
        *,
        allow_faults: bool = False,
        fault: Fault | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._token = token.encode()
        self._allow_faults = allow_faults
        self.fault = fault or Fault()
        self._clock = clock
        self._worker = ThreadPoolExecutor(max_workers=1)  # SQLite writes one at a time anyway
        self._db = store.open_db(db_path, clock())

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(middlewares=[self._guard], client_max_size=TICKET_BYTES)
        app.router.add_get("/v1/health", self._health)
        app.router.add_post("/v1/lookups", self._lookup)
        app.router.add_get("/v1/members", self._members)
        app.router.add_post("/v1/tickets", self._open_ticket)
        app.router.add_get("/v1/tickets/{ticket_id}", self._ticket)
        app.router.add_post("/v1/tickets/{ticket_id}/calls", self._join_ticket)
        if self._allow_faults:
            app.router.add_put("/faults", self._set_fault)
        app.on_cleanup.append(self._close)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.path != "/v1/health":
                given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
                if not hmac.compare_digest(given, b"Bearer " + self._token):
                    raise Problem(401, "unauthorized", "the bearer token is missing or not ours")
            if request.path != "/faults":
                wrong = await misbehave(self.fault, request)
                if wrong is not None:
                    return wrong
            return await handler(request)
        except Problem as problem:
            return _problem(problem)
        except web.HTTPRequestEntityTooLarge:
            return _problem(Problem(413, "too_large", f"at most {TICKET_BYTES} bytes"))
        except web.HTTPException as error:
            if error.status in (404, 405):
                return _problem(Problem(404, "not_found", "no such operation"))
            raise
        except Exception:
            log.exception("a request failed")
            return _problem(Problem(500, "internal", "see the log"))

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "contract": CONTRACT})

    async def _lookup(self, request: web.Request) -> web.Response:
        asked = read(LookupRequest, await _body(request, LOOKUP_BYTES))
        answer = await self._run(
            lambda: store.look_up(
                self._db,
                number=asked.caller.number,
                reservation=asked.reservation_number,
                language=asked.language,
                member=asked.member_id,
                now=self._clock(),
            )
        )
        return _json(answer)

    async def _members(self, request: web.Request) -> web.Response:
        query = request.query.get("q", "").strip()
        if not 2 <= len(query) <= 100:
            raise Problem(400, "bad_request", "q: 2 to 100 characters")
        limit = request.query.get("limit", "20")
        if limit not in [str(n) for n in range(1, 21)]:
            raise Problem(400, "bad_request", "limit: 1 to 20")
        language = request.query.get("language", "ja")
        if language not in ("ja", "en"):
            raise Problem(400, "bad_request", "language: ja or en")
        return _json(
            await self._run(
                lambda: store.search(self._db, query, limit=int(limit), language=language, now=self._clock())
            )
        )

    async def _ticket(self, request: web.Request) -> web.Response:
        found = await self._run(lambda: store.ticket(self._db, request.match_info["ticket_id"]))
        if found is None:
            raise Problem(404, "not_found", "no such ticket")
        return _json(found)

    async def _open_ticket(self, request: web.Request) -> web.Response:
        key = _key(request)
        body = read(TicketRequest, await _body(request, TICKET_BYTES)).model_dump(mode="json")
        status, made = await self._run(lambda: tickets.open_ticket(self._db, key, body, self._clock()))
        return _json(made, status)

    async def _join_ticket(self, request: web.Request) -> web.Response:
        key, ticket_id = _key(request), request.match_info["ticket_id"]
        body = read(JoinRequest, await _body(request, TICKET_BYTES)).model_dump(mode="json")
        status, joined = await self._run(lambda: tickets.join_ticket(self._db, key, ticket_id, body, self._clock()))
        return _json(joined, status)

    async def _set_fault(self, request: web.Request) -> web.Response:
        try:
            body = json.loads(await _body(request, LOOKUP_BYTES))
            self.fault = Fault.checked(body["kind"], body.get("delay_s", 5.0))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Problem(400, "bad_request", str(error)) from error
        return web.json_response({"kind": self.fault.kind, "delay_s": self.fault.delay_s})

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    async def _close(self, app: web.Application) -> None:
        await self._run(self._db.close)
        self._worker.shutdown(wait=False)


async def _body(request: web.Request, limit: int) -> bytes:
    raw = await request.read()
    if len(raw) > limit:
        raise Problem(413, "too_large", f"at most {limit} bytes")
    return raw


def _key(request: web.Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not KEY.fullmatch(key):
        raise Problem(400, "bad_request", "Idempotency-Key: 16 to 64 letters, digits, - or _")
    return key


def _json(body: dict[str, Any], status: int = 200) -> web.Response:
    text = json.dumps(body, ensure_ascii=False)
    return web.Response(text=text, status=status, content_type="application/json")


def _problem(problem: Problem) -> web.Response:
    return web.Response(text=json.dumps(problem.body), status=problem.status, content_type="application/problem+json")
