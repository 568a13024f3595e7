"""Rows of the database to the desk as routing keeps it. `config apply` and the API have checked what is in them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cti.domain.errors import ConfigError
from cti.domain.model import AgentId, AgentState, SkillId, SkillLevel
from routing.calendar import Calendar, calendar_from_data
from routing.desk import Announcement, TenantDesk
from routing.model import AgentRule, Delay, DeskRules, Limits, QueueRule
from routing.plan import steps_from_data
from routing.queuedata import comfort_from_data, overflow_from_data, treatments_from_data
from routing.reading import Known

log = logging.getLogger(__name__)


def desk_from_rows(
    tenant: Any,
    queues: Sequence[Any],
    agents: Sequence[Any],
    skills: Sequence[Any],
    calendars: Sequence[Any],
    announcements: Sequence[Any],
) -> TenantDesk:
    """One tenant's desk from its rows. What cannot be read is logged and left out: callers are served all the same."""
    known = Known(
        skills=frozenset(SkillId(row["skill"]) for row in skills),
        agents=frozenset(AgentId(row["agent"]) for row in agents),
        profiles=frozenset(row["profile"] for row in agents if row["profile"]),
    )
    hours = _calendars(tenant, calendars)
    rules = DeskRules(
        queues=tuple(_queue(row, known, hours) for row in queues),
        agents=tuple(
            AgentRule(
                agent=row["agent"],
                skills=dict(zip(row["skills"], row["levels"], strict=True)),
                profile=row["profile"],
            )
            for row in agents
        ),
        limits=_limits(tenant),
    )
    return TenantDesk(
        tenant=tenant["tenant"],
        language=tenant["language"],
        zone=tenant["time_zone"],
        rules=rules,
        agents={row["agent"]: row["name"] for row in agents},
        skills={row["skill"]: (row["name_ja"], row["name_en"]) for row in skills},
        comfort={row["queue"]: comfort_from_data(json.loads(row["comfort"])) for row in queues},
        announcements=tuple(
            Announcement(
                announcement=row["announcement"],
                queue=row["queue"],
                number=row["number"],
                sound=row["sound"],
                begins_at=row["begins_at"],
                ends_at=row["ends_at"],
            )
            for row in announcements
        ),
    )


def _calendars(tenant: Any, rows: Iterable[Any]) -> dict[str, Calendar]:
    """A tenant's calendars. One that cannot be read is left out: its queues are open rather than closed."""
    found: dict[str, Calendar] = {}
    for row in rows:
        try:
            found[row["calendar"]] = calendar_from_data(json.loads(row["body"]), zone=tenant["time_zone"])
        except ConfigError as error:
            log.error("a calendar is wrong; its queues are always open", extra={"problems": error.problems})
    return found


def _limits(row: Any) -> Limits:
    if row["missed_state"] is None:
        return Limits()
    return replace(
        Limits(),
        missed_state=AgentState(row["missed_state"]),
        missed_reason=row["missed_reason"],
        wrap_up_s=row["wrap_up_s"],
        skip_s=row["skip_s"],
        same_agent_s=row["same_agent_s"],
        skip_alone_s=row["skip_alone_s"],
        refusals=row["refusals"],
        nobody_entry_s=row["nobody_entry_s"],
        nobody_left_s=row["nobody_left_s"],
    )


def _queue(row: Any, known: Known, calendars: Mapping[str, Calendar]) -> QueueRule:
    where = f"tenants.{row['tenant']}.queues.{row['queue']}.steps"
    try:
        try:
            steps = steps_from_data(json.loads(row["steps"]), where=where, known=known)
        except ConfigError as error:
            # Who left the desk takes no step with them, and no other agent of it: what is gone is nobody.
            steps = steps_from_data(json.loads(row["steps"]), where=where, known=replace(known, gone_is_nobody=True))
            log.warning("a queue's plan names what is gone; publish another", extra={"problems": error.problems})
    except ConfigError as error:
        log.error("a queue's plan is wrong; it goes on with plain skills", extra={"problems": error.problems})
        steps = ()
    return QueueRule(
        queue=row["queue"],
        priority=row["priority"],
        skills=tuple(
            SkillLevel(skill=skill, level=level) for skill, level in zip(row["skills"], row["levels"], strict=True)
        ),
        ring_s=row["ring_s"],
        ring_agents=row["ring_agents"],
        max_wait_s=row["max_wait_s"],
        service_level_s=row["service_level_s"],
        nobody_wait=row["nobody_treatment"] == "wait",
        active=row["active"],
        wrap_up_s=row["wrap_up_s"],
        steps=steps,
        ageing_every_s=row["ageing_every_s"],
        ageing_most=row["ageing_most"],
        delays=tuple(
            Delay(profile=profile, delay_s=delay_s) for profile, delay_s in sorted(json.loads(row["delays"]).items())
        ),
        hours=calendars.get(row["calendar"]),
        max_length=row["max_length"],
        overflow=overflow_from_data(json.loads(row["overflow"] or "null")),
        treatments=treatments_from_data(json.loads(row["treatments"])),
    )
