"""boto3's client, and its errors in the words of the project. Everything in here runs on a thread of the store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cti.domain.errors import CallerError, KakehashiError, NotFound, PeerError, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONNECT_TIMEOUT_S = 3
_READ_TIMEOUT_S = 20  # SeaweedFS and AWS answer in milliseconds; beyond this it is down
_CONNECTIONS = 32  # listeners at once, each holds one while it plays

_GONE = frozenset({"404", "NoSuchKey", "NotFound", "NoSuchVersion"})
_CHANGED = frozenset({"412", "PreconditionFailed"})
_NO_SUCH_RANGE = frozenset({"416", "InvalidRange"})
_DAMAGED = frozenset({"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"})
# Answers of a store that does not know a request at all.
_UNKNOWN = frozenset({"NotImplemented", "MethodNotAllowed", "InvalidRequest"})

THERE_ALREADY = frozenset({"BucketAlreadyExists", "BucketAlreadyOwnedByYou"})


class ObjectChanged(PeerError):
    """An object is not the one that was stored: somebody replaced it."""


class StillLocked(PeerError):
    """The store keeps an object from being deleted: its own lock has not run out."""


class NotSupported(PeerError):
    """The store does not know what is asked for."""


def code_of(error: BaseException) -> str:
    """What the server called an error that was translated."""
    said = getattr(error.__cause__, "response", {})
    return str(said.get("Error", {}).get("Code", ""))


def create_bucket(client: S3Client, bucket: str, *, lock: bool) -> None:
    """Make a bucket; that somebody else just did is as good. Blocking."""
    more: Any = {"ObjectLockEnabledForBucket": True} if lock else {}  # cannot be added to every bucket later
    try:
        with translated(bucket):
            client.create_bucket(Bucket=bucket, **more)
    except Unavailable as error:
        if code_of(error) not in THERE_ALREADY:
            raise


def refused_for_lock(error: Exception) -> bool:
    """Whether a deletion that failed was refused because of a lock: stores say so with 403, some with 400 or 409."""
    return code_of(error) in {"AccessDenied", "InvalidRequest", "ObjectLocked"}


def make_client(endpoint_url: str | None, access_key: str | None, secret_key: str | None, region: str) -> S3Client:
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
            signature_version="s3v4",  # of addresses too: KMS wants it, and others than Amazon know no older one
            # Other servers than Amazon's have no name per bucket, and refuse the newer default checksums.
            s3={"addressing_style": "path" if endpoint_url else "auto"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


@contextlib.contextmanager
def translated(key: str) -> Iterator[None]:
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
    if code in _UNKNOWN or status in ("405", "501"):
        return NotSupported(f"the object store does not support what is asked of {key} ({code or status})")
    if status == "403":
        return Unavailable(f"the object store refuses {key} ({code}): check the access key and its rights")
    return Unavailable(f"the object store failed for {key} ({code or status})")
