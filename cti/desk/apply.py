"""Load a checked desk into PostgreSQL: one transaction, a summary of what changed, a notice to those who run on it.

What a file no longer names is switched off, not deleted, where history refers to it (users, agents, queues);
numbers and menus go. A first password is used for a user who is new and never overwrites a chosen one.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg

from cti.desk.applyforms import apply_forms
from cti.desk.applysaved import apply_saved_numbers
from cti.desk.applyverifications import apply_verifications
from cti.desk.queues import treatments_of
from cti.desk.rows import Json, switch_off, upsert
from cti.desk.schema import Desk, Tenant
from cti.desk.summary import Summary
from cti.domain.errors import ConfigError

HashPassword = Callable[[str], Awaitable[str]]
# 24 random bytes: a phone's password is guessed over SIP at best some thousand times a second.
SIP_SECRET_BYTES = 24
CHANNEL = "desk_changed"


async def apply_desk(
    conn: asyncpg.Connection[Any], desk: Desk, *, source: str, by: str, hash_password: HashPassword
) -> Summary:
    """Make the database say what ``desk`` says.

    Raises ConfigError when a user is new and has no first password. All or nothing.
    """
    summary = Summary()
    async with conn.transaction():
        # One apply at a time: two would interleave their summaries.
        await conn.execute("SELECT pg_advisory_xact_lock(hashtext('kakehashi.desk'))")
        # A number or a menu may move between queues and tenants: clear the references first.
        before = await _numbers_and_menus(conn)
        await conn.execute("DELETE FROM numbers")
        for name, tenant in desk.tenants.items():
            await _apply_tenant(conn, name, tenant, summary, hash_password, by)
        await _numbers(conn, desk)
        _compare(before, await _numbers_and_menus(conn), summary)
        digest = hashlib.sha256(desk.model_dump_json(exclude={"tenants": {"__all__": {"users"}}}).encode()).hexdigest()
        summary.revision = await conn.fetchval(
            "INSERT INTO desk_revisions (applied_by, source, sha256, summary) VALUES ($1, $2, $3, $4::text::jsonb)"
            " RETURNING revision",
            by,
            source,
            digest,
            json.dumps(summary.as_json()),
        )
        await conn.execute("SELECT pg_notify($1, $2)", CHANNEL, str(summary.revision))
    return summary


async def _apply_tenant(
    conn: asyncpg.Connection[Any],
    name: str,
    tenant: Tenant,
    summary: Summary,
    hash_password: HashPassword,
    by: str,
) -> None:
    await upsert(
        conn,
        summary,
        "tenants",
        ("tenant",),
        {
            "tenant": name,
            "name": tenant.name,
            "time_zone": tenant.time_zone,
            "language": tenant.language,
            "outbound": Json.of(tenant.outbound),
            "recording": Json(json.dumps([rule.model_dump(exclude_none=True) for rule in tenant.recording])),
            "retention": Json(json.dumps([rule.model_dump(exclude_none=True) for rule in tenant.retention])),
        },
    )
    if "routing" in tenant.model_fields_set:
        rules = {"tenant": name, **tenant.routing.model_dump()}
        await upsert(conn, summary, "routing_rules", ("tenant",), rules)
    await _users(conn, name, tenant, summary, hash_password)
    for skill in tenant.skills:
        row = {"tenant": name, "skill": skill.id, "name_ja": skill.name.ja, "name_en": skill.name.en}
        await upsert(conn, summary, "skills", ("tenant", "skill"), row)
    await _reasons(conn, name, tenant, summary)
    for form, became in await apply_forms(conn, name, tenant.evaluation_forms, by):
        summary.note(getattr(summary, became), "evaluation_forms", f"{name}/{form}")
    await _agents(conn, name, tenant, summary)
    await _calendars(conn, name, tenant, summary)
    await _queues(conn, name, tenant, summary, by)
    await _forget_calendars(conn, name, tenant, summary)
    await apply_saved_numbers(conn, name, tenant, summary)
    await apply_verifications(conn, name, tenant, summary)
    await conn.execute("DELETE FROM menus WHERE tenant = $1", name)
    for menu in tenant.menus:
        await conn.execute(
            "INSERT INTO menus (tenant, menu, body) VALUES ($1, $2, $3::text::jsonb)",
            name,
            menu["id"],
            json.dumps(menu, ensure_ascii=False),
        )


async def _reasons(conn: asyncpg.Connection[Any], name: str, tenant: Tenant, summary: Summary) -> None:
    for place, reason in enumerate(tenant.reasons):
        row = {
            "tenant": name,
            "reason": reason.id,
            "parent": reason.parent,
            "name_ja": reason.name.ja,
            "name_en": reason.name.en,
            "words": reason.words,
            "place": place,
            "active": True,
        }
        await upsert(conn, summary, "reasons", ("tenant", "reason"), row)
    await switch_off(conn, summary, "reasons", "reason", name, [reason.id for reason in tenant.reasons])


async def _users(
    conn: asyncpg.Connection[Any], name: str, tenant: Tenant, summary: Summary, hash_password: HashPassword
) -> None:
    known = {row["login"] for row in await conn.fetch("SELECT login FROM users WHERE tenant = $1", name)}
    for user in tenant.users:
        row: dict[str, Any] = {
            "tenant": name,
            "login": user.login,
            "name": user.name,
            "name_kana": user.name_kana,
            "roles": sorted(user.roles),
            "active": True,
        }
        if user.login not in known:
            if user.first_password is None:
                raise ConfigError([f"tenants.{name}.users: {user.login!r} is new and has no first_password; write one"])
            row["password_hash"] = await hash_password(user.first_password)
        await upsert(conn, summary, "users", ("tenant", "login"), row)
    await switch_off(conn, summary, "users", "login", name, [user.login for user in tenant.users])


async def _agents(conn: asyncpg.Connection[Any], name: str, tenant: Tenant, summary: Summary) -> None:
    names = {user.login: user.name for user in tenant.users}
    rows = await conn.fetch("SELECT agent, phone FROM agents WHERE tenant = $1", name)
    known = {row["agent"]: row["phone"] for row in rows}
    for agent in tenant.agents:
        row: dict[str, Any] = {
            "tenant": name,
            "agent": agent.id,
            "login": agent.user,
            "name": names[agent.user],
            "endpoint": f"{name}-{agent.id}",
            "profile": agent.profile or "",
            "phone": agent.phone,
            "auto_answer": agent.auto_answer,
            "active": True,
        }
        if agent.phone == "browser":
            # Nobody is told this one: secrets come with log-ins (decision 0235). What a SIP phone had must not fit.
            if known.get(agent.id) != "browser":
                row["sip_secret"] = secrets.token_urlsafe(SIP_SECRET_BYTES)
        elif agent.phone_password is not None or agent.id not in known:
            row["sip_secret"] = agent.phone_password or secrets.token_urlsafe(SIP_SECRET_BYTES)
        await upsert(conn, summary, "agents", ("tenant", "agent"), row)
        await _agent_skills(conn, summary, name, agent.id, agent.skills)
    await switch_off(conn, summary, "agents", "agent", name, [agent.id for agent in tenant.agents])


async def _agent_skills(
    conn: asyncpg.Connection[Any], summary: Summary, name: str, agent: str, skills: Mapping[str, int]
) -> None:
    """A supervisor's word stays until the file says something new about this agent (decision 0176)."""
    said = json.dumps(dict(skills))
    row = await conn.fetchrow(
        "SELECT skills_by IS NOT NULL AND skills_said = $3::text::jsonb AS kept FROM agents"
        " WHERE tenant = $1 AND agent = $2",
        name, agent, said,
    )  # fmt: skip
    if row is not None and row["kept"]:
        summary.note(summary.kept, "agent_skills", f"{name}/{agent}")
        return
    await conn.execute(
        "UPDATE agents SET skills_said = $3::text::jsonb, skills_by = NULL, skills_at = NULL"
        " WHERE tenant = $1 AND agent = $2",
        name, agent, said,
    )  # fmt: skip
    await _replace_skills(conn, summary, "agent", name, agent, skills)


async def _calendars(conn: asyncpg.Connection[Any], name: str, tenant: Tenant, summary: Summary) -> None:
    for calendar in tenant.calendars:
        await upsert(
            conn,
            summary,
            "calendars",
            ("tenant", "calendar"),
            {"tenant": name, "calendar": calendar.id, "body": Json.of(calendar)},
        )


async def _forget_calendars(conn: asyncpg.Connection[Any], name: str, tenant: Tenant, summary: Summary) -> None:
    """After the queues have let go of them, those that are switched off too."""
    kept = [calendar.id for calendar in tenant.calendars]
    await conn.execute(
        "UPDATE queues SET calendar = NULL WHERE tenant = $1 AND NOT active AND NOT calendar = ANY($2)", name, kept
    )
    rows = await conn.fetch(
        "DELETE FROM calendars WHERE tenant = $1 AND NOT calendar = ANY($2) RETURNING calendar", name, kept
    )
    for row in rows:
        summary.note(summary.removed, "calendars", f"{name}/{row['calendar']}")


async def _queues(conn: asyncpg.Connection[Any], name: str, tenant: Tenant, summary: Summary, by: str) -> None:
    for queue in tenant.queues:
        row = {
            "tenant": name,
            "queue": queue.id,
            "name_ja": queue.name.ja,
            "name_en": queue.name.en,
            "priority": queue.priority,
            "ring_s": queue.ring_s,
            "ring_agents": queue.ring_agents,
            "auto_answer_s": queue.auto_answer_s,
            "max_wait_s": queue.max_wait_s,
            "service_level_s": queue.service_level_s,
            "wrap_up_s": queue.wrap_up_s,
            "nobody_treatment": queue.nobody,
            "reason_required": queue.reason_required,
            "calendar": queue.calendar,
            "max_length": queue.max_length,
            "overflow": Json.of(queue.overflow),
            "treatments": Json.of(treatments_of(queue)),
            "comfort": Json.of(queue.comfort),
            "callback": Json.of(queue.callback),
            "ageing_every_s": queue.ageing and queue.ageing.every_s,
            "ageing_most": queue.ageing.most if queue.ageing else 0,
            "delays": Json(json.dumps({it.id: it.delays[queue.id] for it in tenant.profiles if queue.id in it.delays})),
            "active": True,
        }
        await upsert(conn, summary, "queues", ("tenant", "queue"), row)
        if queue.plan is not None:
            await _plan(conn, summary, name, queue.id, queue.plan, by)
        await _replace_skills(conn, summary, "queue", name, queue.id, queue.skills)
    await switch_off(conn, summary, "queues", "queue", name, [queue.id for queue in tenant.queues])


async def _plan(conn: asyncpg.Connection[Any], summary: Summary, name: str, queue: str, plan: object, by: str) -> None:
    """A plan that differs from the one in force is published as a version, so that it can be taken back."""
    written = Json(json.dumps(plan, ensure_ascii=False))
    if written.says(await conn.fetchval("SELECT steps FROM queues WHERE tenant = $1 AND queue = $2", name, queue)):
        return
    await conn.execute(
        "INSERT INTO plan_versions (tenant, queue, version, plan, published_by, note)"
        " SELECT $1, $2, coalesce(max(version), 0) + 1, $3::text::jsonb, $4, 'config apply'"
        " FROM plan_versions WHERE tenant = $1 AND queue = $2",
        name, queue, written, by,
    )  # fmt: skip
    await conn.execute(
        "UPDATE queues SET steps = $3::text::jsonb WHERE tenant = $1 AND queue = $2", name, queue, written
    )
    summary.note(summary.changed, "plans", f"{name}/{queue}")


async def _numbers(conn: asyncpg.Connection[Any], desk: Desk) -> None:
    await conn.executemany(
        "INSERT INTO numbers (number, tenant, name, queue, menu) VALUES ($1, $2, $3, $4, $5)",
        [
            (number.number, name, number.name, number.queue, number.menu)
            for name, tenant in desk.tenants.items()
            for number in tenant.numbers
        ],
    )


async def _replace_skills(
    conn: asyncpg.Connection[Any],
    summary: Summary,
    kind: str,
    tenant: str,
    owner: str,
    skills: Mapping[str, int],
) -> None:
    table = f"{kind}_skills"
    rows = await conn.fetch(
        f"SELECT skill, level FROM {table} WHERE tenant = $1 AND {kind} = $2",  # noqa: S608
        tenant,
        owner,
    )
    if {row["skill"]: row["level"] for row in rows} == dict(skills):
        return
    await conn.execute(f"DELETE FROM {table} WHERE tenant = $1 AND {kind} = $2", tenant, owner)  # noqa: S608
    await conn.executemany(
        f"INSERT INTO {table} (tenant, {kind}, skill, level) VALUES ($1, $2, $3, $4)",  # noqa: S608
        [(tenant, owner, skill, level) for skill, level in skills.items()],
    )
    summary.note(summary.changed, table, f"{tenant}/{owner}")


async def _numbers_and_menus(conn: asyncpg.Connection[Any]) -> dict[str, dict[str, Any]]:
    numbers = await conn.fetch("SELECT number, tenant, name, queue, menu FROM numbers")
    menus = await conn.fetch("SELECT tenant, menu, body::text AS body FROM menus")
    return {
        "numbers": {row["number"]: tuple(row.values()) for row in numbers},
        "menus": {f"{row['tenant']}/{row['menu']}": row["body"] for row in menus},
    }


def _compare(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]], summary: Summary) -> None:
    for table, rows in after.items():
        for name, row in rows.items():
            if name not in before[table]:
                summary.note(summary.added, table, name)
            elif before[table][name] != row:
                summary.note(summary.changed, table, name)
        for name in before[table].keys() - rows.keys():
            summary.note(summary.removed, table, name)
