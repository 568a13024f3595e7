"""The dialogue of "keep my place": which number shall we call? A generator, tested by lists of replies."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

from cti.domain.callbacks import may_dial
from cti.domain.model import CallId
from cti.domain.phone import parse_called
from ivr.steps import GetDigits, Say, Step

YES, OTHER, STAY = "1", "2", "9"
# Read-backs and keyed numbers together: who needs more is better served by waiting for a person.
ATTEMPTS = 4
# Japanese numbers have ten or eleven digits; "#" ends the shorter ones.
MOST_DIGITS = 11
KEY_S = 5.0

Asking = Generator[Step, str, str | None]


class PlaceKeeper(Protocol):
    """Who keeps places (routing.callbacks)."""

    def number_of(self, call_id: CallId) -> str | None:
        """The caller's own number in national digits, if it may be dialled back."""

    async def keep(self, call_id: CallId, number: str, language: str) -> bool:
        """Keep the place for ``number`` (E.164). True: on disk, the caller may hang up. False: not now."""

    def stayed(self, call_id: CallId) -> None:
        """The caller could not be told: they wait on."""


def ask_number(known: str | None) -> Asking:
    """E.164 of the number that the caller confirmed; None: they rather wait. ``known``: theirs, national digits."""
    number = known
    for _ in range(ATTEMPTS):
        if number is None:
            keyed = yield GetDigits(prompts=("callback-key-number",), max_digits=MOST_DIGITS, timeout_s=KEY_S)
            if keyed in ("", "#"):
                return None
            if not may_dial(keyed):
                yield Say(prompts=("callback-bad-number",))
                continue
            number = keyed
        digits = tuple(f"digit-{digit}" for digit in number if digit.isdecimal())
        pressed = yield GetDigits(
            prompts=("callback-number-is", *digits, "callback-confirm"), max_digits=1, timeout_s=KEY_S
        )
        if pressed == YES:
            return parse_called(number)
        if pressed == STAY:
            return None
        if pressed == OTHER:
            number = None
    return None
