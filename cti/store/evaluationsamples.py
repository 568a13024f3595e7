"""Samples in PostgreSQL: what can be drawn, what was drawn, and what of it is scored. docs/evaluations.md."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg

from cti.domain.model import AgentId, CallId, TenantId
from cti.domain.sampling import CANDIDATES_MOST, Candidate, RuleKind
from cti.domain.samplingrun import DrawnMeanwhile, SampleItem, SampleRun, Wanted
from cti.store.away import deadline

# A month of a large desk is looked through once a draw, by nobody who waits on a telephone.
CANDIDATES_S = 30.0
RUNS_SHOWN = 50
ITEMS_SHOWN = 1_000

# Who is heard in a recording that can be replayed, was not scored on this form and is in no sample of it.
_CANDIDATES = """
SELECT r.call_id, a.agent, r.arrived_at, r.silence_s, coalesce(c.held_s, 0) AS held_s,
       ARRAY(SELECT DISTINCT reason FROM call_notes n, unnest(n.reasons) AS reason
              WHERE n.tenant = r.tenant AND n.call_id = r.call_id) AS reasons,
       CASE WHEN $6::integer > 0 THEN (
           SELECT p.call_id FROM call_links_current l
             JOIN call_links p ON p.tenant = l.tenant AND p.member_id = l.member_id AND p.call_id <> l.call_id
                              AND p.at < r.arrived_at AND p.at >= r.arrived_at - make_interval(days => $6)
            WHERE l.tenant = r.tenant AND l.call_id = r.call_id AND l.member_id IS NOT NULL
            ORDER BY p.at DESC LIMIT 1) END AS repeat_of
  FROM recordings r
 CROSS JOIN LATERAL (SELECT DISTINCT unnest(r.agents) AS agent) a
  LEFT JOIN calls c USING (tenant, call_id)
 WHERE r.tenant = $1 AND r.state IN ('stored', 'salvaged', 'truncated') AND r.sha256 IS NOT NULL
   AND r.arrived_at >= $2 AND r.arrived_at < $3 AND a.agent = ANY($5)
   AND NOT EXISTS (SELECT FROM evaluations e WHERE e.tenant = r.tenant AND e.call_id = r.call_id AND e.form = $4)
   AND NOT EXISTS (SELECT FROM evaluation_sample_items i JOIN evaluation_samples s USING (tenant, sample)
                    WHERE i.tenant = r.tenant AND i.call_id = r.call_id AND s.form = $4)
 ORDER BY r.arrived_at DESC LIMIT $7
"""
_AGENTS = "SELECT agent, login FROM agents WHERE tenant = $1 AND active ORDER BY agent"
# Draws on one form are stored one after the other: a second one sees what the first has taken.
_IN_TURN = "SELECT FROM evaluation_forms WHERE tenant = $1 AND form = $2 FOR NO KEY UPDATE"
_TAKEN = """
SELECT EXISTS (SELECT FROM evaluation_sample_items i JOIN evaluation_samples s USING (tenant, sample)
                WHERE i.tenant = $1 AND s.form = $2 AND i.call_id = ANY($3::uuid[]))
"""
_ADD = """
INSERT INTO evaluation_samples (tenant, sample, form, seed, plan, since, until, candidates, short, made_at, made_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_ADD_ITEMS = """
INSERT INTO evaluation_sample_items (tenant, sample, place, call_id, agent, because, detail, assignee)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_RUNS = """
SELECT * FROM evaluation_samples WHERE tenant = $1 ORDER BY made_at DESC, sample LIMIT $2
"""
# Scored: whoever it was handed to has submitted a score of that agent's part on the sample's form.
_ITEMS = """
SELECT i.sample, i.place, i.call_id, i.agent, i.because, i.detail, i.assignee, s.form,
       EXISTS (SELECT FROM evaluations e
                WHERE (e.tenant, e.call_id, e.agent, e.form) = (i.tenant, i.call_id, i.agent, s.form)
                  AND e.evaluator = i.assignee AND e.state <> 'draft') AS done
  FROM evaluation_sample_items i JOIN evaluation_samples s USING (tenant, sample)
 WHERE i.tenant = $1 AND ($2::text IS NULL OR i.assignee = $2) AND ($3::uuid IS NULL OR i.sample = $3)
 ORDER BY s.made_at DESC, i.sample, i.place LIMIT $4
"""


class EvaluationSampleStore:
    """All methods raise Unavailable when PostgreSQL is away."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def agents(self, tenant: TenantId) -> dict[AgentId, str]:
        """The desk's agents with their log-ins."""
        async with deadline():
            rows = await self._pool.fetch(_AGENTS, tenant)
        return {AgentId(row["agent"]): row["login"] for row in rows}

    async def candidates(self, tenant: TenantId, wanted: Wanted) -> list[Candidate]:
        """Parts of calls that can be drawn, at most CANDIDATES_MOST, the newest."""
        async with deadline(CANDIDATES_S), self._pool.acquire() as conn:
            rows = await conn.fetch(
                _CANDIDATES, tenant, wanted.since, wanted.until, wanted.form_id, list(wanted.agents),
                wanted.repeat_days, CANDIDATES_MOST, timeout=CANDIDATES_S,
            )  # fmt: skip
        return await asyncio.to_thread(lambda: [_candidate(row) for row in rows])

    async def add(self, tenant: TenantId, run: SampleRun, items: Sequence[SampleItem]) -> None:
        """Store a run with what it drew, whole or not at all. Raises DrawnMeanwhile."""
        sample = UUID(run.sample_id)
        rows = [
            (tenant, sample, one.place, one.call_id, one.agent, one.because.value, dict(one.detail), one.assignee)
            for one in items
        ]
        async with deadline(), self._pool.acquire() as conn, conn.transaction():
            await conn.execute(_IN_TURN, tenant, run.form_id)
            if await conn.fetchval(_TAKEN, tenant, run.form_id, [UUID(one.call_id) for one in items]):
                raise DrawnMeanwhile("another draw on this form took one of these calls")
            await conn.execute(
                _ADD, tenant, sample, run.form_id, run.seed, run.plan, run.since, run.until, run.candidates,
                dict(run.short), run.made_at, run.made_by,
            )  # fmt: skip
            await conn.executemany(_ADD_ITEMS, rows)

    async def runs(self, tenant: TenantId) -> list[SampleRun]:
        """The newest runs."""
        async with deadline():
            rows = await self._pool.fetch(_RUNS, tenant, RUNS_SHOWN)
        return [_run(row) for row in rows]

    async def items(
        self, tenant: TenantId, *, assignee: str | None = None, sample_id: str | None = None
    ) -> list[SampleItem]:
        """What was drawn, newest run first: handed to somebody, or of a run."""
        sample = None if sample_id is None else UUID(sample_id)
        async with deadline():
            rows = await self._pool.fetch(_ITEMS, tenant, assignee, sample, ITEMS_SHOWN)
        return [_item(row) for row in rows]


def _candidate(row: Any) -> Candidate:
    return Candidate(
        call_id=CallId(str(row["call_id"])),
        agent=AgentId(row["agent"]),
        at=row["arrived_at"],
        reasons=frozenset(row["reasons"]),
        silence_s=row["silence_s"],
        hold_s=row["held_s"],
        repeat_of=None if row["repeat_of"] is None else CallId(str(row["repeat_of"])),
    )


def _run(row: Any) -> SampleRun:
    same = ("seed", "plan", "since", "until", "candidates", "made_at", "made_by")
    return SampleRun(
        sample_id=row["sample"].hex,
        form_id=row["form"],
        short={AgentId(agent): missing for agent, missing in row["short"].items()},
        **{name: row[name] for name in same},
    )


def _item(row: Any) -> SampleItem:
    return SampleItem(
        sample_id=row["sample"].hex,
        form_id=row["form"],
        place=row["place"],
        call_id=CallId(str(row["call_id"])),
        agent=AgentId(row["agent"]),
        because=RuleKind(row["because"]),
        detail=row["detail"],
        assignee=row["assignee"],
        done=row["done"],
    )
