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
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from cti.domain.errors import CallerError, KakehashiError, NotFound, PeerError, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

T = TypeVar("T")

PART_BYTES = 8 << 20  # S3 asks for at least 5 MiB; three of these are the most an upload holds in memory
MULTIPART_FROM_BYTES = 2 * PART_BYTES  # a recording of less than an hour goes in one request
CHUNK_BYTES = 64 << 10  # of a replay: 13 s of sound, small enough that a slow listener holds little
_CONNECT_TIMEOUT_S = 3
_READ_TIMEOUT_S = 20  # SeaweedFS and AWS answer in milliseconds; beyond this it is down
_CONNECTIONS = 32  # listeners at once, each holds one while it plays

_GONE = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})
_CHANGED = frozenset({"412", "PreconditionFailed"})
_NO_SUCH_RANGE = frozenset({"416", "InvalidRange"})
_DAMAGED = frozenset({"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"})


class ObjectChanged(PeerError):
    """An object is not the one that was stored: somebody replaced it."""


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
    """What the pipeline and the replay need. Every method may raise Unavailable; it is then safe to call again."""

    def uri(self, key: str) -> str:
        """Where the object is, for people and for the ledger."""

    async def ensure_bucket(self) -> None:
        """Make the bucket when it is missing."""

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
        """Delete an object; nothing happens when it is not there."""


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
    ) -> None:
        """Without endpoint and keys boto3 looks for them where it always does (environment, instance role).

        ``threads`` bounds the requests at once; give the replay a store of its own, so that a backlog of uploads
        never makes a listener wait.
        """
        self._bucket = bucket
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="s3")
        self._make = partial(_make_client, endpoint_url, access_key, secret_key, region)
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

    def uri(self, key: str) -> str:
        """See ObjectStore."""
        return f"s3://{self._bucket}/{key}"

    async def ensure_bucket(self) -> None:
        """See ObjectStore."""
        await self._run(self._ensure_bucket)

    def _ensure_bucket(self) -> None:
        try:
            with _translated(self._bucket):
                self._s3.head_bucket(Bucket=self._bucket)
        except NotFound:
            with _translated(self._bucket):
                self._s3.create_bucket(Bucket=self._bucket)

    async def put(self, key: str, path: Path, *, sha256: str, content_type: str) -> None:
        """See ObjectStore."""
        await self._run(lambda: self._put(key, path, sha256, content_type))

    def _put(self, key: str, path: Path, sha256: str, content_type: str) -> None:
        size = path.stat().st_size
        about: dict[str, Any] = {
            "Bucket": self._bucket,
            "Key": key,
            "ContentType": content_type,
            "Metadata": {"sha256": sha256},
        }
        with _translated(key):
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
            parts: list[CompletedPartTypeDef] = []
            with path.open("rb") as file:
                while body := file.read(PART_BYTES):
                    number = len(parts) + 1
                    checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
                    answer = self._s3.upload_part(
                        **where, UploadId=upload_id, PartNumber=number, Body=body, ChecksumSHA256=checksum
                    )
                    parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum})
            self._s3.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts})
        except BaseException:
            # Parts of an upload nobody finishes are kept, and paid for, for ever.
            with contextlib.suppress(KakehashiError), _translated(about["Key"]):
                self._s3.abort_multipart_upload(**where, UploadId=upload_id)
            raise

    async def put_bytes(self, key: str, data: bytes, *, content_type: str) -> None:
        """See ObjectStore."""
        digest = hashlib.sha256(data)

        def put() -> None:
            with _translated(key):
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=data,
                    ContentType=content_type,
                    ChecksumSHA256=base64.b64encode(digest.digest()).decode(),
                    Metadata={"sha256": digest.hexdigest()},
                )

        await self._run(put)

    async def head(self, key: str) -> ObjectHead:
        """See ObjectStore."""

        def head() -> ObjectHead:
            with _translated(key):
                answer = self._s3.head_object(Bucket=self._bucket, Key=key)
            return ObjectHead(
                size=answer["ContentLength"],
                etag=answer["ETag"].strip('"'),
                sha256=answer.get("Metadata", {}).get("sha256"),
                content_type=answer.get("ContentType", ""),
            )

        return await self._run(head)

    async def page(self, prefix: str, *, after: str) -> ObjectPage:
        """At most a thousand objects of a prefix, by key, behind ``after``."""

        def listing() -> ObjectPage:
            with _translated(prefix):
                answer = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=prefix, StartAfter=after)
            objects = tuple((each["Key"], each["Size"]) for each in answer.get("Contents", ()))
            return ObjectPage(objects=objects, more=bool(answer["IsTruncated"] and objects))

        return await self._run(listing)

    async def hash(self, key: str) -> tuple[str, int]:
        """See ObjectStore."""

        def read_back() -> tuple[str, int]:
            digest, size = hashlib.sha256(), 0
            with (
                _translated(key),
                contextlib.closing(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]) as body,
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
                _translated(key),
                contextlib.closing(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]) as body,
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
            with _translated(key):
                wanted = f"bytes={start}-{end - 1}"
                return self._s3.get_object(Bucket=self._bucket, Key=key, Range=wanted, IfMatch=etag)["Body"]

        body = await self._run(open_body)

        def next_chunk() -> bytes:
            with _translated(key):
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
            with _translated(key):
                self._s3.delete_object(Bucket=self._bucket, Key=key)

        await self._run(delete)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            future = self._threads.submit(work)
        except RuntimeError as error:
            raise Unavailable("the object store is closed") from error
        return await asyncio.wrap_future(future)


def _make_client(endpoint_url: str | None, access_key: str | None, secret_key: str | None, region: str) -> S3Client:
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
        config=Config(
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=_READ_TIMEOUT_S,
            max_pool_connections=_CONNECTIONS,
            retries={"total_max_attempts": 1},
            # Other servers than Amazon's have no name per bucket, and refuse the newer default checksums.
            s3={"addressing_style": "path" if endpoint_url else "auto"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


@contextlib.contextmanager
def _translated(key: str) -> Iterator[None]:
    """boto3's errors in the words of the project: who has to do something about it. On a thread of the store."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
        raise _meaning(key, code, status) from error
    except (BotoCoreError, OSError) as error:
        raise Unavailable(f"the object store did not answer for {key}: {type(error).__name__}") from error


def _meaning(key: str, code: str, status: str) -> KakehashiError:
    if code in _GONE:
        return NotFound(f"no object {key}")
    if code in _CHANGED:
        return ObjectChanged(f"{key} is not the object that was stored")
    if code in _NO_SUCH_RANGE:
        return CallerError(f"{key} has no such range")
    if code in _DAMAGED:
        return PeerError(f"{key} did not arrive as it was sent ({code})")
    if code == "NoSuchBucket":
        return Unavailable(f"the bucket of {key} does not exist: create it, or correct the bucket's name")
    if status == "403":
        return Unavailable(f"the object store refuses {key} ({code}): check the access key and its rights")
    return Unavailable(f"the object store failed for {key} ({code or status})")
