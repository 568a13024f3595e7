"""The service between the real call desk, the real bus and a fake Asterisk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from cti.bus import Bus
from cti.calls import CallDesk
from cti.domain import events as ev
from cti.domain.callend import LOST_BY
from cti.domain.errors import CallerError, NotFound, Unavailable
from cti.domain.model import (
    AgentId,
    AgentState,
    Call,
    CallId,
    CallState,
    ChannelName,
    Link,
    LinkConfidence,
    OfferId,
    OfferOutcome,
    PhoneState,
    QueueId,
    SkillId,
    SkillLevel,
    TenantId,
)
from cti.domain.phone import parse_called, parse_caller
from cti.domain.signals import LinkChanged, OfferDecided, OfferTakenBack, Signal, TreatmentDecided
from routing import model as m
from routing.calendar import calendar_from_data
from routing.desk import Announcement, DecisionRow, StateRow, TenantDesk
from routing.expected import SEEN_CALLS
from routing.expression import LastAgent, Named
from routing.queuedata import Comfort
from routing.reasons import Ids, render, unpacked
from routing.service import RoutingService
from routing.snapshot import to_json
from tests.contract.routing.fake_asterisk import FakeAsterisk

DEMO = TenantId("demo")
SATO, SMITH, SUZUKI = AgentId("sato"), AgentId("smith"), AgentId("suzuki")
JA = SkillId("ja")
LIMITS = m.Limits(wrap_up_s=0, nobody_entry_s=0.05, skip_alone_s=0.05, skip_s=0.05, unheard_s=0.2, backoff_s=0.05)
DESK = TenantDesk(
    tenant=DEMO,
    language="ja",
    rules=m.DeskRules(
        queues=(m.QueueRule(queue=QueueId("members"), skills=(SkillLevel(skill=JA, level=1),), ring_s=20),),
        agents=tuple(m.AgentRule(agent=agent, skills={JA: 3}) for agent in (SATO, SMITH, SUZUKI)),
        limits=LIMITS,
    ),
    agents={SATO: "佐藤 花子", SMITH: "Emma Smith", SUZUKI: "鈴木 一郎"},
    skills={JA: ("日本語", "Japanese")},
)


class MemoryStore:
    """Keeps what the service stores."""

    def __init__(self) -> None:
        self.desks = [DESK]
        self.kept: dict[tuple[TenantId, AgentId], StateRow] = {}
        self.decisions: list[DecisionRow] = []
        self.given: dict[tuple[TenantId, CallId], int] = {}  # priorities that people gave
        self.last: dict[str, AgentId] = {}  # who talked with a member last

    async def load(self) -> list[TenantDesk]:
        return self.desks

    async def states(self) -> list[StateRow]:
        return list(self.kept.values())

    async def priorities(self) -> dict[tuple[TenantId, CallId], int]:
        return dict(self.given)

    async def last_agent(self, tenant: TenantId, member_id: str, call_id: CallId) -> AgentId | None:
        return self.last.get(member_id)

    def put_state(self, row: StateRow) -> None:
        self.kept[row.tenant, row.agent] = row

    def put_decision(self, row: DecisionRow) -> None:
        self.decisions.append(row)


class Endpoints:
    """A directory of three."""

    def agent_of_endpoint(self, endpoint: str) -> tuple[TenantId, AgentId] | None:
        tenant, _, agent = endpoint.partition("-")
        return (TenantId(tenant), AgentId(agent)) if agent else None

    def endpoint_of(self, tenant: TenantId, agent: AgentId) -> str:
        if agent == "ghost":
            raise NotFound("no such agent")
        return f"{tenant}-{agent}"


class Sink:
    """The call desk's queue, and a memory of what routing posted."""

    def __init__(self) -> None:
        self.desk: CallDesk | None = None
        self.signals: list[Signal] = []

    def post(self, signal: Signal) -> None:
        self.signals.append(signal)
        assert self.desk is not None
        self.desk.post(signal)


class House:
    """Everything joined, as the wiring does it."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.sink = Sink()
        self.asterisk = FakeAsterisk(post=self.sink.post)
        self.store = MemoryStore()
        self.facts: list[ev.Event] = []
        self.heard = asyncio.Condition()
        self.desk = CallDesk(self.bus, Endpoints(), parse_caller=parse_caller, parse_called=parse_called)
        self.sink.desk = self.desk
        self.service = self.new_service()
        self.bus.subscribe("routing", self.service.handle, kinds=RoutingService.KINDS)
        self.bus.subscribe("test", self._hear, kinds=(ev.Event,))

    def new_service(self) -> RoutingService:
        numbers = count(1)
        return RoutingService(
            telephony=self.asterisk,
            sink=self.sink,
            events=self.bus,
            directory=Endpoints(),
            store=self.store,
            sounds="/sounds",
            new_offer_id=lambda: OfferId(f"{next(numbers):032x}"),
        )

    async def start(self) -> None:
        await self.bus.start()
        await self.desk.start()
        await self.service.start()
        for endpoint in (self.asterisk.endpoint, self.asterisk.other_endpoint):
            self.asterisk._phone(endpoint, PhoneState.IDLE)

    async def stop(self) -> None:
        await self.service.stop(0.5)
        await self.desk.stop()
        await self.bus.stop()

    async def _hear(self, event: ev.Event) -> None:
        async with self.heard:
            self.facts.append(event)
            self.heard.notify_all()

    async def fact(self, wanted: Callable[[ev.Event], bool]) -> ev.Event:
        """The first fact like this."""
        async with asyncio.timeout(5), self.heard:
            await self.heard.wait_for(lambda: any(wanted(fact) for fact in self.facts))
        return next(fact for fact in self.facts if wanted(fact))

    async def phones_known(self) -> None:
        await self.fact(lambda it: isinstance(it, ev.AgentPhoneChanged) and it.agent == SMITH)

    def log_in(self, *agents: AgentId) -> None:
        for agent in agents:
            self.service.choose_state(DEMO, agent, AgentState.AVAILABLE, "logged_in", by=agent)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    built = House()
    await built.start()
    await built.phones_known()
    yield built
    await built.stop()


def of_kind(signals: list[Signal], kind: type[Signal]) -> list[Signal]:
    return [signal for signal in signals if isinstance(signal, kind)]


async def test_a_call_rings_the_agent_is_answered_and_ends(house: House) -> None:
    house.log_in(SATO)
    channel = await house.asterisk.caller()
    await house.asterisk.until(channel, "ringing:demo-sato")
    (decided,) = of_kind(house.sink.signals, OfferDecided)
    assert isinstance(decided, OfferDecided)
    why = unpacked(decided.offer.reason)
    assert render(why, "ja", Ids()) == "ja 1以上の1名のうち、待機が最も長い。優先度0、お待ち0秒"
    assert render(why, "en", Ids()) == "longest idle of 1 with ja ≥ 1; priority 0, waited 0 s"
    await house.asterisk.answer("demo-sato")
    await house.fact(lambda it: isinstance(it, ev.CallAnswered))
    busy = house.service.agent(DEMO, SATO)
    assert busy is not None
    assert (busy.call_phase, busy.call_queue, busy.name) == ("talking", "members", "佐藤 花子")
    await house.asterisk.caller_hangs_up(channel)
    await house.fact(lambda it: isinstance(it, ev.CallEnded))
    second = await house.asterisk.caller()
    await house.asterisk.until(second, "ringing:demo-sato")


async def test_the_desk_hears_of_an_offer_before_asterisk_does(house: House) -> None:
    house.log_in(SATO)
    channel = await house.asterisk.caller()
    await house.asterisk.until(channel, "ringing:demo-sato")
    kinds = [type(signal).__name__ for signal in house.sink.signals]
    assert kinds.index("OfferDecided") < kinds.index("DialBegan")


async def test_a_declined_call_rings_the_next_and_keeps_its_age(house: House) -> None:
    house.log_in(SATO, SMITH)
    channel = await house.asterisk.caller()
    await house.asterisk.until(channel, "ringing:demo-sato")
    entered = next(fact for fact in house.facts if isinstance(fact, ev.CallQueued))
    await house.asterisk.phone_ends("demo-sato", "decline")
    await house.asterisk.until(channel, "ringing:demo-smith")
    ringing = await house.fact(lambda it: isinstance(it, ev.CallRinging) and it.agent == SMITH)
    assert isinstance(ringing, ev.CallRinging)
    assert ringing.call.queued_at == entered.call.queued_at
    assert [offer.outcome for offer in ringing.call.offers] == [OfferOutcome.REJECTED, None]
    assert [(row.kind, row.agent) for row in house.store.decisions if row.call_id] == [
        ("offered", SATO),
        ("offered", SMITH),
    ]


def linked(call: Call, member: str, confidence: LinkConfidence = LinkConfidence.LIKELY) -> ev.CallLinked:
    link = Link(confidence=confidence, score=0.9, why="number_only", member_id=member)
    return ev.CallLinked(at=datetime.now(UTC), tenant=DEMO, call=call, link=link, status="live")


async def last_agent_first(house: House) -> Call:
    """A call waits with a plan that asks for the last agent, then for Suzuki; Smith is at hand, Suzuki on a break."""
    steps = (m.Step(want=LastAgent(), expires_s=60), m.Step(want=Named(frozenset({SUZUKI})), expires_s=600))
    rules = replace(DESK.rules, queues=(replace(DESK.rules.queues[0], steps=steps),))
    house.store.desks = [replace(DESK, rules=rules)]
    house.store.last = {"m-1": SMITH}
    await house.service.reload()
    house.log_in(SMITH)
    house.service.choose_state(DEMO, SUZUKI, AgentState.BREAK, "lunch", by="suzuki")
    channel = await house.asterisk.caller()
    queued = await house.fact(lambda it: isinstance(it, ev.CallQueued) and it.call.channel == channel)
    assert isinstance(queued, ev.CallQueued)
    return queued.call


async def test_the_members_last_agent_is_asked_when_the_member_is_known(house: House) -> None:
    call = await last_agent_first(house)
    house.service.handle(linked(call, "m-1"))
    await house.asterisk.until(call.channel, "ringing:demo-smith")


@pytest.mark.parametrize(
    ("member", "confidence"), [("m-1", LinkConfidence.POSSIBLE), ("m-2", LinkConfidence.CONFIRMED)]
)
async def test_who_is_not_surely_a_member_with_a_last_agent_goes_on(
    house: House, member: str, confidence: LinkConfidence
) -> None:
    call = await last_agent_first(house)
    house.service.handle(linked(call, member, confidence))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not [row for row in house.store.decisions if row.kind == "offered"]


async def test_a_missed_call_gives_the_agent_a_break_and_everybody_hears_of_it(house: House) -> None:
    short = replace(DESK.rules, queues=(replace(DESK.rules.queues[0], ring_s=1),))
    house.store.desks = [replace(DESK, rules=short)]
    await house.service.reload()
    house.log_in(SATO)
    channel = await house.asterisk.caller()
    await house.asterisk.until(channel, "ringing:demo-sato")
    changed = await house.fact(lambda it: isinstance(it, ev.AgentStateChanged) and it.state is AgentState.BREAK)
    assert isinstance(changed, ev.AgentStateChanged)
    assert (changed.agent, changed.reason) == (SATO, "missed_offer")
    assert house.store.kept[DEMO, SATO].state is AgentState.BREAK


async def test_an_agent_who_gets_free_is_rung_in_the_same_breath(house: House) -> None:
    """From the fact to Telephony: no timer, no I/O, not more than the task's own step."""
    house.log_in(SATO)
    first = await house.asterisk.caller()
    await house.asterisk.until(first, "ringing:demo-sato")
    await house.asterisk.answer("demo-sato")
    await house.fact(lambda it: isinstance(it, ev.CallAnswered))
    second = await house.asterisk.caller()
    await house.fact(lambda it: isinstance(it, ev.CallQueued) and it.call.channel == second)
    call = house.desk.all_live(DEMO)[0]
    now = datetime.now(UTC)
    house.service.handle(ev.AgentFreed(at=now, tenant=DEMO, agent=SATO, call_id=call.call_id))
    asked: list[ChannelName] = []
    real = house.asterisk.offer

    async def offer(*args: object, channel: ChannelName, **rest: object) -> None:
        asked.append(channel)
        await real(*args, channel=channel, **rest)  # type: ignore[arg-type]

    house.asterisk.offer = offer  # type: ignore[method-assign]
    house.service.handle(ev.AgentPhoneChanged(at=now, tenant=DEMO, agent=SATO, phone=PhoneState.IDLE))
    await asyncio.sleep(0)
    assert asked == [second]


async def test_nobody_is_logged_in(house: House) -> None:
    channel = await house.asterisk.caller()
    await house.asterisk.until(channel, "treated:nobody_logged_in")
    assert len(of_kind(house.sink.signals, TreatmentDecided)) == 1
    assert [(row.kind, row.result) for row in house.store.decisions] == [("treated", "nobody_logged_in")]


async def test_asterisk_that_cannot_be_asked_is_asked_again(house: House) -> None:
    house.log_in(SATO)
    house.asterisk.up = False
    channel = await house.asterisk.caller()
    await house.fact(lambda it: isinstance(it, ev.OfferEnded))
    house.asterisk.up = True
    await house.asterisk.until(channel, "ringing:demo-sato")
    (back, *_) = of_kind(house.sink.signals, OfferTakenBack)
    assert isinstance(back, OfferTakenBack)
    assert back.outcome is OfferOutcome.WITHDRAWN
    assert house.service.stats.failures >= 1


async def test_no_link_no_offers_until_it_is_back(house: House) -> None:
    house.log_in(SATO)
    house.sink.post(LinkChanged(at=datetime.now(UTC), up=False))
    await house.fact(lambda it: isinstance(it, ev.AsteriskReachable))
    channel = await house.asterisk.caller()
    await house.fact(lambda it: isinstance(it, ev.CallQueued))
    assert of_kind(house.sink.signals, OfferDecided) == []
    house.sink.post(LinkChanged(at=datetime.now(UTC), up=True))
    await house.asterisk.until(channel, "ringing:demo-sato")


async def test_an_agent_without_an_endpoint_counts_as_unreachable(house: House) -> None:
    ghost = AgentId("ghost")
    rules = m.DeskRules(
        queues=DESK.rules.queues, agents=(m.AgentRule(agent=ghost, skills={JA: 5}), *DESK.rules.agents), limits=LIMITS
    )
    house.store.desks = [TenantDesk(tenant=DEMO, rules=rules)]
    await house.service.reload()
    house.service.handle(ev.AgentPhoneChanged(at=datetime.now(UTC), tenant=DEMO, agent=ghost, phone=PhoneState.IDLE))
    house.log_in(ghost, SATO)
    channel = await house.asterisk.caller()
    await house.asterisk.until(channel, "ringing:demo-sato")
    ended = next(fact for fact in house.facts if isinstance(fact, ev.OfferEnded))
    assert (ended.agent, ended.outcome) == (ghost, OfferOutcome.UNREACHABLE)


async def test_a_new_agent_gets_the_phone_state_heard_before(house: House) -> None:
    house.store.desks = [
        TenantDesk(tenant=DEMO, rules=m.DeskRules(queues=DESK.rules.queues, agents=DESK.rules.agents[1:]))
    ]
    await house.service.reload()
    house.store.desks = [DESK]
    await house.service.reload()
    back = house.service.agent(DEMO, SATO)
    assert back is not None
    assert back.phone is PhoneState.IDLE


async def test_a_restart_keeps_states_calls_and_ages(house: House) -> None:
    house.log_in(SATO, SMITH)
    talking = await house.asterisk.caller()
    await house.asterisk.until(talking, "ringing:demo-sato")
    await house.asterisk.answer("demo-sato")
    ringing = await house.asterisk.caller()
    await house.asterisk.until(ringing, "ringing:demo-smith")
    waiting = await house.asterisk.caller()
    await house.fact(lambda it: isinstance(it, ev.CallQueued) and it.call.channel == waiting)
    again = house.new_service()
    await again.start()
    for agent in (SATO, SMITH):
        again.handle(ev.AgentPhoneChanged(at=datetime.now(UTC), tenant=DEMO, agent=agent, phone=PhoneState.IDLE))
    offers = len(of_kind(house.sink.signals, OfferDecided))
    # The phones above were said to be idle before the calls are told: nobody must be rung for nothing.
    again.resync(house.desk.all_live())
    now = again.snapshot(DEMO)
    assert {agent.agent: agent.call_phase for agent in now.agents} == {
        SATO: "talking",
        SMITH: "ringing",
        SUZUKI: None,
    }
    (queue,) = now.queues
    since = {call.channel: call.queued_at for call in house.desk.all_live()}
    assert [call.since for call in queue.waiting] == [since[ringing], since[waiting]]
    assert len(of_kind(house.sink.signals, OfferDecided)) == offers
    await again.stop(0.1)


async def test_resync_forgets_calls_that_are_gone(house: House) -> None:
    house.log_in(SATO)
    channel = await house.asterisk.caller()
    await house.asterisk.until(channel, "ringing:demo-sato")
    house.service.resync([])
    assert house.service.stats.waiting == 0
    idle = house.service.agent(DEMO, SATO)
    assert idle is not None
    assert idle.call_id is None


async def test_who_leaves_a_message_is_not_taken_out_of_it_by_a_restart(house: House) -> None:
    await house.asterisk.caller()
    await house.fact(lambda it: isinstance(it, ev.CallQueued))
    (call,) = house.desk.all_live()
    again = house.new_service()
    await again.start()
    again.resync([replace(call, voicemail_at=datetime.now(UTC))])
    assert again.stats.waiting == 0
    again.resync([call])
    assert again.stats.waiting == 1
    # Asterisk tells that they are hearing the words by which the call ends.
    again.handle(ev.CallTreated(at=datetime.now(UTC), tenant=DEMO, call=call))
    assert again.stats.waiting == 0
    await again.stop(0.1)


async def test_a_slow_reading_of_the_desk_does_not_undo_a_newer_one(house: House) -> None:
    """A plan was published twice; the database answers the first question last."""
    old, new = [DESK], [replace(DESK, agents={**DESK.agents, SATO: "新しい名前"})]
    gate = asyncio.Event()
    answers = iter([(old, gate.wait()), (new, asyncio.sleep(0))])

    async def load() -> list[TenantDesk]:
        desks, wait = next(answers)
        await wait
        return desks

    house.store.load = load  # type: ignore[method-assign]
    both = [asyncio.create_task(house.service.reload()) for _ in range(2)]
    for _ in range(5):
        await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*both)
    sato = house.service.agent(DEMO, SATO)
    assert sato is not None
    assert sato.name == "新しい名前"


async def test_positions_are_said_in_the_callers_language(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.announce.FIRST", timedelta(seconds=0.05))
    house.store.desks = [replace(DESK, comfort={QueueId("members"): Comfort(every_s=0.1)})]
    await house.service.reload()
    house.service.choose_state(DEMO, SATO, AgentState.BREAK, "lunch", by="sato")
    first = await house.asterisk.caller()
    second = await house.asterisk.caller()
    async with asyncio.timeout(5):
        while len(house.asterisk.said) < 4:
            await asyncio.sleep(0.01)
    assert set(house.asterisk.said) == {(first, "/sounds/ja/position-next"), (second, "/sounds/ja/position-2")}


async def test_the_expected_wait_is_said_once_enough_calls_were_seen(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.announce.FIRST", timedelta(seconds=0.05))
    house.store.desks = [replace(DESK, comfort={QueueId("members"): Comfort(every_s=0.1, expected=True)})]
    await house.service.reload()
    # At work, but on the phone.
    house.service.choose_state(DEMO, SATO, AgentState.AVAILABLE, "", by="sato")
    house.service.handle(ev.AgentPhoneChanged(at=datetime.now(UTC), tenant=DEMO, agent=SATO, phone=PhoneState.BUSY))
    channel = await house.asterisk.caller()
    async with asyncio.timeout(5):
        while not house.asterisk.said:
            await asyncio.sleep(0.01)
        assert house.asterisk.said == [(channel, "/sounds/ja/position-next")]  # our guess is nothing to tell
        (flow,) = (line.flow for line in house.service.supervisors._rooms[DEMO].engine.queues() if line.keys)
        for _ in range(SEEN_CALLS):
            flow.handled(200.0)
        while len(house.asterisk.said) < 3:
            await asyncio.sleep(0.01)
    assert house.asterisk.said[-1] == (channel, "/sounds/ja/position-next&/sounds/ja/wait-3")


async def test_no_wait_is_told_that_the_queue_will_not_let_them_have(house: House) -> None:
    """Sent away after a minute (``max_wait_s``), nobody is told three."""
    house.service.choose_state(DEMO, SATO, AgentState.AVAILABLE, "", by="sato")
    house.service.handle(ev.AgentPhoneChanged(at=datetime.now(UTC), tenant=DEMO, agent=SATO, phone=PhoneState.BUSY))
    await house.asterisk.caller()
    engine = house.service.supervisors._rooms[DEMO].engine
    async with asyncio.timeout(5):
        while not (calls := list(engine.calls())):
            await asyncio.sleep(0.01)
    (call,) = calls
    for line in engine.queues():
        for _ in range(SEEN_CALLS):
            line.flow.handled(200.0)
    now = datetime.now(UTC)
    wait_s = engine.wait_to_tell_s(call, now)
    assert wait_s is not None
    assert 60 < wait_s < 240
    assert engine.wait_to_tell_s(call, now + timedelta(seconds=call.queue.max_wait_s - wait_s + 5)) is None
    call.queue = replace(call.queue, max_wait_s=60)
    assert engine.wait_to_tell_s(call, now) is None


async def test_wishes_that_cannot_be(house: House) -> None:
    choose = house.service.choose_state
    with pytest.raises(NotFound):
        choose(DEMO, AgentId("nobody"), AgentState.AVAILABLE, "", by="x")
    with pytest.raises(NotFound):
        choose(TenantId("other"), SATO, AgentState.AVAILABLE, "", by="x")
    with pytest.raises(CallerError, match="slug"):
        choose(DEMO, SATO, AgentState.BREAK, "昼休み", by="x")
    with pytest.raises(CallerError, match="wrap-up"):
        choose(DEMO, SATO, AgentState.WRAP_UP, "", by="x")
    assert house.service.agent(DEMO, AgentId("nobody")) is None
    assert house.service.snapshot(TenantId("other")).queues == ()


async def test_who_changed_a_state_is_stored(house: House) -> None:
    house.service.choose_state(DEMO, SATO, AgentState.BREAK, "lunch", by="tanaka")
    row = house.store.kept[DEMO, SATO]
    assert (row.state, row.reason, row.by) == (AgentState.BREAK, "lunch", "tanaka")


async def test_the_snapshot_is_json(house: House) -> None:
    house.log_in(SATO)
    channel = await house.asterisk.caller()
    await house.asterisk.until(channel, "ringing:demo-sato")
    await house.asterisk.caller()
    await house.fact(lambda it: isinstance(it, ev.CallQueued) and it.call.channel != channel)
    data = to_json(house.service.snapshot(DEMO))
    (queue,) = data["queues"]
    assert (queue["waiting_count"], queue["agents_logged_in"], queue["agents_available"]) == (2, 1, 0)
    assert [call["offered_to"] for call in queue["waiting"]] == ["sato", None]
    assert [call["position"] for call in queue["waiting"]] == [None, 1]
    assert queue["waiting"][1]["expected_s"] == pytest.approx(240 * 0.702, rel=0.001)  # the median of one turn
    assert {agent["agent"]: agent["call_phase"] for agent in data["agents"]}["sato"] == "ringing"


async def test_a_bug_in_one_room_does_not_stop_the_clock(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(told: m.Told, now: datetime) -> list[m.Decision]:
        raise ZeroDivisionError

    service = house.new_service()
    service._rooms = {TenantId("other"): service._room(TenantId("other")), **house.service._rooms}
    monkeypatch.setattr(service._room(TenantId("other")).engine, "advance", broken)
    channel = await house.asterisk.caller()
    await house.fact(lambda it: isinstance(it, ev.CallQueued))
    house.service._timer.cancel()  # type: ignore[union-attr]
    service._dispatch.channels = house.service._dispatch.channels
    service.tick()  # sets its timer, in spite of the other one
    await house.asterisk.until(channel, "treated:nobody_logged_in")
    assert "what was due in routing failed" in {record.message for record in caplog.records}
    await service.stop(0.1)


async def test_it_says_when_it_is_late(house: House) -> None:
    house.service.choose_state(DEMO, SATO, AgentState.BREAK, "lunch", by="sato")
    await house.asterisk.caller()
    await house.fact(lambda it: isinstance(it, ev.CallQueued))
    assert house.service.alive
    house.service._clock = lambda: datetime.now(UTC) + timedelta(seconds=1000)
    assert not house.service.alive


async def test_a_caller_who_is_passed_on_to_a_queue(house: House) -> None:
    """Told before the agent's own end of the talk is: limits count from now, the agent is not asked at once."""
    house.log_in(SATO, SMITH)
    channel = await house.asterisk.caller()
    await house.asterisk.until(channel, "ringing:demo-sato")
    await house.asterisk.answer("demo-sato")
    answered = await house.fact(lambda it: isinstance(it, ev.CallAnswered))
    assert isinstance(answered, ev.CallAnswered)
    late = answered.at + timedelta(hours=2)
    house.service._clock = lambda: late
    call = replace(answered.call, state=CallState.QUEUED)
    house.service.handle(ev.CallQueued(at=late, tenant=DEMO, call=call))
    (offer,) = of_kind(house.sink.signals, OfferDecided)[1:]
    assert isinstance(offer, OfferDecided)
    assert offer.offer.agent == SMITH
    assert of_kind(house.sink.signals, TreatmentDecided) == []


async def test_a_caller_whose_agent_was_lost_is_asked_of_that_agent_again(house: House) -> None:
    house.log_in(SATO, SMITH)
    channel = await house.asterisk.caller()
    await house.asterisk.until(channel, "ringing:demo-sato")
    await house.asterisk.answer("demo-sato")
    answered = await house.fact(lambda it: isinstance(it, ev.CallAnswered))
    assert isinstance(answered, ev.CallAnswered)
    late = answered.at + timedelta(minutes=5)
    house.service._clock = lambda: late
    call = replace(answered.call, state=CallState.QUEUED, extra={LOST_BY: SATO})
    house.service.handle(ev.AgentFreed(at=late, tenant=DEMO, agent=SATO, call_id=call.call_id))
    house.service.handle(ev.AgentPhoneChanged(at=late, tenant=DEMO, agent=SATO, phone=PhoneState.IDLE))
    house.service.handle(ev.CallQueued(at=late, tenant=DEMO, call=call))
    assert [it.offer.agent for it in house.sink.signals if isinstance(it, OfferDecided)] == [SATO, SATO]


async def test_a_store_that_is_away_at_start_is_said(house: House) -> None:
    class Away(MemoryStore):
        async def load(self) -> list[TenantDesk]:
            raise Unavailable("the database is away")

    house.store = Away()
    with pytest.raises(Unavailable):
        await house.new_service().start()


async def test_calls_end_as_they_should(house: House) -> None:
    """Twenty callers, two agents, every kind of end: nothing is left over."""
    house.log_in(SATO, SMITH)
    channels = [await house.asterisk.caller() for _ in range(12)]
    ways = ("decline", "busy", "congestion")
    async with asyncio.timeout(20):
        for turn in count():
            ringing = [caller.endpoint for caller in house.asterisk.callers.values() if caller.place[:4] == "ring"]
            if not house.asterisk.callers:
                break
            for endpoint in ringing:
                assert endpoint is not None
                if turn % 5 == 4:
                    await house.asterisk.phone_ends(endpoint, ways[turn % 3])
                else:
                    await house.asterisk.caller_hangs_up(await house.asterisk.answer(endpoint))
            for agent in (SATO, SMITH):
                house.log_in(agent)
            await asyncio.sleep(0.005)
    await house.fact(lambda it: isinstance(it, ev.CallEnded) and len(house.desk.all_live()) == 0)
    ended = [fact for fact in house.facts if isinstance(fact, ev.CallEnded)]
    assert sorted(fact.call.channel for fact in ended) == sorted(channels)
    assert house.service.stats.waiting == house.service.stats.offers_live == 0
    assert all(fact.call.state is CallState.ENDED for fact in ended)


# --- Closed, full, another queue ---

SHUT = calendar_from_data({"id": "shut", "weekly": {}, "holidays": "none"}, zone="Asia/Tokyo")


async def closed(house: House, then: m.Treatment) -> None:
    """Members is closed from now on, and this is what becomes of its callers; "night" is open and asks for nothing."""
    rule = replace(DESK.rules.queues[0], hours=SHUT, treatments={m.CLOSED: then})
    night = m.QueueRule(queue=QueueId("night"))
    house.store.desks = [replace(DESK, rules=replace(DESK.rules, queues=(rule, night)))]
    await house.service.reload()


async def test_a_message_of_the_desks_own_when_it_is_closed(house: House) -> None:
    await closed(house, m.Treatment(do=m.Do.HANG_UP, text="t-closed"))
    channel = await house.asterisk.caller()
    await house.asterisk.until(channel, "treated:closed")
    assert await house.asterisk.variable(channel, "CTI_OWN_TEXT") == "t-closed"
    (row,) = house.store.decisions
    assert (row.kind, row.slug, row.result) == ("treated", "closed_weekday", "closed")
    assert [it.treatment for it in house.sink.signals if isinstance(it, TreatmentDecided)] == ["closed"]


async def test_voicemail_when_it_is_closed(house: House) -> None:
    await closed(house, m.Treatment(do=m.Do.VOICEMAIL))
    channel = await house.asterisk.caller()
    await house.asterisk.until(channel, "treated:voicemail")
    assert await house.asterisk.variable(channel, "CTI_OWN_TEXT") == ""


async def test_another_queue_when_it_is_closed(house: House) -> None:
    """The queue is Asterisk's to know: what the dialplan reports from there moves the call, with its age."""
    await closed(house, m.Treatment(do=m.Do.QUEUE, to=QueueId("night"), text="t-night"))
    for agent in (SATO, SMITH):
        house.service.choose_state(DEMO, agent, AgentState.BREAK, "lunch", by="x")
    channel = await house.asterisk.caller()
    await house.fact(lambda it: isinstance(it, ev.CallQueued) and it.call.queue == "night")
    first, second = [it.call for it in house.facts if isinstance(it, ev.CallQueued)]
    assert (first.queue, second.queue) == ("members", "night")
    assert first.queued_at == second.queued_at
    assert house.asterisk.said == [(channel, "/sounds/ja/t-night")]
    assert not [it for it in house.sink.signals if isinstance(it, TreatmentDecided)]
    house.service.choose_state(DEMO, SATO, AgentState.AVAILABLE, "", by="x")
    await house.asterisk.until(channel, f"ringing:{house.asterisk.endpoint}")


async def test_who_waits_is_not_closed_out_by_a_restart(house: House) -> None:
    for agent in (SATO, SMITH):
        house.service.choose_state(DEMO, agent, AgentState.BREAK, "lunch", by="x")
    channel = await house.asterisk.caller()
    await house.asterisk.until(channel, "waiting")
    await closed(house, m.Treatment())
    house.bus.subscribe("routing-2", (again := house.new_service()).handle, kinds=RoutingService.KINDS)
    await again.start()
    again.resync(house.desk.all_live())
    assert not [it for it in house.sink.signals if isinstance(it, TreatmentDecided)]
    assert again.stats.waiting == 1
    await again.stop()


async def test_an_announcement_is_heard_once_by_those_who_wait(house: House) -> None:
    def announced(name: str, *, queue: str | None = None, number: str | None = None, ends: int = 60) -> Announcement:
        return Announcement(
            announcement=name, queue=None if queue is None else QueueId(queue), number=number, sound=f"t-{name}",
            begins_at=now - timedelta(minutes=5), ends_at=now + timedelta(seconds=ends),
        )  # fmt: skip

    now = datetime.now(UTC)
    all_of_them = (
        announced("storm", queue="members"),
        announced("number", number="+81501234500"),
        announced("other", queue="night"),
        announced("over", queue="members", ends=-1),
    )
    house.store.desks = [replace(DESK, announcements=all_of_them)]
    await house.service.reload()
    for agent in (SATO, SMITH):
        house.service.choose_state(DEMO, agent, AgentState.BREAK, "lunch", by="x")
    channel = await house.asterisk.caller()
    async with asyncio.timeout(5):
        while not house.asterisk.said:
            await asyncio.sleep(0.01)
    assert house.asterisk.said == [(channel, "/sounds/ja/t-storm&/sounds/ja/t-number")]
    house.service.resync(house.desk.all_live())
    assert len(house.asterisk.said) == 1
    await house.asterisk.caller_hangs_up(channel)


async def test_who_is_connected_at_once_hears_no_announcement(house: House) -> None:
    now = datetime.now(UTC)
    storm = Announcement(
        announcement="storm", queue=QueueId("members"), number=None, sound="t-storm", begins_at=now,
        ends_at=now + timedelta(hours=1),
    )  # fmt: skip
    house.store.desks = [replace(DESK, announcements=(storm,))]
    await house.service.reload()
    house.log_in(SATO)
    channel = await house.asterisk.caller()
    await house.asterisk.until(channel, "ringing:demo-sato")
    assert house.asterisk.said == []
