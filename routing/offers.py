"""Matching and offers: who is asked, and what each way an offer can end means for call and agent. PURE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from cti.domain.model import AgentState, CallId, OfferId, OfferOutcome
from routing import model as m
from routing.index import Index
from routing.model import Reason, Where
from routing.passage import Passage
from routing.room import seconds, whole_s
from routing.state import Agent, LiveOffer, Waiting

# Shorter is no ring that anybody could answer.
LEAST_RING_S = 3

# A phone that never rang, and whose caller is kept for it, is tried again after this.
KEPT_AGAIN_S = 2.0

# What the end of an offer means: (the agent is not asked again for this call for a while,
# it counts as a refusal, the agent's idle time starts anew). A withdrawn offer was nobody's doing.
CONSEQUENCES: dict[OfferOutcome, tuple[bool, bool, bool]] = {
    OfferOutcome.REJECTED: (True, True, True),
    OfferOutcome.TIMED_OUT: (True, False, True),
    OfferOutcome.UNREACHABLE: (True, True, True),
    OfferOutcome.WITHDRAWN: (False, False, False),
}


class OfferDesk(Passage):
    """Brings waiting calls and ready agents together."""

    def __init__(self, new_offer_id: Callable[[], OfferId], index: Index | None = None) -> None:
        super().__init__(index)
        self._new_offer_id = new_offer_id
        self._talking: dict[CallId, list[Agent]] = {}

    # --- Matching ---

    def _begin_wait(self, call: Waiting, now: datetime) -> None:
        """The caller is in the waiting loop: offer the call, or put it in line."""
        call.where = Where.WAITING
        call.resume_at = None
        self._unlist(call)
        if (call.entering and self._closed(call, now)) or self._waited(call, now):
            return
        self._list(call, now)
        if not self._try(call, now) and not (call.entering and self._full(call, now)) and not self._goes_on(call, now):
            self._look_for_hope(call, now, self._limits.nobody_entry_s)
            self._plan_look(call)
        call.entering = call.entering and call.where is Where.TREATED

    def _review(self, call: Waiting, now: datetime) -> None:
        """Time alone changed something for this call."""
        if call.where is not Where.WAITING:
            self._begin_wait(call, now)
        elif self._waited(call, now):
            return
        elif call.hopeless_at is not None and now >= call.hopeless_at:
            self._treat(call, self._nobody(), now)
        else:
            self._unlist(call)
            self._list(call, now)
            if not self._try(call, now) and not self._goes_on(call, now):
                # A later step may ask for less than the one before; an earlier one may have been somebody's last hope.
                self._look_for_hope(call, now, self._limits.nobody_left_s)
                self._plan_look(call)

    def _try(self, call: Waiting, now: datetime) -> bool:
        """Offer a call in line to the longest idle agent who fits."""
        found = self._index.best_agent(call) if self._up else None
        if found is None:
            return False
        agent, idle = found
        offered = self._offer(call, agent, "longest_idle", {"idle": idle}, now)
        self._out.append(offered if call.rings_at_once == 1 else self._with_others(call, offered, now))
        return True

    def _with_others(self, call: Waiting, first: m.Offered, now: datetime) -> m.Offered:
        """Ring the next agents in line too. Who gets ready later is not added: a ring that runs cannot be widened."""
        also: list[m.Offered] = []
        while len(also) + 1 < call.rings_at_once and (found := self._index.best_agent(call)) is not None:
            agent, idle = found
            also.append(self._offer(call, agent, "rings_along", {"idle": idle}, now))
        return replace(first, also=tuple(also))

    def _reconsider(self, agent: Agent, now: datetime) -> None:
        """Something about the agent changed: they take a call, stand ready, or do not any more."""
        if not agent.ready:
            self._index.busy(agent)
            return
        if agent.idle:
            return
        found = self._index.best_call(agent) if self._up else None
        if found is None:
            self._index.idle(agent)
            return
        call, waiting = found
        # Nobody else who fits is ready, or they would have been asked before: one phone, whatever the queue says.
        self._out.append(self._offer(call, agent, "next_in_line", {"waiting": waiting}, now))

    def _match_all(self, now: datetime) -> None:
        """Everything may have changed: each waiting call in order of service."""
        for key in sorted(call.key for call in self._calls.values() if call.key is not None):
            self._try(key[3], now)

    def _staff_changed(self, now: datetime, left: Agent | None = None) -> None:
        """Somebody came: who was without hope is looked at. Or left: those whose plan names a group without anybody."""
        looked_at = list(self._hopeless.values())
        if left is not None and (gaps := self._index.gaps(left)):
            looked_at = [call for call in self._calls.values() if any(stage.group in gaps for stage in call.plan)]
        for call in looked_at:
            if call.where is Where.TREATED:
                continue
            self._look_for_hope(call, now, self._limits.nobody_left_s)
            self._plan_look(call)
        for key in sorted(call.key for call in looked_at if call.key is not None and len(call.plan) > 1):
            self._step_anew(key[3], now)

    def _step_anew(self, call: Waiting, now: datetime) -> None:
        """Another step may be the right one now: who waited for the one who left, or for nobody."""
        self._unlist(call)
        self._list(call, now)
        if not self._try(call, now):
            self._plan_look(call)

    # --- Offers ---

    def _offer(self, call: Waiting, agent: Agent, slug: str, params: dict[str, Any], now: datetime) -> m.Offered:
        params["want"] = call.group.data
        params["priority"] = call.priority
        params["waited_s"] = whole_s(now - call.queued_at)
        params |= self._step_params(call)
        self._hopeless.pop(call.call_id, None)
        call.hopeless_at = None
        call.attempts += 1
        offer = LiveOffer(self._new_offer_id(), call, agent, now)
        self._hold(offer, now + seconds(self._limits.unheard_s))
        return m.Offered(
            offer_id=offer.offer_id,
            call_id=call.call_id,
            queue=call.queue.queue,
            agent=agent.agent,
            ring_s=self._ring_s(call, now),
            attempt=call.attempts,
            reason=Reason(slug, params),
        )

    def _ring_s(self, call: Waiting, now: datetime) -> int:
        """How long the phone rings. A phone that was lost is not rung for longer than its caller is kept for it."""
        if call.lost_until is None or call.step > 0 or now >= call.lost_until:
            return call.queue.ring_s
        return min(call.queue.ring_s, max(LEAST_RING_S, whole_s(call.lost_until - now)))

    def _hold(self, offer: LiveOffer, look_at: datetime) -> None:
        """From now on this offer is live."""
        call, agent = offer.call, offer.agent
        self._unlist(call)
        self._index.busy(agent)
        call.where = Where.OFFERED
        call.resume_at = None
        call.offers = (*call.offers, offer)
        agent.offer = offer
        self._offers[offer.offer_id] = offer
        self._agenda.arm(call, None)
        self._agenda.arm(offer, look_at)

    def _drop_offer(self, offer: LiveOffer) -> None:
        """It is live no more."""
        del self._offers[offer.offer_id]
        self._agenda.arm(offer, None)
        offer.agent.offer = None
        live = offer.call.offers
        offer.call.offers = () if len(live) == 1 else tuple(other for other in live if other is not offer)

    def _end_offer(self, offer: LiveOffer, outcome: OfferOutcome, now: datetime, *, blamed: bool = True) -> None:
        """The offer is over without an answer: the agent bears the consequences, unless it was not their doing.

        After the last of a ring the call goes back with its age.
        """
        call, agent = offer.call, offer.agent
        self._drop_offer(offer)
        if not call.offers:
            self._set_aside(call, Where.RETURNING, now + seconds(self._limits.return_s))
        limits = self._limits
        if blamed and self._kept_for(offer, outcome, now):
            agent.distrust_until = now + seconds(KEPT_AGAIN_S)
            self._arm_agent(agent)
            return
        skip, refusal, anew = CONSEQUENCES[outcome if blamed else OfferOutcome.WITHDRAWN]
        if skip:
            self._skip(call, agent, now)
        if anew:
            self._idle_anew(agent, now)
        if outcome is OfferOutcome.UNREACHABLE and blamed:
            agent.distrust_until = now + seconds(limits.unreachable_s)
            self._arm_agent(agent)
        if outcome is OfferOutcome.TIMED_OUT:
            self._move(agent, limits.missed_state, limits.missed_reason, now)
        if refusal:
            agent.failures += 1
            if agent.failures >= limits.refusals:
                agent.failures = 0
                self._move(agent, limits.missed_state, limits.refused_reason, now)
        self._reconsider(agent, now)

    @staticmethod
    def _kept_for(offer: LiveOffer, outcome: OfferOutcome, now: datetime) -> bool:
        """Whether the call waits on for this agent: their phone was lost, and has not rung yet. Nobody let it ring."""
        call = offer.call
        return (
            outcome in (OfferOutcome.TIMED_OUT, OfferOutcome.UNREACHABLE)
            and not offer.alerted
            and call.lost_by == offer.agent.agent
            and call.lost_until is not None
            and now < call.lost_until
        )

    def _skip(self, call: Waiting, agent: Agent, now: datetime) -> None:
        """The agent let this call go: not asked for it again for a while, a shorter one when there is nobody else."""
        alone = not self._index.others_staffed(call.group, agent)
        call.skip[agent.agent] = now + seconds(self._limits.skip_alone_s if alone else self._limits.skip_s)

    def _take_back(
        self, offer: LiveOffer, outcome: OfferOutcome, slug: str, now: datetime, *, blamed: bool = True
    ) -> None:
        """End an offer by our own decision."""
        self._out.append(
            m.TakenBack(
                offer_id=offer.offer_id,
                call_id=offer.call.call_id,
                agent=offer.agent.agent,
                outcome=outcome,
                rings_on=len(offer.call.offers) > 1,
                reason=Reason(slug, {"after_s": whole_s(now - offer.made_at)}),
            )
        )
        self._end_offer(offer, outcome, now, blamed=blamed)

    def _offer_due(self, offer: LiveOffer, now: datetime) -> None:
        """Nothing was heard of an offer, or its ring does not end."""
        call = offer.call
        if not self._up:  # who cannot be heard cannot be judged
            self._agenda.arm(offer, now + seconds(self._limits.unheard_s))
        elif offer.rang_at is not None:
            self._take_back(offer, OfferOutcome.TIMED_OUT, "overrun", now)
        elif len(call.offers) == 1 or any(one.rang_at is not None for one in call.offers):
            self._take_back(offer, OfferOutcome.UNREACHABLE, "unheard", now)
        else:  # no phone of several: that is the caller's channel or Asterisk, and must not take a whole team out
            for one in call.offers:
                self._take_back(one, OfferOutcome.WITHDRAWN, "asterisk_unavailable", now)
            self._pause(call, now)

    # --- Agents ---

    def _move(self, agent: Agent, state: AgentState, slug: str, now: datetime) -> None:
        """The agent's state changes."""
        was = agent.state
        agent.state, agent.reason, agent.since = state, slug, now
        if state is not AgentState.WRAP_UP:
            agent.wrap_until = None
            self._arm_agent(agent)
        if state is AgentState.OFFLINE:
            self._index.busy(agent)  # before others are looked at
        self._index.state_changed(agent)
        self._out.append(m.Moved(agent=agent.agent, state=state, reason=Reason(slug), until=agent.wrap_until))
        if (was is AgentState.OFFLINE) != (state is AgentState.OFFLINE):
            self._staff_changed(now, left=agent if state is AgentState.OFFLINE else None)

    def _wrap_up(self, agent: Agent, limit_s: float, slug: str, now: datetime) -> None:
        agent.wrap_until = now + seconds(limit_s)
        self._arm_agent(agent)
        self._move(agent, AgentState.WRAP_UP, slug, now)

    def _idle_anew(self, agent: Agent, now: datetime) -> None:
        """The agent did something: they go to the end of the line of idle agents."""
        agent.idle_key = (now, self._number(), agent)

    def _arm_agent(self, agent: Agent) -> None:
        ends = [at for at in (agent.wrap_until, agent.distrust_until) if at is not None]
        self._agenda.arm(agent, min(ends, default=None))

    def _agent_due(self, agent: Agent, now: datetime) -> None:
        if agent.wrap_until is not None and now >= agent.wrap_until:
            self._idle_anew(agent, now)
            self._move(agent, AgentState.AVAILABLE, "wrap_up_over", now)
        if agent.distrust_until is not None and now >= agent.distrust_until:
            agent.distrust_until = None
        self._arm_agent(agent)
        self._reconsider(agent, now)

    def _freed(self, agent: Agent, now: datetime) -> None:
        """The agent's part of their call is over: wrap-up, then ready."""
        queue = agent.call_queue
        self._stop_talking(agent)
        limit_s = self._limits.wrap_up_s
        if queue is not None:
            limit_s = limit_s if queue.wrap_up_s is None else queue.wrap_up_s
            self._line(queue.queue).flow.handled((now - agent.call_since).total_seconds() + limit_s)
        self._idle_anew(agent, now)
        if agent.state is AgentState.AVAILABLE and limit_s > 0:
            self._wrap_up(agent, limit_s, "call_over", now)
        self._reconsider(agent, now)

    def _stop_talking(self, agent: Agent) -> None:
        if agent.call is None:
            return
        talkers = self._talking[agent.call]
        talkers.remove(agent)
        if not talkers:
            del self._talking[agent.call]
        agent.call = None
