"""What a call asks of an agent: skills with levels, named agents, and AND, OR, NOT of them. PURE.

As data (JSON, TOML) an expression is one of::

    {"skill": "en", "level": 3}      an agent with at least this level (1 to 5; without level: 1)
    {"agents": ["sato", "smith"]}    one of these agents, whatever their skills
    {"all": [...]}                   every part fits; an empty list fits everybody
    {"any": [...]}                   one part fits; an empty list fits nobody
    {"not": {...}}                   the part does not fit
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cti.domain.errors import ConfigError
from cti.domain.model import AgentId, SkillId, SkillLevel

Skills = Mapping[SkillId, int]

LOWEST, HIGHEST = 1, 5  # levels of a skill: beginner to expert
MAX_DEPTH = 8  # nobody reads a rule nested deeper than this; it also bounds the recursion
MAX_PARTS = 64  # parts of one AND or OR: a rule, not a list of the whole staff


@dataclass(frozen=True, slots=True)
class Has:
    """The agent has a skill, at this level or better."""

    skill: SkillId
    level: int

    def fits(self, agent: AgentId, skills: Skills) -> bool:
        """Whether this agent will do."""
        return skills.get(self.skill, 0) >= self.level


@dataclass(frozen=True, slots=True)
class Named:
    """The agent is one of these."""

    agents: frozenset[AgentId]

    def fits(self, agent: AgentId, skills: Skills) -> bool:
        """Whether this agent will do."""
        return agent in self.agents


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part fits."""

    parts: tuple[Expression, ...]

    def fits(self, agent: AgentId, skills: Skills) -> bool:
        """Whether this agent will do."""
        for part in self.parts:  # noqa: SIM110 -- a generator costs three times as much, on the hottest path
            if not part.fits(agent, skills):
                return False
        return True


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part fits."""

    parts: tuple[Expression, ...]

    def fits(self, agent: AgentId, skills: Skills) -> bool:
        """Whether this agent will do."""
        return any(part.fits(agent, skills) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not fit."""

    part: Expression

    def fits(self, agent: AgentId, skills: Skills) -> bool:
        """Whether this agent will do."""
        return not self.part.fits(agent, skills)


Expression = Has | Named | AllOf | AnyOf | Not

EVERYBODY = AllOf(())


def needs(*groups: Iterable[SkillLevel]) -> Expression:
    """All these skills, each at the highest level that any group asks for. Equal needs give equal expressions."""
    levels: dict[SkillId, int] = {}
    for group in groups:
        for want in group:
            levels[want.skill] = max(want.level, levels.get(want.skill, 0))
    parts = tuple(Has(skill, levels[skill]) for skill in sorted(levels))
    return parts[0] if len(parts) == 1 else AllOf(parts)


def only_named(expression: Expression) -> frozenset[AgentId] | None:
    """The few agents that can fit at all; None when it is not a matter of names."""
    match expression:
        case Named(agents):
            return agents
        case AllOf(parts):
            limits = [names for names in map(only_named, parts) if names is not None]
            return frozenset.intersection(*limits) if limits else None
        case AnyOf(parts):
            each = [only_named(part) for part in parts]
            known = [names for names in each if names is not None]
            return frozenset().union(*known) if len(known) == len(each) else None
        case _:
            return None


def to_data(expression: Expression) -> dict[str, Any]:
    """The expression as JSON-able data."""
    match expression:
        case Has(skill, level):
            return {"skill": skill, "level": level}
        case Named(agents):
            return {"agents": sorted(agents)}
        case AllOf(parts):
            return {"all": [to_data(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [to_data(part) for part in parts]}
        case Not(part):
            return {"not": to_data(part)}


def from_data(data: object, *, where: str, skills: frozenset[SkillId], agents: frozenset[AgentId]) -> Expression:
    """Read an expression. ``where`` names the place for the error, ``skills`` and ``agents`` are those that exist.

    Raises ConfigError with every problem found.
    """
    problems: list[str] = []
    expression = _Reader(skills, agents, problems).read(data, where, 0)
    if problems:
        raise ConfigError(problems)
    return expression


@dataclass(frozen=True, slots=True)
class _Reader:
    """Collects problems, so that one look shows all of them."""

    skills: frozenset[SkillId]
    agents: frozenset[AgentId]
    problems: list[str]

    def read(self, data: object, where: str, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            self.problems.append(f"{where}: nested more than {MAX_DEPTH} deep; write it flatter")
            return EVERYBODY
        match data:
            case {"skill": str(skill), **rest} if set(rest) <= {"level"}:
                return self._skill(skill, rest.get("level", LOWEST), where)
            case {"agents": [*names], **rest} if not rest:
                return self._named(names, where)
            case {"all": [*parts], **rest} if not rest:
                return AllOf(self._parts(parts, f"{where}.all", depth))
            case {"any": [*parts], **rest} if not rest:
                return AnyOf(self._parts(parts, f"{where}.any", depth))
            case {"not": part, **rest} if not rest:
                return Not(self.read(part, f"{where}.not", depth + 1))
        self.problems.append(
            f'{where}: {_short(data)} is no expression; write {{"skill": ..., "level": ...}}, {{"agents": [...]}}, '
            '{"all": [...]}, {"any": [...]} or {"not": ...}'
        )
        return EVERYBODY

    def _skill(self, skill: str, level: object, where: str) -> Expression:
        if SkillId(skill) not in self.skills:
            self.problems.append(f"{where}: there is no skill {skill!r}; there is: {', '.join(sorted(self.skills))}")
        if not isinstance(level, int) or isinstance(level, bool) or not LOWEST <= level <= HIGHEST:
            self.problems.append(f"{where}: level is {_short(level)}; write a number from {LOWEST} to {HIGHEST}")
            level = LOWEST
        return Has(SkillId(skill), level)

    def _named(self, names: Sequence[object], where: str) -> Expression:
        for name in names:
            if not isinstance(name, str) or AgentId(name) not in self.agents:
                self.problems.append(f"{where}: there is no agent {_short(name)}; write an agent's id")
        return Named(frozenset(AgentId(name) for name in names if isinstance(name, str)))

    def _parts(self, parts: Sequence[object], where: str, depth: int) -> tuple[Expression, ...]:
        if len(parts) > MAX_PARTS:
            self.problems.append(f"{where}: {len(parts)} parts; write at most {MAX_PARTS}")
            return ()
        return tuple(self.read(part, f"{where}[{index}]", depth + 1) for index, part in enumerate(parts))


def _short(value: object) -> str:
    """A value for an error message, not longer than a line."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
