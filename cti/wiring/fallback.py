"""Agents' states, mirrored into Asterisk's own queues, where callers go when this server dies."""

from __future__ import annotations

from contextlib import AsyncExitStack

from cti.ami import membership
from cti.ami.feed import AmiFeed
from cti.ami.mirror import FallbackMirror
from cti.bus import Bus
from cti.domain.errors import NotFound
from cti.domain.events import AgentStateChanged, AsteriskReachable, Event
from cti.domain.model import AgentState
from cti.wiring.directory import DeskDirectory
from cti.wiring.routing import RoutingDesk


async def start(
    bus: Bus, feed: AmiFeed, router: RoutingDesk, directory: DeskDirectory, cleanup: AsyncExitStack
) -> FallbackMirror:
    """Mirror from now on; everything is compared each time that Asterisk becomes reachable."""

    def picture() -> dict[str, bool]:
        states = router.states()
        return {
            membership.interface_of(endpoint): membership.is_paused(states.get(agent, AgentState.OFFLINE))
            for agent, endpoint in directory.endpoints().items()
        }

    mirror = FallbackMirror(feed.client, picture=picture)

    def take(event: Event) -> None:
        if isinstance(event, AgentStateChanged):
            try:
                mirror.agent_is(directory.endpoint_of(event.tenant, event.agent), event.state)
            except NotFound:  # has left the desk since
                mirror.compare()
        elif isinstance(event, AsteriskReachable) and event.up:
            mirror.compare()

    bus.subscribe("fallback", take, kinds=(AgentStateChanged, AsteriskReachable), overflowed=lambda _: mirror.compare())
    mirror.compare()
    await mirror.start()
    cleanup.push_async_callback(mirror.stop)
    return mirror
