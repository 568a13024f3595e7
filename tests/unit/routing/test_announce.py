"""Who hears their place, and when."""

from __future__ import annotations

import json
from importlib import resources

from cti.domain.model import CallId
from routing.announce import Announcer, prompt
from tests.unit.routing.reference import at

A, B = CallId("a"), CallId("b")


def test_first_after_8_s_then_every_30_s() -> None:
    announcer = Announcer()
    announcer.enter(A, at(0))
    announcer.enter(B, at(5))
    assert announcer.next_at() == at(8)
    assert announcer.due(at(7.9)) == []
    assert announcer.due(at(8)) == [A]
    assert announcer.due(at(13)) == [B]
    assert announcer.due(at(38)) == [A]
    assert announcer.next_at() == at(43)


def test_back_from_an_offer_keeps_the_rhythm() -> None:
    announcer = Announcer()
    announcer.enter(A, at(0))
    announcer.enter(A, at(6))
    assert announcer.due(at(8)) == [A]


def test_who_left_hears_nothing_and_may_come_back() -> None:
    announcer = Announcer()
    announcer.enter(A, at(0))
    announcer.leave(A)
    announcer.leave(A)
    assert announcer.next_at() is None
    announcer.enter(A, at(1))
    assert announcer.due(at(60)) == [A]
    assert announcer.due(at(60)) == []


def test_every_prompt_exists() -> None:
    spoken = json.loads(resources.files("ivr").joinpath("catalogue/ja.json").read_text("utf-8"))
    names = {prompt(position) for position in range(1, 200)}
    assert names <= spoken.keys()
    assert (prompt(1), prompt(2), prompt(31)) == ("position-next", "position-2", "position-more-than-30")
