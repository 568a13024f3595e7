"""`config apply` on a real PostgreSQL: what a file says comes to be so, what it no longer says is switched off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from cti.desk.apply import CHANNEL, apply_desk
from cti.desk.load import check_desk
from cti.desk.summary import Summary
from cti.domain.errors import CallerError, ConfigError, NotFound
from cti.domain.model import AgentId, QueueId, TenantId, UserLogin
from cti.tomlfile import TomlFile
from cti.web.savedports import NewSaved
from cti.wiring.savednumbers import StoredSavedNumbers
from ivr.menus import check_menu
from routing.calendar import problems_in

EXAMPLE = (Path(__file__).parents[3] / "examples" / "desk.toml").read_text(encoding="utf-8")
Connection = Any  # asyncpg's, whose type takes parameters for the checker only


async def plainly(password: str) -> str:
    return f"hash of {password}"


@pytest_asyncio.fixture
async def conn(database_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def apply(conn: Connection, text: str) -> Summary:
    desk = check_desk(TomlFile("desk.toml", text), check_menu, problems_in)
    return await apply_desk(conn, desk, source="desk.toml", by="tester", hash_password=plainly)


async def test_everything_of_the_example_is_there(conn: Connection) -> None:
    summary = await apply(conn, EXAMPLE)
    assert summary.added["tenants"] == ["demo"]
    assert summary.added["numbers"] == ["+815012345000", "+815012345010"]
    agents = await conn.fetch("SELECT agent, endpoint, sip_secret FROM agents ORDER BY agent")
    assert [row["endpoint"] for row in agents] == ["demo-sato", "demo-smith", "demo-suzuki"]
    assert len({row["sip_secret"] for row in agents}) == 3
    assert await conn.fetchval("SELECT level FROM agent_skills WHERE agent = 'smith' AND skill = 'en'") == 5
    assert await conn.fetchval("SELECT password_hash FROM users WHERE login = 'sato'") == "hash of hanako-no-kagi"


async def test_the_same_file_again_changes_nothing(conn: Connection) -> None:
    await apply(conn, EXAMPLE)
    secret = await conn.fetchval("SELECT sip_secret FROM agents WHERE agent = 'sato'")
    summary = await apply(conn, EXAMPLE)
    assert (summary.added, summary.changed, summary.removed) == ({}, {}, {})
    assert summary.revision == 2
    assert await conn.fetchval("SELECT sip_secret FROM agents WHERE agent = 'sato'") == secret


async def test_a_chosen_password_is_never_overwritten(conn: Connection) -> None:
    await apply(conn, EXAMPLE)
    await conn.execute("UPDATE users SET password_hash = 'chosen', must_change = false WHERE login = 'sato'")
    await apply(conn, EXAMPLE.replace("hanako-no-kagi", "another-first-password"))
    row = await conn.fetchrow("SELECT password_hash, must_change FROM users WHERE login = 'sato'")
    assert tuple(row) == ("chosen", False)


async def test_what_the_file_no_longer_names_is_switched_off_and_comes_back(conn: Connection) -> None:
    await apply(conn, EXAMPLE)
    begin = EXAMPLE.index('[[tenants.demo.agents]]\nid = "smith"')
    without = EXAMPLE[:begin] + EXAMPLE[EXAMPLE.index("# --- Queues") :]
    summary = await apply(conn, without)
    assert summary.removed["agents"] == ["demo/smith"]
    assert await conn.fetchval("SELECT active FROM agents WHERE agent = 'smith'") is False
    summary = await apply(conn, EXAMPLE)
    assert summary.changed["agents"] == ["demo/smith"]
    assert await conn.fetchval("SELECT active FROM agents WHERE agent = 'smith'") is True


async def test_changed_figures_and_skills_are_named(conn: Connection) -> None:
    await apply(conn, EXAMPLE)
    changed = EXAMPLE.replace("ring_s = 15\nmax_wait_s = 900", "ring_s = 25\nmax_wait_s = 900").replace(
        "skills = { roadside = 2 }", "skills = { roadside = 3 }"
    )
    summary = await apply(conn, changed)
    assert summary.changed == {"queues": ["demo/roadside"], "queue_skills": ["demo/roadside"]}


async def test_after_call_work_of_a_queue_and_back_to_the_desks_own(conn: Connection) -> None:
    await apply(conn, EXAMPLE.replace("ring_s = 15\nmax_wait_s = 900", "wrap_up_s = 0\nring_s = 15\nmax_wait_s = 900"))
    length = "SELECT wrap_up_s FROM queues WHERE queue = 'roadside'"
    assert await conn.fetchval(length) == 0
    await apply(conn, EXAMPLE)
    assert await conn.fetchval(length) is None


QUEUES = """
[[tenants.demo.calendars]]
id = "office"
weekly = { mon = ["10:00-19:00"] }

[[tenants.demo.queues]]
id = "lease"
name = { ja = "リース", en = "Lease" }
calendar = "office"
overflow = { to = "members", after_s = 60 }
when_closed = { do = "hang_up", text = { ja = "休みです。", en = "Closed." } }
"""


async def test_calendars_and_treatments_change_only_when_they_say_something_else(conn: Connection) -> None:
    first = await apply(conn, EXAMPLE + QUEUES)
    assert first.added["calendars"] == ["demo/office"]
    again = await apply(conn, EXAMPLE + QUEUES)
    assert (again.added, again.changed, again.removed) == ({}, {}, {})
    other = await apply(conn, EXAMPLE + QUEUES.replace("19:00", "18:00").replace("Closed.", "We are closed."))
    assert other.changed == {"calendars": ["demo/office"], "queues": ["demo/lease"]}
    gone = await apply(conn, EXAMPLE)
    assert gone.removed == {"queues": ["demo/lease"], "calendars": ["demo/office"]}
    back = await apply(conn, EXAMPLE + QUEUES)
    assert (back.added["calendars"], back.changed["queues"]) == (["demo/office"], ["demo/lease"])


async def test_a_new_user_without_a_first_password_changes_nothing_at_all(conn: Connection) -> None:
    await apply(conn, EXAMPLE)
    newcomer = '\n[[tenants.demo.users]]\nlogin = "mori"\nname = "森"\nroles = ["qa"]\n'
    with pytest.raises(ConfigError, match="'mori' is new and has no first_password"):
        await apply(conn, EXAMPLE.replace("hanako-no-kagi", "another-password") + newcomer)
    assert await conn.fetchval("SELECT count(*) FROM desk_revisions") == 1


async def test_the_server_is_told(conn: Connection, database_url: str) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    listener = await asyncpg.connect(database_url)
    await listener.add_listener(CHANNEL, lambda *told_of: told.put_nowait(str(told_of[-1])))
    summary = await apply(conn, EXAMPLE)
    assert await asyncio.wait_for(told.get(), 5) == str(summary.revision)
    await listener.close()


async def test_two_at_once_are_one_after_the_other(conn: Connection, database_url: str) -> None:
    second = await asyncpg.connect(database_url)
    summaries: tuple[Summary, ...] = tuple(await asyncio.gather(apply(conn, EXAMPLE), apply(second, EXAMPLE)))
    await second.close()
    added: list[Mapping[str, list[str]]] = [summary.added for summary in summaries if summary.added]
    assert len(added) == 1
    assert sorted(summary.revision for summary in summaries) == [1, 2]


SAVED = """
[[tenants.demo.saved_numbers]]
id = "police"
name = "渋谷警察署"
number = "03-3498-0110"

[[tenants.demo.saved_numbers]]
id = "tow"
name = "東京レッカー"
number = "03-6458-1234"
queues = ["english"]
"""


async def test_a_persons_word_in_the_phone_book_stays_until_the_file_says_something_new(
    conn: Connection, database_url: str
) -> None:
    tenant, tanaka, at = TenantId("demo"), UserLogin("tanaka"), datetime.now(UTC)
    assert (await apply(conn, EXAMPLE + SAVED)).added["saved_numbers"] == ["demo/police", "demo/tow"]
    async with asyncpg.create_pool(database_url, min_size=1, max_size=2) as pool:
        book = StoredSavedNumbers(pool, lambda _: None)

        async def numbers() -> dict[str, str]:
            return {fact.name: fact.national for fact in await book.all(tenant)}

        new = NewSaved(name="渋谷警察署", reading="", number="03-3498-0111", queues=(), agents=())
        await book.change(tenant, "police", new, by=tanaka, at=at)
        made = await book.add(tenant, replace(new, name="保険", number="090-1234-5678"), by=tanaka, at=at)
        await book.remove(tenant, "tow", by=tanaka, at=at)
        summary = await apply(conn, EXAMPLE + SAVED)
        assert summary.kept["saved_numbers"] == ["demo/police", "demo/tow"]
        assert await numbers() == {"渋谷警察署": "03-3498-0111", "保険": "090-1234-5678"}
        with pytest.raises(NotFound):
            await book.change(tenant, "tow", new, by=tanaka, at=at)
        news = SAVED.replace("3498-0110", "3498-0112").replace("6458-1234", "6458-1235")
        assert (await apply(conn, EXAMPLE + news)).changed["saved_numbers"] == ["demo/police", "demo/tow"]
        assert await numbers() == {
            "渋谷警察署": "03-3498-0112",
            "東京レッカー": "03-6458-1235",
            "保険": "090-1234-5678",
        }
        assert [fact.name for fact in await book.of_agent(tenant, AgentId("sato"))] == ["保険", "渋谷警察署"]
        assert len(await book.of_agent(tenant, AgentId("smith"))) == 3, "serves the queue of the third"
        assert (await apply(conn, EXAMPLE)).removed["saved_numbers"] == ["demo/police", "demo/tow"]
        await book.remove(tenant, made.saved, by=tanaka, at=at)
        assert await numbers() == {}
        with pytest.raises(CallerError, match="no queue 'nowhere'"):
            await book.add(tenant, replace(new, queues=(QueueId("nowhere"),)), by=tanaka, at=at)
