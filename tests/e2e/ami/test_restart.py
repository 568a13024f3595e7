"""Asterisk dies and comes back: its own Asterisk, because everybody on it is lost."""

from __future__ import annotations

import contextlib
import signal

import pytest

from cti.demo.asterisk import start_asterisk
from cti.domain import events as ev
from cti.domain.model import EndedBy, EndReason
from tests.e2e.ami.conftest import a_server
from tests.e2e.dialplan.rig import a_rig

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_calls_of_an_asterisk_that_died_are_closed_and_the_next_one_is_served() -> None:
    async with contextlib.AsyncExitStack() as stack:
        rig = await stack.enter_async_context(a_rig())
        server = await stack.enter_async_context(a_server(rig))
        queued = await server.waiting()
        await server.offer(queued, "sato")
        await server.saw(ev.CallAnswered)
        rig.beating.clear()
        rig.asterisk.child.signal(signal.SIGKILL)
        await server.lost()
        rig.asterisk = await start_asterisk(rig.run)
        stack.push_async_callback(rig.asterisk.stop)
        ended = await server.saw(ev.CallEnded, within_s=20)
        assert ended.call_id == queued.call_id
        assert (ended.call.ended_by, ended.call.end_reason) == (EndedBy.UNKNOWN, EndReason.COMPLETED)
        assert ended.call.inferred
        assert ended.call.talks[0].ended_at is not None
        freed = await server.saw(ev.AgentFreed)
        assert freed.agent == "sato"
        await server.back()
        assert f"CTI_EPOCH={server.feed.epoch}" in await rig.asterisk.cli("dialplan show globals")
        assert server.desk.all_live() == ()
