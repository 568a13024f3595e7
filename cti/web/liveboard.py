"""The live board of queues and agents: drawn once a tenant when something on it changed, sent to all who look at it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from cti.domain.errors import Unavailable
from cti.domain.events import AsteriskReachable, CallAnswered, CallEnded, Event
from cti.domain.model import QueueId, TenantId
from cti.web import messages, ports
from cti.web.agentview import agent_live, board
from cti.web.boardparts import AgentLive, Board
from cti.web.clients import Client, in_slices
from cti.web.context import WebParts, midnight, zone_of_tenant
from cti.web.messages import wire

log = logging.getLogger(__name__)

# Drawing a thousand agents takes 8 ms; a pop that comes meanwhile waits for this many of them at most: 1 ms.
AGENTS_SLICE = 100
# People read a board; more often than this is noise, and each one is some kilobytes a socket.
BOARD_S = 1.0
# Figures of the day move with each call that ends; a query each second would be for nobody.
FIGURES_S = 5.0


@dataclass(slots=True)
class _Topic:
    """A tenant's board."""

    seq: int = 0
    clients: set[Client] = field(default_factory=set)
    dirty: bool = True
    figures: Mapping[QueueId, ports.Figures] | None = None
    figures_asked_s: float = float("-inf")
    figures_dirty: bool = True


class LiveBoards:
    """Everybody's board."""

    def __init__(self, parts: WebParts) -> None:
        self._parts = parts
        self._topics: dict[TenantId, _Topic] = {}
        self._zones: dict[TenantId, str] = {}

    def zone(self, tenant: TenantId, zone: str) -> None:
        """Where the tenant's day begins."""
        self._zones[tenant] = zone

    def add(self, client: Client) -> None:
        """From now on this client gets the board when it changes."""
        self._topics.setdefault(client.user.tenant, _Topic()).clients.add(client)

    def remove(self, client: Client) -> None:
        """Send it no more."""
        topic = self._topics.get(client.user.tenant)
        if topic is not None:
            topic.clients.discard(client)

    def handle(self, event: Event) -> None:
        """Take one fact from the bus."""
        topics = self._topics.values() if isinstance(event, AsteriskReachable) else self._topic_of(event.tenant)
        for topic in topics:
            topic.dirty = True
            if isinstance(event, CallEnded | CallAnswered):
                topic.figures_dirty = True

    def redraw(self, tenant: TenantId) -> None:
        """Something on the board changed that no fact on the bus tells of."""
        for topic in self._topic_of(tenant):
            topic.dirty = True

    def redraw_all(self) -> None:
        """Facts were lost."""
        for topic in self._topics.values():
            topic.dirty = True

    async def board(self, tenant: TenantId, zone: str) -> Board:
        """Queues and agents, now; figures a few seconds old at most, none while the database is away."""
        self.zone(tenant, zone)
        return await self._board(tenant, self._topics.setdefault(tenant, _Topic()))

    async def text(self, tenant: TenantId) -> str:
        """The board as a message."""
        return await self._text(tenant, self._topics.setdefault(tenant, _Topic()))

    async def run(self) -> None:
        """Draw what changed and send it, for ever."""
        while True:
            await asyncio.sleep(BOARD_S)
            for tenant, topic in list(self._topics.items()):
                if not topic.clients or not (topic.dirty or topic.figures_dirty):
                    continue
                topic.dirty = False
                topic.seq += 1
                try:
                    text = await self._text(tenant, topic)
                except Exception:
                    log.exception("The board could not be drawn.", extra={"tenant": tenant})
                    continue
                await in_slices(topic.clients, partial(_send, text))

    def _topic_of(self, tenant: TenantId) -> Iterable[_Topic]:
        topic = self._topics.get(tenant)
        return () if topic is None else (topic,)

    async def _text(self, tenant: TenantId, topic: _Topic) -> str:
        body = await self._board(tenant, topic)
        return wire(messages.Queues(seq=topic.seq, tenant=tenant, at=self._parts.now(), board=body))

    async def _board(self, tenant: TenantId, topic: _Topic) -> Board:
        figures, names = await self._figures(tenant, topic), self._parts.names
        live = self._parts.desk.live(tenant)
        agents: list[AgentLive] = []
        for begin in range(0, len(live.agents), AGENTS_SLICE):
            if begin:
                await asyncio.sleep(0)
            agents += [agent_live(tenant, s, names) for s in live.agents[begin : begin + AGENTS_SLICE]]
        return board(tenant, live, names, figures, agents)

    async def _figures(self, tenant: TenantId, topic: _Topic) -> Mapping[QueueId, ports.Figures] | None:
        now_s = self._parts.monotonic()
        if topic.figures_dirty and now_s - topic.figures_asked_s >= FIGURES_S:
            topic.figures_asked_s, topic.figures_dirty = now_s, False
            since = midnight(self._parts.now(), zone_of_tenant(self._zones.get(tenant, "UTC")))
            try:
                topic.figures = await self._parts.calls.figures(tenant, since)
            except Unavailable:
                topic.figures, topic.figures_dirty = None, True
        return topic.figures


def _send(text: str, client: Client) -> None:
    client.send(text, "queues")
