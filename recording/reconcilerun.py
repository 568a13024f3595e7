"""One reconciliation: read the four in order, look twice at what differs, and set right what may be."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol

from cti.domain.errors import CallerError, NotFound, PeerError
from cti.domain.model import CallId, TenantId
from recording import encode
from recording.keys import object_keys
from recording.ledger import Ledger
from recording.lifecycle import REPLAYABLE
from recording.objectstore import S3ObjectStore
from recording.reconcile import CallFacts, Difference, Kind, Known, Lying, Policy, Remedy, compare, joined
from recording.reconcilefix import NotSafe, Remedies
from recording.reconcilesources import BucketListing, LedgerRows, looked_into, noted_of, objects_of, spool_by_call
from recording.spool import Spool

# Objects read back at the same time when hashes are asked for.
_HASHES = 4


class Calls(Protocol):
    """The contact records. Every method may raise Unavailable."""

    async def tenants(self) -> list[TenantId]:
        """Whose recordings there may be."""

    def rows(self, tenant: TenantId, since: date | None) -> AsyncIterator[CallFacts]:
        """By day of arrival (UTC), then call id."""

    async def find(self, tenant: TenantId | None, call_id: CallId) -> CallFacts | None:
        """One, of a tenant or of any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A difference, and what came of it."""

    difference: Difference
    outcome: str  # "left", "done…", "waits: why", "refused: why"


@dataclass(kw_only=True)
class Tally:
    """How far it is."""

    tenant: str = ""
    day: date | None = None
    looked: int = 0  # recordings compared
    kinds: Counter[Kind] = field(default_factory=Counter)
    left: int = 0  # differences that are still there
    waiting: int = 0  # recordings that are being made from the spool's files


class Reconciler:
    """``report`` is told of each finding, ``progress`` every few hundred recordings."""

    def __init__(
        self,
        *,
        calls: Calls,
        rows: LedgerRows,
        ledger: Ledger,
        objects: S3ObjectStore,
        spool: Spool,
        remedies: Remedies | None,  # None: look only
        min_unanswered_s: float,
        now: Callable[[], datetime],
        report: Callable[[Finding], None],
        progress: Callable[[Tally], None],
        hashes: bool = False,
    ) -> None:
        self._calls = calls
        self._rows = rows
        self._ledger = ledger
        self._objects = objects
        self._spool = spool
        self._remedies = remedies
        self._min_unanswered_s = min_unanswered_s
        self._now = now
        self._report = report
        self._progress = progress
        self._hashes = hashes
        self.tally = Tally()
        self.waiting: dict[CallId, Difference] = {}  # for the pipeline

    async def sweep(self, tenants: list[TenantId], since: date | None) -> None:
        """Compare everything. Raises Unavailable, PeerError, OSError when it cannot be looked at."""
        lying = await spool_by_call(self._spool)
        for tenant in tenants:
            self.tally.tenant = tenant
            await self._tenant(tenant, since, lying)
        # What no tenant's streams had: older than asked for, or nobody's.
        for call_id in sorted(lying):
            known = await self._again(Known(call_id=call_id, tenant=None))
            if known.tenant is None or known.tenant in tenants:
                await self._one(known, compare(known, self._policy()))

    def _policy(self) -> Policy:
        return Policy(now=self._now(), min_unanswered_s=self._min_unanswered_s)

    async def _tenant(self, tenant: TenantId, since: date | None, lying: dict[CallId, Lying]) -> None:
        listing = BucketListing(self._objects)
        streams = (
            self._calls.rows(tenant, since),
            self._rows.rows(tenant, since),
            listing.rows(tenant, since),
        )
        batch: list[Known] = []
        async for known in joined(tenant, *streams, lying):
            lying.pop(known.call_id, None)
            self._count(known)
            batch.append(known)
            if len(batch) >= _HASHES:
                await self._look(batch)
                batch = []
        await self._look(batch)
        for key in listing.foreign:
            nobody = Known(call_id=CallId(""), tenant=tenant)
            foreign = Difference(kind=Kind.UNKNOWN_OBJECT, remedy=Remedy.NONE, known=nobody, detail=key)
            self._tell(foreign, "left")

    def _count(self, known: Known) -> None:
        tally = self.tally
        tally.looked += 1
        arrived = known.noted or known.call
        tally.day = arrived.arrived_at.date() if arrived else known.objects[0].day if known.objects else tally.day
        self._progress(tally)

    async def _look(self, batch: list[Known]) -> None:
        policy = self._policy()
        found = [compare(known, policy) for known in batch]
        if self._hashes:
            found = list(await asyncio.gather(*map(self._hashed, batch, found)))
        for known, difference in zip(batch, found, strict=True):
            if difference is None:
                continue
            # The four were read at different moments: only what still differs now is told.
            again = await self._again(known)
            await self._one(again, await self._hashed(again, compare(again, self._policy())))

    async def _hashed(self, known: Known, found: Difference | None) -> Difference | None:
        """The difference found, or one of the hash where that is asked for."""
        noted, sound = known.noted, known.sound
        differs = found is not None and found.kind is not Kind.LEFTOVER
        if not self._hashes or differs or noted is None or sound is None or noted.state not in REPLAYABLE:
            return found
        try:
            sha256, _ = await self._objects.hash(sound.key)
        except NotFound:
            return found
        if sha256 == noted.sha256:
            return found
        detail = f"{sound.key} is {sha256[:12]}…, the ledger says {str(noted.sha256)[:12]}…"
        return Difference(kind=Kind.OBJECT_DIFFERS, remedy=Remedy.NONE, known=known, detail=detail)

    async def _again(self, known: Known) -> Known:
        """Everything about one recording, as it is now."""
        call_id, tenant = known.call_id, known.tenant
        record = await self._ledger.find(call_id)
        if record is not None and tenant is not None and record.tenant != tenant:
            record = None
        noted = noted_of(record) if record is not None else None
        call = await self._calls.find(tenant or (record.tenant if record else None), call_id)
        tenant = tenant or (record.tenant if record else None) or (call.tenant if call else None)
        keys = [each.key for each in known.objects] + ([noted.key] if noted and noted.key else [])
        about = noted or call
        if not keys and tenant is not None and about is not None:
            key = object_keys(tenant, call_id, about.arrived_at, suffix=encode.SUFFIX).audio
            keys = [f"s3://{bucket}/{key}" for bucket in self._objects.buckets_of(tenant)]
        stems = dict.fromkeys(_stem(key, call_id) for key in keys)
        return replace(
            known,
            tenant=tenant,
            call=call,
            noted=noted,
            objects=tuple([each for stem in stems for each in await objects_of(self._objects, stem)]),
            lying=await asyncio.to_thread(looked_into, self._spool, call_id),
        )

    async def _one(self, known: Known, difference: Difference | None) -> None:
        """Report one, and set it right where that is asked for."""
        if difference is None:
            return
        if self._remedies is None:
            self._tell(difference, "left")
            return
        if difference.remedy is Remedy.NONE:
            self._tell(difference, "left")
            return
        try:
            await self._remedies.apply(difference)
        except (NotSafe, PeerError, CallerError) as error:
            self._tell(difference, f"refused: {error}")
            return
        if difference.remedy in (Remedy.TAKE_IN, Remedy.STORE_AGAIN):
            self.waiting[known.call_id] = difference
            return
        left = compare(await self._again(known), self._policy())
        self._tell(difference, "done" if left is None else f"refused: still {left.kind}")

    async def look_at_waiting(self) -> bool:
        """Which of those that wait for the pipeline are settled now? True when none waits any more."""
        for call_id, difference in list(self.waiting.items()):
            record = await self._ledger.find(call_id)
            files = await asyncio.to_thread(self._spool.files_of, call_id)
            if record is not None and record.state in REPLAYABLE and not files:
                del self.waiting[call_id]
                flags = record.audio.flags if record.audio is not None else ()
                besides = ", ".join(flag for flag in flags if flag != record.state.value)
                self._tell(difference, f"done: {record.state.value}" + (f" ({besides})" if besides else ""))
            elif record is not None and record.state.value == "not_recorded" and not files:
                del self.waiting[call_id]
                self._tell(difference, f"done: not recorded ({record.reason})")
        self.tally.waiting = len(self.waiting)
        return not self.waiting

    def give_up_waiting(self, why: str) -> None:
        """Those still in line are left for later."""
        for difference in self.waiting.values():
            self._tell(difference, f"waits: {why}")
        self.waiting.clear()

    def _tell(self, difference: Difference, outcome: str) -> None:
        self.tally.kinds[difference.kind] += 1
        if not outcome.startswith("done"):
            self.tally.left += 1
        self._report(Finding(difference=difference, outcome=outcome))


def _stem(key: str, call_id: CallId) -> str:
    """An address without its suffix: it ends with the call id."""
    return key[: key.index(call_id) + len(call_id)]
