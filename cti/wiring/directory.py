"""Who and what is on the desk, in memory: agents and their endpoints, names of queues and skills, tenants' languages.

Read at start and again after each `config apply`; between the two nobody waits for the database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from cti.domain.errors import NotFound, Unavailable
from cti.domain.model import AgentId, QueueId, SkillId, TenantId
from routing.reasons import LANGUAGES, Names, render, unpacked

READ_S = 5.0
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


@dataclass(frozen=True, kw_only=True)
class _Known:
    """One reading of the desk."""

    agents: dict[str, tuple[TenantId, AgentId]] = field(default_factory=dict)  # by endpoint
    endpoints: dict[tuple[TenantId, AgentId], str] = field(default_factory=dict)
    queues: dict[tuple[TenantId, QueueId], tuple[str, str]] = field(default_factory=dict)
    skills: dict[tuple[TenantId, SkillId], tuple[str, str]] = field(default_factory=dict)
    languages: dict[TenantId, str] = field(default_factory=dict)
    zones: dict[TenantId, str] = field(default_factory=dict)
    people: dict[tuple[TenantId, AgentId], str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Words:
    """What things of one tenant are called in one language. Implements routing.reasons.Names."""

    known: _Known
    tenant: TenantId
    language: int  # index into LANGUAGES

    def skill(self, skill: SkillId) -> str:
        return self.known.skills.get((self.tenant, skill), (skill, skill))[self.language]

    def agent(self, agent: AgentId) -> str:
        return self.known.people.get((self.tenant, agent), agent)

    def clock(self, at: datetime) -> str:
        return at.astimezone(ZoneInfo(self.known.zones.get(self.tenant, "UTC"))).strftime("%H:%M:%S")


class DeskDirectory:
    """Implements cti.domain.ports.Directory and cti.web.ports.Names."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool
        self._known = _Known()

    async def reload(self) -> None:
        """Read the desk again. Raises Unavailable; what was read before stays in use."""
        try:
            async with self._pool.acquire(timeout=READ_S) as conn, conn.transaction(isolation="repeatable_read"):
                agents = await conn.fetch("SELECT tenant, agent, endpoint, name, active FROM agents")
                queues = await conn.fetch("SELECT tenant, queue, name_ja, name_en FROM queues")
                skills = await conn.fetch("SELECT tenant, skill, name_ja, name_en FROM skills")
                tenants = await conn.fetch("SELECT tenant, language, time_zone FROM tenants")
        except AWAY as error:
            raise Unavailable("the desk cannot be read: the database does not answer") from error
        self._known = _Known(
            agents={row["endpoint"]: (row["tenant"], row["agent"]) for row in agents if row["active"]},
            endpoints={(row["tenant"], row["agent"]): row["endpoint"] for row in agents if row["active"]},
            queues={(row["tenant"], row["queue"]): (row["name_ja"], row["name_en"]) for row in queues},
            skills={(row["tenant"], row["skill"]): (row["name_ja"], row["name_en"]) for row in skills},
            languages={row["tenant"]: row["language"] for row in tenants},
            zones={row["tenant"]: row["time_zone"] for row in tenants},
            people={(row["tenant"], row["agent"]): row["name"] for row in agents},
        )

    def agent_of_endpoint(self, endpoint: str) -> tuple[TenantId, AgentId] | None:
        """The agent whose phone this is, or None."""
        return self._known.agents.get(endpoint)

    def endpoint_of(self, tenant: TenantId, agent: AgentId) -> str:
        """The agent's endpoint. Raises NotFound."""
        try:
            return self._known.endpoints[tenant, agent]
        except KeyError:
            raise NotFound(f"no active agent {agent!r} of tenant {tenant!r}") from None

    def endpoints(self) -> Mapping[tuple[TenantId, AgentId], str]:
        """The endpoint of every active agent."""
        return self._known.endpoints

    def queue(self, tenant: TenantId, queue: QueueId) -> tuple[str, str]:
        """A queue's names: Japanese, English."""
        return self._known.queues.get((tenant, queue), (queue, queue))

    def skill(self, tenant: TenantId, skill: SkillId) -> tuple[str, str]:
        """A skill's names: Japanese, English."""
        return self._known.skills.get((tenant, skill), (skill, skill))

    def reason(self, tenant: TenantId, stored: str) -> tuple[str, str]:
        """Why an agent was chosen, in words: Japanese, English."""
        return self.both(tenant, partial(render, unpacked(stored)))

    def both(self, tenant: TenantId, say: Callable[[str, Names], str]) -> tuple[str, str]:
        """Something said in both languages, Japanese first, with the names that the tenant's things have in each."""
        japanese, english = (say(word, _Words(self._known, tenant, n)) for n, word in enumerate(LANGUAGES))
        return japanese, english

    def person(self, tenant: TenantId, agent: AgentId) -> str:
        """An agent's name; their id when they have none."""
        return self._known.people.get((tenant, agent), agent)

    def zones(self) -> Mapping[TenantId, str]:
        """Every tenant's time zone (IANA name)."""
        return self._known.zones

    def language(self, tenant: TenantId) -> str:
        """The tenant's default language."""
        return self._known.languages.get(tenant, "ja")
