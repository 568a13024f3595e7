"""What call records, ledger, spool and bucket say of each recording, compared. PURE.

Three ordered streams (calls, ledger, bucket) are joined by day of arrival and call id, the order in which the bucket
lists its keys, so memory holds one call at a time however many there are. What lies in the spool is looked up by call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from cti.domain.errors import PeerError
from cti.domain.model import CallId, TenantId
from recording.keys import MANIFEST_SUFFIX, PEAKS_SUFFIX
from recording.lifecycle import REPLAYABLE, TABLE, RecordingState, Step

# A recording is settled within seconds of the hang-up, a long one within minutes, and S3's listing may lag: what is
# younger than this is on its way and no difference.
YOUNG_S = 900.0
# An unanswered call may be a little longer than its sound: the edge of the policy must not make differences.
SHORT_SLACK_S = 2.0


class Kind(StrEnum):
    """What is wrong with one recording."""

    MISSING = "missing"  # expected by the call's record, and nowhere
    UNLEDGERED = "unledgered"  # in the spool, and the ledger does not know it
    STRANGER = "stranger"  # in the spool, and neither ledger nor call records know it
    UNFINISHED = "unfinished"  # in spool and ledger, long over, and not settled
    OBJECT_MISSING = "object_missing"  # stored by the ledger's word, and not in the bucket
    OBJECT_DIFFERS = "object_differs"  # in the bucket, with another size or hash than the ledger's
    UNKNOWN_OBJECT = "unknown_object"  # in the bucket, and the ledger does not know it
    LEFTOVER = "leftover"  # stored, and files are left in the spool


class Remedy(StrEnum):
    """What may be done about it without a person: nothing that could lose sound."""

    TAKE_IN = "take_in"  # the ordinary pipeline makes and stores it from the spool's files
    STORE_AGAIN = "store_again"  # the same, after the ledger was told that the object is lost
    ADOPT = "adopt"  # into the ledger from the manifest beside the object, after reading the object back
    NOTE = "note"  # into the ledger: expected, and there is none
    CLEAR = "clear"  # delete the spool's files that the verified object was made of
    NONE = "none"  # a person has to look


@dataclass(frozen=True, kw_only=True, slots=True)
class CallFacts:
    """A contact record, as far as it matters here."""

    tenant: TenantId
    call_id: CallId
    arrived_at: datetime
    ended_at: datetime | None
    answered: bool  # by an agent


@dataclass(frozen=True, kw_only=True, slots=True)
class Noted:
    """A row of the ledger, as far as it matters here."""

    tenant: TenantId
    call_id: CallId
    state: RecordingState
    arrived_at: datetime
    ended_at: datetime | None
    key: str | None  # its address, "s3://bucket/…"
    size: int | None  # bytes
    sha256: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """An object, as a bucket lists it."""

    key: str  # its address, "s3://bucket/…"
    size: int  # bytes
    tenant: TenantId
    day: date
    call_id: CallId
    suffix: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Lying:
    """A call's files in the spool."""

    names: tuple[str, ...]
    size: int  # bytes, of all
    changed_at: datetime  # of the newest
    told: tuple[str, ...] = ()  # what was seen in each, for people; (): nobody looked into them

    @property
    def words(self) -> str:
        """The files, for people."""
        return ", ".join(self.told or self.names)


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """Everything about one recording, from all four."""

    call_id: CallId
    tenant: TenantId | None  # None: nobody knows
    call: CallFacts | None = None
    noted: Noted | None = None
    objects: tuple[Listed, ...] = ()
    lying: Lying | None = None

    @property
    def sound(self) -> Listed | None:
        """The recording itself among its objects: where the ledger says it is, if there is one there."""
        found = [each for each in self.objects if each.suffix not in (MANIFEST_SUFFIX, PEAKS_SUFFIX)]
        noted = self.noted.key if self.noted is not None else None
        return next((each for each in found if each.key == noted), found[0] if found else None)

    @property
    def elsewhere(self) -> tuple[Listed, ...]:
        """Objects in another bucket than the recording's: nobody deletes those with it."""
        sound = self.sound
        return tuple(each for each in self.objects if sound is not None and _bucket(each.key) != _bucket(sound.key))

    @property
    def has_manifest(self) -> bool:
        """Whether its manifest lies beside it."""
        return any(each.suffix == MANIFEST_SUFFIX and each not in self.elsewhere for each in self.objects)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One recording that the four do not agree on."""

    kind: Kind
    remedy: Remedy
    known: Known
    detail: str = ""  # sizes, file names


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """What is recorded, and what is still on its way."""

    now: datetime
    min_unanswered_s: float
    young_s: float = YOUNG_S


def compare(known: Known, policy: Policy) -> Difference | None:
    """What is wrong with one recording, or None: all agree, or it is on its way."""
    if known.noted is not None and known.noted.state in REPLAYABLE:
        return _stored(known, known.noted, policy)
    if known.noted is not None and known.noted.state is RecordingState.DELETED:
        return _deleted(known)
    if _is_young(known, policy):
        return None
    if known.sound is not None and known.lying is None:
        return Difference(
            kind=Kind.UNKNOWN_OBJECT,
            remedy=Remedy.ADOPT if known.has_manifest else Remedy.NONE,
            known=known,
            detail=f"{known.sound.key}, {known.sound.size} bytes",
        )
    if known.lying is not None:
        return _lying(known, known.lying)
    if known.objects and known.noted is None:
        keys = ", ".join(each.key for each in known.objects)
        return Difference(kind=Kind.UNKNOWN_OBJECT, remedy=Remedy.NONE, known=known, detail=keys)
    return _nowhere(known, policy)


def _stored(known: Known, noted: Noted, policy: Policy) -> Difference | None:
    sound = known.sound
    if sound is None:
        remedy = Remedy.STORE_AGAIN if known.lying else Remedy.NONE
        return Difference(kind=Kind.OBJECT_MISSING, remedy=remedy, known=known, detail=noted.key or "")
    if sound.size != noted.size or sound.key != noted.key:
        detail = f"{sound.key} has {sound.size} bytes, the ledger says {noted.key} with {noted.size}"
        return Difference(kind=Kind.OBJECT_DIFFERS, remedy=Remedy.NONE, known=known, detail=detail)
    if known.elsewhere:
        detail = f"copies that go with nothing: {', '.join(each.key for each in known.elsewhere)}"
        return Difference(kind=Kind.UNKNOWN_OBJECT, remedy=Remedy.NONE, known=known, detail=detail)
    if known.lying is not None and not _is_young(known, policy):
        return Difference(kind=Kind.LEFTOVER, remedy=Remedy.CLEAR, known=known, detail=known.lying.words)
    return None


def _bucket(address: str) -> str:
    return address.removeprefix("s3://").partition("/")[0]


def _deleted(known: Known) -> Difference | None:
    """Gone on purpose: what is left, or came back with a backup, must not be taken in again."""
    left = [each.key for each in known.objects] + list(known.lying.names if known.lying else ())
    if not left:
        return None
    kind = Kind.UNKNOWN_OBJECT if known.objects else Kind.LEFTOVER
    return Difference(kind=kind, remedy=Remedy.NONE, known=known, detail=f"deleted on purpose: {', '.join(left)}")


def _lying(known: Known, lying: Lying) -> Difference:
    names = lying.words
    if known.noted is not None:
        return Difference(
            kind=Kind.UNFINISHED, remedy=Remedy.TAKE_IN, known=known, detail=f"{known.noted.state}: {names}"
        )
    if known.call is not None:
        return Difference(kind=Kind.UNLEDGERED, remedy=Remedy.TAKE_IN, known=known, detail=names)
    return Difference(kind=Kind.STRANGER, remedy=Remedy.NONE, known=known, detail=names)


def _nowhere(known: Known, policy: Policy) -> Difference | None:
    if known.noted is not None:
        if known.noted.state is RecordingState.NOT_RECORDED:
            return None  # the ledger says why
        noteable = Step.NOTHING_THERE in TABLE[known.noted.state]
        remedy = Remedy.NOTE if noteable else Remedy.NONE
        return Difference(kind=Kind.MISSING, remedy=remedy, known=known, detail=f"the ledger says {known.noted.state}")
    if known.call is not None and _is_expected(known.call, policy):
        return Difference(kind=Kind.MISSING, remedy=Remedy.NOTE, known=known)
    return None


def _is_expected(call: CallFacts, policy: Policy) -> bool:
    if call.ended_at is None:
        return False
    lasted_s = (call.ended_at - call.arrived_at).total_seconds()
    return call.answered or lasted_s >= policy.min_unanswered_s + SHORT_SLACK_S


def _is_young(known: Known, policy: Policy) -> bool:
    """On its way: the call lives, or has ended a moment ago, or Asterisk still writes."""
    if known.call is not None and known.call.ended_at is None:
        return True
    instants = [known.lying.changed_at] if known.lying else []
    instants += [known.call.ended_at] if known.call and known.call.ended_at else []
    if known.noted is not None:
        instants.append(known.noted.ended_at or known.noted.arrived_at)
    return any((policy.now - instant).total_seconds() < policy.young_s for instant in instants)


# --- The join --------------------------------------------------------------------------------------------------------

Key = tuple[date, CallId]
T = TypeVar("T")


def day_of(arrived_at: datetime) -> date:
    """The day under which a call's recording lies in the bucket."""
    return arrived_at.astimezone(UTC).date()


class _Stream:
    """One ordered source, looked at one item ahead."""

    def __init__(self, name: str, items: AsyncIterator[Any], key: Callable[[Any], Key]) -> None:
        self._name = name
        self._items = items
        self._key = key
        self.head: Any = None
        self.key: Key | None = None

    async def step(self) -> None:
        """Take the next item. Raises PeerError when it is out of order: the join would lose pairs."""
        self.head = await anext(self._items, None)
        key = self._key(self.head) if self.head is not None else None
        if key is not None and self.key is not None and key < self.key:
            raise PeerError(f"{self._name} are out of order: {key[0]} {key[1]} after {self.key[0]} {self.key[1]}")
        self.key = key


async def joined(
    tenant: TenantId,
    calls: AsyncIterator[CallFacts],
    ledger: AsyncIterator[Noted],
    objects: AsyncIterator[Listed],
    lying: Mapping[CallId, Lying],
) -> AsyncIterator[Known]:
    """One ``Known`` per recording of a tenant. Each stream is in the order of (``day_of``, call id)."""
    streams = (
        _Stream("call records", calls, lambda call: (day_of(call.arrived_at), call.call_id)),
        _Stream("ledger rows", ledger, lambda row: (day_of(row.arrived_at), row.call_id)),
        _Stream("objects", objects, lambda each: (each.day, each.call_id)),
    )
    for stream in streams:
        await stream.step()
    while keys := [stream.key for stream in streams if stream.key is not None]:
        key = min(keys)
        found: list[list[Any]] = []
        for stream in streams:
            same: list[Any] = []
            while stream.key == key:
                same.append(stream.head)
                await stream.step()
            found.append(same)
        call, row, listed = found
        yield Known(
            call_id=key[1],
            tenant=tenant,
            call=call[0] if call else None,
            noted=row[0] if row else None,
            objects=tuple(listed),
            lying=lying.get(key[1]),
        )
