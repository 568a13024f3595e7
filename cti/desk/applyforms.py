"""Forms of the desk file into the database: published when the file says something new, kept otherwise."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

import asyncpg

from cti.desk.formschema import EvaluationForm
from cti.domain.evaluationform import document_of

_KNOWN = """
SELECT f.file_said = $3::text::jsonb AS same, v.document = $3::text::jsonb AS in_force
  FROM evaluation_forms f
  LEFT JOIN evaluation_form_versions v ON (v.tenant, v.form) = (f.tenant, f.form)
   AND v.version = (SELECT max(version) FROM evaluation_form_versions n WHERE (n.tenant, n.form) = (f.tenant, f.form))
 WHERE f.tenant = $1 AND f.form = $2
   FOR UPDATE OF f
"""
_SAID = """
INSERT INTO evaluation_forms (tenant, form, file_said) VALUES ($1, $2, $3::text::jsonb)
ON CONFLICT (tenant, form) DO UPDATE SET file_said = excluded.file_said, active = true
"""
_PUBLISH = """
INSERT INTO evaluation_form_versions (tenant, form, version, document, published_at, published_by, note)
SELECT $1, $2, coalesce(max(version), 0) + 1, $3::text::jsonb, now(), $4, 'config apply'
  FROM evaluation_form_versions WHERE tenant = $1 AND form = $2
"""


async def apply_forms(
    conn: asyncpg.Connection[Any], tenant: str, forms: Sequence[EvaluationForm], by: str
) -> list[tuple[str, Literal["added", "changed", "kept"]]]:
    """(form, what became of it) for those that are not simply as before.

    What was published on the page stays until the file says something new about that form (as skills do, decision
    0176). A form that the file names no longer stays as it is: it may be the page's by now.
    """
    done: list[tuple[str, Literal["added", "changed", "kept"]]] = []
    for said in forms:
        document = json.dumps(document_of(said.form()), ensure_ascii=False)
        known = await conn.fetchrow(_KNOWN, tenant, said.id, document)
        if known is not None and known["same"]:
            if not known["in_force"]:
                done.append((said.id, "kept"))
            continue
        await conn.execute(_SAID, tenant, said.id, document)
        if known is None or not known["in_force"]:
            await conn.execute(_PUBLISH, tenant, said.id, document, by)
            done.append((said.id, "added" if known is None else "changed"))
    return done
