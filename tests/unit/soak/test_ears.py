"""Who is heard in a tenth of a second: tones that stand out, however loud others are, and never music."""

from __future__ import annotations

import random
from array import array

import pytest

from cti.demo.tones import RATE_HZ, tone
from tests.soak._ears import AGENTS_HZ, TONES, Heard, gap_s, steady, tones_in

NOTES = [round(440 * 2 ** (n / 12)) for n in range(-24, 36)]


def mixed(*parts: tuple[float, int]) -> array[int]:
    """Tones of a tenth of a second, each as loud as its factor says."""
    sounds = [(factor, tone(hz, 0.1)) for factor, hz in parts]
    return array("h", (round(sum(f * sound[n] for f, sound in sounds)) for n in range(RATE_HZ // 10)))


@pytest.mark.parametrize("hz", TONES)
def test_a_tone_is_itself_alone(hz: int) -> None:
    assert tones_in(tone(hz, 0.1)) == {hz}


def test_who_is_quiet_is_heard_beside_who_is_loud() -> None:
    assert tones_in(mixed((1.0, 855), (0.05, AGENTS_HZ[0]))) == {855, AGENTS_HZ[0]}
    assert tones_in(mixed((0.5, 855), (0.5, AGENTS_HZ[0]), (0.5, AGENTS_HZ[1]))) == {855, *AGENTS_HZ[:2]}


def test_silence_and_noise_are_nobody() -> None:
    chance = random.Random(1)
    assert tones_in(array("h", [0] * 800)) == frozenset()
    assert tones_in(array("h", (chance.randint(-8, 8) for _ in range(800)))) == frozenset()
    for _ in range(50):
        assert not tones_in(array("h", (chance.randint(-9000, 9000) for _ in range(800)))) & set(AGENTS_HZ)


def test_no_note_and_no_chord_is_an_agent() -> None:
    for note in NOTES:
        assert not tones_in(mixed((1.0, note))) & set(AGENTS_HZ)
        chord = mixed((0.5, note), (0.4, round(note * 2 ** (4 / 12))), (0.3, round(note * 2 ** (7 / 12))))
        assert not tones_in(chord) & set(AGENTS_HZ)


def test_steady_is_some_in_a_row_and_exactly_these() -> None:
    heard = [Heard(n / 10, frozenset({855} if n not in (3, 9) else {855, 1015})) for n in range(20)]
    assert steady(heard, {855}, 0.0) == 0.4
    assert steady(heard, {855}, 0.6) == 1.0  # three are left before the ninth
    assert steady(heard, {1015}, 0.0) is None


def test_a_gap_is_the_longest_without() -> None:
    heard = [Heard(n / 10, frozenset({855}) if n < 10 or n > 15 else frozenset()) for n in range(30)]
    assert gap_s(heard, {855}, 0.0, 2.9) == pytest.approx(0.7)
    assert gap_s(heard, {1015}, 0.0, 2.9) == pytest.approx(2.9)
