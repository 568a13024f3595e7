"""The keeper of places: promises, turns, what attempts come to, with fakes of line, sender and store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
import pytest_asyncio

from cti.domain import events as ev
from cti.domain.callbacks import CallbackRules, CallbackState
from cti.domain.effects import Effect, EffectMove, advance
from cti.domain.errors import NotFound, Unavailable
from cti.domain.model import (
    AgentId,
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    Offer,
    OfferId,
    QueueId,
    TenantId,
    UniqueId,
)
from routing.attempts import RETURN_PAUSE_S
from routing.callbacks import CallbackKeeper

T0 = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
DEMO, MEMBERS = TenantId("demo"), QueueId("members")
NUMBER = "+819012345678"
RULES = CallbackRules(opens=time(0), closes=time(23), zone=UTC, tries=2, pause_s=60)


def a_call(call_id: str, *, number: str = NUMBER, state: CallState = CallState.QUEUED, **extra: str) -> Call:
    return Call(
        call_id=CallId(call_id), tenant=DEMO, state=state, channel=ChannelName(f"PJSIP/{call_id}"),
        uniqueid=UniqueId(call_id), number_called="+815012345000",
        caller=CallerNumber(kind=CallerKind.NUMBER, e164=number, national=number), arrived_at=T0, queue=MEMBERS,
        queued_at=T0, extra=extra,
    )  # fmt: skip


class World:
    """Everything around the keeper."""

    def __init__(self) -> None:
        self.now = T0 + timedelta(minutes=5)
        self.live: dict[CallId, Call] = {}
        self.line: dict[CallId, datetime] = {}
        self.put: list[CallId] = []
        self.failed_offers: list[OfferId] = []
        self.withholding = True
        self.saved: list[Any] = []
        self.disk = asyncio.Event()  # cleared: it takes its time
        self.disk.set()
        self.full = False
        self.broken = False
        self.sent: list[Effect] = []
        self.hung_up: list[str] = []
        self.marks: dict[str, str] = {}
        self.places: Any = None
        self.keeper = CallbackKeeper(
            line=self, store=self, telephony=self, sink=self, rules=lambda *_: RULES, live=self.live.get,
            mark=self.mark, clock=lambda: self.now,
        )  # fmt: skip
        self.keeper.sender = _Sender(self)

    # Absentees
    def keep(self, _tenant: TenantId, call_id: CallId, *, queued_at: datetime, **_: Any) -> None:
        self.line[call_id] = queued_at

    def let_go(self, _tenant: TenantId, call_id: CallId) -> None:
        self.line.pop(call_id, None)

    def failed(self, offer: Offer) -> None:
        self.failed_offers.append(offer.offer_id)

    def withhold(self, *_: Any) -> bool:
        return self.withholding

    def put_back(self, call: Call) -> None:
        self.put.append(call.call_id)

    # Store, Sender, Telephony, SignalSink
    async def save(self, *records: Any) -> None:
        if self.broken:
            raise RuntimeError("a bug")
        if self.full:
            raise Unavailable("no disk")
        await self.disk.wait()
        self.saved.extend(records)

    async def do(self, effect: Effect, *also: Any) -> None:
        await self.save(effect, *also)
        self.sent.append(effect)

    def seen(self, effect_id: str) -> None: ...

    async def hang_up(self, *, channel: str) -> None:
        self.hung_up.append(channel)

    async def set_variables(self, **_: Any) -> None: ...

    def post(self, _signal: Any) -> None: ...

    async def mark(self, effect_id: str) -> str:
        return self.marks.get(effect_id, "")

    # What happens
    def end(self, call_id: str) -> None:
        call = self.live.pop(CallId(call_id))
        self.line.pop(CallId(call_id), None)  # routing's own part of the same fact
        self.keeper.handle(ev.CallEnded(at=self.now, tenant=DEMO, call=replace(call, state=CallState.ENDED)))

    async def promised(self, call_id: str = "x") -> CallId:
        """A caller kept their place and hung up: the call that stands in line for them."""
        self.live[CallId(call_id)] = a_call(call_id)
        assert await self.keeper.keep(CallId(call_id), NUMBER, "ja")
        self.keeper._look()
        assert self.line == {}, "not while the caller is still on the line"
        self.end(call_id)
        (place,) = self.line
        assert self.line[place] == T0, "with the age of the call"
        return place

    async def turn(self, place: CallId) -> Effect:
        self.keeper.turn(offer(place))
        await settle()
        return self.sent[-1]

    def state(self) -> CallbackState:
        state: CallbackState = [one for one in self.saved if not isinstance(one, Effect)][-1].state
        return state


def offer(call_id: CallId) -> Offer:
    return Offer(
        offer_id=OfferId("f" * 32), tenant=DEMO, call_id=call_id, queue=MEMBERS, agent=AgentId("sato"), ring_s=20,
        reason="", made_at=T0, attempt=1,
    )  # fmt: skip


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def fact(kind: Callable[..., Any], world: World, call: Call, **fields: Any) -> Any:
    return kind(at=world.now, tenant=DEMO, call=call, **fields)


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    made.keeper.start()
    yield made
    await made.keeper.stop()


class _Sender:
    """``live`` means calls in the world and effects here."""

    def __init__(self, world: World) -> None:
        self.do, self.seen, self.live = world.do, world.seen, ()


async def test_a_promise_is_on_disk_before_it_is_given(world: World) -> None:
    world.live[CallId("x")] = a_call("x")
    world.full = True
    assert not await world.keeper.keep(CallId("x"), NUMBER, "ja")
    assert world.put == ["x"], "the caller waits on"
    world.full = False
    assert await world.keeper.keep(CallId("x"), NUMBER, "ja")
    assert world.state() is CallbackState.WAITING


async def test_a_caller_whose_promise_failed_for_a_reason_of_ours_waits_on(world: World) -> None:
    """The dialplan takes them back to the same wait, which is no news: nobody else would put them in line."""
    world.live[CallId("x")] = a_call("x")
    world.broken = True
    with pytest.raises(RuntimeError):
        await world.keeper.keep(CallId("x"), NUMBER, "ja")
    assert world.put == ["x"]


async def test_nobody_is_promised_what_cannot_be(world: World) -> None:
    world.live[CallId("x")] = a_call("x")
    assert not await world.keeper.keep(CallId("x"), "+81990123456", "ja"), "premium"
    assert not await world.keeper.keep(CallId("y"), NUMBER, "ja"), "no such call"
    world.withholding = False
    assert not await world.keeper.keep(CallId("x"), NUMBER, "ja"), "an agent is being rung for them"
    world.now = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    world.withholding = True
    assert not await world.keeper.keep(CallId("x"), NUMBER, "ja"), "outside the hours"
    assert world.saved == []


async def test_a_turn_is_stored_with_its_reason_and_sent_once(world: World) -> None:
    place = await world.promised()
    effect = await world.turn(place)
    assert (effect.body["call"], effect.body["number"]) == (place, NUMBER)
    stored, calling = world.saved[-2:]
    assert stored is effect
    assert (calling.state, calling.effect_id) == (CallbackState.CALLING, effect.effect_id)
    world.keeper.turn(offer(place))
    await settle()
    assert len(world.sent) == 1
    assert place not in world.line


async def test_what_cannot_be_stored_frees_the_agent_and_keeps_the_place(world: World) -> None:
    place = await world.promised()
    world.full = True
    world.keeper.turn(offer(place))
    await settle()
    assert (world.sent, world.failed_offers) == ([], ["f" * 32])
    (waiting,) = world.keeper.open(DEMO)
    assert (waiting.state, waiting.tries) == (CallbackState.WAITING, 0)


async def test_not_done_costs_no_try(world: World) -> None:
    effect = await world.turn(await world.promised())
    sent = advance(effect, EffectMove.SEND, world.now)
    world.keeper.settled(advance(sent, EffectMove.REFUSE, world.now), "")
    (waiting,) = world.keeper.open(DEMO)
    assert (waiting.state, waiting.tries, waiting.attempt) == (CallbackState.WAITING, 0, None)
    assert world.line == {}, "an Asterisk that refuses is not asked all the time"
    world.now += timedelta(seconds=RETURN_PAUSE_S)
    world.keeper._look()
    assert list(world.line.values()) == [T0]


async def placed(world: World, effect: Effect) -> None:
    """Asterisk has placed the call of an attempt, of which nothing is known here; it is asked what it wrote."""
    world.keeper._up = True
    world.keeper.settled(advance(advance(effect, EffectMove.SEND, world.now), EffectMove.CONFIRM, world.now), "")


async def test_a_phone_that_was_rung_while_nobody_of_ours_listened_was_a_try(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.attempts.RETRY_S", 0)
    for state in (CallbackState.WAITING, CallbackState.GIVEN_UP):
        place = next(iter(world.line), None) or await world.promised()
        effect = await world.turn(place)
        world.marks[effect.effect_id] = "dialling"
        await placed(world, effect)
        await settle()
        assert world.state() is state
        world.now += timedelta(seconds=60)
        world.keeper._look()
    assert world.keeper.open(DEMO) == []


async def test_a_call_that_shows_while_asterisk_is_asked_is_no_attempt_that_came_to_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.attempts.RETRY_S", 0)
    place = await world.promised()
    effect = await world.turn(place)
    asked = asyncio.Event()

    async def mark(_effect_id: str) -> str:
        world.live[place] = a_call(place, callback=effect.body["callback"])
        asked.set()
        return "begun"

    world.keeper._mark = mark
    await placed(world, effect)
    async with asyncio.timeout(5):
        await asked.wait()
    await settle()
    assert world.state() is CallbackState.CALLING


async def test_a_callback_that_is_cancelled_as_its_turn_comes_rings_nobody(world: World) -> None:
    place = await world.promised()
    (waiting,) = world.keeper.open(DEMO)
    with pytest.raises(NotFound):
        await world.keeper.cancel(TenantId("lease"), waiting.callback_id)
    world.keeper.turn(offer(place))
    await world.keeper.cancel(DEMO, waiting.callback_id)
    await settle()
    assert (world.sent, world.line, world.state()) == ([], {}, CallbackState.CANCELLED)


async def test_reached_is_over_and_missed_is_tried_again_until_given_up(world: World) -> None:
    for status, state in (("BUSY", CallbackState.WAITING), ("MAILBOX", CallbackState.GIVEN_UP)):
        place = next(iter(world.line), None) or await world.promised()
        effect = await world.turn(place)
        call = world.live[place] = a_call(place, callback=effect.body["callback"])
        world.keeper.handle(fact(ev.CallbackReported, world, call, effect_id=effect.effect_id, status=status))
        await settle()
        assert world.state() is state
        world.end(place)
        world.now += timedelta(seconds=61)
        world.keeper._look()
    place = await world.promised("z")
    effect = await world.turn(place)
    call = world.live[place] = a_call(place, callback=effect.body["callback"])
    world.keeper.handle(fact(ev.CallbackReported, world, call, effect_id=effect.effect_id, status="ANSWER"))
    await settle()
    assert world.state() is CallbackState.REACHED
    assert world.keeper.open(DEMO) == []


async def test_a_word_of_before_does_not_call_a_person_twice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asterisk is asked how an attempt ended, and meanwhile its call shows and tells that the person is there."""
    monkeypatch.setattr("routing.attempts.RETRY_S", 0)
    place = await world.promised()
    effect = await world.turn(place)
    asked = asyncio.Event()

    async def mark(_effect_id: str) -> str:
        call = world.live[place] = a_call(place, callback=effect.body["callback"])
        world.keeper.handle(fact(ev.CallbackReported, world, call, effect_id=effect.effect_id, status="ANSWER"))
        asked.set()
        return "dialling"

    world.keeper._mark = mark
    world.keeper._up = True
    world.keeper.settled(advance(advance(effect, EffectMove.SEND, world.now), EffectMove.CONFIRM, world.now), "")
    async with asyncio.timeout(5):
        await asked.wait()
    await settle()
    assert world.state() is CallbackState.REACHED
    assert world.keeper.open(DEMO) == []


async def test_who_calls_again_takes_their_place_over(world: World) -> None:
    place = await world.promised()
    again = world.live[CallId("again")] = a_call("again")
    assert world.keeper.place_of(again) == T0
    assert world.keeper.place_of(again) == T0, "asked as often as one likes"
    await settle()
    assert world.state() is CallbackState.TAKEN_OVER
    assert place not in world.line
    assert world.keeper.place_of(a_call("other", number="+819000000000")) is None


async def test_a_person_who_calls_while_an_agent_is_rung_for_them_ends_the_attempt(world: World) -> None:
    place = await world.promised()
    effect = await world.turn(place)
    ghost = world.live[place] = a_call(place, callback=effect.body["callback"])
    world.keeper.place_of(a_call("again"))
    await settle()
    assert world.hung_up == [ghost.channel]


async def test_a_person_who_talks_and_calls_from_the_same_number_is_not_cut_off(world: World) -> None:
    place = await world.promised()
    effect = await world.turn(place)
    world.live[place] = a_call(
        place, state=CallState.TALKING, callback=effect.body["callback"], callback_status="ANSWER"
    )
    assert world.keeper.place_of(a_call("again")) is None
    await settle()
    assert (world.hung_up, world.state()) == ([], CallbackState.CALLING)


async def test_who_was_promised_and_stays_waits_on(world: World) -> None:
    world.live[CallId("x")] = a_call("x")
    assert await world.keeper.keep(CallId("x"), NUMBER, "ja")
    world.keeper.stayed(CallId("x"))
    await settle()
    assert world.put == ["x"]
    assert world.state() is CallbackState.TAKEN_OVER
    world.end("x")
    assert world.line == {}


async def test_outside_the_hours_nobody_stands_in_line(world: World) -> None:
    place = await world.promised()
    world.now = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    world.keeper._look()
    assert place not in world.line
    world.now = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
    world.keeper._look()
    assert list(world.line.values()) == [T0], "in the morning, with the age"


async def test_a_cancelled_attempt_is_hung_up_when_it_shows(world: World) -> None:
    place = await world.promised()
    await world.turn(place)
    (calling,) = world.keeper.open(DEMO)
    await world.keeper.cancel(DEMO, calling.callback_id)
    ghost = a_call(place, state=CallState.ARRIVED, callback=calling.callback_id)
    world.keeper.handle(fact(ev.CallArrived, world, ghost))
    await settle()
    assert world.hung_up == [ghost.channel]


async def test_who_cancels_is_answered_when_it_is_on_disk(world: World) -> None:
    """Else a server that dies a moment later leaves a person to be called whom nobody wants to call."""
    place = await world.promised()
    (waiting,) = world.keeper.open(DEMO)
    world.disk.clear()
    answer = asyncio.create_task(world.keeper.cancel(DEMO, waiting.callback_id))
    await settle()
    assert not answer.done()
    assert (world.keeper.open(DEMO), place in world.line) == ([], False), "nobody is called from the first moment"
    world.disk.set()
    assert (await answer).state is CallbackState.CANCELLED
    assert world.state() is CallbackState.CANCELLED


async def test_who_cancels_and_no_disk_takes_it_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.callbacks.STORED_S", 0.01)
    monkeypatch.setattr("routing.callbook.RETRY_S", 0.01)
    await world.promised()
    (waiting,) = world.keeper.open(DEMO)
    world.full = True
    with pytest.raises(Unavailable, match="could not be stored"):
        await world.keeper.cancel(DEMO, waiting.callback_id)
    assert world.keeper.open(DEMO) == [], "and nobody is called all the same"
    world.full = False
    async with asyncio.timeout(20):
        while world.state() is not CallbackState.CANCELLED:
            await asyncio.sleep(0)


async def test_a_place_that_nobody_wants_is_hung_up(world: World) -> None:
    """Its callback ended while the server was away; one whose person is on the line stays."""
    stale = a_call("stale", callback="c" * 32)
    world.keeper.handle(fact(ev.CallQueued, world, stale))
    talking = a_call("lost-agent", callback="c" * 32, callback_status="ANSWER")
    world.keeper.handle(fact(ev.CallQueued, world, talking))
    await settle()
    assert world.hung_up == [stale.channel]
