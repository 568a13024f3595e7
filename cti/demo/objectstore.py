"""A SeaweedFS of the run's own: a real S3 on loopback, with credentials made for the run and a bucket."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cti.demo.components import find_weed
from cti.demo.folders import LOOPBACK, PortPool, RunFolder
from cti.demo.processes import Child, ChildSpec, run_user, start_child

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

READY_DEADLINE_S = 30.0
STOP_GRACE_S = 0.5
REGION = "us-east-1"  # SeaweedFS takes any; boto3 wants one to sign with
# A store of a trial holds few files: small volumes, so that an almost empty one does not reserve gigabytes.
VOLUME_LIMIT_MB = 256


@dataclass(frozen=True, kw_only=True)
class S3Access:
    """How to reach a bucket."""

    endpoint: str
    access_key: str
    secret_key: str  # never for a log
    bucket: str
    region: str = REGION

    def client(self) -> S3Client:
        """A blocking boto3 client; short timeouts, no retries: the caller decides what to do again."""
        client: S3Client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            config=Config(
                connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
            ),
        )
        return client


@dataclass(frozen=True, kw_only=True)
class RunningObjectStore:
    """An object store to write recordings to."""

    access: S3Access
    child: Child | None  # None: an outside store, which is not ours to stop
    listeners: Mapping[str, int] = field(default_factory=dict)  # what listens at which port

    async def ready(self) -> None:
        """Waits until it keeps what it is given; one that does not become so is stopped. Raises ChildFailed."""
        if self.child is None:
            return
        try:
            await self.child.until_ready(lambda: asyncio.to_thread(_has_bucket, self.access), READY_DEADLINE_S)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Ends it; an outside store is left alone."""
        if self.child is None:
            return
        # Its orderly end waits for streams between its own parts and takes longer than any grace; what was
        # acknowledged is in the kernel's hands by now.
        await self.child.stop(STOP_GRACE_S)
        for socket in _sockets(self.listeners):
            socket.unlink(missing_ok=True)


async def start_objectstore(run: RunFolder, ports: PortPool, *, bucket: str = "kakehashi") -> RunningObjectStore:
    """One that is ready. Raises MissingComponent or ChildFailed."""
    running = await launch_objectstore(run, ports, bucket=bucket)
    await running.ready()
    return running


async def launch_objectstore(run: RunFolder, ports: PortPool, *, bucket: str = "kakehashi") -> RunningObjectStore:
    """Takes $KAKEHASHI_S3_ENDPOINT and its fellows, else begins to start one, which is not `ready` yet.

    Raises MissingComponent or ChildFailed.
    """
    if endpoint := os.environ.get("KAKEHASHI_S3_ENDPOINT"):
        outside = S3Access(
            endpoint=endpoint,
            access_key=os.environ["KAKEHASHI_S3_ACCESS_KEY"],
            secret_key=os.environ["KAKEHASHI_S3_SECRET_KEY"],
            bucket=os.environ.get("KAKEHASHI_S3_BUCKET", bucket),
        )
        return RunningObjectStore(access=outside, child=None)
    weed = find_weed()
    folder = run.sub("objectstore", mode=0o700)
    port = ports.tcp()
    access = S3Access(
        endpoint=f"http://{LOOPBACK}:{port}",
        access_key=secrets.token_hex(10),
        secret_key=secrets.token_urlsafe(30),
        bucket=bucket,
    )
    identities = folder / "identities.json"
    identities.touch(mode=0o600)
    identities.write_text(json.dumps(_identities(access)))
    if user := run_user():
        for path in (folder, identities):
            os.chown(path, user.uid, user.gid)
    listeners = _listeners(port, ports)
    child = await start_child(
        ChildSpec(
            name="SeaweedFS",
            argv=[str(weed), *_arguments(folder, identities, listeners)],
            log=run.log("objectstore"),
            user=user,
            cwd=folder,
        )
    )
    return RunningObjectStore(access=access, child=child, listeners=listeners)


def _identities(access: S3Access) -> dict[str, object]:
    """The one identity of the run; without a file SeaweedFS lets everybody in."""
    return {
        "identities": [
            {
                "name": "kakehashi",
                "credentials": [{"accessKey": access.access_key, "secretKey": access.secret_key}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            }
        ]
    }


def _listeners(s3_port: int, ports: PortPool) -> dict[str, int]:
    """Every listener gets a port of the pool: the default gRPC ports (port + 10000) would collide between runs."""
    listeners = {"s3.port": s3_port}
    for name in ("master.port", "volume.port", "filer.port"):
        listeners[name] = ports.tcp()
    for name in ("master", "volume", "filer", "s3"):
        listeners[f"{name}.port.grpc"] = ports.tcp()
    return listeners


def _sockets(listeners: Mapping[str, int]) -> tuple[Path, ...]:
    """Its servers also make sockets, always in /tmp and named by the port; a kill leaves them there."""
    return tuple(path for port in listeners.values() for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"))


def _arguments(folder: Path, identities: Path, listeners: dict[str, int]) -> list[str]:
    flags: dict[str, object] = {
        "dir": folder,
        "ip": LOOPBACK,
        "ip.bind": LOOPBACK,
        "master.volumeSizeLimitMB": VOLUME_LIMIT_MB,
        "master.telemetry": "false",
        "master.peers": "none",  # a master alone: with none named, it waits for others before it leads
        "volume.max": 0,  # as many as the disk has room for
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.config": identities,
        **listeners,
    }
    return ["-logtostderr=true", "server", "-s3", "-filer", *(f"-{key}={value}" for key, value in flags.items())]


def _has_bucket(access: S3Access) -> bool:
    """Creates the bucket and writes one object: S3 answers before a volume can take data."""
    client = access.client()
    try:
        if access.bucket not in [found.get("Name") for found in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket=access.bucket)
        client.put_object(Bucket=access.bucket, Key=".ready", Body=b"1")
        client.delete_object(Bucket=access.bucket, Key=".ready")
    except (BotoCoreError, ClientError):
        return False
    finally:
        client.close()
    return True
