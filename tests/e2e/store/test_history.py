"""Recorded calls come out of a real PostgreSQL as they went in, and `route simulate --replay` runs them again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import pytest
import pytest_asyncio

from cti.cli.main import run
from cti.domain.model import (
    AgentId,
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    EndReason,
    MenuFacts,
    MenuId,
    QueueId,
    SkillId,
    SkillLevel,
    TalkSegment,
    TenantId,
    UniqueId,
)
from cti.store.calls import CallStore
from cti.store.history import RecordedCall, recorded_calls, time_zones
from tests.pools import lent

TOKYO = ZoneInfo("Asia/Tokyo")
NINE = datetime(2026, 7, 18, 9, 0, tzinfo=TOKYO)
DEMO = TenantId("demo")
MEMBERS = QueueId("members")

FILE = """\
[simulation]
within_s = [20]

[[queues]]
id = "members"

[[agents]]
group = "desk"
count = 1
skills = { ja = 3 }

[[plans]]
name = "now"

[[plans]]
name = "one_more"

[[plans.agents]]
group = "desk"
count = 2
skills = { ja = 3 }
"""


def a_call(number: int, came: datetime, *, wait_s: float = 0.0, talk_s: float | None = 60.0) -> Call:
    answered = came + timedelta(seconds=wait_s)
    talks: tuple[TalkSegment, ...] = ()
    if talk_s is not None:
        middle, end = answered + timedelta(seconds=talk_s / 3), answered + timedelta(seconds=talk_s)
        talks = tuple(
            TalkSegment(
                agent=AgentId(agent),
                offer_id=None,
                agent_channel=ChannelName(f"PJSIP/demo-{agent}-{number}"),
                agent_uniqueid=UniqueId(f"{number}.{agent}"),
                answered_at=begin,
                ended_at=ended,
            )
            for agent, begin, ended in (("sato", answered, middle), ("suzuki", middle, end))
        )
    return Call(
        call_id=CallId(str(UUID(int=number))),
        tenant=DEMO,
        state=CallState.ENDED,
        channel=ChannelName(f"PJSIP/trunk-{number}"),
        uniqueid=UniqueId(f"{number}.0"),
        number_called="+81501234500",
        caller=CallerNumber(kind=CallerKind.WITHHELD),
        arrived_at=came - timedelta(seconds=30),
        menu=MenuFacts(menu=MenuId("main"), language="ja", skills=(SkillLevel(skill=SkillId("ja"), level=2),)),
        queue=MEMBERS,
        queued_at=came,
        talks=talks,
        answered_at=answered if talks else None,
        ended_at=answered + timedelta(seconds=talk_s or 0),
        end_reason=EndReason.COMPLETED if talks else EndReason.ABANDONED_IN_QUEUE,
    )


@pytest_asyncio.fixture
async def desk(database: asyncpg.Pool[Any]) -> asyncpg.Pool[Any]:
    """A tenant with four calls of two days: three close together, one hung up; and one of the day after."""
    await database.execute("INSERT INTO tenants VALUES ('demo', 'Demo', 'Asia/Tokyo', 'ja')")
    calls = [
        a_call(1, NINE),
        a_call(2, NINE + timedelta(seconds=10), wait_s=50),
        a_call(3, NINE + timedelta(seconds=20), wait_s=25, talk_s=None),
        a_call(4, NINE + timedelta(days=1), wait_s=0),
        a_call(5, NINE + timedelta(days=2)),
    ]
    await CallStore(database).save(calls)
    return database


@pytest.fixture
def words(tmp_path: Path, database_url: str) -> list[str]:
    """The command, with its files."""
    (tmp_path / "desk.toml").write_text(FILE, encoding="utf-8")
    (tmp_path / "kakehashi.toml").write_text(
        f'[asterisk]\nami_secret = "x"\n[database]\nurl = "{database_url}"\n'
        '[s3]\nbucket = "recordings"\naccess_key = "x"\nsecret_key = "x"\n'
        '[lookup]\nurl = "http://127.0.0.1:1"\ntoken = "x"\n',
        encoding="utf-8",
    )
    return ["route", "simulate", str(tmp_path / "desk.toml"), "--config", str(tmp_path / "kakehashi.toml")]


async def test_what_is_read(desk: asyncpg.Pool[Any]) -> None:
    async with lent(desk) as conn:
        assert await time_zones(conn) == {"demo": "Asia/Tokyo"}
        calls = await recorded_calls(conn, DEMO, NINE - timedelta(hours=9), NINE + timedelta(hours=15))
        others = await recorded_calls(conn, TenantId("other"), NINE - timedelta(hours=9), NINE + timedelta(hours=15))
    assert others == []
    ja = (SkillLevel(skill=SkillId("ja"), level=2),)
    assert calls == [
        RecordedCall(queue=MEMBERS, skills=ja, queued_at=NINE, wait_s=0, talk_s=60, hung_up=False),
        RecordedCall(
            queue=MEMBERS, skills=ja, queued_at=NINE + timedelta(seconds=10), wait_s=50, talk_s=60, hung_up=False
        ),
        RecordedCall(
            queue=MEMBERS, skills=ja, queued_at=NINE + timedelta(seconds=20), wait_s=25, talk_s=None, hung_up=True
        ),
    ]


async def test_who_was_sent_away_did_not_hang_up(desk: asyncpg.Pool[Any]) -> None:
    came = NINE + timedelta(days=5)
    sent_away = replace(a_call(6, came, wait_s=40, talk_s=None), end_reason=EndReason.TREATED)
    await CallStore(desk).save([sent_away])
    async with lent(desk) as conn:
        (call,) = await recorded_calls(conn, DEMO, came, came + timedelta(hours=1))
    assert (call.hung_up, call.talk_s, call.wait_s) == (False, None, 40)


async def test_two_plans_on_recorded_days(
    desk: asyncpg.Pool[Any], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status = await asyncio.to_thread(run, [*words, "--replay", "2026-07-18..2026-07-19"])
    out, err = capsys.readouterr()
    assert status == 0, err
    assert "4 recorded calls on 2 days" in err
    found = json.loads(out)
    now, more = found["plans"]["now"], found["plans"]["one_more"]
    assert found["replications"] == 2  # a day each
    assert now["offered"]["mean"] == more["offered"]["mean"] == 2
    # The first day as recorded: 0 s, 50 s, hung up after 25 s. With one agent more the second caller does not wait.
    assert now["abandoned"]["mean"] == more["abandoned"]["mean"] == 0.5
    assert now["wait_all"]["mean_s"]["mean"] == pytest.approx(75 / 3 / 2)
    assert more["wait_all"]["mean_s"]["mean"] == pytest.approx(25 / 3 / 2, rel=1e-4)
    assert found["differences"]["one_more - now"]["wait_all"]["mean_s"]["mean"] == pytest.approx(-50 / 3 / 2, rel=1e-4)


async def test_a_tenant_that_is_not_there(
    desk: asyncpg.Pool[Any], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(run, [*words, "--replay", "2026-07-18..2026-07-19", "--tenant", "demmo"]) == 2
    assert "--tenant: write one of demo" in capsys.readouterr().err
    assert await asyncio.to_thread(run, [*words, "--replay", "2026-01-01..2026-01-02"]) == 2
    assert "no caller waited on these days" in capsys.readouterr().err
