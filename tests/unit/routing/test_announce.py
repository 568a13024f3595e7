"""Who hears their place, and when."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources

import pytest

from cti.domain.model import CallId
from routing.announce import MINUTES, STILL_WAITING, Announcer, minutes, prompt, wait_prompt, words
from routing.queuedata import Comfort
from tests.unit.routing.reference import at

A, B = CallId("a"), CallId("b")


def test_first_after_8_s_then_every_30_s() -> None:
    announcer = Announcer()
    announcer.enter(A, at(0))
    announcer.enter(B, at(5))
    assert announcer.next_at() == at(8)
    assert announcer.due(at(7.9)) == []
    assert announcer.due(at(8)) == [(A, 0)]
    assert announcer.due(at(13)) == [(B, 0)]
    assert announcer.due(at(38)) == [(A, 1)]
    assert announcer.next_at() == at(43)


def test_back_from_an_offer_keeps_the_rhythm() -> None:
    announcer = Announcer()
    announcer.enter(A, at(0))
    announcer.enter(A, at(6))
    assert announcer.due(at(8)) == [(A, 0)]


def test_each_queue_has_its_own_rhythm() -> None:
    announcer = Announcer()
    announcer.enter(A, at(0), 60)
    announcer.enter(B, at(0), 0)
    assert announcer.due(at(8)) == [(A, 0)]
    assert announcer.due(at(67)) == []
    announcer.enter(A, at(67), 10)  # in another queue now
    assert announcer.due(at(68)) == [(A, 1)]
    assert announcer.due(at(78)) == [(A, 2)]
    announcer.enter(A, at(79), 0)
    assert announcer.next_at() is None


def test_place_and_own_words_take_turns() -> None:
    both = Comfort(sounds=("t-one", "t-two"))
    assert [words(both, turn, 3) for turn in range(4)] == [("position-3",), ("t-one",), ("t-two",), ("position-3",)]
    assert words(Comfort(place=False, sounds=("t-one",)), 7, 1) == ("t-one",)
    assert words(Comfort(place=False), 0, 1) == ("still-waiting",)


def test_the_expected_wait_follows_the_place() -> None:
    asked: list[int] = []

    def known() -> int:
        asked.append(1)
        return 4

    both = Comfort(expected=True, sounds=("t-one",))
    assert words(both, 0, 3, known) == ("position-3", "wait-4")
    assert (words(both, 1, 3, known), len(asked)) == (("t-one",), 1)  # not told, and not taken for told
    assert words(both, 2, 3, lambda: None) == ("position-3",)
    alone = Comfort(place=False, expected=True)
    assert words(alone, 5, 3, lambda: 31) == ("wait-more-than-30",)
    assert words(alone, 5, 3, lambda: None) == ("still-waiting",)
    assert words(replace(alone, sounds=("t-one", "t-two")), 0, 3, lambda: None) == ("t-one",)
    assert words(replace(alone, sounds=("t-one", "t-two")), 2, 3, known) == ("t-two",)
    assert words(Comfort(), 0, 3, known) == ("position-3",)  # the queue does not say it


@pytest.mark.parametrize(
    ("wait_s", "told"),
    [(0, 1), (59, 1), (60, 1), (61, 2), (599, 10), (601, 15), (1201, 25), (1800, 30), (1801, 31), (90_000, 31)],
)
def test_minutes_are_rounded_up(wait_s: float, told: int) -> None:
    assert minutes(wait_s) == told


def test_nobody_is_told_a_longer_wait_than_before() -> None:
    announcer = Announcer()
    announcer.enter(A, at(0))
    waits = [None, 170, 170, 400, 130, 100, None, 30, 400]
    assert [announcer.wait_min(A, wait_s) for wait_s in waits] == [None, 3, 3, None, 3, 2, None, 1, None]
    assert announcer.wait_min(B, 400) == 7
    announcer.leave(A)
    assert announcer.wait_min(A, 400) == 7  # another wait: after a talk


def test_who_left_hears_nothing_and_may_come_back() -> None:
    announcer = Announcer()
    announcer.enter(A, at(0))
    announcer.leave(A)
    announcer.leave(A)
    assert announcer.next_at() is None
    announcer.enter(A, at(1))
    assert announcer.due(at(60)) == [(A, 0)]
    assert announcer.due(at(60)) == []


def test_every_prompt_exists() -> None:
    spoken = json.loads(resources.files("ivr").joinpath("catalogue/ja.json").read_text("utf-8"))
    names = {prompt(position) for position in range(1, 200)} | {wait_prompt(n) for n in (*MINUTES, MINUTES[-1] + 1)}
    assert names | {STILL_WAITING} <= spoken.keys()
    assert (prompt(1), prompt(2), prompt(31)) == ("position-next", "position-2", "position-more-than-30")
