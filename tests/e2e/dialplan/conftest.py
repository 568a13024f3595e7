"""One Asterisk for the whole folder: its tests run one after the other and each leaves it without channels."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest_asyncio

from tests.e2e.dialplan.rig import Rig, a_rig

# A Redirect in the very instant in which the waiting loop goes back to its beginning: Asterisk looks for the label
# where it was told to go, complains, and goes there all the same. That is why no two contexts share one (cti-stray).
REDIRECTED_AT_A_LABEL = r"Priority '(waits|holds|parks|passes|attends|music)' must be a number > 0, or valid label"


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
    expected = "|".join(filter(None, (REDIRECTED_AT_A_LABEL, shared_rig.expected_complaints)))
    assert [line for line in shared_rig.log_lines()[before:] if not re.search(expected, line)] == []
