"""A slice of `scripts/soak calls`: moody agents, transfers of every kind at random, and nobody lost or rung twice."""

from __future__ import annotations

import pytest

from cti.demo.folders import PortPool, run_folder
from tests.soak._judge import Call, Leg
from tests.soak.calls import Wanted, run, troubles_of

pytestmark = pytest.mark.asyncio


async def test_nobody_is_lost_in_transfers_at_random() -> None:
    with run_folder() as folder, PortPool() as pool:
        report = await run(Wanted(seconds=12, callers=8, agents=6, seed=7), folder, pool)
    assert report.calls >= 4
    assert sum(report.commands.values()) >= 5, report
    assert report.troubles == []
    assert report.sipp_failed == 0


def leg(name: str, *, ended: float | None = 20.0, by: str = "", entered: bool = True) -> Leg:
    return Leg(name=name, started=10.0, entered=[11.0] if entered else [], ended=ended, hung_up_by=by)


@pytest.mark.parametrize(
    ("caller", "agent", "kinds"),
    [
        (leg("PJSIP/trunk-1", by="PJSIP/trunk-1"), leg("PJSIP/demo-s1-2"), []),
        (leg("PJSIP/trunk-1", by="PJSIP/demo-s1-2"), leg("PJSIP/demo-s1-2", by="PJSIP/demo-s1-2"), []),
        (leg("PJSIP/trunk-1", by="PJSIP/demo-s1-2"), leg("PJSIP/demo-s1-2", by=""), ["lost"]),
        (leg("PJSIP/trunk-1", ended=None), leg("PJSIP/demo-s1-2"), ["lost"]),
        (leg("PJSIP/trunk-1", by="PJSIP/trunk-1"), leg("PJSIP/demo-s1-2", ended=None), ["phantom"]),
    ],
)
async def test_the_judge_sees_what_must_not_be(caller: Leg, agent: Leg, kinds: list[str]) -> None:
    assert [t.kind for t in troubles_of(Call(call_id="c", caller=caller, agents=[agent]), until=60.0)] == kinds
