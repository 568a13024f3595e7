"""The server is killed in the middle of the words by which a call ends: the next one lets them end."""

from __future__ import annotations

import pytest

from tests.e2e.callbacks.conftest import Office
from tests.e2e.callbacks.steps import at_desk, clean, kill, newest, run_sql
from tests.e2e.desk.office import calling, eventually, record_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_caller_who_is_told_why_nobody_comes_is_not_offered_by_the_next_server(office: Office) -> None:
    desk = office.desk
    await clean(desk)
    await desk.start_server()
    heard = len(desk.phones["sato"].events)
    async with at_desk(desk), calling(desk, caller="090-8765-4321") as caller:
        call_id = await eventually(lambda: newest(desk), bool)
        assert desk.asterisk is not None
        channels = await desk.asterisk.cli("core show channels concise")
        (channel,) = [row.split("!")[0] for row in channels.splitlines() if row.startswith("PJSIP/trunk")]
        await kill(desk)
        # Routing's last word before it died; and somebody is there for the next server.
        await desk.asterisk.cli(f"channel redirect {channel} cti-treat,nobody_logged_in,1")
        await run_sql(desk, "UPDATE agent_states SET state = 'available', reason = '' WHERE agent = 'sato'")
        await desk.start_server()
        await caller.wait_for("CALL_CLOSED", 20.0)
        record = await record_of(desk, call_id, lambda record: record["ended_at"] is not None)
    assert not any(event.kind == "CALL_INCOMING" for event in desk.phones["sato"].events[heard:])
    assert (record["end_reason"], record["agents"]) == ("treated", [])
