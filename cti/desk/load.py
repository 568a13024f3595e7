"""From a desk file to a checked desk: shape first, then all that refers to something else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from cti.desk.formschema import evaluation_form_problems
from cti.desk.outbound import outbound_problems
from cti.desk.queues import queue_problems
from cti.desk.reasons import reason_problems
from cti.desk.recording import recording_problems
from cti.desk.savednumbers import saved_number_problems
from cti.desk.schema import Desk, RetentionRule, Tenant
from cti.desk.verifications import verification_problems
from cti.domain.errors import ConfigError
from cti.tomlfile import Location, TomlFile, closest

# (menu document, queue ids, skill ids) → the document as it is to be stored; raises ConfigError.
MenuCheck = Callable[[Mapping[str, Any], frozenset[str], frozenset[str]], Mapping[str, Any]]
# calendar document → what is wrong with it: where in it, and a sentence
CalendarCheck = Callable[[Mapping[str, Any]], Iterable[tuple[Location, str]]]


def load_desk(path: Path, check_menu: MenuCheck, check_calendar: CalendarCheck) -> Desk:
    """Read and check a desk file. Raises ConfigError with every problem: file, line, key, what to write instead."""
    return check_desk(TomlFile.read(path), check_menu, check_calendar)


def check_desk(file: TomlFile, check_menu: MenuCheck, check_calendar: CalendarCheck) -> Desk:
    """Check a parsed desk file, as load_desk does."""
    desk = file.validate(Desk)
    problems: list[str] = []
    for name, tenant in desk.tenants.items():
        problems += _tenant_problems(file, ("tenants", name), tenant)
        problems += queue_problems(file, ("tenants", name), tenant)
        problems += recording_problems(file, ("tenants", name), tenant)
        problems += outbound_problems(file, ("tenants", name), tenant)
        problems += evaluation_form_problems(file, ("tenants", name), tenant)
        problems += reason_problems(file, ("tenants", name), tenant)
        problems += verification_problems(file, ("tenants", name), tenant)
        problems += saved_number_problems(file, ("tenants", name), tenant)
        problems += _calendar_problems(file, ("tenants", name), tenant, check_calendar)
        problems += _menu_problems(file, ("tenants", name), tenant, check_menu)
    problems += _shared_names(file, desk)
    if problems:
        raise ConfigError(problems)
    return desk


def _tenant_problems(file: TomlFile, at: Location, tenant: Tenant) -> Iterable[str]:
    users = {user.login for user in tenant.users}
    skills = {skill.id for skill in tenant.skills}
    queues = {queue.id for queue in tenant.queues}
    menus = {str(menu.get("id")) for menu in tenant.menus}
    profiles = {profile.id for profile in tenant.profiles}
    for kind, key in (
        ("users", "login"),
        ("skills", "id"),
        ("agents", "id"),
        ("queues", "id"),
        ("numbers", "number"),
        ("calendars", "id"),
        ("profiles", "id"),
        ("reasons", "id"),
        ("verifications", "id"),
        ("saved_numbers", "id"),
    ):
        yield from _doubles(file, (*at, kind), [getattr(row, key) for row in getattr(tenant, kind)], key)
    for index, agent in enumerate(tenant.agents):
        here = (*at, "agents", index)
        yield from _refers(file, (*here, "user"), agent.user, users, "user")
        for skill in agent.skills:
            yield from _refers(file, (*here, "skills"), skill, skills, "skill")
        if agent.profile is not None:
            yield from _refers(file, (*here, "profile"), agent.profile, profiles, "profile")
    for index, profile in enumerate(tenant.profiles):
        for queue_id in profile.delays:
            yield from _refers(file, (*at, "profiles", index, "delays"), queue_id, queues, "queue")
    yield from _one_agent_per_user(file, at, tenant)
    for index, queue in enumerate(tenant.queues):
        for skill in queue.skills:
            yield from _refers(file, (*at, "queues", index, "skills"), skill, skills, "skill")
    for index, rule in enumerate(tenant.retention):
        if rule.queue is not None:
            yield from _refers(file, (*at, "retention", index, "queue"), rule.queue, queues, "queue")
        if any(_covers(earlier, rule) for earlier in tenant.retention[:index]):
            yield file.problem(
                (*at, "retention", index), "an earlier rule fits everything that this one does; move it up"
            )
    for index, number in enumerate(tenant.numbers):
        here = (*at, "numbers", index)
        yield from _refers(file, (*here, "queue"), number.queue, queues, "queue")
        if number.menu is not None:
            yield from _refers(file, (*here, "menu"), number.menu, menus, "menu")


def _covers(earlier: RetentionRule, later: RetentionRule) -> bool:
    pairs = ((earlier.queue, later.queue), (earlier.direction, later.direction), (earlier.result, later.result))
    return all(first in (None, second) for first, second in pairs)


def _one_agent_per_user(file: TomlFile, at: Location, tenant: Tenant) -> Iterable[str]:
    roles = {user.login: user.roles for user in tenant.users}
    seen: set[str] = set()
    for index, agent in enumerate(tenant.agents):
        here = (*at, "agents", index, "user")
        if agent.user in seen:
            yield file.problem(here, f"{agent.user!r} already is another agent; one person has one phone here")
        seen.add(agent.user)
        if agent.user in roles and "agent" not in roles[agent.user]:
            yield file.problem(here, f'user {agent.user!r} lacks the role "agent"; add it to the user\'s roles')


def _calendar_problems(file: TomlFile, at: Location, tenant: Tenant, check: CalendarCheck) -> Iterable[str]:
    for index, calendar in enumerate(tenant.calendars):
        here = (*at, "calendars", index)
        yield from (file.problem((*here, *where), what) for where, what in check(calendar.model_dump(mode="json")))


def _menu_problems(file: TomlFile, at: Location, tenant: Tenant, check_menu: MenuCheck) -> Iterable[str]:
    queues = frozenset(queue.id for queue in tenant.queues)
    skills = frozenset(skill.id for skill in tenant.skills)
    for index, menu in enumerate(tenant.menus):
        here = (*at, "menus", index)
        try:
            check_menu(menu, queues, skills)
        except ConfigError as error:
            yield from (f"{file.where(here)}: {problem}" for problem in error.problems)
    yield from _doubles(file, (*at, "menus"), [str(menu.get("id")) for menu in tenant.menus], "id")


def _shared_names(file: TomlFile, desk: Desk) -> Iterable[str]:
    """Numbers and endpoints are one space for all tenants: one Asterisk serves them."""
    owners: dict[str, str] = {}
    for name, tenant in desk.tenants.items():
        claims = [(("numbers", i, "number"), n.number) for i, n in enumerate(tenant.numbers)]
        claims += [(("agents", i, "id"), f"{name}-{a.id}") for i, a in enumerate(tenant.agents)]
        for where, claim in claims:
            owner = owners.setdefault(claim, name)
            if owner != name:
                yield file.problem(("tenants", name, *where), f"{claim!r} already belongs to tenant {owner!r}")


def _doubles(file: TomlFile, at: Location, values: list[str], key: str) -> Iterable[str]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield file.problem((*at, index, key), f"{value!r} is declared twice; give one of them another {key}")
        seen.add(value)


def _refers(file: TomlFile, at: Location, name: str, known: set[str], kind: str) -> Iterable[str]:
    if name not in known:
        yield file.problem(at, f"no {kind} {name!r}; {closest(name, known)}")
