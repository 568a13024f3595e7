"""Silences from counts of packets: every way of talking, looked at whenever."""

from __future__ import annotations

import itertools
import math

from hypothesis import given
from hypothesis import strategies as st

from cti.domain.packetcount import LEAST_S, PacketCount, Watched

ZERO_S = 1_000_000.0


def sent(spurts: list[tuple[float, float]], packet_s: float) -> list[float]:
    """The instants of packets, of a phone that speaks from … to …, in seconds."""
    return [
        ZERO_S + begin + packet_s * number
        for begin, end in spurts
        for number in range(max(1, math.floor((end - begin) / packet_s + 1e-9)))
    ]


def watched(packets: list[float], looks: list[float]) -> list[Watched]:
    """All that is told, asked after each tenth look and at the end."""
    count, told = PacketCount(), []
    for number, at in enumerate(looks):
        count.look(ZERO_S + at, sum(one <= ZERO_S + at for one in packets))
        if number % 10 == 9 or number == len(looks) - 1:
            told.append(count.told())
    return [one for one in told if one is not None]


def every(step_s: float, until_s: float) -> list[float]:
    return [step_s * number for number in range(math.ceil(until_s / step_s) + 1)]


def silences(told: list[Watched]) -> list[tuple[float, float]]:
    return [(begin - ZERO_S, end - ZERO_S) for one in told for begin, end in one.silences]


def test_a_phone_that_sends_all_the_time_has_no_silence() -> None:
    told = watched(sent([(0, 30)], 0.02), every(0.1, 29.9))
    assert silences(told) == []
    assert told[0].from_s == ZERO_S
    assert told[-1].to_s > ZERO_S + 29.8
    assert all(one.to_s == after.from_s for one, after in itertools.pairwise(told))


def test_a_silence_is_found_to_about_a_packet() -> None:
    found = silences(watched(sent([(0, 3.13), (5.47, 9)], 0.02), every(0.1, 9)))
    assert len(found) == 1
    begin, end = found[0]
    assert abs(begin - 3.13) <= 0.03
    assert abs(end - 5.47) <= 0.03


def test_one_that_lies_between_two_looks() -> None:
    found = silences(watched(sent([(0, 3.02), (3.18, 6)], 0.02), every(0.1, 6)))
    assert [(round(begin, 1), round(end, 1)) for begin, end in found] == [(3.0, 3.2)]


def test_long_packets_are_no_silences() -> None:
    found = silences(watched(sent([(0, 20)], 0.06), every(0.1, 19)))
    assert [one for one in found if one[0] > 1.0] == []  # before, their length is not known


def test_another_stream_counts_anew() -> None:
    count = PacketCount()
    for number in range(20):
        count.look(ZERO_S + number / 10, 100 + 5 * number)
    for number in range(20, 40):
        count.look(ZERO_S + number / 10, 5 * (number - 19))
    told = count.told()
    assert told is not None
    assert told.silences == ()
    assert round(told.to_s - told.from_s, 1) == 3.9


def looked(packets: list[float], until_s: float) -> PacketCount:
    count = PacketCount()
    for at in every(0.1, until_s):
        count.look(ZERO_S + at, sum(one <= ZERO_S + at for one in packets))
    return count


def test_a_silence_that_nobody_saw_end_is_told_with_the_last_word() -> None:
    count = looked(sent([(0, 3.0)], 0.02), 4.4)
    told = count.told()
    assert told is not None
    assert told.silences == ()
    last = count.told(last=True)
    assert last is not None
    assert last.from_s == told.to_s
    ((begin, end),) = last.silences
    assert abs(begin - ZERO_S - 3.0) <= 0.03
    assert end == last.to_s
    assert abs(end - ZERO_S - 4.4) <= 0.1
    assert count.told(last=True) is None


def test_the_last_word_of_a_phone_that_sent_to_the_end_is_no_silence() -> None:
    told = looked(sent([(0, 5.0)], 0.02), 4.4).told(last=True)
    assert told is not None
    assert told.silences == ()


def test_who_goes_on_in_another_file_was_silent_since_before_it() -> None:
    packets = sent([(0, 3.0), (4.5, 6.0)], 0.02)
    count = looked(packets, 3.6)
    further = count.further()
    for at in every(0.1, 2.0):
        further.look(ZERO_S + 3.6 + at, sum(one <= ZERO_S + 3.6 + at for one in packets))
    told = further.told()
    assert told is not None
    ((begin, end),) = told.silences
    assert abs(begin - ZERO_S - 3.0) <= 0.03
    assert abs(end - ZERO_S - 4.5) <= 0.03
    first = count.told(last=True)  # the other one is as it was
    assert first is not None
    assert [end for _, end in first.silences] == [first.to_s]


def test_what_nobody_looked_at_is_not_told() -> None:
    count = PacketCount()
    for at, packets in ((0.0, 0), (0.1, 5), (5.0, 5), (5.1, 10)):
        count.look(ZERO_S + at, packets)
    told = count.told()
    assert told is not None
    assert told.from_s == ZERO_S + 5.0
    assert count.told() is None


@given(
    st.lists(st.tuples(st.floats(0.3, 3), st.floats(0.4, 3)), min_size=1, max_size=6),
    st.lists(st.floats(0.08, 0.13), min_size=60, max_size=400),
)
def test_every_long_silence_is_told_once_and_nothing_else(parts: list[tuple[float, float]], steps: list[float]) -> None:
    spurts, at = [], 0.0
    for spoken, silent in parts:
        spurts.append((at, at + spoken))
        at += spoken + silent
    spurts.append((at, at + 60))
    looks = [sum(steps[:number]) for number in range(len(steps) + 1)]
    told = watched(sent(spurts, 0.02), looks)
    known_s = told[-1].to_s - ZERO_S
    every_one = [(one[1], other[0]) for one, other in itertools.pairwise(spurts)]
    there = [one for one in every_one if one[1] < known_s - 0.3]
    found = silences(told)
    # One that ended just now may be told already, or not yet.
    assert len(there) <= len(found) <= len(there) + 1
    for (begin, end), (was, until) in zip(found, every_one, strict=False):
        assert abs(begin - was) <= 0.06
        assert abs(end - until) <= 0.06
        assert end - begin >= LEAST_S
