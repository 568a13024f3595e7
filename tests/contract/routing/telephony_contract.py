"""What everybody may rely on in a Telephony, whether it is the fake or a real Asterisk behind AMI.

A suite for the real thing subclasses ``TelephonyContract`` and gives a fixture ``world`` with a ``World``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

import pytest

from cti.domain.errors import CallerError, NotFound, Unavailable
from cti.domain.model import AgentId, CallId, ChannelName, Offer, OfferId, QueueId, TenantId
from cti.domain.ports import Telephony

GONE = ChannelName("PJSIP/trunk-deadbeef")


class World(Protocol):
    """A small Asterisk with callers in it. Endpoints must be given for agents that the dialplan may dial."""

    telephony: Telephony
    endpoint: str  # a phone that is registered and idle, and does not answer by itself
    other_endpoint: str  # another one
    dead_endpoint: str  # a phone that is not registered

    async def caller(self) -> ChannelName:
        """A new caller, in the waiting loop."""

    async def until(self, channel: ChannelName, place: str) -> None:
        """Return when the caller is there, fail after some seconds.

        Places: ``waiting``, ``ringing:<endpoint>`` (that phone rings for this caller), ``treated:<name>``, ``gone``.
        """

    async def silent(self, endpoint: str) -> None:
        """Return when the phone does not ring, fail after some seconds."""

    async def variable(self, channel: ChannelName, name: str) -> str:
        """A channel variable; empty when it is not set."""

    async def cut(self) -> None:
        """Break the link to Asterisk, and keep it broken."""


def an_offer(endpoint: str, ring_s: int = 10) -> Offer:
    """A fresh offer to the agent of an endpoint."""
    return Offer(
        offer_id=OfferId(uuid4().hex),
        tenant=TenantId("demo"),
        call_id=CallId(str(uuid4())),
        queue=QueueId("members"),
        agent=AgentId(endpoint.partition("-")[2]),
        ring_s=ring_s,
        reason="contract",
        made_at=datetime.now(UTC),
        attempt=1,
    )


class TelephonyContract:
    """The suite."""

    async def test_an_offer_rings_the_phone(self, world: World) -> None:
        channel = await world.caller()
        await world.telephony.offer(an_offer(world.endpoint), channel=channel, endpoint=world.endpoint)
        await world.until(channel, f"ringing:{world.endpoint}")

    async def test_a_phone_that_is_away_gives_the_caller_back(self, world: World) -> None:
        channel = await world.caller()
        await world.telephony.offer(an_offer(world.dead_endpoint), channel=channel, endpoint=world.dead_endpoint)
        await world.until(channel, "waiting")

    async def test_take_back_stops_the_ring(self, world: World) -> None:
        channel = await world.caller()
        await world.telephony.offer(an_offer(world.endpoint), channel=channel, endpoint=world.endpoint)
        await world.until(channel, f"ringing:{world.endpoint}")
        await world.telephony.take_back(channel=channel)
        await world.until(channel, "waiting")
        await world.silent(world.endpoint)

    async def test_take_back_of_a_waiting_caller_is_harmless(self, world: World) -> None:
        channel = await world.caller()
        await world.telephony.take_back(channel=channel)
        await world.until(channel, "waiting")

    async def test_a_second_offer_replaces_the_first(self, world: World) -> None:
        channel = await world.caller()
        await world.telephony.offer(an_offer(world.endpoint), channel=channel, endpoint=world.endpoint)
        await world.until(channel, f"ringing:{world.endpoint}")
        await world.telephony.offer(an_offer(world.other_endpoint), channel=channel, endpoint=world.other_endpoint)
        await world.until(channel, f"ringing:{world.other_endpoint}")
        await world.silent(world.endpoint)

    async def test_an_unanswered_ring_ends_by_itself(self, world: World) -> None:
        channel = await world.caller()
        await world.telephony.offer(an_offer(world.endpoint, ring_s=1), channel=channel, endpoint=world.endpoint)
        await world.until(channel, f"ringing:{world.endpoint}")
        await world.until(channel, "waiting")

    @pytest.mark.parametrize("treatment", ["nobody_logged_in", "nobody_skilled", "waited_too_long", "closed", "full"])
    async def test_a_treatment(self, world: World, treatment: str) -> None:
        channel = await world.caller()
        await world.telephony.treat(channel=channel, treatment=treatment)
        await world.until(channel, f"treated:{treatment}")

    async def test_variables_arrive(self, world: World) -> None:
        channel = await world.caller()
        await world.telephony.set_variables(channel=channel, variables={"CTI_A": "/s/ja/x&/s/ja/y", "CTI_B": "王 Zoë"})
        assert await world.variable(channel, "CTI_A") == "/s/ja/x&/s/ja/y"
        assert await world.variable(channel, "CTI_B") == "王 Zoë"

    @pytest.mark.parametrize("evil", ["x\r\nAction: Command", "x\ny", "x\ry", "x\0y"])
    async def test_a_value_cannot_become_another_action(self, world: World, evil: str) -> None:
        channel = await world.caller()
        with pytest.raises(CallerError):
            await world.telephony.set_variables(channel=channel, variables={"CTI_SAY": evil})
        assert await world.variable(channel, "CTI_SAY") == ""

    async def test_hang_up(self, world: World) -> None:
        channel = await world.caller()
        await world.telephony.hang_up(channel=channel)
        await world.until(channel, "gone")

    async def test_a_channel_that_is_gone(self, world: World) -> None:
        ask = world.telephony
        for action in (
            ask.offer(an_offer(world.endpoint), channel=GONE, endpoint=world.endpoint),
            ask.take_back(channel=GONE),
            ask.treat(channel=GONE, treatment="closed"),
            ask.set_variables(channel=GONE, variables={"CTI_SAY": "x"}),
            ask.hang_up(channel=GONE),
        ):
            with pytest.raises(NotFound):
                await action
        await world.silent(world.endpoint)

    async def test_without_a_link_it_says_so(self, world: World) -> None:
        channel = await world.caller()
        await world.cut()
        with pytest.raises(Unavailable):
            await world.telephony.offer(an_offer(world.endpoint), channel=channel, endpoint=world.endpoint)
        with pytest.raises(Unavailable):
            await world.telephony.treat(channel=channel, treatment="closed")
