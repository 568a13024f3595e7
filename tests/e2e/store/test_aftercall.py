"""Notes, reasons, tickets on a real PostgreSQL: versions, what a desk file switches off, what others are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from cti.domain.aftercall import CallNote, NoteChanged, TicketDo, TicketState, TicketWish, effect_of
from cti.domain.effects import EffectId, EffectMove, EffectState, advance
from cti.domain.errors import CallerError, Unavailable
from cti.domain.model import AgentId, CallId, QueueId, TenantId
from cti.effects import EffectSender
from cti.linking.client import TicketRefused
from cti.linking.tickets import TicketDoer
from cti.store.aftercall import AftercallStore
from cti.store.effects import EffectStore
from cti.store.outgoing import OutgoingStore
from cti.store.pool import create_pool
from cti.store.retention import RetentionStore
from cti.wiring.aftercall import StoredAftercall, start
from cti.wiring.effects import Outbox
from tests.e2e.store.test_desk_apply import EXAMPLE, apply
from tests.unit.linking.test_tickets import WISH
from tests.unit.linking.ticketservice import FakeTickets

DEMO = TenantId("demo")
CALL = CallId("6f1c2a52-3f1e-4f43-9f0b-0a8f3a3b7c11")
NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
NOTE = CallNote(
    tenant=DEMO,
    call_id=CALL,
    agent=AgentId("sato"),
    version=0,
    note="再起動を案内",
    reasons=("unlock",),
    changed_at=NOW,
)


async def test_a_note_is_saved_over_the_version_that_was_seen_and_over_no_other(database: asyncpg.Pool[Any]) -> None:
    store = AftercallStore(database)
    first = await store.save(NOTE, NOW)
    assert first == replace(NOTE, version=1)
    assert await store.save(NOTE, NOW + timedelta(seconds=9)) == first, "a repeated question changes nothing"
    second = await store.save(replace(first, note="折り返し不要", reasons=()), NOW + timedelta(seconds=20))
    assert (second.version, second.note, second.reasons) == (2, "折り返し不要", ())
    with pytest.raises(NoteChanged) as caught:
        await store.save(replace(first, note="別の画面"), NOW)
    assert caught.value.stored == second
    colleague = await store.save(replace(NOTE, agent=AgentId("suzuki"), note="続き"), NOW + timedelta(seconds=30))
    assert await store.notes(DEMO, CALL) == [second, colleague]
    assert await store.notes(TenantId("other"), CALL) == []
    strange = CallId("00000000-0000-4000-8000-000000000000")
    assert await store.notes_of(DEMO, colleague.agent, [strange, CALL]) == [colleague]
    assert await store.notes_of(TenantId("other"), colleague.agent, [CALL]) == []


async def test_of_many_that_save_over_one_version_one_wins(database: asyncpg.Pool[Any]) -> None:
    store = AftercallStore(database)
    first = await store.save(NOTE, NOW)
    answers = await asyncio.gather(
        *(store.save(replace(first, note=f"画面 {n}"), NOW) for n in range(6)), return_exceptions=True
    )
    (won,) = [one for one in answers if isinstance(one, CallNote)]
    assert sum(isinstance(one, NoteChanged) for one in answers) == 5
    assert await store.notes(DEMO, CALL) == [won]


async def test_a_reason_that_leaves_the_file_keeps_its_name(database: asyncpg.Pool[Any], database_url: str) -> None:
    store = AftercallStore(database)
    async with database.acquire() as conn:
        await apply(conn, EXAMPLE)
        trees, required = await store.tree()
        puncture = next(one for one in trees[DEMO] if one.reason == "puncture")
        assert (puncture.parent, puncture.name_ja, puncture.active) == ("car", "パンク", True)
        assert (DEMO, QueueId("roadside")) in required
        begin = EXAMPLE.index('[[tenants.demo.reasons]]\nid = "puncture"')
        end = EXAMPLE.index("[[tenants.demo.reasons]]", begin + 1)
        summary = await apply(conn, EXAMPLE[:begin] + EXAMPLE[end:])
        assert summary.removed["reasons"] == ["demo/puncture"]
    trees, _ = await store.tree()
    assert next(one for one in trees[DEMO] if one.reason == "puncture") == replace(puncture, active=False)


async def test_a_ticket_is_told_to_others_once_with_its_number(database: asyncpg.Pool[Any]) -> None:
    store, effect = EffectStore(database), effect_of(replace(WISH, call_id=CALL), NOW)
    await store.save(effect)
    assert await store.effect(DEMO, effect.effect_id) == effect
    sent = advance(effect, EffectMove.SEND, NOW)
    done = advance(sent, EffectMove.CONFIRM, NOW, mark="T-10001")
    await store.save(done)
    await store.save(done)
    await store.save(effect)
    (found,) = await store.tickets(DEMO, CALL)
    assert (found.state, found.body["mark"]) == (EffectState.DONE, "T-10001")
    assert (await store.load())[1] == []
    (message,) = await OutgoingStore(database).after(DEMO, 0, 10)
    assert (message.kind, message.call_id, message.body["ticket_id"], message.body["done"]) == (
        "ticket.settled", CALL, "T-10001", True,
    )  # fmt: skip
    assert not {"note", "title"} & set(message.body), "its words are the ticket system's"
    later = NOW + timedelta(days=31)
    assert (await RetentionStore(database).forget(later, numbers_days=30, notes_days=30, outgoing_days=30))[
        "tickets"
    ] == 1
    (forgotten,) = await store.tickets(DEMO, CALL)
    assert (forgotten.body["note"], forgotten.body["title"], forgotten.body["mark"]) == ("", "", "T-10001")


async def after_of(database: asyncpg.Pool[Any]) -> StoredAftercall:
    outbox = Outbox(store=EffectStore(database), callbacks=[], unsettled=[])
    async with AsyncExitStack() as cleanup:
        return await start(database, outbox, None, lambda: NOW, cleanup)


@asynccontextmanager
async def asking(database: asyncpg.Pool[Any], service: FakeTickets) -> AsyncIterator[StoredAftercall]:
    """As ``start`` joins it, with a ticket service in memory."""
    store = EffectStore(database)
    sender = EffectSender(
        store, {"ticket": TicketDoer(service, lambda: NOW)}, clock=lambda: NOW, on_settled=lambda *_: None
    )
    yield StoredAftercall(AftercallStore(database), store, sender, lambda: NOW)
    await sender.stop()


async def in_state(after: StoredAftercall, wanted: TicketState) -> None:
    async with asyncio.timeout(20):
        while [line.state for line in await after.tickets(DEMO, CALL)] != [wanted]:
            await asyncio.sleep(0.02)


MINE: TicketWish = replace(WISH, call_id=CALL)


async def test_of_two_requests_with_one_key_one_asks_and_both_are_answered(database: asyncpg.Pool[Any]) -> None:
    service = FakeTickets()
    async with asking(database, service) as after:
        lines = await asyncio.gather(*(after.ask_ticket(MINE) for _ in range(5)))
        assert {line.key for line in lines} == {MINE.key}
        await in_state(after, TicketState.DONE)
        assert after.sender is not None
        assert (service.asked, after.sender.counts["stored"]) == ([MINE.key], 1)


@pytest.mark.parametrize("away", [True, False], ids=["while it waits", "when it is done"])
async def test_a_key_stands_for_one_wish(database: asyncpg.Pool[Any], away: bool) -> None:
    service = FakeTickets()
    service.away = away
    async with asking(database, service) as after:
        await after.ask_ticket(MINE)
        await in_state(after, TicketState.QUEUED if away else TicketState.DONE)
        for other in (
            replace(MINE, do=TicketDo.JOIN, ticket_id="T-9", title=""),
            replace(MINE, title="別の用件"),
            replace(MINE, agent=AgentId("suzuki")),
        ):
            with pytest.raises(CallerError, match="another wish's"):
                await after.ask_ticket(other)
        assert (await after.ask_ticket(MINE)).key == MINE.key
        if not away:
            later = NOW + timedelta(days=31)
            await RetentionStore(database).forget(later, numbers_days=30, notes_days=30, outgoing_days=30)
            assert (await after.ask_ticket(MINE)).state is TicketState.DONE, "its words are forgotten, the wish is not"


async def test_a_key_that_another_desk_asks_for_now_is_not_told_here(database: asyncpg.Pool[Any]) -> None:
    service = FakeTickets()
    async with asking(database, service) as after:
        await after.ask_ticket(MINE)
        await in_state(after, TicketState.DONE)
        service.away = True
        theirs = replace(MINE, tenant=TenantId("other"), title="別のデスク")
        await after.ask_ticket(theirs)
        (line,) = await after.tickets(DEMO, CALL)
        assert (line.title, line.state) == (MINE.title, TicketState.DONE)


async def test_a_wish_that_is_known_is_answered_however_many_wait(
    database: asyncpg.Pool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti.wiring.aftercall.TICKETS_MOST", 1)
    service = FakeTickets()
    service.away = True
    async with asking(database, service) as after:
        await after.ask_ticket(MINE)
        with pytest.raises(Unavailable, match="1 tickets wait"):
            await after.ask_ticket(replace(MINE, key=EffectId("b" * 32)))
        assert (await after.ask_ticket(MINE)).key == MINE.key


async def test_what_nobody_can_tell_is_looked_for_by_no_start(database: asyncpg.Pool[Any]) -> None:
    service, reused = FakeTickets(), TicketRefused(409, "key_reused")
    service.fails = [reused, reused]
    async with asking(database, service) as after:
        await after.ask_ticket(MINE)
        await in_state(after, TicketState.UNKNOWN)
    waiting = effect_of(replace(MINE, key=EffectId("c" * 32)), NOW)
    unknown = advance(waiting, EffectMove.SILENCE, NOW)
    store = EffectStore(database)
    await store.save(unknown)
    assert (await store.load())[1] == [unknown], "what may still be found out is"
    async with asking(database, service) as after:
        states = {line.key: line.state for line in await after.tickets(DEMO, CALL)}
    assert states == {MINE.key: TicketState.UNKNOWN, waiting.effect_id: TicketState.QUEUED}
    assert await OutgoingStore(database).after(DEMO, 0, 10) == []


async def test_without_a_look_up_service_old_tickets_are_still_shown(database: asyncpg.Pool[Any]) -> None:
    await EffectStore(database).save(effect_of(replace(WISH, call_id=CALL), NOW))
    after = await after_of(database)
    (line,) = await after.tickets(DEMO, CALL)
    assert (after.has_tickets, line.state) == (False, TicketState.SENDING)
    wish: TicketWish = replace(WISH, call_id=CALL)
    with pytest.raises(CallerError):
        await after.ask_ticket(wish)


async def test_with_the_database_away_a_note_is_refused_at_once(database_url: str) -> None:
    away = await create_pool(database_url, max_size=1)
    away.terminate()
    with pytest.raises(Unavailable):
        await AftercallStore(away).save(NOTE, NOW)
