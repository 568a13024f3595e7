"""The FILE of `kakehashi route simulate`: read, checked, told what to write instead. Schema: docs/simulation.md."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from cti.domain.errors import ConfigError
from cti.domain.model import AgentId, QueueId, SkillId, SkillLevel
from cti.tomlfile import Location, TomlFile, closest, dotted
from routing.model import Limits, QueueRule, Step
from routing.plan import steps_from_data
from routing.reading import Known
from routing.simulation import model as s

# More agents than any desk this is meant for; a number with a zero too many should not fill the memory.
MOST_AGENTS = 20_000
# Whoever may wait for ever: ten years, which still is a duration that dates can hold.
FOR_EVER_S = 10 * 365 * 24 * 3600

NAME_HINT = "a name of a-z, 0-9, '_' and '-', e.g. \"members\""
DURATION_HINT = (
    "one of { exponential_s = 600 }, { lognormal_s = 400, cv = 0.8 }, { fixed_s = 60 } and { list_s = [31, 204] }"
)
SKILLS_HINT = "skill = level, e.g. { en = 3 }"

Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,47}$")]
Level = Annotated[int, Field(ge=1, le=5, strict=True)]
Seconds = Annotated[float, Field(gt=0, le=FOR_EVER_S, allow_inf_nan=False)]
PerHour = Annotated[float, Field(ge=0, le=3_600_000, allow_inf_nan=False)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Length(_Model):
    """How long, how often, what is asked."""

    seed: int = Field(default=1, description="a whole number: the same gives the same run")
    replications: int = Field(default=10, ge=1, le=1_000, strict=True, description="1 to 1000 independent runs")
    calls: int | None = Field(default=None, ge=1, le=10_000_000, strict=True, description="calls that count, or hours")
    hours: float | None = Field(default=None, gt=0, le=24 * 366, description="hours that count, or calls")
    warm_up: float = Field(default=0, ge=0, le=10_000_000, description="calls or hours before anything counts")
    within_s: tuple[Annotated[int, Field(ge=0, le=86_400, strict=True)], ...] = Field(
        default=(20,), max_length=10, description="limits of the service level in whole seconds, e.g. [20, 30]"
    )
    start: datetime = Field(
        default=s.START, description="when it begins, with its offset, e.g. 2026-07-18T00:00:00+09:00"
    )


class Duration(_Model):
    """A distribution."""

    exponential_s: Seconds | None = Field(default=None, description="the mean in seconds")
    lognormal_s: Seconds | None = Field(default=None, description="the mean in seconds, with cv")
    cv: Annotated[float, Field(gt=0, le=10)] | None = Field(default=None, description="standard deviation ÷ mean")
    fixed_s: Seconds | None = Field(default=None, description="seconds")
    list_s: Annotated[tuple[Seconds, ...], Field(min_length=1, max_length=1_000_000)] | None = Field(
        default=None, description="seconds of one call after the other"
    )


class CallersTable(_Model):
    """[[callers]]"""

    name: Slug | None = Field(default=None, description=NAME_HINT)
    queue: Slug = Field(description="the id of one of the queues")
    rate_per_h: PerHour | None = Field(default=None, description="calls an hour, e.g. 60")
    rate_per_h_by_hour: Annotated[tuple[PerHour, ...], Field(min_length=24, max_length=24)] | None = Field(
        default=None, description="24 numbers: calls an hour from 0:00, 1:00, …, 23:00 on"
    )
    at_s: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1, max_length=1_000_000)] | None = (
        Field(default=None, description="seconds since the start, growing")
    )
    talk: Duration = Field(description=DURATION_HINT)
    patience: Duration | None = Field(default=None, description=DURATION_HINT + "; leave it out: nobody hangs up")
    skills: dict[Slug, Level] = Field(default_factory=dict, description=SKILLS_HINT)


class QueueTable(_Model):
    """[[queues]]"""

    id: Slug = Field(description=NAME_HINT)
    skills: dict[Slug, Level] = Field(default_factory=dict, description=SKILLS_HINT)
    priority: int = Field(default=0, ge=-100, le=100, strict=True, description="a whole number, -100 to 100")
    max_wait_s: int | None = Field(default=None, ge=1, strict=True, description="whole seconds; leave it out: for ever")
    wrap_up_s: int = Field(default=0, ge=0, le=14_400, strict=True, description="whole seconds of after-call work")
    ageing_every_s: int | None = Field(default=None, ge=1, strict=True, description="whole seconds a point of priority")
    ageing_most: int = Field(default=0, ge=0, le=200, strict=True, description="most points that waiting earns")
    max_length: int | None = Field(default=None, ge=0, strict=True, description="waiting places; leave it out: any")
    steps: list[Any] = Field(default=[], description="a list of { want = …, expires_s = … }, see docs/routing.md")


class AgentsTable(_Model):
    """[[agents]]"""

    group: Slug = Field(description=NAME_HINT)
    count: int = Field(ge=1, le=MOST_AGENTS, strict=True, description=f"1 to {MOST_AGENTS}")
    skills: dict[Slug, Level] = Field(default_factory=dict, description=SKILLS_HINT)
    at_work_h: tuple[tuple[float, float], ...] = Field(
        default=(), description="pairs of hours since the start, e.g. [[9, 12], [13, 18]]; leave it out: always"
    )


class PlanTable(_Model):
    """[[plans]]: what is different from the rest of the file."""

    name: Slug = Field(description=NAME_HINT)
    queues: list[dict[str, Any]] = Field(default=[], description="[[plans.queues]] with the id and what changes")
    agents: tuple[AgentsTable, ...] = Field(default=(), description="[[plans.agents]]: instead of all of [[agents]]")
    policy: s.Policy | None = Field(default=None, description='"oldest" or "own_skill_first"')
    waiting_places: int | None = Field(default=None, ge=0, strict=True, description="a whole number")


class SimulationFile(_Model):
    """The whole file."""

    simulation: Length = Field(description="a [simulation] table")
    callers: tuple[CallersTable, ...] = Field(default=(), max_length=1_000, description="[[callers]] tables")
    queues: tuple[QueueTable, ...] = Field(max_length=1_000, description="[[queues]] tables")
    agents: tuple[AgentsTable, ...] = Field(max_length=1_000, description="[[agents]] tables")
    plans: tuple[PlanTable, ...] = Field(default=(), max_length=20, description="[[plans]] tables")
    policy: s.Policy = Field(default=s.Policy.OLDEST, description='"oldest" or "own_skill_first"')
    waiting_places: int | None = Field(default=None, ge=0, strict=True, description="a whole number")


def read_scenario(file: TomlFile, *, replayed: bool = False) -> s.Scenario:
    """The scenario of a file. ``replayed``: callers come from elsewhere, so that the file need not name any.

    Raises ConfigError with every problem found.
    """
    return _Reader(file, file.validate(SimulationFile)).scenario(replayed)


class _Reader:
    """Checks what tables say about each other."""

    def __init__(self, file: TomlFile, parsed: SimulationFile) -> None:
        self._file = file
        self._parsed = parsed
        self._problems: list[str] = []

    def scenario(self, replayed: bool) -> s.Scenario:
        length = self._parsed.simulation
        if not replayed:
            if (length.calls is None) is (length.hours is None):
                self._complain(("simulation",), "write either calls or hours")
            if not self._parsed.callers:
                self._complain(("callers",), "is missing; write a [[callers]] table")
        for key in ("queues", "agents"):
            if not getattr(self._parsed, key):
                self._complain((key,), f"is empty; write a [[{key}]] table")
        start = length.start
        if start.tzinfo is None:
            self._complain(("simulation", "start"), "has no offset; write e.g. 2026-07-18T00:00:00+09:00")
            start = start.replace(tzinfo=UTC)
        callers = tuple(self._callers())
        plans = tuple(self._plans())
        if self._problems:
            raise ConfigError(self._problems)
        return s.Scenario(
            callers=callers,
            plans=plans,
            calls=length.calls,
            hours=length.hours,
            warm_up=length.warm_up,
            start=start,
            seed=length.seed,
            replications=length.replications,
            within_s=tuple(float(limit) for limit in length.within_s),
        )

    def _complain(self, location: Location, sentence: str) -> None:
        self._problems.append(self._file.problem(location, sentence))

    # --- Callers ---

    def _callers(self) -> Iterator[s.Callers]:
        queues = {queue.id for queue in self._parsed.queues}
        names: set[str] = set()
        for number, table in enumerate(self._parsed.callers):
            here: Location = ("callers", number)
            if table.queue not in queues:
                self._complain((*here, "queue"), f"there is no queue {table.queue!r}; {closest(table.queue, queues)}")
            name = table.name or table.queue
            if name in names:
                self._complain((*here, "name"), f"{name!r} is there twice; write a name of its own")
            names.add(name)
            yield s.Callers(
                name=name,
                queue=table.queue,
                arrivals=self._arrivals(table, here),
                talk=self._duration(table.talk, (*here, "talk")),
                patience=None if table.patience is None else self._duration(table.patience, (*here, "patience")),
                skills=_levels(table.skills),
            )

    def _arrivals(self, table: CallersTable, here: Location) -> s.Arrivals:
        given = [key for key in ("rate_per_h", "rate_per_h_by_hour", "at_s") if getattr(table, key) is not None]
        if len(given) != 1:
            self._complain(here, "write exactly one of rate_per_h, rate_per_h_by_hour and at_s")
        elif table.at_s is not None:
            if any(after < before for before, after in pairwise(table.at_s)):
                self._complain((*here, "at_s"), "goes back in time; write growing seconds")
            return s.Instants(table.at_s)
        elif not (table.rate_per_h or any(table.rate_per_h_by_hour or ())):
            self._complain((*here, given[0]), "nobody would ever call; write a rate above 0, or leave the table out")
        elif table.rate_per_h_by_hour is not None:
            return s.RateByHour(table.rate_per_h_by_hour)
        return s.Rate(table.rate_per_h or 1.0)

    def _duration(self, table: Duration, here: Location) -> s.Duration:
        given = [
            key for key in ("exponential_s", "lognormal_s", "fixed_s", "list_s") if getattr(table, key) is not None
        ]
        if len(given) != 1 or (table.cv is None) is (table.lognormal_s is not None):
            self._complain(here, f"write {DURATION_HINT}")
        if table.lognormal_s is not None:
            return s.Lognormal(table.lognormal_s, table.cv or 1.0)
        if table.list_s is not None:
            return s.Listed(table.list_s)
        return s.Exponential(table.exponential_s) if table.exponential_s else s.Fixed(table.fixed_s or 1.0)

    # --- Plans ---

    def _plans(self) -> Iterator[s.Plan]:
        parsed = self._parsed
        base = {queue.id: queue for queue in parsed.queues}
        if len(base) < len(parsed.queues):
            self._complain(("queues",), "two queues have the same id; write one table for each")
        if not parsed.plans:
            yield self._plan("as_written", base, (), parsed.agents, parsed.policy, parsed.waiting_places)
        names: set[str] = set()
        for number, table in enumerate(parsed.plans):
            here: Location = ("plans", number)
            if table.name in names:
                self._complain((*here, "name"), f"{table.name!r} is there twice; write a name of its own")
            names.add(table.name)
            yield self._plan(
                table.name,
                self._changed(base, table, here),
                here,
                table.agents or parsed.agents,
                table.policy or parsed.policy,
                parsed.waiting_places if table.waiting_places is None else table.waiting_places,
            )

    def _changed(self, base: dict[str, QueueTable], plan: PlanTable, here: Location) -> dict[str, QueueTable]:
        """The queues with what this plan changes in them."""
        queues = dict(base)
        for number, change in enumerate(plan.queues):
            at: Location = (*here, "queues", number)
            name = change.get("id")
            if not isinstance(name, str) or name not in base:
                self._complain((*at, "id"), f"there is no queue {name!r}; {closest(str(name), set(base))}")
                continue
            whole = queues[name].model_dump(exclude_unset=True) | change
            try:
                queues[name] = _Nested(self._file, at, whole).validate(QueueTable)
            except ConfigError as error:
                self._problems += error.problems
        return queues

    def _plan(
        self,
        name: str,
        queues: dict[str, QueueTable],
        here: Location,
        agents: tuple[AgentsTable, ...],
        policy: s.Policy,
        places: int | None,
    ) -> s.Plan:
        staff = tuple(self._staff(agents, here))
        for number, queue in enumerate(queues.values()):
            self._somebody_fits(queue, agents, ("queues", number))
        return s.Plan(
            name=name,
            queues=tuple(self._rule(queue, agents, number) for number, queue in enumerate(queues.values())),
            staff=staff,
            limits=Limits(wrap_up_s=0),
            policy=policy,
            waiting_places=places,
        )

    def _staff(self, agents: tuple[AgentsTable, ...], here: Location) -> Iterator[s.Staff]:
        if sum(group.count for group in agents) > MOST_AGENTS:
            self._complain((*here, "agents"), f"more than {MOST_AGENTS} agents; write fewer")
        if len({group.group for group in agents}) < len(agents):
            self._complain((*here, "agents"), "two groups have the same name; write a name of its own for each")
        for number, table in enumerate(agents):
            hours = [hour for span in table.at_work_h for hour in span]
            if any(after <= before for before, after in pairwise([-1.0, *hours])):
                self._complain(
                    (*here, "agents", number, "at_work_h"), "write pairs of growing hours, [[9, 12], [13, 18]]"
                )
            spans = tuple((begin * s.HOUR_S, end * s.HOUR_S) for begin, end in table.at_work_h)
            skills = {SkillId(skill): level for skill, level in table.skills.items()}
            yield s.Staff(group=table.group, count=table.count, skills=skills, at_work=spans)

    def _somebody_fits(self, queue: QueueTable, agents: tuple[AgentsTable, ...], here: Location) -> None:
        asked = [queue.skills]
        asked += [queue.skills | table.skills for table in self._parsed.callers if table.queue == queue.id]
        for wanted in asked:
            if not any(all(group.skills.get(skill, 0) >= wanted[skill] for skill in wanted) for group in agents):
                text = ", ".join(f"{skill} ≥ {level}" for skill, level in sorted(wanted.items()))
                self._complain((*here, "skills"), f"no agent has {text}; give it to a group of [[agents]]")
                return

    def _rule(self, table: QueueTable, agents: tuple[AgentsTable, ...], number: int) -> QueueRule:
        return QueueRule(
            queue=QueueId(table.id),
            priority=table.priority,
            skills=_levels(table.skills),
            max_wait_s=table.max_wait_s or FOR_EVER_S,
            nobody_wait=True,
            wrap_up_s=table.wrap_up_s,
            steps=self._steps(table, agents, number),
            ageing_every_s=table.ageing_every_s,
            ageing_most=table.ageing_most,
            max_length=table.max_length,
        )

    def _steps(self, table: QueueTable, agents: tuple[AgentsTable, ...], number: int) -> tuple[Step, ...]:
        # TOML has no null: a step without "want" is one with the queue's own skills.
        data = [{"want": None} | step if isinstance(step, dict) else step for step in table.steps]
        known = Known(
            skills=frozenset(SkillId(skill) for group in agents for skill in group.skills),
            agents=frozenset(AgentId(f"{group.group}-{n + 1}") for group in agents for n in range(group.count)),
        )
        where: Location = ("queues", number, "steps")
        try:
            return steps_from_data(data, where=dotted(where), known=known)
        except ConfigError as error:
            self._problems += [f"{self._file.where(where)}: {problem}" for problem in error.problems]
            return ()


class _Nested(TomlFile):
    """A table within a file, to be checked with its own place in messages."""

    def __init__(self, file: TomlFile, at: Location, data: dict[str, Any]) -> None:
        self.name = file.name
        self.data = data
        self._file = file
        self._at = at

    def where(self, location: Location) -> str:
        """``file:line`` of a key of the table."""
        return self._file.where((*self._at, *location))

    def problem(self, location: Location, sentence: str) -> str:
        """One complaint, with the whole path."""
        return self._file.problem((*self._at, *location), sentence)


def _levels(skills: dict[str, int]) -> tuple[SkillLevel, ...]:
    return tuple(SkillLevel(skill=SkillId(skill), level=level) for skill, level in sorted(skills.items()))
