"""Samples over HTTP: drawn, handed out, listed; and what each mistake is answered with."""

from __future__ import annotations

from typing import Any

import pytest

from cti.domain.model import AgentId
from tests.unit.domain.test_sampling import part
from tests.unit.web.conftest import Site
from tests.unit.web.test_evaluations import asked

WHERE = "/api/evaluation-samples"
ASKED = {
    "form": "members", "since": "2026-11-01T00:00:00Z", "until": "2026-11-20T00:00:00Z",
    "rules": [{"kind": "long_hold", "per_agent": 1, "seconds": 60}, {"kind": "random", "per_agent": 2}],
    "people": ["watanabe", "mori"], "seed": "november",
}  # fmt: skip


@pytest.fixture
def desk(site: Site) -> Site:
    site.fakes.samples.rows = [part(n, ("sato", "suzuki")[n % 2], hold_s=90.0 if n == 4 else 0.0) for n in range(9)]
    return site


async def test_a_draw_is_the_same_again_handed_out_and_listed(desk: Site) -> None:
    qa, lead = await desk.logged_in("watanabe"), await desk.logged_in("tanaka")
    status, first = await asked(lead, "POST", WHERE, ASKED)
    assert status == 200, first
    assert [one["because"] for one in first["items"]] == ["long_hold", *["random"] * 4]
    assert first["items"][0]["detail"] == {"hold_s": 90.0}
    assert (first["short"], first["candidates"], first["seed"]) == ({"suzuki": 1}, 9, "november")
    _, again = await asked(lead, "POST", WHERE, ASKED)
    assert [one["call_id"] for one in again["items"]] == [one["call_id"] for one in first["items"]]
    _, mine = await asked(qa, "GET", "/api/my/evaluation-samples")
    assert {one["assignee"] for one in mine["items"]} == {"watanabe"}
    assert len(mine["items"]) == 6, "three of five, twice"
    _, told = await asked(qa, "GET", WHERE)
    assert ([one["made_by"] for one in told["samples"]], len(told["people"])) == (["tanaka"] * 2, 2)
    made = [entry for entry in desk.fakes.audit.entries if entry.what == "evaluation_sample.made"]
    assert [entry.detail["n"] for entry in made] == [5, 5]


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"people": ["sato"]}, 400, "does not score calls"),
        ({"people": ["tanaka"]}, 400, "does not score calls"),  # looks at scores, and gives none
        ({"people": ["abe"]}, 400, "does not score calls"),  # has left
        ({"agents": ["nobody"]}, 400, "is no agent here"),
        ({"form": "none"}, 409, "no_such_form"),
        ({"rules": []}, 400, "rules"),
        ({"rules": [{"kind": "reason", "per_agent": 1}]}, 400, "reasons"),
        ({"until": "2026-10-01T00:00:00Z"}, 400, "until"),
        ({"since": "2020-01-01T00:00:00Z"}, 400, "until"),
    ],
)
async def test_what_cannot_be_drawn(desk: Site, change: dict[str, Any], status: int, says: str) -> None:
    found, problem = await asked(await desk.logged_in("watanabe"), "POST", WHERE, {**ASKED, **change})
    assert (found, says in str(problem)) == (status, True), problem
    assert desk.fakes.samples.drawn == []


async def test_one_agent_alone(desk: Site) -> None:
    _, drawn = await asked(await desk.logged_in("watanabe"), "POST", WHERE, {**ASKED, "agents": ["sato"], "seed": ""})
    assert {one["agent"] for one in drawn["items"]} == {AgentId("sato")}
    assert len(drawn["seed"]) == 16


async def test_who_is_second_draws_again_without_what_the_first_took(desk: Site) -> None:
    taken, desk.fakes.samples.quicker = desk.fakes.samples.rows[0].call_id, 1
    status, drawn = await asked(await desk.logged_in("watanabe"), "POST", WHERE, ASKED)
    assert (status, drawn["candidates"]) == (200, 8)
    assert taken not in [one["call_id"] for one in drawn["items"]]
    made = [entry.which for entry in desk.fakes.audit.entries if entry.what == "evaluation_sample.made"]
    assert set(made) == {drawn["id"]}, "the trail knows one draw"


async def test_who_is_never_first_is_told(desk: Site) -> None:
    desk.fakes.samples.quicker = 9
    status, problem = await asked(await desk.logged_in("watanabe"), "POST", WHERE, ASKED)
    assert (status, problem["key"], desk.fakes.samples.drawn) == (409, "drawn_meanwhile", [])
