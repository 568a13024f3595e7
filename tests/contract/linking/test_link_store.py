"""The history of links in a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest

from cti.domain.errors import CallerError, Unavailable
from cti.domain.events import CallLinked
from cti.domain.model import CallId, Link, LinkConfidence, UserLogin
from cti.store.links import LinkStore
from tests.unit.linking.builders import CALL, NOW, TENANT, call

OTHER = CallId("1c55a1f0-7a55-4b8e-9f62-5a0a4f9d0b01")
LIKELY = Link(confidence=LinkConfidence.LIKELY, score=0.8, why="number_only", member_id="A", reservation_id="R-11")
NOBODY = Link(confidence=LinkConfidence.NONE, score=0.0, why="lookup_down")
CHOSEN = Link(
    confidence=LinkConfidence.CONFIRMED, score=1.0, why="agent", member_id="B", reservation_id="R-22",
    ticket_id="T-1",
)  # fmt: skip


def linked(link: Link, status: str = "live", *, after_s: float = 0, call_id: CallId = CALL) -> CallLinked:
    return CallLinked(
        at=NOW + timedelta(seconds=after_s), tenant=TENANT, call=call(call_id=call_id), link=link, status=status
    )


@pytest.fixture
def store(database: asyncpg.Pool) -> LinkStore:
    return LinkStore(database)


async def test_each_finding_is_kept_and_the_newest_counts(store: LinkStore) -> None:
    await store.handle(linked(NOBODY, "unavailable"))
    await store.handle(linked(LIKELY, after_s=2))
    history = await store.history(TENANT, CALL)
    assert [(h.link, h.status, h.made_by) for h in history] == [
        (NOBODY, "unavailable", "system"),
        (LIKELY, "live", "system"),
    ]
    assert history[1].at == NOW + timedelta(seconds=2)
    assert await store.current(TENANT, CALL) == history[1]


async def test_the_same_finding_twice_is_one(store: LinkStore) -> None:
    for after_s in range(3):
        await store.handle(linked(LIKELY, after_s=after_s))
    assert len(await store.history(TENANT, CALL)) == 1


async def test_what_a_person_decided_outranks_later_findings(store: LinkStore) -> None:
    await store.handle(linked(LIKELY))
    await store.decide(TENANT, CALL, by=UserLogin("sato"), at=NOW, link=CHOSEN)
    await store.handle(linked(NOBODY, "unavailable"))
    current = await store.current(TENANT, CALL)
    assert current is not None
    assert (current.made_by, current.status, current.link) == ("sato", "decided", CHOSEN)
    assert len(await store.history(TENANT, CALL)) == 3


async def test_nobody_is_called_system(store: LinkStore) -> None:
    with pytest.raises(CallerError, match="system"):
        await store.decide(TENANT, CALL, by=UserLogin("system"), at=NOW, link=CHOSEN)


async def test_a_call_s_id_is_a_uuid(store: LinkStore) -> None:
    with pytest.raises(CallerError, match="UUID"):
        await store.current(TENANT, CallId("x" * 300))


async def test_a_database_that_is_away_is_unavailable(database: asyncpg.Pool) -> None:
    store = LinkStore(database)
    await database.close()
    with pytest.raises(Unavailable):
        await store.handle(linked(LIKELY))


async def test_a_decision_that_is_taken_back_counts_no_more(store: LinkStore) -> None:
    await store.handle(linked(LIKELY))
    await store.decide(TENANT, CALL, by=UserLogin("sato"), at=NOW + timedelta(seconds=1), link=CHOSEN)
    await store.undecide(TENANT, CALL, by=UserLogin("sato"), at=NOW + timedelta(seconds=2), link=LIKELY)
    now = await store.current(TENANT, CALL)
    assert now is not None
    assert (now.link, now.made_by, now.status) == (LIKELY, "sato", "undecided")
    found = replace(LIKELY, reservation_id="R-12")
    await store.handle(linked(found, after_s=3))
    now = await store.current(TENANT, CALL)
    assert now is not None
    assert (now.link, now.made_by) == (found, "system")  # what the look-up finds counts again
    await store.decide(TENANT, CALL, by=UserLogin("sato"), at=NOW + timedelta(seconds=4), link=CHOSEN)
    await store.handle(linked(LIKELY, after_s=5))
    now = await store.current(TENANT, CALL)
    assert now is not None
    assert now.link == CHOSEN
    assert [one.status for one in await store.history(TENANT, CALL)] == [
        "live", "decided", "undecided", "live", "decided", "live",
    ]  # fmt: skip
