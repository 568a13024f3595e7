"""Dials out for agents: decided by the rules, stored before it is sent, done once. docs/outbound.md.

What is placed is the place of a callback whose agent is known (asterisk-conf/extensions.conf, cti-outbound): their own
phone first, then the person's. From there on the dialplan needs nobody, and the call is a call like any other.
"""

from __future__ import annotations

import logging
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from cti.domain import events as ev
from cti.domain.callend import OUTBOUND
from cti.domain.copies import changed as replace
from cti.domain.effects import Effect, EffectId, EffectState
from cti.domain.errors import Unavailable
from cti.domain.model import AgentId, CallId, TenantId
from cti.outbound.rules import (
    HOUR,
    MOST_COUNTED,
    OutboundRules,
    Permit,
    Refused,
    may_be_saved,
    may_dial_now,
    permit,
    within_hour,
)

log = logging.getLogger(__name__)

OUTBOUND_KIND = "outbound"
# A phone rings some 20 ms after the order; a second click within this is the same wish.
SOON = timedelta(seconds=5)
# Asterisk takes up an agent's order until it is 15 whole seconds old (extensions.conf, cti-callback). As long as that
# nobody knows whether one without an answer will still ring, and a second one might ring with it.
MAY_RING = timedelta(seconds=16)
# Marks in Asterisk that are of no use any more: each order takes one away.
MOST_FORGOTTEN = 1_000


class Sender(Protocol):
    """Who does effects (cti.effects)."""

    async def do(self, effect: Effect, *also: Any) -> None:
        """Store and send. Raises Unavailable when it could not be stored."""

    def seen(self, effect_id: EffectId) -> None:
        """The other side shows that it happened."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialled:
    """A call that was placed: the agent's own phone rings now."""

    call_id: CallId
    shown: str  # the number as people write it


@dataclass(frozen=True, kw_only=True, slots=True)
class Lent:
    """One dial of somebody outside, by a channel of a call that goes on."""

    e164: str
    digits: str  # as the trunk dials it
    shows: str  # E.164, the desk's own number
    ring_s: int
    language: str  # of the notice: "ja" or "en"
    at: datetime  # when it was counted


@dataclass(frozen=True, kw_only=True, slots=True)
class Ordered:
    """What became of an agent's latest order."""

    call_id: CallId
    state: Literal["asked", "taken", "lost"]  # not known yet; Asterisk took it; it came to nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialling:
    """What an agent may expect of dialling."""

    number: str | None  # E.164, what the person sees calling; None: this desk does not dial out
    left: int  # how many more numbers this hour, by the agent's own cap
    order: Ordered | None = None  # None: none, or its call is over


@dataclass(frozen=True, kw_only=True, slots=True)
class _Order:
    """The latest order of an agent, until its call is over."""

    call_id: CallId
    at: datetime
    settled: bool  # Asterisk has shown that it took it


class OutboundDesk:
    """One event loop. ``restore`` what was dialled lately; subscribe ``handle`` to ``KINDS``.

    ``rules`` gives a tenant's rules or None; ``why_not`` a key of the pages' catalogue when an agent cannot be rung
    now; ``endpoint`` their phone (raises NotFound).
    """

    KINDS: tuple[type[ev.Event], ...] = (ev.CallArrived, ev.CallEnded)

    def __init__(
        self,
        *,
        sender: Sender,
        rules: Callable[[TenantId], OutboundRules | None],
        why_not: Callable[[TenantId, AgentId], str | None],
        endpoint: Callable[[TenantId, AgentId], str],
        clock: Callable[[], datetime],
    ) -> None:
        self._sender = sender
        self._rules = rules
        self._why_not = why_not
        self._endpoint = endpoint
        self._clock = clock
        self._times: dict[tuple[TenantId, AgentId], deque[datetime]] = {}
        self._ordered: dict[tuple[TenantId, AgentId], _Order] = {}
        self._effects: OrderedDict[CallId, EffectId] = OrderedDict()  # of calls that have not ended
        self._sending: set[CallId] = set()
        self._refused: set[CallId] = set()  # Asterisk said no while the order was being sent
        # By agent, the latest order that was answered as one that may ring, and turned out never taken.
        self._lost: dict[tuple[TenantId, AgentId], CallId] = {}
        self._useless: deque[EffectId] = deque(maxlen=MOST_FORGOTTEN)

    def restore(self, made: Iterable[Effect], lent: Iterable[tuple[TenantId, AgentId, datetime]] = ()) -> None:
        """What was dialled within the last hour: a restart gives nobody new numbers.

        Settled ones too: their calls may be alive, and their marks are to be forgotten when they end. ``lent``: who had
        somebody outside rung from a call, and when.
        """
        for tenant, agent, at in sorted(lent, key=lambda one: one[2]):
            self._count((tenant, agent), at)
        for effect in sorted(made, key=lambda effect: effect.created_at):
            if effect.state is not EffectState.NOT_DONE:
                key, call_id = _whose(effect)
                self._count(key, effect.created_at)
                self._remember(call_id, effect.effect_id)
                self._ordered[key] = _Order(call_id=call_id, at=effect.created_at, settled=effect.settled)

    async def dial(self, tenant: TenantId, agent: AgentId, text: str) -> Dialled:
        """Have a number dialled. Returns when Asterisk has taken the order, or may have.

        Raises Refused saying why not, NotFound (no such agent), Unavailable: nobody is called.
        """
        now, key, rules = self._clock(), (tenant, agent), self._rules(tenant)
        wanted = permit(rules, text, now, mine=self._times.get(key, ()), all_=self._all(tenant))
        assert rules is not None  # noqa: S101 - permit refuses without any
        why_not = "dial_under_way" if self._under_way(key, now) else self._why_not(tenant, agent)
        if why_not is not None:
            raise Refused(why_not)
        call_id = CallId(str(uuid.uuid4()))
        effect = self._effect(tenant, agent, rules, wanted, call_id, now)
        self._ordered[key] = _Order(call_id=call_id, at=now, settled=False)
        self._lost.pop(key, None)
        self._remember(call_id, effect.effect_id)
        self._count(key, now)
        self._sending.add(call_id)
        try:
            await self._sender.do(effect)
            if call_id in self._refused:
                raise Unavailable("Asterisk did not take the order")
        except Exception:  # not when the server ends meanwhile: then it may have been asked for
            self._undo(effect)
            raise
        finally:
            self._sending.discard(call_id)
            self._refused.discard(call_id)
        log.info("an agent dials out", extra={"call_id": call_id})
        return Dialled(call_id=call_id, shown=wanted.shown)

    def dialling(self, tenant: TenantId, agent: AgentId) -> Dialling:
        """What the agent may expect now."""
        rules = self._rules(tenant)
        if rules is None:
            return Dialling(number=None, left=0)
        used = within_hour(self._times.get((tenant, agent), ()), self._clock())
        left = max(0, rules.per_agent_hour - used)
        return Dialling(number=rules.number, left=left, order=self._order((tenant, agent)))

    def _order(self, key: tuple[TenantId, AgentId]) -> Ordered | None:
        ordered, lost = self._ordered.get(key), self._lost.get(key)
        if ordered is not None:
            return Ordered(call_id=ordered.call_id, state="taken" if ordered.settled else "asked")
        return None if lost is None else Ordered(call_id=lost, state="lost")

    def refusal(self, tenant: TenantId, agent: AgentId, text: str) -> Refused | None:
        """Why a number would not be dialled now, whatever the agent's own phone does; None: it would be."""
        return self.refusals(tenant, agent, [text])[0]

    def refusals(self, tenant: TenantId, agent: AgentId, texts: Sequence[str]) -> list[Refused | None]:
        """The same for a whole phone book: hours and caps are asked once."""
        rules = self._rules(tenant)
        passing: Refused | None = None
        try:
            may_dial_now(rules, self._clock(), mine=self._times.get((tenant, agent), ()), all_=self._all(tenant))
        except Refused as refused:
            passing = refused
        return [_never(rules, text) or passing for text in texts]

    def lend(self, tenant: TenantId, agent: AgentId, text: str) -> Lent:
        """Somebody outside is rung from a call that goes on: the same rules, and it counts. Raises Refused.

        Nothing is stored: no Originate is sent, so nothing could be sent twice (decision 0240).
        """
        now, key, rules = self._clock(), (tenant, agent), self._rules(tenant)
        wanted = permit(rules, text, now, mine=self._times.get(key, ()), all_=self._all(tenant))
        assert rules is not None  # noqa: S101 - permit refuses without any
        self._count(key, now)
        return Lent(
            e164=wanted.e164,
            digits=wanted.digits,
            shows=rules.number,
            ring_s=rules.ring_s,
            language=rules.language,
            at=now,
        )

    def give_back(self, tenant: TenantId, agent: AgentId, at: datetime) -> None:
        """Nobody was rung: it does not count."""
        with suppress(ValueError):
            self._times.get((tenant, agent), deque[datetime]()).remove(at)

    def settled(self, effect: Effect, _mark: str) -> None:
        """What became of an order. For the sender."""
        if effect.kind != OUTBOUND_KIND:
            return
        key, call_id = _whose(effect)
        ordered = self._ordered.get(key)
        if effect.state is EffectState.NOT_DONE:
            if call_id in self._sending:
                self._refused.add(call_id)
            elif ordered is not None and ordered.call_id == call_id:
                self._lost[key] = call_id
            self._undo(effect)
        elif ordered is not None and ordered.call_id == call_id:
            self._ordered[key] = replace(ordered, settled=True)

    def handle(self, event: ev.Event) -> None:
        """Take one fact in. Never blocks."""
        if not isinstance(event, ev.CallArrived | ev.CallEnded) or not event.call.extra.get(OUTBOUND):
            return
        effect_id = self._effects.get(event.call_id)
        if isinstance(event, ev.CallArrived):
            if effect_id is not None:
                self._sender.seen(effect_id)
            return
        if effect_id is not None:
            self._useless.append(effect_id)
        self._over(event.call_id, (event.tenant, AgentId(event.call.extra[OUTBOUND])))

    # --- Steps ---

    def _under_way(self, key: tuple[TenantId, AgentId], now: datetime) -> bool:
        """Whether the agent's phone may be about to ring for a number they asked for."""
        ordered = self._ordered.get(key)
        return ordered is not None and now - ordered.at < (SOON if ordered.settled else MAY_RING)

    def _effect(
        self, tenant: TenantId, agent: AgentId, rules: OutboundRules, wanted: Permit, call_id: CallId, now: datetime
    ) -> Effect:
        return Effect(
            effect_id=EffectId(uuid.uuid4().hex),
            tenant=tenant,
            kind=OUTBOUND_KIND,
            created_at=now,
            changed_at=now,
            body={
                "call": call_id,
                "by": agent,
                "endpoint": self._endpoint(tenant, agent),
                "queue": rules.queue,
                "number": wanted.e164,
                "number_called": rules.number,
                "language": rules.language,
                "queued_at": str(int(now.timestamp())),
                "ring_s": str(rules.ring_s),
                "own_ring_s": str(rules.own_ring_s),
                "forget": self._useless.popleft() if self._useless else "",
            },
        )

    def _remember(self, call_id: CallId, effect_id: EffectId) -> None:
        self._effects[call_id] = effect_id
        while len(self._effects) > MOST_COUNTED:
            self._effects.popitem(last=False)

    def _over(self, call_id: CallId, key: tuple[TenantId, AgentId]) -> None:
        self._effects.pop(call_id, None)
        ordered = self._ordered.get(key)
        if ordered is not None and ordered.call_id == call_id:
            del self._ordered[key]

    def _undo(self, effect: Effect) -> None:
        """Nobody is called: it does not count, and what it was to forget is left to another. Once more does nothing."""
        key, call_id = _whose(effect)
        self._over(call_id, key)
        with suppress(ValueError):
            self._times.get(key, deque[datetime]()).remove(effect.created_at)
        mark = EffectId(effect.body.get("forget", ""))
        if mark and mark not in self._useless:
            self._useless.append(mark)

    def _count(self, key: tuple[TenantId, AgentId], at: datetime) -> None:
        times = self._times.setdefault(key, deque(maxlen=MOST_COUNTED))
        while times and times[0] <= at - HOUR:
            times.popleft()
        times.append(at)

    def _all(self, tenant: TenantId) -> list[datetime]:
        return [at for (of, _), times in self._times.items() if of == tenant for at in times]


def _never(rules: OutboundRules | None, text: str) -> Refused | None:
    """Why no hour lets this number be dialled."""
    try:
        may_be_saved(rules, text)
    except Refused as refused:
        return refused
    return None


def _whose(effect: Effect) -> tuple[tuple[TenantId, AgentId], CallId]:
    """Who had it dialled, and the call."""
    return (effect.tenant, AgentId(effect.body.get("by", ""))), CallId(effect.body["call"])
