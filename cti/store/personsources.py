"""What PostgreSQL knows of people, table by table: how it is read, and how it is made nobody's.

Each statement gets as many of these as it names: $1 tenant, $2 calls, $3 numbers (E.164), $4 member id or NULL.
Erasing leaves rows, times, queues,
agents, reasons and scores: reports count the same before and after. Running it twice changes nothing the second time.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from cti.domain.person import PersonCalls
from cti.store.away import deadline

# A batch of calls is some thousand rows; beyond this a row-by-row export waits for the disk.
BATCH_S = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Statements:
    """One kind of thing."""

    name: str
    find: str  # rows as one jsonb column "row"
    erase: str


# Left out of what is disclosed: names of channels, and whom agents asked outside, which is somebody else's number.
_CALLS = Statements(
    name="calls",
    find="""
SELECT to_jsonb(c) - 'caller_digits' - 'channel' - 'uniqueid' - 'passages' - 'extra' AS row
  FROM calls c WHERE tenant = $1 AND call_id = ANY ($2::uuid[])
 ORDER BY arrived_at""",
    erase="""
UPDATE calls SET caller_e164 = NULL, caller_national = NULL, link = NULL, channel = '',
       menu = CASE WHEN menu IS NULL THEN NULL ELSE menu || '{"reservation_number": null, "path": []}' END
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[])
   AND (caller_e164 IS NOT NULL OR caller_national IS NOT NULL OR link IS NOT NULL OR channel <> ''
        OR menu ->> 'reservation_number' IS NOT NULL OR jsonb_array_length(coalesce(menu -> 'path', '[]')) > 0)""",
)
_LINKS = Statements(
    name="links",
    find="""
SELECT to_jsonb(l) AS row FROM call_links l
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[])
 ORDER BY id""",
    erase="""
UPDATE call_links SET member_id = NULL, reservation_id = NULL, ticket_id = NULL, plate = NULL
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[])
   AND (member_id IS NOT NULL OR reservation_id IS NOT NULL OR ticket_id IS NOT NULL OR plate IS NOT NULL)""",
)
_NOTES = Statements(
    name="notes",
    find="""
SELECT to_jsonb(n) AS row FROM call_notes n
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[])
 ORDER BY began_at""",
    erase="""
UPDATE call_notes SET note = '', version = version + 1
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[]) AND note <> ''""",
)
_REMARKS = Statements(
    name="remarks",
    find="""
SELECT to_jsonb(c) AS row FROM call_comments c
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[])
 ORDER BY created_at""",
    erase="""
DELETE FROM call_comments
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[])""",
)
# A score is about an agent and stays. What evaluators wrote in words may be about the caller. Its version is another
# one afterwards: a page that has the words open must not save them again.
_EVALUATIONS = Statements(
    name="evaluations",
    find="""
SELECT jsonb_build_object('call_id', call_id, 'at', began_at, 'note', note, 'dispute', dispute, 'review', review,
       'comments', (SELECT jsonb_agg(value ->> 'comment') FROM jsonb_each(answers)
                     WHERE coalesce(value ->> 'comment', '') <> '')) AS row
  FROM evaluations
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[])
 ORDER BY began_at""",
    erase="""
UPDATE evaluations e SET note = '', dispute = '', review = '', version = version + 1,
       answers = (SELECT coalesce(jsonb_object_agg(key, value || '{"comment": ""}'), '{}') FROM jsonb_each(e.answers)),
       first_answers = (SELECT coalesce(jsonb_object_agg(key, value || '{"comment": ""}'), '{}')
                          FROM jsonb_each(e.first_answers))
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[])
   AND (note <> '' OR dispute <> '' OR review <> ''
        OR EXISTS (SELECT FROM jsonb_each(answers) WHERE coalesce(value ->> 'comment', '') <> '')
        OR EXISTS (SELECT FROM jsonb_each(first_answers) WHERE coalesce(value ->> 'comment', '') <> ''))""",
)
_VERIFICATIONS = Statements(
    name="verifications",
    find="""
SELECT to_jsonb(v) AS row FROM call_verifications v
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[])
 ORDER BY id""",
    erase="""
UPDATE call_verifications SET member_id = ''
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[]) AND member_id <> ''""",
)
# Those of a held recording's call are left with it.
_CALLBACKS = Statements(
    name="callbacks",
    find="""
SELECT to_jsonb(c) AS row FROM callbacks c
 WHERE tenant = $1 AND (origin = ANY ($2::uuid[]) OR attempt = ANY ($2::uuid[])
                        OR (cardinality($2::uuid[]) = 0 AND number = ANY ($3::text[])))
 ORDER BY asked_at""",
    erase="""
UPDATE callbacks SET number = ''
 WHERE tenant = $1 AND number <> '' AND ended_at IS NOT NULL
   AND (origin = ANY ($2::uuid[]) OR attempt = ANY ($2::uuid[])
        OR (cardinality($2::uuid[]) = 0 AND number = ANY ($3::text[])))
   AND NOT held_call(tenant, origin::text) AND NOT held_call(tenant, attempt::text)""",
)
# Orders to dial ("call") and tickets ("call_id"): what they say of people goes, that they were is left.
_EFFECTS = Statements(
    name="effects",
    find="""
SELECT jsonb_build_object('kind', kind, 'state', state, 'at', created_at, 'body', body) AS row FROM effects
 WHERE tenant = $1 AND (body ->> 'call_id' = ANY ($2::uuid[]::text[]) OR body ->> 'call' = ANY ($2::uuid[]::text[])
                        OR (cardinality($2::uuid[]) = 0 AND (body ->> 'number' = ANY ($3::text[])
                                                             OR body ->> 'member_id' = $4::text)))
 ORDER BY created_at""",
    erase="""
UPDATE effects SET body = nobodys_effect(body)
 WHERE tenant = $1 AND state IN ('done', 'not_done')
   AND (body ->> 'call_id' = ANY ($2::uuid[]::text[]) OR body ->> 'call' = ANY ($2::uuid[]::text[])
        OR (cardinality($2::uuid[]) = 0 AND (body ->> 'number' = ANY ($3::text[]) OR body ->> 'member_id' = $4::text)))
   AND NOT held_call(tenant, body ->> 'call_id') AND NOT held_call(tenant, body ->> 'call')
   AND body <> nobodys_effect(body)""",
)
# Rows stay: other systems count their numbers without a gap (decision 0192).
_OUTGOING = Statements(
    name="outgoing",
    find="""
SELECT jsonb_build_object('id', id, 'kind', kind, 'at', at, 'body', body) AS row FROM outgoing
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[])
 ORDER BY id""",
    erase="""
UPDATE outgoing SET body = nobodys_message(body)
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[]) AND body <> nobodys_message(body)""",
)
# A search for the number that somebody keeps under a name. The last nine digits are the same however it is written.
_LOOKED_FOR = """cardinality($2::uuid[]) = 0 AND EXISTS (
    SELECT FROM unnest($3::text[]) AS number
     WHERE strpos(regexp_replace(name || ' ' || query, '[^0-9]', '', 'g'), right(number, 9)) > 0)"""
_SEARCHES = Statements(
    name="searches",
    find=f"""
SELECT jsonb_build_object('name', name, 'query', query) AS row FROM saved_searches
 WHERE tenant = $1 AND {_LOOKED_FOR}
 ORDER BY name""",  # noqa: S608 - a part of this module's own
    erase=f"DELETE FROM saved_searches WHERE tenant = $1 AND {_LOOKED_FOR}",  # noqa: S608 - the same
)
_LEDGER = Statements(
    name="ledger",
    find="""
SELECT to_jsonb(r) - 'talks' AS row FROM recordings r
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[])
 ORDER BY arrived_at""",
    erase="""
UPDATE recordings SET reservation = NULL
 WHERE tenant = $1 AND call_id = ANY ($2::uuid[]) AND reservation IS NOT NULL""",
)
# What finds a person's calls goes last. A run that is broken off finds them by the order's own list all the same.
ALL = (
    _NOTES,
    _REMARKS,
    _EVALUATIONS,
    _VERIFICATIONS,
    _CALLBACKS,
    _EFFECTS,
    _OUTGOING,
    _SEARCHES,
    _LEDGER,
    _LINKS,
    _CALLS,
)


class TableSource:
    """Implements cti.domain.person.PersonSource over one table."""

    def __init__(self, pool: asyncpg.Pool[Any], statements: Statements) -> None:
        self._pool = pool
        self._statements = statements

    @property
    def name(self) -> str:
        """See the port."""
        return self._statements.name

    async def export(self, known: PersonCalls) -> AsyncIterator[Mapping[str, Any]]:
        """See the port."""
        statement = self._statements.find
        async with deadline(BATCH_S):
            rows = await self._pool.fetch(statement, *_values(known, statement), timeout=BATCH_S)
        for row in rows:
            value = row["row"]
            yield json.loads(value) if isinstance(value, str) else value

    async def erase(self, known: PersonCalls, at: datetime) -> int:
        """See the port."""
        statement = self._statements.erase
        async with deadline(BATCH_S):
            said = await self._pool.execute(statement, *_values(known, statement), timeout=BATCH_S)
        return int(said.rpartition(" ")[2])


def _values(known: PersonCalls, statement: str) -> tuple[object, ...]:
    person = known.person
    every = (person.tenant, [UUID(call) for call in known.calls], list(person.numbers), person.member_id)
    return every[: max(number for number in range(1, 5) if f"${number}" in statement)]


def table_sources(pool: asyncpg.Pool[Any]) -> list[TableSource]:
    """One a table, in the order they are erased in."""
    return [TableSource(pool, statements) for statements in ALL]
