"""Who hears their place, and when."""

from __future__ import annotations

import json
from importlib import resources

from cti.domain.model import CallId
from routing.announce import STILL_WAITING, Announcer, prompt, words
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
    assert [words(both, turn, 3) for turn in range(4)] == ["position-3", "t-one", "t-two", "position-3"]
    assert words(Comfort(place=False, sounds=("t-one",)), 7, 1) == "t-one"
    assert words(Comfort(place=False), 0, 1) == "still-waiting"


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
    names = {prompt(position) for position in range(1, 200)}
    assert names | {STILL_WAITING} <= spoken.keys()
    assert (prompt(1), prompt(2), prompt(31)) == ("position-next", "position-2", "position-more-than-30")
