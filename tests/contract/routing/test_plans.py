"""Plans published while the desk runs, on a real PostgreSQL: versions, checks, how soon a waiting call follows."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cti.desk.apply import apply_desk
from cti.desk.load import check_desk
from cti.desk.schema import Desk
from cti.domain.errors import CallerError, ConfigError, NotFound
from cti.domain.model import AgentId, AgentState, CallId, OfferId, PhoneState, QueueId, SkillId, TenantId
from cti.tomlfile import TomlFile
from cti.wiring.desk_changes import DeskChanges
from routing import model as m
from routing.calendar import problems_in
from routing.engine import Engine
from routing.expression import Has, Named
from routing.plans import PlanStore, left_behind
from routing.store import RoutingStore
from tests.pools import lent

DEMO, ENGLISH = TenantId("demo"), QueueId("english")
SATO, SMITH = AgentId("sato"), AgentId("smith")
FIRST = [{"want": {"agents": ["smith"]}, "expires_s": 600}]
SECOND = {"template": "agents", "agents": ["sato"], "wait_s": 600}
JA_2 = Has(SkillId("ja"), 2)
EXAMPLE = Path("examples/desk.toml").read_text("utf-8")
# Connect needs 60 s or more before a changed priority counts for those who wait.
PEER_S = 60.0


def example(text: str = EXAMPLE) -> Desk:
    def no_menu_check(menu: Mapping[str, Any], *_: object) -> Mapping[str, Any]:
        return menu

    return check_desk(TomlFile("desk.toml", text), no_menu_check, problems_in)


async def apply(pool: asyncpg.Pool[Any], desk: Desk) -> Mapping[str, list[str]]:
    async def no_hash(password: str) -> str:
        return "x"

    async with lent(pool) as conn:
        return (await apply_desk(conn, desk, source="desk.toml", by="op", hash_password=no_hash)).changed


@pytest.fixture
async def plans(database: asyncpg.Pool[Any]) -> AsyncIterator[PlanStore]:
    await apply(database, example())
    yield PlanStore(database)


async def english(pool: asyncpg.Pool[Any]) -> m.QueueRule:
    (desk,) = await RoutingStore(pool).load()
    return next(queue for queue in desk.rules.queues if queue.queue == ENGLISH)


async def test_versions_are_published_and_put_back(plans: PlanStore, database: asyncpg.Pool[Any]) -> None:
    assert await plans.plans(DEMO, ENGLISH) == []
    assert (await plans.publish_plan(DEMO, ENGLISH, FIRST, by="tanaka", note="night")).version == 1
    assert (await english(database)).steps == (m.Step(want=Named(frozenset({SMITH})), expires_s=600),)
    assert (await plans.publish_plan(DEMO, ENGLISH, SECOND, by="tanaka", after=1)).version == 2
    assert (await english(database)).steps[0].want == Named(frozenset({SATO}))
    assert (await plans.revert_plan(DEMO, ENGLISH, 1, by="mori", note="too early")).version == 3
    assert (await english(database)).steps[0].want == Named(frozenset({SMITH}))
    newest, second, first = await plans.plans(DEMO, ENGLISH)
    assert (newest.plan, newest.reverts_to, newest.published_by, newest.note) == (FIRST, 1, "mori", "too early")
    assert (second.plan, second.reverts_to) == (SECOND, None)
    assert (first.version, first.note) == (1, "night")


async def test_what_is_wrong_is_said_and_nothing_changes(plans: PlanStore, database: asyncpg.Pool[Any]) -> None:
    await plans.publish_plan(DEMO, ENGLISH, FIRST, by="tanaka")
    with pytest.raises(ConfigError) as caught:
        await plans.publish_plan(DEMO, ENGLISH, [{"want": {"any": [{"skill": "golf"}, {"agents": ["x"]}]}}], by="t")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "plan[0].want.any[0]",
        "plan[0].want.any[1]",
    ]
    with pytest.raises(CallerError, match="version 1 of the plan was published meanwhile"):
        await plans.publish_plan(DEMO, ENGLISH, SECOND, by="tanaka", after=0)
    with pytest.raises(NotFound):
        await plans.publish_plan(DEMO, QueueId("golf"), FIRST, by="tanaka")
    with pytest.raises(NotFound):
        await plans.revert_plan(DEMO, ENGLISH, 7, by="tanaka")
    assert len(await plans.plans(DEMO, ENGLISH)) == 1
    assert (await english(database)).steps[0].want == Named(frozenset({SMITH}))


async def test_an_old_version_is_not_put_over_one_that_was_not_seen(plans: PlanStore) -> None:
    for plan in (FIRST, SECOND):
        await plans.publish_plan(DEMO, ENGLISH, plan, by="tanaka")
    with pytest.raises(CallerError, match="version 2 of the plan was published meanwhile"):
        await plans.revert_plan(DEMO, ENGLISH, 1, by="tanaka", after=1)
    assert (await plans.revert_plan(DEMO, ENGLISH, 1, by="tanaka", after=2)).version == 3
    assert await plans.in_force(DEMO, ENGLISH) == FIRST


async def test_the_plan_in_force_is_of_a_queue_that_exists(plans: PlanStore) -> None:
    assert await plans.in_force(DEMO, ENGLISH) == []
    for tenant, queue in ((DEMO, QueueId("golf")), (TenantId("other"), ENGLISH)):
        with pytest.raises(NotFound):
            await plans.in_force(tenant, queue)


@pytest.mark.parametrize(
    ("plan", "word"),
    [
        (json.loads("[" * 900 + "]" * 900), "nested more than 32 brackets deep"),
        ([{"want": {"any": [{"skill": "en"}] * 501}}], "more than 500 steps and conditions"),
        ([{"want": json.loads('{"not":' * 12 + '{"skill":"en"}' + "}" * 12)}], "nested more than 8 deep"),
    ],
    ids=["brackets", "parts", "expression"],
)
async def test_what_is_nested_or_long_beyond_reading_is_refused(plans: PlanStore, plan: object, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        await plans.check_plan(DEMO, ENGLISH, plan)


async def test_a_step_that_nobody_could_take_is_warned_of(plans: PlanStore) -> None:
    plan = [{"want": {"all": [{"skill": "en", "level": 2}, {"not": {"skill": "en"}}]}, "expires_s": 10}]
    (warning,) = (await plans.check_plan(DEMO, ENGLISH, plan)).warnings
    assert warning.startswith("plan[0].want: no agent of this desk fits")
    assert (await plans.publish_plan(DEMO, ENGLISH, plan, by="tanaka")).warnings == (warning,)


async def test_two_at_once_become_two_versions(plans: PlanStore) -> None:
    done = await asyncio.gather(*(plans.publish_plan(DEMO, ENGLISH, FIRST, by=f"s{n}") for n in range(5)))
    assert sorted(it.version for it in done) == [1, 2, 3, 4, 5]


async def test_the_desk_file_publishes_too_and_keeps_what_it_does_not_name(
    plans: PlanStore, database: asyncpg.Pool[Any]
) -> None:
    await plans.publish_plan(DEMO, ENGLISH, FIRST, by="tanaka")
    assert "plans" not in await apply(database, example())
    assert (await english(database)).steps[0].want == Named(frozenset({SMITH}))
    named = 'id = "english"\n'
    assert EXAMPLE.count(named) == 1
    more = 'ageing = { every_s = 30, most = 20 }\nplan = [{ want = { skill = "en", level = 4 }, expires_s = 20 }]\n'
    text = EXAMPLE.replace(named, named + more)
    text += '\n[tenants.demo.routing]\nmissed_state = "offline"\n'
    text += '\n[[tenants.demo.profiles]]\nid = "backup"\ndelays = { english = 45 }\n'
    assert (await apply(database, example(text)))["plans"] == ["demo/english"]
    rule = await english(database)
    assert rule.steps == (m.Step(want=Has(rule.steps[0].want.skill, 4), expires_s=20),)  # type: ignore[union-attr]
    assert (rule.ageing_every_s, rule.ageing_most) == (30, 20)
    assert rule.delays == (m.Delay(profile="backup", delay_s=45),)
    (desk,) = await RoutingStore(database).load()
    assert desk.rules.limits.missed_state is AgentState.OFFLINE
    newest = (await plans.plans(DEMO, ENGLISH))[0]
    assert (newest.version, newest.published_by, newest.note) == (2, "op", "config apply")
    assert "plans" not in await apply(database, example(text))


async def test_a_published_plan_moves_a_waiting_call_at_once(
    plans: PlanStore, database: asyncpg.Pool[Any], database_url: str
) -> None:
    """From publishing to the decision, through PostgreSQL's notice, as the server hears it."""
    await plans.publish_plan(DEMO, ENGLISH, FIRST, by="tanaka")
    engine, store, offered = Engine(lambda: OfferId("0" * 32)), RoutingStore(database), asyncio.Event()

    async def reload() -> None:
        (desk,) = await store.load()
        decisions = engine.advance(m.DeskLoaded(rules=desk.rules), datetime.now(UTC))
        if any(isinstance(it, m.Offered) and it.agent == SATO for it in decisions):
            offered.set()

    await reload()
    now = datetime.now(UTC)
    engine.advance(m.AgentChooses(agent=SMITH, state=AgentState.BREAK, reason=""), now)
    engine.advance(m.PhoneIs(agent=SATO, phone=PhoneState.IDLE), now)
    engine.advance(m.AgentChooses(agent=SATO, state=AgentState.AVAILABLE, reason=""), now)
    waits = m.CallWaits(call_id=CallId("a"), queue=ENGLISH, queued_at=now)
    assert not [it for it in engine.advance(waits, now) if isinstance(it, m.Offered)]
    asked = asyncio.Event()
    changes = DeskChanges(database_url, [reload], asked.set)
    await changes.start()
    try:
        await asyncio.wait_for(_listening(database), 5)
        began = time.monotonic()
        await plans.publish_plan(DEMO, ENGLISH, SECOND, by="tanaka")
        await asyncio.wait_for(offered.wait(), 5)
        assert time.monotonic() - began < PEER_S / 20
        await asyncio.wait_for(asked.wait(), 5)  # what Asterisk said of a new agent's phone was nobody's until now
    finally:
        await changes.stop()


async def _listening(pool: asyncpg.Pool[Any]) -> None:
    """Until somebody listens for changes of the desk."""
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query ILIKE 'LISTEN%desk_changed%'"
    )
    while not await pool.fetchval(query):
        await asyncio.sleep(0.01)


async def test_an_agent_who_left_takes_no_plan_along(plans: PlanStore, database: asyncpg.Pool[Any]) -> None:
    """Their own step is nobody's, the other steps hold; whoever applied the file is told."""
    plan = [*FIRST, {"want": {"skill": "ja", "level": 2}, "expires_s": 700}]
    await plans.publish_plan(DEMO, ENGLISH, plan, by="tanaka")
    begin = EXAMPLE.index('[[tenants.demo.agents]]\nid = "smith"')
    await apply(database, example(EXAMPLE[:begin] + EXAMPLE[EXAMPLE.index("# --- Queues") :]))
    steps = (await english(database)).steps
    assert steps == (m.Step(want=Named(frozenset({SMITH})), expires_s=600), m.Step(want=JA_2, expires_s=700))
    async with database.acquire() as conn:
        (said,) = await left_behind(conn, DEMO, ENGLISH)
        assert said == "plan[0].want: there is no agent 'smith'; there is: sato, suzuki"
        assert await left_behind(conn, DEMO, QueueId("members")) == []
    with pytest.raises(ConfigError, match="no agent 'smith'"):
        await plans.publish_plan(DEMO, ENGLISH, plan, by="tanaka")


async def test_who_talked_with_a_member_last(plans: PlanStore, database: asyncpg.Pool[Any]) -> None:
    calls = [f"{number:032x}" for number in range(1, 6)]
    talked = [
        ("sato", "likely", 3), ("smith", "confirmed", 2), ("mori", "possible", 1), ("suzuki", "likely", 0),
        ("mori", "likely", 1),
    ]  # fmt: skip
    for call_id, (agent, confidence, days) in zip(calls, talked, strict=True):
        await database.execute(
            "INSERT INTO calls (tenant, call_id, state, channel, uniqueid, number_called, caller_kind, arrived_at)"
            " VALUES ('demo', $1::text::uuid, 'ended', 'c', 'u', '+815012345000', 'number', now())",
            call_id,
        )
        await database.execute(
            "INSERT INTO call_links (tenant, call_id, at, made_by, confidence, score, why, status, member_id)"
            " VALUES ('demo', $1::text::uuid, now(), 'system', $2, 0.9, 'number_only', 'live', 'm-1')",
            call_id, confidence,
        )  # fmt: skip
        await database.execute(
            "INSERT INTO call_talks (tenant, call_id, number, agent, agent_channel, agent_uniqueid, answered_at)"
            " VALUES ('demo', $1::text::uuid, 1, $2, 'c', 'u', now() - make_interval(days => $3))",
            call_id, agent, days,
        )  # fmt: skip
    await database.execute(  # the last one was somebody else, as mori heard
        "INSERT INTO call_links (tenant, call_id, at, made_by, confidence, score, why, status, member_id)"
        " VALUES ('demo', $1::text::uuid, now(), 'mori', 'by_agent', 1, 'chosen_by_agent', 'decided', 'm-2')",
        calls[4],
    )
    store = RoutingStore(database)
    assert await store.last_agent(DEMO, "m-1", CallId(calls[3])) == "smith"  # not this call, not a mere possibility
    assert await store.last_agent(DEMO, "m-2", CallId(calls[3])) == "mori"
    assert await store.last_agent(DEMO, "m-3", CallId(calls[3])) is None
    assert await store.last_agent(TenantId("other"), "m-1", CallId(calls[3])) is None
