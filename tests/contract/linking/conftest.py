"""One reference service and one PostgreSQL a module; each test finds the one whole and the other empty."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator

import pytest

from cti.demo.folders import PortPool, run_folder
from cti.demo.postgres import RunningPostgres, start_postgres
from tests.contract.linking.service import Service, running


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("lookup"), "--allow-faults") as service:
        yield service


@pytest.fixture
def service(shared_service: Service) -> Service:
    shared_service.fault("none")
    return shared_service


@pytest.fixture(scope="module")
def shared_postgres() -> Iterator[RunningPostgres]:
    # Its own loop: a fixture of a module outlives the loop of any one test.
    with run_folder() as run, PortPool() as ports, asyncio.Runner() as runner:
        postgres = runner.run(start_postgres(run, ports, durable=False))
        try:
            yield postgres
        finally:
            runner.run(postgres.stop())


@pytest.fixture
async def database_url(shared_postgres: RunningPostgres) -> str:
    """An empty database of the test's own."""
    return await shared_postgres.make_database(f"links_{secrets.token_hex(4)}")
