"""The table at the end of `scripts/soak browser`."""

from __future__ import annotations

from tests.soak._scenes import Trial
from tests.soak.browser import Row, as_table


def test_the_table_says_of_each_action_and_cell_how_often_it_ran_and_what_came_of_it() -> None:
    rows = [Row(name="mute, unmute", runs=2, seconds=4.9), Row(name="swap", runs=2, failed=["late"], seconds=9.0)]
    trials = [
        Trial(fault="browser killed", state="held", began=10.0, ended=32.0, heard_s=15.04, freed_s=5.3, ready_s=2.3),
        Trial(
            fault="browser killed",
            state="held",
            began=50.0,
            ended=70.0,
            heard_s=14.0,
            freed_s=5.5,
            told_s=6.1,
            cut_s=3.2,
        ),
        Trial(fault="browser killed", state="talking", began=80.0, ended=90.0, failed=["the caller was dropped"]),
    ]
    assert as_table(rows, trials, ["call x is open"]).splitlines() == [
        "| what, with its sound | runs | result | longest s | heard s | freed s | told s | cut off s | ready s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        "| mute, unmute | 2 | passed | 4.9 | | | | | |",
        "| swap | 2 | **failed 1** | 9.0 | | | | | |",
        "| browser killed × held | 2 | passed | 22.0 | 15.0 | 5.5 | 6.1 | 3.2 | 2.3 |",
        "| browser killed × talking | 1 | **failed 1** | 10.0 |  |  |  |  |  |",
        "",
        "beside these: call x is open",
    ]
