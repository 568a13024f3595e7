"""Tells another system what happened: signed, in order, each message at least once, and never in a call's way.

One task a tenant asks the store for what comes after its cursor, posts it, and moves the cursor when it was taken. It
holds nothing else, so a restart goes on where the cursor is. What one message's receiver does not take holds up those
behind it (that is what order means), so nothing grows here: the store keeps messages for some days and no longer.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import aiohttp

from cti.domain.errors import KakehashiError, Unavailable
from cti.domain.model import TenantId
from cti.domain.outgoing import Message
from cti.domain.signature import sign

log = logging.getLogger(__name__)

READER = "webhook"
# A receiver writes the message down and answers; what it then does with it is not ours to wait for.
DEADLINE_S = 10.0
# A ticket that is closed a second after the call is closed at once, for people. One look is a tenth of a millisecond.
POLL_S = 1.0
BATCH = 50
# 1, 2, 4 … 300 s: a restart of the receiver costs seconds, and one that is gone for a night is asked 12 times an hour.
BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 300.0
# Answers that speak of this one message, not of the receiver: bad request, too large, wrong type, unprocessable.
REFUSING = frozenset({400, 413, 415, 422})
# A receiver that is mended within 8 minutes loses none; one message that nobody can read holds up the rest no longer.
REFUSALS = 10


class Source(Protocol):
    """Where messages are (cti.store.outgoing.OutgoingStore). Everything raises Unavailable."""

    async def after(self, tenant: TenantId, after: int, limit: int) -> list[Message]: ...
    async def head(self, tenant: TenantId) -> int: ...
    async def cursor(self, tenant: TenantId, reader: str) -> int: ...
    async def move_cursor(self, tenant: TenantId, reader: str, was: int, now: int) -> bool: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """What a receiver answered."""

    status: int
    retry_after_s: float = 0.0  # 0: it did not say


class Post(Protocol):
    """Sends one body."""

    async def __call__(self, url: str, body: bytes, headers: dict[str, str], /) -> Reply:
        """Raises Unavailable, with a sentence that names no address."""


@dataclass(frozen=True, kw_only=True)
class Hook:
    """One receiver."""

    tenant: TenantId
    url: str
    keys: Sequence[bytes]  # each signs: the new secret and the one before


class WebhookSender:
    """One tenant's messages to its receiver. ``start`` and ``stop`` once each."""

    def __init__(self, hook: Hook, source: Source, post: Post, *, clock: Callable[[], datetime]) -> None:
        self._hook = hook
        self._source = source
        self._post = post
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._failures = 0  # in a row
        self._refused: tuple[int, int] = (0, 0)  # which message, how often in a row
        self._passed_over = 0  # the message that was passed over last; 0: another was taken since
        self.waiting = 0  # messages not delivered yet
        self.oldest: datetime | None = None  # since when the oldest of them waits
        self.problem: str | None = None  # why the last try failed; None: it did not
        self.counts: Counter[str] = Counter()  # delivered, failed (tries), passed_over, lost (too old before delivery)

    @property
    def tenant(self) -> TenantId:
        """Whose messages."""
        return self._hook.tenant

    async def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._run(), name=f"webhook:{self.tenant}")

    async def stop(self) -> None:
        """End. A message on its way may have been taken: the next start sends it again, under the same id."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                pause_s = await self.look()
            except KakehashiError as error:
                self.problem, pause_s = str(error), POLL_S
            except Exception as error:
                log.exception("a webhook failed for a reason of ours", extra={"tenant": self.tenant})
                self.problem, pause_s = f"a mistake of ours: {type(error).__name__}", BACKOFF_MAX_S
            await asyncio.sleep(pause_s)

    async def look(self) -> float:
        """Send what waits, up to ``BATCH`` or the first failure. Returns the seconds until the next look."""
        tenant = self.tenant
        cursor = await self._source.cursor(tenant, READER)
        # Before the messages: whoever sees the head sees everything up to it.
        head = await self._source.head(tenant)
        messages = await self._source.after(tenant, cursor, BATCH)
        self._count(max(0, head - cursor), messages)
        if not messages:
            if head > cursor:
                await self._moved(cursor, head, "lost", head - cursor)
                self._count(0, ())
            self.problem = None
            return POLL_S
        for place, message in enumerate(messages):
            pause_s = await self._deliver(message)
            if pause_s is not None:
                return pause_s
            outcome = "passed_over" if self._refused[0] == message.id else "delivered"
            if not await self._moved(cursor, message.id, outcome, 1):
                return 0.0  # another server delivers too: see how far it has come
            if message.id > cursor + 1:
                self._lose(message.id - cursor - 1)
            cursor = message.id
            self._count(max(0, head - cursor), messages[place + 1 :])
        return 0.0

    async def _deliver(self, message: Message) -> float | None:
        """None: taken, or given up. Else the seconds to wait before it is sent again."""
        body = json.dumps(message.as_json(), ensure_ascii=False, separators=(",", ":")).encode()
        signed = sign(self._hook.keys, f"{message.tenant}-{message.id}", int(self._clock().timestamp()), body)
        headers = {"Content-Type": "application/json", "User-Agent": "Kakehashi", **signed}
        try:
            reply = await self._post(self._hook.url, body, headers)
        except Unavailable as error:
            return self._fail(str(error), 0.0)
        if 200 <= reply.status < 300:
            if self._failures:
                log.info("a webhook is taken again", extra={"tenant": self.tenant})
            self._failures, self._refused, self._passed_over, self.problem = 0, (0, 0), 0, None
            return None
        if reply.status in REFUSING:
            times = self._refused[1] + 1 if self._refused[0] == message.id else 1
            self._refused = (message.id, times)
            # Two in a row are no two bad messages: it refuses everything, as with a wrong secret (decision 0212).
            if times >= REFUSALS and self._passed_over in (0, message.id):
                self._passed_over = message.id
                log.error(
                    "a message is refused for good and passed over",
                    extra={"tenant": self.tenant, "message_id": message.id},
                )
                self._failures = 0
                return None
        else:
            self._refused = (0, 0)
        return self._fail(f"it answers {reply.status}", reply.retry_after_s)

    def _fail(self, why: str, retry_after_s: float) -> float:
        self._failures += 1
        self.counts["failed"] += 1
        if self.problem is None:
            log.warning("a webhook is not taken", extra={"tenant": self.tenant, "why": why})
        self.problem = why
        backoff_s = BACKOFF_FIRST_S * (1 << min(self._failures - 1, 20))
        return min(BACKOFF_MAX_S, max(backoff_s, retry_after_s))

    async def _moved(self, was: int, now: int, outcome: str, many: int) -> bool:
        moved = await self._source.move_cursor(self.tenant, READER, was, now)
        if moved and outcome == "lost":
            self._lose(many)
        elif moved:
            self.counts[outcome] += many
        return moved

    def _lose(self, many: int) -> None:
        self.counts["lost"] += many
        log.error("messages were deleted before they could be delivered", extra={"tenant": self.tenant, "count": many})

    def _count(self, waiting: int, messages: Sequence[Message]) -> None:
        self.waiting = waiting
        self.oldest = messages[0].stored_at if messages else None


class HttpPost:
    """Implements Post. One session for all receivers; no cookies, no redirects (one would carry the body elsewhere)."""

    def __init__(self, *, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Make the connection pool. Connects to nobody yet."""
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=None)
        )

    async def stop(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __call__(self, url: str, body: bytes, headers: dict[str, str], /) -> Reply:
        """See the protocol. Nobody reads the answer's body."""
        if self._session is None:
            raise RuntimeError("HttpPost.start() has not been called")
        try:
            async with (
                asyncio.timeout(self._deadline_s),
                self._session.post(url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                return Reply(status=response.status, retry_after_s=_retry_after_s(response))
        except TimeoutError as error:
            raise Unavailable(f"it did not answer within {self._deadline_s:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise Unavailable(f"it cannot be reached ({type(error).__name__})") from error


def _retry_after_s(response: aiohttp.ClientResponse) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0.0
