"""Tickets as effects, with the reference service behind them and with the fake of other tests: both answer so."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest

from cti.domain.aftercall import CallTicket, TicketDo, TicketState, effect_of, request_of, ticket_of
from cti.domain.effects import Effect, EffectId, EffectState
from cti.linking.client import LookupClient, LookupLimits
from cti.linking.tickets import TicketWriter
from cti.store.effects import EffectStore
from cti.store.outgoing import OutgoingStore
from cti.wiring.aftercall import StoredAftercall, start
from cti.wiring.effects import Outbox
from tests.contract.linking.service import Service
from tests.unit.linking.test_tickets import NOW, WISH, Disk, became, sender_of
from tests.unit.linking.ticketservice import FakeTickets


@dataclass
class Side:
    """The other side, its faults, and what somebody else sees of a ticket."""

    writer: TicketWriter
    away: Callable[[bool], None]
    calls_of: Callable[[str], int]  # how many calls a ticket has; only the real one can be asked


@pytest.fixture(params=["service", "fake"])
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    if request.param == "fake":
        fake = FakeTickets()

        def set_away(away: bool) -> None:
            fake.away = away

        yield Side(fake, set_away, lambda _: 1)
        return
    service: Service = request.getfixturevalue("service")
    async with LookupClient(service.url, service.token, limits=LookupLimits(ticket_deadline_s=2.0)) as client:
        yield Side(
            client,
            lambda away: service.fault("error" if away else "none"),
            lambda ticket: int(service.request("GET", f"/v1/tickets/{ticket}")[1]["calls"]),
        )


def wish() -> Effect:
    return effect_of(replace(WISH, key=EffectId(secrets.token_hex(16))), NOW)


async def done(side: Side, effect: Effect, disk: Disk) -> Effect:
    sender, settled = sender_of(disk, side.writer)
    sender.take_over([effect])
    found = await became(settled)
    await sender.stop()
    return found


async def test_a_ticket_is_opened_and_asked_again_it_is_the_same(side: Side) -> None:
    disk, effect = Disk(), wish()
    sender, settled = sender_of(disk, side.writer)
    await sender.begin(effect)
    first = await became(settled)
    await sender.stop()
    again = await done(side, effect, disk)  # a process that died before it could store what became of it
    assert (first.state, again.state) == (EffectState.DONE, EffectState.DONE)
    assert first.body["mark"] == again.body["mark"]
    assert side.calls_of(first.body["mark"]) == 1


async def test_a_call_joins_a_ticket(side: Side) -> None:
    disk = Disk()
    opened = await done(side, wish(), disk)
    key = EffectId(secrets.token_hex(16))
    join = effect_of(replace(WISH, key=key, do=TicketDo.JOIN, ticket_id=opened.body["mark"]), NOW)
    joined = ticket_of(await done(side, join, disk), NOW)
    assert (joined.state, joined.ticket_id) == (TicketState.DONE, opened.body["mark"])


async def test_while_the_service_fails_the_wish_waits(side: Side) -> None:
    disk, effect = Disk(), wish()
    side.away(True)
    sender, settled = sender_of(disk, side.writer)
    await sender.begin(effect)
    async with asyncio.timeout(20):
        while sender.live[0].state is not EffectState.UNKNOWN:
            await asyncio.sleep(0.01)
    assert ticket_of(sender.live[0], NOW).state is TicketState.QUEUED
    side.away(False)
    sender.look_now()
    assert (await became(settled)).state is EffectState.DONE
    await sender.stop()


async def test_a_member_whom_the_service_does_not_know_is_told(service: Service) -> None:
    async with LookupClient(service.url, service.token) as client:
        sender, settled = sender_of(Disk(), client)
        await sender.begin(effect_of(replace(WISH, key=EffectId(secrets.token_hex(16)), member_id="M-0"), NOW))
        shown = ticket_of(await became(settled), NOW)
        await sender.stop()
    assert (shown.state, shown.why) == (TicketState.REFUSED, "not_found")


async def begun(pool: asyncpg.Pool[Any], client: LookupClient, cleanup: AsyncExitStack) -> StoredAftercall:
    """As a server does it at its start: what the one before left is taken over."""
    store = EffectStore(pool)
    callbacks, unsettled = await store.load()
    outbox = Outbox(store=store, callbacks=callbacks, unsettled=unsettled)
    return await start(pool, outbox, client, lambda: NOW, cleanup)


async def shown(after: StoredAftercall, wanted: TicketState) -> CallTicket:
    async with asyncio.timeout(20):
        while True:
            (line,) = await after.tickets(WISH.tenant, WISH.call_id)
            if line.state is wanted:
                return line
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("when", ["stored and not sent", "sent and not stored", "away"])
async def test_a_server_that_dies_around_a_ticket_opens_it_once(service: Service, database_url: str, when: str) -> None:
    """The whole chain as `serve` joins it: real PostgreSQL, the real client, the reference service."""
    wish = replace(WISH, key=EffectId(secrets.token_hex(16)))
    async with asyncpg.create_pool(database_url, min_size=1, max_size=4) as pool:
        limits = LookupLimits(ticket_deadline_s=2.0)
        async with LookupClient(service.url, service.token, limits=limits) as client:
            before = None
            if when == "away":
                service.fault("error")
                async with AsyncExitStack() as first:
                    after = await begun(pool, client, first)
                    asked = await after.ask_ticket(wish)
                    assert asked.state is TicketState.SENDING
                    assert (await after.ask_ticket(wish)).key == wish.key, "a second click is the same wish"
                    await shown(after, TicketState.QUEUED)
                service.fault("none")
            else:
                await EffectStore(pool).save(effect_of(wish, NOW))
                if when == "sent and not stored":
                    before = await client.open_ticket(wish.key, request_of(effect_of(wish, NOW)))
            async with AsyncExitStack() as second:
                after = await begun(pool, client, second)
                line = await shown(after, TicketState.DONE)
            assert before is None or line.ticket_id == before.ticket_id
            status, ticket = service.request("GET", f"/v1/tickets/{line.ticket_id}")
            assert (status, ticket["title"], ticket["calls"]) == (200, WISH.title, 1)
            assert (await EffectStore(pool).load())[1] == [], "settled on disk, too"
            (told,) = await OutgoingStore(pool).after(WISH.tenant, 0, 10)
            assert (told.kind, told.body["ticket_id"]) == ("ticket.settled", line.ticket_id)
