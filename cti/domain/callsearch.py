"""What a search for contact records asks, and as which terms the index is asked. PURE. Decisions 0266 and 0267.

The bounds of the classes and the letters of the terms are those of ``search_terms`` in 0023_call_search.sql.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from unicodedata import normalize

from cti.domain.errors import CallerError
from cti.domain.model import CallId

LENGTHS_S = (10, 30, 60, 120, 180, 300, 600, 1200, 1800, 3600)
# From this many on transfers are one class; exact counts are compared in the row.
TRANSFERS_MOST = 5
SILENCE_CLASSES = 10
# Pairs of signs and runs of three digits are what the index knows.
WORD_LEAST, PLATE_LEAST, DIGITS_LEAST = 2, 2, 3
# From this many digits on a number has an index of its own: without trunk prefix Japan's numbers have 9 or 10.
NUMBER_LEAST = 9
# Each term is one look a week, and what the index finds is held against the row anyway: so many tell calls apart. Three
# runs of ten digits leave one strange row in ten weeks of 100,000; a plate's end tells more than its beginning.
RUNS_MOST, PLATE_PAIRS_LAST, WORD_PAIRS_MOST = 3, 3, 5
# Each word is one more condition; who writes more than this pastes a text.
WORDS_MOST = 8
TEXT_MOST = 200
# More is "more than this many": nobody hears a thousand calls, and counting on would cost what nobody reads.
COUNT_MOST = 1_000


class CallerGroup(StrEnum):
    """Who called, as far as the record knows."""

    KNOWN = "known"  # linked with a member
    COMPANY = "company"  # a member who belongs to a company
    UNKNOWN = "unknown"  # a number that led to nobody
    WITHHELD = "withheld"
    PAYPHONE = "payphone"
    OUT_OF_AREA = "out_of_area"
    CONFLICT = "conflict"


class SearchTooSlow(CallerError):
    """The search was given up: it has to be narrowed, by days first of all."""


# What can be heard.
HEARD = ("stored", "salvaged", "truncated")
UNHEARD = ("none", "pending", "not_recorded", "failed", "deleted")
# Of a note, around what was looked for: a line in a list.
EXCERPT_BEFORE, EXCERPT_MOST = 20, 120


@dataclass(frozen=True, kw_only=True, slots=True)
class CallWanted:
    """Which contact records; None and empty: any."""

    since: datetime | None = None  # arrived at or after
    until: datetime | None = None  # arrived before
    queue: str | None = None
    agent: str | None = None  # who talked
    caller: str | None = None  # one of CallerGroup
    direction: str | None = None  # inbound, callback, outbound
    reasons: tuple[str, ...] = ()  # any of these reason codes
    reservation: str | None = None  # as the look-up calls it, or as keyed
    ticket: str | None = None
    result: str | None = None  # EndReason
    statuses: tuple[str, ...] = ()  # any of: none, pending, or a settled state of the ledger
    text: str | None = None  # words of notes: all of them, each anywhere
    plate: str | None = None  # any part
    digits: str | None = None  # of the number, any part
    min_length_s: float | None = None
    max_length_s: float | None = None
    min_silence: float | None = None  # share, 0 to 1
    max_silence: float | None = None
    min_transfers: int | None = None
    max_transfers: int | None = None
    after: tuple[datetime, CallId] | None = None  # where the page before ended
    limit: int = 50

    def words(self) -> list[str]:
        """The words of ``text``. Raises CallerError for one that no index finds."""
        words = (self.text or "").split()[: WORDS_MOST + 1]
        if len(words) > WORDS_MOST:
            raise CallerError(f"text: write {WORDS_MOST} words at most")
        if any(len(word) < WORD_LEAST for word in words):
            raise CallerError(f"text: write {WORD_LEAST} signs or more of each word")
        return words


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """What the index is asked: not all that is known of a row, but enough to find few others."""

    all_of: tuple[str, ...]
    any_of: tuple[tuple[str, ...], ...]  # of each of these at least one

    @property
    def empty(self) -> bool:
        """Nothing to ask."""
        return not self.all_of and not self.any_of


def terms_of(wanted: CallWanted, words: Sequence[str] = (), plate: str = "") -> Terms:
    """The terms of a search; ``words`` and ``plate`` as the database made them alike.

    Raises CallerError for a part of a number that is too short to be found.
    """
    singles = (
        ("q", wanted.queue), ("a", wanted.agent), ("c", wanted.caller), ("d", wanted.direction),
        ("b", wanted.reservation), ("t", wanted.ticket), ("e", wanted.result),
    )  # fmt: skip
    all_of = [f"{letter}:{value}" for letter, value in singles if value is not None]
    if wanted.digits is not None:
        all_of += [f"n:{run}" for run in _runs(wanted.digits)]
    pairs = _grams(plate, PLATE_LEAST)
    all_of += [f"p:{pair}" for pair in (*pairs[:1], *pairs[-PLATE_PAIRS_LAST:])]
    for word in words:
        pairs = _grams(word, WORD_LEAST)
        all_of += [f"w:{pair}" for pair in _spread((*pairs[::2], *pairs[-1:]), WORD_PAIRS_MOST)]
    any_of = (
        tuple(f"r:{one}" for one in wanted.reasons),
        tuple(f"s:{one}" for one in wanted.statuses),
        _lengths(wanted.min_length_s, wanted.max_length_s),
        _silences(wanted.min_silence, wanted.max_silence),
        _transfers(wanted.min_transfers, wanted.max_transfers),
    )
    return Terms(all_of=tuple(dict.fromkeys(all_of)), any_of=tuple(group for group in any_of if group))


def last_run(digits: str | None) -> int | None:
    """What the index of numbers is asked (``search_runs`` of the database); None: it cannot tell."""
    if digits is None or len(digits) < NUMBER_LEAST or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits[-NUMBER_LEAST:])


def _runs(digits: str) -> Sequence[str]:
    if len(digits) < DIGITS_LEAST:
        raise CallerError(f"number: write {DIGITS_LEAST} digits or more")
    # How it begins is the country's and the carrier's.
    return _spread(_grams(digits[-DIGITS_LEAST * RUNS_MOST :], DIGITS_LEAST), RUNS_MOST)


def _grams(text: str, width: int) -> Sequence[str]:
    """Every run of ``width`` signs, none beyond the end of a line: as ``search_grams`` of the database."""
    return [text[at : at + width] for at in range(len(text) - width + 1) if "\n" not in text[at : at + width]]


def _spread(grams: Sequence[str], most: int) -> Sequence[str]:
    """At most so many different ones, from the first to the last evenly."""
    each = list(dict.fromkeys(grams))
    if len(each) <= most:
        return each
    return [each[number * (len(each) - 1) // (most - 1)] for number in range(most)]


def _span(letter: str, lowest: int, highest: int, classes: int) -> tuple[str, ...]:
    """Classes from ``lowest`` to ``highest``; all of them are none to ask for."""
    if lowest <= 0 and highest >= classes - 1:
        return ()
    return tuple(f"{letter}:{one}" for one in range(max(0, lowest), min(classes - 1, highest) + 1))


def _lengths(least: float | None, most: float | None) -> tuple[str, ...]:
    lowest = 0 if least is None else bisect_right(LENGTHS_S, least)
    highest = len(LENGTHS_S) if most is None else bisect_right(LENGTHS_S, most)
    return _span("l", lowest, highest, len(LENGTHS_S) + 1)


def _silences(least: float | None, most: float | None) -> tuple[str, ...]:
    if least is None and most is None:
        return ()
    last = SILENCE_CLASSES - 1
    lowest = 0 if least is None else min(int(least * SILENCE_CLASSES), last)
    highest = last if most is None else min(int(most * SILENCE_CLASSES), last)
    # Asked for at all, it has to be known: of no class is who has none.
    return tuple(f"i:{one}" for one in range(lowest, highest + 1))


def _transfers(least: int | None, most: int | None) -> tuple[str, ...]:
    lowest = 0 if least is None else min(least, TRANSFERS_MOST)
    highest = TRANSFERS_MOST if most is None else min(most, TRANSFERS_MOST)
    return _span("f", lowest, highest, TRANSFERS_MOST + 1)


def alike(text: str) -> tuple[str, list[int]]:
    """A text as the search sees it (``search_text`` of the database), with each sign's place in the text as written."""
    signs: list[str] = []
    places: list[int] = []
    for place, written in enumerate(text):
        for sign in normalize("NFKC", written).lower():
            # Katakana stand 96 behind hiragana.
            signs.append(chr(ord(sign) - 96) if "ァ" <= sign <= "ヶ" else sign)
            places.append(place)
    return "".join(signs), places


def excerpt(notes: Sequence[str], words: Sequence[str]) -> str | None:
    """Of the first note that holds one of the words, what stands around it; None: nothing was looked for, or found."""
    for note in notes:
        flat, places = alike(note)
        found = [at for at in (flat.find(alike(word)[0]) for word in words) if at >= 0]
        if found:
            begin = max(0, places[min(found)] - EXCERPT_BEFORE)
            part = " ".join(note[begin : begin + EXCERPT_MOST].split())
            return ("…" if begin else "") + part + ("…" if begin + EXCERPT_MOST < len(note) else "")
    return None
