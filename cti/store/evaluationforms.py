"""Forms that calls are scored on, in PostgreSQL: versions that are written once. docs/evaluations.md."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import asyncpg

from cti.domain.errors import NotFound
from cti.domain.evaluationform import Form, FormChanged, FormVersion, document_of, form_of
from cti.domain.model import TenantId
from cti.store.away import deadline

# What a page lists of a form's history; older ones are still what old scores are shown on.
VERSIONS_SHOWN = 100

_COLUMNS = "v.tenant, v.form, v.version, v.document, v.published_at, v.published_by, v.note, f.active"
_FROM = "FROM evaluation_form_versions v JOIN evaluation_forms f USING (tenant, form) WHERE v.tenant = $1"
_NEWEST = f"SELECT DISTINCT ON (v.form) {_COLUMNS} {_FROM} ORDER BY v.form, v.version DESC"
_HISTORY = f"SELECT {_COLUMNS} {_FROM} AND v.form = $2 ORDER BY v.version DESC LIMIT {VERSIONS_SHOWN}"
_SOME = f"SELECT {_COLUMNS} {_FROM} AND (v.form, v.version) IN (SELECT * FROM unnest($2::text[], $3::int[]))"  # noqa: S608
_PUBLISH = """
INSERT INTO evaluation_form_versions (tenant, form, version, document, published_at, published_by, note)
SELECT $1, $2, $3 + 1, $4, $5, $6, $7
 WHERE $3 = (SELECT coalesce(max(version), 0) FROM evaluation_form_versions WHERE tenant = $1 AND form = $2)
ON CONFLICT DO NOTHING
RETURNING version
"""


class EvaluationFormStore:
    """All methods raise Unavailable when PostgreSQL is away."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def newest(self, tenant: TenantId) -> list[FormVersion]:
        """The newest version of each form, by id; those that are retired too."""
        async with deadline():
            rows = await self._pool.fetch(_NEWEST, tenant)
        return [_version(row) for row in rows]

    async def history(self, tenant: TenantId, form_id: str) -> list[FormVersion]:
        """A form's versions, newest first."""
        async with deadline():
            rows = await self._pool.fetch(_HISTORY, tenant, form_id)
        return [_version(row) for row in rows]

    async def some(self, tenant: TenantId, wanted: Iterable[tuple[str, int]]) -> dict[tuple[str, int], FormVersion]:
        """These versions, by (form, version)."""
        keys = sorted(set(wanted))
        async with deadline():
            rows = await self._pool.fetch(_SOME, tenant, [form for form, _ in keys], [version for _, version in keys])
        return {(row["form"], row["version"]): _version(row) for row in rows}

    async def publish(
        self, tenant: TenantId, form_id: str, form: Form, *, after: int, by: str, note: str, at: datetime
    ) -> int:
        """The next version, unless another is newer than ``after`` (0: there is none). Raises FormChanged."""
        async with deadline(), self._pool.acquire() as conn, conn.transaction():
            if after == 0:
                await conn.execute(
                    "INSERT INTO evaluation_forms (tenant, form) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                    tenant, form_id,
                )  # fmt: skip
            version = await conn.fetchval(_PUBLISH, tenant, form_id, after, document_of(form), at, by, note)
        if version is None:
            raise FormChanged(f"somebody published another version of {form_id!r} meanwhile, or it is none that exists")
        return int(version)

    async def set_active(self, tenant: TenantId, form_id: str, active: bool) -> None:
        """Whether new scores may be begun on the form. Raises NotFound."""
        async with deadline():
            done = await self._pool.fetchval(
                "UPDATE evaluation_forms SET active = $3 WHERE tenant = $1 AND form = $2 RETURNING 1",
                tenant, form_id, active,
            )  # fmt: skip
        if done is None:
            raise NotFound(f"no form {form_id!r}")


def _version(row: Any) -> FormVersion:
    return FormVersion(
        tenant=TenantId(row["tenant"]),
        form_id=row["form"],
        version=row["version"],
        form=form_of(row["document"]),
        published_at=row["published_at"],
        published_by=row["published_by"],
        note=row["note"],
        active=row["active"],
    )
