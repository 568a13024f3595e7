"""Expressions from data (JSON, TOML), with every mistake named. PURE."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cti.domain.errors import ConfigError
from cti.domain.model import AgentId, SkillId
from routing.expression import (
    EVERYBODY,
    HIGHEST,
    LOWEST,
    AllOf,
    AnyOf,
    Expression,
    Has,
    InProfile,
    Language,
    LastAgent,
    Named,
    Not,
    Own,
)

MAX_DEPTH = 8  # nobody reads a rule nested deeper than this; it also bounds the recursion
MAX_PARTS = 64  # parts of one AND or OR: a rule, not a list of the whole staff
MOST_NAMED = 20  # names of what exists, in an error message
# Of a whole plan as it comes from outside, looked at before anything else: MAX_DEPTH of AND and OR within a step is 22
# brackets, and twelve steps of twenty conditions are some hundred.
MOST_NESTED = 32
MOST_BRACKETS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What exists on a desk."""

    skills: frozenset[SkillId] = frozenset()
    agents: frozenset[AgentId] = frozenset()
    profiles: frozenset[str] = frozenset()
    # Of a plan that was checked when it was published: a name that is gone since is nobody, not a mistake.
    gone_is_nobody: bool = False


def refuse_too_large(data: object, *, where: str) -> None:
    """Whether data from outside can be read without harm, however it is nested: no recursion, one look at each bracket.

    Raises ConfigError.
    """
    level: list[object] = [data]
    brackets = depth = 0
    while level:
        inner = [it for it in level if isinstance(it, dict | list | tuple)]
        brackets += len(inner)
        depth += bool(inner)
        if depth > MOST_NESTED:
            raise ConfigError([f"{where}: nested more than {MOST_NESTED} brackets deep; write it flatter"])
        if brackets > MOST_BRACKETS:
            raise ConfigError([f"{where}: more than {MOST_BRACKETS} steps and conditions; write it shorter"])
        level = [part for it in inner for part in (it.values() if isinstance(it, dict) else it)]


def from_data(data: object, *, where: str, known: Known) -> Expression:
    """Read an expression, see routing.expression. ``where`` names the place for the error, ``known`` is what exists.

    Raises ConfigError with every problem found.
    """
    problems: list[str] = []
    expression = _Reader(known, problems).read(data, where, 0)
    if problems:
        raise ConfigError(problems)
    return expression


@dataclass(frozen=True, slots=True)
class _Reader:
    """Collects problems, so that one look shows all of them."""

    known: Known
    problems: list[str]

    def read(self, data: object, where: str, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            self.problems.append(f"{where}: nested more than {MAX_DEPTH} deep; write it flatter")
            return EVERYBODY
        match data:
            case {"skill": str(skill), **rest} if set(rest) <= {"level"}:
                self._exists("skill", skill, self.known.skills, where)
                return Has(SkillId(skill), self._level(rest.get("level", LOWEST), where))
            case {"agents": [*names], **rest} if not rest:
                return self._named(names, where)
            case {"profile": str(profile), **rest} if not rest:
                self._exists("profile", profile, self.known.profiles, where)
                return InProfile(profile)
            case {"own": True, **rest} if not rest:
                return Own()
            case {"last_agent": True, **rest} if not rest:
                return LastAgent()
            case {"language": level, **rest} if not rest:
                return Language(self._level(level, where), self.known.skills)
            case {"all": [*parts], **rest} if not rest:
                return AllOf(self._parts(parts, f"{where}.all", depth))
            case {"any": [*parts], **rest} if not rest:
                return AnyOf(self._parts(parts, f"{where}.any", depth))
            case {"not": part, **rest} if not rest:
                return Not(self.read(part, f"{where}.not", depth + 1))
        self.problems.append(
            f'{where}: {short(data)} is no expression; write {{"skill": ..., "level": ...}}, {{"agents": [...]}}, '
            '{"profile": ...}, {"own": true}, {"last_agent": true}, {"language": level}, {"all": [...]}, '
            '{"any": [...]} or {"not": ...}'
        )
        return EVERYBODY

    def _exists(self, kind: str, name: str, known: Iterable[str], where: str) -> None:
        if name not in known and not self.known.gone_is_nobody:
            there = ", ".join(sorted(known)[:MOST_NAMED]) or "none"
            self.problems.append(f"{where}: there is no {kind} {short(name)}; there is: {there}")

    def _level(self, level: object, where: str) -> int:
        if isinstance(level, int) and not isinstance(level, bool) and LOWEST <= level <= HIGHEST:
            return level
        self.problems.append(f"{where}: level is {short(level)}; write a number from {LOWEST} to {HIGHEST}")
        return LOWEST

    def _named(self, names: Sequence[object], where: str) -> Expression:
        if not names:
            self.problems.append(f"{where}: nobody is named; write an agent's id")
        for name in names:
            if isinstance(name, str):
                self._exists("agent", name, self.known.agents, where)
            else:
                self.problems.append(f"{where}: there is no agent {short(name)}; write an agent's id")
        return Named(frozenset(AgentId(name) for name in names if isinstance(name, str)))

    def _parts(self, parts: Sequence[object], where: str, depth: int) -> tuple[Expression, ...]:
        if len(parts) > MAX_PARTS:
            self.problems.append(f"{where}: {len(parts)} parts; write at most {MAX_PARTS}")
            return ()
        return tuple(self.read(part, f"{where}[{index}]", depth + 1) for index, part in enumerate(parts))


def short(value: object) -> str:
    """A value for an error message, not longer than a line."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
