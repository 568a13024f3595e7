"""Plans: ordered steps as data, and what they mean for one call. PURE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cti.domain.errors import ConfigError
from cti.domain.model import AgentId, SkillLevel
from routing.expression import Expression, InProfile, Not, Own, both, needs, only_named, resolve
from routing.model import AgentRule, QueueRule, Step
from routing.reading import Known, from_data
from routing.templates import expanded

MOST_STEPS = 12  # twice the rings of the largest hosted system; a caller who passes more waits for luck
MOST_S = 86_400  # a step that lasts a day lasts for ever


# --- Reading ---------------------------------------------------------------------------------------


def steps_from_data(data: object, *, where: str, known: Known) -> tuple[Step, ...]:
    """A plan as data: a list of ``{"want": expression or null, "expires_s": seconds or null}``, or a template.

    Raises ConfigError with every problem: what does not exist, expiries that do not grow, a last step that is not last.
    """
    data = expanded(data, where=where)
    if not isinstance(data, list | tuple):
        raise ConfigError([f'{where}: a plan is a list of steps, or {{"template": ...}}'])
    if len(data) > MOST_STEPS:
        raise ConfigError([f"{where}: {len(data)} steps; write at most {MOST_STEPS}"])
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
        elif expires is not None and not _after(expires, before):
            problems.append(f"{here}.expires_s: write seconds from entry, more than {before:g} and at most {MOST_S}")
        else:
            before = expires or before
        want = item.get("want")
        try:
            found = None if want is None else from_data(want, where=f"{here}.want", known=known)
            steps.append(Step(want=found, expires_s=expires))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return tuple(steps)


def _after(value: object, before: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and before < value <= MOST_S


def nobody_for(rule: QueueRule, agents: Sequence[AgentRule], *, where: str) -> list[str]:
    """Steps that no agent of the desk could ever take, as sentences. They do no harm: such a step is passed over."""
    own = needs(rule.skills)
    found: list[str] = []
    for number, step in enumerate(rule.steps):
        want = step.want or Own()
        if not any(_could(want, own, agent) for agent in agents):
            found.append(f"{where}[{number}].want: no agent of this desk fits; callers pass this step over")
    if not any(own.fits(agent) for agent in agents):
        found.append(f"{where}: no agent of this desk has the queue's own skills; its callers end up with nobody")
    return found


def _could(want: Expression, own: Expression, agent: AgentRule) -> bool:
    """Whether there is a call for which this agent fits."""
    return any(
        resolve(want, own, language, last).fits(agent) for language in ("ja", "en") for last in (agent.agent, None)
    )


# --- Meaning ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a call's way through its plan in which it asks for the same."""

    want: Expression
    until_s: float | None  # from entry; None: to the end
    number: int  # of the step, from 1


def stretches(
    rule: QueueRule, skills: tuple[SkillLevel, ...], language: str | None, last_agent: AgentId | None
) -> tuple[Stretch, ...]:
    """The queue's plan for one call: what depends on the call filled in, profiles held back until their delay is over.

    After the last step that expires, anybody with the queue's own skills will do.
    """
    own = needs(rule.skills, skills)
    steps: list[Stretch] = []
    for number, step in enumerate(rule.steps, 1):
        want = own if step.want is None else resolve(step.want, own, language, last_agent)
        steps.append(Stretch(want, step.expires_s, number))
    if not steps:
        steps.append(Stretch(own, None, 1))
    elif steps[-1].until_s is not None:
        steps.append(Stretch(needs(rule.skills), None, len(steps) + 1))
    if not rule.delays:
        return tuple(steps)
    found: list[Stretch] = []
    begin_s = 0.0
    for step_ in steps:
        for end_s in _cuts(rule, begin_s, step_):
            found.append(Stretch(_held_back(rule, begin_s, step_.want), end_s, step_.number))
            begin_s = end_s if end_s is not None else begin_s
    return tuple(found)


def _cuts(rule: QueueRule, begin_s: float, step: Stretch) -> list[float | None]:
    """Where the parts of a step end: at each delay that ends within it, and at its own end."""
    if only_named(step.want):
        return [step.until_s]
    inside = {delay.delay_s for delay in rule.delays if delay.delay_s > begin_s}
    if step.until_s is not None:
        inside = {end_s for end_s in inside if end_s < step.until_s}
    return [*sorted(inside), step.until_s]


def _held_back(rule: QueueRule, begin_s: float, want: Expression) -> Expression:
    """Without the profiles whose delay is not over. Who is named is asked at once."""
    if not only_named(want):
        for profile in sorted({delay.profile for delay in rule.delays if delay.delay_s > begin_s}):
            want = both(want, Not(InProfile(profile)))
    return want
