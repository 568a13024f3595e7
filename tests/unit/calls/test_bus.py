"""The bus: order, isolation, bounds, an orderly end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from cti.bus import PROMPT_MOST, Bus
from cti.domain import events as ev
from cti.domain.model import AgentId, CallId, TenantId

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def freed(number: int) -> ev.AgentFreed:
    return ev.AgentFreed(at=NOW, tenant=TenantId("demo"), agent=AgentId(str(number)), call_id=CallId("c"))


UP = ev.AsteriskReachable(at=NOW, tenant=TenantId(""), up=True)


async def started(bus: Bus) -> Bus:
    await bus.start()
    return bus


async def test_each_subscriber_gets_what_it_asked_for_in_order() -> None:
    bus = Bus()
    freed_: list[ev.Event] = []
    all_: list[ev.Event] = []

    async def take(event: ev.AgentFreed) -> None:
        await asyncio.sleep(0)
        freed_.append(event)

    bus.subscribe("freed", take, kinds=(ev.AgentFreed,))
    bus.subscribe("all", all_.append, kinds=(ev.Event,))
    await bus.start()
    events: list[ev.Event] = [freed(1), UP, freed(2)]
    for event in events:
        bus.publish(event)
    assert await bus.stop() == {}
    assert freed_ == [events[0], events[2]]
    assert all_ == events


async def test_what_is_published_before_the_start_is_delivered_then() -> None:
    bus = Bus()
    seen: list[ev.Event] = []
    bus.subscribe("s", seen.append, kinds=(ev.Event,))
    bus.publish(UP)
    assert seen == []
    await bus.start()
    await bus.stop()
    assert seen == [UP]


async def test_a_subscriber_that_raises_loses_that_event_and_disturbs_nobody() -> None:
    bus = Bus()
    good: list[ev.Event] = []
    tried: list[ev.Event] = []

    def bad(event: ev.Event) -> None:
        tried.append(event)
        raise ValueError("a bug")

    bus.subscribe("bad", bad, kinds=(ev.Event,))
    bus.subscribe("good", good.append, kinds=(ev.Event,))
    await bus.start()
    for number in range(3):
        bus.publish(freed(number))
    await bus.stop()
    assert len(tried) == len(good) == 3
    assert (bus.stats()["bad"].failed, bus.stats()["bad"].delivered) == (3, 0)
    assert bus.stats()["good"].delivered == 3


async def test_a_slow_subscriber_delays_nobody_and_is_told_of_the_gap_at_its_place() -> None:
    bus = Bus()
    gate = asyncio.Event()
    slow: list[object] = []
    fast: list[ev.Event] = []

    async def take(event: ev.AgentFreed) -> None:
        await gate.wait()
        slow.append(event.agent)

    bus.subscribe("slow", take, kinds=(ev.AgentFreed,), maxsize=2, overflowed=lambda lost: slow.append(f"lost {lost}"))
    bus.subscribe("fast", fast.append, kinds=(ev.AgentFreed,), maxsize=100)
    await bus.start()
    bus.publish(freed(0))
    await asyncio.sleep(0)  # 0 is in the handler
    for number in range(1, 6):
        bus.publish(freed(number))  # 1 and 2 fit, 3 to 5 do not
    async with asyncio.timeout(2):
        while len(fast) < 6:
            await asyncio.sleep(0)
    assert slow == []
    gate.set()
    async with asyncio.timeout(2):
        while not slow or slow[-1] != "lost 3":
            await asyncio.sleep(0)
    bus.publish(freed(9))
    await bus.stop()
    assert slow == ["0", "1", "2", "lost 3", "9"]
    assert bus.stats()["slow"].dropped == 3


async def test_nothing_is_queued_behind_a_gap() -> None:
    """What came after the gap must not be seen before the snapshot that fills it."""
    bus = Bus()
    seen: list[object] = []
    bus.subscribe("s", lambda e: seen.append(e.agent), kinds=(ev.AgentFreed,), maxsize=1, overflowed=seen.append)
    for number in range(3):
        bus.publish(freed(number))
    await bus.start()
    await bus.stop()
    assert seen == ["0", 2]


async def test_room_that_comes_before_the_gap_is_told_is_not_used() -> None:
    bus = Bus()
    gate = asyncio.Semaphore(0)
    seen: list[object] = []

    async def take(event: ev.AgentFreed) -> None:
        await gate.acquire()
        seen.append(event.agent)

    bus.subscribe("s", take, kinds=(ev.AgentFreed,), maxsize=2, overflowed=lambda lost: seen.append(f"lost {lost}"))
    await bus.start()
    bus.publish(freed(0))
    await asyncio.sleep(0)
    for number in range(1, 4):
        bus.publish(freed(number))  # 3 is lost
    gate.release()
    async with asyncio.timeout(2):
        while bus.stats()["s"].queued > 1:
            await asyncio.sleep(0)
    bus.publish(freed(4))  # there is room again, behind the gap
    for _ in range(2):
        gate.release()
    assert await bus.stop() == {}
    assert seen == ["0", "1", "2", "lost 2"]


async def test_the_loop_gets_its_turn_in_a_flood() -> None:
    bus = Bus()
    seen: list[ev.Event] = []
    bus.subscribe("plain", seen.append, kinds=(ev.Event,), maxsize=5_000)
    for _ in range(5_000):
        bus.publish(UP)
    await bus.start()
    turns = 0
    while len(seen) < 5_000:
        turns += 1
        await asyncio.sleep(0)
    assert turns > 50
    await bus.stop()


async def test_a_failing_catch_up_does_not_stop_the_subscriber() -> None:
    bus = Bus()
    seen: list[ev.Event] = []

    async def overflowed(_lost: int) -> None:
        raise ValueError("a bug")

    bus.subscribe("s", seen.append, kinds=(ev.Event,), maxsize=1, overflowed=overflowed)
    bus.publish(UP)
    bus.publish(UP)
    await bus.start()
    async with asyncio.timeout(2):
        while not seen:
            await asyncio.sleep(0)
    bus.publish(UP)
    await bus.stop()
    assert len(seen) == 2


async def test_stop_drains_within_its_deadline_and_says_what_was_left() -> None:
    bus = Bus()
    seen: list[ev.Event] = []
    never = asyncio.Event()

    async def stuck(_event: ev.Event) -> None:
        await never.wait()

    bus.subscribe("stuck", stuck, kinds=(ev.Event,))
    bus.subscribe("good", seen.append, kinds=(ev.Event,))
    await bus.start()
    for number in range(4):
        bus.publish(freed(number))
    began = asyncio.get_running_loop().time()
    assert await bus.stop(0.1) == {"stuck": 3}
    assert asyncio.get_running_loop().time() - began < 1
    assert len(seen) == 4
    bus.publish(UP)  # nobody is there any more
    assert len(seen) == 4


async def test_a_subscriber_may_come_late_and_leave_early() -> None:
    bus = await started(Bus())
    seen: list[ev.Event] = []
    bus.publish(UP)
    bus.subscribe("late", seen.append, kinds=(ev.Event,))
    bus.publish(freed(1))
    await bus.unsubscribe("late")
    bus.publish(freed(2))
    await bus.unsubscribe("nobody")
    await bus.stop()
    assert seen == [freed(1)]


async def test_a_name_is_taken_once() -> None:
    bus = Bus()
    bus.subscribe("s", print, kinds=(ev.Event,))
    with pytest.raises(ValueError, match="'s'"):
        bus.subscribe("s", print, kinds=(ev.Event,))


async def test_a_prompt_subscriber_is_called_before_publish_returns() -> None:
    bus = Bus()
    seen: list[ev.Event] = []
    bus.subscribe("prompt", seen.append, kinds=(ev.AgentFreed,), prompt=True)
    bus.publish(freed(0))
    assert seen == [], "nobody is called before the start"
    await bus.start()
    await asyncio.sleep(0)
    assert seen == [freed(0)]
    bus.publish(freed(1))
    assert seen == [freed(0), freed(1)]
    await bus.stop()


async def test_a_prompt_subscriber_keeps_the_order_of_what_it_causes_itself() -> None:
    bus = Bus()
    seen: list[str] = []

    def take(event: ev.AgentFreed) -> None:
        seen.append(f"begins {event.agent}")
        if event.agent == "1":
            bus.publish(freed(2))
        seen.append(f"ends {event.agent}")

    bus.subscribe("prompt", take, kinds=(ev.AgentFreed,), prompt=True)
    await bus.start()
    await asyncio.sleep(0)
    bus.publish(freed(1))
    bus.publish(freed(3))
    await bus.stop()
    assert seen == ["begins 1", "ends 1", "begins 2", "ends 2", "begins 3", "ends 3"]


@pytest.mark.parametrize("prompt", [True, False])
async def test_nobody_sees_an_effect_before_its_cause(prompt: bool) -> None:
    bus = Bus()
    seen: list[ev.Event] = []
    bus.subscribe("causes", lambda _: bus.publish(UP), kinds=(ev.AgentFreed,), prompt=True)
    bus.subscribe("later", seen.append, kinds=(ev.Event,), prompt=prompt)
    await bus.start()
    await asyncio.sleep(0)
    bus.publish(freed(1))
    await bus.stop()
    assert seen == [freed(1), UP]


async def test_a_burst_gives_the_loop_its_turn_and_stays_in_order() -> None:
    bus = Bus()
    seen: list[str] = []
    bus.subscribe("prompt", lambda event: seen.append(event.agent), kinds=(ev.AgentFreed,), prompt=True)
    await bus.start()
    await asyncio.sleep(0)
    for number in range(PROMPT_MOST + 2):
        bus.publish(freed(number))
    assert len(seen) == PROMPT_MOST
    await asyncio.sleep(0)
    bus.publish(freed(99))
    assert seen == [*(str(n) for n in range(PROMPT_MOST + 2)), "99"]
    await bus.stop()


async def test_a_prompt_subscriber_that_raises_does_not_disturb_who_publishes() -> None:
    bus = Bus()

    def take(event: ev.AgentFreed) -> None:
        raise RuntimeError(event.agent)

    subscription = bus.subscribe("prompt", take, kinds=(ev.AgentFreed,), prompt=True)
    await bus.start()
    await asyncio.sleep(0)
    bus.publish(freed(1))
    assert subscription.stats.failed == 1
    await bus.stop()


async def test_a_prompt_subscriber_must_be_a_plain_function() -> None:
    async def take(event: ev.AgentFreed) -> None:
        await asyncio.sleep(0)

    with pytest.raises(ValueError, match="prompt"):
        Bus().subscribe("slow", take, kinds=(ev.AgentFreed,), prompt=True)
