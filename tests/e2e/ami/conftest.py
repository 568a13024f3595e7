"""One Asterisk for the whole folder; each test has a feed, a desk and a bus of its own on it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest_asyncio

from cti.ami.client import AmiSettings
from cti.ami.feed import AmiFeed
from cti.bus import Bus
from cti.calls import CallDesk
from cti.domain import events as ev
from cti.domain.model import AgentId, CallId, Offer, OfferId, QueueId, TenantId
from cti.domain.phone import parse_called, parse_caller
from cti.domain.signals import OfferDecided
from tests.e2e.ami.proxy import Proxy
from tests.e2e.dialplan.rig import SECRET, Rig, a_rig
from tests.scenarios.tables import Agents

E = TypeVar("E", bound=ev.Event)


@dataclass
class Server:
    """Our side of the wire, joined as the wiring joins it."""

    rig: Rig
    proxy: Proxy
    bus: Bus
    desk: CallDesk
    feed: AmiFeed
    events: list[ev.Event] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    offers: int = 0

    async def take(self, event: ev.Event) -> None:
        async with self.arrived:
            self.events.append(event)
            self.arrived.notify_all()

    async def saw(
        self, kind: type[E], check: Callable[[E], bool] = lambda _: True, *, since: int = 0, within_s: float = 10
    ) -> E:
        """The first event of this kind that fits, now or later, after the first ``since`` of any kind."""

        def first() -> E | None:
            return next((e for e in self.events[since:] if isinstance(e, kind) and check(e)), None)

        try:
            async with asyncio.timeout(within_s), self.arrived:
                await self.arrived.wait_for(lambda: first() is not None)
        except TimeoutError:
            raise AssertionError(f"no {kind.__name__}; there were {[type(e).__name__ for e in self.events]}") from None
        found = first()
        assert found is not None
        return found

    async def lost(self) -> None:
        """The link was cut and we know."""
        await self.saw(ev.AsteriskReachable, lambda e: not e.up)

    async def back(self) -> None:
        """The link is up again after it was lost."""
        down = await self.saw(ev.AsteriskReachable, lambda e: not e.up)
        await self.saw(ev.AsteriskReachable, lambda e: e.up and self.events.index(e) > self.events.index(down))

    def names(self, call_id: CallId) -> list[str]:
        """What was published about one call."""
        return [type(e).__name__ for e in self.events if getattr(e, "call_id", None) == call_id]

    async def waiting(self) -> ev.CallQueued:
        """A caller dials in and waits."""
        seen = len(self.events)
        await self.rig.caller.dial(f"sip:+81501234510@{self.rig.server}")
        return await self.saw(ev.CallQueued, lambda e: self.events.index(e) >= seen)

    async def offer(self, queued: ev.CallQueued, agent: str, ring_s: int = 20) -> Offer:
        """As routing offers: decide, then ask Asterisk."""
        self.offers += 1
        offer = Offer(
            offer_id=OfferId(f"{self.offers:032x}"), tenant=queued.tenant, call_id=queued.call_id,
            queue=queued.call.queue or QueueId("members"), agent=AgentId(agent), ring_s=ring_s, reason="longest idle",
            made_at=queued.at, attempt=self.offers,
        )  # fmt: skip
        self.desk.post(OfferDecided(at=queued.at, offer=offer))
        await self.feed.telephony.offer(offer, channel=queued.call.channel, endpoint=f"demo-{agent}")
        return offer


def settings(rig: Rig, port: int | None = None, **changes: Any) -> AmiSettings:
    values: dict[str, Any] = {"username": rig.settings.ami_user, "secret": SECRET, "backoff_first_s": 0.05}
    return AmiSettings(host="127.0.0.1", port=port or rig.settings.ami_port, **{**values, **changes})


@contextlib.asynccontextmanager
async def a_server(rig: Rig, **changes: Any) -> AsyncIterator[Server]:
    proxy = Proxy(rig.settings.ami_port)
    await proxy.start()
    bus = Bus()
    desk = CallDesk(bus, Agents(), parse_caller=parse_caller, parse_called=parse_called)
    feed = AmiFeed(settings(rig, proxy.port, **changes), desk, known=desk.known, alive=lambda: desk.alive)
    desk.on_overflow = feed.ask_resync
    server = Server(rig=rig, proxy=proxy, bus=bus, desk=desk, feed=feed)
    bus.subscribe("test", server.take, kinds=(ev.Event,))
    await bus.start()
    await desk.start()
    await feed.start()
    try:
        await feed.client.wait_up(10)
        await server.saw(ev.AsteriskReachable)
        yield server
    finally:
        await feed.stop()
        await desk.stop()
        await bus.stop()
        await proxy.stop()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def shared_rig() -> AsyncIterator[Rig]:
    async with a_rig() as rig:
        yield rig


@pytest_asyncio.fixture(loop_scope="package")
async def rig(shared_rig: Rig) -> AsyncIterator[Rig]:
    """Afterwards nobody is on the line."""
    yield shared_rig
    for channel in await shared_rig.ami.listing("CoreShowChannels", "CoreShowChannelsComplete"):
        await shared_rig.ami.action("Hangup", Channel=channel["Channel"])
    await shared_rig.idle()


@pytest_asyncio.fixture(loop_scope="package")
async def server(rig: Rig) -> AsyncIterator[Server]:
    async with a_server(rig) as server:
        yield server


TENANT = TenantId("demo")
