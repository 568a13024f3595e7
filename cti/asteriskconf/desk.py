"""Reads from PostgreSQL what the configuration needs to know about the desk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cti.asteriskconf.settings import AgentPhone, CalledNumber, FallbackQueue
from cti.domain.spoken import sound_name


class Connection(Protocol):
    """What of asyncpg's connection is used."""

    async def fetch(self, query: str, /) -> Iterable[Mapping[str, Any]]:
        """All rows of a query."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeskPart:
    """The desk's part of ``AsteriskSettings``: ``replace(settings, agents=desk.agents, …)``."""

    agents: tuple[AgentPhone, ...]
    queues: tuple[FallbackQueue, ...]
    numbers: tuple[CalledNumber, ...]


def _statements() -> dict[str, str]:
    """Name → SQL of desk.sql, where ``-- name: X`` begins a statement."""
    text = Path(__file__).with_name("desk.sql").read_text(encoding="utf-8")
    parts = (part.split("\n", 1) for part in text.split("-- name: ")[1:])
    return {name.strip(): sql.strip() for name, sql in parts}


async def load_desk(connection: Connection) -> DeskPart:
    """Active agents, active queues with the agents who have their skills, and numbers, of all tenants.

    Run it in one transaction (repeatable read) to see one revision of the desk. Raises what the connection raises.
    """
    sql = _statements()
    agents = await connection.fetch(sql["agents"])
    queues = await connection.fetch(sql["queues"])
    numbers = await connection.fetch(sql["numbers"])
    return DeskPart(
        agents=tuple(
            AgentPhone(
                tenant=row["tenant"],
                endpoint=row["endpoint"],
                secret=row["sip_secret"],
                name=row["name"],
                browser=row["phone"] == "browser",
            )
            for row in agents
        ),
        queues=tuple(
            FallbackQueue(
                tenant=row["tenant"],
                queue=row["queue"],
                members=tuple(row["members"]),
                ring_s=row["ring_s"],
                # app_queue knows no negative weight; such a queue comes after all others there too.
                weight=max(0, row["priority"]),
                service_level_s=row["service_level_s"],
                voicemail=row["nobody_do"] == "voicemail",
                voicemail_text=sound_name(row["nobody_ja"], row["nobody_en"]) if row["nobody_ja"] else "",
            )
            for row in queues
        ),
        numbers=tuple(
            CalledNumber(
                number=row["number"],
                tenant=row["tenant"],
                queue=row["queue"],
                menu=row["menu"],
                language=row["language"],
            )
            for row in numbers
        ),
    )
