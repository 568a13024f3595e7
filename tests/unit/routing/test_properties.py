"""Properties a to h, under random histories, and the same decisions as the engine that looks at everybody."""

from __future__ import annotations

from datetime import datetime, timedelta

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cti.domain.model import (
    AgentId,
    AgentState,
    CallId,
    OfferId,
    OfferOutcome,
    PhoneState,
    QueueId,
    SkillId,
    SkillLevel,
)
from routing import model as m
from routing.engine import Engine
from routing.expression import AnyOf, Expression, Has, Named, needs
from routing.index import Index
from tests.unit.routing.reference import T0, ScanIndex, fits, ids, skills

MEMBERS, ROADSIDE, ENGLISH, CLOSED = (QueueId(name) for name in ("members", "roadside", "english", "closed"))
QUEUES = (MEMBERS, ROADSIDE, ENGLISH, CLOSED)
AGENTS = tuple(AgentId(name) for name in ("sato", "suzuki", "smith", "mori", "kato"))
CALLS = tuple(CallId(f"call-{n}") for n in range(9))
EXTRA = ((), skills(en=3), skills(roadside=2, ja=2))
FAR = timedelta(days=1)

ANY_LEVELS = st.dictionaries(
    st.sampled_from([SkillId("ja"), SkillId("en"), SkillId("roadside")]), st.integers(1, 5), max_size=3
)
EVERYTHING = st.just({SkillId("ja"): 5, SkillId("en"): 5, SkillId("roadside"): 5})
levels = st.one_of(EVERYTHING, ANY_LEVELS)
PLANS: tuple[tuple[m.Step, ...], ...] = (
    (),
    (m.Step(want=None, expires_s=20), m.Step(want=Has(SkillId("ja"), 1), expires_s=None)),
    (
        m.Step(want=Named(frozenset({AGENTS[0], AGENTS[3]})), expires_s=15),
        m.Step(want=AnyOf((Has(SkillId("en"), 2), Has(SkillId("roadside"), 4))), expires_s=40),
    ),
)


@st.composite
def desks(draw: st.DrawFn) -> m.DeskRules:
    """Rules of a small desk."""
    queues = tuple(
        m.QueueRule(
            queue=queue,
            priority=draw(st.sampled_from([0, 0, 10])),
            skills=draw(st.sampled_from([(), skills(ja=1), skills(roadside=2), skills(en=3)])),
            ring_s=draw(st.sampled_from([5, 20])),
            max_wait_s=draw(st.sampled_from([60, 300])),
            nobody_wait=draw(st.booleans()),
            active=queue is not CLOSED,
            wrap_up_s=draw(st.sampled_from([None, 0, 30])),
            steps=draw(st.sampled_from(PLANS)),
            ageing_every_s=draw(st.sampled_from([None, 10])),
            ageing_most=12,
        )
        for queue in QUEUES
    )
    agents = tuple(m.AgentRule(agent=agent, skills=draw(levels)) for agent in AGENTS if draw(st.integers(0, 5)))
    return m.DeskRules(queues=queues, agents=agents)


class Desk(RuleBasedStateMachine):
    """Several engines, one told history. The machine keeps its own account of offers, ages and rules."""

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.engine = Engine(ids())
        # The desk is small: without help only the first of the index's three ways to an agent would be taken.
        self.others = [Engine(ids(), index) for index in (Index(few=0), Index(few=0, glance=1), ScanIndex())]
        self.history: list[tuple[m.Told, datetime, list[m.Decision]]] = []
        self.rules = m.DeskRules()
        self.first: dict[CallId, tuple[QueueId, datetime]] = {}  # calls that entered and have not left
        self.live: dict[OfferId, m.Offered] = {}
        self.talking: dict[AgentId, CallId] = {}
        self.up = True

    # --- Histories ---

    def tell(self, told: m.Told) -> None:
        """Both engines hear it; their answers are compared and accounted for."""
        decisions = self.engine.advance(told, self.now)
        for other in self.others:
            assert decisions == other.advance(told, self.now)
        self.history.append((told, self.now, decisions))
        for decision in decisions:
            match decision:
                case m.Offered():
                    self.offered(decision)
                case m.TakenBack(offer_id=offer_id):
                    del self.live[offer_id]

    def offered(self, offer: m.Offered) -> None:
        assert self.up
        # a: one offer for a call, one offer or call for an agent
        assert offer.call_id not in {other.call_id for other in self.live.values()}
        assert offer.agent not in {other.agent for other in self.live.values()}
        assert offer.agent not in self.talking
        # d: the age counts from the first entry
        queue_id, since = self.first[offer.call_id]
        assert offer.reason.params["waited_s"] == int((self.now - since).total_seconds())
        # b: inside the active step, worked out anew from the rules
        call = self.engine.call(offer.call_id)
        agent = next(rule for rule in self.rules.agents if rule.agent == offer.agent)
        assert call is not None
        want = self.active_want(queue_id, call.skills, since)
        assert want.fits(agent.agent, agent.skills)
        self.live[offer.offer_id] = offer

    def active_want(self, queue_id: QueueId, extra: tuple[SkillLevel, ...], since: datetime) -> Expression:
        """The requirement of now, from the rules alone."""
        queue = next(rule for rule in self.rules.queues if rule.queue == queue_id)
        for step in queue.steps:
            if step.expires_s is None or self.now < since + timedelta(seconds=step.expires_s):
                return needs(queue.skills, extra) if step.want is None else step.want
        return needs(queue.skills) if queue.steps else needs(queue.skills, extra)

    @initialize(rules=desks())
    def opens(self, rules: m.DeskRules) -> None:
        self.reload(rules)
        for agent in rules.agents:
            self.tell(m.PhoneIs(agent=agent.agent, phone=PhoneState.IDLE))
            self.tell(m.AgentChooses(agent=agent.agent, state=AgentState.AVAILABLE, reason="logged_in"))

    @precondition(lambda self: len(self.history) % 7 == 0)  # rarely: a desk needs time to get into a state
    @rule(rules=desks())
    def reload(self, rules: m.DeskRules) -> None:
        self.rules = rules
        kept = {agent.agent for agent in rules.agents}
        self.talking = {agent: call for agent, call in self.talking.items() if agent in kept}
        self.tell(m.DeskLoaded(rules=rules))

    @rule(
        call_id=st.sampled_from(CALLS),
        queue=st.sampled_from(QUEUES),
        extra=st.sampled_from(EXTRA),
        passed_on_by=st.sampled_from([None, None, None, *AGENTS]),
    )
    def waits(
        self, call_id: CallId, queue: QueueId, extra: tuple[SkillLevel, ...], passed_on_by: AgentId | None
    ) -> None:
        """A caller enters the waiting loop: new, again, or while we believe that a phone rings."""
        if call_id in self.talking.values():
            return
        queue, since = self.first.setdefault(call_id, (queue, self.now))
        self.live = {key: offer for key, offer in self.live.items() if offer.call_id != call_id}
        told = m.CallWaits(call_id=call_id, queue=queue, queued_at=since, skills=extra, passed_on_by=passed_on_by)
        self.tell(told)

    @rule(call_id=st.sampled_from(CALLS))
    def goes(self, call_id: CallId) -> None:
        freed = [offer.agent for offer in self.live.values() if offer.call_id == call_id]
        self.leave(call_id)
        self.talking = {agent: call for agent, call in self.talking.items() if call != call_id}
        self.tell(m.CallGone(call_id=call_id))
        # e: at once free (for the next caller, who may already be offered)
        for name in freed:
            agent = self.engine.agent(name)
            assert agent is not None
            assert agent.offer is None or agent.offer.call.call_id != call_id

    def leave(self, call_id: CallId) -> None:
        self.first.pop(call_id, None)
        self.live = {key: offer for key, offer in self.live.items() if offer.call_id != call_id}

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def rings(self, data: st.DataObject) -> None:
        offer = self.live[data.draw(st.sampled_from(sorted(self.live)))]
        self.tell(m.OfferRang(offer_id=offer.offer_id, call_id=offer.call_id, agent=offer.agent))
        self.tell(m.PhoneIs(agent=offer.agent, phone=PhoneState.RINGING))

    @precondition(lambda self: self.live)
    @rule(data=st.data(), outcome=st.sampled_from(sorted(OfferOutcome)), hangs_up=st.booleans())
    def offer_ends(self, data: st.DataObject, outcome: OfferOutcome, hangs_up: bool) -> None:
        offer = self.live.pop(data.draw(st.sampled_from(sorted(self.live))))
        if outcome is OfferOutcome.ACCEPTED:
            self.leave(offer.call_id)
            self.talking[offer.agent] = offer.call_id
            self.tell(m.PhoneIs(agent=offer.agent, phone=PhoneState.BUSY))
        self.tell(m.OfferOver(offer_id=offer.offer_id, outcome=outcome))
        if outcome is OfferOutcome.ACCEPTED:
            self.tell(m.CallTaken(call_id=offer.call_id, agent=offer.agent))

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def asterisk_fails(self, data: st.DataObject) -> None:
        offer_id = data.draw(st.sampled_from(sorted(self.live)))
        self.tell(m.OfferFailed(offer_id=offer_id))

    @precondition(lambda self: self.talking)
    @rule(data=st.data())
    def talk_ends(self, data: st.DataObject) -> None:
        agent = data.draw(st.sampled_from(sorted(self.talking)))
        call_id = self.talking.pop(agent)
        self.tell(m.AgentFree(agent=agent, call_id=call_id))
        self.tell(m.PhoneIs(agent=agent, phone=PhoneState.IDLE))

    @rule(agent=st.sampled_from(AGENTS), phone=st.sampled_from([PhoneState.IDLE, *PhoneState]))
    def phone(self, agent: AgentId, phone: PhoneState) -> None:
        self.tell(m.PhoneIs(agent=agent, phone=phone))

    @rule(
        data=st.data(),
        state=st.sampled_from([AgentState.AVAILABLE, AgentState.AVAILABLE, AgentState.BREAK, AgentState.OFFLINE]),
    )
    def chooses(self, data: st.DataObject, state: AgentState) -> None:
        if self.rules.agents:
            agent = data.draw(st.sampled_from([rule.agent for rule in self.rules.agents]))
            self.tell(m.AgentChooses(agent=agent, state=state, reason=""))

    @rule(up=st.booleans())
    def link(self, up: bool) -> None:
        self.up = up
        self.tell(m.LinkIs(up=up))

    @rule(seconds=st.sampled_from([0.01, 0.5, 2, 5, 11, 31, 61, 400]))
    def time_goes_on(self, seconds: float) -> None:
        """Each deadline at its own instant, as the service does it."""
        end = self.now + timedelta(seconds=seconds)
        while (due := self.engine.next_deadline() or end + FAR) <= end:
            self.now = max(self.now, due)
            self.tell(m.Tick())
        self.now = end
        self.tell(m.Tick())

    # --- What always holds ---

    @invariant()
    def nobody_idle_beside_a_call(self) -> None:
        """f, c: no ready agent stands beside a waiting call that may ask them."""
        ready = [agent for agent in self.engine.agents() if agent.ready and self.up]
        for call in self.engine.calls():
            if call.where is m.Where.WAITING:
                assert not [agent.agent for agent in ready if fits(call, agent) and call.may_ask(agent)]

    @invariant()
    def the_books_agree(self) -> None:
        """a again, from the engine's own books, and the age in them."""
        offers = {call.offer.offer_id: call for call in self.engine.calls() if call.offer is not None}
        assert offers.keys() == self.live.keys()
        assert {agent.offer.offer_id for agent in self.engine.agents() if agent.offer} == offers.keys()
        assert {agent.agent: agent.call for agent in self.engine.agents() if agent.call} == self.talking
        for call in self.engine.calls():
            assert call.queued_at == self.first[call.call_id][1]

    @invariant()
    def nobody_waits_for_ever(self) -> None:
        """g: past the queue's maximum nobody is still in line."""
        for call in self.engine.calls():
            if call.where is m.Where.WAITING:
                assert self.now < call.since + timedelta(seconds=call.queue.max_wait_s)

    @invariant()
    def the_queues_are_in_order(self) -> None:
        """c: position is priority, then age."""
        for line in self.engine.queues():
            calls = [call for call in self.engine.calls() if call.key and call.queue.queue == line.rule.queue]
            calls.sort(key=lambda call: (-(call.queue.priority + call.aged), call.queued_at, call.number))
            assert [self.engine.position(call) for call in calls] == list(range(1, len(calls) + 1))

    def teardown(self) -> None:
        """h: the same inputs again, the same decisions."""
        again = Engine(ids())
        for told, now, decisions in self.history:
            assert again.advance(told, now) == decisions


TestDesk = Desk.TestCase
TestDesk.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
