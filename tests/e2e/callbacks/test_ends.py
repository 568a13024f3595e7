"""The other ends of a callback: nobody answers, the person calls again, a supervisor cancels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from cti.demo.client import logged_in
from cti.demo.stack import Stack
from tests.e2e.callbacks.conftest import Office
from tests.e2e.callbacks.steps import at_desk, callbacks, clean, promise, rows_of
from tests.e2e.desk.office import calling, eventually, offered

pytestmark = pytest.mark.asyncio(loop_scope="package")


def _tried(times: int, rows: list[dict[str, Any]]) -> bool:
    return [row["tries"] for row in rows] == [times]


async def promised(desk: Stack) -> None:
    """A desk that has promised one call back, ten minutes ago."""
    await clean(desk)
    await promise(desk)
    await desk.start_server()


async def test_who_does_not_answer_is_tried_as_often_as_stated_and_given_up(office: Office) -> None:
    desk, since, heard = office.desk, len(office.person.events), len(office.desk.phones["sato"].events)
    await promised(desk)
    async with at_desk(desk) as (agent, _):
        for tries in (1, 2):
            await agent.set_state("available")
            await desk.phones["sato"].wait_for("CALL_INCOMING", 20.0, since=heard, count=tries)
            await desk.phones["sato"].accept()
            await office.person.wait_for("CALL_INCOMING", 10.0, since=since, count=tries)
            if tries == 1:
                await office.person.hangup()  # declines; the second time it is left to ring
            await callbacks(desk, partial(_tried, tries), 20.0)
            await desk.phones["sato"].wait_for("CALL_CLOSED", 15.0, since=heard, count=tries)
    (row,) = await callbacks(desk, lambda rows: [row["state"] for row in rows] == ["given_up"])
    assert row["outcome"] == "noanswer"
    query = "SELECT end_reason FROM calls WHERE extra ->> 'callback' = $1"
    ends = await eventually(
        lambda: rows_of(desk, query, row["callback_id"]), lambda rows: sum(bool(row["end_reason"]) for row in rows) == 2
    )
    assert [end["end_reason"] for end in ends] == ["unreached", "unreached"]


async def test_who_calls_again_has_their_place_and_is_not_called(office: Office) -> None:
    desk, since = office.desk, len(office.person.events)
    await promised(desk)
    # Nobody is at work who could be rung: on a break, so that the caller waits.
    async with at_desk(desk) as (agent, screen), calling(desk, caller="090-1234-5678", keys="1w2w0") as phone:
        (row,) = await callbacks(desk, lambda rows: [row["state"] for row in rows] == ["taken_over"], 25.0)
        assert row["outcome"] == "called_again"
        async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as supervisor:
            board = await supervisor.get("/api/queues")
            (waiting,) = [call for queue in board["queues"] for call in queue["waiting"]]
        assert waiting["call_id"] == str(row["successor"])
        ago = datetime.now(UTC) - datetime.fromisoformat(waiting["since"])
        assert ago > timedelta(minutes=9), "the place of the call before"
        await agent.set_state("available")
        _, offer = await screen.wait_for("pop", offered, "pop", 15.0)
        assert offer["pop"]["callback"] is False
        await phone.hangup()
    assert not any(event.kind == "CALL_INCOMING" for event in office.person.events[since:])


async def test_a_supervisor_sees_and_cancels(office: Office) -> None:
    desk = office.desk
    await promised(desk)
    async with logged_in(desk.web, "tanaka", desk.password("tanaka")) as supervisor:
        (line,) = (await supervisor.get("/api/callbacks"))["callbacks"]
        assert (line["state"], line["number"], line["queue"]) == ("waiting", "090-1234-5678", "members")
        cancel = f"{desk.web}/api/callbacks/{line['callback_id']}/cancel"
        async with supervisor.session.post(cancel) as answer:
            assert (answer.status, (await answer.json())["state"]) == (200, "cancelled")
        async with supervisor.session.post(cancel) as answer:
            assert answer.status == 404
        assert (await supervisor.get("/api/callbacks"))["callbacks"] == []
        # On disk since it was answered (unit tests): here, or in the journal if the database took more than a second.
        await callbacks(desk, lambda rows: [row["outcome"] for row in rows] == ["cancelled"], 20.0)
        (kept,) = (await supervisor.get("/api/callbacks", all="true"))["callbacks"]
        assert kept["outcome"] == "cancelled"
    audited = await rows_of(desk, "SELECT who FROM audit WHERE what = 'callback.cancelled'")
    assert [row["who"] for row in audited] == ["tanaka", "tanaka"]
