"""What the pages and `kakehashi route explain` tell of routing, from a real PostgreSQL and a desk's own names."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import pytest

from cti.cli.main import run
from cti.domain.errors import ConfigError, Unavailable
from cti.domain.model import AgentId, CallId, QueueId, SkillId, TenantId
from cti.wiring.directory import DeskDirectory
from cti.wiring.routing import RoutingDesk
from cti.wiring.supervision import StoredSupervision
from routing.desk import DecisionRow
from routing.store import RoutingStore
from tests.contract.routing.test_skills import apply, example

DEMO, ENGLISH, SMITH = TenantId("demo"), QueueId("english"), AgentId("smith")
CALL = CallId("3f2a5c1e-0000-4000-8000-000000000001")
AT = datetime(2026, 11, 22, 5, 3, 25, tzinfo=UTC)  # 14:03:25 in Tokyo
WANT = {"skill": "en", "level": 3}
STEP = {"step": 2, "steps": 3, "step_since": (AT - timedelta(seconds=5)).isoformat()}


class Router:
    """As much of the routing desk as is asked here."""

    def __init__(self) -> None:
        self.reloads = 0
        self.away = False
        self.supervisors = SimpleNamespace()

    async def reload(self) -> None:
        self.reloads += 1
        if self.away:
            raise Unavailable("away")


@pytest.fixture
async def desk(database: asyncpg.Pool[Any]) -> tuple[StoredSupervision, Router]:
    await apply(database, example())
    directory, router = DeskDirectory(database), Router()
    await directory.reload()
    store = RoutingStore(database)
    for kind, slug, params, agent, by in (
        ("step", "step_began", {"want": WANT, **STEP}, None, ""),
        ("offered", "longest_idle", {"want": WANT, "idle": 3, "priority": 5, "waited_s": 125, **STEP}, SMITH, ""),
        ("priority", "priority_set", {"by": "tanaka", "priority": 5}, None, "tanaka"),
    ):
        row = DecisionRow(
            tenant=DEMO, at=AT, kind=kind, slug=slug, params=params, call_id=CALL, queue=ENGLISH, agent=agent, by=by
        )
        store.put_decision(row)
    await store.start()
    assert await store.stop() == 0
    return StoredSupervision(cast("RoutingDesk", router), directory, database), router


async def test_decisions_are_told_in_both_languages_with_the_desks_names_and_clock(
    desk: tuple[StoredSupervision, Router],
) -> None:
    step, offered, priority = await desk[0].decisions(DEMO, CALL)
    assert step.words == (
        "英語 3以上を探す。ステップ2/3（14:03:20から）",
        "asks for English ≥ 3; step 2 of 3 since 14:03:20",
    )
    assert offered.words == (
        "Emma Smithさんを呼び出す：英語 3以上の3名のうち、待機が最も長い。優先度5、お待ち2分5秒。"
        "ステップ2/3（14:03:20から）",
        "ring Emma Smith: longest idle of 3 with English ≥ 3; priority 5, waited 2 min 5 s; step 2 of 3 since 14:03:20",
    )
    assert (offered.agent_name, priority.by, priority.words[1]) == (
        "Emma Smith",
        "tanaka",
        "tanaka set the priority to 5",
    )
    assert await desk[0].decisions(TenantId("other"), CALL) == []


async def test_a_plan_is_told_in_words_and_in_force_when_it_is_answered(desk: tuple[StoredSupervision, Router]) -> None:
    supervision, router = desk
    plan = [{"want": {"any": [{"last_agent": True}, {"all": [{"own": True}, {"language": 3}]}]}, "expires_s": 20}]
    checked = await supervision.check_plan(DEMO, ENGLISH, plan)
    assert [step.want for step in checked.steps] == [
        (
            "前回の担当者 または (キューと通話が求めるスキル かつ お客様の言語 3以上)",
            "the agent of last time or (the skills that queue and call ask for and the caller's language ≥ 3)",
        )
    ]
    assert router.reloads == 0
    assert await supervision.publish_plan(DEMO, ENGLISH, plan, by="tanaka", note="night", after=0) == (1, ())
    assert router.reloads == 1
    now = await supervision.plan(DEMO, ENGLISH)
    assert (now.plan, now.checked.steps) == (plan, checked.steps)
    assert [(it.version, it.published_by, it.note) for it in now.versions] == [(1, "tanaka", "night")]
    router.away = True  # it is published all the same: the desk's notice brings it
    assert (await supervision.revert_plan(DEMO, ENGLISH, 1, by="mori", note="", after=1))[0] == 2


async def test_a_plan_that_names_what_is_gone_is_shown_with_its_mistakes(
    desk: tuple[StoredSupervision, Router], database: asyncpg.Pool[Any]
) -> None:
    await database.execute("""UPDATE queues SET steps = '[{"want": {"skill": "golf"}}]' WHERE queue = 'english'""")
    now = await desk[0].plan(DEMO, ENGLISH)
    (mistake,) = now.checked.warnings
    assert mistake.startswith("plan[0].want: there is no skill 'golf'")
    assert (now.checked.steps, now.versions) == ((), [])
    with pytest.raises(ConfigError):
        await desk[0].check_plan(DEMO, ENGLISH, now.plan)


async def test_skills_are_in_force_when_it_is_answered(desk: tuple[StoredSupervision, Router]) -> None:
    supervision, router = desk
    fact = await supervision.set_skills(DEMO, SMITH, {SkillId("en"): 4}, by="tanaka")
    assert ([(it.skill, it.level) for it in fact.skills], fact.set_by, router.reloads) == ([("en", 4)], "tanaka", 1)
    assert await supervision.agent_skills(DEMO, SMITH) == fact
    assert ("en", ("英語", "English")) in await supervision.skills(DEMO)


async def test_the_command_tells_every_decision(
    desk: tuple[StoredSupervision, Router], database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "kakehashi.toml"
    config.write_text(
        f'[asterisk]\nami_secret = "x"\n[database]\nurl = "{database_url}"\n'
        '[s3]\nbucket = "recordings"\naccess_key = "x"\nsecret_key = "x"\n'
        '[lookup]\nurl = "http://127.0.0.1:1"\ntoken = "x"\n',
        "utf-8",
    )

    async def explain(*arguments: str) -> int:
        return await asyncio.to_thread(run, ["route", "explain", *arguments, "--config", str(config)])

    assert await explain(CALL) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("2026-11-22 14:03:25  english  Emma Smithさんを呼び出す：英語 3以上の3名のうち")
    assert await explain(CALL, "--language", "en") == 0
    assert "longest idle of 3 with English ≥ 3" in capsys.readouterr().out
    assert await explain(CALL, "--json") == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [it["kind"] for it in said] == ["step", "offered", "priority"]
    assert said[1]["params"]["idle"] == 3
    assert await explain("last") == 0
    assert capsys.readouterr().out.splitlines() == lines
    assert await explain(CALL, "--tenant", "other") == 2
    assert "nothing was decided about call" in capsys.readouterr().err


async def test_what_is_no_call_is_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run(["route", "explain", "12"])
    assert "'12' is no call" in capsys.readouterr().err
