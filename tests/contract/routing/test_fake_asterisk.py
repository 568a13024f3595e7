"""The fake keeps the contract that a real Asterisk is held to."""

from __future__ import annotations

import pytest

from tests.contract.routing.fake_asterisk import FakeAsterisk
from tests.contract.routing.telephony_contract import TelephonyContract


class TestFakeAsterisk(TelephonyContract):
    """The whole suite."""

    @pytest.fixture
    async def world(self) -> FakeAsterisk:
        return FakeAsterisk()
