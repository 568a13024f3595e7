"""Searching contact records: the newest that fit, page by page, whatever is asked for. Decision 0266.

First the newest rows are looked at in order: what is frequent fills a page there. What is left goes through the index
of tokens week by week, newest first, and stops as soon as the page is full: a frequent token is never read to its end,
and a rare one costs a few hundredths of a millisecond a week, several times that where it has to be read from the disk.
A number that is asked for whole has an index of its own, without weeks. Decision 0295.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from cti.domain.callsearch import COUNT_MOST, PLATE_LEAST, CallWanted, SearchTooSlow, Terms, last_run, terms_of
from cti.domain.errors import CallerError
from cti.domain.model import CallId, TenantId
from cti.store.away import deadline

# Some 5 ms. A filter that fits one record in 80 fills a page of 50 here.
LOOKED_AT = 4_000
# A person waits, and the pool has ten connections: longer than this is a search to be narrowed.
SEARCH_S = 3.0

# More than these calls of one number are found through the weeks: pages of them fill in a few.
OF_NUMBER_MOST = 200

_ALIKE = "SELECT ARRAY(SELECT search_text(word) FROM unnest($1::text[]) AS word) AS words, search_plate($2) AS plate"
_ROWS = """
SELECT s.*, s.result AS end_reason, r.state, r.reason, r.flags, r.bytes, r.sha256, r.began_at, r.stored_at,
       r.voicemail_s, r.duration_s, r.delete_asked_at
  FROM call_search s LEFT JOIN recordings r USING (tenant, call_id)
 WHERE s.tenant = $1 AND s.call_id = ANY($2::uuid[])
 ORDER BY s.arrived_at DESC, s.call_id DESC
"""
_NOTES = "SELECT call_id, note FROM call_notes WHERE tenant = $1 AND call_id = ANY($2::uuid[]) ORDER BY began_at, agent"
_FILLED = """
SELECT CASE arrived_at WHEN 'infinity' THEN now() WHEN '-infinity' THEN NULL ELSE arrived_at END FROM call_search_filled
"""
# Custom plans: what a list is narrowed by decides how it is found. No JIT: it costs more than the search.
_SETTINGS = f"""
SET LOCAL statement_timeout = '{SEARCH_S:.0f}s'; SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off;
SET LOCAL enable_seqscan = off; SET LOCAL max_parallel_workers_per_gather = 0
"""


@dataclass(kw_only=True)
class _Query:
    """Conditions of one search with their values, as numbered parameters."""

    values: list[Any] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)

    def put(self, value: Any) -> str:
        """The place of a value."""
        self.values.append(value)
        return f"${len(self.values)}"

    def add(self, condition: str, *values: Any) -> None:
        """A condition with ``{}`` for each value; without, when any value is None."""
        if all(value is not None for value in values):
            self.conditions.append(condition.format(*(self.put(value) for value in values)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A page of records."""

    rows: Sequence[asyncpg.Record]
    notes: Sequence[tuple[CallId, str]]  # of these calls, when words were asked for


class CallSearch:
    """Methods raise SearchTooSlow, CallerError for what no search can find, Unavailable when PostgreSQL is away."""

    def __init__(self, pool: asyncpg.Pool[Any], *, looked_at: int = LOOKED_AT, of_number: int = OF_NUMBER_MOST) -> None:
        self._pool = pool
        self._looked_at = looked_at
        self._of_number = of_number

    async def page(self, tenant: TenantId, wanted: CallWanted) -> Found:
        """At most ``limit`` records, newest arrival first."""
        words = wanted.words()
        async with self._searching() as connection:
            keys = [key for _, key in await self._keys(connection, tenant, wanted, wanted.limit)]
            rows = await connection.fetch(_ROWS, tenant, keys)
            notes = await connection.fetch(_NOTES, tenant, keys) if words else []
        return Found(rows=rows, notes=[(CallId(str(n["call_id"])), n["note"]) for n in notes])

    async def count(self, tenant: TenantId, wanted: CallWanted) -> tuple[int, datetime | None]:
        """How many there are, whatever the page, COUNT_MOST + 1 for all that are more; and to where older records are
        still being put in, None when all are there."""
        async with self._searching() as connection:
            many = len(await self._keys(connection, tenant, replace(wanted, after=None), COUNT_MOST + 1))
            return many, await connection.fetchval(_FILLED)

    @asynccontextmanager
    async def _searching(self) -> AsyncIterator[Any]:
        async with deadline():
            try:
                async with self._pool.acquire() as connection, connection.transaction(readonly=True):
                    await connection.execute(_SETTINGS)
                    yield connection
            except asyncpg.QueryCanceledError as error:
                raise SearchTooSlow(f"the search took longer than {SEARCH_S:g} s") from error

    async def _keys(
        self, connection: Any, tenant: TenantId, wanted: CallWanted, most: int
    ) -> list[tuple[datetime, UUID]]:
        words, plate = await _alike(connection, wanted)
        if wanted.plate is not None and len(plate) < PLATE_LEAST:  # blanks and hyphens are none of it
            raise CallerError(f"plate: write {PLATE_LEAST} signs or more")
        terms = terms_of(wanted, words, plate)
        query = _query(tenant, wanted, words, plate)
        run = last_run(wanted.digits)
        of_number = None if run is None else await _of_number(connection, query, run, self._of_number)
        if of_number is not None:
            return of_number[:most]
        where = " AND ".join(query.conditions)
        rest = " AND ".join(query.conditions[query.conditions.index(_SPLIT) + 1 :])
        span = " AND ".join(query.conditions[: query.conditions.index(_SPLIT)])
        asks_index = not terms.empty
        # Nothing that the index knows narrows it: every record fits, or nearly.
        looked_at = f"LIMIT {self._looked_at}" if asks_index else ""
        # Conditions are of this module; what people wrote is in numbered values.
        newest = f"""
SELECT arrived_at, call_id FROM (
    SELECT * FROM call_search s WHERE {span} ORDER BY arrived_at DESC, call_id DESC {looked_at}
) AS s WHERE {rest or "true"} ORDER BY arrived_at DESC, call_id DESC LIMIT {most}"""  # noqa: S608
        found = [tuple(row) for row in await connection.fetch(newest, *query.values)]
        if len(found) >= most or not asks_index:
            return found
        # asyncpg wants every parameter used: the span's are the first ones.
        narrow = query.values[: _places(span)]
        last = await connection.fetchrow(
            f"SELECT arrived_at, call_id FROM call_search s WHERE {span}"  # noqa: S608 - conditions of ours
            f" ORDER BY arrived_at DESC, call_id DESC OFFSET {self._looked_at - 1} LIMIT 1",
            *narrow,
        )
        if last is None:
            return found
        return found + await _older(connection, wanted, query, where, terms, last, most - len(found))


async def conditions_of(connection: Any, tenant: TenantId, wanted: CallWanted) -> tuple[str, list[Any]]:
    """All that a row has to be, without the index of tokens: what the search is measured beside."""
    query = _query(tenant, wanted, *await _alike(connection, wanted))
    return " AND ".join(query.conditions), query.values


_SPLIT = "true"  # between the span of time, which the index by time knows, and the rest


def _places(conditions: str) -> int:
    """How many parameters they use; they are the first ones."""
    return conditions.count("$")


def _query(tenant: TenantId, wanted: CallWanted, words: Sequence[str], plate: str) -> _Query:
    """Everything a row has to be. What the index finds is held against it, too: tokens are hashes."""
    query = _Query()
    query.add("s.tenant = {}", tenant)
    query.add("s.arrived_at >= {}", wanted.since)
    query.add("s.arrived_at < {}", wanted.until)
    if wanted.after is not None:
        query.add("(s.arrived_at, s.call_id) < ({}, {}::uuid)", wanted.after[0], UUID(wanted.after[1]))
    query.conditions.append(_SPLIT)
    query.add("s.queue = {}", wanted.queue)
    query.add("s.agents @> ARRAY[{}::text]", wanted.agent)
    query.add("s.caller = {}", wanted.caller)
    query.add("s.direction = {}", wanted.direction)
    query.add("s.reasons && {}::text[]", list(wanted.reasons) or None)
    query.add("s.reservations @> ARRAY[{}::text]", wanted.reservation)
    query.add("s.tickets @> ARRAY[{}::text]", wanted.ticket)
    query.add("s.result = {}", wanted.result)
    query.add("s.status = ANY({}::text[])", list(wanted.statuses) or None)
    query.add("s.length_s >= {}", wanted.min_length_s)
    query.add("s.length_s <= {}", wanted.max_length_s)
    query.add("s.silence >= {}::float8", wanted.min_silence)
    query.add("s.silence <= {}::float8", wanted.max_silence)
    query.add("s.transfers >= {}", wanted.min_transfers)
    query.add("s.transfers <= {}", wanted.max_transfers)
    for word in words:
        query.add("strpos(s.words, {}) > 0", word)
    query.add("strpos(s.plates, {}) > 0", plate or None)
    query.add("strpos(s.digits, {}) > 0", wanted.digits)
    return query


async def _alike(connection: Any, wanted: CallWanted) -> tuple[Sequence[str], str]:
    """Words and plate as the rows have them."""
    words = wanted.words()
    if not words and wanted.plate is None:
        return (), ""
    row = await connection.fetchrow(_ALIKE, words, wanted.plate or "")
    return row["words"], row["plate"]


async def _of_number(connection: Any, query: _Query, run: int, most: int) -> list[tuple[datetime, UUID]] | None:
    """Everything that fits, newest first, where a number is asked for whole, or nearly; None: it has more calls than
    ``most``, and a page of them is soon full.

    The inner SELECT has no condition that another index knows: what the planner believes of numbers cannot mislead it.
    """
    rows = await connection.fetch(
        f"""
SELECT arrived_at, call_id, {" AND ".join(query.conditions)} AS fits FROM (
    SELECT * FROM call_search WHERE search_runs(digits) @> ARRAY[${len(query.values) + 1}::integer] LIMIT {most + 1}
) AS s""",  # noqa: S608 - conditions of ours
        *query.values,
        run,
    )
    if len(rows) > most:
        return None
    return sorted(((row["arrived_at"], row["call_id"]) for row in rows if row["fits"]), reverse=True)


async def _older(
    connection: Any, wanted: CallWanted, query: _Query, where: str, terms: Terms, last: Any, most: int
) -> list[tuple[datetime, UUID]]:
    """Behind ``last``, week by week. The order of a LATERAL join is that of its left side, so LIMIT stops it early;
    OFFSET 0 keeps the planner from walking through all rows in order of time instead."""
    groups = [("@>", terms.all_of)] if terms.all_of else []
    groups += [("&&", group) for group in terms.any_of]
    tokens = [
        f"s.tokens {sign} search_tokens(search_hashes($1, {query.put(list(group))}::text[]), week)"
        for sign, group in groups
    ]
    at, call_id = query.put(last["arrived_at"]), query.put(last["call_id"])
    oldest = await connection.fetchval("SELECT min(arrived_at) FROM call_search WHERE tenant = $1", query.values[0])
    # No week before the first that is asked for: each costs its looks.
    first = query.put(max(oldest, wanted.since or oldest))
    sql = f"""
SELECT arrived_at, call_id
  FROM generate_series(search_week({at}::timestamptz), search_week({first}::timestamptz), -1) AS week
 CROSS JOIN LATERAL (
    SELECT arrived_at, call_id FROM (
        SELECT arrived_at, call_id FROM call_search s
         WHERE {" AND ".join(tokens)} AND (s.arrived_at, s.call_id) < ({at}, {call_id}::uuid) AND {where} OFFSET 0
    ) AS one ORDER BY arrived_at DESC, call_id DESC LIMIT {most}
 ) AS found LIMIT {most}"""  # noqa: S608
    rows = await connection.fetch(sql, *query.values)
    return sorted((tuple(row) for row in rows), reverse=True)
