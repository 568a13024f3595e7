"""Properties a to h, under random histories, and the same decisions as the engine that looks at everybody."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cti.domain.errors import CallerError, Unavailable
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
from routing.crowd import Line
from routing.engine import Engine
from routing.expression import AllOf, AnyOf, Expression, Has, InProfile, LastAgent, Named, Not, Own, needs, resolve
from routing.index import Index
from routing.state import FRONT, Waiting
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
    (m.Step(want=LastAgent(), expires_s=12), m.Step(want=AllOf((Own(), Not(InProfile("night")))), expires_s=None)),
)
PROFILES = ("", "", "night", "backup")
DELAYS = ((), (), (m.Delay(profile="night", delay_s=8), m.Delay(profile="backup", delay_s=25)))


@st.composite
def desks(draw: st.DrawFn) -> m.DeskRules:
    """Rules of a small desk."""
    queues = tuple(
        m.QueueRule(
            queue=queue,
            priority=draw(st.sampled_from([0, 0, 10])),
            skills=draw(st.sampled_from([(), skills(ja=1), skills(roadside=2), skills(en=3)])),
            ring_s=draw(st.sampled_from([5, 20])),
            ring_agents=draw(st.sampled_from([1, 1, 2, 3])),
            max_wait_s=draw(st.sampled_from([60, 300])),
            nobody_wait=draw(st.booleans()),
            active=queue is not CLOSED,
            wrap_up_s=draw(st.sampled_from([None, 0, 30])),
            steps=draw(st.sampled_from(PLANS)),
            ageing_every_s=draw(st.sampled_from([None, 10])),
            ageing_most=12,
            delays=draw(st.sampled_from(DELAYS)),
        )
        for queue in QUEUES
    )
    agents = tuple(
        m.AgentRule(agent=agent, skills=draw(levels), profile=draw(st.sampled_from(PROFILES)))
        for agent in AGENTS
        if draw(st.integers(0, 5))
    )
    return m.DeskRules(queues=queues, agents=agents)


@dataclass(frozen=True)
class Part:
    """What a call may ask for in a part of its wait. Worked out another way than in routing.plan."""

    until_s: float | None
    want: Expression
    held_back: frozenset[str]

    def fits(self, agent: m.AgentRule) -> bool:
        return self.want.fits(agent) and agent.profile not in self.held_back


def parts_of(queue: m.QueueRule, extra: tuple[SkillLevel, ...], last: AgentId | None) -> list[Part]:
    """A part between each two instants at which anything changes."""
    ends = {step.expires_s for step in queue.steps} | {delay.delay_s for delay in queue.delays}
    bounds = [0.0, *sorted(end for end in ends if end is not None)]
    parts = []
    for number, begin_s in enumerate(bounds):
        until_s = bounds[number + 1] if number + 1 < len(bounds) else None
        step = next((it for it in queue.steps if it.expires_s is None or begin_s < it.expires_s), None)
        if step is None:
            want = needs(queue.skills) if queue.steps else needs(queue.skills, extra)
        else:
            want = resolve(step.want or Own(), needs(queue.skills, extra), None, last)
        by_name = step is not None and isinstance(step.want, Named | LastAgent)
        late = [] if by_name else [delay.profile for delay in queue.delays if begin_s < delay.delay_s]
        parts.append(Part(until_s, want, frozenset(late)))
    return parts


def place(call: Waiting, given: int | None) -> int:
    """What a supervisor gave, else the queue's, and what waiting has added."""
    return (call.queue.priority if given is None else given) + call.aged


class Steps:
    """How much was done, for the long run."""

    count = 0


STEPS = Steps()


class Desk(RuleBasedStateMachine):
    """Several engines, one told history. The machine keeps its own account of offers, ages and rules."""

    def __init__(self) -> None:
        super().__init__()
        self.now = T0
        self.engine = Engine(ids())
        # The desk is small: without help the line of idle agents would be one block.
        self.others = [Engine(ids(), index) for index in (Index(Line(size=1)), Index(Line(size=2)), ScanIndex())]
        self.history: list[tuple[m.Told, datetime, list[m.Decision]]] = []
        self.in_force = m.DeskRules()
        self.first: dict[CallId, tuple[QueueId, datetime]] = {}  # calls that entered and have not left
        self.live: dict[OfferId, m.Offered] = {}
        self.talking: dict[AgentId, CallId] = {}
        self.moving: dict[CallId, QueueId] = {}  # where a supervisor sent them, until they are reported from there
        self.given: dict[CallId, int | None] = {}  # priorities that a supervisor gave
        self.restored: dict[CallId, int | None] = {}  # of before a restart, not told yet
        self.lost: dict[
            CallId, tuple[AgentId, datetime]
        ] = {}  # whose agent was lost, and until when they are kept for them
        self.missing: dict[CallId, set[int]] = {}  # parts of plans that nobody was there for
        self.up = True
        self.restarted = False

    # --- Histories ---

    def tell(self, told: m.Told) -> None:
        """All engines hear it; their answers are compared and accounted for."""
        decisions = self.engine.advance(told, self.now)
        for other in self.others:
            assert decisions == other.advance(told, self.now)
        self.account(told, decisions)

    def wish(self, told: m.Told) -> bool:
        """A supervisor asks for something. What is refused is refused by all engines, and changes nothing."""
        self.tell(m.Tick())
        try:
            decisions = self.engine.advance(told, self.now)
        except (CallerError, Unavailable) as refused:
            for other in self.others:
                with pytest.raises(type(refused), match=re.escape(str(refused))):
                    other.advance(told, self.now)
            return False
        for other in self.others:
            assert decisions == other.advance(told, self.now)
        self.account(told, decisions)
        return True

    def account(self, told: m.Told, decisions: list[m.Decision]) -> None:
        self.history.append((told, self.now, decisions))
        self.note_who_is_missing()
        for decision in decisions:
            match decision:
                case m.Offered():
                    self.rung(decision)
                case m.TakenBack(offer_id=offer_id, call_id=call_id):
                    del self.live[offer_id]
                    assert decision.rings_on == (call_id in {other.call_id for other in self.live.values()})
        STEPS.count += 1

    def rung(self, made: m.Offered) -> None:
        """One Dial."""
        assert self.up
        ring = (made, *made.also)
        # a: one ring for a call, of no more phones than the queue rings at once, each with an offer of its own
        assert made.call_id not in {other.call_id for other in self.live.values()}
        assert {(one.call_id, one.queue) for one in ring} == {(made.call_id, made.queue)}
        queue = next(rule for rule in self.in_force.queues if rule.queue == made.queue)
        assert len({one.agent for one in ring}) == len({one.offer_id for one in ring}) == len(ring) <= queue.ring_agents
        assert not any(one.also for one in made.also)
        for one in ring:
            self.offered(one)

    def offered(self, offer: m.Offered) -> None:
        # a: one offer or call for an agent
        assert offer.agent not in {other.agent for other in self.live.values()}
        assert offer.agent not in self.talking
        # d: the age counts from the first entry
        since = self.first[offer.call_id][1]
        assert offer.reason.params["waited_s"] == int((self.now - since).total_seconds())
        call = self.engine.call(offer.call_id)
        agent = self.engine.agent(offer.agent)
        assert call is not None
        assert agent is not None
        # b: inside the active step, worked out anew from the rules
        rule = next(rule for rule in self.in_force.agents if rule.agent == offer.agent)
        assert any(part.fits(rule) for part in self.active_parts(call))
        # c: nobody who asks for the same in the same class, and who came earlier, stands beside
        for other in self.engine.calls():
            if other.where is m.Where.WAITING and other is not call and fits(other, agent) and other.may_ask(agent):
                assert self.turn_of(other) > self.turn_of(call)
        self.live[offer.offer_id] = offer

    def turn_of(self, call: Waiting) -> tuple[int, datetime, int]:
        front = FRONT if call.call_id in self.lost else 0
        return (-place(call, self.given.get(call.call_id)) - front, call.queued_at, call.number)

    def active_parts(self, call: Waiting) -> list[Part]:
        """The part of the plan that the clock says, and each next one as long as nobody was there for those before."""
        found = []
        for number, part in self.parts_left(call):
            found.append(part)
            if number not in self.missing.get(call.call_id, ()):
                break
        return found

    def parts_left(self, call: Waiting) -> list[tuple[int, Part]]:
        queue = next(rule for rule in self.in_force.queues if rule.queue == call.queue.queue)
        waited_s = (self.now - call.since).total_seconds()
        parts = list(enumerate(parts_of(queue, call.skills, call.last_agent)))
        if call.call_id in self.lost:
            agent, until = self.lost[call.call_id]
            if self.now < until:
                parts.insert(
                    0, (-1, Part((until - call.since).total_seconds(), Named(frozenset({agent})), frozenset()))
                )
        return [(number, part) for number, part in parts if part.until_s is None or waited_s < part.until_s]

    def note_who_is_missing(self) -> None:
        """Which parts of which plans had nobody who is not offline, at some instant since the plan began."""
        there = [rule for rule in self.in_force.agents if self.state_of(rule.agent) is not AgentState.OFFLINE]
        for call in self.engine.calls():
            for number, part in self.parts_left(call):
                if not any(part.fits(rule) for rule in there):
                    self.missing.setdefault(call.call_id, set()).add(number)

    def state_of(self, name: AgentId) -> AgentState:
        agent = self.engine.agent(name)
        return AgentState.OFFLINE if agent is None else agent.state

    @initialize(rules=desks())
    def opens(self, rules: m.DeskRules) -> None:
        self.reload(rules)
        for agent in rules.agents:
            self.tell(m.PhoneIs(agent=agent.agent, phone=PhoneState.IDLE))
            self.tell(m.AgentChooses(agent=agent.agent, state=AgentState.AVAILABLE, reason="logged_in"))

    @precondition(lambda self: len(self.history) % 7 == 0)  # rarely: a desk needs time to get into a state
    @rule(rules=desks())
    def reload(self, rules: m.DeskRules) -> None:
        for call in self.engine.calls():
            anew = (rules.agents, rules.limits) != (self.in_force.agents, self.in_force.limits)
            if anew or call.queue not in rules.queues:
                self.missing.pop(call.call_id, None)
        self.in_force = rules
        kept = {agent.agent for agent in rules.agents}
        self.talking = {agent: call for agent, call in self.talking.items() if agent in kept}
        self.tell(m.DeskLoaded(rules=rules))

    @rule(
        call_id=st.sampled_from(CALLS),
        queue=st.sampled_from(QUEUES),
        extra=st.sampled_from(EXTRA),
        passed_on_by=st.sampled_from([None, None, None, *AGENTS]),
        lost_by=st.sampled_from([None, None, None, *AGENTS]),
        last=st.sampled_from([None, *AGENTS]),
    )
    def waits(
        self,
        call_id: CallId,
        queue: QueueId,
        extra: tuple[SkillLevel, ...],
        passed_on_by: AgentId | None,
        lost_by: AgentId | None,
        last: AgentId | None,
    ) -> None:
        """A caller enters the waiting loop: new, again, or while we believe that a phone rings."""
        if call_id in self.talking.values():
            return
        if lost_by is not None:
            self.tell(m.Tick())  # what is due moves agents first
        queue, since = self.first.setdefault(call_id, (queue, self.now))
        queue = self.moving.pop(call_id, queue)
        self.first[call_id] = (queue, since)
        self.live = {key: offer for key, offer in self.live.items() if offer.call_id != call_id}
        known = self.engine.call(call_id)
        lost_by = None if passed_on_by else lost_by
        if known is None:
            self.lost.pop(call_id, None)
            if lost_by is not None:
                there = self.state_of(lost_by) in (AgentState.AVAILABLE, AgentState.WRAP_UP)
                self.lost[call_id] = (lost_by, self.now + timedelta(seconds=10 if there else 0))
        elif call_id in self.lost and self.lost[call_id][0] in known.skip and known.lost_until is not None:
            self.lost[call_id] = (self.lost[call_id][0], self.now)
            self.missing.pop(call_id, None)
        before = known and (known.queue.queue, known.skills, known.last_agent)
        if known is None or before != (queue, extra, last or known.last_agent):
            self.missing.pop(call_id, None)
        restored = self.restored.pop(call_id, None)
        if restored is not None:
            self.given[call_id] = restored
        self.tell(
            m.CallWaits(
                call_id=call_id,
                queue=queue,
                queued_at=since,
                skills=extra,
                passed_on_by=passed_on_by,
                lost_by=lost_by,
                last_agent=last,
                own_priority=restored,
            )
        )

    @precondition(lambda self: self.first)
    @rule(data=st.data(), priority=st.sampled_from([None, -5, 5, 50]))
    def supervisor_prioritises(self, data: st.DataObject, priority: int | None) -> None:
        call_id = data.draw(st.sampled_from(sorted(self.first)))
        rings = call_id in {offer.call_id for offer in self.live.values()}
        before = self.given.get(call_id)
        self.given[call_id] = priority
        done = self.wish(m.SetPriority(call_id=call_id, priority=priority, by="tanaka"))
        if done:
            self.restored.pop(call_id, None)
        else:
            self.given[call_id] = before
        assert not (rings and done)

    @precondition(lambda self: self.first)
    @rule(data=st.data(), to=st.sampled_from(QUEUES))
    def supervisor_moves(self, data: st.DataObject, to: QueueId) -> None:
        """The engine lets go of the call until it is reported from the other queue, by ``waits``, with its age.

        If no report comes in time, the move got lost: the call is of its old queue, and may be moved once more.
        """
        call_id = data.draw(st.sampled_from(sorted(self.first)))
        if self.wish(m.MoveCall(call_id=call_id, to=to, by="tanaka")):
            queue, since = self.first[call_id]
            assert to != queue
            self.moving[call_id] = to
            call = self.engine.call(call_id)
            assert call is not None
            assert (call.where, call.queued_at) == (m.Where.TREATED, since)

    @rule(call_id=st.sampled_from(CALLS), agent=st.sampled_from(AGENTS))
    def last_agent_comes_out(self, call_id: CallId, agent: AgentId) -> None:
        known = self.engine.call(call_id)
        if known is not None and known.last_agent != agent and known.where is not m.Where.TREATED:
            self.missing.pop(call_id, None)
        self.tell(m.LastAgentIs(call_id=call_id, agent=agent))

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
        self.moving.pop(call_id, None)
        self.given.pop(call_id, None)
        self.restored.pop(call_id, None)
        self.missing.pop(call_id, None)
        self.live = {key: offer for key, offer in self.live.items() if offer.call_id != call_id}

    @precondition(lambda self: self.live)
    @rule(data=st.data())
    def rings(self, data: st.DataObject) -> None:
        offer = self.live[data.draw(st.sampled_from(sorted(self.live)))]
        self.tell(m.OfferRang(offer_id=offer.offer_id, call_id=offer.call_id, agent=offer.agent))
        self.tell(m.PhoneIs(agent=offer.agent, phone=PhoneState.RINGING))

    @precondition(lambda self: self.live)
    @rule(data=st.data(), outcome=st.sampled_from(sorted(OfferOutcome)), both=st.booleans())
    def offer_ends(self, data: st.DataObject, outcome: OfferOutcome, both: bool) -> None:
        """``both``: whoever else was rung has accepted too, a moment later."""
        offer = self.live.pop(data.draw(st.sampled_from(sorted(self.live))))
        others = [other for other in self.live.values() if other.call_id == offer.call_id]
        if outcome is OfferOutcome.ACCEPTED:
            self.leave(offer.call_id)
            self.talking[offer.agent] = offer.call_id
            self.tell(m.PhoneIs(agent=offer.agent, phone=PhoneState.BUSY))
        before = {other.agent: self.patience_of(other.agent) for other in others}
        self.tell(m.OfferOver(offer_id=offer.offer_id, outcome=outcome))
        if outcome is OfferOutcome.ACCEPTED:
            self.others_lost(others, before)
            for other in others if both else ():
                self.tell(m.OfferOver(offer_id=other.offer_id, outcome=outcome))
            self.tell(m.CallTaken(call_id=offer.call_id, agent=offer.agent))
        else:
            # The others ring on, and only the last of a ring gives the call back.
            call = self.engine.call(offer.call_id)
            assert call is not None
            assert {other.offer_id for other in others} == {one.offer_id for one in call.offers}
            assert (call.where is m.Where.OFFERED) == bool(others)

    def patience_of(self, name: AgentId) -> tuple[object, ...]:
        agent = self.engine.agent(name)
        assert agent is not None
        return (agent.idle_key[:2], agent.failures, agent.distrust_until, agent.state)

    def others_lost(self, others: list[m.Offered], before: dict[AgentId, tuple[object, ...]]) -> None:
        """Somebody was faster: each offer is over, nothing is held against the agent, and it is noted."""
        noted = {one.offer_id for one in self.history[-1][2] if isinstance(one, m.PassedOver)}
        assert noted == {other.offer_id for other in others}
        for other in others:
            assert self.patience_of(other.agent) == before[other.agent]
            agent = self.engine.agent(other.agent)
            assert agent is not None
            assert agent.call is None
            assert agent.offer is None or agent.offer.call.call_id != other.call_id

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

    @precondition(lambda self: self.in_force.agents)
    @rule(data=st.data())
    def answers_unasked(self, data: st.DataObject) -> None:
        """A call that was offered to nobody, out of Asterisk's own queue. The state of their phone is told later."""
        agent = data.draw(st.sampled_from([rule.agent for rule in self.in_force.agents]))
        if agent not in self.talking:
            self.talking[agent] = call_id = CallId(f"unasked-{agent}")
            self.tell(m.CallTaken(call_id=call_id, agent=agent))

    @rule(agent=st.sampled_from(AGENTS), phone=st.sampled_from([PhoneState.IDLE, *PhoneState]))
    def phone(self, agent: AgentId, phone: PhoneState) -> None:
        self.tell(m.PhoneIs(agent=agent, phone=phone))

    @rule(
        data=st.data(),
        state=st.sampled_from([AgentState.AVAILABLE, AgentState.AVAILABLE, AgentState.BREAK, AgentState.OFFLINE]),
    )
    def chooses(self, data: st.DataObject, state: AgentState) -> None:
        if self.in_force.agents:
            agent = data.draw(st.sampled_from([rule.agent for rule in self.in_force.agents]))
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

    @precondition(lambda self: len(self.history) % 11 == 0)
    @rule()
    def restarts(self) -> None:
        """d: another process takes over what lives, as the service does: ages and offers are as they were."""
        before = self.engine
        calls, agents = list(before.calls()), list(before.agents())
        self.engine = Engine(ids(1_000_000 * STEPS.count))
        self.others = [Engine(ids(1_000_000 * STEPS.count)) for _ in self.others[:1]]
        self.history.clear()
        self.missing.clear()
        self.restarted = True
        live, self.live = self.live, {}
        self.lost.clear()
        rung: Counter[CallId] = Counter()
        most = {queue.queue: queue.ring_agents for queue in self.in_force.queues}
        self.tell(m.LinkIs(up=False))
        self.tell(m.DeskLoaded(rules=self.in_force))
        for agent in agents:
            told = m.AgentRestored(agent=agent.agent, state=agent.state, reason=agent.reason, since=agent.since)
            self.tell(told)
            self.tell(m.PhoneIs(agent=agent.agent, phone=agent.phone))
        for offer in live.values():
            queue, since = self.first[offer.call_id]
            rung[offer.call_id] += 1
            if rung[offer.call_id] <= most[queue]:  # else the rule was changed while they rang: not taken over
                self.live[offer.offer_id] = offer
            # Told when the caller is back in the waiting loop.
            self.restored[offer.call_id] = self.given.pop(offer.call_id, self.restored.get(offer.call_id))
            self.tell(
                m.OfferRang(
                    offer_id=offer.offer_id, call_id=offer.call_id, agent=offer.agent, queue=queue, queued_at=since
                )
            )
        for name, call_id in self.talking.items():
            self.tell(m.CallTaken(call_id=call_id, agent=name))
        for call in calls:
            if not call.offers:
                queue, since = self.first[call.call_id]
                given = self.given.get(call.call_id)
                self.tell(
                    m.CallWaits(
                        call_id=call.call_id, queue=queue, queued_at=since, since=call.since, own_priority=given
                    )
                )
        self.tell(m.LinkIs(up=self.up))

    # --- What always holds ---

    @invariant()
    def nobody_idle_beside_a_call(self) -> None:
        """f, c: no ready agent stands beside a waiting call that may ask them."""
        ready = [agent for agent in self.engine.agents() if agent.ready and self.up]
        for call in self.engine.calls():
            if call.where is m.Where.WAITING:
                assert not [agent.agent for agent in ready if fits(call, agent) and call.may_ask(agent)]

    @invariant()
    def who_is_ready_stands_in_line(self) -> None:
        """e, f: nobody is forgotten after a hang-up or a talk, and nobody stands there who is not ready."""
        assert [agent.agent for agent in self.engine.agents() if agent.idle is not agent.ready] == []

    @invariant()
    def the_books_agree(self) -> None:
        """a again, from the engine's own books, and the age in them."""
        offers = {offer.offer_id: call for call in self.engine.calls() for offer in call.offers}
        assert offers.keys() == self.live.keys()
        assert {agent.offer.offer_id for agent in self.engine.agents() if agent.offer} == offers.keys()
        assert {agent.agent: agent.call for agent in self.engine.agents() if agent.call} == self.talking
        # Never two agents with one caller, however many phones rang.
        assert len(set(self.talking.values())) == len(self.talking)
        for call in self.engine.calls():
            assert call.queued_at == self.first[call.call_id][1]

    @invariant()
    def nobody_waits_for_ever(self) -> None:
        """g: past the queue's maximum nobody is still in line; until then priority has grown as configured."""
        for call in self.engine.calls():
            if call.where is m.Where.WAITING:
                rule = next((rule for rule in self.in_force.queues if rule.queue == call.queue.queue), call.queue)
                assert self.now < call.since + timedelta(seconds=rule.max_wait_s)
                if rule.ageing_every_s:
                    earned = int((self.now - call.queued_at).total_seconds()) // rule.ageing_every_s
                    assert call.aged == min(earned, rule.ageing_most)

    @invariant()
    def nobody_waits_for_nobody(self) -> None:
        """A call does not stand in a part of its plan that nobody is there for while somebody is for a later one."""
        there = [agent for agent in self.engine.agents() if agent.state is not AgentState.OFFLINE]
        for call in self.engine.calls():
            if call.where is m.Where.WAITING and not any(fits(call, agent) for agent in there):
                later = [stage.group.expression for stage in call.plan[call.step + 1 :]]
                assert not [agent for agent in there for want in later if want.fits(agent)]

    @invariant()
    def who_has_no_hope_is_known(self) -> None:
        """The grace until a caller is told that nobody is there runs from when that became so, wherever the call is."""
        there = [agent for agent in self.engine.agents() if agent.state is not AgentState.OFFLINE]
        for call in self.engine.calls():
            if call.where is not m.Where.TREATED:
                lost = not any(stage.group.expression.fits(one) for stage in call.plan[call.step :] for one in there)
                assert (call.hopeless_at is not None) == (lost and not call.queue.nobody_wait)

    @invariant()
    def the_queues_are_in_order(self) -> None:
        """c: position is priority, then age."""
        for line in self.engine.queues():
            calls = [call for call in self.engine.calls() if call.key and call.queue.queue == line.rule.queue]
            calls.sort(key=self.turn_of)
            assert [self.engine.position(call) for call in calls] == list(range(1, len(calls) + 1))

    def teardown(self) -> None:
        """h: the same inputs again, the same decisions."""
        if self.restarted:
            return  # the new process counts its offers from where it began
        again = Engine(ids())
        for told, now, decisions in self.history:
            assert again.advance(told, now) == decisions


TestDesk = Desk.TestCase
TestDesk.settings = settings(
    max_examples=100, stateful_step_count=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
