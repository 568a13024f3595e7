"""All agents of a desk as bits: who has what, and who stands ready in which order. PURE.

A set of agents is a Python integer with a bit per agent: AND, OR and ``bit_count`` over 10,000 agents take some tenths
of a microsecond.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from cti.domain.model import AgentId, SkillId
from routing.state import Agent, IdleKey

# Idle agents a block of the line. A look at a block's bits costs as much as some five of its agents; the square root of
# 10,000 would balance the two, and smaller blocks cost memory (a bit per agent each).
BLOCK = 128


class Bits:
    """A set of agents that changes one by one."""

    __slots__ = ("_whole",)

    def __init__(self) -> None:
        self._whole = 0

    def put(self, slot: int, there: bool) -> None:
        """Whether this agent is in the set."""
        bit = 1 << slot
        if there:
            self._whole |= bit
        elif self._whole & bit:
            self._whole ^= bit

    def whole(self) -> int:
        """All of it."""
        return self._whole


class Staff:
    """Who has which skill at which level, and which profile. Implements routing.expression.Crowd."""

    def __init__(self) -> None:
        self._all = Bits()
        self._able: dict[tuple[SkillId, int], Bits] = {}  # this level or better
        self._profiles: dict[str, Bits] = {}
        self._slots: dict[AgentId, int] = {}

    def add(self, agent: Agent) -> None:
        """An agent, in their slot."""
        self._slots[agent.agent] = agent.slot
        self._put(agent, True)

    def remove(self, agent: Agent) -> None:
        """They are no longer of the desk, or about to change: with the skills and the profile they were added with."""
        del self._slots[agent.agent]
        self._put(agent, False)

    def _put(self, agent: Agent, there: bool) -> None:
        slot = agent.slot
        self._all.put(slot, there)
        if agent.profile:
            self._profiles.setdefault(agent.profile, Bits()).put(slot, there)
        for skill, level in agent.skills.items():
            for reached in range(1, level + 1):
                bits = self._able.get((skill, reached))
                if bits is None:
                    bits = self._able[skill, reached] = Bits()
                bits.put(slot, there)

    def everybody(self) -> int:
        """All agents."""
        return self._all.whole()

    def able(self, skill: SkillId, level: int) -> int:
        """Who has a skill at this level or better."""
        bits = self._able.get((skill, level))
        return bits.whole() if bits is not None else 0

    def named(self, agents: Iterable[AgentId]) -> int:
        """Those of these who are on the desk."""
        found = 0
        for agent in agents:
            slot = self._slots.get(agent)
            if slot is not None:
                found |= 1 << slot
        return found

    def profiled(self, profile: str) -> int:
        """Who is of a profile."""
        bits = self._profiles.get(profile)
        return bits.whole() if bits is not None else 0

    def slot(self, agent: AgentId) -> int | None:
        """An agent's slot."""
        return self._slots.get(agent)


class Block:
    """A piece of the line of idle agents."""

    __slots__ = ("bits", "keys")

    def __init__(self, keys: list[IdleKey]) -> None:
        self.keys = keys  # in order
        self.bits = 0
        for key in keys:
            self.bits |= 1 << key[2].slot


class Line:
    """Idle agents, longest idle first, in blocks that know by their bits who stands in them.

    So the first agent of any set is found by a few ANDs and a look along one block, however many stand before them.
    """

    def __init__(self, size: int = BLOCK) -> None:
        self._size = size
        self._blocks: list[Block] = []
        self._starts: list[IdleKey] = []  # the first key of each block, as it was when the block began

    def enter(self, key: IdleKey) -> None:
        """An agent stands in line from now on. Nearly always at its end."""
        blocks = self._blocks
        if not blocks:
            blocks.append(Block([key]))
            self._starts.append(key)
            return
        last = blocks[-1]
        if key > last.keys[-1]:
            if len(last.keys) >= self._size:
                blocks.append(Block([key]))
                self._starts.append(key)
                return
            last.keys.append(key)
            last.bits |= 1 << key[2].slot
            return
        place = self._place(key)
        block = blocks[place]
        insort(block.keys, key)
        block.bits |= 1 << key[2].slot
        if key < self._starts[place]:
            self._starts[place] = key
        if len(block.keys) > 2 * self._size:
            half = len(block.keys) // 2
            blocks[place : place + 1] = [Block(block.keys[:half]), Block(block.keys[half:])]
            self._starts.insert(place + 1, block.keys[half])

    def leave(self, key: IdleKey) -> None:
        """The agent does not stand in line any more."""
        place = self._place(key)
        block = self._blocks[place]
        del block.keys[bisect_left(block.keys, key)]
        if block.keys:
            block.bits ^= 1 << key[2].slot
        else:
            del self._blocks[place]
            del self._starts[place]

    def _place(self, key: IdleKey) -> int:
        """The block a key belongs to: the last one that begins at or before it."""
        place = bisect_left(self._starts, key)
        if place < len(self._starts) and self._starts[place] is key:
            return place
        return max(0, place - 1)

    def first(self, wanted: int) -> Agent | None:
        """Of a set of agents, the one who stands first in line."""
        for block in self._blocks:
            hit = block.bits & wanted
            if hit:
                return _first_of(block, hit)
        return None

    def __iter__(self) -> Iterator[IdleKey]:
        for block in self._blocks:
            yield from block.keys


def _first_of(block: Block, hit: int) -> Agent:
    """The first in a block of those in ``hit``."""
    if hit == block.bits:
        return block.keys[0][2]
    packed = hit.to_bytes((hit.bit_length() + 7) >> 3, "little")
    end = len(packed)
    for key in block.keys:
        slot = key[2].slot
        byte = slot >> 3
        if byte < end and packed[byte] >> (slot & 7) & 1:
            return key[2]
    raise AssertionError("a block's bits name somebody who does not stand in it")
