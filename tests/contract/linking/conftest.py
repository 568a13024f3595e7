"""One reference service a module; each test finds it whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.linking.service import Service, running


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running(tmp_path_factory.mktemp("lookup"), "--allow-faults") as service:
        yield service


@pytest.fixture
def service(shared_service: Service) -> Service:
    shared_service.fault("none")
    return shared_service
