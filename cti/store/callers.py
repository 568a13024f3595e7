"""What agents say of callers, and what callers called about before, in PostgreSQL: added, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from cti.domain.model import AgentId, CallId, QueueId, TenantId, UserLogin
from cti.domain.verification import (
    Choice,
    Person,
    Said,
    StepMark,
    StepResult,
    Subject,
    VerificationPolicy,
    VerificationState,
    VerificationStep,
)
from cti.store.away import deadline

# A call that lasts longer than this has lost what was said of its caller when the server starts anew.
LONGEST_CALL = timedelta(hours=24)
# Calls are written down within seconds when the database is well; after an outage from the journal.
UNWRITTEN = timedelta(minutes=10)
# A pop is read in seconds.
CALLS_SHOWN = 5
NOTE_SHOWN = 1_000  # characters
# Marks of one call: twenty steps, each thought over some times.
MARKS_MOST = 200

_POLICIES = "SELECT tenant, verification, queues, needed, failures_most, steps FROM verifications WHERE active"
_MARK = """
INSERT INTO call_verifications (tenant, call_id, at, agent, login, member_id, step, result, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_MARKS = """
SELECT v.*, coalesce(a.name, v.agent) AS name FROM call_verifications v
LEFT JOIN agents a ON a.tenant = v.tenant AND a.agent = v.agent
"""
_OF_CALL = f"{_MARKS} WHERE v.tenant = $1 AND v.call_id = $2 ORDER BY v.id LIMIT {MARKS_MOST}"
# Calls that are alive; and the youngest, which may not be written down yet. A busy day has ten thousand others.
_ALIVE = "AND (%s.call_id IN (SELECT call_id FROM calls WHERE ended_at IS NULL) OR %s.at > $2)"
_RECENT_MARKS = f"{_MARKS} WHERE v.at > $1 {_ALIVE % ('v', 'v')} ORDER BY v.id"
# A decision that was taken back has another row of the same call with a higher number.
_RECENT_CHOICES = f"""
SELECT DISTINCT ON (l.tenant, l.call_id) l.call_id, l.at, l.made_by, l.status, l.member_id,
       coalesce(a.agent, l.made_by) AS agent, coalesce(a.name, l.made_by) AS name
FROM call_links l LEFT JOIN agents a ON a.tenant = l.tenant AND a.login = l.made_by
WHERE l.made_by <> 'system' AND l.at > $1 {_ALIVE % ("l", "l")}
ORDER BY l.tenant, l.call_id, l.id DESC
"""  # noqa: S608 - names of this module's own
_EARLIER = f"""
SELECT c.call_id, c.arrived_at, c.queue, c.answered_at IS NOT NULL AS answered, c.extra ? 'dialled_by' AS outbound,
    coalesce((SELECT jsonb_agg(coalesce(a.name, t.agent) ORDER BY t.number) FROM call_talks t
        LEFT JOIN agents a ON a.tenant = t.tenant AND a.agent = t.agent
        WHERE t.tenant = c.tenant AND t.call_id = c.call_id), '[]') AS agents,
    (SELECT l.member_id FROM call_links_current l WHERE l.tenant = c.tenant AND l.call_id = c.call_id) AS member_id,
    coalesce((SELECT jsonb_agg(jsonb_build_object(
            'name', coalesce(a.name, n.agent), 'note', left(n.note, {NOTE_SHOWN}),
            'reasons', (SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'id', one.reason,
                    'name_ja', coalesce(r.name_ja, one.reason), 'name_en', coalesce(r.name_en, one.reason))
                    ORDER BY one.place), '[]')
                FROM unnest(n.reasons) WITH ORDINALITY AS one (reason, place)
                LEFT JOIN reasons r ON r.tenant = n.tenant AND r.reason = one.reason))
        ORDER BY n.began_at, n.agent) FROM call_notes n LEFT JOIN agents a ON a.tenant = n.tenant AND a.agent = n.agent
        WHERE n.tenant = c.tenant AND n.call_id = c.call_id), '[]') AS notes
FROM calls c
WHERE c.tenant = $1 AND c.call_id <> $2 AND c.ended_at IS NOT NULL AND %s
ORDER BY c.arrived_at DESC LIMIT {CALLS_SHOWN}
"""  # noqa: S608 - numbers of this module's own
_OF_NUMBER = _EARLIER % "c.caller_e164 = $3"
# An array, so that a few calls are looked up by their ids; each of them asked on its own whom it is linked to now.
_OF_MEMBER = _EARLIER % (
    "c.call_id = ANY (ARRAY(SELECT m.call_id FROM"
    " (SELECT call_id FROM call_links WHERE tenant = $1 AND member_id = $3 ORDER BY at DESC LIMIT 100) m"
    " WHERE $3 = (SELECT l.member_id FROM call_links_current l WHERE l.tenant = $1 AND l.call_id = m.call_id)))"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredMark:
    """A mark, and how far the caller was verified with it."""

    mark: StepMark
    state: VerificationState


class CallerStore:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def policies(self) -> Mapping[TenantId, Sequence[VerificationPolicy]]:
        """Every desk's policies that are in force."""
        found: dict[TenantId, list[VerificationPolicy]] = {}
        for row in await self._fetch(_POLICIES):
            found.setdefault(TenantId(row["tenant"]), []).append(_policy(row))
        return found

    async def add(self, tenant: TenantId, call_id: CallId, mark: StepMark, state: VerificationState) -> None:
        """Keep a mark; ``state``: of the caller, with it."""
        by = mark.by
        await self._fetch(
            _MARK, tenant, call_id, mark.at, by.agent, by.login, mark.member_id, mark.step, mark.result, state
        )

    async def marks(self, tenant: TenantId, call_id: CallId) -> list[StoredMark]:
        """All of a call, oldest first."""
        rows = await self._fetch(_OF_CALL, tenant, call_id)
        return [StoredMark(mark=_mark(row), state=VerificationState(row["state"])) for row in rows]

    async def said(self, now: datetime) -> Mapping[CallId, Said]:
        """What agents said of callers who may be on the line still."""
        since = (now - LONGEST_CALL, now - UNWRITTEN)
        choices: dict[CallId, Choice] = {}
        for row in await self._fetch(_RECENT_CHOICES, *since):
            if row["status"] == "decided" and row["member_id"] is not None:
                by = Person(login=UserLogin(row["made_by"]), agent=AgentId(row["agent"]), name=row["name"])
                choices[CallId(str(row["call_id"]))] = Choice(member_id=row["member_id"], by=by, at=row["at"])
        marks: dict[CallId, tuple[StepMark, ...]] = {}
        for row in await self._fetch(_RECENT_MARKS, *since):
            call_id = CallId(str(row["call_id"]))
            marks[call_id] = (*marks.get(call_id, ()), _mark(row))
        return {one: Said(choice=choices.get(one), marks=marks.get(one, ())) for one in choices.keys() | marks.keys()}

    async def of(self, tenant: TenantId, subject: Subject, but: CallId) -> Sequence[Mapping[str, Any]]:
        """Implements cti.linking.remarks.EarlierCalls."""
        sql, whom = (_OF_MEMBER, subject.member_id) if subject.member_id is not None else (_OF_NUMBER, subject.number)
        return [
            {
                "call_id": str(row["call_id"]),
                "arrived_at": row["arrived_at"].isoformat(),
                "queue": row["queue"],
                "member_id": row["member_id"],
                "answered": row["answered"],
                "outbound": row["outbound"],
                "agents": row["agents"],
                "notes": row["notes"],
            }
            for row in await self._fetch(sql, tenant, but, whom)
        ]

    async def _fetch(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        async with deadline():
            rows: list[asyncpg.Record] = await self._pool.fetch(sql, *arguments)
        return rows


def _policy(row: asyncpg.Record) -> VerificationPolicy:
    return VerificationPolicy(
        policy=row["verification"],
        queues=frozenset(QueueId(queue) for queue in row["queues"]),
        steps=tuple(VerificationStep(step=one["id"], name_ja=one["ja"], name_en=one["en"]) for one in row["steps"]),
        needed=row["needed"],
        failures_most=row["failures_most"],
    )


def _mark(row: asyncpg.Record) -> StepMark:
    return StepMark(
        step=row["step"],
        result=StepResult(row["result"]),
        member_id=row["member_id"],
        by=Person(login=UserLogin(row["login"]), agent=AgentId(row["agent"]), name=row["name"]),
        at=row["at"],
    )
