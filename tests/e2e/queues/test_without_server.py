"""Nobody is there, and our server neither: the dialplan takes a message by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cti.demo.stack import Stack
from cti.demo.tones import read_wav, tone_seconds
from tests.e2e.desk.office import calling, eventually
from tests.e2e.queues.callers import spool
from tests.e2e.queues.conftest import NIGHT

pytestmark = pytest.mark.asyncio(loop_scope="package")

TONE_HZ = 440


async def marks(desk: Stack) -> list[Path]:
    return sorted(spool(desk).glob("*-m.wav"))


async def heard(file: Path) -> float:
    try:
        channels, rate = read_wav(file)
    except (EOFError, ValueError):
        return 0.0
    return tone_seconds(channels[0], TONE_HZ, rate)


async def test_without_our_server_a_message_is_taken_all_the_same(desk: Stack) -> None:
    assert desk.server is not None
    await desk.server.stop()
    try:
        async with calling(desk, number=NIGHT, keys="", sound=TONE_HZ):
            found = await eventually(lambda: marks(desk), lambda files: len(files) > 0, 25)
            await asyncio.sleep(3)
        sound = await eventually(lambda: heard(found[0]), lambda seconds: seconds > 2, 5)
        assert sound > 2
    finally:
        await desk.start_server()
