"""Forgets what need not be known any longer: numbers of people who were called back, words of notes and tickets,
messages for other systems.

In batches, so that no lock is held for long and no page waits behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from cti.domain.errors import Unavailable
from cti.store.recorder import AWAY

# Some 10 ms each. A first run on an old desk needs many, and gives way between them.
BATCH = 500
# A run that is not done by then goes on an hour later.
MOST_BATCHES = 1_000

_CALLBACKS = """
UPDATE callbacks SET number = '' WHERE (tenant, callback_id) IN (
    SELECT tenant, callback_id FROM callbacks WHERE ended_at IS NOT NULL AND ended_at < $1 AND number <> ''
     ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""
_EFFECTS = """
UPDATE effects SET body = body || '{"number": ""}' WHERE (tenant, effect_id) IN (
    SELECT tenant, effect_id FROM effects
     WHERE state IN ('done', 'not_done') AND changed_at < $1 AND body ->> 'number' <> ''
     ORDER BY changed_at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""
# The words of a ticket are the ticket system's from then on.
_TICKETS = """
UPDATE effects SET body = body || '{"note": "", "title": ""}' WHERE (tenant, effect_id) IN (
    SELECT tenant, effect_id FROM effects
     WHERE kind = 'ticket' AND changed_at < $1 AND (body ->> 'note') || (body ->> 'title') <> ''
     ORDER BY changed_at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""
# What a person wrote about a person. What the call was about (reasons) names nobody and stays for reports.
_NOTES = """
UPDATE call_notes SET note = '' WHERE (tenant, call_id, agent) IN (
    SELECT tenant, call_id, agent FROM call_notes
     WHERE changed_at < $1 AND note <> '' ORDER BY changed_at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""
_OUTGOING = """
DELETE FROM outgoing WHERE (tenant, id) IN (
    SELECT tenant, id FROM outgoing WHERE stored_at < $1 ORDER BY stored_at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""
# A copy of a number is no less a number: where messages are kept for longer, it goes when the callback's own does.
_MESSAGES = """
UPDATE outgoing SET body = body || '{"number": ""}' WHERE (tenant, id) IN (
    SELECT o.tenant, o.id FROM outgoing o JOIN callbacks c ON c.tenant = o.tenant AND c.callback_id = o.about
     WHERE o.kind IN ('callback.asked', 'callback.settled') AND o.stored_at < $1 AND c.ended_at < $1
       AND o.body ->> 'number' <> ''
     ORDER BY o.stored_at LIMIT $2 FOR UPDATE OF o SKIP LOCKED)
"""


class RetentionStore:
    """What is forgotten is counted by its table."""

    def __init__(self, pool: asyncpg.Pool[Any], *, batch: int = BATCH) -> None:
        self._pool = pool
        self._batch = batch

    async def forget(
        self, now: datetime, *, numbers_days: int, notes_days: int, outgoing_days: int
    ) -> Mapping[str, int]:
        """Everything that is older. Raises Unavailable: what was done until then stays done."""
        numbers, notes, outgoing = (now - timedelta(days=days) for days in (numbers_days, notes_days, outgoing_days))
        return {
            "callbacks": await self._each(_CALLBACKS, numbers),
            "effects": await self._each(_EFFECTS, numbers),
            "tickets": await self._each(_TICKETS, numbers),
            "notes": await self._each(_NOTES, notes),
            "outgoing": await self._each(_OUTGOING, outgoing),
            "messages": await self._each(_MESSAGES, numbers),
        }

    async def _each(self, statement: str, before: datetime) -> int:
        done = 0
        try:
            for _ in range(MOST_BATCHES):
                said = await self._pool.execute(statement, before, self._batch)
                many = int(said.rpartition(" ")[2])
                done += many
                if many < self._batch:
                    break
        except AWAY as error:
            raise Unavailable(f"the database is away ({type(error).__name__})") from error
        return done
