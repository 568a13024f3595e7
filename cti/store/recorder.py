"""Keeps the records true to the calls: a subscriber of the bus that never waits for PostgreSQL.

Of each call only the newest state is kept to be written, in the order in which calls first had something to write.
With PostgreSQL away the calls go on; what happened is written when it returns, as long as it fits. Meanwhile the
journal keeps a copy on disk, which the next start writes when this process dies.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import asyncpg

from cti.domain import events as ev
from cti.domain.errors import Unavailable
from cti.domain.journal import Body, Journal, NoJournal
from cti.domain.model import Call, CallId, CallState, Link, TenantId
from cti.store import journalrecords as records

log = logging.getLogger(__name__)

# What the recorder has to be subscribed to.
CALL_KINDS: tuple[type[ev.CallEvent], ...] = (
    ev.CallArrived,
    ev.CallInMenu,
    ev.CallLeftMenu,
    ev.CallQueued,
    ev.CallOffered,
    ev.CallRinging,
    ev.OfferEnded,
    ev.CallAnswered,
    ev.CallHeld,
    ev.CallResumed,
    ev.CallTransferred,
    ev.CallPhaseChanged,
    ev.RecordingPauseChanged,
    ev.LegMeasured,
    ev.ConsultBegan,
    ev.ConsultEnded,
    ev.CallFellBack,
    ev.CallEnded,
)
KINDS: tuple[type[ev.Event], ...] = (*CALL_KINDS, ev.CallLinked, ev.RecordingStored)

# Half a day of a busy node at 20 calls a minute; some 40 MB.
MAX_WAITING = 20_000
# One transaction; some 50 ms.
BATCH = 200
# A call that finds an agent at once tells five facts within this: one row written instead of five. Calls that live are
# found again in Asterisk, so a crash costs no more than before.
GATHER_S = 0.05
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 5.0
SAVE_S = 10.0

Key = tuple[TenantId, CallId]


class Saver(Protocol):
    """Where records go (CallStore)."""

    async def save(self, calls: Any = (), links: Any = (), recordings: Any = ()) -> None:
        """All or nothing."""


class CallRecorder:
    """``take`` is the handler for the bus: plain, instant, never fails."""

    def __init__(self, store: Saver, *, maxsize: int = MAX_WAITING, journal: Journal | None = None) -> None:
        self._store = store
        self._maxsize = maxsize
        self._journal: Journal = journal or NoJournal()
        self._journal.attach(self._bodies)
        self._calls: OrderedDict[Key, Call] = OrderedDict()
        self._links: OrderedDict[Key, Link] = OrderedDict()
        self._recordings: OrderedDict[Key, ev.RecordingStored] = OrderedDict()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self.degraded: str | None = None  # why records wait, for /readyz; None: all is well
        self.counts: Counter[str] = Counter()  # saved, refused (by the database, each is a bug), lost (no room)

    @property
    def waiting(self) -> int:
        """How many records wait to be written."""
        return len(self._calls) + len(self._links) + len(self._recordings)

    def take(self, event: ev.Event) -> None:
        """Remember what an event changed."""
        if isinstance(event, ev.CallLinked):
            self._journal.put(self._take_link((event.tenant, event.call_id), event.link))
        elif isinstance(event, ev.RecordingStored):
            self._recordings[event.tenant, event.call_id] = event
            self._journal.put(partial(records.recording_body, event))
        elif isinstance(event, ev.CallEvent):
            self._journal.put(self._take_call(event.call))
        self._make_room()
        self._idle.clear()
        self._wake.set()

    def _take_call(self, call: Call) -> Body:
        key = (call.tenant, call.call_id)
        if call.link is None and key in self._calls:
            call = replace(call, link=self._calls[key].link)
        self._calls[key] = call
        if call.state is CallState.ENDED:
            self._calls.move_to_end(key)  # other systems are told in the order in which calls ended
        return partial(records.call_body, call)

    def _take_link(self, key: Key, link: Link) -> Body:
        # The event's call is a look at the past: only its link is news.
        if key in self._calls:
            call = self._calls[key] = replace(self._calls[key], link=link)
            return partial(records.call_body, call)
        self._links[key] = link
        return partial(records.link_body, *key, link)

    def _bodies(self) -> Iterator[Body]:
        """All that waits, for the journal."""
        yield from (partial(records.call_body, call) for call in self._calls.values())
        yield from (partial(records.link_body, *key, link) for key, link in self._links.items())
        yield from (partial(records.recording_body, stored) for stored in self._recordings.values())

    def _take_back(self, body: Mapping[str, Any]) -> None:
        """One record of the journal, in order. Raises KeyError, ValueError or TypeError."""
        match body[records.KIND]:
            case records.CALL:
                self._take_call(records.call_from_body(body))
            case records.LINK:
                tenant, call_id, link = records.link_from_body(body)
                self._take_link((tenant, call_id), link)
            case records.RECORDING:
                stored = records.recording_from_body(body)
                self._recordings[stored.tenant, stored.call_id] = stored
            case kind:
                raise ValueError(f"no record of ours: {kind}")

    async def recover(self) -> int:
        """Take in line what an earlier process could not write, before ``start``. Returns how many records wait.

        Nobody waits for them to be written: ``newest`` tells what the table does not know yet. Raises Unavailable when
        the disk cannot be read.
        """
        await self._journal.recover(self._take_back)
        if self.waiting:
            self._idle.clear()
            self._wake.set()
        else:
            await self._journal.settle()
        return self.waiting

    def newest(self, stored: Iterable[Call]) -> list[Call]:
        """Live calls as the table has them, corrected by what waits to be written."""
        known = {(call.tenant, call.call_id): call for call in stored} | self._calls
        return [call for call in known.values() if call.state is not CallState.ENDED]

    def waits(self, tenant: TenantId, call_id: CallId) -> Call | None:
        """A call that waits to be written, as it is now; the table knows less of it."""
        return self._calls.get((tenant, call_id))

    def _make_room(self) -> None:
        if self.waiting <= self._maxsize:
            return
        self.counts["lost"] += 1
        # A live call will be told again, a closed one never.
        victim = next((k for k, c in self._calls.items() if c.state is not CallState.ENDED), None)
        if victim is not None:
            del self._calls[victim]
            return
        for waiting in (self._links, self._recordings, self._calls):
            if waiting:
                key, _ = waiting.popitem(last=False)
                log.error("no room for records while the database is away: one is lost", extra={"call_id": key[1]})
                return

    async def start(self) -> None:
        """Begin to write."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="call-recorder")

    async def stop(self, deadline_s: float = 5.0) -> int:
        """Write what waits within ``deadline_s``, then end. Returns how many records were left."""
        if self._task is not None:
            try:
                async with asyncio.timeout(deadline_s):
                    await self._idle.wait()
            except TimeoutError:
                log.error("records are left for the next start", extra={"left": self.waiting})
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._journal.close()
        return self.waiting

    async def settled(self) -> None:
        """Wait until nothing waits to be written."""
        await self._idle.wait()

    async def _run(self) -> None:
        delay_s = BACKOFF_FIRST_S
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self.waiting:
                if self.waiting < BATCH:
                    await asyncio.sleep(GATHER_S)
                if await self._write_batch():
                    delay_s = BACKOFF_FIRST_S
                    continue
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, BACKOFF_MAX_S)
            self._idle.set()

    async def _write_batch(self) -> bool:
        """Write the oldest of what waits; False when the database is away, and everything waits on."""
        calls = _first(self._calls)
        # A link or a recording changes a row that must be there.
        links = {} if len(self._calls) > len(calls) else _first(self._links)
        recordings = {} if len(self._calls) > len(calls) else _first(self._recordings)
        whole = len(calls) + len(links) + len(recordings) == self.waiting
        # The table must not know more than the journal: a start would write the journal's older word over it.
        await self._journal.synced()
        try:
            with self._journal.writing():
                await self._save(calls, links, recordings)
        except Unavailable as error:
            self._degrade(str(error))
            return False
        except Exception as error:
            log.exception("writing records failed for a reason of ours")
            self._degrade(f"a mistake of ours: {type(error).__name__}")
            return False
        if self.degraded is not None:
            log.info("the database is back, records are written")
            self.degraded = None
        # What changed meanwhile is another object, and stays.
        for waiting, written in ((self._calls, calls), (self._links, links), (self._recordings, recordings)):
            _forget(waiting, written)
        if whole:
            await self._journal.settle()
        return True

    def _degrade(self, why: str) -> None:
        """Everything waits on, in memory and in the journal."""
        self._journal.begin()
        if self.degraded is None:
            log.warning("records wait for the database", extra={"action": why})
        self.degraded = f"{why}; {self.waiting} records wait"

    async def _save(
        self, calls: dict[Key, Call], links: dict[Key, Link], recordings: dict[Key, ev.RecordingStored]
    ) -> None:
        """Raises Unavailable. A batch with a record that the database refuses is written one by one."""
        try:
            await self._try(list(calls.values()), _triples(links), list(recordings.values()))
        except REFUSED:
            for call in calls.values():
                await self._alone(call.call_id, calls=[call])
            for triple in _triples(links):
                await self._alone(triple[1], links=[triple])
            for stored in recordings.values():
                await self._alone(stored.call_id, recordings=[stored])
        else:
            self.counts["saved"] += len(calls) + len(links) + len(recordings)

    async def _alone(self, call_id: CallId, calls: Any = (), links: Any = (), recordings: Any = ()) -> None:
        try:
            await self._try(calls, links, recordings)
        except REFUSED as error:
            self.counts["refused"] += 1
            log.exception("the database refuses a record", extra={"call_id": call_id, "action": type(error).__name__})
        else:
            self.counts["saved"] += 1

    async def _try(self, calls: Any, links: Any, recordings: Any) -> None:
        try:
            async with asyncio.timeout(SAVE_S):
                await self._store.save(calls, links, recordings)
        except AWAY as error:
            raise Unavailable(f"the database is away ({type(error).__name__})") from error


# Everything that says "not now" rather than "not this".
AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.TransactionRollbackError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,  # we stood still with a transaction open
    asyncpg.ObjectNotInPrerequisiteStateError,  # the database takes no connections now
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,  # not migrated yet
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
    Unavailable,
)


# Everything that says "not this": a value that cannot be stored, or one that a mistake of ours trips over.
REFUSED = (asyncpg.PostgresError, ValueError, TypeError, LookupError, AttributeError)


def _triples(links: dict[Key, Link]) -> list[tuple[TenantId, CallId, Link]]:
    return [(tenant, call_id, link) for (tenant, call_id), link in links.items()]


def _first(waiting: OrderedDict[Key, Any]) -> dict[Key, Any]:
    return {key: waiting[key] for _, key in zip(range(BATCH), waiting, strict=False)}


def _forget(waiting: OrderedDict[Key, Any], written: dict[Key, Any]) -> None:
    for key, value in written.items():
        if waiting.get(key) is value:
            del waiting[key]
