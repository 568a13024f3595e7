"""The agent socket: one WebSocket, a reader, a writer, and a bounded line between the server and it.

A page that stops reading makes ``send_str`` wait for ever, and aiohttp's heartbeat does not free it: so nobody but the
writer ever waits, and when the line is full, or one frame takes too long, the connection is aborted. What was
missed is in the snapshot when the page comes back. A page that is owed nothing gets its frame at once, without the
writer (docs/decisions/0126-straight-to-the-pop.md).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from aiohttp import WSMsgType, web
from pydantic import ValidationError

from cti.domain.access import User
from cti.domain.errors import CallerError, KakehashiError, Unavailable
from cti.domain.model import AgentId
from cti.web import messages, popview
from cti.web.agentview import agent_body
from cti.web.auth import parts_of
from cti.web.clients import Told
from cti.web.context import TOKEN_SHA256, WebParts, session_of
from cti.web.hub import HUB, PING_S, Hub
from cti.web.messages import CallCommand, ErrorMessage, Hello, Pong, StateSet, Subscribe, Unsubscribe, wire
from cti.web.parts import CallLine
from cti.web.problems import Refused, language_of
from cti.web.reasons import check_reason, lines_of_today
from cti.web.sessions import user_body
from cti.web.states import check_state
from cti.web.talks import ask
from cti.web.texts import break_reasons, text

log = logging.getLogger(__name__)

# Frames that may wait for one page: half a minute of the busiest desk, some 400 KB.
MAX_WAITING = 256
# A frame that the kernel does not take within this goes to a page that does not read.
WRITE_S = 10.0
# Whoever was told something within this knows that we are there: a busy desk is pinged hardly ever.
QUIET_S = PING_S / 2
# Protocol pings; a browser answers by itself.
HEARTBEAT_S = 20.0
# A page says little: a state with a reason.
MAX_FRAME = 16 * 1024
# Tabs of one person; more are a program gone wild.
MAX_SOCKETS = 16
# How long today's calls may delay a snapshot.
TODAY_S = 1.0
CLOSE_TOO_MANY = 4408


class AgentSocket:
    """One connected page. Implements ``clients.Client``."""

    def __init__(self, *, ws: web.WebSocketResponse, request: web.Request, hub: Hub, parts: WebParts) -> None:
        self.user: User = session_of(request).user
        self.token_sha256: bytes = request[TOKEN_SHA256]
        self._ws = ws
        self._transport = request.transport
        self._language = language_of(request)
        self._hub = hub
        self._parts = parts
        self._line: deque[tuple[str, str, Told | None]] = deque()
        self._wake = asyncio.Event()
        self._writing = False  # a frame is out of the line and not yet with the kernel
        self._seq = 0
        self._told_s = float("-inf")  # monotonic, when a frame was written last
        self._dropped = False
        self._refreshing: asyncio.Task[None] | None = None
        self._commanding: asyncio.Task[None] | None = None

    # --- For the hub -------------------------------------------------------------------------------

    def send(self, text: str, kind: str, *, told: Told | None = None) -> None:
        """Write a frame, or put it in line behind others; drops the connection when too many wait."""
        if self._dropped:
            return
        if self._owes_nothing():
            assert self._transport is not None  # noqa: S101 - it owes nothing
            self._transport.write(text_frame(text))
            self._written(kind, told)
            return
        if len(self._line) >= MAX_WAITING:
            self._drop("full")
            return
        self._line.append((text, kind, told))
        self._wake.set()

    def _owes_nothing(self) -> bool:
        transport = self._transport
        if self._line or self._writing or transport is None or self._ws.closed:
            return False
        return not transport.is_closing() and transport.get_write_buffer_size() == 0

    def ping(self) -> None:
        """Say that the server is there, unless other frames said so just now."""
        if self._parts.monotonic() - self._told_s < QUIET_S:
            return
        self._say(messages.Ping(**self._envelope()))

    def refresh(self) -> None:
        """Send a fresh snapshot soon."""
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._snapshot(None))

    async def close(self, code: int, reason: str) -> None:
        """Close, politely if the peer reads, at once if not."""
        try:
            async with asyncio.timeout(2.0):
                await self._ws.close(code=code, message=reason.encode())
        except (TimeoutError, ConnectionError, RuntimeError):
            self._drop("close")

    # --- Life --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until either side ends it."""
        writer = asyncio.create_task(self._write())
        try:
            await self._snapshot(None, first=True)
            async for frame in self._ws:
                if frame.type is WSMsgType.TEXT:
                    await self._take(frame.data)
                elif frame.type is WSMsgType.BINARY:
                    self._error("bad_message")
        finally:
            self._hub.detach(self)
            self._dropped = True
            for task in (writer, self._refreshing, self._commanding):
                if task is not None:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)

    async def _write(self) -> None:
        while True:
            while self._line:
                frame, kind, told = self._line.popleft()
                self._writing = True
                try:
                    async with asyncio.timeout(WRITE_S):
                        await self._ws.send_str(frame)
                except TimeoutError:
                    self._drop("slow")
                    return
                except ConnectionError:
                    return
                self._writing = False
                self._written(kind, told)
            self._wake.clear()
            await self._wake.wait()

    def _written(self, kind: str, told: Told | None) -> None:
        metrics = self._parts.metrics
        metrics.socket_messages.labels(kind).inc()
        self._told_s = self._parts.monotonic()
        if told is not None:
            metrics.pop_hand_over.observe(self._parts.monotonic() - told.began_s)
            if told.rang_at is not None:
                metrics.pop_age.observe(max(0.0, (self._parts.now() - told.rang_at).total_seconds()))

    def _drop(self, why: str) -> None:
        if self._dropped:
            return
        self._dropped = True
        self._line.clear()
        self._parts.metrics.sockets_dropped.labels(why).inc()
        log.warning("A page that does not read was dropped.", extra={"action": "drop", "why": why})
        self._hub.detach(self)
        if self._transport is not None:
            self._transport.abort()

    # --- What the page says ------------------------------------------------------------------------

    async def _take(self, frame: str) -> None:
        try:
            said = messages.read_client(frame)
        except ValidationError:
            self._error("bad_message")
            return
        match said:
            case Hello():
                await self._snapshot(said)
            case StateSet():
                await self._choose(said)
            case CallCommand():
                self._command(said)
            case Subscribe():
                await self._hub.subscribe(self)
            case Unsubscribe():
                self._hub.boards.remove(self)
            case Pong():
                pass

    async def _choose(self, said: StateSet) -> None:
        agent = self.user.agent
        try:
            if agent is None:
                raise Refused(403, "no_agent")
            state, reason = check_state(said.state, said.reason)
            await check_reason(self._parts, self.user.tenant, agent, state)
            await self._parts.desk.choose_state(self.user.tenant, agent, state, reason)
        except Refused as refused:
            self._error(refused.key, ref=said.ref)
        except Unavailable:
            self._error("unavailable", ref=said.ref)
        except CallerError:
            self._error("state_refused", ref=said.ref)
        except KakehashiError:
            log.exception("A state could not be set.", extra={"action": "state.set"})
            self._error("internal", ref=said.ref)
        else:
            if said.ref is not None:
                self._say(messages.Done(**self._envelope(), ref=said.ref))

    def _command(self, said: CallCommand) -> None:
        """Not awaited here: Asterisk confirms within milliseconds, and when not, pongs must still be read."""
        if self._commanding is not None and not self._commanding.done():
            self._error("not_now", ref=said.ref)
            return
        self._commanding = asyncio.create_task(self._ask(said))

    async def _ask(self, said: CallCommand) -> None:
        try:
            await ask(self._parts, self.user, said.command, said.to)
        except Refused as refused:
            self._error(refused.key, ref=said.ref)
        except Exception:
            log.exception("A command failed.", extra={"action": "call.command"})
            self._error("internal", ref=said.ref)
        else:
            if said.ref is not None:
                self._say(messages.Done(**self._envelope(), ref=said.ref))

    # --- What we say -------------------------------------------------------------------------------

    def _envelope(self) -> dict[str, Any]:
        self._seq += 1
        return {"seq": self._seq, "tenant": self.user.tenant, "at": self._parts.now()}

    def _say(self, message: messages.Snapshot | messages.Ping | messages.Done | ErrorMessage) -> None:
        self.send(wire(message), message.type)

    def _error(self, key: str, *, ref: str | None = None) -> None:
        body = ErrorMessage(**self._envelope(), code=key, key=key, text=text(key, self._language), ref=ref)
        self._say(body)

    async def _today(self, agent: AgentId) -> list[CallLine] | None:
        try:
            async with asyncio.timeout(TODAY_S):
                return await lines_of_today(self._parts, self.user, agent)
        except (Unavailable, TimeoutError):
            return None

    async def _snapshot(self, hello: Hello | None, *, first: bool = False) -> None:
        user, parts, hub = self.user, self._parts, self._hub
        agent = user.agent
        today = None if agent is None else await self._today(agent)
        # From here to the end nothing is awaited: the snapshot and the agent's number fit each other.
        status = None if agent is None else hub.status(user.tenant, agent)
        shown = None if agent is None else parts.pops.current(user.tenant, agent)
        seq = 0 if agent is None else hub.agent_seq(user.tenant, agent)
        known = hello is not None and hello.stream_id == hub.stream_id and hello.resume is not None
        missed = seq - hello.resume if known and hello is not None and hello.resume is not None else None
        self._say(
            messages.Snapshot(
                **self._envelope(),
                user=user_body(user),
                agent=None if status is None else agent_body(user.tenant, status, parts.names),
                pop=None if shown is None else popview.pop(shown, parts.names),
                talk=None if agent is None else hub.talk(user.tenant, agent),
                calls_today=today,
                agent_seq=seq,
                stream_id=hub.stream_id,
                missed=missed if missed is not None and missed >= 0 else None,
                break_reasons=list(break_reasons()),
            )
        )
        if first:
            hub.attach(self)


def text_frame(text: str) -> bytes:
    """A whole text message of a server as one WebSocket frame (RFC 6455, 5.2: FIN, opcode 1, not masked)."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


async def agent_socket(request: web.Request) -> web.StreamResponse:
    """GET /api/socket."""
    hub, parts = request.app[HUB], parts_of(request)
    if hub.stopping:
        raise Refused(503, "stopping", headers={"Retry-After": "2"})
    # No compression: it costs memory per socket and a millisecond per message, on a line of a few hundred bytes.
    ws = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MAX_FRAME, compress=False)
    if not ws.can_prepare(request):
        raise Refused(400, "bad_request", detail="this address speaks WebSocket only")
    await ws.prepare(request)
    socket = AgentSocket(ws=ws, request=request, hub=hub, parts=parts)
    if hub.count_of(socket.user) >= MAX_SOCKETS:
        await ws.close(code=CLOSE_TOO_MANY, message=b"too many connections")
        return ws
    await socket.run()
    return ws
