"""Answers pass for live while fresh, for stale while young enough, and the least used makes room."""

from __future__ import annotations

from cti.linking.cache import AnswerCache
from tests.unit.linking.builders import answer, member

ONE, TWO = answer(member("A", "number")), answer(member("B", "number"))


def test_fresh_then_stale_then_gone() -> None:
    cache = AnswerCache(size=2, fresh_s=10, stale_s=100)
    cache.put(("k",), ONE, 0)
    assert cache.fresh(("k",), 10) is ONE
    assert cache.fresh(("k",), 10.1) is None
    assert cache.stale(("k",), 100) is ONE
    assert cache.stale(("k",), 100.1) is None
    assert len(cache) == 0


def test_the_least_recently_used_makes_room() -> None:
    cache = AnswerCache(size=2, fresh_s=10, stale_s=100)
    cache.put(("a",), ONE, 0)
    cache.put(("b",), TWO, 0)
    assert cache.fresh(("a",), 1) is ONE
    cache.put(("c",), TWO, 1)
    assert cache.stale(("b",), 1) is None
    assert cache.stale(("a",), 1) is ONE
    assert len(cache) == 2


def test_what_was_written_makes_no_answer_worse_than_stale() -> None:
    cache = AnswerCache(size=2, fresh_s=10, stale_s=100)
    cache.put(("a",), ONE, 0)
    cache.outdate()
    cache.put(("b",), TWO, 0)
    assert cache.fresh(("a",), 0) is None, "it does not know of what was written"
    assert cache.stale(("a",), 100) is ONE, "and is better than none all the same"
    assert cache.fresh(("b",), 0) is TWO
    cache.put(("a",), TWO, 1)
    assert cache.fresh(("a",), 1) is TWO
