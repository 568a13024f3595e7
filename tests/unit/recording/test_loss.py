"""Which seconds of a caller are missing: what an agent heard and the caller's file has not."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cti.domain.events import SoundLost
from cti.domain.model import AgentId, UniqueId
from recording.assemble import job_of_call
from recording.loss import EDGE_S, LEAST_S, MOST, in_words, is_missing, lost_of_caller, with_ends, with_loss
from recording.model import Loss, StoredAudio, Talk
from recording.timeline import PlacedTrack, Side, Timeline, Track, plan
from tests.unit.recording.fakes import later
from tests.unit.recording.test_assemble import call

RATE = 8000
Runs = tuple[tuple[float, float], ...]


def track(side: Side, begin: float, end: float, *, silences: Runs = (), echo: Runs | None = None) -> Track:
    return Track(
        file=side,
        side=side,
        agent=None,
        frames=round((end - begin) * RATE),
        rate=RATE,
        anchor_at=later(begin),
        until_at=later(end),
        silences=frames(*silences),
        echo=None if echo is None else frames(*echo),
    )


def frames(*runs: tuple[float, float]) -> tuple[tuple[int, int], ...]:
    return tuple((round(begin * RATE), round(end * RATE)) for begin, end in runs)


def a_talk(silences: Runs, echo: Runs | None, *, zero: float = 20.0) -> tuple[Timeline, PlacedTrack, PlacedTrack]:
    """A minute; an agent from ``zero`` on. Silences of the caller's file, and of what the agent heard."""
    caller = track(Side.CALLER, 0, 60, silences=silences)
    agent = track(Side.AGENT, zero, 60, echo=echo)
    timeline = plan((caller, agent), started_at=later(0), ended_at=later(60))
    return timeline, timeline.tracks[0], timeline.tracks[1]


def lost(silences: Runs, echo: Runs | None, *, apart: Runs = (), talk: tuple[float, float] = (20, 60)) -> Runs:
    timeline, caller, agent = a_talk(silences, echo)
    return lost_of_caller(timeline, caller, [(agent, talk)], apart)


def test_what_the_agent_heard_and_the_file_has_not_is_lost() -> None:
    assert lost(((30, 38),), ((0, 2),)) == ((30, 38),)  # after a change of agent: the numbers were 400 behind


def test_a_caller_who_is_silent_loses_nothing() -> None:
    assert lost(((30, 38),), ((10, 18),)) == ()
    assert lost(((30, 38),), ((9.95, 17.9),)) == ()  # a frame or two apart


def test_nobody_knows_where_nobody_listened() -> None:
    assert lost(((30, 38),), None) == ()
    assert lost(((2, 18),), ()) == ()  # before the agent was there


def test_on_hold_and_beside_a_colleague_the_agent_hears_others() -> None:
    assert lost(((30, 38),), (), apart=((29.8, 38.2),)) == ()
    assert lost(((30, 38),), (), apart=((20, 33),)) == ((33 + EDGE_S, 38),)


def test_only_while_the_agent_had_the_caller() -> None:
    assert lost(((30, 38),), (), talk=(20, 35)) == ((30, 35 - EDGE_S),)


def test_what_was_cut_on_purpose_is_not_lost() -> None:
    timeline, caller, agent = a_talk(((30, 38),), ())
    assert lost_of_caller(replace(timeline, blanks=((29.0, 39.0),)), caller, [(agent, (20, 60))], ()) == ()


spans = st.lists(st.tuples(st.integers(1, 300), st.integers(1, 300)), max_size=12).map(
    lambda steps: tuple(
        (sum(a + b for a, b in steps[:at]) / 10 + gap / 10, sum(a + b for a, b in steps[: at + 1]) / 10)
        for at, (gap, _) in enumerate(steps)
    )
)


@given(silences=spans, echo=spans)
def test_every_second_said_to_be_lost_is_one(silences: Runs, echo: Runs) -> None:
    inside = tuple((begin, min(end, 60.0)) for begin, end in silences if begin < 60)
    heard = tuple((begin, min(end, 40.0)) for begin, end in echo if begin < 40)

    def within(at: float, runs: Runs) -> bool:
        return any(begin <= at < end for begin, end in runs)

    for begin, end in lost(inside, heard):
        assert end - begin >= LEAST_S
        for at in (begin + 0.01, (begin + end) / 2, end - 0.01):
            assert within(at, inside)
            assert not within(at - 20, heard)


AUDIO = StoredAudio(
    key="k", uri="s3://b/k", sha256="0", size=1, duration_s=60.0, rate=8000, format="webm", channels=2, caller_db=-20.0,
    agent_db=-20.0, talks=(), peaks_key="p", flags=(),
)  # fmt: skip

# --- Told by Asterisk's reports ---------------------------------------------------------------------------------


def a_loss(begin: float = 30, end: float | None = 34, *, seconds: float = 3.0, uniqueid: str = "1.1") -> Loss:
    until_at = None if end is None else later(end)
    return Loss(uniqueid=uniqueid, caller=uniqueid == "1.1", began_at=later(begin), until_at=until_at, lost_s=seconds)


def missing(silences: Runs, *losses: Loss) -> bool:
    timeline, caller, _ = a_talk(silences, None)
    return is_missing(timeline, caller, losses)


def test_nothing_where_frames_were_dropped_is_missing() -> None:
    assert missing(((30.5, 33.5),), a_loss())
    assert missing(((40, 60),), a_loss(39.5, None))  # they never caught up
    assert missing(((30.5, 33.5),), a_loss(29, 31), a_loss(30, 34), a_loss(30, 34))


def test_a_file_that_holds_something_lacks_nothing() -> None:
    assert not missing((), a_loss())  # the numbers fell back before it was begun
    assert not missing(((40, 50),), a_loss())  # a silence elsewhere
    assert not missing(((31, 31.3),), a_loss())  # a breath
    assert not missing(((30.5, 33.5),))
    assert not missing(((30.5, 33.5),), a_loss(70, 80))


def test_what_was_silenced_on_purpose_is_not_missing() -> None:
    timeline, caller, _ = a_talk(((30, 34),), None)
    assert not is_missing(replace(timeline, blanks=((29.0, 35.0),)), caller, [a_loss()])


def test_a_loss_that_is_told_again_is_the_same_one_and_they_are_bounded() -> None:
    of = call()

    def told(began: float, until: float | None, uniqueid: str = "7.2") -> SoundLost:
        return SoundLost(
            at=later(began), tenant=of.tenant, call=of, uniqueid=UniqueId(uniqueid), began_at=later(began),
            until_at=None if until is None else later(until), lost_s=2.0,
        )  # fmt: skip

    losses = with_loss(with_loss((), told(30, None)), told(30, 33))
    assert losses == (a_loss(30, 33, seconds=2.0, uniqueid="7.2"),)
    assert with_loss(losses, told(30, None, of.uniqueid))[1].caller
    for began in range(MOST + 10):
        losses = with_loss(losses, told(40 + began, None))
    assert len(losses) == MOST


def test_the_ledger_is_told_where_and_how_much_of_a_side_that_lacks_something() -> None:
    talk = Talk(agent=AgentId("sato"), uniqueid="7.2", start_at=later(20), end_at=later(50))
    losses = (a_loss(), a_loss(48, None, seconds=9.0, uniqueid="7.2"))
    job = replace(job_of_call(call()), began_at=later(1), ended_at=later(60), talks=(talk,), losses=losses)
    assert in_words(job) == []  # not made yet
    job = replace(job, audio=replace(AUDIO, flags=("agent_lost", "caller_lost")))
    assert in_words(job) == [
        {"side": "caller", "agent": None, "at_s": 29.0, "seconds": 3.0},
        {"side": "agent", "agent": "sato", "at_s": 47.0, "seconds": 2.0},
    ]
    assert [one["side"] for one in in_words(replace(job, audio=replace(AUDIO, flags=("agent_lost",))))] == ["agent"]
    assert with_ends(job).losses[1].until_at == later(50)
