"""Who fits whom, without looking at everybody. PURE.

Calls that ask for the same form one ``Group``. Who fits is kept as bits, both ways: an agent has a bit per group, a
group a bit per agent. Waiting calls stand in a sorted list a group; the heads of all groups stand in one more.

- An agent becomes ready: the heads are looked at from the best on, until one is of a group that fits.
- A call begins to wait: one AND tells how many ready agents fit. Few: they are compared. Many: the line of idle agents
  is looked at from the longest idle on, and one who fits comes soon. Neither (many fit, and all of them are at the end
  of the line, because a busy skill's agents are never idle for long): the group's own heap of idle agents is asked.

The heaps are lazy. An agent leaves at most one entry in each, which stays behind when the agent gets busy and is
put right when it comes to the top: keys only grow (idle *since*), so no agent is found later than their turn.

Costs and why it is so: docs/decisions/0060-groups-bits-and-lazy-heaps.md.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from heapq import heappop, heappush, heapreplace
from typing import Any

from cti.domain.model import AgentId, AgentState, PhoneState
from routing.expression import Expression, Skills, only_named, to_data
from routing.state import Agent, IdleKey, Waiting, WaitKey

# Requirements without a call keep their heaps for the next one; beyond this many the oldest goes.
SPARE_GROUPS = 256
# So many ready agents are compared one by one: about as dear as one look into a heap that was not used for long.
FEW = 24
# So far the line of idle agents is looked at: some microseconds.
GLANCE = 64


class Group:
    """Everybody who waits for the same, and everybody who could take it."""

    __slots__ = ("bit", "data", "expression", "heap", "members", "number", "refs", "waiting")

    def __init__(self, expression: Expression, number: int) -> None:
        self.expression = expression
        self.data: dict[str, Any] = to_data(expression)  # for reasons; made once
        self.number = number
        self.bit = 1 << number
        self.members = 0  # bit per agent who fits
        self.heap: list[IdleKey] = []
        self.waiting: list[WaitKey] = []
        self.refs = 0  # calls whose plan names this group


class Index:
    """Agents, groups and who is idle. Knows no time but the keys it is given."""

    def __init__(self, few: int = FEW, glance: int = GLANCE) -> None:
        self._few = few
        self._glance = glance
        self._agents: list[Agent | None] = []  # by slot
        self._by_id: dict[AgentId, Agent] = {}
        self._free_slots: list[int] = []
        self._groups: list[Group | None] = []  # by number
        self._free_numbers: list[int] = []
        self._by_expression: dict[Expression, Group] = {}
        self._spare: dict[Expression, Group] = {}  # without a call, oldest first
        self._heads: list[WaitKey] = []  # the first call of each group with somebody waiting, in order of service
        self._line: list[IdleKey] = []  # ready agents, longest idle first
        self._idle = 0  # bit per agent who is ready
        self._staffed = 0  # bit per agent who is not offline
        self._at_work = 0  # bit per agent who takes calls now or after the present one

    # --- Agents ---

    def add_agent(self, agent: Agent) -> None:
        """An agent of the desk."""
        self._by_id[agent.agent] = agent
        if self._free_slots:
            agent.slot = self._free_slots.pop()
            self._agents[agent.slot] = agent
        else:
            agent.slot = len(self._agents)
            self._agents.append(agent)
        self._fit_all(agent)
        self.state_changed(agent)

    def remove_agent(self, agent: Agent) -> None:
        """The agent is no longer of the desk."""
        self.busy(agent)
        bit = 1 << agent.slot
        for group in self._by_expression.values():
            group.members &= ~bit
        self._staffed &= ~bit
        self._at_work &= ~bit
        self._agents[agent.slot] = None
        del self._by_id[agent.agent]
        self._free_slots.append(agent.slot)
        agent.fits = 0

    def set_skills(self, agent: Agent, skills: Skills) -> None:
        """The agent's skills changed."""
        agent.skills = dict(skills)
        was_idle = agent.idle
        self.busy(agent)
        self._fit_all(agent)
        if was_idle:
            self.idle(agent)

    def state_changed(self, agent: Agent) -> None:
        """The agent's state changed, or whether their phone can be reached."""
        bit = 1 << agent.slot
        state = agent.state
        self._staffed = self._staffed & ~bit if state is AgentState.OFFLINE else self._staffed | bit
        willing = state is AgentState.AVAILABLE or state is AgentState.WRAP_UP
        at_work = willing and agent.phone is not PhoneState.UNREACHABLE
        self._at_work = self._at_work | bit if at_work else self._at_work & ~bit

    def idle(self, agent: Agent) -> None:
        """The agent is ready, and no waiting call was for them."""
        key = agent.idle_key
        agent.idle = True
        agent.line_key = key
        insort(self._line, key)
        self._idle |= 1 << agent.slot
        missing = agent.fits & ~agent.held
        agent.held |= missing
        while missing:
            low = missing & -missing
            missing ^= low
            heappush(self._at(low).heap, key)

    def busy(self, agent: Agent) -> None:
        """The agent is not ready any more."""
        if agent.idle:
            agent.idle = False
            del self._line[bisect_left(self._line, agent.line_key)]
            self._idle &= ~(1 << agent.slot)

    # --- Groups ---

    def claim(self, expression: Expression) -> Group:
        """The group of an expression, for one more call."""
        group = self._by_expression.get(expression)
        if group is None:
            group = self._new_group(expression)
        elif not group.refs:
            self._spare.pop(expression, None)
        group.refs += 1
        return group

    def prepare(self, expression: Expression) -> None:
        """Make the group now, while nobody waits for it: the first call finds it ready."""
        self.release(self.claim(expression))

    def release(self, group: Group) -> None:
        """One call less names this group."""
        group.refs -= 1
        if group.refs:
            return
        if only_named(group.expression) is not None:
            self._drop(group)  # made for one call, and cheap to make again
            return
        self._spare[group.expression] = group
        if len(self._spare) > SPARE_GROUPS:
            self._drop(self._spare.pop(next(iter(self._spare))))

    # --- Calls ---

    def wait(self, call: Waiting, key: WaitKey) -> None:
        """The call can be offered from now on."""
        call.key = key
        waiting = call.group.waiting
        if not waiting:
            insort(self._heads, key)
        elif key < waiting[0]:
            self._behead(waiting[0])
            insort(self._heads, key)
        insort(waiting, key)

    def leave(self, call: Waiting) -> None:
        """The call cannot be offered any more."""
        key = call.key
        if key is None:
            return
        call.key = None
        waiting = call.group.waiting
        place = bisect_left(waiting, key)
        del waiting[place]
        if place == 0:
            self._behead(key)
            if waiting:
                insort(self._heads, waiting[0])

    def _behead(self, key: WaitKey) -> None:
        del self._heads[bisect_left(self._heads, key)]

    # --- Who fits whom ---

    def best_agent(self, call: Waiting) -> tuple[Agent, int] | None:
        """The longest idle agent for a call, and how many could have been asked."""
        group = call.group
        ready = self._idle & group.members
        if not ready:
            return None
        count = ready.bit_count()
        if call.skip:
            for skipped in call.skip:
                other = self._by_id.get(skipped)
                if other is not None and other.idle and other.fits & group.bit:
                    ready &= ~(1 << other.slot)
                    count -= 1
            if not count:
                return None
        if count <= self._few:
            return min(agent.idle_key for agent in self._in(ready))[2], count
        for key in self._line[: self._glance]:
            if key[2].fits & group.bit and call.may_ask(key[2]):
                return key[2], count
        return self._top(group, call), count

    def _in(self, bits: int) -> Iterator[Agent]:
        """The agents of some bits."""
        while bits:
            low = bits & -bits
            bits ^= low
            agent = self._agents[low.bit_length() - 1]
            if agent is not None:
                yield agent

    def _top(self, group: Group, call: Waiting) -> Agent:
        """The longest idle agent out of the group's heap. There must be one."""
        heap = group.heap
        aside: list[IdleKey] = []
        while True:
            key = heap[0]
            agent = key[2]
            if not agent.idle or not agent.fits & group.bit:
                heappop(heap)
                agent.held &= ~group.bit
            elif key is not agent.idle_key:
                heapreplace(heap, agent.idle_key)  # they worked since; their turn is later
            elif not call.may_ask(agent):
                aside.append(heappop(heap))
            else:
                break
        for key in aside:
            heappush(heap, key)
        return agent

    def best_call(self, agent: Agent) -> tuple[Waiting, int] | None:
        """The call an agent who just became ready should take, and how many wait for the same."""
        fits = agent.fits
        best: WaitKey | None = None
        for head in self._heads:
            if best is not None and best < head:
                break
            if not fits & head[3].group.bit:
                continue
            if not head[3].skip or head[3].may_ask(agent):
                best = head
                break
            # They let that one go: the next of its group may come before or after the next head.
            rest = (key for key in head[3].group.waiting if key[3].may_ask(agent))
            second = next(rest, None)
            if second is not None and (best is None or second < best):
                best = second
        return None if best is None else (best[3], len(best[3].group.waiting))

    def staffed(self, group: Group) -> bool:
        """Whether anybody who fits is not offline."""
        return bool(self._staffed & group.members)

    def anybody(self) -> bool:
        """Whether anybody at all is not offline."""
        return bool(self._staffed)

    def others_staffed(self, group: Group, agent: Agent) -> bool:
        """Whether somebody else who fits is not offline."""
        return bool(self._staffed & group.members & ~(1 << agent.slot))

    def leaves_gap(self, agent: Agent) -> bool:
        """Whether a group that calls name has nobody left, now that this agent is offline."""
        mask = agent.fits
        while mask:
            low = mask & -mask
            mask ^= low
            group = self._at(low)
            if group.refs and not self._staffed & group.members:
                return True
        return False

    def counts(self, expression: Expression) -> tuple[int, int, int]:
        """How many fit: (ready now, at work, not offline)."""
        group = self.claim(expression)
        try:
            members = group.members
            return (
                (self._idle & members).bit_count(),
                (self._at_work & members).bit_count(),
                (self._staffed & members).bit_count(),
            )
        finally:
            self.release(group)

    def at_work(self, group: Group) -> int:
        """How many who fit take calls now or after the present one."""
        return (self._at_work & group.members).bit_count()

    def rivals(self, group: Group) -> Iterator[tuple[Group, float]]:
        """Groups with somebody waiting, and the share of their agents at work who fit ``group`` too, if any does."""
        for head in self._heads:
            if share := self._share(head[3].group.members, group.members):
                yield head[3].group, share

    def share(self, expression: Expression, group: Group) -> float:
        """Of the agents at work who fit an expression, the share that fits ``group`` too."""
        other = self.claim(expression)
        try:
            return self._share(other.members, group.members)
        finally:
            self.release(other)

    def _share(self, members: int, of: int) -> float:
        members &= self._at_work
        common = members & of
        return common.bit_count() / members.bit_count() if common else 0.0

    # --- Inside ---

    def _at(self, bit: int) -> Group:
        group = self._groups[bit.bit_length() - 1]
        assert group is not None  # noqa: S101 -- a set bit has a group
        return group

    def _fit_all(self, agent: Agent) -> None:
        bit = 1 << agent.slot
        fits = 0
        for group in self._by_expression.values():
            if group.expression.fits(agent.agent, agent.skills):
                group.members |= bit
                fits |= group.bit
            else:
                group.members &= ~bit
        agent.fits = fits

    def _new_group(self, expression: Expression) -> Group:
        if self._free_numbers:
            number = self._free_numbers.pop()
        else:
            number = len(self._groups)
            self._groups.append(None)
        group = Group(expression, number)
        self._groups[number] = group
        self._by_expression[expression] = group
        names = only_named(expression)
        maybe = self._agents if names is None else [self._by_id.get(name) for name in sorted(names)]
        for agent in maybe:
            if agent is not None and expression.fits(agent.agent, agent.skills):
                group.members |= 1 << agent.slot
                agent.fits |= group.bit
                if agent.idle:
                    agent.held |= group.bit
                    heappush(group.heap, agent.idle_key)
        return group

    def _drop(self, group: Group) -> None:
        for agent in self._in(group.members):
            agent.fits &= ~group.bit
        for key in group.heap:
            key[2].held &= ~group.bit
        del self._by_expression[group.expression]
        self._groups[group.number] = None
        self._free_numbers.append(group.number)
