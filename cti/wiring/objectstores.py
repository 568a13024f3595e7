"""The configured buckets."""

from __future__ import annotations

from urllib.parse import urlsplit

from cti.config import S3, Config
from recording.objects import S3Options
from recording.objectstore import S3ObjectStore

ENCRYPTION = {"bucket": "", "sse-s3": "AES256", "sse-kms": "aws:kms"}
LOCK_MODES = {"none": "", "governance": "GOVERNANCE", "compliance": "COMPLIANCE"}


def options(s3: S3) -> S3Options:
    """What the operator decided about buckets."""
    return S3Options(
        encryption=ENCRYPTION[s3.encryption],
        kms_key=s3.kms_key,
        lock_mode=LOCK_MODES[s3.object_lock],
        buckets=s3.buckets,
        rules=tuple(rule.placed() for rule in s3.rules),
    )


def origin(s3: S3) -> str:
    """Where addresses of objects lie, for the pages' policy. Amazon's have the bucket in the name."""
    if s3.endpoint is None:
        return "https://*.amazonaws.com"
    address = urlsplit(s3.endpoint)
    return f"{address.scheme}://{address.netloc}"


def object_store(config: Config, *, threads: int = 4) -> S3ObjectStore:
    """A store of its own for each use, so that uploads never hold up a listener."""
    return S3ObjectStore(
        bucket=config.s3.bucket,
        endpoint_url=config.s3.endpoint,
        access_key=config.s3.access_key,
        secret_key=config.s3.secret_key.get_secret_value(),
        region=config.s3.region,
        threads=threads,
        options=options(config.s3),
    )
