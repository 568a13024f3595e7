"""Who fits whom, without looking at everybody. PURE.

Calls that ask for the same form one ``Group``. A group lists its waiting calls in order of service and keeps a
heap of idle agents who fit it. Who fits is kept as bits, both ways: an agent has a bit per group, a group a bit
per agent. So

- an agent becomes idle: the heads of the groups that fit and have somebody waiting are compared;
- a call begins to wait: the top of one heap is looked at;
- "of 3 idle": one AND of two integers and a count of its bits.

The heaps are lazy. An agent leaves at most one entry in each, which stays behind when the agent gets busy and is
put right when it comes to the top: keys only grow (idle *since*), so no agent is found later than their turn.

Costs, with G groups (200 distinct requirements are many): agent idle O(G) bit operations at worst, call waiting
O(log agents), a requirement never seen before O(agents) once.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from heapq import heappop, heappush, heapreplace
from typing import Any

from cti.domain.model import AgentId, AgentState
from routing.expression import Expression, Skills, only_named, to_data
from routing.state import Agent, IdleKey, Waiting, WaitKey

# Requirements without a call keep their heaps for the next one; beyond this many the oldest goes.
SPARE_GROUPS = 256


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

    def __init__(self) -> None:
        self._agents: list[Agent | None] = []  # by slot
        self._by_id: dict[AgentId, Agent] = {}
        self._free_slots: list[int] = []
        self._groups: list[Group | None] = []  # by number
        self._free_numbers: list[int] = []
        self._by_expression: dict[Expression, Group] = {}
        self._spare: dict[Expression, Group] = {}  # without a call, oldest first
        self._waiting = 0  # bit per group with somebody waiting
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
        """The agent's state changed."""
        bit = 1 << agent.slot
        state = agent.state
        self._staffed = self._staffed & ~bit if state is AgentState.OFFLINE else self._staffed | bit
        at_work = state is AgentState.AVAILABLE or state is AgentState.WRAP_UP
        self._at_work = self._at_work | bit if at_work else self._at_work & ~bit

    def idle(self, agent: Agent) -> None:
        """The agent is ready, and no waiting call was for them."""
        agent.idle = True
        self._idle |= 1 << agent.slot
        missing = agent.fits & ~agent.held
        agent.held |= missing
        key = agent.idle_key
        while missing:
            low = missing & -missing
            missing ^= low
            heappush(self._at(low).heap, key)

    def busy(self, agent: Agent) -> None:
        """The agent is not ready any more."""
        if agent.idle:
            agent.idle = False
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
        group = call.group
        insort(group.waiting, key)
        self._waiting |= group.bit

    def leave(self, call: Waiting) -> None:
        """The call cannot be offered any more."""
        key = call.key
        if key is None:
            return
        call.key = None
        group = call.group
        del group.waiting[bisect_left(group.waiting, key)]
        if not group.waiting:
            self._waiting &= ~group.bit

    # --- Who fits whom ---

    def best_agent(self, call: Waiting) -> tuple[Agent, int] | None:
        """The longest idle agent for a call, and how many could have been asked."""
        group = call.group
        heap = group.heap
        aside: list[IdleKey] = []
        found: Agent | None = None
        while heap:
            key = heap[0]
            agent = key[2]
            if not agent.idle or not agent.fits & group.bit:
                heappop(heap)
                agent.held &= ~group.bit
            elif key is not agent.idle_key:
                heapreplace(heap, agent.idle_key)  # they worked since; their turn is later
            elif call.skip and not call.may_ask(agent):
                aside.append(heappop(heap))
            else:
                found = agent
                break
        for key in aside:
            heappush(heap, key)
        if found is None:
            return None
        count = (self._idle & group.members).bit_count()
        for skipped in call.skip:
            other = self._by_id.get(skipped)
            if other is not None and other.idle and other.fits & group.bit:
                count -= 1
        return found, count

    def best_call(self, agent: Agent) -> tuple[Waiting, int] | None:
        """The call an agent who just became ready should take, and how many wait for what this agent can."""
        mask = agent.fits & self._waiting
        best: WaitKey | None = None
        count = 0
        while mask:
            low = mask & -mask
            mask ^= low
            waiting = self._at(low).waiting
            count += len(waiting)
            for key in waiting:
                if best is not None and key > best:
                    break
                if not key[3].skip or key[3].may_ask(agent):
                    best = key
                    break
        return None if best is None else (best[3], count)

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
        members = group.members
        while members:
            low = members & -members
            members ^= low
            agent = self._agents[low.bit_length() - 1]
            if agent is not None:
                agent.fits &= ~group.bit
        for key in group.heap:
            key[2].held &= ~group.bit
        del self._by_expression[group.expression]
        self._groups[group.number] = None
        self._free_numbers.append(group.number)
