"""What is heard of phones that ring: they began, they ended, somebody has the caller. PURE.

Part of the engine, between what people ask for and the inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cti.domain.model import AgentId, OfferOutcome
from routing import model as m
from routing.model import Reason, Where
from routing.room import seconds, whole_s
from routing.state import Agent, LiveOffer, Waiting
from routing.wishes import Wishes

# A page says some 0.6 s later that it is a phone (softphone.ts): what began to ring since then may be on its way to it.
ANEW_S = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneAnew(m.Told):
    """An agent's page has just become their phone: what rang for them before rings where nobody can answer it."""

    agent: AgentId


class Ringing(Wishes):
    """Offers, as Asterisk reports them."""

    def _call_taken(self, told: m.CallTaken, now: datetime) -> None:
        call = self._calls.get(told.call_id)
        rule = self._line(told.queue).rule if told.queue is not None else None
        passed_over: list[Agent] = []
        if call is not None:
            rule = call.queue
            self._line(rule.queue).flow.left((now - call.since).total_seconds(), hung_up=False)
            passed_over = [offer.agent for offer in call.offers if offer.agent.agent != told.agent]
            self._note_others(call, told, now)
            self._forget(call)
            self._drop_all(call)
        agent = self._agents.get(told.agent)
        if agent is not None and agent.call != told.call_id:
            self._stop_talking(agent)  # in case the end of the last call was never reported
            agent.call, agent.call_queue, agent.call_since = told.call_id, rule, now
            agent.failures = 0
            self._talking.setdefault(told.call_id, []).append(agent)
            self._index.busy(agent)
            if agent.offer is not None:  # after they are known to talk: or the next in line would be offered to them
                self._take_back(agent.offer, OfferOutcome.WITHDRAWN, "agent_busy", now)
        for other in passed_over:
            self._reconsider(other, now)  # keeps their place: it was not their doing

    def _note_others(self, call: Waiting, told: m.CallTaken, now: datetime) -> None:
        """Whose phones rang too: somebody else was faster."""
        for offer in call.offers:
            if offer.agent.agent != told.agent:
                params = {"agent": told.agent, "after_s": whole_s(now - offer.made_at)}
                self._out.append(
                    m.PassedOver(
                        offer_id=offer.offer_id,
                        call_id=call.call_id,
                        agent=offer.agent.agent,
                        reason=Reason("taken_by_other", params),
                    )
                )

    def _offer_rang(self, told: m.OfferRang, now: datetime) -> None:
        offer = self._offers.get(told.offer_id) or self._adopt(told, now)
        if offer is not None:
            offer.rang_at = now
            offer.call.failures = 0
            self._agenda.arm(offer, now + seconds(offer.call.queue.ring_s + self._limits.overrun_s))

    def _adopt(self, told: m.OfferRang, now: datetime) -> LiveOffer | None:
        """A phone rings for an offer that is not live here: made before a restart, or given up too early."""
        agent, call = self._agents.get(told.agent), self._calls.get(told.call_id)
        if agent is None or agent.offer is not None or agent.call is not None:
            return None
        if call is None:
            if told.queue is None or told.queued_at is None:
                return None
            call = Waiting(told.call_id, self._line(told.queue).rule, told.queued_at, self._number())
            self._calls[told.call_id] = call
            self._make_plan(call, now)
            self._look_for_hope(call, now, self._limits.nobody_left_s)
        elif call.where is Where.TREATED or (call.offers and len(call.offers) >= call.rings_at_once):
            return None
        offer = LiveOffer(told.offer_id, call, agent, now)
        self._hold(offer, now)
        return offer

    def _offer_over(self, told: m.OfferOver, now: datetime) -> None:
        offer = self._offers.get(told.offer_id)
        if offer is None:
            return
        if told.outcome is OfferOutcome.ACCEPTED:
            self._call_taken(m.CallTaken(call_id=offer.call.call_id, agent=offer.agent.agent), now)
        else:
            self._end_offer(offer, told.outcome, now)

    def _offer_failed(self, told: m.OfferFailed, now: datetime) -> None:
        offer = self._offers.get(told.offer_id)
        if offer is None or any(one.rang_at is not None for one in offer.call.offers):
            return  # one rang: the answer got lost, not the action
        call = offer.call
        self._take_back(offer, OfferOutcome.WITHDRAWN, "asterisk_unavailable", now)
        if call.where is Where.RETURNING:
            self._pause(call, now)

    def _phone_anew(self, told: PhoneAnew, now: datetime) -> None:
        agent = self._agents.get(told.agent)
        if agent is None:
            return
        if agent.distrust_until is not None:
            agent.distrust_until = None
            self._arm_agent(agent)
            self._reconsider(agent, now)
        offer = agent.offer
        if offer is None or offer.rang_at is None or now - offer.rang_at < seconds(ANEW_S):
            return
        # Once for each call: a page whose network comes and goes must not hold a caller for ever.
        blamed = told.agent in offer.call.anew
        offer.call.anew |= {told.agent}
        self._take_back(offer, OfferOutcome.UNREACHABLE, "phone_anew", now, blamed=blamed)

    def _drop_all(self, call: Waiting) -> None:
        """None of its offers is live any more."""
        for offer in call.offers:
            self._drop_offer(offer)
