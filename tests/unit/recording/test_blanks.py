"""Paused seconds are silence in what is mixed, to the sample, whatever the files hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.model import Pause
from recording.analysis import Analysis, TalkEnergy
from recording.assemble import Nothing, assemble, one_sided
from recording.blanks import LATE_S, MARGIN_S, with_blanks
from recording.mix import MixSource, mix
from recording.timeline import Growth, Side, Timeline, Track, plan
from recording.wav import read_info
from tests.unit.recording.fakes import later
from tests.unit.recording.test_assemble import SATO, SETTINGS, ended, file, planned, talk
from tests.unit.recording.test_encode import placed

RATE = 8000
LOOKS = range(16_384, 57 * RATE, 16_384)
LOUD = (1000).to_bytes(2, "little") * (10 * RATE)


def pause(began: float, end: float | None, *, proven: bool = True) -> Pause:
    return Pause(
        began_at=later(began),
        why="asked",
        proven_at=later(began) if proven else None,
        ended_at=None if end is None else later(end),
    )


@pytest.mark.parametrize(("caller", "agent"), [(RATE, RATE), (2 * RATE, 2 * RATE), (2 * RATE, RATE)])
def test_both_sides_are_silent_in_the_pause_and_sound_outside(tmp_path: Path, caller: int, agent: int) -> None:
    """Whatever the rates: a narrow leg's sound is interpolated first, so that nothing of it swings into the pause."""
    tracks = [
        placed(tmp_path, name, LOUD * (rate // RATE), side, 0, rate=rate)
        for name, side, rate in (("c", Side.CALLER, caller), ("a", Side.AGENT, agent))
    ]
    rate = max(caller, agent)
    timeline = plan(tuple(track for track, _ in tracks), started_at=later(0), ended_at=later(10))
    timeline = with_blanks(timeline, (pause(3, 5), pause(8, None)))
    sources = tuple(
        MixSource(placed=item, path=path, info=read_info(path))
        for item, (_, path) in zip(timeline.tracks, tracks, strict=True)
    )
    runs = list(mix(timeline, sources, rate=rate, step_frames=400))
    for side in (0, 1):
        samples = memoryview(b"".join(run[side] for run in runs)).cast("h").tolist()
        silent = {at for at, sample in enumerate(samples) if not sample}
        first, last = round((3 - MARGIN_S) * rate), round((5 + MARGIN_S + LATE_S) * rate)
        assert silent == {*range(first, last), *range(round((8 - MARGIN_S) * rate), 10 * rate)}


def test_pauses_one_in_the_other_are_one_blank_as_long_as_the_longer() -> None:
    timeline = Timeline(started_at=later(0), duration_s=60, tracks=())
    inner, outer = pause(20, 25), pause(10, 40)
    assert with_blanks(timeline, [inner, outer]).blanks == with_blanks(timeline, [outer]).blanks


spans = st.tuples(st.floats(-5, 70), st.floats(0, 30)).map(lambda s: pause(s[0], s[0] + s[1]))


@given(st.lists(spans, max_size=6))
def test_blanks_are_in_order_apart_and_hold_every_pause(pauses: list[Pause]) -> None:
    timeline = with_blanks(Timeline(started_at=later(0), duration_s=60, tracks=()), pauses)
    edges = [edge for blank in timeline.blanks for edge in blank]
    assert edges == sorted(edges)
    assert all(0 <= edge <= 60 for edge in edges)
    for one in pauses:
        assert one.ended_at is not None
        begin, end = timeline.offset_s(one.began_at), timeline.offset_s(one.ended_at)
        if begin < end <= 60:
            assert any(low <= begin and end <= high for low, high in timeline.blanks)


@pytest.mark.parametrize(
    ("why", "blanks"), [("not_wanted", ((0.0, 20.0), (35.0, 60.0))), ("refused", ((0.0, 20.0), (35.0, 60.0))),
                        ("asked", ((0.0, 60.0),))]
)  # fmt: skip
def test_a_message_for_the_desk_is_kept_whatever_the_rules_and_not_what_somebody_asked_to_keep_out(
    why: str, blanks: tuple[tuple[float, float], ...]
) -> None:
    whole = replace(pause(0, None), why=why)
    timeline = Timeline(started_at=later(0), duration_s=60, tracks=())
    assert with_blanks(timeline, [whole], but=(later(20), later(35))).blanks == blanks


def test_a_shaky_place_has_a_wider_margin() -> None:
    job = replace(ended(talk(SATO, "1.2", 0, 60), announced={"c": 0}), pauses=(pause(20, 30),))
    firm = planned(job, file("c-rx", 60)).timeline.blanks
    shaky = planned(job, file("c-rx", 50)).timeline.blanks
    assert shaky[0][0] < firm[0][0] - 0.5
    assert shaky[0][1] > firm[0][1] + 0.5


def test_what_asterisk_did_not_prove_is_cut_by_a_whole_step_of_the_file_where_time_was_put_back() -> None:
    """Sound may lie 2.05 s from where it was said: nothing of the pause may be left beside the cut."""
    put_back = tuple(Growth(at=later(at / RATE + (3.0 if at > 15 * RATE else 0.0)), frames=at) for at in LOOKS)
    caller = Track(
        file="c", side=Side.CALLER, agent=None, frames=57 * RATE, rate=RATE, anchor_at=later(0), until_at=later(60),
        growth=put_back,
    )  # fmt: skip
    timeline = plan((caller,), started_at=later(0), ended_at=later(60))
    for proven, wide_s in ((True, 1.0), (False, 2.05)):
        ((begin, end),) = with_blanks(timeline, [pause(20, 30, proven=proven)]).blanks
        assert begin <= 20 - wide_s
        assert end >= 30 + wide_s


def test_where_nobody_knows_where_time_was_lost_an_unproven_pause_is_silent_wherever_it_may_be() -> None:
    job = replace(ended(talk(SATO, "1.2", 0, 60), announced={"c": 0}), pauses=(pause(30, 35, proven=False),))
    ((begin, end),) = planned(job, file("c-rx", 50)).timeline.blanks
    assert begin <= 30 - 10, "ten seconds are missing, perhaps before the pause: its sound lies as much earlier"
    assert end >= 35


def test_a_paused_recording_says_so_and_one_that_was_paused_from_first_to_last_is_none() -> None:
    job = replace(ended(talk(SATO, "1.2", 1, 60)), pauses=(pause(20, 30, proven=False),))
    plan_ = planned(job, file("c-rx", 60), file("a-1.2-rx", 59))
    assert {"paused", "pause_unproven"} <= set(plan_.flags)
    whole = assemble(replace(job, pauses=(pause(-1, None),)), (file("c-rx", 60),), SETTINGS)
    assert whole == Nothing(reason="paused")


@pytest.mark.parametrize(("end", "flags"), [(9.0, ()), (4.0, ("one_sided_agent",))])
def test_a_part_that_was_paused_is_not_called_one_sided(end: float, flags: tuple[str, ...]) -> None:
    talk_ = TalkEnergy(
        agent=SATO, start_s=0, end_s=10, caller_db=-20, agent_db=-96, caller_loudest_db=-20, agent_loudest_db=-96
    )
    analysis = Analysis(
        bucket_ms=50, caller_peaks=b"", agent_peaks=b"", silences=(), caller_db=-20, agent_db=-96, talks=(talk_,)
    )
    timeline = with_blanks(Timeline(started_at=later(0), duration_s=10, tracks=()), (pause(1, end),))
    assert one_sided(analysis, timeline) == flags
