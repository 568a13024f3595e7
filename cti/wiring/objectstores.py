"""The configured bucket."""

from __future__ import annotations

from cti.config import Config
from recording.objectstore import S3ObjectStore


def object_store(config: Config, *, threads: int = 4) -> S3ObjectStore:
    """A store of its own for each use, so that uploads never hold up a listener."""
    return S3ObjectStore(
        bucket=config.s3.bucket,
        endpoint_url=config.s3.endpoint,
        access_key=config.s3.access_key,
        secret_key=config.s3.secret_key.get_secret_value(),
        region=config.s3.region,
        threads=threads,
    )
