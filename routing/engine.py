"""The routing engine of one tenant: ``advance(told, now)`` → decisions. PURE, owner of its state and indexes.

No I/O, no clock, no randomness: the same inputs give the same decisions. Offer ids come from the caller.
The stated rules (who is asked, what a rejection does, who is told that nobody is there) are in docs/routing.md.

Between two calls of ``advance`` these hold: no agent who is ready and fits stands beside a waiting call that may ask
them; the live offers of a call are one ring of at most so many phones as its queue rings at once; an agent has at most
one offer or call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from cti.domain.errors import CallerError, NotFound
from cti.domain.model import AgentId, AgentState, CallId, OfferId, OfferOutcome, PhoneState, QueueId
from routing import model as m
from routing.expression import needs
from routing.index import Index
from routing.model import Where
from routing.outlook import expected_wait_s
from routing.ringing import PhoneAnew, Ringing
from routing.room import seconds
from routing.state import FRONT, Agent, LiveOffer, QueueLine, Timed, Waiting

# States of agents whose phone was lost in which their caller is kept for them: the others will not be asked.
WAITED_FOR = frozenset({AgentState.AVAILABLE, AgentState.WRAP_UP})


class Engine(Ringing):
    """Queues, agents and waiting calls of one tenant."""

    def __init__(self, new_offer_id: Callable[[], OfferId], index: Index | None = None) -> None:
        super().__init__(new_offer_id, index)
        self._rules = m.DeskRules()
        self._handlers: dict[type[m.Told], Callable[..., None]] = {
            m.DeskLoaded: self._desk_loaded,
            m.AgentRestored: self._agent_restored,
            m.CallWaits: self._call_waits,
            m.LastAgentIs: self._last_agent_is,
            m.CallGone: self._call_gone,
            m.CallTaken: self._call_taken,
            m.OfferRang: self._offer_rang,
            m.OfferOver: self._offer_over,
            m.OfferFailed: self._offer_failed,
            m.TreatmentFailed: self._treatment_failed,
            m.AgentFree: self._agent_free,
            m.PhoneIs: self._phone_is,
            PhoneAnew: self._phone_anew,
            m.AgentChooses: self._agent_chooses,
            m.MoveCall: self._move_call,
            m.SetPriority: self._set_priority,
            m.LinkIs: self._link_is,
            m.Tick: self._tick,
        }

    # --- The outside ---

    def advance(self, told: m.Told, now: datetime) -> list[m.Decision]:
        """Take one input in, first whatever was due before it. ``now`` must not go back.

        Unknown calls, offers and agents are ignored (a phone may report before its agent is configured), except in
        AgentChooses, MoveCall and SetPriority, where a person waits for the answer: NotFound, or CallerError saying why
        it cannot be done now.
        Decisions that came due are not lost by such an error: they are in the next answer.
        """
        while due := self._agenda.pop_all(now):
            # Calls first: who gets free at this instant must meet them in the step and at the place they have now.
            # And they in order of service: two whose agent may be asked again get that agent in this order.
            for thing in sorted(due, key=lambda thing: self._turn(thing, now)):
                self._due(thing, now)
        self._handlers[type(told)](told, now)
        out, self._out = self._out, []
        return out

    def next_deadline(self) -> datetime | None:
        """When to send a Tick at the latest; None: nothing is planned."""
        return self._agenda.next_at()

    @property
    def up(self) -> bool:
        """Whether Asterisk can be reached."""
        return self._up

    def agents(self) -> Iterable[Agent]:
        """All agents. To look at, not to touch."""
        return self._agents.values()

    def agent(self, agent: AgentId) -> Agent | None:
        """One agent. To look at, not to touch."""
        return self._agents.get(agent)

    def calls(self) -> Iterable[Waiting]:
        """All calls that wait, ring or are being treated. To look at, not to touch."""
        return self._calls.values()

    def call(self, call_id: CallId) -> Waiting | None:
        """One of them."""
        return self._calls.get(call_id)

    def queues(self) -> Iterable[QueueLine]:
        """All queues. To look at, not to touch."""
        return self._queues.values()

    def queue_counts(self, queue: QueueId) -> tuple[int, int, int]:
        """Agents with the queue's own skills: (ready now, at work, not offline)."""
        return self._index.counts(needs(self._line(queue).rule.skills))

    def position(self, call: Waiting) -> int | None:
        """The caller's place among those who wait in the same queue, 1 is next; None while a phone rings for them."""
        return self._line(call.queue.queue).position(call)

    def expected_wait_s(self, call: Waiting, now: datetime) -> float | None:
        """How long half of the callers in this place wait from now, see routing.expected. None: nobody is at work."""
        return expected_wait_s(call, self._index, self._queues, now)

    # --- Rules ---

    def _desk_loaded(self, told: m.DeskLoaded, now: datetime) -> None:
        rules, before = told.rules, self._rules
        self._rules, self._limits = rules, rules.limits
        configured = {queue.queue: queue for queue in rules.queues}
        calls = list(self._calls.values())
        used = {call.queue.queue for call in calls}
        if (rules.agents, rules.limits) == (before.agents, before.limits):
            # A plan or a priority was changed: nobody else has to be looked at.
            calls = [call for call in calls if configured.get(call.queue.queue) != call.queue]
        for call in calls:
            self._unlist(call)
        for name in [name for name in self._queues if name not in configured and name not in used]:
            del self._queues[name]
        for name, queue in configured.items():
            if self._line(name).rule != queue:
                self._line(name).obey(queue)
        self._load_agents(rules.agents, now)
        for call in calls:
            call.queue = self._line(call.queue.queue).rule
            self._make_plan(call, now)
            if call.where is Where.WAITING:
                self._list(call, now)
        self._match_all(now)
        for call in [call for call in calls if call.where is not Where.TREATED]:
            if call.key is None or not (self._waited(call, now) or self._goes_on(call, now)):
                self._look_for_hope(call, now, self._limits.nobody_left_s)
                self._plan_look(call)

    def _load_agents(self, rules: tuple[m.AgentRule, ...], now: datetime) -> None:
        kept = {rule.agent for rule in rules}
        for agent in [agent for name, agent in self._agents.items() if name not in kept]:
            agent.state = AgentState.OFFLINE
            if agent.offer is not None:
                self._take_back(agent.offer, OfferOutcome.WITHDRAWN, "agent_removed", now)
            self._agenda.arm(agent, None)
            self._index.remove_agent(agent)
            del self._agents[agent.agent]
        for rule in rules:
            known = self._agents.get(rule.agent)
            if known is None:
                agent = Agent(rule.agent, dict(rule.skills), now, self._number(), rule.profile)
                self._agents[rule.agent] = agent
                self._index.add_agent(agent)
            elif known.skills != rule.skills or known.profile != rule.profile:
                self._index.change(known, rule)

    # --- Calls ---

    def _call_waits(self, told: m.CallWaits, now: datetime) -> None:
        call, back = self._calls.get(told.call_id), None
        rule = self._line(told.queue).rule
        if call is None:
            call = Waiting(told.call_id, rule, told.queued_at, self._number())
            call.attempts = told.attempts
            call.skills, call.language, call.last_agent = told.skills, told.language, told.last_agent
            call.since = told.since or told.queued_at
            self._line(told.queue).flow.came(now)
            self._calls[told.call_id] = call
            back = self._comes_back(call, told.lost_by, now)
            self._make_plan(call, now)
            passed_on_by = self._agents.get(told.passed_on_by) if told.passed_on_by is not None else None
            if passed_on_by is not None:
                self._skip(call, passed_on_by, now)
            call.entering = not told.admitted and not told.patient
        if call.patient is not told.patient:  # new, or taken over ringing after a restart: who, was not known
            call.patient = told.patient
            self._hopeless.pop(call.call_id, None)
            call.hopeless_at = None
        if told.own_priority is not None:
            call.own_priority = told.own_priority
        offers = call.offers
        if offers:
            # Back in the waiting loop: whatever happened to the ring, it is over.
            self._drop_all(call)
            call.where = Where.RETURNING
        if call.queue.queue != told.queue:
            # Another line: order by the caller's age as before, this queue's limits and plan from now.
            call.since = now
            call.entering = not told.admitted and call.admitted_to != told.queue
            call.admitted_to = None
            self._line(told.queue).flow.came(now)
        asks = (told.skills, told.language, told.last_agent or call.last_agent)
        if call.lost_until is not None and call.lost_by in call.skip:  # they were asked, and did not answer
            call.lost_until = None
            self._unlist(call)
            self._make_plan(call, now)
        if call.queue is not rule or (call.skills, call.language, call.last_agent) != asks:
            self._unlist(call)
            call.queue, (call.skills, call.language, call.last_agent) = rule, asks
            self._make_plan(call, now)
        if call.where is Where.PAUSED:
            self._look_for_hope(call, now, self._limits.nobody_entry_s)
        else:
            self._begin_wait(call, now)
        for offer in offers:
            self._reconsider(offer.agent, now)  # after the call stands in line: it was first
        if back is not None:
            self._reconsider(back, now)  # likewise

    def _comes_back(self, call: Waiting, lost_by: AgentId | None, now: datetime) -> Agent | None:
        """A caller whose agent was lost: first of all, and for a while that agent's alone, unless they went on a break.

        The agent has no after-call work to do, the talk is not over: given when they were in it.
        """
        call.lost_by = lost_by
        agent = self._agents.get(lost_by) if lost_by is not None else None
        if agent is None or agent.state not in WAITED_FOR or self._limits.same_agent_s <= 0:
            return None
        call.lost_until = now + seconds(self._limits.same_agent_s)
        if agent.state is AgentState.WRAP_UP and agent.call is None:
            self._move(agent, AgentState.AVAILABLE, "caller_comes_back", now)
            return agent
        return None

    def _last_agent_is(self, told: m.LastAgentIs, now: datetime) -> None:
        call = self._calls.get(told.call_id)
        if call is not None and call.last_agent != told.agent and call.where is not Where.TREATED:
            call.last_agent = told.agent
            self._plan_anew(call, now)

    def _plan_anew(self, call: Waiting, now: datetime) -> None:
        """The call asks for something else from now on."""
        listed = call.key is not None
        self._unlist(call)
        self._make_plan(call, now)
        if listed:
            self._begin_wait(call, now)
        else:
            self._look_for_hope(call, now, self._limits.nobody_left_s)

    def _call_gone(self, told: m.CallGone, now: datetime) -> None:
        call = self._calls.get(told.call_id)
        if call is not None:
            if call.where is not Where.TREATED:
                self._line(call.queue.queue).flow.left((now - call.since).total_seconds(), hung_up=True)
            offers = call.offers
            self._forget(call)
            self._drop_all(call)
            for offer in offers:
                self._reconsider(offer.agent, now)  # keeps their place: it was not their doing
        for agent in list(self._talking.get(told.call_id, ())):
            self._freed(agent, now)

    def _treatment_failed(self, told: m.TreatmentFailed, now: datetime) -> None:
        call = self._calls.get(told.call_id)
        if call is not None and call.where is Where.TREATED:
            self._pause(call, now)
            self._look_for_hope(call, now, self._limits.nobody_entry_s)

    # --- Agents ---

    def _agent_restored(self, told: m.AgentRestored, now: datetime) -> None:
        agent = self._agents.get(told.agent)
        if agent is None:
            return
        self._index.busy(agent)
        agent.state, agent.reason, agent.since = told.state, told.reason, told.since
        if told.state is AgentState.WRAP_UP:
            agent.wrap_until = told.since + seconds(self._limits.wrap_up_s)
            self._arm_agent(agent)
        agent.idle_key = (told.since, self._number(), agent)
        self._index.state_changed(agent)
        self._staff_changed(now)
        self._reconsider(agent, now)

    def _agent_free(self, told: m.AgentFree, now: datetime) -> None:
        agent = self._agents.get(told.agent)
        if agent is not None and agent.call == told.call_id:
            self._freed(agent, now)

    def _phone_is(self, told: m.PhoneIs, now: datetime) -> None:
        agent = self._agents.get(told.agent)
        if agent is None:
            return
        if agent.phone is not told.phone:
            if agent.phone is PhoneState.BUSY:
                self._idle_anew(agent, now)  # they talked, with whomever
            agent.phone, agent.phone_since = told.phone, now
            if told.phone is PhoneState.RINGING and agent.offer is not None:
                agent.offer.alerted = True
            self._index.state_changed(agent)
        if agent.distrust_until is not None:
            agent.distrust_until = None
            self._arm_agent(agent)
        self._reconsider(agent, now)

    def _agent_chooses(self, told: m.AgentChooses, now: datetime) -> None:
        agent = self._agents.get(told.agent)
        if agent is None:
            raise NotFound(f"no agent {told.agent!r} on this desk")
        if told.state is AgentState.WRAP_UP:
            self._prolong(agent, now)
            return
        if told.state is agent.state and told.reason == agent.reason:
            return
        anew = agent.state is not AgentState.AVAILABLE
        self._move(agent, told.state, told.reason, now)
        if told.state is AgentState.AVAILABLE:
            agent.failures = 0
            if anew:
                self._idle_anew(agent, now)
        elif agent.offer is not None:
            self._take_back(agent.offer, OfferOutcome.WITHDRAWN, "agent_left", now)
        self._reconsider(agent, now)

    def _prolong(self, agent: Agent, now: datetime) -> None:
        if agent.state is not AgentState.WRAP_UP:
            raise CallerError("wrap-up belongs to a call: it can be prolonged, not entered")
        limit_s = self._limits.wrap_up_s
        if agent.call_queue is not None and agent.call_queue.wrap_up_s is not None:
            limit_s = agent.call_queue.wrap_up_s
        self._wrap_up(agent, limit_s, "prolonged", now)

    # --- Time and Asterisk ---

    def _link_is(self, told: m.LinkIs, now: datetime) -> None:
        self._up = told.up
        if told.up:
            for offer in self._offers.values():
                if offer.rang_at is None:
                    self._agenda.arm(offer, now + seconds(self._limits.unheard_s))
            self._match_all(now)

    def _tick(self, told: m.Tick, now: datetime) -> None:
        """What was due is done by ``advance``."""

    def _turn(self, thing: Timed, now: datetime) -> tuple[object, ...]:
        """The order of what is due at once."""
        if not isinstance(thing, Waiting):
            return (True,)
        front = FRONT if thing.lost_by is not None else 0
        return (False, -(thing.given + self._earned(thing, now) + front), thing.queued_at, thing.number)

    def _due(self, thing: Timed, now: datetime) -> None:
        """Look at one thing, unless what came before it has settled it already."""
        if isinstance(thing, Waiting):
            waits = thing.key is not None
            if waits or (thing.resume_at is not None and now >= thing.resume_at):
                self._review(thing, now)
        elif isinstance(thing, Agent):
            self._agent_due(thing, now)
        elif isinstance(thing, LiveOffer) and thing.offer_id in self._offers:
            self._offer_due(thing, now)
