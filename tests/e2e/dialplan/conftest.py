"""One Asterisk for the whole folder: its tests run one after the other and each leaves it without channels."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.e2e.dialplan.rig import Rig, a_rig


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def shared_rig() -> AsyncIterator[Rig]:
    async with a_rig() as rig:
        yield rig


@pytest_asyncio.fixture(loop_scope="package")
async def rig(shared_rig: Rig) -> AsyncIterator[Rig]:
    """The shared Asterisk with a living server; afterwards nobody is on the line, and its log has no complaint."""
    before, shared_rig.expected_complaints = len(shared_rig.log_lines()), ""
    shared_rig.menu.mood, shared_rig.menu.queue = "done", ""
    await shared_rig.open_menu()
    shared_rig.beating.set()
    await shared_rig.beat_once()
    yield shared_rig
    for channel in await shared_rig.ami.listing("CoreShowChannels", "CoreShowChannelsComplete"):
        await shared_rig.ami.action("Hangup", Channel=channel["Channel"])
    await shared_rig.idle()
    expected = shared_rig.expected_complaints
    complaints = shared_rig.log_lines()[before:]
    assert [line for line in complaints if not expected or not re.search(expected, line)] == []
