"""Numbers the messages of agents, serialises each once, and hands it to every socket it is for.

Fed by the bus (``handle``) and by the screen pop (``pop_changed``), both synchronous: between a fact and a socket's
buffer nothing is awaited. Whatever goes to many sockets at once goes in slices, so that a pop never stands behind
a thousand pings.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from aiohttp import web

from cti.domain.access import User
from cti.domain.errors import Unavailable
from cti.domain.events import (
    AgentPhoneChanged,
    AgentStateChanged,
    CallEvent,
    Event,
)
from cti.domain.model import AgentId, TenantId
from cti.domain.pop import PopChange, PopOffered, PopPhase, PopSink
from cti.web import messages, popview, ports, talkview
from cti.web.agentview import agent_body
from cti.web.clients import SLICE, Client, Told, in_slices
from cti.web.context import WebParts
from cti.web.liveboard import LiveBoards
from cti.web.messages import ServerMessage, wire
from cti.web.parts import LineBody

log = logging.getLogger(__name__)

# A page calls 10 s of silence a dead server (frontend/src/socket.ts): two of these and some network.
PING_S = 4.0
# A session ended elsewhere (switched off, another node) closes its sockets after this at the latest.
SESSIONS_S = 60.0
CLOSE_RESTART = 1012
CLOSE_SESSION = 1008


@dataclass(slots=True)
class _Stream:
    """One agent's messages."""

    seq: int = 0
    talk: LineBody | None = None  # as told last
    clients: set[Client] = field(default_factory=set)


class Hub(PopSink):
    """All connected sockets of this process."""

    def __init__(self, parts: WebParts, *, stream_id: str) -> None:
        self.stream_id = stream_id
        self._parts = parts
        self._clients: set[Client] = set()
        self._streams: dict[tuple[TenantId, AgentId], _Stream] = {}
        self._phones: dict[tuple[TenantId, AgentId], AgentPhoneChanged] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._spawned: set[asyncio.Task[None]] = set()
        self.boards = LiveBoards(parts)
        self.stopping = False

    # --- Sockets -----------------------------------------------------------------------------------

    def attach(self, client: Client) -> None:
        """From now on this client gets its agent's messages."""
        self._clients.add(client)
        user = client.user
        self.boards.zone(user.tenant, user.time_zone)
        if user.agent is not None:
            self._stream(user.tenant, user.agent).clients.add(client)
        self._parts.metrics.sockets.set(len(self._clients))

    def detach(self, client: Client) -> None:
        """It is gone. Twice is fine."""
        self._clients.discard(client)
        user = client.user
        if user.agent is not None:
            self._stream(user.tenant, user.agent).clients.discard(client)
        self.boards.remove(client)
        self._parts.metrics.sockets.set(len(self._clients))

    async def subscribe(self, client: Client) -> None:
        """Send the board now, and from now on when it changes; unless it is gone meanwhile."""
        text = await self.boards.text(client.user.tenant)
        if client in self._clients:
            client.send(text, "queues")
            self.boards.add(client)

    def count_of(self, user: User) -> int:
        """Sockets of this person."""
        return sum(1 for c in self._clients if (c.user.tenant, c.user.login) == (user.tenant, user.login))

    def is_elsewhere(self, user: User, token_sha256: bytes) -> bool:
        """Whether this person has a page open under another session."""
        me = (user.tenant, user.login)
        return any((c.user.tenant, c.user.login) == me and c.token_sha256 != token_sha256 for c in self._clients)

    def agent_seq(self, tenant: TenantId, agent: AgentId) -> int:
        """The last number given in this agent's stream."""
        return self._stream(tenant, agent).seq

    def status(self, tenant: TenantId, agent: AgentId) -> ports.AgentStatus | None:
        """An agent, with the phone as the bus said last."""
        status = self._parts.desk.agent(tenant, agent)
        told = self._phones.get((tenant, agent))
        if status is None or told is None or (status.phone_since is not None and status.phone_since > told.at):
            return status
        return replace(status, phone=told.phone, phone_since=told.at)

    def session_ended(self, token_sha256: bytes) -> None:
        """Close the sockets of a session that is over."""
        for client in [c for c in self._clients if c.token_sha256 == token_sha256]:
            self._spawn(client.close(CLOSE_SESSION, "session ended"))

    # --- Agents ------------------------------------------------------------------------------------

    def pop_changed(self, change: PopChange) -> None:
        """PopSink: tell the agent's pages."""
        pop = change.pop
        first = isinstance(change, PopOffered) and pop.phase is PopPhase.RINGING
        told = Told(began_s=self._parts.monotonic(), rang_at=pop.rang_at if first else None)
        stream = self._stream(pop.tenant, pop.agent)
        self._tell(
            stream,
            lambda seq, now: popview.message(change, self._parts.names, seq=seq, now=now),
            told,
        )

    def handle(self, event: Event) -> None:
        """Take one fact from the bus."""
        if isinstance(event, AgentPhoneChanged):
            self._phones[(event.tenant, event.agent)] = event
        if isinstance(event, AgentStateChanged | AgentPhoneChanged):
            self._tell_state(event)
        if isinstance(event, CallEvent) and event.call.talks:
            self._tell_talk(event)
        self.boards.handle(event)

    def _tell_state(self, event: AgentStateChanged | AgentPhoneChanged) -> None:
        status = self.status(event.tenant, event.agent)
        if status is None:
            return
        if isinstance(event, AgentStateChanged):
            status = replace(status, state=event.state, reason=event.reason, since=event.at, until=event.until)
        body = agent_body(event.tenant, status, self._parts.names)
        tenant = event.tenant
        self._tell(
            self._stream(event.tenant, event.agent),
            lambda seq, now: messages.AgentStateMessage(seq=seq, tenant=tenant, at=now, agent=body),
            None,
        )

    def talk(self, tenant: TenantId, agent: AgentId) -> LineBody | None:
        """The call this agent is on the line with."""
        stream, call = self._stream(tenant, agent), self._parts.talks.talk(tenant, agent)
        shown = talkview.talk(call, agent, self._name(tenant), since=self._parts.now())
        same = shown and stream.talk and shown.phase == stream.talk.phase and shown.call_id == stream.talk.call_id
        return shown.model_copy(update={"since": stream.talk.since}) if shown and stream.talk and same else shown

    def _tell_talk(self, event: CallEvent) -> None:
        tenant, call = event.tenant, event.call
        for agent in talkview.agents_of(call):
            stream = self._stream(tenant, agent)
            body = talkview.talk(call, agent, self._name(tenant), since=event.at)
            if body is None and (stream.talk is None or stream.talk.call_id != call.call_id):
                continue
            before = stream.talk
            if body and before and (body.call_id, body.phase) == (before.call_id, before.phase):
                body = body.model_copy(update={"since": before.since})
            if body == before:
                continue
            stream.talk = body
            self._tell(stream, partial(_talk_message, tenant, body), None)

    def _name(self, tenant: TenantId) -> Callable[[AgentId], str]:
        def name(agent: AgentId) -> str:
            status = self._parts.desk.agent(tenant, agent)
            return agent if status is None else status.name

        return name

    def _tell(self, stream: _Stream, make: Callable[[int, datetime], ServerMessage | None], told: Told | None) -> None:
        """Number it; serialise it once, and only if somebody looks."""
        stream.seq += 1
        if not stream.clients:
            return
        message = make(stream.seq, self._parts.now())
        if message is None:
            return
        text, kind = wire(message), str(getattr(message, "type", ""))
        for client in tuple(stream.clients):
            client.send(text, kind, told=told)

    def _stream(self, tenant: TenantId, agent: AgentId) -> _Stream:
        return self._streams.setdefault((tenant, agent), _Stream())

    # --- Running -----------------------------------------------------------------------------------

    async def start(self, session_is_good: Callable[[bytes], Awaitable[bool]]) -> None:
        """Begin to draw boards, to ping, and to look whether sessions are still good.

        ``session_is_good(token_sha256)`` may raise Unavailable: then nobody is thrown out.
        """
        loops = [self.boards.run(), self._pings(), self._sessions(session_is_good)]
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    async def stop(self, deadline_s: float = 2.0) -> None:
        """Close every socket with 1012: pages connect anew, to whoever serves then."""
        self.stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        closing = [asyncio.create_task(c.close(CLOSE_RESTART, "service restart")) for c in tuple(self._clients)]
        if closing:
            await asyncio.wait(closing, timeout=deadline_s)

    def resync(self, lost: int) -> None:
        """The bus lost facts on the way to us: everybody gets a fresh snapshot."""
        log.warning("Facts were lost on the way to the pages; all get a snapshot.", extra={"lost": lost})
        self.boards.redraw_all()
        self._spawn(in_slices(self._clients, lambda c: c.refresh()))

    async def _pings(self) -> None:
        while True:
            clients = tuple(self._clients)
            pause_s = PING_S / max(1, -(-len(clients) // SLICE))
            for begin in range(0, max(1, len(clients)), SLICE):
                for client in clients[begin : begin + SLICE]:
                    client.ping()
                await asyncio.sleep(pause_s)

    async def _sessions(self, is_good: Callable[[bytes], Awaitable[bool]]) -> None:
        while True:
            await asyncio.sleep(SESSIONS_S)
            try:
                for token_sha256 in {c.token_sha256 for c in self._clients}:
                    if not await is_good(token_sha256):
                        self.session_ended(token_sha256)
            except Unavailable:
                continue

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)


def _talk_message(tenant: TenantId, body: LineBody | None, seq: int, now: datetime) -> ServerMessage:
    return messages.TalkMessage(seq=seq, tenant=tenant, at=now, talk=body)


HUB = web.AppKey("hub", Hub)
