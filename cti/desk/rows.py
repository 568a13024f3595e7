"""Rows of a table that follow the desk file: written where they differ, and noted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import asyncpg
from pydantic import BaseModel, TypeAdapter

from cti.desk.summary import Summary


class Json(str):
    """A value of a jsonb column: PostgreSQL writes it in its own way, so it is compared by what it says."""

    __slots__ = ()

    @classmethod
    def of(cls, model: BaseModel | Mapping[str, BaseModel] | None) -> Json | None:
        """A part of the file, or several by name."""
        if model is None:
            return None
        parts = TypeAdapter(Any).dump_python(model, mode="json", exclude_none=True)
        return cls(json.dumps(parts, ensure_ascii=False))

    def says(self, stored: object) -> bool:
        """Whether the column holds the same. A connection may give it as text or read already."""
        return bool((json.loads(stored) if isinstance(stored, str) else stored) == json.loads(self))


async def upsert(
    conn: asyncpg.Connection[Any], summary: Summary, table: str, key: tuple[str, ...], row: Mapping[str, Any]
) -> None:
    """Update the row where it differs, insert it where it is missing, and note which it was.

    Columns that ``row`` leaves out keep what is stored. Table and column names are the callers' own, never input.
    """
    numbered = {
        column: f"${n}::text::jsonb" if isinstance(value, Json) else f"${n}"
        for n, (column, value) in enumerate(row.items(), 1)
    }
    rest = [column for column in row if column not in key]
    match = " AND ".join(f"{column} = {numbered[column]}" for column in key)
    stored = await conn.fetchrow(
        f"SELECT {', '.join(rest)} FROM {table} WHERE "  # noqa: S608
        + " AND ".join(f"{column} = ${n}" for n, column in enumerate(key, 1)),
        *(row[column] for column in key),
    )
    if stored is None:
        await conn.execute(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(numbered.values())})",  # noqa: S608
            *row.values(),
        )
    elif any(_differs(stored[column], row[column]) for column in rest):
        changes = ", ".join(f"{column} = {numbered[column]}" for column in rest)
        await conn.execute(f"UPDATE {table} SET {changes} WHERE {match}", *row.values())  # noqa: S608
    else:
        return
    name = "/".join(str(row[column]) for column in key)
    summary.note(summary.added if stored is None else summary.changed, table, name)


def _differs(stored: object, wanted: object) -> bool:
    return not wanted.says(stored) if isinstance(wanted, Json) else stored != wanted


async def switch_off(
    conn: asyncpg.Connection[Any], summary: Summary, table: str, column: str, tenant: str, kept: list[str]
) -> None:
    """What the file no longer names stays for history, and is used no more."""
    rows = await conn.fetch(
        f"UPDATE {table} SET active = false WHERE tenant = $1 AND active AND NOT {column} = ANY($2) "  # noqa: S608
        f"RETURNING {column} AS name",
        tenant,
        kept,
    )
    for row in rows:
        summary.note(summary.removed, table, f"{tenant}/{row['name']}")
