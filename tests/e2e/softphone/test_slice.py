"""A slice of `scripts/soak browser`: two agents in two browsers, a conference, and faults that no other test has."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from cti.demo.folders import PortPool, run_folder
from tests.e2e.softphone.page import own_address
from tests.soak._actions import ACTIONS
from tests.soak._badday import strike
from tests.soak._centre import Centre, a_centre

pytestmark = pytest.mark.asyncio(loop_scope="package")

# The server stays away for as long as it takes to say so, and to answer a call without it.
AWAY_S = 4.0


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def centre(pool: PortPool) -> AsyncIterator[Centre]:
    with run_folder() as run:
        try:
            own_address()
        except OSError:
            pytest.skip("this machine has no network interface beside loopback")
        async with a_centre(run, pool, lambda _: None, agents=2) as made:
            yield made


async def test_a_conference_is_heard_by_all_three(centre: Centre) -> None:
    await ACTIONS["conference"](centre)
    await centre.quiet()


@pytest.mark.parametrize(
    ("fault", "state"),
    [("browser frozen", "consulting"), ("server killed", "ringing"), ("Asterisk killed", "talking")],
)
async def test_a_bad_day(centre: Centre, fault: str, state: str) -> None:
    trial = await strike(centre, fault, state, away_s=AWAY_S)
    assert trial.failed == []
