"""The sender: whatever dies whenever, what cannot be undone happens exactly once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.domain.effects import Effect, EffectId, EffectState, MaybeDone
from cti.domain.errors import CallerError, Unavailable
from cti.domain.model import TenantId
from cti.effects import EffectSender

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
VOID = "void"


def effect(number: int) -> Effect:
    return Effect(
        effect_id=EffectId(f"{number:032x}"), tenant=TenantId("demo"), kind="k", created_at=NOW, changed_at=NOW, body={}
    )


class World:
    """What outlives our process: the disk, the other side, and requests that are on their way to it.

    ``luck`` says at each point what happens: "go", "crash" (we die here), "lost" (a request never arrives),
    "late" (it arrives some time), "half" (the other side begins and is slow).
    """

    def __init__(self, luck: list[str]) -> None:
        self._luck: Iterator[str] = iter(luck)
        self.disk: dict[EffectId, Effect] = {}
        self.marks: dict[EffectId, str] = {}
        self.barred: set[EffectId] = set()
        self.happened: Counter[EffectId] = Counter()
        self.coming: list[tuple[str, EffectId]] = []
        self.dead = False
        self.crashed = asyncio.Event()

    def draw(self) -> str:
        return next(self._luck, "go")

    async def point(self) -> str:
        """A moment in which anything may happen; a dead process does nothing more."""
        luck = self.draw()
        if luck == "late" and self.coming:
            self.arrive()
        if luck == "crash" or self.dead:
            self.dead = True
            self.crashed.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        return luck

    # --- The other side, as cti-callback does it ---

    def begin(self, effect_id: EffectId) -> None:
        if effect_id not in self.marks:
            self.marks[effect_id] = "begun"
            self.coming.append(("decide", effect_id))

    def arrive(self) -> None:
        what, effect_id = self.coming.pop(0)
        if what == "ask":
            self.begin(effect_id)
        elif effect_id in self.barred:
            self.marks[effect_id] = VOID
        else:
            self.happened[effect_id] += 1

    # --- Store and Doer ---

    async def save(self, *records: Any) -> None:
        await self.point()
        self.disk.update({record.effect_id: record for record in records})
        await self.point()

    async def send(self, wanted: Effect) -> None:
        assert self.disk[wanted.effect_id].state is EffectState.STORED, "stored before it is sent"
        luck = await self.point()
        if luck == "lost":
            raise MaybeDone("lost")
        self.coming.append(("ask", wanted.effect_id))
        if luck == "late":
            raise MaybeDone("late")
        self.arrive()
        if luck == "half":
            raise MaybeDone("no answer")
        while self.coming:
            self.arrive()
        await self.point()

    async def look(self, wanted: Effect) -> str:
        await self.point()
        self.barred.add(wanted.effect_id)
        await self.point()
        mark = self.marks.get(wanted.effect_id, "")
        await self.point()
        return "" if mark == VOID else mark


async def live(world: World, number: int) -> bool:
    """One process: takes over what it finds, and wants the thing done once. Whether it is done and over."""
    world.dead, world.crashed = False, asyncio.Event()
    settled: asyncio.Queue[Effect] = asyncio.Queue()
    sender = EffectSender(
        world, {"k": world}, clock=lambda: NOW, on_settled=lambda done, _: settled.put_nowait(done), confirm_s=0.0
    )

    async def work() -> None:
        sender.take_over([one for one in world.disk.values() if not one.settled])
        # The record of what it is for (a callback) names the newest effect, and is stored with it.
        now = list(world.disk.values())[-1:]
        tries = 0
        while True:
            if not now:
                tries += 1
                await sender.do(effect(1000 * number + tries))
            done = now[0] if now and now[0].settled else await settled.get()
            now = []
            if done.state is EffectState.NOT_DONE:
                continue
            # It was seen to have begun; what it came to is told by its mark when it is over.
            while world.coming:
                world.arrive()
            if world.marks.get(done.effect_id) != VOID:
                return

    task = asyncio.create_task(work())
    crash = asyncio.create_task(world.crashed.wait())
    await asyncio.wait({task, crash}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
    over = task.done() and not world.crashed.is_set()
    if task.done():
        task.result()
    world.dead = True
    await sender.stop()
    for leftover in (task, crash):
        leftover.cancel()
    await asyncio.gather(task, crash, return_exceptions=True)
    return over


@given(st.lists(st.sampled_from(["go", "go", "crash", "lost", "late", "half"]), max_size=40))
@settings(max_examples=300)
def test_a_crash_at_any_point_never_twice_never_lost(luck: list[str]) -> None:
    async def story() -> World:
        world = World(luck)
        for number in range(1, 41):
            if await live(world, number):
                break
        while world.coming:  # whatever is still on its way
            world.arrive()
        return world

    world = asyncio.run(story())
    assert sum(world.happened.values()) == 1, (world.happened, world.disk)


async def made(world: World, **more: Any) -> tuple[EffectSender, list[tuple[EffectState, str]]]:
    told: list[tuple[EffectState, str]] = []
    sender = EffectSender(
        world, {"k": world}, clock=lambda: NOW, on_settled=lambda done, mark: told.append((done.state, mark)), **more
    )
    return sender, told


async def test_what_cannot_be_stored_is_not_sent() -> None:
    class Full(World):
        async def save(self, *records: Any) -> None:
            raise Unavailable("no disk")

    world = Full([])
    sender, told = await made(world)
    with pytest.raises(Unavailable):
        await sender.do(effect(1))
    assert (world.happened, told, sender.live) == (Counter(), [], ())


async def test_what_is_begun_without_waiting_is_stored_before_it_is_asked_for_too() -> None:
    class Slow(World):
        async def save(self, *records: Any) -> None:
            for _ in range(5):
                await asyncio.sleep(0)
            await super().save(*records)

        async def send(self, wanted: Effect) -> None:
            stored.append(wanted.effect_id in self.disk)
            await super().send(wanted)

    stored: list[bool] = []
    world = Slow([])
    sender, told = await made(world)
    await sender.begin(effect(1))
    assert world.disk
    sender.seen(effect(1).effect_id)
    async with asyncio.timeout(20):
        while not told:
            await asyncio.sleep(0)
    assert stored == [True]


async def test_what_is_refused_is_not_done_and_not_looked_for() -> None:
    class Refusing(World):
        async def send(self, wanted: Effect) -> None:
            raise CallerError("not this number")

    world = Refusing([])
    sender, told = await made(world)
    await sender.do(effect(1))
    assert told == [(EffectState.NOT_DONE, "")]
    assert world.disk[effect(1).effect_id].state is EffectState.NOT_DONE
    assert not world.barred


async def test_what_broke_while_it_was_asked_for_is_looked_for_at_once_and_not_at_the_next_start() -> None:
    class Broken(World):
        async def send(self, wanted: Effect) -> None:
            raise RuntimeError("a mistake of ours")

    world = Broken([])
    sender, told = await made(world)
    with pytest.raises(RuntimeError):
        await sender.do(effect(1))
    async with asyncio.timeout(20):
        while not told:
            await asyncio.sleep(0)
    assert (told, world.barred) == ([(EffectState.NOT_DONE, "")], {effect(1).effect_id})


async def test_what_is_seen_is_done_without_a_look() -> None:
    world = World([])
    sender, told = await made(world)
    await sender.do(effect(1))
    sender.seen(effect(1).effect_id)
    sender.seen(effect(1).effect_id)
    async with asyncio.timeout(5):
        while not told:
            await asyncio.sleep(0)
    assert sender._timers == {}, "nobody wakes up for what is over"
    await sender.stop()
    assert told == [(EffectState.DONE, "")]
    assert not world.barred


async def test_an_event_that_is_quicker_than_the_answer_leaves_nothing_to_wait_for() -> None:
    class Quick(World):
        async def send(self, wanted: Effect) -> None:
            await super().send(wanted)
            sender.seen(wanted.effect_id)
            while not told:
                await asyncio.sleep(0)

    sender, told = await made(Quick([]))
    async with asyncio.timeout(20):
        await sender.do(effect(1))
    assert (told, sender._timers) == ([(EffectState.DONE, "")], {})


async def test_an_other_side_that_is_away_is_asked_again_when_it_is_back() -> None:
    class Away(World):
        up = False
        asked = 0

        async def look(self, wanted: Effect) -> str:
            self.asked += 1
            if not self.up:
                raise Unavailable("away")
            return await super().look(wanted)

    world = Away([])
    sender, told = await made(world)
    sender.take_over([effect(1)])
    async with asyncio.timeout(5):
        while not world.asked:
            await asyncio.sleep(0)
        world.up = True
        while not told:
            sender.look_now()
            await asyncio.sleep(0)
    await sender.stop()
    assert told == [(EffectState.NOT_DONE, "")]
