"""What the index is asked, and the words around what was looked for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.callsearch import LENGTHS_S, NUMBER_LEAST, CallWanted, excerpt, last_run, terms_of
from cti.domain.errors import CallerError


@pytest.mark.parametrize(
    ("wanted", "all_of", "any_of"),
    [
        ({}, (), ()),
        ({"queue": "members", "agent": "sato"}, ("q:members", "a:sato"), ()),
        ({"digits": "90123"}, ("n:901", "n:012", "n:123"), ()),
        ({"digits": "9090909"}, ("n:909", "n:090"), ()),
        # Three tell numbers apart; how a number begins tells least.
        ({"digits": "901234"}, ("n:901", "n:012", "n:234"), ()),
        ({"digits": "819012345678"}, ("n:012", "n:345", "n:678"), ()),
        ({"reasons": ("a", "a.b")}, (), (("r:a", "r:a.b"),)),
        ({"min_length_s": 700.0}, (), (("l:7", "l:8", "l:9", "l:10"),)),
        ({"min_length_s": 0.0}, (), ()),
        ({"min_silence": 1.0}, (), (("i:9",),)),
        ({"max_silence": 0.15}, (), (("i:0", "i:1"),)),
        ({"min_transfers": 7}, (), (("f:5",),)),
        ({"max_transfers": 0}, (), (("f:0",),)),
    ],
)
def test_terms(wanted: Any, all_of: tuple[str, ...], any_of: tuple[tuple[str, ...], ...]) -> None:
    terms = terms_of(CallWanted(**wanted))
    assert (terms.all_of, terms.any_of) == (all_of, any_of)


@pytest.mark.parametrize(
    ("words", "plate", "all_of"),
    [
        (["鍵を紛失"], "", ("w:鍵を", "w:紛失")),
        (["れっかー", "事故"], "", ("w:れっ", "w:かー", "w:事故")),
        (["あいうえおかきくけこさしす"], "", ("w:あい", "w:うえ", "w:きく", "w:けこ", "w:しす")),
        ([], "1234", ("p:12", "p:23", "p:34")),
        ([], "品川300わ1234", ("p:品川", "p:12", "p:23", "p:34")),
        (["が"], "1\n2", ()),  # no pair is left of it: nothing the index could be asked
    ],
)
def test_words_and_plates_are_asked_for_by_few_pairs(words: list[str], plate: str, all_of: tuple[str, ...]) -> None:
    assert terms_of(CallWanted(), words, plate).all_of == all_of


LINES = st.text(alphabet="12あい\n", max_size=12)


@given(LINES, LINES, LINES)
def test_a_row_that_holds_what_is_looked_for_has_every_term(before: str, wanted: str, after: str) -> None:
    """As the triggers make them: of each line every pair."""
    row = before + wanted + after
    pairs = {line[at : at + 2] for line in row.split("\n") for at in range(len(line) - 1)}
    terms = terms_of(CallWanted(), [wanted], wanted).all_of
    assert {term[2:] for term in terms} <= pairs


@given(*[st.text(alphabet="0189", max_size=12)] * 3)
def test_a_number_that_holds_the_digits_has_their_runs(before: str, wanted: str, after: str) -> None:
    row = before + wanted + after
    if len(wanted) >= 3:
        runs = {row[at : at + 3] for at in range(len(row) - 2)}
        assert {term[2:] for term in terms_of(CallWanted(digits=wanted)).all_of} <= runs
    run = last_run(wanted)
    assert (run is None) == (len(wanted) < NUMBER_LEAST)
    if run is not None:
        assert run in {int(row[at : at + 9]) for at in range(len(row) - 8)}


@pytest.mark.parametrize("digits", [None, "", "12345678", "12345678a", "１２３４５６７８９", "1" * 8 + "²"])
def test_the_index_of_numbers_is_asked_only_what_it_knows(digits: str | None) -> None:
    assert last_run(digits) is None


@given(st.floats(0, 5000), st.floats(0, 5000), st.floats(0, 5000))
def test_no_length_that_fits_is_outside_its_classes(length: float, least: float, most: float) -> None:
    groups = terms_of(CallWanted(min_length_s=least, max_length_s=most)).any_of
    # As width_bucket counts: how many bounds are not above it.
    of_row = f"l:{sum(bound <= length for bound in LENGTHS_S)}"
    if least <= length <= most and groups:
        assert of_row in groups[0]


@pytest.mark.parametrize(
    ("notes", "words", "found"),
    [
        (["アプリで解錠できない"], ["解錠"], "アプリで解錠できない"),
        (["ﾚｯｶｰを手配"], ["れっかー"], "ﾚｯｶｰを手配"),
        (["あ" * 50 + "事故" + "い" * 200], ["事故"], "…" + "あ" * 20 + "事故" + "い" * 98 + "…"),
        (["一行目\n二行目"], ["二行"], "一行目 二行目"),
        (["ない"], ["事故"], None),
        ([], ["事故"], None),
        (["事故"], [], None),
    ],
)
def test_excerpt(notes: list[str], words: list[str], found: str | None) -> None:
    assert excerpt(notes, words) == found


@given(st.lists(st.text(), max_size=3), st.lists(st.text(min_size=1), max_size=3))
def test_an_excerpt_is_short_whatever_was_written(notes: list[str], words: list[str]) -> None:
    assert len(excerpt(notes, words) or "") <= 122


@pytest.mark.parametrize("text", ["あ", "事故 a"])
def test_words_too_short_for_the_index_are_refused(text: str) -> None:
    with pytest.raises(CallerError, match="2 signs"):
        CallWanted(text=text).words()
