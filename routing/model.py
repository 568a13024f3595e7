"""The routing engine's words: rules, what it is told, what it decides. PURE. Instants are aware UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

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
from routing.calendar import Calendar
from routing.expression import Expression

# --- Rules -----------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of a plan. After the last step that expires, anybody with the queue's own skills will do."""

    want: Expression | None  # None: the queue's and the call's skills together, as without a plan
    expires_s: float | None  # counted from the caller's entry to the queue; None: never


@dataclass(frozen=True, kw_only=True, slots=True)
class Delay:
    """A queue is held back from the agents of a profile: they are asked only for calls that waited this long."""

    profile: str
    delay_s: float


class Do(StrEnum):
    """What becomes of a caller whom a queue does not serve."""

    MESSAGE = "message"  # the standard words for it, then the end
    HANG_UP = "hang_up"  # words of the desk's own, then the end
    QUEUE = "queue"  # another queue, with the age
    VOICEMAIL = "voicemail"  # a message that becomes a recording


@dataclass(frozen=True, kw_only=True, slots=True)
class Treatment:
    """What becomes of a caller, and what they hear first."""

    do: Do = Do.MESSAGE
    to: QueueId | None = None  # where QUEUE leads
    text: str | None = None  # name of the sound with the desk's own words; None: the standard words, or none for QUEUE


# Why a queue does not serve a caller: keys of QueueRule.treatments. Who waits when it closes is served.
CLOSED, FULL, WAITED, NOBODY = "closed", "full", "waited_too_long", "nobody"
OVERFLOW = "overflow"  # has a queue to go to instead of a treatment
MOVED = "moved"  # a person chose another queue


@dataclass(frozen=True, kw_only=True, slots=True)
class Overflow:
    """Callers go on to another queue, which is open, has room and somebody at work. At least one limit is set."""

    to: QueueId
    after_s: int | None = None  # waited this long in this queue
    expected_s: int | None = None  # the expected wait is longer than this


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueRule:
    """A line of waiting callers."""

    queue: QueueId
    priority: int = 0  # higher first
    skills: tuple[SkillLevel, ...] = ()  # what every call of this queue asks of an agent
    ring_s: int = 20
    ring_agents: int = 1  # phones that ring at once for one call
    max_wait_s: int = 900  # then the treatment "waited_too_long"
    service_level_s: int = 20  # answered within this counts as in time
    nobody_wait: bool = False  # wait although nobody could answer, instead of being told
    active: bool = True  # False: callers are told that it is closed
    wrap_up_s: int | None = None  # after-call work; None: the desk's
    steps: tuple[Step, ...] = ()  # empty: one plain step that never expires
    ageing_every_s: int | None = None  # priority goes up by one each time the caller waited this long; None: never
    ageing_most: int = 0  # and by no more than this
    delays: tuple[Delay, ...] = ()  # profiles that are asked later than the others
    hours: Calendar | None = None  # new callers outside these get the treatment "closed"; None: always open
    max_length: int | None = None  # waiting places: whom nobody can take at once and who finds them taken is "full"
    overflow: Overflow | None = None
    treatments: Mapping[str, Treatment] = field(default_factory=dict)  # by CLOSED, FULL, …; missing: the message


def treatment_of(rule: QueueRule, why: str, *, may_go_on: bool = True) -> Treatment:
    """What becomes of a caller of this queue, ``why`` as in Treated.treatment. Who may not go on hears the message."""
    if why == OVERFLOW and rule.overflow is not None:
        then = Treatment(do=Do.QUEUE, to=rule.overflow.to)
    else:
        then = rule.treatments.get(NOBODY if why.startswith(NOBODY) else why, Treatment())
    return then if may_go_on or then.do is not Do.QUEUE else Treatment()


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentRule:
    """An agent as configured."""

    agent: AgentId
    skills: Mapping[SkillId, int]  # levels 1 to 5
    profile: str = ""  # agents who are treated alike; "": none


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """A desk's stated rules, each with why it has its default."""

    missed_state: AgentState = AgentState.BREAK  # who let it ring is not at the desk: the next caller must not find out
    missed_reason: str = "missed_offer"
    wrap_up_s: int = 15  # notes take seconds; an agent may end it sooner
    skip_s: float = 30.0  # after a rejected or missed offer the agent is not asked again for the same call
    same_agent_s: float = 10.0  # who lost their agent is kept for them: a page is back in 3 s; 0: anybody at once
    skip_alone_s: float = 5.0  # the same when nobody else who is logged in could take it
    refusals: int = 3  # rejections and failures in a row that look like a phone that takes no calls
    refused_reason: str = "phone_refuses"
    unreachable_s: float = 60.0  # an unreachable phone that reports nothing is tried again after this
    unheard_s: float = 5.0  # a Redirect shows its first event within 10 ms; this long means it got lost
    overrun_s: float = 5.0  # Dial ends its ring by itself; this much later it is taken back
    return_s: float = 2.0  # from the end of an offer to the waiting loop takes 5 ms; then it is taken as done
    nobody_entry_s: float = 2.0  # grace before a caller is told that nobody is there
    nobody_left_s: float = 20.0  # the same after the last agent left: a page that reloads, a change of shift
    backoff_s: float = 0.5  # first pause after Asterisk could not be reached; doubles
    backoff_most_s: float = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskRules:
    """All the engine of one tenant needs to know before the first call."""

    queues: tuple[QueueRule, ...] = ()
    agents: tuple[AgentRule, ...] = ()
    limits: Limits = field(default_factory=Limits)


# --- What the engine is told -----------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """Base of all inputs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskLoaded(Told):
    """The rules, at start and after each change. Applies to waiting calls at once."""

    rules: DeskRules


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentRestored(Told):
    """An agent's state as it was before a restart."""

    agent: AgentId
    state: AgentState
    reason: str
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CallWaits(Told):
    """The caller is in the waiting loop, for the first time or again."""

    call_id: CallId
    queue: QueueId
    queued_at: datetime  # first entry: the age counts from here
    since: datetime | None = None  # this wait, when an agent has talked before; limits and plans count from here
    skills: tuple[SkillLevel, ...] = ()  # asked for on top of the queue's
    language: str | None = None
    attempts: int = 0  # offers made before, by a server that was restarted
    passed_on_by: AgentId | None = None  # who talked with the caller last: not the first to be asked again
    lost_by: AgentId | None = None  # whose phone was lost in the talk: asked first, and the call is the first in line
    admitted: bool = False  # waited in this queue before (a restart, the fallback): neither closed nor full counts
    last_agent: AgentId | None = None  # who talked with this member in an earlier call, for {"last_agent": true}
    patient: bool = False  # nobody listens (a callback): never told that nobody comes, however long it takes
    own_priority: int | None = None  # given by a person before a restart


@dataclass(frozen=True, kw_only=True, slots=True)
class LastAgentIs(Told):
    """It came out who talked with this member in an earlier call, while the call already waits."""

    call_id: CallId
    agent: AgentId


@dataclass(frozen=True, kw_only=True, slots=True)
class CallGone(Told):
    """The call left us: the caller hung up, fell back to Asterisk's queue, was transferred away."""

    call_id: CallId


@dataclass(frozen=True, kw_only=True, slots=True)
class CallTaken(Told):
    """An agent and the caller are connected."""

    call_id: CallId
    agent: AgentId
    queue: QueueId | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferRang(Told):
    """The agent's phone rings. An offer of an earlier start of the server is adopted, with its call."""

    offer_id: OfferId
    call_id: CallId
    agent: AgentId
    queue: QueueId | None = None
    queued_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferOver(Told):
    """An offer ended."""

    offer_id: OfferId
    outcome: OfferOutcome


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferFailed(Told):
    """Asterisk could not be asked to ring."""

    offer_id: OfferId


@dataclass(frozen=True, kw_only=True, slots=True)
class TreatmentFailed(Told):
    """Asterisk could not be asked for the treatment."""

    call_id: CallId


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentFree(Told):
    """An agent's part of a call is over."""

    agent: AgentId
    call_id: CallId


@dataclass(frozen=True, kw_only=True, slots=True)
class PhoneIs(Told):
    """What an agent's phone does now."""

    agent: AgentId
    phone: PhoneState


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentChooses(Told):
    """An agent, or a supervisor for them, chose a state."""

    agent: AgentId
    state: AgentState
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveCall(Told):
    """A supervisor sends a waiting caller to another queue."""

    call_id: CallId
    to: QueueId
    by: str  # log-in


@dataclass(frozen=True, kw_only=True, slots=True)
class SetPriority(Told):
    """A supervisor gives a waiting call a priority of its own; None: the queue's again."""

    call_id: CallId
    priority: int | None
    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkIs(Told):
    """Asterisk can be reached, or not. While it cannot, no offers are made and none is given up."""

    up: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick(Told):
    """Time went on."""


# --- Decisions -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, as data. ``slug`` is a key of the catalogue, ``params`` its fields (JSON-able)."""

    slug: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Base of all decisions."""

    reason: Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Offered(Decision):
    """Ring this agent for this call."""

    offer_id: OfferId
    call_id: CallId
    queue: QueueId
    agent: AgentId
    ring_s: int
    attempt: int  # 1 for the call's first offer
    also: tuple[Offered, ...] = ()  # those that ring at the same time, by one Dial: the first to answer has the caller


@dataclass(frozen=True, kw_only=True, slots=True)
class TakenBack(Decision):
    """This offer is over by our own decision; send the caller back to the waiting loop, unless others ring on."""

    offer_id: OfferId
    call_id: CallId
    agent: AgentId
    outcome: OfferOutcome
    rings_on: bool = False  # other phones go on ringing for this call: only this one is stopped


@dataclass(frozen=True, kw_only=True, slots=True)
class PassedOver(Decision):
    """This offer is over because somebody else has the caller. Asterisk has stopped the phone; it is noted."""

    offer_id: OfferId
    call_id: CallId
    agent: AgentId


@dataclass(frozen=True, kw_only=True, slots=True)
class Treated(Decision):
    """This call gets a treatment instead of an agent."""

    call_id: CallId
    queue: QueueId
    treatment: str  # "nobody_logged_in", "nobody_skilled", "waited_too_long", "closed", "full", "overflow", "moved"
    then: Treatment = field(default_factory=Treatment)  # what that means for this queue


@dataclass(frozen=True, kw_only=True, slots=True)
class Stepped(Decision):
    """This call is now in another step of its plan. Nothing has to be done about it; it is written down."""

    call_id: CallId
    queue: QueueId
    since: datetime  # of the step: the expiry of the one before, or when it was passed over


@dataclass(frozen=True, kw_only=True, slots=True)
class Prioritised(Decision):
    """This call has a priority of its own, or the queue's again. Nothing is done about it but noted."""

    call_id: CallId
    queue: QueueId


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved(Decision):
    """An agent's state is now this. ``reason.slug`` is what AgentStateChanged carries."""

    agent: AgentId
    state: AgentState
    until: datetime | None = None  # when after-call work ends by itself


class Where(StrEnum):
    """Where a call is, as the engine sees it."""

    WAITING = "waiting"  # can be offered
    OFFERED = "offered"  # a phone has been asked to ring
    RETURNING = "returning"  # its offer is over, the waiting loop has not reported it yet
    PAUSED = "paused"  # Asterisk could not be asked; tried again later
    TREATED = "treated"  # a treatment was asked for
