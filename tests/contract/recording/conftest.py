"""The real object stores and the real ledger, beside the fakes that stand in for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from moto.server import ThreadedMotoServer

from cti.demo.folders import PortPool, RunFolder, run_folder
from cti.demo.objectstore import RunningObjectStore, start_objectstore
from cti.demo.postgres import RunningPostgres, start_postgres
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


@pytest_asyncio.fixture(params=["memory", "seaweedfs", "moto"], loop_scope="package")
async def store(request: pytest.FixtureRequest, seaweed: RunningObjectStore, moto: str) -> AsyncIterator[ObjectStore]:
    """Each store in turn."""
    if request.param == "memory":
        yield MemoryObjectStore()
        return
    s3 = seaweed_store(seaweed) if request.param == "seaweedfs" else moto_store(moto)
    await s3.ensure_bucket()
    yield s3
    s3.close()
