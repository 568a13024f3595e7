"""Asks the integrator's look-up service over HTTP: docs/lookup-openapi.yaml is what both sides keep to.

A look-up is never an exception: it is live, stale or unavailable, and says why. One deadline covers everything
from connecting to the last byte; the body is counted as it comes; compression and redirects are not accepted
(a small body can grow without bound, and a redirect would carry the token elsewhere). After too many failures in
a row the service is left alone for a while. Nothing of a question or an answer is logged.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp

from cti.domain.errors import CallerError, NotFound, PeerError, Unavailable
from cti.linking.breaker import Breaker, BreakerState
from cti.linking.cache import AnswerCache
from cti.linking.contract import (
    SICK,
    LookupAnswer,
    LookupFault,
    LookupRequest,
    LookupResult,
    LookupStatus,
    Ticket,
    read_answer,
    read_ticket,
)

log = logging.getLogger(__name__)

Clock = Callable[[], float]


@dataclass(frozen=True, kw_only=True, slots=True)
class LookupLimits:
    """Bounds and patience; each default with its reason."""

    deadline_s: float = 1.5  # a menu's greeting is longer: the answer is there before the first ring
    max_body: int = 256 * 1024  # the contract's; 20 members with all their texts are about 60 KiB
    connections: int = 32  # 20 calls a second, each asking for 1.5 s at worst
    failures: int = 5  # in a row: one hiccup does not open the breaker, a dead service does within a second
    rest_s: float = 10.0  # then one question per 10 s
    cache_size: int = 2000  # topics; some 60 MB at the very worst
    fresh_s: float = 10.0  # the look-ups of one call within its menu; bookings change more slowly than this
    stale_s: float = 900.0  # older than 15 minutes misleads about cars that come back all the time
    ticket_deadline_s: float = 5.0  # a person waits for it, no caller


class _Fault(Exception):
    """Inside the client only: this question failed."""

    def __init__(self, fault: LookupFault, *, status: int = 0, retry_after_s: float = 0.0, code: str = "") -> None:
        super().__init__(fault.value)
        self.fault = fault
        self.status = status
        self.retry_after_s = retry_after_s
        self.code = code


class TicketRefused(CallerError):
    """The service will not do it: its HTTP status, and its code where that is one of the contract's."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"the look-up service refused: {code or status}")
        self.status = status
        self.code = code


class TicketLater(Unavailable):
    """The service was asked in vain: how long it wants to be left alone (0: it did not say)."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LookupClient:
    """One look-up service. Use as ``async with``, or ``start`` and ``stop``."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        limits: LookupLimits | None = None,
        clock: Clock = time.monotonic,
        on_result: Callable[[LookupResult, float], None] | None = None,
    ) -> None:
        """``url`` without /v1. ``on_result`` (for metrics) is told each result and the seconds it took."""
        self._url = url.rstrip("/")
        self._token = token
        self._limits = limits or LookupLimits()
        self._clock = clock
        self._on_result = on_result
        self._session: aiohttp.ClientSession | None = None
        self._breaker = Breaker(failures=self._limits.failures, rest_s=self._limits.rest_s)
        self._cache = AnswerCache(
            size=self._limits.cache_size, fresh_s=self._limits.fresh_s, stale_s=self._limits.stale_s
        )

    @property
    def breaker(self) -> BreakerState:
        """For readiness and metrics: anything but closed means that agents see stale or no answers."""
        return self._breaker.state

    async def start(self) -> None:
        """Make the connection pool. Connects to nobody yet."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._limits.connections),
            headers={"Authorization": f"Bearer {self._token}", "Accept-Encoding": "identity"},
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),  # ours is around the whole question
        )

    async def stop(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> LookupClient:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def look_up(self, request: LookupRequest) -> LookupResult:
        """Ask who is calling. Returns within the deadline and raises nothing."""
        began_s = self._clock()
        result = await self._look_up(request, began_s)
        took_s = self._clock() - began_s
        if result.fault is not None:
            log.warning(
                "Look-up without an answer",
                extra={"call_id": request.call_id, "fault": result.fault.value, "status": result.status.value},
            )
        if self._on_result is not None:
            self._on_result(result, took_s)
        return result

    async def open_ticket(self, key: str, body: dict[str, object]) -> Ticket:
        """Open a ticket once, however often it is asked with the same ``key`` (16 to 64 of A-Z a-z 0-9 - _).

        ``body`` is a TicketRequest of the contract. Raises TicketLater (it is Unavailable) when nobody knows whether it
        was opened (ask again with the same key), TicketRefused when the service refuses it, PeerError for a wrong
        answer.
        """
        return await self._write("/v1/tickets", key, body)

    async def join_ticket(self, key: str, ticket_id: str, body: dict[str, object]) -> Ticket:
        """Put a call into a ticket; the same rules as ``open_ticket``, and NotFound for no such ticket."""
        safe = quote(ticket_id, safe="")
        return await self._write(f"/v1/tickets/{safe}/calls", key, body)

    async def _look_up(self, request: LookupRequest, now_s: float) -> LookupResult:
        topic = request.topic()
        answer = self._cache.fresh(topic, now_s)
        if answer is not None:
            return LookupResult(asked=request, status=LookupStatus.LIVE, answer=answer)
        if not self._breaker.may_ask(now_s):
            return self._without(request, LookupFault.RESTING)
        try:
            raw = await self._post("/v1/lookups", request.body(), self._limits.deadline_s)
            answer = _validated(raw)
        except _Fault as fault:
            if fault.fault in SICK:
                self._breaker.failed(self._clock(), retry_after_s=fault.retry_after_s)
            else:
                self._breaker.succeeded()
            return self._without(request, fault.fault)
        except BaseException:
            self._breaker.gave_up(self._clock())
            raise
        self._breaker.succeeded()
        self._cache.put(topic, answer, self._clock())
        return LookupResult(asked=request, status=LookupStatus.LIVE, answer=answer)

    def _without(self, request: LookupRequest, fault: LookupFault) -> LookupResult:
        answer = self._cache.stale(request.topic(), self._clock())
        status = LookupStatus.UNAVAILABLE if answer is None else LookupStatus.STALE
        return LookupResult(asked=request, status=status, fault=fault, answer=answer)

    async def _write(self, path: str, key: str, body: dict[str, object]) -> Ticket:
        try:
            raw = await self._post(path, body, self._limits.ticket_deadline_s, {"Idempotency-Key": key})
        except _Fault as fault:
            if fault.status == 404:
                raise NotFound("the look-up service knows no such ticket, member or reservation") from fault
            if fault.fault is LookupFault.REFUSED:
                raise TicketRefused(fault.status, fault.code) from fault
            if fault.fault in (LookupFault.WRONG, LookupFault.HUGE):
                raise PeerError(f"the look-up service's answer is {fault.fault.value}") from fault
            raise TicketLater(f"the look-up service is {fault.fault.value}", fault.retry_after_s) from fault
        self._cache.outdate()
        try:
            return read_ticket(raw)
        except ValueError as error:
            raise PeerError("the look-up service's answer is not a ticket of the contract") from error

    def forget(self) -> int:
        """Keep no answer any longer. Returns how many there were."""
        return self._cache.clear()

    async def _post(
        self, path: str, body: dict[str, object], deadline_s: float, headers: dict[str, str] | None = None
    ) -> bytes:
        """POST and read the whole answer within the deadline. Raises _Fault."""
        if self._session is None:
            raise RuntimeError("LookupClient.start() has not been called")
        sent = {
            "Content-Type": "application/json",
            "Kakehashi-Deadline-Ms": str(int(deadline_s * 1000)),
            **(headers or {}),
        }
        data = json.dumps(body, ensure_ascii=False).encode()
        try:
            async with (
                asyncio.timeout(deadline_s),
                self._session.post(self._url + path, data=data, headers=sent, allow_redirects=False) as response,
            ):
                raw = await self._read(response)
                if response.status not in (200, 201):
                    raise _refusal(response, raw)
                if response.headers.get("Content-Encoding", "identity") != "identity":
                    raise _Fault(LookupFault.WRONG)
                return raw
        except TimeoutError as error:
            raise _Fault(LookupFault.SLOW) from error
        except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError, OSError) as error:
            raise _Fault(LookupFault.DOWN) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise _Fault(LookupFault.WRONG) from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if (response.content_length or 0) > self._limits.max_body:
            raise _Fault(LookupFault.HUGE)
        raw = bytearray()
        async for chunk in response.content.iter_any():
            raw += chunk
            if len(raw) > self._limits.max_body:
                raise _Fault(LookupFault.HUGE)
        return bytes(raw)


def _validated(raw: bytes) -> LookupAnswer:
    try:
        return read_answer(raw)
    except ValueError as error:
        raise _Fault(LookupFault.WRONG) from error


def _refusal(response: aiohttp.ClientResponse, raw: bytes) -> _Fault:
    """What an answer other than 200 and 201 means."""
    if response.status == 429 or response.status >= 500:
        return _Fault(LookupFault.FAILED, status=response.status, retry_after_s=_retry_after_s(response))
    if response.status < 400:
        return _Fault(LookupFault.WRONG, status=response.status)  # a redirect, an empty success
    try:
        code = json.loads(raw).get("code", "")
    except (ValueError, AttributeError, RecursionError):
        code = ""
    # A slug of the contract may go into an error; whatever else the service says stays out of logs.
    known = isinstance(code, str) and code.isascii() and code.replace("_", "").isalpha() and len(code) <= 32
    return _Fault(LookupFault.REFUSED, status=response.status, code=code if known else "")


def _retry_after_s(response: aiohttp.ClientResponse) -> float:
    text = response.headers.get("Retry-After", "")
    # A minute at most: a service that says "tomorrow" by mistake would be gone for a day.
    return min(float(text), 60.0) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0
