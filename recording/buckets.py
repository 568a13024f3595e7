"""What a bucket of recordings should be set to, compared with what it is, and set.

Versions (so that an overwritten recording is not lost), the end of uploads that nobody finished, encryption by default
and Object Lock, as configured. What a store does not know at all is said, and nothing depends on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cti.domain.errors import NotFound, Unavailable
from recording.objects import S3Options
from recording.s3errors import THERE_ALREADY, NotSupported, code_of, create_bucket, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RULE_ID = "kakehashi-unfinished-uploads"
# What a store answers for a setting that was never made.
_UNSET = frozenset(
    {
        "NoSuchLifecycleConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
        "ObjectLockConfigurationNotFoundError",
    }
)


class State(StrEnum):
    """How one setting stands."""

    FITS = "fits"
    DIFFERS = "differs"
    SET = "set"
    UNSUPPORTED = "unsupported"  # the store does not know it


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One setting of one bucket."""

    bucket: str
    name: str  # "bucket", "versions", "unfinished uploads", "encryption", "object lock"
    state: State
    detail: str = ""


def look(client: S3Client, bucket: str, options: S3Options, *, abort_days: int, apply: bool) -> list[Setting]:
    """Compare, and with ``apply`` set what differs. Blocking. Raises Unavailable."""
    try:
        with translated(bucket):
            client.head_bucket(Bucket=bucket)
    except NotFound:
        if not apply:
            return [Setting(bucket=bucket, name="bucket", state=State.DIFFERS, detail="is not there")]
        create_bucket(client, bucket, lock=bool(options.lock_mode))
    one = _Bucket(client, bucket, apply)
    found = [one.versions(), one.uploads(abort_days)]
    if options.encryption:
        found.append(one.encryption(options))
    if options.lock_mode:
        found.append(one.lock())
    return found


class _Bucket:
    def __init__(self, client: S3Client, bucket: str, apply: bool) -> None:
        self._s3 = client
        self._bucket = bucket
        self._apply = apply

    def _setting(self, name: str, fits: Callable[[], bool], put: Callable[[], object] | None, detail: str) -> Setting:
        try:
            if self._asked(fits):
                return Setting(bucket=self._bucket, name=name, state=State.FITS)
            if not self._apply or put is None:
                return Setting(bucket=self._bucket, name=name, state=State.DIFFERS, detail=detail)
            with translated(self._bucket):
                put()
            # A store may take a setting and forget it.
            state = State.SET if self._asked(fits) else State.UNSUPPORTED
            return Setting(bucket=self._bucket, name=name, state=state)
        except (NotSupported, Unavailable) as error:
            # Who does not know a setting of buckets may take the request for one to make the bucket.
            if isinstance(error, Unavailable) and code_of(error) not in THERE_ALREADY:
                raise
            return Setting(bucket=self._bucket, name=name, state=State.UNSUPPORTED, detail=str(error))

    def _asked(self, fits: Callable[[], bool]) -> bool:
        try:
            with translated(self._bucket):
                return fits()
        except Unavailable as error:
            if code_of(error) in _UNSET:
                return False
            raise

    def versions(self) -> Setting:
        return self._setting(
            "versions",
            lambda: self._s3.get_bucket_versioning(Bucket=self._bucket).get("Status") == "Enabled",
            lambda: self._s3.put_bucket_versioning(Bucket=self._bucket, VersioningConfiguration={"Status": "Enabled"}),
            "an object that is overwritten is lost",
        )

    def uploads(self, days: int) -> Setting:
        rule: Any = {
            "ID": RULE_ID,
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
        }

        def rules() -> list[Any]:
            return list(self._s3.get_bucket_lifecycle_configuration(Bucket=self._bucket).get("Rules", ()))

        def fits() -> bool:
            return any(
                one.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation") == days
                and one.get("Status") == "Enabled"
                for one in rules()
            )

        def put() -> object:
            kept: list[Any] = []
            if self._asked(lambda: bool(rules())):
                kept = [one for one in rules() if one.get("ID") != RULE_ID]  # somebody else's rules stay
            return self._s3.put_bucket_lifecycle_configuration(
                Bucket=self._bucket, LifecycleConfiguration={"Rules": [*kept, rule]}
            )

        return self._setting("unfinished uploads", fits, put, f"their parts are kept, not forgotten after {days} days")

    def encryption(self, options: S3Options) -> Setting:
        by: Any = {"SSEAlgorithm": options.encryption}
        if options.kms_key:
            by["KMSMasterKeyID"] = options.kms_key

        def fits() -> bool:
            said = self._s3.get_bucket_encryption(Bucket=self._bucket)["ServerSideEncryptionConfiguration"]["Rules"]
            return any(one.get("ApplyServerSideEncryptionByDefault") == by for one in said)

        return self._setting(
            "encryption",
            fits,
            lambda: self._s3.put_bucket_encryption(
                Bucket=self._bucket,
                ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": by}]},
            ),
            f"is not {options.encryption} by default",
        )

    def lock(self) -> Setting:
        def fits() -> bool:
            said = self._s3.get_object_lock_configuration(Bucket=self._bucket)
            return said.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled"

        return self._setting("object lock", fits, None, "can be chosen only when a bucket is made: take a new one")
