"""Disclosing and erasing all that is known of a person: joins the sources, the recordings and the trail.

**Whoever stores something about callers adds a source to ``sources``** (cti.domain.person.PersonSource).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from cti.domain.access import AuditEntry
from cti.domain.errors import KakehashiError, NotFound, Unavailable
from cti.domain.keeping import Actor, Hold, UnderHold
from cti.domain.model import CallId, TenantId
from cti.domain.person import Erasure, Person, PersonCalls, PersonLook, PersonSource
from cti.linking.client import LookupClient
from cti.store.people import PeopleStore
from cti.store.personsources import table_sources
from cti.wiring.disclosure import Disclosure, rows_of
from recording.keeping import Keeping
from recording.objects import ObjectStore
from recording.replay import Replay
from recording.store import PostgresLedger

log = logging.getLogger(__name__)

# A statement over so many calls takes milliseconds; what a crash repeats is one batch.
BATCH = 100
# Whoever ordered it waits for a person to write back anyway.
EVERY_S = 3.0


class LookupSource:
    """Answers of the look-up service that are kept in memory, for 15 minutes at the most."""

    name = "lookups"

    def __init__(self, lookups: LookupClient) -> None:
        self._lookups = lookups

    async def export(self, known: PersonCalls) -> AsyncIterator[Mapping[str, Any]]:
        """They are copies of the look-up service's own records, which its owner discloses."""
        for _ in ():
            yield {}

    async def erase(self, known: PersonCalls, at: datetime) -> int:
        """See the port. All of them: which answer names a person is not known by its key."""
        return self._lookups.forget()


def sources(pool: asyncpg.Pool[Any], lookups: LookupClient | None) -> list[PersonSource]:
    """Every part of the server that knows something of people, in the order they are erased in."""
    found: list[PersonSource] = [*table_sources(pool)]
    if lookups is not None:
        found.append(LookupSource(lookups))
    return found


@dataclass(frozen=True, kw_only=True)
class PeopleParts:
    """What it works with."""

    store: PeopleStore
    keeping: Keeping
    sources: Sequence[PersonSource]
    disclosure: Disclosure
    audit: Callable[[AuditEntry], Any]
    now: Callable[[], datetime]


class KnownPeople:
    """Implements cti.domain.person.People, and carries out what was ordered."""

    def __init__(self, parts: PeopleParts) -> None:
        self._p = parts
        self._task: asyncio.Task[None] | None = None
        self._asked = asyncio.Event()

    # --- Life ---

    async def start(self) -> None:
        """Carry out orders, those of before first."""
        self._task = asyncio.create_task(self._run(), name="people")

    async def stop(self) -> None:
        """End; what is not done goes on at the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self.once()
            except Unavailable:
                pass  # the tables say what is left
            except Exception:
                log.exception("erasing what is known of people failed", extra={"action": "people"})
            self._asked.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._asked.wait()

    # --- Disclosure ---

    async def export(self, person: Person, *, by: str, address: str, reference: str) -> AsyncIterator[bytes]:
        """See the port."""
        over, live = await self._p.store.calls_of(person)
        detail = {"reference": reference, "calls": len(over) + len(live)}
        await self._p.audit(self._entry(person.tenant, by, address, "person.exported", detail))
        async for piece in self._p.disclosure.archive(person, [*over, *live], self._p.sources, reference=reference):
            yield piece

    async def look(self, person: Person) -> PersonLook:
        """See the port."""
        over, live = await self._p.store.calls_of(person)
        held: list[Hold] = []
        for call in over:
            held += await self._p.keeping.holds(person.tenant, now=self._p.now(), call_id=call)
        counts = {"calls": len(over), "live": len(live), "held": len({hold.call_id for hold in held})}
        for source in self._p.sources:
            rows = 0
            async for _ in rows_of(source, person, batches(over)):
                rows += 1
            counts[source.name] = counts.get(source.name, 0) + rows if source.name != "calls" else counts["calls"]
        return PersonLook(counts=counts, held=tuple(held), live=tuple(live))

    # --- Erasure ---

    async def order(self, person: Person, *, by: str, address: str, reference: str) -> Erasure:
        """See the port."""
        over, live = await self._p.store.calls_of(person)
        detail = {"reference": reference, "calls": len(over)}
        entry = self._entry(person.tenant, by, address, "person.erasure_ordered", detail)
        erasure_id = await self._p.store.order(person, over, live, entry, reference)
        self._asked.set()
        found = await self._p.store.find(person.tenant, erasure_id)
        assert found is not None  # noqa: S101 - just written
        return found

    async def find(self, tenant: TenantId, erasure_id: str) -> Erasure | None:
        """See the port."""
        return await self._p.store.find(tenant, erasure_id)

    async def newest(self, tenant: TenantId, limit: int) -> Sequence[Erasure]:
        """See the port."""
        return await self._p.store.newest(tenant, limit)

    async def once(self) -> None:
        """Carry out every open order as far as that can be done now. Raises Unavailable."""
        for erasure, person in await self._p.store.open():
            try:
                await self._carry_out(erasure, person)
            except Unavailable:
                raise
            except KakehashiError as error:
                about = {"action": "people", "erasure": erasure.erasure_id}
                log.error("an erasure does not get on: %s", error, extra=about)

    async def _carry_out(self, erasure: Erasure, person: Person) -> None:
        store, counts = self._p.store, Counter(erasure.counts)
        while calls := await store.todo(erasure, BATCH):
            held, ordered = await self._delete(erasure, calls)
            free = tuple(call for call in calls if call not in held)
            counts["recordings"] += ordered
            if free:
                await store.mark(erasure, free, self._p.now())
                counts.update(await self._erased(PersonCalls(person=person, calls=free)))
            await store.progress(erasure, calls, counts, held)
        if person.numbers or person.member_id:
            counts.update(await self._erased(PersonCalls(person=person, calls=())))
            await store.progress(erasure, (), counts, {})
            await store.forget(erasure)
        newest = await store.find(erasure.tenant, erasure.erasure_id)
        if newest is not None and newest.waiting == 0:
            detail = {
                "reference": newest.reference,
                "calls": newest.calls,
                "counts": dict(newest.counts),
                "held": sorted(newest.held),
            }
            await store.done(newest, self._entry(newest.tenant, newest.asked_by, "", "person.erased", detail))
            log.info("a person was erased", extra={"action": "people", "erasure": newest.erasure_id})

    async def _delete(self, erasure: Erasure, calls: Sequence[CallId]) -> tuple[dict[str, str], int]:
        """Have the calls' recordings deleted. Those under hold, by whom until when; how many were ordered now."""
        held: dict[str, str] = {}
        ordered = 0
        by, why = Actor(who=erasure.asked_by), f"erasure {erasure.erasure_id}"
        for call in calls:
            try:
                ordered += await self._p.keeping.order(erasure.tenant, call, by, why, at=self._p.now())
            except UnderHold as error:
                held[call] = str(error)
            except NotFound:
                continue  # it never had a recording
        return held, ordered

    async def _erased(self, known: PersonCalls) -> dict[str, int]:
        at = self._p.now()
        return {source.name: await source.erase(known, at) for source in self._p.sources}

    def _entry(self, tenant: str, by: str, address: str, what: str, detail: Mapping[str, Any]) -> AuditEntry:
        return AuditEntry(at=self._p.now(), tenant=tenant, who=by, what=what, detail=detail, address=address)


def batches(calls: Sequence[CallId]) -> list[tuple[CallId, ...]]:
    """Calls in pieces that one statement takes."""
    return [tuple(calls[at : at + BATCH]) for at in range(0, len(calls), BATCH)]


def make_people(
    pool: asyncpg.Pool[Any],
    objects: ObjectStore,
    lookups: LookupClient | None,
    audit: Callable[[AuditEntry], Any],
    now: Callable[[], datetime],
) -> KnownPeople:
    """All of it over one database and one object store."""
    replay = Replay(ledger=PostgresLedger(pool), objects=objects)
    return KnownPeople(
        PeopleParts(
            store=PeopleStore(pool),
            keeping=Keeping(pool),
            sources=sources(pool, lookups),
            disclosure=Disclosure(replay, batches, now),
            audit=audit,
            now=now,
        )
    )
