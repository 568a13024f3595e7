"""Offered call → pop → update → withdraw, numbered per agent.

Feed it every fact from the bus; it tells a ``PopSink`` what changes on which agent's screen. It waits for
nothing: a pop goes out with what is known, and the look-up's answer follows as an update.

One rule stands above all: **nothing of a previous caller ever remains.** A pop is replaced whole, an offer or
call that is over can never come back, and an update reaches only the agent who is shown that very call.
Facts may come twice or late (after a resync); they then change nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from cti.domain.callend import CALLBACK, OUTBOUND, STATUS
from cti.domain.copies import changed as replace
from cti.domain.events import (
    AgentFreed,
    AgentStateChanged,
    CallAnswered,
    CallbackReported,
    CallEnded,
    CallEvent,
    CallHeld,
    CallLinked,
    CallPhaseChanged,
    CallResumed,
    CallRinging,
    ConsultBegan,
    ConsultEnded,
    Event,
    OfferEnded,
    OwnPhoneRings,
)
from cti.domain.model import AgentId, AgentState, Call, CallId, ConsultResult, OfferId, OfferOutcome, TenantId
from cti.domain.pop import (
    CallerCard,
    CardPart,
    PartStatus,
    Pop,
    PopAnswered,
    PopEnded,
    PopOffered,
    PopPhase,
    PopSink,
    PopUpdated,
    PopWithdrawn,
    reach_of,
)

# Late facts arrive within seconds; ten thousand offers are two minutes of a centre with 80 calls a second.
REMEMBERED = 10_000

_Key = tuple[TenantId, AgentId]
_K = TypeVar("_K", bound=Hashable)
_CONNECTED = (PopPhase.TALKING, PopPhase.HELD)
_CARD_PARTS = ("members", "reservations", "tickets", "calls", "verification")


class _Recent(Generic[_K]):
    """The last ``limit`` keys that were added."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._keys: OrderedDict[_K, None] = OrderedDict()

    def add(self, key: _K) -> None:
        self._keys[key] = None
        self._keys.move_to_end(key)
        if len(self._keys) > self._limit:
            self._keys.popitem(last=False)

    def __contains__(self, key: object) -> bool:
        return key in self._keys


class ScreenPop:
    """Keeps what each agent is shown now, and says every change to ``sink``."""

    def __init__(self, sink: PopSink) -> None:
        self._sink = sink
        self._shown: dict[_Key, Pop] = {}
        self._viewers: dict[CallId, set[_Key]] = {}
        self._revisions: dict[_Key, int] = {}
        self._cards: OrderedDict[CallId, CallerCard] = OrderedDict()
        self._offers_over: _Recent[OfferId] = _Recent(REMEMBERED)
        self._calls_over: _Recent[CallId] = _Recent(REMEMBERED)
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            CallRinging: self._ringing,
            CallAnswered: self._answered,
            OfferEnded: self._offer_ended,
            ConsultBegan: self._asked,
            OwnPhoneRings: self._asked,
            CallbackReported: self._reported,
            ConsultEnded: self._asked_no_more,
            CallPhaseChanged: self._phase_changed,
            CallHeld: self._held,
            CallResumed: self._resumed,
            CallLinked: self._linked,
            AgentFreed: self._freed,
            CallEnded: self._ended,
            AgentStateChanged: self._state_changed,
        }

    @property
    def kinds(self) -> tuple[type[Event], ...]:
        """The facts that concern a screen."""
        return tuple(self._handlers)

    def current(self, tenant: TenantId, agent: AgentId) -> Pop | None:
        """What this agent is shown now."""
        return self._shown.get((tenant, agent))

    def handle(self, event: Event) -> None:
        """Take one fact from the bus. Facts that concern no screen are ignored."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    # --- Facts -------------------------------------------------------------------------------------

    def _ringing(self, event: CallRinging) -> None:
        key = (event.tenant, event.agent)
        if self._is_over(event.call_id, event.offer_id):
            return
        shown = self._shown.get(key)
        if shown is not None and shown.offer_id == event.offer_id:
            return  # said twice, or answered already
        self._show(key, self._pop(event, event.agent, event.offer_id, rang_at=event.at), event.at)

    def _answered(self, event: CallAnswered) -> None:
        key = (event.tenant, event.agent)
        if self._is_over(event.call_id, event.offer_id):
            return
        shown = self._shown.get(key)
        if shown is not None and _same(shown, event.call_id, event.offer_id):
            if shown.phase is PopPhase.RINGING:
                pop = self._change(key, shown, phase=PopPhase.TALKING, answered_at=event.at)
                self._sink.pop_changed(PopAnswered(at=event.at, pop=pop))
            return
        # The ring was not seen (a resync, a transfer by a phone): show it now, connected.
        pop = self._pop(event, event.agent, event.offer_id, rang_at=None)
        self._show(key, replace(pop, phase=PopPhase.TALKING, answered_at=event.at), event.at)

    def _offer_ended(self, event: OfferEnded) -> None:
        if event.outcome is OfferOutcome.ACCEPTED:
            return
        self._offers_over.add(event.offer_id)
        key = (event.tenant, event.agent)
        shown = self._shown.get(key)
        if shown is not None and shown.offer_id == event.offer_id and shown.phase is PopPhase.RINGING:
            self._withdraw(key, shown, event.at, event.outcome)

    def _asked(self, event: ConsultBegan | OwnPhoneRings) -> None:
        """A colleague is asked about the caller, or an agent dials out: they see who it is before they answer."""
        key = (event.tenant, event.agent)
        if not self._is_over(event.call_id, None):
            self._show(key, self._pop(event, event.agent, None, rang_at=event.at), event.at)

    def _phase_changed(self, event: CallPhaseChanged) -> None:
        """A colleague who was asked has answered."""
        asked = event.call.consultations[-1] if event.call.consultations else None
        if asked is None or asked.second is None or asked.answered_at is None or asked.ended_at is not None:
            return
        key = (event.tenant, asked.second)
        shown = self._shown.get(key)
        if shown is not None and shown.call_id == event.call_id and shown.phase is PopPhase.RINGING:
            pop = self._change(key, shown, phase=PopPhase.TALKING, answered_at=asked.answered_at)
            self._sink.pop_changed(PopAnswered(at=event.at, pop=pop))

    def _asked_no_more(self, event: ConsultEnded) -> None:
        """A colleague who was not given the caller has no after-call work to do."""
        key = (event.tenant, event.agent)
        shown = self._shown.get(key)
        if shown is None or shown.call_id != event.call_id or event.result is ConsultResult.HANDED_OVER:
            return
        if not any(talk.agent == event.agent for talk in event.call.talks):
            self._withdraw(key, shown, event.at, OfferOutcome.WITHDRAWN)

    def _reported(self, event: CallbackReported) -> None:
        """The person whom an agent dialled has answered, or not."""
        for key in tuple(self._viewers.get(event.call_id, ())):
            shown = self._shown[key]
            if shown.reach is not None and shown.reach is not reach_of(event.status):
                pop = self._change(key, shown, reach=reach_of(event.status))
                self._sink.pop_changed(PopUpdated(at=event.at, pop=pop, parts=frozenset({"reach"})))

    def _held(self, event: CallHeld) -> None:
        self._set_phase(event, PopPhase.TALKING, PopPhase.HELD)

    def _resumed(self, event: CallResumed) -> None:
        self._set_phase(event, PopPhase.HELD, PopPhase.TALKING)

    def _linked(self, event: CallLinked) -> None:
        if event.call_id in self._calls_over:
            return
        card = card_of(event)
        self._cards[event.call_id] = card
        if len(self._cards) > REMEMBERED:
            self._cards.popitem(last=False)
        for key in tuple(self._viewers.get(event.call_id, ())):
            shown = self._shown[key]
            parts = _differences(shown.card, card)
            if parts:
                pop = self._change(key, shown, card=card)
                self._sink.pop_changed(PopUpdated(at=event.at, pop=pop, parts=parts))

    def _freed(self, event: AgentFreed) -> None:
        key = (event.tenant, event.agent)
        shown = self._shown.get(key)
        if shown is not None and shown.call_id == event.call_id:
            self._leave(key, shown, event.at, None)

    def _ended(self, event: CallEnded) -> None:
        self._calls_over.add(event.call_id)
        self._cards.pop(event.call_id, None)
        for key in tuple(self._viewers.get(event.call_id, ())):
            self._leave(key, self._shown[key], event.at, event.call)

    def _state_changed(self, event: AgentStateChanged) -> None:
        key = (event.tenant, event.agent)
        shown = self._shown.get(key)
        if shown is not None and shown.phase is PopPhase.ENDED and event.state is not AgentState.WRAP_UP:
            self._forget(key, shown)

    # --- Steps -------------------------------------------------------------------------------------

    def _is_over(self, call_id: CallId, offer_id: OfferId | None) -> bool:
        return call_id in self._calls_over or (offer_id is not None and offer_id in self._offers_over)

    def _next(self, key: _Key) -> int:
        self._revisions[key] = revision = self._revisions.get(key, 0) + 1
        return revision

    def _pop(self, event: CallEvent, agent: AgentId, offer_id: OfferId | None, *, rang_at: datetime | None) -> Pop:
        call = event.call
        return Pop(
            tenant=event.tenant,
            agent=agent,
            call_id=call.call_id,
            offer_id=offer_id,
            revision=0,
            phase=PopPhase.RINGING,
            caller=call.caller,
            number_called=call.number_called,
            queue=call.queue,
            reason=next((o.reason for o in call.offers if o.offer_id == offer_id), ""),
            menu=call.menu,
            arrived_at=call.arrived_at,
            queued_at=call.queued_at,
            wait_s=max(0.0, (event.at - (call.queued_at or call.arrived_at)).total_seconds()),
            attempt=_attempt(call, offer_id),
            rang_at=rang_at,
            card=self._cards.get(call.call_id, CallerCard()),
            callback=bool(call.extra.get(CALLBACK)),
            reach=reach_of(call.extra.get(STATUS)) if call.extra.get(OUTBOUND) else None,
        )

    def _show(self, key: _Key, pop: Pop, at: datetime) -> None:
        before = self._shown.get(key)
        if before is not None:
            if before.offer_id is not None:
                self._offers_over.add(before.offer_id)  # replaced: it cannot come back
            self._forget(key, before)
        pop = replace(pop, revision=self._next(key))
        self._shown[key] = pop
        self._viewers.setdefault(pop.call_id, set()).add(key)
        self._sink.pop_changed(PopOffered(at=at, pop=pop))

    def _change(self, key: _Key, shown: Pop, **changes: Any) -> Pop:
        self._shown[key] = pop = replace(shown, revision=self._next(key), **changes)
        return pop

    def _forget(self, key: _Key, shown: Pop) -> None:
        del self._shown[key]
        viewers = self._viewers[shown.call_id]
        viewers.discard(key)
        if not viewers:
            del self._viewers[shown.call_id]

    def _withdraw(self, key: _Key, shown: Pop, at: datetime, outcome: OfferOutcome) -> None:
        if shown.offer_id is not None:
            self._offers_over.add(shown.offer_id)
        self._forget(key, shown)
        pop = replace(shown, revision=self._next(key))
        self._sink.pop_changed(PopWithdrawn(at=at, pop=pop, outcome=outcome))

    def _leave(self, key: _Key, shown: Pop, at: datetime, call: Call | None) -> None:
        """The agent's part is over, because of the agent (``call`` is None) or of the whole call."""
        if shown.phase is PopPhase.RINGING:
            self._withdraw(key, shown, at, OfferOutcome.WITHDRAWN)
            return
        if shown.offer_id is not None:
            self._offers_over.add(shown.offer_id)
        if shown.phase is PopPhase.ENDED and call is None:
            return
        pop = self._change(key, shown, phase=PopPhase.ENDED)
        talk_s = None if call is None else _talk_s(call, shown.agent)
        if talk_s is None and shown.phase in _CONNECTED and shown.answered_at is not None:
            talk_s = max(0.0, (at - shown.answered_at).total_seconds())
        self._sink.pop_changed(PopEnded(at=at, pop=pop, call=call, talk_s=talk_s))

    def _set_phase(self, event: CallEvent, before: PopPhase, after: PopPhase) -> None:
        for key in tuple(self._viewers.get(event.call_id, ())):
            shown = self._shown[key]
            if shown.phase is before:
                pop = self._change(key, shown, phase=after)
                self._sink.pop_changed(PopUpdated(at=event.at, pop=pop, parts=frozenset({"phase"})))


def card_of(event: CallLinked) -> CallerCard:
    """The caller card of a link event.

    ``event.card`` maps "members", "reservations", "tickets", "calls" and "verification" to
    ``{"status", "as_of", <the part's name>}``
    (docs/linking.md); a part that is missing or has another shape is empty, with the event's own status.
    """
    status = _status(event.status, PartStatus.UNAVAILABLE)
    parts = {name: _part(name, event.card.get(name), status) for name in _CARD_PARTS}
    return CallerCard(link=event.link, link_status=status, chosen=_chosen(event.card.get("link")), **parts)


def _chosen(said: object) -> Mapping[str, Any] | None:
    chosen = said.get("chosen") if isinstance(said, Mapping) else None
    return chosen if isinstance(chosen, Mapping) else None


def _part(name: str, said: object, status: PartStatus) -> CardPart:
    if not isinstance(said, Mapping):
        return CardPart(status=status)
    records = said.get(name)
    return CardPart(
        status=_status(said.get("status"), status),
        as_of=_instant(said.get("as_of")),
        items=tuple(r for r in records if isinstance(r, Mapping)) if isinstance(records, list | tuple) else (),
    )


def _instant(said: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(said) if isinstance(said, str) else said
    except ValueError:
        return None
    return instant if isinstance(instant, datetime) and instant.tzinfo is not None else None


def _status(said: object, otherwise: PartStatus) -> PartStatus:
    try:
        return PartStatus(str(said))
    except ValueError:
        return otherwise


def _differences(old: CallerCard, new: CallerCard) -> frozenset[str]:
    changed = {name for name in _CARD_PARTS if getattr(old, name) != getattr(new, name)}
    if (old.link, old.link_status, old.chosen) != (new.link, new.link_status, new.chosen):
        changed.add("link")
    return frozenset(changed)


def _same(shown: Pop, call_id: CallId, offer_id: OfferId | None) -> bool:
    return shown.call_id == call_id and (offer_id is None or shown.offer_id == offer_id)


def _attempt(call: Call, offer_id: OfferId | None) -> int:
    ids = [o.offer_id for o in call.offers]
    return ids.index(offer_id) + 1 if offer_id in ids else max(1, len(ids))


def _talk_s(call: Call, agent: AgentId) -> float | None:
    """Seconds this agent talked in the closed call; None when they did not."""
    spans = [
        ((t.ended_at or call.ended_at or t.answered_at) - t.answered_at).total_seconds()
        for t in call.talks
        if t.agent == agent
    ]
    return max(0.0, sum(spans)) if spans else None
