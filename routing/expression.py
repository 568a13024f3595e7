"""What a call asks of an agent: skills with levels, named agents, and AND, OR, NOT of them. PURE.

As data (JSON, TOML) an expression is one of::

    {"skill": "en", "level": 3}      an agent with at least this level (1 to 5; without level: 1)
    {"agents": ["sato", "smith"]}    one of these agents, whatever their skills
    {"profile": "night"}             an agent of this profile
    {"own": true}                    what the queue and the call ask for, as without a plan
    {"last_agent": true}             the agent who talked with this member in an earlier call
    {"language": 3}                  the caller's language at this level; everybody, when the desk has no such skill
    {"all": [...]}                   every part fits; an empty list fits everybody
    {"any": [...]}                   one part fits; an empty list fits nobody
    {"not": {...}}                   the part does not fit

``own``, ``last_agent`` and ``language`` depend on the call: :func:`resolve` replaces them. Reading is in
routing.reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cti.domain.model import AgentId, SkillId, SkillLevel

Skills = Mapping[SkillId, int]

LOWEST, HIGHEST = 1, 5  # levels of a skill: beginner to expert


class Who(Protocol):
    """An agent, as far as expressions look at them."""

    @property
    def agent(self) -> AgentId:
        """Their id."""

    @property
    def skills(self) -> Skills:
        """Levels 1 to 5."""

    @property
    def profile(self) -> str:
        """Their profile, or nothing."""


class Crowd(Protocol):
    """All agents at once; a set of them is an integer with a bit each."""

    def everybody(self) -> int:
        """All of them."""

    def able(self, skill: SkillId, level: int) -> int:
        """Who has a skill at this level or better."""

    def named(self, agents: Iterable[AgentId]) -> int:
        """Those of these who are on the desk."""

    def profiled(self, profile: str) -> int:
        """Who is of a profile."""


@dataclass(frozen=True, slots=True)
class Has:
    """The agent has a skill, at this level or better."""

    skill: SkillId
    level: int

    def fits(self, who: Who) -> bool:
        """Whether this agent will do."""
        return who.skills.get(self.skill, 0) >= self.level

    def among(self, crowd: Crowd) -> int:
        """Who will do."""
        return crowd.able(self.skill, self.level)


@dataclass(frozen=True, slots=True)
class Named:
    """The agent is one of these."""

    agents: frozenset[AgentId]

    def fits(self, who: Who) -> bool:
        """Whether this agent will do."""
        return who.agent in self.agents

    def among(self, crowd: Crowd) -> int:
        """Who will do."""
        return crowd.named(self.agents)


@dataclass(frozen=True, slots=True)
class InProfile:
    """The agent is of a profile."""

    profile: str

    def fits(self, who: Who) -> bool:
        """Whether this agent will do."""
        return who.profile == self.profile

    def among(self, crowd: Crowd) -> int:
        """Who will do."""
        return crowd.profiled(self.profile)


class OfTheCall:
    """What depends on the call. Until it is resolved it fits nobody."""

    __slots__ = ()

    def fits(self, who: Who) -> bool:
        """Nobody."""
        return False

    def among(self, crowd: Crowd) -> int:
        """Nobody."""
        return 0


@dataclass(frozen=True, slots=True)
class Own(OfTheCall):
    """What the queue and the call ask for."""


@dataclass(frozen=True, slots=True)
class LastAgent(OfTheCall):
    """The agent who talked with this member in an earlier call."""


@dataclass(frozen=True, slots=True)
class Language(OfTheCall):
    """The caller's language, at this level or better."""

    level: int
    skills: frozenset[SkillId]  # that the desk has: a language that is none of them is asked of nobody


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part fits."""

    parts: tuple[Expression, ...]

    def fits(self, who: Who) -> bool:
        """Whether this agent will do."""
        return all(part.fits(who) for part in self.parts)

    def among(self, crowd: Crowd) -> int:
        """Who will do."""
        found = crowd.everybody()
        for part in self.parts:
            found &= part.among(crowd)
        return found


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part fits."""

    parts: tuple[Expression, ...]

    def fits(self, who: Who) -> bool:
        """Whether this agent will do."""
        return any(part.fits(who) for part in self.parts)

    def among(self, crowd: Crowd) -> int:
        """Who will do."""
        found = 0
        for part in self.parts:
            found |= part.among(crowd)
        return found


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not fit."""

    part: Expression

    def fits(self, who: Who) -> bool:
        """Whether this agent will do."""
        return not self.part.fits(who)

    def among(self, crowd: Crowd) -> int:
        """Who will do."""
        return crowd.everybody() & ~self.part.among(crowd)


Expression = Has | Named | InProfile | Own | LastAgent | Language | AllOf | AnyOf | Not

EVERYBODY = AllOf(())
NOBODY = AnyOf(())


def needs(*groups: Iterable[SkillLevel]) -> Expression:
    """All these skills, each at the highest level that any group asks for. Equal needs give equal expressions."""
    levels: dict[SkillId, int] = {}
    for group in groups:
        for want in group:
            levels[want.skill] = max(want.level, levels.get(want.skill, 0))
    parts = tuple(Has(skill, levels[skill]) for skill in sorted(levels))
    return parts[0] if len(parts) == 1 else AllOf(parts)


def both(one: Expression, other: Expression) -> Expression:
    """Both must fit."""
    parts: list[Expression] = []
    for want in (one, other):
        parts += want.parts if isinstance(want, AllOf) else (want,)
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def resolve(want: Expression, own: Expression, language: str | None, last_agent: AgentId | None) -> Expression:
    """The expression for one call, without what depends on it."""
    match want:
        case Own():
            return own
        case LastAgent():
            return NOBODY if last_agent is None else Named(frozenset({last_agent}))
        case Language(level, skills):
            skill = SkillId(language or "")
            return Has(skill, level) if skill in skills else EVERYBODY
        case AllOf(parts):
            found: Expression = EVERYBODY
            for part in parts:
                found = both(found, resolve(part, own, language, last_agent))
            return found
        case AnyOf(parts):
            return AnyOf(tuple(resolve(part, own, language, last_agent) for part in parts))
        case Not(part):
            return Not(resolve(part, own, language, last_agent))
        case _:
            return want


def only_named(expression: Expression) -> bool:
    """Whether it is a matter of names: few agents, and few calls that want the same."""
    match expression:
        case Named():
            return True
        case AllOf(parts):
            return any(only_named(part) for part in parts)
        case AnyOf(parts):
            return all(only_named(part) for part in parts)
        case _:
            return False


def to_data(expression: Expression) -> dict[str, Any]:
    """The expression as JSON-able data."""
    match expression:
        case Has(skill, level):
            return {"skill": skill, "level": level}
        case Named(agents):
            return {"agents": sorted(agents)}
        case InProfile(profile):
            return {"profile": profile}
        case Own():
            return {"own": True}
        case LastAgent():
            return {"last_agent": True}
        case Language(level):
            return {"language": level}
        case AllOf(parts):
            return {"all": [to_data(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [to_data(part) for part in parts]}
        case Not(part):
            return {"not": to_data(part)}
