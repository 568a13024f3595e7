"""What agents say of callers, on a real database: stored before it counts, taken back, there after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from cti.domain.errors import Unavailable
from cti.domain.model import AgentId, CallId, LinkConfidence, QueueId, UserLogin
from cti.domain.verification import NotSaid, Person, StepResult, Subject, VerificationState
from cti.linking.linker import Linker
from cti.store.callers import CallerStore
from cti.store.links import LinkStore
from cti.store.pool import create_pool
from cti.wiring.callers import Policies, StoredCallers
from tests.unit.linking.builders import (
    CALL,
    NOW,
    NUMBER,
    TENANT,
    FakeLookups,
    Heard,
    answer,
    arrived,
    booking,
    call,
    member,
)

SATO = Person(login=UserLogin("sato"), agent=AgentId("a-sato"), name="佐藤 花子")
SUZUKI = Person(login=UserLogin("suzuki"), agent=AgentId("a-suzuki"), name="鈴木 一郎")
TWO = answer(member("A", "number"), member("B", "number"), booking("R-1", "A"), booking("R-2", "B"))
POLICY = """
INSERT INTO verifications (tenant, verification, queues, needed, failures_most, steps) VALUES
    ('demo', 'identity', '{}', 1, 0, '[{"id": "birthday", "ja": "生年月日", "en": "Date of birth"}]')
"""


class Server:
    """A server's memory of callers: another one knows only what is stored."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self.store, self.links = CallerStore(pool), LinkStore(pool)
        self.policies = Policies(self.store)
        self.heard = Heard()
        self.now = NOW

    async def start(self) -> None:
        await self.policies.reload()
        people = await self.store.said(self.now)
        self.linker = Linker(
            FakeLookups(lambda _: TWO),
            self.heard,
            self.clock,
            retry_s=(),
            policy_of=self.policies.of,
            earlier=self.store,
            people=people,
        )
        self.callers = StoredCallers(self.linker, self.store, self.links, self.clock)
        self.linker.handle(arrived(call()))
        await self.linker.settled()

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    @property
    def card(self) -> dict[str, Any]:
        return dict(self.heard.links[-1].card)

    @property
    def verified(self) -> tuple[str, str | None]:
        (record,) = self.card["verification"]["verification"]
        return record["state"], record["by"]


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool[Any]]:
    made = await create_pool(database_url, max_size=4)
    try:
        await made.execute("INSERT INTO tenants VALUES ('demo', 'D', 'Asia/Tokyo', 'ja')")
        for login, name in (("sato", SATO.name), ("suzuki", SUZUKI.name)):
            await made.execute(
                "INSERT INTO users (tenant, login, name, roles, password_hash) VALUES ('demo', $1, $2, '{agent}', 'x')",
                login, name,
            )  # fmt: skip
            await made.execute(
                "INSERT INTO agents (tenant, agent, login, name, endpoint, sip_secret)"
                " VALUES ('demo', 'a-' || $1, $1, $2, 'demo-' || $1, 'x')",
                login, name,
            )  # fmt: skip
        await made.execute(POLICY)
        yield made
    finally:
        await made.close()


@pytest.fixture
async def server(pool: asyncpg.Pool[Any]) -> Server:
    made = Server(pool)
    await made.start()
    return made


async def test_a_choice_counts_is_kept_and_is_there_after_a_restart(server: Server, pool: asyncpg.Pool[Any]) -> None:
    assert server.heard.links[-1].link.member_id is None
    await server.callers.choose(TENANT, CALL, "B", SATO)
    await server.linker.settled()
    said = server.heard.links[-1]
    assert (said.link.member_id, said.link.reservation_id) == ("B", "R-2")
    assert (said.link.confidence, said.found) == (LinkConfidence.BY_AGENT, False)
    assert server.card["link"]["chosen"]["by"] == SATO.name
    assert [one["reservation_id"] for one in server.card["reservations"]["reservations"]] == ["R-2"]
    assert [one["member_id"] for one in server.card["members"]["members"]] == ["B", "A"]
    stored = await server.links.current(TENANT, CALL)
    assert stored is not None
    assert (stored.link, stored.made_by) == (said.link, "sato")

    other = Server(pool)
    other.now = server.now
    await other.start()
    assert other.heard.links[-1].link == said.link
    assert other.card["link"]["chosen"]["by"] == SATO.name
    await other.callers.choose(TENANT, CALL, None, SUZUKI)
    await other.linker.settled()
    assert (other.heard.links[-1].link.why, other.card["link"]["chosen"]) == ("shared_number", None)
    assert [(one.status, one.made_by) for one in await other.callers.links(TENANT, CALL)] == [
        ("decided", "sato"), ("undecided", "suzuki"),
    ]  # fmt: skip

    third = Server(pool)
    third.now = other.now
    await third.start()
    assert third.heard.links[-1].link.member_id is None


async def test_what_cannot_be_said_is_refused_and_nothing_is_stored(server: Server, pool: asyncpg.Pool[Any]) -> None:
    elsewhere = CallId("1c55a1f0-7a55-4b8e-9f62-5a0a4f9d0b01")
    for work, key in (
        (server.callers.choose(TENANT, CALL, "X", SATO), "no_such_member"),
        (server.callers.choose(TENANT, elsewhere, "A", SATO), "call_over"),
        (server.callers.mark(TENANT, CALL, "shoe-size", StepResult.PASSED, SATO), "no_such_step"),
        (server.callers.mark(TENANT, CALL, "birthday", StepResult.PASSED, SATO), "no_member"),
    ):
        with pytest.raises(NotSaid) as caught:
            await work
        assert caught.value.key == key
    assert await server.callers.links(TENANT, CALL) == []
    assert await server.callers.marks(TENANT, CALL) == []


async def test_marks_are_of_the_member_who_was_linked(server: Server, pool: asyncpg.Pool[Any]) -> None:
    await server.callers.choose(TENANT, CALL, "B", SATO)
    await server.callers.mark(TENANT, CALL, "birthday", StepResult.PASSED, SATO)
    assert server.verified == ("verified", SATO.name)
    other = Server(pool)  # a restart, or the colleague's server: the same
    other.now = server.now
    await other.start()
    seen = [other.verified]
    await other.callers.choose(TENANT, CALL, "A", SUZUKI)
    seen.append(other.verified)
    await other.callers.choose(TENANT, CALL, "B", SUZUKI)
    seen.append(other.verified)  # chosen anew: asked anew
    await other.callers.mark(TENANT, CALL, "birthday", StepResult.FAILED, SUZUKI)
    seen.append(other.verified)
    assert seen == [
        ("verified", SATO.name), ("unverified", None), ("unverified", None), ("failed", SUZUKI.name),
    ]  # fmt: skip
    kept = await other.callers.marks(TENANT, CALL)
    assert [(one.mark.result, one.state) for one in kept] == [
        (StepResult.PASSED, VerificationState.VERIFIED), (StepResult.FAILED, VerificationState.FAILED),
    ]  # fmt: skip


async def test_two_agents_at_once_are_put_in_one_order(server: Server) -> None:
    await asyncio.gather(
        server.callers.choose(TENANT, CALL, "A", SATO), server.callers.choose(TENANT, CALL, "B", SUZUKI)
    )
    await server.linker.settled()
    stored = await server.links.current(TENANT, CALL)
    assert stored is not None
    assert stored.link.member_id == server.heard.links[-1].link.member_id
    assert len(await server.callers.links(TENANT, CALL)) == 2


async def test_without_the_database_nothing_is_shown_that_is_not_stored(
    server: Server, pool: asyncpg.Pool[Any]
) -> None:
    heard = len(server.heard.links)
    await pool.close()
    with pytest.raises(Unavailable):
        await server.callers.choose(TENANT, CALL, "B", SATO)
    assert len(server.heard.links) == heard


async def test_earlier_calls_of_the_number_then_of_the_member(server: Server, pool: asyncpg.Pool[Any]) -> None:
    first, second = (CallId(f"00000000-0000-4000-8000-00000000000{n}") for n in (1, 2))
    await pool.execute("INSERT INTO reasons VALUES ('demo', 'unlock', NULL, '解錠', 'Unlock', '', 0)")
    for hours, (call_id, number) in enumerate(((first, NUMBER), (second, "+819099999999")), start=1):
        await pool.execute(
            "INSERT INTO calls (tenant, call_id, state, channel, uniqueid, number_called, caller_kind, caller_e164,"
            " arrived_at, queue, answered_at, ended_at) VALUES ('demo', $1, 'ended', 'c', 'u', '+81', 'number', $2,"
            " $3, 'members', $3, $3)",
            call_id, number, NOW - timedelta(hours=hours),
        )  # fmt: skip
        await pool.execute(
            "INSERT INTO call_notes VALUES ('demo', $1, 'a-suzuki', 1, '再起動を案内', '{unlock}', $2, $2)",
            call_id,
            NOW,
        )
    await server.links.decide(
        TENANT, second, by=UserLogin("sato"), at=NOW, link=server.linker.as_chosen(TENANT, CALL, "B")
    )
    of_number = await server.store.of(TENANT, Subject(member_id=None, number=NUMBER), CALL)
    assert [one["call_id"] for one in of_number] == [first]
    (found,) = of_number
    assert (found["answered"], found["outbound"], found["queue"]) == (True, False, QueueId("members"))
    reason = {"id": "unlock", "name_ja": "解錠", "name_en": "Unlock"}
    assert found["notes"] == [{"name": SUZUKI.name, "note": "再起動を案内", "reasons": [reason]}]
    await server.callers.choose(TENANT, CALL, "B", SATO)
    await server.linker.settled()
    assert [(one["call_id"], one["member_id"]) for one in server.card["calls"]["calls"]] == [(second, "B")]
    assert server.card["calls"]["status"] == "live"
