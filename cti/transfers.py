"""Carries out what agents ask for the call they talk in: hold, consultation, conference, transfers.

A command is checked against the table (cti.domain.consult), Asterisk is asked, and the answer waits until events show
that it happened. One command a call at a time. Nothing here changes a call: the call desk does, by the same events.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cti.domain import consult
from cti.domain import events as ev
from cti.domain.consult import ON_HOLD, Command
from cti.domain.errors import CallerError, NotFound, Unavailable
from cti.domain.model import (
    AgentId,
    Call,
    CallId,
    ChannelName,
    Consultation,
    Offer,
    OfferId,
    OfferOutcome,
    QueueId,
    TalkPhase,
    TalkSegment,
    TenantId,
    TransferKind,
)
from cti.domain.ports import Directory, SignalSink
from cti.domain.signals import HoldTold, OfferDecided, OfferTakenBack, TransferAsked

log = logging.getLogger(__name__)

# Events follow an action within 10 ms; a caller who is fetched by the dialplan may take one look of a waiting leg.
CONFIRM_S = 3.0
# A leg as young as this may be the one that came back already; a dead one is ended by Asterisk within 5 s anyway.
FRESH_LEG_S = 2.0
# A colleague who was asked for by name: as long as a queue's usual ring.
RING_S = 20


class Refused(CallerError):
    """A command that cannot be carried out now; ``key`` is a slug of the page's catalogue."""

    def __init__(self, key: str, sentence: str, *, detail: str = "") -> None:
        super().__init__(sentence)
        self.key = key
        self.detail = detail  # what varies in the key's text


class Lent(Protocol):
    """One dial of somebody outside, allowed by the desk's rules (cti.outbound.desk.Lent)."""

    @property
    def e164(self) -> str: ...
    @property
    def digits(self) -> str: ...
    @property
    def shows(self) -> str: ...
    @property
    def ring_s(self) -> int: ...
    @property
    def language(self) -> str: ...
    @property
    def at(self) -> datetime: ...


class LiveCalls(Protocol):
    """The call desk, seen from here."""

    def live(self, call_id: CallId) -> Call | None:
        """The live call, or None."""

    def all_live(self, tenant: TenantId | None = None) -> tuple[Call, ...]:
        """Live calls of a tenant."""


class TalkTelephony(Protocol):
    """What is asked of Asterisk (cti.ami.telephony). Raises NotFound, Unavailable, OutcomeUnknown."""

    async def hold(self, *, caller: ChannelName, agent: ChannelName) -> None: ...
    async def fetch(self, *, agent: ChannelName) -> None: ...
    async def consult(self, *, caller: ChannelName, agent: ChannelName, endpoint: str, held: bool) -> None: ...
    async def ask_outside(self, permit: Lent, *, caller: ChannelName, agent: ChannelName, held: bool) -> None: ...
    async def pass_outside(self, permit: Lent, *, caller: ChannelName, agent: ChannelName) -> None: ...
    async def swap(
        self, *, caller: ChannelName, agent: ChannelName, colleague: ChannelName, to_caller: bool
    ) -> None: ...
    async def join(self, *, caller: ChannelName, colleague: ChannelName, holds: ChannelName) -> None: ...
    async def hand_over(self, *, caller: ChannelName, colleague: ChannelName) -> None: ...
    async def leave(self, *, caller: ChannelName, agent: ChannelName, colleague: ChannelName) -> None: ...
    async def to_queue(self, *, caller: ChannelName, queue: str) -> None: ...
    async def pass_on(self, offer: Offer, *, channel: ChannelName, endpoint: str) -> None: ...
    async def hang_up(self, *, channel: ChannelName) -> None: ...
    async def stop_ring(self, *, leg: ChannelName) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """What the desk knows about who and what may be asked for."""

    is_free: Callable[[TenantId, AgentId], bool]  # their phone is idle, and they are not offline
    is_queue: Callable[[TenantId, QueueId], bool]
    takes: Callable[[TenantId, AgentId], None]  # their phone rings in a moment: nobody else may ring it
    unsure: Callable[[], None]  # what was taken did perhaps not ring: Asterisk has to say what phones do
    # Whether this number may be dialled now (raises Refused); and that it was not dialled after all.
    lend: Callable[[TenantId, AgentId, str], Lent]
    give_back: Callable[[TenantId, AgentId, datetime], None]
    reason: Callable[[TenantId, AgentId], str]  # of an offer that this agent passes on, for people
    now: Callable[[], datetime]  # aware UTC


def first_talk(call: Call) -> TalkSegment | None:
    """The part of the agent who has the caller, the colleague of a consultation aside."""
    asked = consultation(call)
    apart = asked.uniqueid if asked else None
    talks = (t for t in reversed(call.talks) if t.ended_at is None and t.agent_uniqueid != apart)
    return next(talks, None)


def consultation(call: Call) -> Consultation | None:
    """The consultation that goes on."""
    last = call.consultations[-1] if call.consultations else None
    return last if last is not None and last.ended_at is None else None


_OUTSIDE = frozenset({Command.CONSULT_OUTSIDE, Command.TO_OUTSIDE})


class TransferDesk:
    """Subscribe :meth:`handle` to :attr:`KINDS`."""

    KINDS: tuple[type[ev.Event], ...] = (ev.CallEvent, ev.AgentFreed)

    def __init__(
        self,
        *,
        calls: LiveCalls,
        telephony: TalkTelephony,
        directory: Directory,
        sink: SignalSink,
        rules: Rules,
        confirm_s: float = CONFIRM_S,
        new_offer_id: Callable[[], OfferId] = lambda: OfferId(uuid.uuid4().hex),
    ) -> None:
        self._calls = calls
        self._telephony = telephony
        self._directory = directory
        self._sink = sink
        self._rules = rules
        self._confirm_s = confirm_s
        self._new_offer_id = new_offer_id
        self._watched: dict[CallId, tuple[asyncio.Event, list[Call]]] = {}  # calls with a command under way

    def handle(self, event: ev.Event) -> None:
        """Take one fact from the bus."""
        if isinstance(event, ev.CallEvent | ev.AgentFreed) and event.call_id in self._watched:
            changed, seen = self._watched[event.call_id]
            # Where somebody outside has the caller now, nothing but this tells that the agent has not.
            call = event.call if isinstance(event, ev.CallEvent) else self._calls.live(event.call_id)
            seen.extend(() if call is None else (call,))
            changed.set()

    def call_of(self, tenant: TenantId, agent: AgentId) -> Call | None:
        """The call this agent has, as the one who has the caller."""
        return next((c for c in self._calls.all_live(tenant) if _has(c, agent)), None)

    def talk(self, tenant: TenantId, agent: AgentId) -> Call | None:
        """The live call this agent is on the line with, as the one who has the caller or as the one who was asked."""
        return next((c for c in self._calls.all_live(tenant) if _has(c, agent) or _is_asked(c, agent)), None)

    async def bring_back(self, tenant: TenantId, agent: AgentId) -> bool:
        """The agent's page was loaded anew, and its old leg is dead: end it as lost, without waiting for rtp_timeout.

        The dialplan then rings the page that is registered now (cti-lost). Says whether there was such a leg. Only of a
        plain talk or a hold: whoever else is on the line would be left behind. Raises NotFound (it has just ended),
        Unavailable.
        """
        call = self.call_of(tenant, agent)
        talk = first_talk(call) if call is not None else None
        if call is None or talk is None or call.phase not in (TalkPhase.TALKING, TalkPhase.HELD):
            return False
        if (self._rules.now() - talk.answered_at).total_seconds() < FRESH_LEG_S:
            return False
        await self._telephony.stop_ring(leg=talk.agent_channel)
        log.info("a leg was ended as lost", extra={"action": "bring_back", "call_id": call.call_id, "agent": agent})
        return True

    def held_alone(
        self, tenant: TenantId, agent: AgentId, call_id: CallId, holds: Sequence[tuple[datetime, datetime | None]]
    ) -> bool:
        """The agent's phone held the caller by itself while we were away: when from, and to (None: still). Says whether
        this agent has that caller."""
        call = self.call_of(tenant, agent)
        talk = first_talk(call) if call is not None else None
        if call is None or talk is None or call.call_id != call_id:
            return False
        for began_at, ended_at in holds:
            self._sink.post(
                HoldTold(
                    at=self._rules.now(),
                    channel=talk.agent_channel,
                    uniqueid=talk.agent_uniqueid,
                    call_id=call_id,
                    began_at=began_at,
                    ended_at=ended_at,
                )
            )
        return True

    async def ask(self, tenant: TenantId, agent: AgentId, command: Command, to: str = "") -> None:
        """Carry a command out; returns when events have confirmed it.

        ``to``: the agent for CONSULT and TO_AGENT, the queue for TO_QUEUE, a number in any way of writing one for
        CONSULT_OUTSIDE and TO_OUTSIDE. Raises Refused (with a key), NotFound (a
        channel that has just ended), Unavailable (Asterisk is away, or did not confirm within CONFIRM_S).
        """
        call = self.call_of(tenant, agent)
        if call is None:
            raise Refused("no_talk", "this agent has no caller on the line")
        possible = consult.possible(call)
        if command not in possible or call.call_id in self._watched:
            raise Refused("not_now", f"{command.value} is not possible while the call is {call.phase}")
        self._check(tenant, agent, command, to)
        rings = command in (Command.CONSULT, Command.TO_AGENT)
        lent = self._rules.lend(tenant, agent, to) if command in _OUTSIDE else None
        if rings:
            self._rules.takes(tenant, AgentId(to))
        watched = (asyncio.Event(), list[Call]())
        self._watched[call.call_id] = watched
        try:
            await (self._act(call, agent, command, to) if lent is None else self._outside(call, agent, command, lent))
            unreachable = "agent_not_free" if lent is None else "outside_not_reached"
            await self._confirmed(call, agent, possible[command], watched, unreachable)
        except Exception:
            if rings:
                self._rules.unsure()
            raise
        finally:
            del self._watched[call.call_id]

    def _check(self, tenant: TenantId, agent: AgentId, command: Command, to: str) -> None:
        if command in (Command.CONSULT, Command.TO_AGENT):
            if to == agent:
                raise Refused("yourself", "an agent cannot be passed their own call")
            try:
                self._directory.endpoint_of(tenant, AgentId(to))
            except NotFound as error:
                raise Refused("no_such_agent", f"there is no agent {to[:64]!r}") from error
            if not self._rules.is_free(tenant, AgentId(to)):
                raise Refused("agent_not_free", f"{to} is not at a free phone")
        elif command is Command.TO_QUEUE and not self._rules.is_queue(tenant, QueueId(to)):
            raise Refused("no_such_queue", f"there is no queue {to[:64]!r}")

    async def _act(self, call: Call, agent: AgentId, command: Command, to: str) -> None:
        talk, asked, ask = first_talk(call), consultation(call), self._telephony
        caller, leg = call.channel, talk.agent_channel if talk is not None else ChannelName("")
        colleague = asked.channel if asked is not None else ChannelName("")
        match command:
            case Command.HOLD:
                await ask.hold(caller=caller, agent=leg)
            case Command.RESUME:
                await ask.fetch(agent=leg)
            case Command.CONSULT:
                endpoint = self._directory.endpoint_of(call.tenant, AgentId(to))
                held = call.phase in ON_HOLD
                await ask.consult(caller=caller, agent=leg, endpoint=endpoint, held=held)
            case Command.RETURN if call.phase is TalkPhase.CALLING:
                await ask.fetch(agent=leg)
            case Command.RETURN:  # the dialplan gives the caller back as soon as the colleague is gone
                await ask.hang_up(channel=colleague)
            case Command.SWAP:
                to_caller = call.phase is TalkPhase.CONSULTING
                await ask.swap(caller=caller, agent=leg, colleague=colleague, to_caller=to_caller)
            case Command.JOIN:
                holds = caller if call.phase is TalkPhase.CONSULTING else colleague
                await ask.join(caller=caller, colleague=colleague, holds=holds)
            case Command.COMPLETE if call.phase is TalkPhase.CONFERENCE:
                await ask.leave(caller=caller, agent=leg, colleague=colleague)
            case Command.COMPLETE:
                await ask.hand_over(caller=caller, colleague=colleague)
            case Command.TO_QUEUE:
                await self._to_queue(call, agent, leg, colleague, to)
            case Command.TO_AGENT:
                await self._to_agent(call, agent, leg, AgentId(to))

    async def _outside(self, call: Call, agent: AgentId, command: Command, lent: Lent) -> None:
        """Somebody outside is rung; what Asterisk did not take does not count."""
        talk = first_talk(call)
        leg = talk.agent_channel if talk is not None else ChannelName("")
        try:
            if command is Command.CONSULT_OUTSIDE:
                held = call.phase in ON_HOLD
                await self._telephony.ask_outside(lent, caller=call.channel, agent=leg, held=held)
            else:
                await self._telephony.pass_outside(lent, caller=call.channel, agent=leg)
        except NotFound:
            self._rules.give_back(call.tenant, agent, lent.at)
            raise
        if command is Command.TO_OUTSIDE:
            kind, now = TransferKind.OUTSIDE, self._rules.now()
            self._sink.post(TransferAsked(at=now, call_id=call.call_id, kind=kind, by=agent, to=lent.e164))

    async def _to_queue(self, call: Call, agent: AgentId, leg: ChannelName, colleague: ChannelName, queue: str) -> None:
        await self._telephony.to_queue(caller=call.channel, queue=queue)
        self._sink.post(
            TransferAsked(at=self._rules.now(), call_id=call.call_id, kind=TransferKind.QUEUE, by=agent, to=queue)
        )
        if call.phase is not TalkPhase.TALKING:  # a leg that hears nobody notices by itself, but later
            await self._let_go(leg, colleague)

    async def _to_agent(self, call: Call, agent: AgentId, leg: ChannelName, to: AgentId) -> None:
        now = self._rules.now()
        offer = Offer(
            offer_id=self._new_offer_id(),
            tenant=call.tenant,
            call_id=call.call_id,
            queue=call.queue or QueueId(""),
            agent=to,
            ring_s=RING_S,
            reason=self._rules.reason(call.tenant, agent),
            made_at=now,
            attempt=len(call.offers) + 1,
        )
        self._sink.post(TransferAsked(at=now, call_id=call.call_id, kind=TransferKind.AGENT, by=agent, to=to))
        self._sink.post(OfferDecided(at=now, offer=offer))
        try:
            endpoint = self._directory.endpoint_of(call.tenant, to)
            await self._telephony.pass_on(offer, channel=call.channel, endpoint=endpoint)
        except (NotFound, Unavailable):
            withdrawn = OfferOutcome.WITHDRAWN
            self._sink.post(OfferTakenBack(at=now, call_id=call.call_id, offer_id=offer.offer_id, outcome=withdrawn))
            raise
        if call.phase is not TalkPhase.TALKING:
            await self._let_go(leg)

    async def _let_go(self, *channels: ChannelName) -> None:
        for channel in channels:
            try:
                if channel:
                    await self._telephony.hang_up(channel=channel)
            except NotFound:
                continue  # it noticed first

    async def _confirmed(
        self,
        call: Call,
        agent: AgentId,
        wanted: TalkPhase | None,
        watched: tuple[asyncio.Event, list[Call]],
        unreachable: str,
    ) -> None:
        """Wait until an event shows the call in the wanted phase, or (None) without this agent."""
        changed, seen = watched
        try:
            async with asyncio.timeout(self._confirm_s):
                while not any(_is_so(now, agent, wanted) for now in seen):
                    self._refuse_unreachable(call, wanted, seen, unreachable)
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            raise Unavailable("Asterisk did not confirm what was asked of it in time") from None

    @staticmethod
    def _refuse_unreachable(call: Call, wanted: TalkPhase | None, seen: list[Call], key: str) -> None:
        """The phone did not even ring, and the caller is back already."""
        phases = [now.phase for now in seen]
        went = call.phase in ON_HOLD or any(phase in ON_HOLD for phase in phases)
        if wanted is TalkPhase.CALLING and went and phases[-1:] == [TalkPhase.TALKING]:
            raise Refused(key, "the phone cannot be reached")


def _has(call: Call, agent: AgentId) -> bool:
    talk = first_talk(call)
    return call.phase is not None and talk is not None and talk.agent == agent


def _is_asked(call: Call, agent: AgentId) -> bool:
    asked = consultation(call)
    return asked is not None and asked.second == agent


def _is_so(call: Call, agent: AgentId, wanted: TalkPhase | None) -> bool:
    if wanted is None:
        return not _has(call, agent)
    return call.phase is wanted or (wanted is TalkPhase.CALLING and call.phase is TalkPhase.CONSULTING)
