"""A slice of `scripts/soak kill` (some two minutes): real callers; server killed, frozen, cut off; database killed.

The whole table: docs/reliability.md.
"""

from __future__ import annotations

import random

import pytest

from cti.demo.folders import PortPool, run_folder
from tests.soak._rig import a_rig
from tests.soak.kill import as_table, run

CELLS = (
    ("server-kill", "talking"),
    ("server-freeze", "waiting"),
    ("ami-torn", "offer-decided"),
    ("server-kill", "committed"),
    ("postgres-kill", "uploaded"),
)


@pytest.mark.timeout(420)  # a loaded machine takes its time to start everything; the faults themselves take one minute
async def test_nothing_of_ours_loses_a_caller_or_a_recording() -> None:
    random.seed(1)
    with run_folder() as folder, PortPool() as pool:
        async with a_rig(folder, pool, lambda _: None) as rig:
            report = await run(rig, CELLS, minutes=2.0, rounds=1)
    troubles = [trouble for cell in report.cells for trouble in cell.troubles]
    assert not troubles, f"{troubles}\n{as_table(report)}"
    assert report.sipp_unexpected == 0, report.sipp
    assert report.unreached == []
    assert {(cell.fault, cell.phase) for cell in report.cells} == set(CELLS)
    assert all(cell.callers for cell in report.cells if cell.phase != "committed"), as_table(report)
