"""The feed of messages for other systems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from cti.domain import outgoing
from cti.domain.callbacks import Callback, CallbackId, CallbackMove, advance
from cti.domain.events import RecordingStored
from cti.domain.model import Link, LinkConfidence, QueueId, TenantId
from cti.domain.outgoing import Message
from cti.web.callview import call_record
from cti.web.context import PARTS
from tests.unit.web.conftest import Site
from tests.unit.web.fakes import DEMO, T0, FakeNames, call_id, closed_call

LINK = Link(confidence=LinkConfidence.LIKELY, score=0.8, why="number_only", member_id="M-1", reservation_id="R-1")


@dataclass
class FakeFeed:
    """Everything in memory."""

    messages: list[Message]

    async def after(self, tenant: TenantId, after: int, limit: int) -> Sequence[Message]:
        return [m for m in self.messages if m.tenant == tenant and m.id > after][:limit]

    async def head(self, tenant: TenantId) -> int:
        return max((m.id for m in self.messages if m.tenant == tenant), default=0)


def callback() -> Callback:
    return Callback(
        callback_id=CallbackId("c" * 32), tenant=DEMO, queue=QueueId("members"), origin=call_id(1),
        number="+819012345678", number_called="+815012345000", language="ja", queued_at=T0, asked_at=T0,
    )  # fmt: skip


def facts() -> list[outgoing.Outgoing]:
    call = replace(closed_call(1), link=LINK)
    stored = RecordingStored(
        at=T0, tenant=DEMO, call_id=call.call_id, uri="s3://bucket/key", sha256="0" * 64, duration_s=61.5
    )
    closed = outgoing.of_call(call)
    assert closed is not None
    settled = advance(callback(), CallbackMove.CANCEL, T0 + timedelta(minutes=3), outcome="by_desk")
    return [closed, outgoing.of_recording(stored), *outgoing.of_callback(settled)]


def numbered(found: Sequence[outgoing.Outgoing], stored_at: datetime = T0) -> list[Message]:
    return [
        Message(
            id=number, tenant=one.tenant, kind=one.kind, call_id=one.call_id, at=one.at, stored_at=stored_at,
            body=one.body,
        )
        for number, one in enumerate(found, 1)
    ]  # fmt: skip


def fill(site: Site, messages: list[Message]) -> None:
    object.__setattr__(site.server.app[PARTS], "feed", FakeFeed(messages))


async def page(site: Site, login: str = "crm", query: str = "") -> dict[str, Any]:
    client = await site.logged_in(login)
    async with client.get(f"/api/outgoing{query}") as answer:
        assert answer.status == 200, await answer.text()
        body: dict[str, Any] = await answer.json()
        return body


async def test_messages_are_read_in_order_from_any_number_on(site: Site) -> None:
    fill(site, numbered(facts()))
    whole = await page(site)
    assert [(m["id"], m["kind"]) for m in whole["messages"]] == [
        (1, "call.closed"), (2, "recording.stored"), (3, "callback.asked"), (4, "callback.settled"),
    ]  # fmt: skip
    assert (whole["next"], whole["head"]) == (4, 4)
    some = await page(site, query="?after=1&limit=2")
    assert ([m["id"] for m in some["messages"]], some["next"], some["head"]) == ([2, 3], 3, 4)
    none = await page(site, query="?after=4")
    assert (none["messages"], none["next"], none["head"]) == ([], 4, 4)


async def test_a_reader_who_was_away_for_too_long_comes_to_the_end_all_the_same(site: Site) -> None:
    """Everything after their number was deleted for its age; ``next`` reaches ``head``, or they would ask for ever."""

    class Emptied(FakeFeed):
        async def head(self, _tenant: TenantId) -> int:
            return 9

    object.__setattr__(site.server.app[PARTS], "feed", Emptied([]))
    assert await page(site, query="?after=4") == {"messages": [], "next": 9, "head": 9}


async def test_what_is_stored_between_two_looks_is_not_skipped(site: Site) -> None:
    class Grows(FakeFeed):
        async def after(self, tenant: TenantId, after: int, limit: int) -> Sequence[Message]:
            found = await super().after(tenant, after, limit)
            self.messages = numbered(facts())
            return found

    object.__setattr__(site.server.app[PARTS], "feed", Grows([]))
    assert (await page(site))["next"] == 0
    assert len((await page(site))["messages"]) == 4


async def test_another_desk_s_messages_are_not_there(site: Site) -> None:
    fill(site, [replace(m, tenant=TenantId("other")) for m in numbered(facts())])
    assert await page(site) == {"messages": [], "next": 0, "head": 0}


async def test_a_program_may_read_messages_and_nothing_about_calls(site: Site) -> None:
    client = await site.logged_in("crm")
    for path in ("/api/calls", f"/api/calls/{call_id(1)}", "/api/queues", "/api/callbacks", "/api/recordings"):
        async with client.get(path) as answer:
            assert answer.status == 403, path


@pytest.mark.parametrize("query", ["?after=-1", "?after=x", "?limit=0", "?limit=201", "?before=3", f"?after={2**63}"])
async def test_what_cannot_be_meant_is_refused(site: Site, query: str) -> None:
    client = await site.logged_in("crm")
    async with client.get(f"/api/outgoing{query}") as answer:
        assert (answer.status, (await answer.json())["key"]) == (400, "bad_request")


def test_a_message_says_no_more_of_a_call_than_its_record_does() -> None:
    """Same words, same values; what the record tells nobody (channels, the object's place) is in no message."""
    call = replace(closed_call(1), link=LINK)
    record = call_record(call, None, FakeNames()).model_dump(mode="json")
    body = facts()[0].body
    instants = {name for name in body if name.endswith("_at") and body[name] is not None}
    for name in body.keys() - instants - {"language", "reason", "transfers", "link"}:
        assert body[name] == record[name], name
    for name in instants:
        assert datetime.fromisoformat(str(body[name])) == datetime.fromisoformat(record[name]), name
    assert body["reason"] == record["menu"]["reason"]
    assert body["link"].items() <= record["link"].items()
    assert "s3://" not in str(facts()[1].body)


def test_a_live_call_tells_nothing() -> None:
    assert outgoing.of_call(replace(closed_call(1), ended_at=None)) is None
