"""One Asterisk for the whole folder; each test brings its own menu server and leaves nobody on the line."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.e2e.ivr.desk import Desk, a_desk, beat, main_menu


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def shared_desk() -> AsyncIterator[Desk]:
    async with a_desk(main_menu()) as desk:
        yield desk


@pytest_asyncio.fixture(loop_scope="package")
async def desk(shared_desk: Desk) -> AsyncIterator[Desk]:
    await beat(shared_desk.asterisk)
    shared_desk.signals.posted.clear()
    yield shared_desk
    for phone in shared_desk.phones:
        await phone.stop()
    shared_desk.phones.clear()
    await shared_desk.asterisk.cli("channel request hangup all")
    await shared_desk.until(lambda seen: not seen)
