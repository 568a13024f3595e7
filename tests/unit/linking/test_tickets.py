"""Tickets as effects: what each answer of the service means, and that a death at any point opens none twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti.domain.aftercall import REPEAT_FOR, TicketDo, TicketState, TicketWish, effect_of, same_wish, ticket_of
from cti.domain.effects import Declined, Effect, EffectId, EffectState, MaybeDone, NeverKnown
from cti.domain.errors import KakehashiError, NotFound, PeerError, Unavailable
from cti.domain.model import AgentId, CallId, TenantId
from cti.effects import EffectSender
from cti.linking.client import TicketLater, TicketRefused
from cti.linking.contract import Ticket
from cti.linking.tickets import FAILURES, LANES, REST_S, TicketDoer, TicketWriter
from tests.unit.linking.ticketservice import FakeTickets

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
WISH = TicketWish(
    key=EffectId("a" * 32), tenant=TenantId("demo"), call_id=CallId("6f1c2a52-3f1e-4f43-9f0b-0a8f3a3b7c11"),
    agent=AgentId("sato"), login="sato", do=TicketDo.OPEN, category="unlock", title="解錠できない", note="再起動を案内",
    member_id="M-100017",
)  # fmt: skip
EFFECT = effect_of(WISH, NOW)


class Disk:
    """Where effects are kept: what outlives a process."""

    def __init__(self) -> None:
        self.rows: dict[EffectId, Effect] = {}
        self.full = False

    async def save(self, *records: Any) -> None:
        if self.full:
            raise Unavailable("neither the database nor the local disk")
        self.rows.update({record.effect_id: record for record in records})


def sender_of(disk: Disk, service: TicketWriter, at: datetime = NOW) -> tuple[EffectSender, asyncio.Queue[Effect]]:
    settled: asyncio.Queue[Effect] = asyncio.Queue()
    sender = EffectSender(
        disk, {"ticket": TicketDoer(service, lambda: at)}, clock=lambda: at,
        on_settled=lambda effect, _: settled.put_nowait(effect),
    )  # fmt: skip
    return sender, settled


async def became(settled: asyncio.Queue[Effect]) -> Effect:
    async with asyncio.timeout(20):
        return await settled.get()


@pytest.mark.parametrize(
    ("answer", "sent", "looked"),
    [
        (Unavailable("slow"), MaybeDone, Unavailable),
        (PeerError("no ticket"), MaybeDone, Unavailable),
        (TicketRefused(401, "unauthorized"), MaybeDone, Unavailable),  # our token: the wish is still good
        (TicketRefused(409, "key_reused"), MaybeDone, NeverKnown),
        (TicketRefused(409, "ticket_closed"), Declined, Declined),
        (TicketRefused(400, ""), Declined, Declined),
        (NotFound("no such member"), Declined, Declined),
    ],
)
async def test_what_an_answer_means(
    answer: Exception, sent: type[KakehashiError], looked: type[KakehashiError]
) -> None:
    service = FakeTickets()
    doer = TicketDoer(service, lambda: NOW)
    service.fails = [answer]
    with pytest.raises(sent):
        await doer.send(EFFECT)
    service.fails = [answer]
    with pytest.raises(looked):
        await doer.look(EFFECT)


async def test_after_the_key_is_forgotten_nobody_asks_any_more() -> None:
    service = FakeTickets()
    with pytest.raises(NeverKnown):
        await TicketDoer(service, lambda: NOW + REPEAT_FOR).look(EFFECT)
    assert service.asked == []
    disk = Disk()
    sender, _ = sender_of(disk, service, NOW + REPEAT_FOR)
    disk.rows[EFFECT.effect_id] = EFFECT
    sender.take_over([EFFECT])
    async with asyncio.timeout(20):
        while sender.live:
            await asyncio.sleep(0)
        while sender.unsaved:
            await asyncio.sleep(0)
    assert (service.asked, sender.counts["never_known"]) == ([], 1)
    stored = disk.rows[EFFECT.effect_id]
    assert (stored.state, stored.given_up, stored.body["why"]) == (EffectState.UNKNOWN, True, "too_late")
    assert ticket_of(EFFECT, NOW + REPEAT_FOR).state is TicketState.UNKNOWN
    assert ticket_of(EFFECT, NOW + REPEAT_FOR - timedelta(seconds=1)).state is TicketState.SENDING


async def test_it_is_on_disk_before_it_is_sent_and_its_number_afterwards() -> None:
    disk, service = Disk(), FakeTickets()
    states: list[EffectState] = []
    service.heard = lambda: states.append(disk.rows[EFFECT.effect_id].state)
    sender, settled = sender_of(disk, service)
    await sender.begin(EFFECT)
    done = await became(settled)
    await sender.stop()
    assert states == [EffectState.STORED]
    shown = ticket_of(done, NOW)
    assert (shown.state, shown.ticket_id, shown.why) == (TicketState.DONE, "T-1", "")


async def test_what_cannot_be_stored_is_asked_for_by_nobody() -> None:
    disk, service = Disk(), FakeTickets()
    disk.full = True
    sender, _ = sender_of(disk, service)
    with pytest.raises(Unavailable):
        await sender.begin(EFFECT)
    await sender.stop()
    assert service.asked == []


async def test_a_key_that_was_used_in_other_words_is_unknown_at_once_and_on_disk() -> None:
    disk, service = Disk(), FakeTickets()
    service.fails = [TicketRefused(409, "key_reused"), TicketRefused(409, "key_reused")]
    sender, _ = sender_of(disk, service)
    await sender.begin(EFFECT)
    async with asyncio.timeout(20):
        while sender.live or sender.unsaved:
            await asyncio.sleep(0)
    await sender.stop()
    stored = disk.rows[EFFECT.effect_id]
    assert (stored.given_up, stored.body["why"], stored.version) == (True, "key_reused", 4)
    shown = ticket_of(stored, NOW)
    assert (shown.state, shown.why) == (TicketState.UNKNOWN, "")


@pytest.mark.parametrize("end", ["done", "refused", "given up"])
async def test_what_became_of_it_is_stored_when_there_is_room_again(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti.effects.SAVE_AGAIN_S", 0.01)
    disk, service = Disk(), FakeTickets()
    if end != "done":
        code = "key_reused" if end == "given up" else "ticket_closed"
        service.fails = [TicketRefused(409, code), TicketRefused(409, code)]

    def fill() -> None:
        disk.full = True

    service.heard = fill
    sender, _ = sender_of(disk, service)
    await sender.begin(EFFECT)
    async with asyncio.timeout(20):
        while not sender.unsaved:
            await asyncio.sleep(0)
        assert disk.rows[EFFECT.effect_id].state is EffectState.STORED
        (known,) = sender.unsaved
        disk.full = False
        while sender.unsaved:
            await asyncio.sleep(0.01)
    await sender.stop()
    assert disk.rows[EFFECT.effect_id] == known
    assert ticket_of(known, NOW).state in (TicketState.DONE, TicketState.REFUSED, TicketState.UNKNOWN)


def wishes(many: int) -> list[Effect]:
    return [effect_of(replace(WISH, key=EffectId(f"{number:032x}")), NOW) for number in range(many)]


async def test_of_many_that_wait_few_ask_at_once() -> None:
    """The look-ups of callers share the client's connections with them."""
    gate, asking, most = asyncio.Event(), 0, 0

    class Slow(FakeTickets):
        async def open_ticket(self, key: str, body: dict[str, object]) -> Ticket:
            nonlocal asking, most
            asking += 1
            most = max(most, asking)
            await gate.wait()
            asking -= 1
            return await super().open_ticket(key, body)

    service = Slow()
    disk = Disk()
    sender, settled = sender_of(disk, service)
    sender.take_over(wishes(64))
    async with asyncio.timeout(20):
        while asking < LANES:
            await asyncio.sleep(0)
        for _ in range(200):
            await asyncio.sleep(0)
        gate.set()
        for _ in range(64):
            await settled.get()
    await sender.stop()
    assert (most, service.opened) == (LANES, 64)


async def test_a_service_that_fails_is_asked_once_in_ten_seconds_for_all_that_wait() -> None:
    service, at_s = FakeTickets(), 0.0
    doer = TicketDoer(service, lambda: NOW, monotonic=lambda: at_s)
    service.away = True

    async def all_ask() -> int:
        before = len(service.asked)
        for effect in wishes(20):
            with pytest.raises(Unavailable):
                await doer.look(effect)
        return len(service.asked) - before

    assert await all_ask() == FAILURES
    at_s = REST_S - 0.1
    assert await all_ask() == 0
    at_s = REST_S
    assert await all_ask() == 1
    at_s = 2 * REST_S
    service.away = False
    assert [await doer.look(effect) for effect in wishes(20)], "one answer, and all go on"
    assert service.opened == 20


async def test_a_service_that_says_when_to_come_again_is_left_alone_until_then() -> None:
    service, at_s = FakeTickets(), 0.0
    doer = TicketDoer(service, lambda: NOW, monotonic=lambda: at_s)
    service.fails = [TicketLater("too many", 40.0)]
    one, two = wishes(2)
    with pytest.raises(MaybeDone):
        await doer.send(one)
    at_s = 39.9
    with pytest.raises(MaybeDone):
        await doer.send(two)
    assert service.asked == [one.effect_id]
    at_s = 40.0
    assert (await doer.look(one), await doer.look(two)) == ("T-1", "T-2")


@pytest.mark.parametrize(
    "change",
    [
        {"do": TicketDo.JOIN}, {"ticket_id": "T-9"}, {"title": "別"}, {"note": ""}, {"category": "other"},
        {"member_id": ""}, {"reservation_id": "R-1"}, {"agent": AgentId("suzuki")}, {"tenant": TenantId("other")},
        {"call_id": CallId("6f1c2a52-3f1e-4f43-9f0b-0a8f3a3b7c12")},
    ],
)  # fmt: skip
def test_the_same_key_is_the_same_wish_only_in_the_same_words(change: dict[str, Any]) -> None:
    assert same_wish(WISH, EFFECT)
    assert not same_wish(replace(WISH, **change), EFFECT)
    blanked = replace(EFFECT, body={**EFFECT.body, "title": "", "note": ""})
    assert same_wish(replace(WISH, **change), blanked) == bool({"title", "note"} & set(change))


async def test_what_is_refused_says_why() -> None:
    disk, service = Disk(), FakeTickets()
    service.fails = [TicketRefused(409, "ticket_closed")]
    sender, settled = sender_of(disk, service)
    join = effect_of(replace(WISH, do=TicketDo.JOIN, ticket_id="T-9"), NOW)
    await sender.begin(join)
    shown = ticket_of(await became(settled), NOW)
    await sender.stop()
    assert (shown.state, shown.why, shown.ticket_id) == (TicketState.REFUSED, "ticket_closed", "T-9")


async def test_while_the_service_is_away_it_waits_and_is_sent_when_it_is_back() -> None:
    disk, service = Disk(), FakeTickets()
    service.away = True
    sender, settled = sender_of(disk, service)
    await sender.begin(EFFECT)
    async with asyncio.timeout(20):
        while len(service.asked) < 2:
            await asyncio.sleep(0.01)
    assert ticket_of(sender.live[0], NOW).state is TicketState.QUEUED
    service.away = False
    sender.look_now()
    shown = ticket_of(await became(settled), NOW)
    await sender.stop()
    assert (shown.state, service.opened) == (TicketState.DONE, 1)


async def test_who_stops_leaves_nothing_running_and_the_next_start_goes_on() -> None:
    disk, service = Disk(), FakeTickets()
    service.away = True
    sender, _ = sender_of(disk, service)
    await sender.begin(EFFECT)
    await sender.stop()
    assert disk.rows[EFFECT.effect_id].state is EffectState.STORED
    service.away = False
    following, settled = sender_of(disk, service)
    following.take_over([one for one in disk.rows.values() if not one.settled])
    assert (await became(settled)).state is EffectState.DONE
    await following.stop()
    assert service.opened == 1


@given(st.lists(st.sampled_from(["go", "lost", "away", "die"]), max_size=12), st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_each_wish_once_whatever_dies_or_gets_lost(luck: list[str], wishes: int) -> None:
    """Answers get lost, the service goes, the process dies after any number of steps: never two, and in the end one."""

    async def story() -> tuple[Disk, FakeTickets]:
        disk, service = Disk(), FakeTickets()
        todo = [effect_of(replace(WISH, key=EffectId(f"{n:032x}")), NOW) for n in range(wishes)]
        for what in [*luck, "go"]:
            sender, settled = sender_of(disk, service)
            service.away, service.loses = what == "away", int(what == "lost")
            sender.take_over([one for one in disk.rows.values() if not one.settled])
            for wish in todo:
                if wish.effect_id not in disk.rows:
                    await sender.begin(wish)
                    if what in ("away", "die"):
                        break
            for _ in range(3 if what == "die" else 20):
                await asyncio.sleep(0)
            if what == "go":
                while sender.live:
                    sender.look_now()
                    await asyncio.sleep(0)
            await sender.stop()
            del settled
        return disk, service

    disk, service = asyncio.run(story())
    assert service.opened == len(disk.rows) == wishes
    assert {one.state for one in disk.rows.values()} == {EffectState.DONE}
    assert len({ticket_of(one, NOW).ticket_id for one in disk.rows.values()}) == wishes
