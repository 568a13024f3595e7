from __future__ import annotations

from cti.domain.model import AgentId
from recording.analysis import MAX_BUCKETS, Analyser, TalkWindow, bucket_ms_for
from tests.unit.recording.fakes import tone

SATO = AgentId("sato")


def analyse(caller: bytes, agent: bytes, *talks: TalkWindow) -> Analyser:
    analyser = Analyser(rate=8000, duration_s=len(caller) / 16000, talks=talks)
    for at in range(0, len(caller), 16000):
        analyser.feed(caller[at : at + 16000], agent[at : at + 16000])
    return analyser


def test_energy_of_both_sides_in_each_agents_part() -> None:
    caller = tone(440, 10, peak=16384)
    agent = tone(0, 5) + tone(1000, 5, peak=1638)
    result = analyse(caller, agent, TalkWindow(agent=SATO, start_s=5, end_s=10)).result()
    (talk,) = result.talks
    assert abs(talk.caller_db - -9.0) < 0.1  # half of full scale, and 3 dB for a sine
    assert abs(talk.agent_db - -29.0) < 0.1
    assert talk.silent_sides == ()
    assert abs(result.agent_db - -32.0) < 0.1  # the same over twice the time


def test_a_side_that_says_nothing_in_a_part_is_named() -> None:
    noise = tone(300, 10, peak=20)
    result = analyse(tone(440, 10), noise, TalkWindow(agent=SATO, start_s=0, end_s=10)).result()
    assert result.talks[0].silent_sides == ("agent",)
    assert result.talks[0].to_json()["silent"] == ["agent"]


def test_one_word_is_enough_not_to_be_silent() -> None:
    agent = tone(0, 4) + tone(500, 0.2) + tone(0, 5.8)
    result = analyse(tone(440, 10), agent, TalkWindow(agent=SATO, start_s=0, end_s=10)).result()
    assert result.talks[0].silent_sides == ()


def test_a_part_too_short_to_expect_both_is_not_called_one_sided() -> None:
    result = analyse(tone(440, 10), tone(0, 10), TalkWindow(agent=SATO, start_s=0, end_s=2)).result()
    assert result.talks[0].silent_sides == ()


def test_silence_is_where_both_are_silent_for_a_second() -> None:
    caller = tone(440, 2) + tone(0, 3) + tone(440, 1) + tone(0, 0.5) + tone(440, 1.5)
    agent = tone(0, 4) + tone(1000, 1) + tone(0, 3)
    assert analyse(caller, agent).result().silences == ((2.0, 4.0),)


def test_silence_to_the_end_is_closed() -> None:
    assert analyse(tone(440, 1) + tone(0, 2), tone(0, 3)).result().silences == ((1.0, 3.0),)


def test_peaks_are_least_and_greatest_of_each_bucket_and_channel() -> None:
    document = (
        analyse(tone(440, 1, peak=12800) + tone(0, 1), tone(0, 1) + tone(440, 1, peak=25600)).result().peaks_json()
    )
    left, right = document["peaks"]
    assert document["bucket_ms"] == 50
    assert len(left) == len(right) == 2 * 40
    assert left[:2] == [-50, 50] or left[:2] == [-50, 49]
    assert left[40:] == right[:40] == [0] * 40
    assert max(right) in (99, 100)


def test_a_days_call_has_no_more_buckets_than_an_hours() -> None:
    assert bucket_ms_for(10) == 50
    for hours in (1, 2, 8, 24):
        assert hours * 3_600_000 / bucket_ms_for(hours * 3600) <= MAX_BUCKETS


def test_nothing_at_all() -> None:
    result = Analyser(rate=8000, duration_s=0, talks=(TalkWindow(agent=SATO, start_s=0, end_s=9),)).result()
    assert (result.caller_db, result.silences, result.talks[0].agent_db) == (-96.0, (), -96.0)
