"""Recordings for the ear: which object, how long, and any range of it as it comes from the store."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from cti.domain.errors import NotFound
from cti.domain.model import CallId, TenantId
from recording import webm
from recording.encode import CONTENT_TYPE
from recording.ledger import Ledger
from recording.lifecycle import REPLAYABLE
from recording.model import StoredAudio
from recording.objects import ObjectHead, ObjectStore
from recording.s3errors import ObjectChanged

# analysis.MAX_BUCKETS keeps the JSON below 1.5 MB; more than this is not ours.
_PEAKS_MOST_BYTES = 4 << 20
# 100 bytes each; more recordings are hardly listened to at once.
_MOST_READ = 1_000
# Seek indexes that are kept: 14,400 marks, 1.5 MB, for eight hours; some 10 KB for an ordinary call.
_MOST_INDEXES = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Playable:
    """One recording, ready to be read. Valid as long as the object is the same."""

    call_id: CallId
    uri: str  # where it lies
    size: int  # bytes in all
    sha256: str  # of the whole; use it as a strong ETag
    content_type: str
    duration_s: float
    store_etag: str  # the store's own mark of this very object


class Replay:
    """What the web side reads recordings through. Rights and audit are its own business."""

    def __init__(self, *, ledger: Ledger, objects: ObjectStore) -> None:
        self._ledger = ledger
        self._objects = objects
        # Objects without a mark of ours that were read whole and are right, by address: the store's mark of them.
        self._read: OrderedDict[str, str] = OrderedDict()
        # Where in an object which second begins, by its hash.
        self._marks: OrderedDict[str, tuple[tuple[int, float], ...]] = OrderedDict()

    async def open(self, tenant: TenantId, call_id: CallId) -> Playable:
        """The recording of a call.

        Raises NotFound when there is none (the message says why), ObjectChanged when the object in the store is not
        the one that was verified, Unavailable when store or ledger are away.
        """
        record = await self._ledger.get(tenant, call_id)
        if record.state not in REPLAYABLE or record.audio is None:
            why = f", {record.reason}" if record.reason else ""
            raise NotFound(f"call {call_id} has no recording to play: {record.state.value}{why}")
        audio = record.audio
        try:
            head = await self._objects.head(audio.uri)
        except NotFound as error:
            raise ObjectChanged(f"{audio.uri} is in the ledger, but gone from the store") from error
        if head.size != audio.size or head.sha256 not in (None, audio.sha256):
            raise ObjectChanged(
                f"{audio.uri} has {head.size} bytes where the ledger says {audio.size}, or another hash: "
                "it was replaced after it was stored"
            )
        if head.sha256 is None:
            await self._compare(audio, head)
        return Playable(
            call_id=call_id,
            uri=audio.uri,
            size=audio.size,
            sha256=audio.sha256,
            content_type=CONTENT_TYPE,
            duration_s=audio.duration_s,
            store_etag=head.etag,
        )

    async def _compare(self, audio: StoredAudio, head: ObjectHead) -> None:
        """An object that does not say its hash: of a store that keeps no such marks, or put there by somebody else.
        It is read whole, once as long as it stays the same. Raises ObjectChanged."""
        if self._read.get(audio.uri) == head.etag:
            return
        if await self._objects.hash(audio.uri) != (audio.sha256, audio.size):
            raise ObjectChanged(f"{audio.uri} was read back and is not what was stored: it was replaced")
        self._read[audio.uri] = head.etag
        if len(self._read) > _MOST_READ:
            self._read.popitem(last=False)

    def read(self, playable: Playable, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes ``start`` to ``end`` (exclusive; default: all) in chunks of at most 64 KiB."""
        stop = playable.size if end is None else min(end, playable.size)
        return self._objects.chunks(playable.uri, start=max(0, start), end=stop, etag=playable.store_etag)

    async def seconds(self, playable: Playable, start: int, end: int) -> tuple[float, float]:
        """Which seconds bytes ``start`` to ``end`` are. Raises ObjectChanged, Unavailable."""
        marks = self._marks.get(playable.sha256)
        if marks is None:
            index = self.read(playable, end=webm.cues_end(playable.duration_s))
            async with aclosing(index) as pieces:  # type: ignore[type-var]
                marks = self._marks[playable.sha256] = webm.cues(b"".join([piece async for piece in pieces]))
            if len(self._marks) > _MOST_INDEXES:
                self._marks.popitem(last=False)
        size, length_s = playable.size, playable.duration_s
        first = webm.second_at(marks, start, size=size, duration_s=length_s)
        return first, webm.second_at(marks, end, size=size, duration_s=length_s)

    async def peaks(self, tenant: TenantId, call_id: CallId) -> bytes:
        """The waveform and silence map as JSON. Raises NotFound, Unavailable."""
        record = await self._ledger.get(tenant, call_id)
        if record.audio is None:
            raise NotFound(f"call {call_id} has no recording")
        return await self._objects.read(record.audio.beside(record.audio.peaks_key), limit=_PEAKS_MOST_BYTES)
