"""Scores of calls in PostgreSQL: drafts saved by version, what was submitted never lost. docs/evaluations.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

import asyncpg

from cti.domain.errors import NotFound
from cti.domain.evaluation import (
    Answer,
    Answers,
    Evaluation,
    EvaluationChanged,
    EvaluationFilter,
    EvaluationState,
    Outcome,
)
from cti.domain.model import AgentId, CallId, TenantId
from cti.store.away import deadline

# More people than this score one call in no calibration.
CALL_MOST = 50

_COLUMNS = (
    "tenant, evaluation, call_id, agent, form, form_version, evaluator, state, version, began_at, changed_at, answers,"
    " note, tenths, failed, submitted_at, disputed_at, dispute, reviewed_at, reviewer, review, outcome, first_tenths,"
    " first_answers"
)
_BEGIN = """
INSERT INTO evaluations (tenant, evaluation, call_id, agent, form, form_version, evaluator, state, version, began_at,
                         changed_at, answers)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'draft', 1, $8, $8, '{}')
ON CONFLICT (tenant, call_id, agent, form, evaluator) DO NOTHING
"""
_OWN = f"""
SELECT {_COLUMNS} FROM evaluations WHERE tenant = $1 AND call_id = $2 AND agent = $3 AND form = $4 AND evaluator = $5
"""  # noqa: S608 - names of this module's own
_GET = f"SELECT {_COLUMNS} FROM evaluations WHERE tenant = $1 AND evaluation = $2"  # noqa: S608
_OF_CALL = f"""
SELECT {_COLUMNS} FROM evaluations WHERE tenant = $1 AND call_id = $2 ORDER BY began_at, evaluation LIMIT {CALL_MOST}
"""  # noqa: S608
_PUT = f"""
UPDATE evaluations
   SET state = $4, version = $5, changed_at = $6, answers = $7, note = $8, tenths = $9, failed = $10,
       submitted_at = $11, disputed_at = $12, dispute = $13, reviewed_at = $14, reviewer = $15, review = $16,
       outcome = $17, first_tenths = $18, first_answers = $19
 WHERE tenant = $1 AND evaluation = $2 AND version = $3
RETURNING {_COLUMNS}
"""  # noqa: S608
_DISCARD = (
    "DELETE FROM evaluations WHERE tenant = $1 AND evaluation = $2 AND version = $3 AND state = 'draft' RETURNING 1"
)
# Drafts are their scorer's alone ($10; none: of nobody). What somebody ($14) is still scoring is not told to them: not
# its points, and not by a filter either. docs/decisions/0274.
_PAGE = f"""
SELECT {_COLUMNS} FROM evaluations e
 WHERE tenant = $1
   AND (state <> 'draft' OR evaluator = $10)
   AND ($2::text IS NULL OR agent = $2)
   AND ($3::text IS NULL OR form = $3)
   AND ($4::text IS NULL OR state = $4)
   AND ($5::text IS NULL OR evaluator = $5)
   AND ($6::integer IS NULL OR tenths >= $6)
   AND ($7::integer IS NULL OR tenths <= $7)
   AND ($8::timestamptz IS NULL OR began_at >= $8)
   AND ($9::timestamptz IS NULL OR began_at < $9)
   AND ($11::timestamptz IS NULL OR (began_at, evaluation) < ($11, $12::uuid))
   AND ($14::text IS NULL OR evaluator = $14 OR NOT EXISTS (
       SELECT FROM evaluations own
        WHERE (own.tenant, own.call_id, own.agent, own.form) = (e.tenant, e.call_id, e.agent, e.form)
          AND own.evaluator = $14 AND own.state = 'draft'))
 ORDER BY began_at DESC, evaluation DESC LIMIT $13
"""  # noqa: S608
_PEOPLE = "SELECT login, name, roles FROM users WHERE tenant = $1 AND (active OR $2) ORDER BY login"


class EvaluationStore:
    """All methods raise Unavailable when PostgreSQL is away."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def begin(self, wanted: Evaluation) -> Evaluation:
        """Store a new draft; answers with the one that its scorer has of this call already, if there is one."""
        async with deadline():
            await self._pool.execute(
                _BEGIN, wanted.tenant, UUID(wanted.evaluation_id), wanted.call_id, wanted.agent, wanted.form_id,
                wanted.form_version, wanted.evaluator, wanted.began_at,
            )  # fmt: skip
            row = await self._pool.fetchrow(
                _OWN, wanted.tenant, wanted.call_id, wanted.agent, wanted.form_id, wanted.evaluator
            )
        if row is None:  # discarded by another page between the two
            raise NotFound("the draft was discarded meanwhile")
        return _evaluation(row)

    async def get(self, tenant: TenantId, evaluation_id: str) -> Evaluation | None:
        """One of them, whoever's it is: rights are the caller's to check."""
        async with deadline():
            row = await self._pool.fetchrow(_GET, tenant, UUID(evaluation_id))
        return None if row is None else _evaluation(row)

    async def of_call(self, tenant: TenantId, call_id: CallId) -> list[Evaluation]:
        """All of a call in the order in which they were begun, drafts too."""
        async with deadline():
            rows = await self._pool.fetch(_OF_CALL, tenant, call_id)
        return [_evaluation(row) for row in rows]

    async def put(self, wanted: Evaluation) -> Evaluation:
        """Store ``wanted`` over the version before it. Raises EvaluationChanged when there is another, NotFound."""
        async with deadline():
            row = await self._pool.fetchrow(
                _PUT, wanted.tenant, UUID(wanted.evaluation_id), wanted.version - 1, wanted.state, wanted.version,
                wanted.changed_at, _stored(wanted.answers), wanted.note, wanted.tenths, wanted.failed,
                wanted.submitted_at, wanted.disputed_at, wanted.dispute, wanted.reviewed_at, wanted.reviewer,
                wanted.review, wanted.outcome, wanted.first_tenths, _stored(wanted.first_answers),
            )  # fmt: skip
        if row is not None:
            return _evaluation(row)
        stored = await self.get(wanted.tenant, wanted.evaluation_id)
        if stored is None:
            raise NotFound("this score was discarded meanwhile")
        raise EvaluationChanged(stored)

    async def discard(self, seen: Evaluation) -> None:
        """Forget a draft. Raises EvaluationChanged when it is another by now, NotFound when it is gone."""
        async with deadline():
            done = await self._pool.fetchval(_DISCARD, seen.tenant, UUID(seen.evaluation_id), seen.version)
        if done is not None:
            return
        stored = await self.get(seen.tenant, seen.evaluation_id)
        if stored is None:
            raise NotFound("this score was discarded already")
        raise EvaluationChanged(stored)

    async def page(self, tenant: TenantId, wanted: EvaluationFilter) -> list[Evaluation]:
        """At most ``limit``, newest first."""
        at, last = wanted.after if wanted.after is not None else (None, None)
        async with deadline():
            rows = await self._pool.fetch(
                _PAGE, tenant, wanted.agent, wanted.form, wanted.state, wanted.evaluator, wanted.least_tenths,
                wanted.most_tenths, wanted.since, wanted.until, wanted.drafts_of, at,
                None if last is None else UUID(last), wanted.limit, wanted.waits_for,
            )  # fmt: skip
        return [_evaluation(row) for row in rows]

    async def people(self, tenant: TenantId, *, gone: bool = True) -> Sequence[tuple[str, str, frozenset[str]]]:
        """(log-in, name, roles) of those who log in; with those switched off, unless ``gone`` is false."""
        async with deadline():
            rows = await self._pool.fetch(_PEOPLE, tenant, gone)
        return [(row["login"], row["name"], frozenset(row["roles"])) for row in rows]


def _stored(answers: Answers) -> dict[str, dict[str, Any]]:
    return {name: asdict(answer) for name, answer in answers.items()}


def _answers(stored: dict[str, dict[str, Any]]) -> dict[str, Answer]:
    return {name: Answer(**answer) for name, answer in stored.items()}


def _evaluation(row: Any) -> Evaluation:
    same = (
        "form_version", "evaluator", "version", "began_at", "changed_at", "note", "tenths", "failed", "submitted_at",
        "disputed_at", "dispute", "reviewed_at", "reviewer", "review", "first_tenths",
    )  # fmt: skip
    return Evaluation(
        evaluation_id=row["evaluation"].hex,
        tenant=TenantId(row["tenant"]),
        call_id=CallId(str(row["call_id"])),
        agent=AgentId(row["agent"]),
        form_id=row["form"],
        state=EvaluationState(row["state"]),
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        answers=_answers(row["answers"]),
        first_answers=_answers(row["first_answers"]),
        **{name: row[name] for name in same},
    )
