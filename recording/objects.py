"""Objects as the pipeline, the replay and the sweep see them, and the interface in front of S3. PURE."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cti.domain.keeping import KeptFacts
from cti.domain.placing import BucketRule


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectHead:
    """What the store says about an object."""

    size: int  # bytes
    etag: str  # without quotes; compare only, it means nothing
    sha256: str | None  # as we wrote it beside the object; None: somebody else's object
    content_type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectPage:
    """A piece of a bucket's listing."""

    objects: tuple[tuple[str, int], ...]  # key and bytes, by key
    more: bool  # there are more behind them


class ObjectStore(Protocol):
    """What the pipeline and the replay need. Every method may raise Unavailable; it is then safe to call again.

    A ``key`` is an object's name, which lies where new ones of its tenant go, or an address as ``uri`` and ``place``
    give it, which says its bucket itself.
    """

    def uri(self, key: str) -> str:
        """Where the object is, for people and for the ledger."""

    def place(self, key: str, kept: KeptFacts) -> str:
        """The address at which a new recording is to lie, by the operator's rules."""

    async def ensure_bucket(self, *, every: bool = True) -> None:
        """Make the buckets that are missing. Not ``every``: it is enough that one can be used."""

    async def put(self, key: str, path: Path, *, sha256: str, content_type: str) -> None:
        """Upload a file. Raises PeerError when the store says that the bytes did not arrive as sent."""

    async def put_bytes(self, key: str, data: bytes, *, content_type: str) -> None:
        """Upload something small."""

    async def head(self, key: str) -> ObjectHead:
        """Look at an object. Raises NotFound."""

    async def hash(self, key: str) -> tuple[str, int]:
        """Read an object back whole: its SHA-256 in hex, and its length. Raises NotFound."""

    async def read(self, key: str, *, limit: int) -> bytes:
        """A small object. Raises NotFound, and CallerError when it is larger than ``limit``."""

    def chunks(self, key: str, *, start: int, end: int, etag: str) -> AsyncIterator[bytes]:
        """Bytes ``start`` to ``end`` (exclusive) of exactly that object. Raises NotFound, ObjectChanged."""

    async def delete(self, key: str) -> None:
        """Delete an object; nothing happens when it is not there. Where the bucket keeps versions, they stay."""

    async def erase(self, key: str) -> None:
        """Delete every version of an object, whatever hold of ours is on it; nothing happens when it is not there.

        Raises StillLocked when the store's own lock has not run out, PeerError when it is still there afterwards.
        """

    async def lock(self, key: str, *, retain_until: datetime | None, held: bool) -> None:
        """Set the store's own locks: none deletes it until then, or while it is held. Raises NotFound, NotSupported."""

    async def presigned(self, key: str, *, seconds: int) -> str:
        """An address at which anybody who has it can read the object for so long."""


@dataclass(frozen=True, kw_only=True, slots=True)
class S3Options:
    """What an operator may decide about buckets beyond their address."""

    encryption: str = ""  # "": the bucket's own; "AES256" (SSE-S3), "aws:kms" (SSE-KMS)
    kms_key: str | None = None  # id or ARN; None: the account's default key
    lock_mode: str = ""  # "": no Object Lock; "GOVERNANCE", "COMPLIANCE"
    buckets: Mapping[str, str] = field(default_factory=dict)  # tenant → bucket; others share the one
    rules: tuple[BucketRule, ...] = ()  # the first that fits a recording counts before all that
