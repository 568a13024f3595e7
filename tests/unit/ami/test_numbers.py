"""Numbers that jump back, as one report a second shows them, beside what Asterisk's recording drops."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from cti.ami.frames import EventHeaders
from cti.ami.numbers import FORGOTTEN, MOST, OVERTAKEN, NumberWatch
from cti.domain.model import CallId, ChannelName, UniqueId
from cti.domain.soundsignals import NumbersFellBack

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
CALL = "0f8fad5b-d9cb-469f-a165-70867728950e"
EACH = 50  # packets a second


def report(number: int, at_s: float, uniqueid: str = "1795300000.42") -> EventHeaders:
    """As Asterisk 22.10.1 writes it, what nobody reads left out."""
    lines = [
        "Event: RTCPSent",
        "Privilege: reporting,all",
        f"Timestamp: {NOW.timestamp() + at_s:.6f}",
        "Channel: PJSIP/demo-sato-00000007",
        f"Uniqueid: {uniqueid}",
        "Linkedid: 1795300000.41",
        f"ChanVariable: CTI_CALL_ID={CALL}",
        "To: 127.0.0.1:4000",
        "ReportCount: 1",
        "Report0SourceSSRC: 0x4b414b45",
        f"Report0HighestSequence: {number}",
    ]
    return EventHeaders("RTCPSent", "\r\n".join(lines))


def told(numbers: list[int], step_s: float = 1.0) -> list[NumbersFellBack]:
    watch = NumberWatch()
    found = [watch.take(report(number % 65536, step_s * place), NOW) for place, number in enumerate(numbers)]
    return [one for one in found if one is not None]


def test_a_jump_is_told_at_once_and_again_when_it_is_over() -> None:
    # 150 back somewhere in the second before 300; 450 is behind the 350 before by nothing any more at 400.
    behind, over = told([200, 250, 150, 200, 250, 300])
    assert behind == NumbersFellBack(
        at=NOW + timedelta(seconds=2),
        channel=behind.channel,
        uniqueid=UniqueId("1795300000.42"),
        call_id=CallId(CALL),
        began_at=NOW + timedelta(seconds=1),
        ended_at=None,
        lost_s=3.0,
    )
    assert behind.channel == "PJSIP/demo-sato-00000007"
    assert over == replace(behind, at=NOW + timedelta(seconds=4), ended_at=NOW + timedelta(seconds=4))


def test_a_second_jump_while_they_catch_up_loses_more() -> None:
    first, second, over = told([1000, 1050, 900, 950, 800, 850, 900, 950, 1000, 1050])
    assert (first.lost_s, second.lost_s, over.lost_s) == (4.0, 8.0, 8.0)
    assert first.began_at == second.began_at == over.began_at


def test_forward_jumps_silence_and_overtaken_packets_lose_nothing() -> None:
    assert told([100, 150, 210, 510, 510, 510, 560]) == []
    assert told([100, 150, 150 - OVERTAKEN, 200]) == []
    assert told([65500, 14, 64, 114]) == []  # over the end, and on


def test_what_cannot_be_read_says_nothing() -> None:
    watch = NumberWatch()
    watch.take(report(5000, 0), NOW)
    for number in ("", "-1", "1e3", "٣", "9" * 11):
        frame = EventHeaders("RTCPSent", report(0, 1).text.replace("Sequence: 0", f"Sequence: {number}").strip())
        assert watch.take(frame, NOW) is None
    assert watch.take(EventHeaders("RTCPSent", "Event: RTCPSent\r\nReport0HighestSequence: 7"), NOW) is None
    found = watch.take(report(4000, 1), NOW)
    assert found is not None


def test_after_a_long_gap_and_on_another_channel_numbers_begin_anew() -> None:
    watch = NumberWatch()
    watch.take(report(5000, 0), NOW)
    assert watch.take(report(3000, 1, "1795300000.43"), NOW) is None
    assert watch.take(report(3000, FORGOTTEN.total_seconds()), NOW + FORGOTTEN) is None
    assert watch.take(report(2000, FORGOTTEN.total_seconds() + 1), NOW + FORGOTTEN) is not None
    watch.forget(UniqueId("1795300000.42"))
    assert watch.take(report(1000, FORGOTTEN.total_seconds() + 2), NOW + FORGOTTEN) is None


def test_channels_that_end_without_a_word_do_not_stay_for_ever() -> None:
    watch = NumberWatch()
    for number in range(MOST + 10):
        watch.take(report(1, 0, f"1.{number}"), NOW)
    assert len(watch) == MOST


Second = tuple[int, int] | bool  # after so many packets they jump back by so many; True: all is well, False: silence
TALK = st.one_of(st.booleans(), st.tuples(st.integers(0, EACH - 1), st.integers(1, 2_000)))


@given(first=st.integers(0, 65535), script=st.lists(TALK, max_size=30))
@example(first=0, script=[True, (25, 150), True, True, True, True])
def test_more_than_a_second_behind_is_told_and_nothing_where_nothing_is_dropped(
    first: int, script: list[Second]
) -> None:
    """Beside Asterisk's own rule: only a number that is ahead of all others is kept."""
    watch, number, highest, dropped, behind = NumberWatch(), first, first - 1, 0, False
    for place, second in enumerate((True, *script)):  # what was said before the first report nobody can know
        for packet in range(EACH if second is not False else 0):
            if isinstance(second, tuple) and packet == second[0]:
                number -= second[1]
            dropped += number <= highest
            highest, number = max(highest, number), number + 1
        found = watch.take(report((number - 1) % 65536, place), NOW)
        if found is not None:
            behind = found.ended_at is None
            assert dropped, found
        if place and highest - (number - 1) > EACH + OVERTAKEN:
            assert behind
        if highest == number - 1:
            assert not behind


@given(back=st.integers(EACH + OVERTAKEN + 1, 5_000))
def test_seconds_are_told_as_they_are_dropped(back: int) -> None:
    """To a packet, for a phone that never falls silent."""
    numbers = [100, 150, 200 - back]  # the jump is somewhere in the third second, whenever
    while numbers[-1] < 250:
        numbers.append(numbers[-1] + EACH)
    found = told(numbers)
    assert found[-1].ended_at is not None
    assert found[-1].lost_s == round(back / EACH, 2)


def test_a_further_file_ends_what_is_lost_and_begins_with_the_numbers_of_then() -> None:
    watch = NumberWatch()
    behind = [watch.take(report(number, at_s), NOW) for at_s, number in enumerate([5_000, 5_050, 100])][-1]
    assert behind is not None
    assert behind.lost_s > 90
    at = NOW + timedelta(seconds=2.4)
    over = watch.anew(behind.uniqueid, behind.channel, behind.call_id, at)
    assert over == replace(behind, at=at, ended_at=at, lost_s=1.4)  # not more than the time
    assert watch.take(report(150, 3), NOW) is None  # it goes forward: nothing is lost any more
    again = watch.take(report(20, 4), NOW)  # and the next jump is one again
    assert again is not None
    assert (again.began_at, again.ended_at) == (NOW + timedelta(seconds=3), None)


def test_a_recording_that_begins_ends_nothing_where_nothing_was_lost() -> None:
    watch = NumberWatch()
    first = report(5_000, 0)
    assert watch.anew(UniqueId("1795300000.42"), ChannelName("PJSIP/demo-sato-00000007"), None, NOW) is None
    watch.take(first, NOW)
    assert watch.anew(UniqueId("1795300000.42"), ChannelName("PJSIP/demo-sato-00000007"), None, NOW) is None
    # After a hold: the new numbers were there before any report, and the new file does not know the old ones.
    assert watch.take(report(100, 1), NOW) is None
    assert len(watch) == 1


@given(numbers=st.lists(st.integers(0, 65_535), max_size=20), anew=st.sets(st.integers(0, 20)))
def test_whatever_comes_a_loss_is_told_over_with_the_file_and_no_longer_than_it_lasted(
    numbers: list[int], anew: set[int]
) -> None:
    watch, channel = NumberWatch(), ChannelName("PJSIP/demo-sato-00000007")
    for at_s, number in enumerate(numbers):
        now = NOW + timedelta(seconds=at_s)
        told = watch.take(report(number, at_s), now)
        if at_s in anew:
            over = watch.anew(UniqueId("1795300000.42"), channel, CallId(CALL), now)
            assert over is not None or told is None or told.ended_at is not None
            if over is not None:
                assert over.ended_at == now
                assert 0 <= over.lost_s <= (now - over.began_at).total_seconds() + 0.01
            assert watch.anew(UniqueId("1795300000.42"), channel, CallId(CALL), now) is None


def test_a_file_that_begins_while_the_phone_sends_nothing_knows_none_of_the_numbers_before() -> None:
    watch = NumberWatch()
    held = [watch.take(report(number, at_s), NOW) for at_s, number in enumerate([5_000, 5_050, 5_050])]
    assert held == [None, None, None]
    assert watch.anew(UniqueId("1795300000.42"), ChannelName("PJSIP/a"), None, NOW + timedelta(seconds=2.1)) is None
    assert watch.take(report(5_050, 3), NOW) is None  # it still holds
    assert watch.take(report(4_700, 4), NOW) is None  # it is back: the file's first numbers
    again = watch.take(report(4_400, 5), NOW)
    assert again is not None
    assert again.began_at == NOW + timedelta(seconds=4)
