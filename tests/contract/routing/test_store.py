"""Routing's tables on a real PostgreSQL, filled by `config apply` from the example desk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cti.desk.apply import apply_desk
from cti.desk.load import check_desk, load_desk
from cti.domain.errors import Unavailable
from cti.domain.model import AgentId, AgentState, CallId, OfferId, QueueId, SkillId, SkillLevel, TenantId
from cti.domain.spoken import sound_name
from cti.tomlfile import TomlFile
from routing import store as store_module
from routing.calendar import problems_in
from routing.desk import DecisionRow, StateRow
from routing.expression import Has
from routing.model import CLOSED, FULL, NOBODY, Do, Limits, Overflow, Step, Treatment
from routing.queuedata import Comfort
from routing.store import RoutingStore
from tests.pools import lent

EXAMPLE = Path("examples/desk.toml")
QUEUES = """
[[tenants.demo.calendars]]
id = "office"
weekly = { mon = ["10:00-19:00"] }

[[tenants.demo.queues]]
id = "lease"
name = { ja = "リース", en = "Lease" }
calendar = "office"
max_length = 3
overflow = { to = "members", after_s = 60 }
when_closed = { do = "hang_up", text = { ja = "休みです。", en = "Closed." } }
when_full = { do = "queue", to = "members" }
when_nobody = { do = "voicemail" }
comfort = { every_s = 45, place = false, texts = [{ ja = "一", en = "one" }] }
"""
DEMO = TenantId("demo")
AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def no_menu_check(menu: Mapping[str, Any], *_: object) -> Mapping[str, Any]:
    """Menus are not routing's."""
    return menu


async def apply(pool: asyncpg.Pool[Any]) -> None:
    async def no_hash(password: str) -> str:
        return "x"

    async with lent(pool) as connection:
        desk = load_desk(EXAMPLE, no_menu_check, problems_in)
        await apply_desk(connection, desk, source="desk.toml", by="test", hash_password=no_hash)


@pytest.fixture
async def store(database: asyncpg.Pool[Any]) -> AsyncIterator[RoutingStore]:
    await apply(database)
    made = RoutingStore(database)
    yield made
    await made.stop()


def decided(number: int, call: str = "c1") -> DecisionRow:
    return DecisionRow(
        tenant=DEMO,
        at=AT + timedelta(seconds=number),
        kind="offered",
        slug="longest_idle",
        params={"want": {"skill": "ja", "level": 1}, "idle": number},
        call_id=CallId(call),
        queue=QueueId("members"),
        agent=AgentId("sato"),
        offer_id=OfferId(f"{number:032x}"),
    )


async def test_the_example_desk(store: RoutingStore) -> None:
    (desk,) = await store.load()
    assert (desk.tenant, desk.language) == ("demo", "ja")
    assert desk.rules.limits == Limits()
    queues = {queue.queue: queue for queue in desk.rules.queues}
    assert queues.keys() == {"members", "roadside", "english", "partners"}
    roadside = queues[QueueId("roadside")]
    assert roadside.skills == (SkillLevel(skill=SkillId("roadside"), level=2),)
    assert (roadside.priority, roadside.ring_s, roadside.max_wait_s, roadside.service_level_s) == (10, 15, 900, 10)
    assert (roadside.nobody_wait, roadside.active, roadside.wrap_up_s, roadside.steps) == (False, True, None, ())
    agents = {agent.agent: dict(agent.skills) for agent in desk.rules.agents}
    assert agents[AgentId("smith")] == {"ja": 2, "en": 5, "roadside": 3, "billing": 3}
    assert desk.skill(SkillId("roadside")) == "車両トラブル"
    assert desk.agent(AgentId("sato")) == "佐藤 花子"


async def test_stated_rules_and_plans(store: RoutingStore, database: asyncpg.Pool[Any]) -> None:
    await database.execute("INSERT INTO routing_rules (tenant, missed_state, wrap_up_s) VALUES ('demo', 'offline', 40)")
    plan = [{"want": {"skill": "en", "level": 4}, "expires_s": 20}, {"want": None}]
    await database.execute(
        "UPDATE queues SET steps = $1, wrap_up_s = 0, ageing_every_s = 60, ageing_most = 5 WHERE queue = 'english'",
        plan,
    )
    (desk,) = await store.load()
    assert (desk.rules.limits.missed_state, desk.rules.limits.wrap_up_s) == (AgentState.OFFLINE, 40)
    english = next(queue for queue in desk.rules.queues if queue.queue == "english")
    assert english.steps == (Step(want=Has(SkillId("en"), 4), expires_s=20), Step(want=None, expires_s=None))
    assert (english.wrap_up_s, english.ageing_every_s, english.ageing_most) == (0, 60, 5)


async def test_a_plan_that_cannot_be_read_costs_the_plan_not_the_queue(
    store: RoutingStore, database: asyncpg.Pool[Any], caplog: pytest.LogCaptureFixture
) -> None:
    await database.execute("UPDATE queues SET steps = $1 WHERE queue = 'english'", [{"want": {"skil": "golf"}}])
    (desk,) = await store.load()
    assert next(queue for queue in desk.rules.queues if queue.queue == "english").steps == ()
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "golf" in str(record.__dict__["problems"])


async def test_agents_that_were_switched_off_are_gone(store: RoutingStore, database: asyncpg.Pool[Any]) -> None:
    await database.execute("UPDATE agents SET active = false WHERE agent = 'smith'")
    await database.execute("UPDATE queues SET active = false WHERE queue = 'english'")
    (desk,) = await store.load()
    assert "smith" not in {agent.agent for agent in desk.rules.agents}
    assert not next(queue for queue in desk.rules.queues if queue.queue == "english").active


async def test_states_the_newest_wins(store: RoutingStore) -> None:
    await store.start()
    for state, by in ((AgentState.AVAILABLE, "sato"), (AgentState.BREAK, "tanaka")):
        row = StateRow(tenant=DEMO, agent=AgentId("sato"), state=state, reason="lunch", since=AT, by=by)
        store.put_state(row)
    assert await store.stop() == 0
    assert await store.states() == [
        StateRow(tenant=DEMO, agent=AgentId("sato"), state=AgentState.BREAK, reason="lunch", since=AT)
    ]


async def test_decisions_in_order_with_their_reasons(store: RoutingStore) -> None:
    await store.start()
    for number in range(1200):
        store.put_decision(decided(number, f"c{number % 2}"))
    assert await store.stop() == 0
    stored = await store.decisions_of(DEMO, CallId("c1"))
    assert stored == [decided(number) for number in range(1, 1200, 2)]
    assert await store.decisions_of(DEMO, CallId("other")) == []
    assert store.stats.written == 1200


async def test_the_states_of_an_agents_day_begin_with_the_one_of_midnight(store: RoutingStore) -> None:
    def moved(minute: int, result: str, slug: str, agent: str = "sato") -> DecisionRow:
        when = AT + timedelta(minutes=minute)
        return DecisionRow(
            tenant=DEMO, at=when, kind="moved", slug=slug, params={}, agent=AgentId(agent), result=result
        )

    await store.start()
    for row in (
        moved(-90, "offline", "logged_out"), moved(-60, "available", "chosen"), moved(5, "break", "lunch"),
        moved(6, "break", "rest", "suzuki"), decided(1), moved(50, "available", "chosen"),
    ):  # fmt: skip
        store.put_decision(row)
    assert await store.stop() == 0
    found = await store.states_of(DEMO, AgentId("sato"), AT)
    assert [(row.state.value, row.reason, row.since - AT) for row in found] == [
        ("available", "chosen", timedelta(minutes=-60)),
        ("break", "lunch", timedelta(minutes=5)),
        ("available", "chosen", timedelta(minutes=50)),
    ]
    assert await store.states_of(TenantId("other"), AgentId("sato"), AT) == []


async def test_priorities_that_people_gave_are_known_to_the_next_start(store: RoutingStore) -> None:
    await store.start()
    now = datetime.now(UTC)
    for call, slug, priority, hours in (
        ("c1", "priority_set", 5, 2), ("c1", "priority_set", 9, 1), ("c2", "priority_set", 5, 2),
        ("c2", "priority_back", 0, 1), ("c3", "priority_set", 7, 30),
    ):  # fmt: skip
        params = {"by": "tanaka", "priority": priority}
        row = DecisionRow(
            tenant=DEMO, at=now - timedelta(hours=hours), kind="priority", slug=slug, params=params,
            call_id=CallId(call), by="tanaka",
        )  # fmt: skip
        store.put_decision(row)
    assert await store.stop() == 0
    assert await store.priorities() == {(DEMO, CallId("c1")): 9}


async def test_postgresql_away_loses_nothing_that_fits(
    store: RoutingStore, database: asyncpg.Pool[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "RETRY_S", 0.05)
    await database.execute("ALTER TABLE routing_decisions RENAME TO away")
    await store.start()
    store.put_decision(decided(1))
    async with asyncio.timeout(5):
        while not (store._tasks and store.stats.waiting == 1):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.4)  # at least one try fails
        assert store.stats.waiting == 1
        await database.execute("ALTER TABLE away RENAME TO routing_decisions")
        while store.stats.waiting:
            await asyncio.sleep(0.01)
    assert await store.decisions_of(DEMO, CallId("c1")) == [decided(1)]


async def test_memory_is_bounded(store: RoutingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "KEEP_ROWS", 10)
    for number in range(25):
        store.put_decision(decided(number))
    assert (store.stats.waiting, store.stats.dropped) == (10, 15)
    await store.start()
    assert await store.stop() == 0
    assert await store.decisions_of(DEMO, CallId("c1")) == [decided(number) for number in range(15, 25)]


async def test_old_decisions_are_forgotten(store: RoutingStore, database: asyncpg.Pool[Any]) -> None:
    old = datetime.now(UTC) - timedelta(days=store_module.KEEP_DAYS + 1)
    for at in (old, datetime.now(UTC)):
        await database.execute(
            "INSERT INTO routing_decisions (tenant, at, kind, slug, params) VALUES ('demo', $1, 'moved', 'x', '{}')", at
        )
    await store.start()
    async with asyncio.timeout(5):
        while await database.fetchval("SELECT count(*) FROM routing_decisions") != 1:
            await asyncio.sleep(0.01)


async def test_a_database_that_is_away_is_unavailable(database_url: str) -> None:
    pool = await asyncpg.create_pool(database_url, min_size=1, max_size=1)
    made = RoutingStore(pool)
    await pool.close()
    with pytest.raises(Unavailable):
        await made.load()


def test_the_statements_are_all_there() -> None:
    assert sorted(store_module.SQL) == [
        "agents", "announcements", "calendars", "decisions_of", "forget", "last_agent", "newest_call", "priorities",
        "put_decision", "put_state", "queues", "skills", "states", "states_of", "tenants",
    ]  # fmt: skip


async def test_what_the_desk_file_says_of_queues_reaches_the_engine(
    store: RoutingStore, database: asyncpg.Pool[Any]
) -> None:
    """From the file's words through the tables: hours, places, overflow, treatments, comfort, announcements."""
    text = EXAMPLE.read_text(encoding="utf-8") + QUEUES
    desk = check_desk(TomlFile("desk.toml", text), no_menu_check, problems_in)

    async def no_hash(password: str) -> str:
        return "x"

    async with lent(database) as connection:
        await apply_desk(connection, desk, source="desk.toml", by="test", hash_password=no_hash)
        await connection.execute(
            "INSERT INTO announcements"
            " SELECT gen_random_uuid(), 'demo', queue, NULL, 'x', 'x', 't-1', now(), ends, 'tanaka'"
            " FROM (VALUES ('lease', now() + interval '1 h'), ('members', now() + interval '1 ms')) AS v (queue, ends)"
        )
    await asyncio.sleep(0.01)
    (read,) = await store.load()
    lease = next(queue for queue in read.rules.queues if queue.queue == "lease")
    assert lease.hours is not None
    assert (lease.hours.zone.key, lease.hours.open_at(AT).why) == ("Asia/Tokyo", "weekday")
    assert (lease.max_length, lease.overflow) == (3, Overflow(to=QueueId("members"), after_s=60))
    assert lease.treatments == {
        CLOSED: Treatment(do=Do.HANG_UP, text=sound_name("休みです。", "Closed.")),
        FULL: Treatment(do=Do.QUEUE, to=QueueId("members")),
        NOBODY: Treatment(do=Do.VOICEMAIL),
    }
    assert read.comfort_of(QueueId("lease")) == Comfort(every_s=45, place=False, sounds=(sound_name("一", "one"),))
    assert read.comfort_of(QueueId("members")) == Comfort()
    assert [(it.queue, it.sound) for it in read.announcements] == [("lease", "t-1")]


async def test_a_calendar_that_cannot_be_read_leaves_its_queue_open(
    store: RoutingStore, database: asyncpg.Pool[Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with database.acquire() as connection:
        await connection.execute(
            'INSERT INTO calendars VALUES (\'demo\', \'odd\', \'{"id": "odd", "weekly": {"mon": ["9-5"]}}\')'
        )
        await connection.execute("UPDATE queues SET calendar = 'odd' WHERE queue = 'members'")
    (desk,) = await store.load()
    members = next(queue for queue in desk.rules.queues if queue.queue == "members")
    assert (members.hours, members.active) == (None, True)
    assert "a calendar is wrong" in caplog.text
