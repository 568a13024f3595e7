"""What the engine remembers of agents, calls and offers, and its agenda. PURE; mutable, owned by one engine."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from datetime import datetime
from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple, Protocol

from cti.domain.model import AgentId, AgentState, CallId, OfferId, PhoneState, QueueId, SkillId, SkillLevel
from routing.expected import Flow
from routing.model import QueueRule, Where
from routing.plan import Stretch, stretches

if TYPE_CHECKING:
    from routing.index import Group

# Plans that are remembered a queue: callers differ by skills, language and last agent, some hundred in a busy hour.
REMEMBERED = 4096

# More than any priority: people give up to 1,000, and waiting adds no more than that (cti/desk/schema.py).
FRONT = 1_000_000

# (idle since, running number, agent): the order in which idle agents are asked
IdleKey = tuple[datetime, int, "Agent"]
# (minus rank, first entry, running number, call): the order in which waiting calls are served
WaitKey = tuple[int, datetime, int, "Waiting"]


class Agent:
    """An agent at work."""

    __slots__ = (
        "agent",
        "call",
        "call_queue",
        "call_since",
        "distrust_until",
        "due",
        "failures",
        "idle",
        "idle_key",
        "line_key",
        "offer",
        "phone",
        "phone_since",
        "profile",
        "reason",
        "since",
        "skills",
        "slot",
        "state",
        "wrap_until",
    )

    def __init__(
        self, agent: AgentId, skills: Mapping[SkillId, int], since: datetime, number: int, profile: str = ""
    ) -> None:
        self.agent = agent
        self.skills = skills
        self.profile = profile
        self.state = AgentState.OFFLINE
        self.reason = ""  # slug of the break, or why the system changed the state
        self.since = since  # of the state
        self.phone = PhoneState.UNREACHABLE  # until Asterisk says otherwise
        self.phone_since: datetime | None = None
        self.call: CallId | None = None  # the call they talk in
        self.call_queue: QueueRule | None = None  # whose wrap-up time counts
        self.call_since = since
        self.offer: LiveOffer | None = None
        self.failures = 0  # offers rejected or unreachable since the last one accepted
        self.distrust_until: datetime | None = None  # the phone reports well and fails: not asked before this
        self.wrap_until: datetime | None = None
        self.due: datetime | None = None  # see Agenda
        # The index's own fields: see routing.index.
        self.slot = -1  # number of the agent's bit
        self.idle = False
        self.idle_key: IdleKey = (since, number, self)
        self.line_key = self.idle_key  # as the line of idle agents has it

    @property
    def ready(self) -> bool:
        """Whether a phone may ring here now."""
        return (
            self.state is AgentState.AVAILABLE
            and self.phone is PhoneState.IDLE
            and self.offer is None
            and self.call is None
            and self.distrust_until is None
        )


class Stage(NamedTuple):
    """A part of a call's plan."""

    group: Group  # who may take the call
    until: datetime | None  # None: to the end
    number: int  # of the step, from 1: a step may have several parts


class Waiting:
    """A call that waits for an agent."""

    __slots__ = (
        "admitted_to",
        "aged",
        "anew",
        "attempts",
        "call_id",
        "due",
        "entering",
        "failures",
        "hopeless_at",
        "hops",
        "key",
        "language",
        "last_agent",
        "lost_by",
        "lost_until",
        "number",
        "offers",
        "overflow_at",
        "own_priority",
        "patient",
        "plan",
        "queue",
        "queued_at",
        "resume_at",
        "since",
        "skills",
        "skip",
        "step",
        "step_since",
        "told_step",
        "where",
    )

    def __init__(self, call_id: CallId, queue: QueueRule, queued_at: datetime, number: int) -> None:
        self.call_id = call_id
        self.queue = queue
        self.queued_at = queued_at  # first entry: order and priority count from here, whatever happens
        self.since = queued_at  # this wait: the maximum and the plan's steps count from here
        self.number = number  # of arrival at this engine: the last tie-breaker
        self.skills: tuple[SkillLevel, ...] = ()
        self.language: str | None = None
        self.patient = False  # nobody listens: it waits for as long as it takes
        self.entering = False  # not let into the queue yet: it may be closed or full
        self.admitted_to: QueueId | None = None  # a person sent it there: that it is full does not count
        self.own_priority: int | None = None  # given by a person, instead of the queue's
        self.hops = 0  # times it was sent on to another queue
        self.overflow_at: datetime | None = None  # when to look whether it goes on to another queue
        self.where = Where.RETURNING
        self.last_agent: AgentId | None = None  # who talked with this member in an earlier call
        self.lost_by: AgentId | None = None  # whose phone was lost while they talked: first in line from then on
        self.lost_until: datetime | None = None  # until then only they are asked
        self.plan: tuple[Stage, ...] = ()  # tried in order, each until its instant
        self.step = 0  # index of the present stage; never goes back within one plan
        self.step_since = queued_at
        self.told_step = 0  # number of the step that was written down last
        self.aged = 0  # points of priority earned by waiting
        self.key: WaitKey | None = None  # not None: listed in the index
        self.skip: dict[AgentId, datetime] = {}  # agents not to be asked again before an instant
        self.anew: frozenset[AgentId] = frozenset()  # agents whose phone came anew while it rang for this call
        self.attempts = 0
        self.failures = 0  # of Asterisk, in a row
        self.hopeless_at: datetime | None = None  # nobody could ever take it: when the caller is told
        self.resume_at: datetime | None = None  # end of RETURNING or PAUSED
        self.offers: tuple[LiveOffer, ...] = ()  # phones that ring for it, first asked first; none in line
        self.due: datetime | None = None  # see Agenda

    @property
    def group(self) -> Group:
        """Who may take the call now."""
        return self.plan[self.step].group

    @property
    def rings_at_once(self) -> int:
        """Phones that may ring at once. A callback has its person dialled once, when one agent has answered."""
        return 1 if self.patient else self.queue.ring_agents

    @property
    def given(self) -> int:
        """The priority without what waiting has added."""
        return self.queue.priority if self.own_priority is None else self.own_priority

    @property
    def priority(self) -> int:
        """What orders it among the waiting: higher first."""
        return self.given + self.aged

    @property
    def rank(self) -> int:
        """The same, before all others for a caller whose talk was cut off: it was their turn already."""
        return self.priority + (FRONT if self.lost_by is not None else 0)

    def may_ask(self, agent: Agent) -> bool:
        """Whether the agent has not just let this call go."""
        return agent.agent not in self.skip


class LiveOffer:
    """One ring of one agent for one call, not over yet."""

    __slots__ = ("agent", "alerted", "call", "due", "made_at", "offer_id", "rang_at")

    def __init__(self, offer_id: OfferId, call: Waiting, agent: Agent, made_at: datetime) -> None:
        self.offer_id = offer_id
        self.call = call
        self.agent = agent
        self.made_at = made_at
        self.rang_at: datetime | None = None  # Asterisk's DialBegin: it has sent the phone a call
        self.alerted = agent.phone is PhoneState.RINGING  # and the phone has said that it rings
        self.due: datetime | None = None  # see Agenda


class Timed(Protocol):
    """A thing with at most one instant at which it wants to be looked at."""

    due: datetime | None


class Agenda:
    """Who wants to be looked at, and when. A thing that is armed anew leaves its old entry behind, which is skipped."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Timed]] = []
        self._count = 0  # equal instants come in the order of arming

    def arm(self, thing: Timed, at: datetime | None) -> None:
        """Look at ``thing`` at ``at`` and not before; None: not at all."""
        if at == thing.due:
            return
        thing.due = at
        if at is not None:
            self._count += 1
            heappush(self._heap, (at, self._count, thing))

    def next_at(self) -> datetime | None:
        """The next instant, or None."""
        heap = self._heap
        while heap and heap[0][2].due is not heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else None

    def pop_all(self, now: datetime) -> list[Timed]:
        """All things whose instant has come, earliest first; they are disarmed."""
        due: list[Timed] = []
        while (at := self.next_at()) is not None and at <= now:
            thing = heappop(self._heap)[2]
            thing.due = None
            due.append(thing)
        return due


class QueueLine:
    """A queue's rule and everybody who waits in it, in order of service."""

    __slots__ = ("_ways", "flow", "keys", "rule")

    def __init__(self, rule: QueueRule) -> None:
        self.rule = rule
        self.keys: list[WaitKey] = []
        self.flow = Flow()
        self._ways: dict[tuple[object, ...], tuple[Stretch, ...]] = {}

    def obey(self, rule: QueueRule) -> None:
        """The rule changed."""
        self.rule = rule
        self._ways.clear()

    def way(self, call: Waiting) -> tuple[Stretch, ...]:
        """The queue's plan for a call. Worked out once for all who ask for the same."""
        key = (call.skills, call.language, call.last_agent)
        way = self._ways.get(key)
        if way is None:
            if len(self._ways) >= REMEMBERED:
                self._ways.clear()
            way = self._ways[key] = stretches(self.rule, *key)
        return way

    def enter(self, key: WaitKey) -> None:
        """A call waits from now on."""
        insort(self.keys, key)

    def leave(self, key: WaitKey) -> None:
        """It does not any more."""
        del self.keys[bisect_left(self.keys, key)]

    def position(self, call: Waiting) -> int | None:
        """The call's place, 1 is next; None when it is not in line."""
        return None if call.key is None else bisect_left(self.keys, call.key) + 1
