"""Skills changed by a supervisor, on a real PostgreSQL: in force, signed, and what the desk file does to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cti.desk.apply import CHANNEL, apply_desk
from cti.desk.load import check_desk
from cti.desk.schema import Desk
from cti.desk.summary import Summary
from cti.domain.errors import ConfigError, NotFound
from cti.domain.model import AgentId, SkillId, TenantId
from cti.tomlfile import TomlFile
from routing.calendar import problems_in
from routing.skills import SkillStore
from routing.store import RoutingStore
from tests.pools import lent

DEMO, SMITH = TenantId("demo"), AgentId("smith")
JA, EN = SkillId("ja"), SkillId("en")
EXAMPLE = Path("examples/desk.toml").read_text("utf-8")


def example(text: str = EXAMPLE) -> Desk:
    def no_menu_check(menu: Mapping[str, Any], *_: object) -> Mapping[str, Any]:
        return menu

    return check_desk(TomlFile("desk.toml", text), no_menu_check, problems_in)


async def apply(pool: asyncpg.Pool[Any], desk: Desk) -> Summary:
    async def no_hash(password: str) -> str:
        return "x"

    async with lent(pool) as conn:
        return await apply_desk(conn, desk, source="desk.toml", by="op", hash_password=no_hash)


@pytest.fixture
async def skills(database: asyncpg.Pool[Any]) -> SkillStore:
    await apply(database, example())
    return SkillStore(database)


async def in_force(pool: asyncpg.Pool[Any]) -> Mapping[SkillId, int]:
    """Smith's skills as routing reads them."""
    (desk,) = await RoutingStore(pool).load()
    return next(rule.skills for rule in desk.rules.agents if rule.agent == SMITH)


async def test_a_change_is_in_force_signed_and_heard(skills: SkillStore, database: asyncpg.Pool[Any]) -> None:
    before = await skills.of(DEMO, SMITH)
    assert (before.set_by, before.set_at) == (None, None)
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with database.acquire() as conn:
        await conn.add_listener(CHANNEL, lambda *said: heard.put_nowait(str(said[-1])))
        now = await skills.put(DEMO, SMITH, {JA: 2, EN: 4}, by="tanaka")
        assert await asyncio.wait_for(heard.get(), 5) == "skills smith"
        await conn.reset()
    assert (now.skills, now.set_by) == ({JA: 2, EN: 4}, "tanaka")
    assert now.set_at is not None
    assert now == await skills.of(DEMO, SMITH)
    assert await in_force(database) == {JA: 2, EN: 4}


async def test_what_is_wrong_is_named_and_nothing_changes(skills: SkillStore, database: asyncpg.Pool[Any]) -> None:
    before = await in_force(database)
    with pytest.raises(ConfigError) as caught:
        await skills.put(DEMO, SMITH, {SkillId("golf"): 3, JA: 6}, by="tanaka")
    golf, level = caught.value.problems
    assert golf.startswith("skills: there is no skill 'golf'; there is: ")
    assert level == "skills.ja: level is 6; write a number from 1 to 5"
    for tenant, agent in ((DEMO, AgentId("nobody")), (TenantId("other"), SMITH)):
        with pytest.raises(NotFound):
            await skills.put(tenant, agent, {JA: 1}, by="tanaka")
        with pytest.raises(NotFound):
            await skills.of(tenant, agent)
    assert await in_force(database) == before


async def test_the_same_file_keeps_a_supervisors_word_and_a_new_one_replaces_it(
    skills: SkillStore, database: asyncpg.Pool[Any]
) -> None:
    said = await in_force(database)
    await skills.put(DEMO, SMITH, {JA: 2}, by="tanaka")
    summary = await apply(database, example())
    assert (summary.kept, summary.changed) == ({"agent_skills": ["demo/smith"]}, {})
    assert await in_force(database) == {JA: 2}

    line = next(ln for ln in EXAMPLE.splitlines() if ln.startswith("skills") and "en = 5" in ln)
    newer = await apply(database, example(EXAMPLE.replace(line, line.replace("en = 5", "en = 4"))))
    assert (newer.kept, newer.changed["agent_skills"]) == ({}, ["demo/smith"])
    assert await in_force(database) == {**said, EN: 4}
    assert (await skills.of(DEMO, SMITH)).set_by is None


async def test_what_the_file_says_gives_it_its_say_back(skills: SkillStore, database: asyncpg.Pool[Any]) -> None:
    said = await in_force(database)
    await skills.put(DEMO, SMITH, {JA: 2}, by="tanaka")
    back = await skills.put(DEMO, SMITH, said, by="tanaka")
    assert (back.set_by, back.set_at) == (None, None)
    assert (await apply(database, example())).kept == {}


async def test_the_skills_of_a_desk_have_names(skills: SkillStore) -> None:
    assert (await skills.names(DEMO))[EN] == ("英語", "English")
    assert await skills.names(TenantId("other")) == {}
