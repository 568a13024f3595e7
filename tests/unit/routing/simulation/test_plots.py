"""Pictures: well-formed, in both languages, for light and dark, without script; what they show is what was counted."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib import resources
from xml.etree import ElementTree as Xml

import pytest

from cti.domain.model import QueueId
from routing.model import QueueRule
from routing.simulation.batch import run_all
from routing.simulation.model import Callers, Fixed, Instants, Plan, Scenario, Staff
from routing.simulation.plots import LANGUAGES, plots, words
from routing.simulation.svg import Axis, Bar, Line, bars, chart, steps

SVG = "{http://www.w3.org/2000/svg}"


def a_scenario(**more: object) -> Scenario:
    plans = tuple(
        Plan(
            name=f"<{name}> & co",
            queues=(QueueRule(queue=QueueId("q"), nobody_wait=True, max_wait_s=99_999, wrap_up_s=0),),
            staff=(Staff(group="desk", count=count, skills={}),),
        )
        for name, count in (("few", 1), ("many", 2))
    )
    kind = Callers(name="a", queue="q", arrivals=Instants(tuple(60.0 * n for n in range(100))), talk=Fixed(90.0))
    return replace(Scenario(callers=(kind,), plans=plans, hours=2.0, replications=2), **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def pictures() -> dict[str, str]:
    scenario = a_scenario()
    return dict(plots(scenario, run_all(scenario)))


def test_every_picture_is_well_formed_and_says_what_it_is(pictures: dict[str, str]) -> None:
    assert len(pictures) == 8
    for text in pictures.values():
        root = Xml.fromstring(text)
        title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
        assert title is not None and title.text
        assert description is not None and description.text
        assert "script" not in text and "nan" not in text and "inf" not in text.replace("info", "")
        assert "@media(prefers-color-scheme:dark)" in text
        assert not re.search(r"https?://(?!www\.w3\.org)", text)


def test_names_are_written_as_they_are(pictures: dict[str, str]) -> None:
    texts = [node.text for node in Xml.fromstring(pictures["waits.en.svg"]).iter(f"{SVG}text")]
    assert "<few> & co" in texts


def test_both_languages(pictures: dict[str, str]) -> None:
    assert "待ち時間の分布" in pictures["waits.ja.svg"]
    assert "How long callers wait" in pictures["waits.en.svg"]
    assert words("ja").keys() == words("en").keys()
    for language in LANGUAGES:
        raw = resources.files("routing.simulation").joinpath(f"words.{language}.json").read_text(encoding="utf-8")
        assert json.loads(raw) == words(language)


def test_occupancy_says_its_figures(pictures: dict[str, str]) -> None:
    """100 callers of 90 s in 7,200 s: one agent is busy all the time but for the start, two for 62.5 % of it."""
    texts = [node.text or "" for node in Xml.fromstring(pictures["occupancy.en.svg"]).iter(f"{SVG}text")]
    assert "100.0%" in texts
    assert "62.5%" in texts


def test_a_single_replication_and_no_calls_can_be_drawn() -> None:
    lonely = a_scenario(replications=1)
    late = replace(lonely.callers[0], arrivals=Instants((99_999.0,)))
    for scenario in (lonely, replace(lonely, callers=(late,))):
        assert all(Xml.fromstring(text) is not None for _, text in plots(scenario, run_all(scenario)))


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (0, 600, [0, 100, 200, 300, 400, 500, 600]), (0, 7, [0, 2, 4, 6, 8])],
)
def test_round_numbers(low: float, high: float, found: list[float]) -> None:
    assert steps(low, high) == found


def test_points_stand_where_they_belong() -> None:
    axis = Axis(label="x", low=0, high=10, ticks=[(0, "0"), (10, "10")])
    text = chart("t", "d", axis, axis, [Line(name="a", points=[(0, 0), (10, 10), (5, 99)])])
    path = next(node for node in Xml.fromstring(text).iter(f"{SVG}path") if node.get("class") == "l0")
    (left, bottom), (right, top), (middle, cut) = (
        map(float, point.split(",")) for point in (path.get("d") or "")[1:].split("L")
    )
    assert left < middle < right
    assert top < bottom
    assert cut == top  # beyond the axis is at its end


def test_a_bar_is_as_long_as_its_value() -> None:
    rows = [
        [Bar(label="a", series=0, value=0.5, low=0.4, high=0.6)],
        [Bar(label="b", series=0, value=1, low=1, high=1)],
    ]
    root = Xml.fromstring(bars("t", "d", "x", rows, ["one"]))
    half, whole = (float(node.get("width") or 0) for node in root.iter(f"{SVG}rect") if node.get("class") == "f0")
    assert half == pytest.approx(whole / 2)
