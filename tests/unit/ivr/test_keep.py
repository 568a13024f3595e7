"""The dialogue of "keep my place", as lists of replies."""

from __future__ import annotations

import pytest

from ivr.keep import ATTEMPTS, ask_number
from ivr.steps import GetDigits, Say, Step
from ivr.texts import LANGUAGES, prompt_names


def talk(known: str | None, *replies: str) -> tuple[str | None, list[Step]]:
    """What the dialogue came to with these replies, and its steps."""
    dialogue, steps = ask_number(known), []
    left = list(replies)
    try:
        step = next(dialogue)
        while True:
            steps.append(step)
            step = dialogue.send("" if isinstance(step, Say) else left.pop(0))
    except StopIteration as done:
        assert left == [], "all replies were asked for"
        return done.value, steps


@pytest.mark.parametrize(
    ("known", "replies", "number"),
    [
        ("09012345678", ["1"], "+819012345678"),
        ("09012345678", ["9"], None),
        ("09012345678", ["", "1"], "+819012345678"),
        ("09012345678", ["2", "0312345678", "1"], "+81312345678"),
        ("09012345678", ["2", "#"], None),
        (None, ["05012345678", "1"], "+815012345678"),
        (None, [""], None),
        (None, ["0990123456", "110", "09012345678", "1"], "+819012345678"),
        (None, ["119"] * ATTEMPTS, None),
        ("09012345678", ["5"] * ATTEMPTS, None),
    ],
)
def test_what_is_confirmed(known: str | None, replies: list[str], number: str | None) -> None:
    assert talk(known, *replies)[0] == number


def test_the_number_is_read_back_digit_by_digit() -> None:
    _, steps = talk("0312345678", "1")
    (step,) = steps
    assert isinstance(step, GetDigits)
    assert step.prompts == (
        "callback-number-is", "digit-0", "digit-3", "digit-1", "digit-2", "digit-3", "digit-4", "digit-5", "digit-6",
        "digit-7", "digit-8", "callback-confirm",
    )  # fmt: skip


def test_every_prompt_is_in_both_catalogues() -> None:
    names = {
        name
        for step in talk(
            "09012345678",
            "2",
            "110",
            "",
        )[1]
        for name in getattr(step, "prompts", ())
    }
    names |= {"callback-offer", "callback-kept", "callback-not-now", "callback-hello", "callback-accept"}
    names |= {"callback-missed", "callback-bad-number"}
    assert all(names <= prompt_names()[language] for language in LANGUAGES)
