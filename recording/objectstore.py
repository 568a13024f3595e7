"""Objects in S3, behind an interface small enough to fake.

boto3 blocks, so every call runs on a bounded set of threads of its own. Nothing is retried in here: the pipeline
knows what else waits and how long to back off; a listener is told at once.

boto3 itself is imported on those threads too, by the first request: that takes 0.5 s of processor time, and callers
are served before S3 is (docs/decisions/0135-callers-first-at-start.md).

A multipart upload's own checksum is the hash of the parts' hashes, not of the file (Amazon S3 User Guide, "Checking
object integrity"): parts are protected on their way by SHA-256 each, and the whole is verified by reading it back.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cti.domain.errors import CallerError, KakehashiError, NotFound, PeerError, Unavailable
from cti.domain.keeping import KeptFacts
from cti.domain.model import TenantId
from cti.domain.placing import bucket_for
from recording.objects import ObjectHead as ObjectHead
from recording.objects import ObjectPage, S3Options
from recording.objects import ObjectStore as ObjectStore
from recording.s3errors import NotSupported, StillLocked, create_bucket, make_client, refused_for_lock, translated
from recording.s3errors import ObjectChanged as ObjectChanged

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

T = TypeVar("T")

PART_BYTES = 8 << 20  # S3 asks for at least 5 MiB
PARTS_AT_ONCE = 2  # on their way, while the next is read: an upload holds three parts in memory
MULTIPART_FROM_BYTES = 2 * PART_BYTES  # a recording of less than an hour goes in one request
CHUNK_BYTES = 64 << 10  # of a replay: 13 s of sound, small enough that a slow listener holds little


class S3ObjectStore:
    """An S3 bucket: Amazon's, SeaweedFS's or another's."""

    def __init__(
        self,
        *,
        bucket: str,
        endpoint_url: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        region: str = "us-east-1",
        threads: int = 4,
        options: S3Options | None = None,
    ) -> None:
        """Without endpoint and keys boto3 looks for them where it always does (environment, instance role).

        ``threads`` bounds the requests at once; give the replay a store of its own, so that a backlog of uploads
        never makes a listener wait.
        """
        self._bucket = bucket
        self.options = options or S3Options()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="s3")
        self._make = partial(make_client, endpoint_url, access_key, secret_key, region)
        self._making = threading.Lock()
        self._client: S3Client | None = None

    @property
    def _s3(self) -> S3Client:
        """The client, made by the first thread that needs it."""
        with self._making:
            if self._client is None:
                self._client = self._make()
            return self._client

    def close(self) -> None:
        """Let running requests end; no new ones."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._making:
            if self._client is not None:
                self._client.close()

    @property
    def buckets(self) -> tuple[str, ...]:
        """Every bucket that is written to."""
        ruled = (rule.bucket for rule in self.options.rules)
        return tuple(dict.fromkeys((self._bucket, *self.options.buckets.values(), *ruled)))

    def buckets_of(self, tenant: TenantId) -> tuple[str, ...]:
        """Every bucket in which a tenant's recordings may lie: in the shared one, too, from before it got its own."""
        ruled = (rule.bucket for rule in self.options.rules if rule.tenant in (None, tenant))
        return tuple(dict.fromkeys((self._bucket, self.options.buckets.get(tenant, self._bucket), *ruled)))

    def where(self, key: str) -> tuple[str, str]:
        """Bucket and key. A key's first folder is its tenant; an address of the ledger (``s3://…``) says its bucket
        itself, so that recordings are found after their tenant was given another one."""
        if key.startswith("s3://"):
            bucket, _, name = key.removeprefix("s3://").partition("/")
            return bucket, name
        return self.options.buckets.get(key.partition("/")[0], self._bucket), key

    def _at(self, key: str) -> dict[str, Any]:
        bucket, name = self.where(key)
        return {"Bucket": bucket, "Key": name}

    def _sealed(self) -> dict[str, Any]:
        """How new objects are encrypted by the store."""
        options = self.options
        seal = {"ServerSideEncryption": options.encryption} if options.encryption else {}
        return seal | ({"SSEKMSKeyId": options.kms_key} if options.kms_key else {})

    def uri(self, key: str) -> str:
        """See ObjectStore."""
        bucket, name = self.where(key)
        return f"s3://{bucket}/{name}"

    def place(self, key: str, kept: KeptFacts) -> str:
        """See ObjectStore."""
        bucket, name = self.where(key)
        return f"s3://{bucket_for(self.options.rules, TenantId(name.partition('/')[0]), kept) or bucket}/{name}"

    async def ensure_bucket(self, *, every: bool = True) -> None:
        """See ObjectStore."""
        await self._run(lambda: self._ensure_bucket(every))

    def _ensure_bucket(self, every: bool) -> None:
        trouble: KakehashiError | None = None
        for bucket in self.buckets:
            try:
                self._ensure_one(bucket)
            except KakehashiError as error:
                if every:
                    raise  # a store that is away would be waited for once a bucket
                trouble = error
            else:
                if not every:
                    return
        if trouble is not None:
            raise trouble

    def _ensure_one(self, bucket: str) -> None:
        try:
            with translated(bucket):
                self._s3.head_bucket(Bucket=bucket)
        except NotFound:
            create_bucket(self._s3, bucket, lock=bool(self.options.lock_mode))

    async def put(self, key: str, path: Path, *, sha256: str, content_type: str) -> None:
        """See ObjectStore."""
        await self._run(lambda: self._put(key, path, sha256, content_type))

    def _put(self, key: str, path: Path, sha256: str, content_type: str) -> None:
        size = path.stat().st_size
        about: dict[str, Any] = {
            **self._at(key),
            **self._sealed(),
            "ContentType": content_type,
            "Metadata": {"sha256": sha256},
        }
        with translated(key):
            if size >= MULTIPART_FROM_BYTES:
                self._put_in_parts(path, about)
                return
            with path.open("rb") as file:
                checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
                self._s3.put_object(Body=file, ContentLength=size, ChecksumSHA256=checksum, **about)

    def _put_in_parts(self, path: Path, about: Mapping[str, Any]) -> None:
        where = {"Bucket": about["Bucket"], "Key": about["Key"]}
        upload_id = self._s3.create_multipart_upload(**about, ChecksumAlgorithm="SHA256")["UploadId"]
        try:
            parts = self._send_parts(path, {**where, "UploadId": upload_id})
            self._s3.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts})
        except BaseException:
            # Parts of an upload nobody finishes are kept, and paid for, for ever.
            with contextlib.suppress(KakehashiError), translated(about["Key"]):
                self._s3.abort_multipart_upload(**where, UploadId=upload_id)
            raise

    def _send_parts(self, path: Path, where: Mapping[str, Any]) -> list[CompletedPartTypeDef]:
        """All parts of a file, in its order: while one is on its way the next is hashed."""

        def send(number: int, body: bytes) -> CompletedPartTypeDef:
            checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
            answer = self._s3.upload_part(**where, PartNumber=number, Body=body, ChecksumSHA256=checksum)
            return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum}

        sent: list[CompletedPartTypeDef] = []
        sending: deque[Future[CompletedPartTypeDef]] = deque()
        # Nothing is on its way any more when this ends, however it ends: what follows a failure takes the parts back.
        with path.open("rb") as file, ThreadPoolExecutor(PARTS_AT_ONCE, thread_name_prefix="s3-part") as threads:
            while body := file.read(PART_BYTES):
                if len(sending) == PARTS_AT_ONCE:
                    sent.append(sending.popleft().result())
                sending.append(threads.submit(send, len(sent) + len(sending) + 1, body))
            sent.extend(part.result() for part in sending)
        return sent

    async def put_bytes(self, key: str, data: bytes, *, content_type: str) -> None:
        """See ObjectStore."""
        digest = hashlib.sha256(data)

        def put() -> None:
            with translated(key):
                self._s3.put_object(
                    **self._at(key),
                    **self._sealed(),
                    Body=data,
                    ContentType=content_type,
                    ChecksumSHA256=base64.b64encode(digest.digest()).decode(),
                    Metadata={"sha256": digest.hexdigest()},
                )

        await self._run(put)

    async def head(self, key: str) -> ObjectHead:
        """See ObjectStore."""

        def head() -> ObjectHead:
            with translated(key):
                answer = self._s3.head_object(**self._at(key))
            return ObjectHead(
                size=answer["ContentLength"],
                etag=answer["ETag"].strip('"'),
                sha256=answer.get("Metadata", {}).get("sha256"),
                content_type=answer.get("ContentType", ""),
            )

        return await self._run(head)

    async def page(self, prefix: str, *, after: str) -> ObjectPage:
        """At most a thousand objects of a prefix (a tenant's folder), by key, behind ``after``."""

        def listing() -> ObjectPage:
            bucket, name = self.where(prefix)
            with translated(prefix):
                answer = self._s3.list_objects_v2(Bucket=bucket, Prefix=name, StartAfter=after)
            objects = tuple((each["Key"], each["Size"]) for each in answer.get("Contents", ()))
            return ObjectPage(objects=objects, more=bool(answer["IsTruncated"] and objects))

        return await self._run(listing)

    async def hash(self, key: str) -> tuple[str, int]:
        """See ObjectStore."""

        def read_back() -> tuple[str, int]:
            digest, size = hashlib.sha256(), 0
            with (
                translated(key),
                contextlib.closing(self._s3.get_object(**self._at(key))["Body"]) as body,
            ):
                while block := body.read(1 << 20):
                    digest.update(block)
                    size += len(block)
            return digest.hexdigest(), size

        return await self._run(read_back)

    async def read(self, key: str, *, limit: int) -> bytes:
        """See ObjectStore."""

        def read() -> bytes:
            with (
                translated(key),
                contextlib.closing(self._s3.get_object(**self._at(key))["Body"]) as body,
            ):
                data: bytes = body.read(limit + 1)
            if len(data) > limit:
                raise CallerError(f"{key} is larger than {limit} bytes")
            return data

        return await self._run(read)

    async def chunks(self, key: str, *, start: int, end: int, etag: str) -> AsyncIterator[bytes]:
        """See ObjectStore."""
        if start >= end:
            return

        def open_body() -> Any:
            with translated(key):
                wanted = f"bytes={start}-{end - 1}"
                answer = self._s3.get_object(**self._at(key), Range=wanted, IfMatch=etag)
            # Some servers do not look at the condition: what came says itself what it is.
            if answer["ETag"].strip('"') != etag:
                answer["Body"].close()
                raise ObjectChanged(f"{key} is not the object that was stored")
            return answer["Body"]

        body = await self._run(open_body)

        def next_chunk() -> bytes:
            with translated(key):
                data: bytes = body.read(CHUNK_BYTES)
                return data

        left = end - start
        try:
            while left > 0:
                data = await self._run(next_chunk)
                if not data:
                    raise ObjectChanged(f"{key} ended {left} bytes early")
                left -= len(data)
                yield data
        finally:
            body.close()  # closes the connection when bytes are left: a listener went away

    async def delete(self, key: str) -> None:
        """See ObjectStore."""

        def delete() -> None:
            with translated(key):
                self._s3.delete_object(**self._at(key))

        await self._run(delete)

    async def erase(self, key: str) -> None:
        """See ObjectStore."""
        await self._run(lambda: self._erase(key))

    def _erase(self, key: str) -> None:
        at = self._at(key)
        for version, is_marker in self._versions(key):
            about: dict[str, Any] = {**at, "VersionId": version} if version else at
            if self.options.lock_mode and version and not is_marker:
                with contextlib.suppress(KakehashiError), translated(key):
                    self._s3.put_object_legal_hold(**about, LegalHold={"Status": "OFF"})
            bypass: dict[str, Any] = {}
            if self.options.lock_mode == "GOVERNANCE" and version:
                bypass["BypassGovernanceRetention"] = True
            try:
                with translated(key):
                    self._s3.delete_object(**about, **bypass)
            except Unavailable as error:
                if self.options.lock_mode and refused_for_lock(error):
                    raise StillLocked(f"the object store keeps {key} until its lock runs out") from error
                raise
        with contextlib.suppress(NotFound), translated(key):
            self._s3.head_object(**at)
            raise PeerError(f"{key} was deleted and is still there")

    def _versions(self, key: str) -> list[tuple[str | None, bool]]:
        """Every version and whether it is a marker of a deletion; one without an id where versions are not known."""
        bucket, name = self.where(key)
        found: list[tuple[str | None, bool]] = []
        place: dict[str, Any] = {}
        try:
            while True:
                with translated(key):
                    page = self._s3.list_object_versions(Bucket=bucket, Prefix=name, **place)
                for kind, is_marker in (("Versions", False), ("DeleteMarkers", True)):
                    ours = (one for one in page.get(kind, ()) if one["Key"] == name)  # type: ignore[attr-defined]
                    found += [(one["VersionId"], is_marker) for one in ours]
                if not page.get("IsTruncated"):
                    return found
                place = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker", "")}
        except NotSupported:
            return [(None, False)]

    async def lock(self, key: str, *, retain_until: datetime | None, held: bool) -> None:
        """See ObjectStore."""

        def lock() -> None:
            mode: Any = self.options.lock_mode
            with translated(key):
                if retain_until is not None:
                    bypass = {"BypassGovernanceRetention": True} if mode == "GOVERNANCE" else {}
                    retention: Any = {"Mode": mode, "RetainUntilDate": retain_until}
                    self._s3.put_object_retention(**self._at(key), Retention=retention, **bypass)  # type: ignore[arg-type]
                self._s3.put_object_legal_hold(**self._at(key), LegalHold={"Status": "ON" if held else "OFF"})

        await self._run(lock)

    async def presigned(self, key: str, *, seconds: int) -> str:
        """See ObjectStore."""

        def sign() -> str:
            with translated(key):
                return str(self._s3.generate_presigned_url("get_object", Params=self._at(key), ExpiresIn=seconds))

        return await self._run(sign)

    def client(self) -> S3Client:
        """boto3's own client, for what is asked of buckets and not of objects. Use it on a thread."""
        return self._s3

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            future = self._threads.submit(work)
        except RuntimeError as error:
            raise Unavailable("the object store is closed") from error
        return await asyncio.wrap_future(future)
