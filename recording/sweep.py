"""Deletes recordings whose time is over or whose deletion was ordered, and sets the store's own locks.

Runs in the recordings' process, in small passes. Each step can be repeated and goes on after a crash where the rows
say: an order is stored first, objects are deleted with all their versions, and only then the ledger says "deleted".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from enum import Enum

from cti.domain.errors import KakehashiError, PeerError, Unavailable
from cti.domain.model import CallId
from recording import encode
from recording.keeping import BATCH, Due, Keeping
from recording.keys import MANIFEST_SUFFIX, PEAKS_SUFFIX, object_keys
from recording.lifecycle import RecordingState
from recording.objectstore import ObjectStore

_log = logging.getLogger(__name__)

# A person who deletes a recording expects it to be gone when they look again; each pass is six short looks at
# partial indexes.
EVERY_S = 5.0
# A pass that finds more goes on after this: uploads and listeners use the same store.
GIVE_WAY_S = 0.2
# What cannot be encoded or stored is tried for ever, each ten minutes at least (recording.stages); without its files
# it is "not recorded".
_FOLLOWS = "its sound is deleted from our disk; the ledger follows when the recording is tried again"


class Tried(Enum):
    """What became of one deletion."""

    DELETED = "deleted"
    TROUBLE = "trouble"  # of this recording alone: the store still locks it, its address is strange
    AWAY = "away"  # the store does not answer


class Sweep:
    """The sweep with its life."""

    def __init__(
        self,
        *,
        keeping: Keeping,
        objects: ObjectStore,
        now: Callable[[], datetime],
        clear_spool: Callable[[CallId], None],
        locks: bool = False,
    ) -> None:
        """``clear_spool`` deletes a call's files on our disk (blocking); ``locks``: the bucket has Object Lock."""
        self._keeping = keeping
        self._objects = objects
        self._now = now
        self._clear_spool = clear_spool
        self._locks = locks
        self.deleted = 0

    async def run(self) -> None:
        """Sweep until cancelled. What goes wrong is said and tried again."""
        while True:
            more = False
            try:
                more = await self.once()
            except Unavailable as error:
                _log.warning("recordings were not swept: %s", error, extra={"action": "retention"})
            except Exception:  # noqa: BLE001 - logged; nobody else would ever delete what is over
                _log.exception("sweeping recordings failed", extra={"action": "retention"})
            await asyncio.sleep(GIVE_WAY_S if more else EVERY_S)

    async def once(self) -> bool:
        """One pass. Returns whether there is more to do now. Raises Unavailable."""
        keeping = self._keeping
        found = [await keeping.rule_new(), await keeping.end_holds(self._now())]
        if self._locks:
            found.append(await self._lock())
        found.append(await keeping.order_expired(self._now()))
        due = await keeping.due(self._now())
        for one in due:
            if await self.delete(one) is Tried.AWAY:
                break  # it would make each of the others wait for its deadline; they are next
        return max(*found, len(due)) >= BATCH

    async def delete(self, due: Due) -> Tried:
        """Delete one recording; when not now, the ledger says why. Raises Unavailable when PostgreSQL is away."""
        try:
            if due.state is RecordingState.FAILED:
                await asyncio.to_thread(self._clear_spool, due.call_id)
                await self._keeping.not_deleted(due, _FOLLOWS, at=self._now())
                return Tried.TROUBLE
            if due.uri is not None:
                for uri in uris_of(due):
                    await self._objects.erase(uri)
            await asyncio.to_thread(self._clear_spool, due.call_id)
        except (KakehashiError, OSError) as error:
            about = {"action": "delete", "call_id": due.call_id, "tries": due.tries}
            _log.warning("a recording could not be deleted: %s", error, extra=about)
            await self._keeping.not_deleted(due, str(error), at=self._now())
            return Tried.AWAY if isinstance(error, Unavailable) else Tried.TROUBLE
        await self._keeping.deleted(due, at=self._now())
        self.deleted += 1
        _log.info("a recording was deleted", extra={"action": "delete", "call_id": due.call_id, "why": due.why})
        return Tried.DELETED

    async def _lock(self) -> int:
        found = await self._keeping.to_lock(self._now())
        for one in found:
            try:
                await self._objects.lock(one.uri, retain_until=one.retain_until, held=one.held)
            except Unavailable as error:
                _log.warning("locks wait: %s", error, extra={"action": "lock", "call_id": one.call_id})
                return 0  # the store is away: all of them in the next pass
            except KakehashiError as error:
                # Not there, or the store knows no locks: trying for ever would hold up the others. Our own hold counts.
                _log.error("cannot be locked: %s", error, extra={"action": "lock", "call_id": one.call_id})
            await self._keeping.locked(one, now=self._now())
        return len(found)


def uris_of(due: Due) -> tuple[str, ...]:
    """Where a recording's objects are: the sound last, so that what is half deleted can still be told apart.

    Raises PeerError for an address that is not one of this call's.
    """
    assert due.uri is not None  # noqa: S101 - asked before
    keys = object_keys(due.tenant, due.call_id, due.arrived_at, suffix=encode.SUFFIX)
    stem = due.uri.removesuffix(encode.SUFFIX)
    if not due.uri.endswith(keys.audio):
        raise PeerError(f"{due.uri} is not where a recording of this call lies: a person has to look")
    return (stem + PEAKS_SUFFIX, stem + MANIFEST_SUFFIX, due.uri)
