"""Who fits whom, without looking at everybody. PURE.

Calls that ask for the same form one ``Group``. A group knows who fits as bits; waiting calls stand in a sorted list a
group, the heads of all groups in one more; idle agents stand in one line of blocks (routing.crowd).

- An agent becomes ready: the heads are looked at from the best on, until one is of a group that fits.
- A call begins to wait: one AND tells how many ready agents fit, and a few more, one a block, who of them stands first.

No question looks at all agents or at all calls, not even a requirement that nobody asked for before: its group is made
from the bits of its skills. Costs and why it is so: docs/decisions/0150-one-line-of-blocks.md.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Container, Iterator
from typing import Any

from cti.domain.model import AgentState, PhoneState
from routing.crowd import Bits, Line, Staff
from routing.expression import Expression, only_named, to_data
from routing.model import AgentRule
from routing.state import Agent, Waiting, WaitKey

# Requirements without a call are kept for the next one; beyond this many the oldest goes. Making one takes some 10 µs.
SPARE_GROUPS = 256


class Group:
    """Everybody who waits for the same, and everybody who could take it."""

    __slots__ = ("data", "expression", "members", "packed", "refs", "waiting")

    def __init__(self, expression: Expression, members: int, slots: int) -> None:
        self.expression = expression
        self.data: dict[str, Any] = to_data(expression)  # for reasons; made once
        self.members = members  # bit per agent who fits
        self.packed = bytearray(members.to_bytes((slots + 7) >> 3, "little"))  # the same, to look at one of them
        self.waiting: list[WaitKey] = []
        self.refs = 0  # calls whose plan names this group

    def has(self, agent: Agent) -> bool:
        """Whether this agent fits."""
        return bool(self.packed[agent.slot >> 3] >> (agent.slot & 7) & 1)

    def put(self, agent: Agent, fits: bool) -> None:
        """Whether this agent fits, anew."""
        byte, mask, bit = agent.slot >> 3, 1 << (agent.slot & 7), 1 << agent.slot
        if byte >= len(self.packed):
            self.packed.extend(bytes(byte + 1 - len(self.packed)))
        if fits:
            self.packed[byte] |= mask
            self.members |= bit
        elif self.members & bit:
            self.packed[byte] &= ~mask
            self.members ^= bit


class Index:
    """Agents, groups and who is idle. Knows no time but the keys it is given."""

    def __init__(self, line: Line | None = None) -> None:
        self._line = line or Line()
        self._staff = Staff()
        self._slots = 0  # given out so far
        self._free_slots: list[int] = []
        self._groups: dict[Expression, Group] = {}
        self._spare: dict[Expression, Group] = {}  # without a call, oldest first
        self._heads: list[WaitKey] = []  # the first call of each group with somebody waiting, in order of service
        self._idle = Bits()  # who is ready
        self._staffed = Bits()  # who is not offline
        self._at_work = Bits()  # who takes calls now or after the present one

    # --- Agents ---

    def add_agent(self, agent: Agent) -> None:
        """An agent of the desk."""
        if self._free_slots:
            agent.slot = self._free_slots.pop()
        else:
            agent.slot = self._slots
            self._slots += 1
        self._staff.add(agent)
        self._fit_all(agent)
        self.state_changed(agent)

    def remove_agent(self, agent: Agent) -> None:
        """The agent is no longer of the desk."""
        self.busy(agent)
        self._staff.remove(agent)
        for group in self._groups.values():
            group.put(agent, False)
        self._staffed.put(agent.slot, False)
        self._at_work.put(agent.slot, False)
        self._free_slots.append(agent.slot)

    def change(self, agent: Agent, rule: AgentRule) -> None:
        """The agent's skills or profile changed."""
        self._staff.remove(agent)
        agent.skills, agent.profile = dict(rule.skills), rule.profile
        self._staff.add(agent)
        self._fit_all(agent)

    def _fit_all(self, agent: Agent) -> None:
        for group in self._groups.values():
            group.put(agent, group.expression.fits(agent))

    def state_changed(self, agent: Agent) -> None:
        """The agent's state changed, or whether their phone can be reached."""
        state = agent.state
        self._staffed.put(agent.slot, state is not AgentState.OFFLINE)
        willing = state is AgentState.AVAILABLE or state is AgentState.WRAP_UP
        self._at_work.put(agent.slot, willing and agent.phone is not PhoneState.UNREACHABLE)

    def idle(self, agent: Agent) -> None:
        """The agent is ready, and no waiting call was for them."""
        agent.idle = True
        agent.line_key = agent.idle_key
        self._line.enter(agent.line_key)
        self._idle.put(agent.slot, True)

    def busy(self, agent: Agent) -> None:
        """The agent is not ready any more."""
        if agent.idle:
            agent.idle = False
            self._line.leave(agent.line_key)
            self._idle.put(agent.slot, False)

    # --- Groups ---

    def claim(self, expression: Expression) -> Group:
        """The group of an expression, for one more call."""
        group = self._groups.get(expression)
        if group is None:
            group = self._groups[expression] = Group(expression, expression.among(self._staff), self._slots)
        elif not group.refs:
            self._spare.pop(expression, None)
        group.refs += 1
        return group

    def release(self, group: Group) -> None:
        """One call less names this group."""
        group.refs -= 1
        if group.refs:
            return
        if only_named(group.expression):
            del self._groups[group.expression]  # made for one call
            return
        self._spare[group.expression] = group
        if len(self._spare) > SPARE_GROUPS:
            oldest = next(iter(self._spare))
            del self._spare[oldest], self._groups[oldest]

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
        ready = self._idle.whole() & call.group.members
        if ready and call.skip:
            ready &= ~self._staff.named(call.skip)
        if not ready:
            return None
        agent = self._line.first(ready)
        return None if agent is None else (agent, ready.bit_count())

    def best_call(self, agent: Agent) -> tuple[Waiting, int] | None:
        """The call an agent who just became ready should take, and how many wait for the same."""
        byte, shift = agent.slot >> 3, agent.slot & 7
        best: WaitKey | None = None
        for head in self._heads:
            if best is not None and best < head:
                break
            call = head[3]
            if not call.group.packed[byte] >> shift & 1:
                continue
            if not call.skip or call.may_ask(agent):
                best = head
                break
            # They let that one go: the next of its group may come before or after the next head.
            rest = (key for key in call.group.waiting if key[3].may_ask(agent))
            second = next(rest, None)
            if second is not None and (best is None or second < best):
                best = second
        return None if best is None else (best[3], len(best[3].group.waiting))

    def staffed(self, group: Group) -> bool:
        """Whether anybody who fits is not offline."""
        return bool(self._staffed.whole() & group.members)

    def anybody(self) -> bool:
        """Whether anybody at all is not offline."""
        return bool(self._staffed.whole())

    def others_staffed(self, group: Group, agent: Agent) -> bool:
        """Whether somebody else who fits is not offline."""
        return bool(self._staffed.whole() & group.members & ~(1 << agent.slot))

    def gaps(self, agent: Agent) -> Container[Group]:
        """The groups that calls name and that have nobody left, now that this agent is offline."""
        return {group for group in self._groups.values() if group.refs and group.has(agent) and not self.staffed(group)}

    def _members(self, expression: Expression) -> int:
        group = self._groups.get(expression)
        return group.members if group is not None else expression.among(self._staff)

    def counts(self, expression: Expression) -> tuple[int, int, int]:
        """How many fit: (ready now, at work, not offline)."""
        members = self._members(expression)
        return (
            (self._idle.whole() & members).bit_count(),
            (self._at_work.whole() & members).bit_count(),
            (self._staffed.whole() & members).bit_count(),
        )

    def workers(self, group: Group) -> int:
        """A bit for each agent who fits and takes calls now or after the present one."""
        return self._at_work.whole() & group.members

    def workers_of(self, expression: Expression) -> int:
        """The same for an expression."""
        return self._at_work.whole() & self._members(expression)

    def in_line(self) -> Iterator[Group]:
        """The groups with somebody waiting."""
        return (head[3].group for head in self._heads)
