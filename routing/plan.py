"""Plans as data: ordered steps, each with what it asks for and when it expires. PURE."""

from __future__ import annotations

from cti.domain.errors import ConfigError
from cti.domain.model import AgentId, SkillId
from routing.expression import from_data
from routing.model import Step


def steps_from_data(
    data: object, *, where: str, skills: frozenset[SkillId], agents: frozenset[AgentId]
) -> tuple[Step, ...]:
    """A plan as data: a list of ``{"want": expression or null, "expires_s": seconds or null}``.

    Raises ConfigError: expiries must grow, and only the last step may have none.
    """
    if not isinstance(data, list):
        raise ConfigError([f"{where}: a plan is a list of steps"])
    problems: list[str] = []
    steps: list[Step] = []
    before = 0.0
    for number, item in enumerate(data):
        here = f"{where}[{number}]"
        if not isinstance(item, dict) or not set(item) <= {"want", "expires_s"}:
            problems.append(f'{here}: write {{"want": ..., "expires_s": ...}}')
            continue
        expires = item.get("expires_s")
        if expires is None and number < len(data) - 1:
            problems.append(f"{here}.expires_s: only the last step may last for ever; write seconds")
        elif expires is not None and (not isinstance(expires, int | float) or not before < expires):
            problems.append(f"{here}.expires_s: write seconds from entry, more than {before:g}")
        else:
            before = expires or before
        want = item.get("want")
        try:
            found = None if want is None else from_data(want, where=f"{here}.want", skills=skills, agents=agents)
            steps.append(Step(want=found, expires_s=expires))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return tuple(steps)
