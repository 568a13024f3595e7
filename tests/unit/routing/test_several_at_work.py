"""A ring of several phones, from the service to Asterisk: one question for all, and one phone stopped alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cti.domain import events as ev
from cti.domain.errors import Unavailable
from cti.domain.model import AgentId, AgentState, ChannelName, Offer, OfferOutcome, PhoneState, UniqueId
from cti.domain.signals import DialBegan, OfferDecided, OfferTakenBack
from tests.unit.routing.test_service import DEMO, DESK, SATO, SMITH, SUZUKI, House, of_kind

THREE = replace(DESK, rules=replace(DESK.rules, queues=(replace(DESK.rules.queues[0], ring_agents=3),)))


GHOST = AgentId("ghost")


class Rung:
    """What Asterisk is asked; it rings nobody by itself."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.asked: list[tuple[Offer, list[str]]] = []
        self.stopped: list[ChannelName] = []
        self.broken = False
        self.happened = asyncio.Condition()

    async def offer(self, offer: Offer, *, channel: ChannelName, endpoint: str, also: Sequence[str] = ()) -> None:
        async with self.happened:
            self.asked.append((offer, [endpoint, *also]))
            self.happened.notify_all()
        if self.broken:
            raise Unavailable("no answer")

    async def stop_ring(self, *, leg: ChannelName) -> None:
        async with self.happened:
            self.stopped.append(leg)
            self.happened.notify_all()

    async def until(self, wanted: Callable[[], Any]) -> None:
        async with asyncio.timeout(5), self.happened:
            await self.happened.wait_for(wanted)

    def rings(self, channel: ChannelName, endpoint: str) -> ChannelName:
        """DialBegin of that phone."""
        caller = self.house.asterisk.callers[channel]
        leg = ChannelName(f"PJSIP/{endpoint}-0000abcd")
        self.house.sink.post(
            DialBegan(
                at=datetime.now(UTC),
                channel=channel,
                uniqueid=caller.uniqueid,
                call_id=caller.call_id,
                agent_channel=leg,
                agent_uniqueid=UniqueId(f"1795300001.{endpoint}"),
            )
        )
        return leg


@pytest.fixture
async def rung(monkeypatch: pytest.MonkeyPatch) -> Any:
    house = House()
    house.store.desks = [THREE]
    asked = Rung(house)
    monkeypatch.setattr(house.asterisk, "offer", asked.offer)
    monkeypatch.setattr(house.asterisk, "stop_ring", asked.stop_ring)
    await house.start()
    house.asterisk._phone("demo-suzuki", PhoneState.IDLE)
    await house.phones_known()
    await house.fact(lambda it: isinstance(it, ev.AgentPhoneChanged) and it.agent == SUZUKI)
    house.log_in(SATO, SMITH, SUZUKI)
    yield asked
    await house.stop()


async def test_asterisk_is_asked_once_for_all_and_the_call_desk_knows_each(rung: Rung) -> None:
    await rung.house.asterisk.caller()
    await rung.until(lambda: rung.asked)
    ((first, endpoints),) = rung.asked
    assert sorted(endpoints) == ["demo-sato", "demo-smith", "demo-suzuki"]
    (decided,) = of_kind(rung.house.sink.signals, OfferDecided)
    assert isinstance(decided, OfferDecided)
    assert decided.offer == first
    ring = (decided.offer, *decided.also)
    assert {one.ring for one in ring} == {first.offer_id}
    assert len({one.offer_id for one in ring}) == 3
    assert [f"demo-{one.agent}" for one in ring] == endpoints
    (call,) = rung.house.desk.all_live(DEMO)
    assert [(one.offer_id, one.agent) for one in call.offers] == [(one.offer_id, one.agent) for one in ring]
    assert rung.house.service.stats.offers_live == 3


async def test_what_asterisk_does_not_do_is_taken_back_for_all_and_tried_again(rung: Rung) -> None:
    rung.broken = True
    await rung.house.asterisk.caller()
    await rung.until(lambda: len(rung.asked) == 2)
    backs = [one for one in of_kind(rung.house.sink.signals, OfferTakenBack) if isinstance(one, OfferTakenBack)]
    assert {one.offer_id for one in backs[:3]} == {f"{number:032x}" for number in (1, 2, 3)}
    assert {one.outcome for one in backs} == {OfferOutcome.WITHDRAWN}


async def test_an_agent_who_leaves_stops_one_phone_and_the_caller_is_not_moved(
    rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved: list[ChannelName] = []

    async def take_back(*, channel: ChannelName) -> None:
        moved.append(channel)

    monkeypatch.setattr(rung.house.asterisk, "take_back", take_back)
    channel = await rung.house.asterisk.caller()
    await rung.until(lambda: rung.asked)
    legs = {agent: rung.rings(channel, f"demo-{agent}") for agent in (SATO, SMITH)}
    for agent in legs:
        await rung.house.fact(lambda it, agent=agent: isinstance(it, ev.CallRinging) and it.agent == agent)  # type: ignore[misc]
    rung.house.service.choose_state(DEMO, SMITH, AgentState.BREAK, "lunch", by="smith")
    await rung.until(lambda: rung.stopped)
    assert rung.stopped == [legs[SMITH]]
    rung.house.service.choose_state(DEMO, SUZUKI, AgentState.BREAK, "lunch", by="suzuki")
    assert rung.stopped == [legs[SMITH]]  # their phone did not ring yet: there is nothing to stop
    assert moved == []
    rung.house.service.choose_state(DEMO, SATO, AgentState.BREAK, "lunch", by="sato")
    await house_quiet(rung.house)
    assert moved == [channel]  # the last one


async def house_quiet(house: House) -> None:
    """Let what was asked be done."""
    waits: list[Awaitable[Any]] = list(house.service._dispatch._tasks)
    await asyncio.gather(*waits)


async def test_who_has_no_phone_does_not_keep_the_others_from_ringing(
    rung: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = rung.house.service._dispatch._directory
    real = directory.endpoint_of
    monkeypatch.setattr(directory, "endpoint_of", lambda tenant, agent: real(tenant, GHOST if agent == SATO else agent))
    await rung.house.asterisk.caller()
    await rung.until(lambda: rung.asked)
    ((offer, endpoints),) = rung.asked
    assert endpoints == ["demo-smith", "demo-suzuki"]
    (call,) = rung.house.desk.all_live(DEMO)
    assert [(one.agent, one.outcome) for one in call.offers] == [
        (SATO, OfferOutcome.UNREACHABLE), (SMITH, None), (SUZUKI, None)
    ]  # fmt: skip
    assert offer.ring_id == call.offers[0].offer_id  # still: what is told of the ring names it by its first offer
