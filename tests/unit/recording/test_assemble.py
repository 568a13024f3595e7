from __future__ import annotations

from dataclasses import replace

import pytest

from cti.domain.model import (
    AgentId,
    Call,
    CallerKind,
    CallerNumber,
    CallState,
    ChannelName,
    Consultation,
    EndReason,
    Hold,
    Link,
    LinkConfidence,
    MenuFacts,
    MenuId,
    Pause,
    TalkSegment,
    UniqueId,
)
from recording.assemble import Assembly, Nothing, ReadyFile, assemble, facts_of, job_of_call, last_step, with_call
from recording.keys import parse_spool_file
from recording.lifecycle import Step
from recording.model import Announcement, Job, Loss, RecordingSettings
from recording.timeline import Growth, Side
from recording.wav import WavInfo
from tests.unit.recording.fakes import CALL, DEMO, later

SATO, SUZUKI = AgentId("sato"), AgentId("suzuki")
SETTINGS = RecordingSettings(spool_dir="spool", work_dir="work")


def talk(agent: AgentId, uniqueid: str, start: float, end: float) -> TalkSegment:
    return TalkSegment(
        agent=agent,
        offer_id=None,
        agent_channel=ChannelName(f"PJSIP/demo-{agent}-1"),
        agent_uniqueid=UniqueId(uniqueid),
        answered_at=later(start),
        ended_at=later(end),
    )


def call(*talks: TalkSegment, end: float = 60) -> Call:
    return Call(
        call_id=CALL,
        tenant=DEMO,
        state=CallState.ENDED,
        channel=ChannelName("PJSIP/trunk-1"),
        uniqueid=UniqueId("1.1"),
        number_called="+81501234500",
        caller=CallerNumber(kind=CallerKind.NUMBER, e164="+819012345678"),
        arrived_at=later(0),
        talks=talks,
        ended_at=later(end),
        end_reason=EndReason.COMPLETED if talks else EndReason.ABANDONED_IN_QUEUE,
    )


def file(
    name: str,
    seconds: float,
    *,
    salvaged: bool = False,
    changed: float = 60.0,
    growth: tuple[Growth, ...] = (),
    silences: tuple[tuple[int, int], ...] = (),
) -> ReadyFile:
    parsed = parse_spool_file(f"{CALL}-{name}.wav")
    assert parsed is not None
    frames = round(seconds * 8000)
    return ReadyFile(
        name=parsed,
        info=WavInfo(rate=8000, channels=1, data_at=44, frames=frames, closed=not salvaged, salvaged=salvaged),
        size=44 + 2 * frames,
        changed_at=later(changed),
        growth=growth,
        silences=tuple((begin * 8000, end * 8000) for begin, end in silences),
    )


def ended(*talks: TalkSegment, announced: dict[str, float] | None = None, end: float = 60) -> Job:
    closed = call(*talks, end=end)
    job = replace(
        job_of_call(closed),
        announced=tuple(
            Announcement(base=f"{CALL}-{base}", agent=None, at=later(at)) for base, at in (announced or {}).items()
        ),
    )
    return with_call(job, closed, now=later(end))


def planned(job: Job, *files: ReadyFile) -> Assembly:
    plan = assemble(job, files, SETTINGS)
    assert isinstance(plan, Assembly)
    return plan


def test_second_zero_is_the_callers_announcement_and_each_leg_its_own() -> None:
    job = ended(talk(SATO, "9.2", 20, 40), announced={"c": 0.4, "a-9.2": 20.1})
    plan = planned(job, file("c", 59.6), file("c-rx", 59.6), file("a-9.2-rx", 19.9), file("a-9.2-tx", 19.9))
    assert plan.timeline.started_at == later(0.4)
    assert [(t.track.side, t.pieces[0].at / 8000) for t in plan.timeline.tracks] == [
        (Side.CALLER, 0.0),
        (Side.AGENT, pytest.approx(19.7)),
    ]
    assert plan.timeline.tracks[1].track.agent == SATO
    (only,) = plan.talks
    assert only.agent == SATO
    assert (only.start_s, only.end_s) == pytest.approx((19.6, 39.6))
    assert plan.flags == ()
    assert last_step(plan.flags) is Step.STORED


def test_a_leg_that_was_not_announced_begins_at_its_answer() -> None:
    job = ended(talk(SATO, "9.2", 20, 40), announced={"c": 0})
    assert planned(job, file("c-rx", 60), file("a-9.2-rx", 20)).timeline.tracks[1].track.anchor_at == later(20)


def test_two_agents_one_after_the_other() -> None:
    job = ended(talk(SUZUKI, "9.3", 41, 60), talk(SATO, "9.2", 20, 40), announced={"c": 0})
    plan = planned(job, file("c-rx", 60), file("a-9.3-rx", 19), file("a-9.2-rx", 20))
    assert [(t.track.agent, t.pieces[0].at // 8000) for t in plan.timeline.tracks[1:]] == [(SATO, 20), (SUZUKI, 41)]
    assert [t.agent for t in plan.talks] == [SATO, SUZUKI]


def test_without_the_callers_file_the_agent_is_kept_and_it_is_said() -> None:
    plan = planned(ended(talk(SATO, "9.2", 20, 40), announced={"c": 0}), file("c-rx", 0), file("a-9.2-rx", 20))
    assert plan.timeline.started_at == later(20)
    assert "no_caller_file" in plan.flags


def test_what_only_the_agent_has_of_the_caller_is_said_unless_they_heard_a_colleague() -> None:
    caller, leg, heard = file("c-rx", 60, silences=((30, 38),)), file("a-9.2-rx", 40), file("a-9.2-tx", 40)
    job = ended(talk(SATO, "9.2", 20, 60), announced={"c": 0})
    assert planned(job, caller, leg, heard).flags == ("caller_lost",)
    assert planned(job, caller, leg, replace(heard, silences=((10 * 8000, 18 * 8000),))).flags == ()
    assert planned(replace(job, apart=((later(29), later(39)),)), caller, leg, heard).flags == ()
    assert planned(job, caller, leg).flags == ()


def test_what_nobody_has_is_said_where_asterisk_reports_that_it_was_dropped() -> None:
    caller, leg = file("c-rx", 60, silences=((30, 38),)), file("a-9.2-rx", 40, silences=((5, 7),))
    job = ended(talk(SATO, "9.2", 20, 60), announced={"c": 0})

    def loss(uniqueid: str, began: float, until: float | None) -> Loss:
        until_at = None if until is None else later(until)
        return Loss(uniqueid=uniqueid, caller=uniqueid == "1.1", began_at=later(began), until_at=until_at, lost_s=2.0)

    assert planned(replace(job, losses=(loss("1.1", 29, None),)), caller, leg).flags == ("caller_lost",)
    assert planned(replace(job, losses=(loss("9.2", 24, 28),)), caller, leg).flags == ("agent_lost",)
    assert planned(replace(job, losses=(loss("9.2", 30, 38), loss("1.1", 24, 28))), caller, leg).flags == ()
    # A leg that left no file, and a recording that has nothing of the caller.
    assert planned(replace(job, losses=(loss("9.9", 24, 28),)), caller, leg).flags == ()
    assert "caller_lost" not in planned(replace(job, losses=(loss("1.1", 29, 39),)), leg).flags


def test_holds_and_consultations_are_when_an_agent_hears_others() -> None:
    held = replace(call(talk(SATO, "9.2", 20, 60)), holds=(Hold(began_at=later(25), ended_at=later(28)),))
    asked = Consultation(
        first=SATO, second=SUZUKI, channel=ChannelName("PJSIP/b-2"), uniqueid=UniqueId("9.3"), began_at=later(40)
    )
    job = with_call(job_of_call(held), replace(held, consultations=(asked,)), now=later(60))
    assert job.apart == ((later(25), later(28)), (later(40), later(60)))


def test_a_talk_without_a_file_of_the_agent_is_said() -> None:
    plan = planned(ended(talk(SATO, "9.2", 20, 40), announced={"c": 0}), file("c-rx", 60))
    assert plan.flags == ("no_agent_file",)


def test_a_file_nobody_announced_and_nobody_talked_in_is_counted_from_its_end() -> None:
    plan = planned(ended(announced={"c": 0}), file("c-rx", 60), file("a-9.9-rx", 10, changed=50))
    leg = plan.timeline.tracks[1].track
    assert (leg.anchor_at, leg.until_at) == (later(40), later(50))


def test_a_broken_header_makes_it_salvaged_and_an_early_end_truncated() -> None:
    broken = planned(ended(announced={"c": 0}), file("c-rx", 60, salvaged=True))
    assert last_step(broken.flags) is Step.SALVAGED
    looks = tuple(Growth(at=later(s * 2.048), frames=s * 16384) for s in range(1, 11))
    cut = file("c-rx", 20.48, salvaged=True, growth=looks)
    short = planned(ended(announced={"c": 0}), cut)
    assert set(short.flags) >= {"truncated", "salvaged"}
    assert last_step(short.flags) is Step.TRUNCATED


def test_the_closing_of_a_file_is_its_last_look() -> None:
    """Both sides silent from 30 s to the end of the last buffer: the tail belongs to the end of the call."""
    looks = tuple(Growth(at=later(s * 2.048), frames=s * 16384) for s in range(1, 15))
    plan = planned(ended(announced={"c": 0}), file("c-rx", 30, growth=looks, changed=60))
    placed = plan.timeline.tracks[0]
    assert placed.put_back_s == pytest.approx(30)
    assert "truncated" not in plan.flags


def test_an_end_concluded_ten_minutes_later_is_taken_from_the_files() -> None:
    """The server was away when the call ended at 60 s: nothing is missing, and nothing is called truncated."""
    job = ended(talk(SATO, "9.2", 20, 660), announced={"c": 0, "a-9.2": 20}, end=660)
    files = (file("c-rx", 60, changed=60), file("a-9.2-rx", 35, changed=55))
    plan = planned(replace(job, inferred_end=True), *files)
    assert plan.timeline.duration_s == 60
    assert plan.flags == ("end_inferred",)
    assert [(t.start_s, t.end_s) for t in plan.talks] == [(20, 55)]
    observed = planned(job, *files)
    assert "truncated" in observed.flags  # told by Asterisk, the same would be a loss


def test_a_leg_that_ended_while_the_server_was_away_is_as_long_as_its_file() -> None:
    """Handed over at 40 s, and the server killed then: the next one, 3 s later, finds the first agent gone."""
    job = ended(talk(SATO, "9.2", 20, 43), talk(SUZUKI, "9.3", 40, 60), announced={"c": 0, "a-9.2": 20, "a-9.3": 40})
    first_look = Growth(at=later(43.2), frames=20 * 8000)  # of a file that was closed 3 s before
    plan = planned(
        job,
        file("c-rx", 60),
        file("a-9.2-rx", 20, changed=40.2, growth=(first_look,)),
        file("a-9.3-rx", 20, changed=60.1),
    )
    assert plan.flags == ()
    assert [(t.start_s, t.end_s) for t in plan.talks] == [(20, 40), (40, 60)]
    assert len(plan.timeline.tracks[1].pieces) == 1
    # A phone that sent nothing: its file says nothing of when the leg ended.
    mute = planned(job, file("c-rx", 60), file("a-9.2-rx", 0, changed=20), file("a-9.3-rx", 20, changed=60.1))
    assert mute.talks[0].end_s == 43
    # Silence that Asterisk did not write is put back as in any leg, up to where the file was closed.
    looks = (Growth(at=later(22.5), frames=16384), Growth(at=later(43.2), frames=15 * 8000))
    short = file("a-9.2-rx", 15, changed=40.2, growth=looks)
    lost = planned(job, file("c-rx", 60), short, file("a-9.3-rx", 20, changed=60.1))
    assert lost.timeline.tracks[1].put_back_s == pytest.approx(5.2)


@pytest.mark.parametrize(
    ("files", "settings", "reason"),
    [
        ((), SETTINGS, "no_file"),
        ((file("c", 5),), SETTINGS, "no_sound"),
        ((file("c-rx", 0),), SETTINGS, "no_sound"),
        ((file("c-rx", 2.9),), SETTINGS, "too_short"),
        ((file("c-rx", 30),), replace(SETTINGS, keep_unanswered=False), "not_wanted"),
    ],
)
def test_why_there_is_nothing(files: tuple[ReadyFile, ...], settings: RecordingSettings, reason: str) -> None:
    assert assemble(ended(announced={"c": 0}), files, settings) == Nothing(reason=reason)


def test_a_caller_who_gave_up_waiting_is_kept() -> None:
    plan = planned(ended(announced={"c": 0}), file("c-rx", 60))
    assert plan.flags == ("unanswered",)


def test_an_answered_call_is_kept_however_short() -> None:
    plan = planned(ended(talk(SATO, "9.2", 0.5, 1), announced={"c": 0}, end=1), file("c-rx", 1), file("a-9.2-rx", 0.5))
    assert plan.flags == ()


def test_what_the_list_is_searched_by() -> None:
    menu = MenuFacts(menu=MenuId("main"), language="ja", reservation_number="R-KEYED")
    closed = replace(call(talk(SATO, "1", 1, 2), talk(SUZUKI, "2", 3, 4), talk(SATO, "3", 5, 6)), menu=menu)
    facts = facts_of(closed)
    assert (facts.agents, facts.caller_kind, facts.reservation, facts.end_reason) == (
        (SATO, SUZUKI),
        "number",
        "R-KEYED",
        "completed",
    )
    link = Link(confidence=LinkConfidence.LIKELY, score=0.8, why="number_only", reservation_id="R-LINKED")
    assert facts_of(replace(closed, link=link)).reservation == "R-LINKED"


def test_a_message_is_found_by_its_own_file_and_begins_where_the_tone_ended() -> None:
    left = replace(ended(announced={"c": 1}), voicemail_at=later(31))
    plan = planned(left, file("c-rx", 59), file("m", 20))
    assert (plan.voicemail_s, "voicemail" in plan.flags) == (30, True)
    assert [track.track.file for track in plan.timeline.tracks] == [f"{CALL}-c-rx.wav"]


def test_a_message_that_nobody_told_of_is_counted_from_the_end_of_its_file() -> None:
    plan = planned(ended(announced={"c": 0}), file("c-rx", 60), file("m", 20, changed=55))
    assert (plan.voicemail_s, "voicemail" in plan.flags) == (35, True)


def ruled(began: float, ended_: float | None, why: str = "not_wanted", by: str = "not_wanted: queue") -> Pause:
    return Pause(began_at=later(began), why=why, by=by, ended_at=None if ended_ is None else later(ended_))


def test_a_message_in_a_queue_that_is_never_recorded_is_heard_and_nothing_else() -> None:
    """Asterisk has the caller's own file silent; the message's file is not. Also when no server lived then."""
    left = replace(ended(announced={"c": 0}), voicemail_at=later(31), pauses=(ruled(0, None),))
    plan = planned(left, file("c-rx", 60), file("m", 20))
    assert (plan.voicemail_s, "voicemail" in plan.flags) == (31, True)
    placed = plan.timeline.tracks[1]
    assert (placed.track.file, placed.track.side) == (f"{CALL}-m.wav", Side.CALLER)
    assert (placed.pieces[0].at, placed.pieces[0].frames) == (31 * 8000, 20 * 8000)
    assert plan.timeline.blanks == ((0.0, 31.0), (51.0, 60.0))
    assert [file_.name.file_name for file_ in plan.files] == [placed.track.file for placed in plan.timeline.tracks]


def test_what_somebody_asked_to_pause_is_silent_in_a_message_too() -> None:
    asked = Pause(began_at=later(35), why="asked", ended_at=later(40))
    left = replace(ended(announced={"c": 0}), voicemail_at=later(31), pauses=(ruled(0, None), asked))
    plan = planned(left, file("c-rx", 60), file("m", 20))
    assert plan.timeline.blanks == ((0.0, 31.0), (34.75, 40.75), (51.0, 60.0))
    whole = replace(left, pauses=(replace(asked, began_at=later(0), ended_at=None),))
    assert assemble(whole, (file("c-rx", 60), file("m", 20)), SETTINGS) == Nothing(reason="paused")


def test_a_message_is_kept_where_unanswered_calls_are_not() -> None:
    left = replace(ended(announced={"c": 0}), voicemail_at=later(1))
    plan = assemble(left, (file("c-rx", 2.9), file("m", 1.5)), replace(SETTINGS, keep_unanswered=False))
    assert isinstance(plan, Assembly)
    assert plan.voicemail_s == 1


@pytest.mark.parametrize(
    ("pauses", "reason"),
    [
        ((ruled(0, None),), "not_wanted: queue"),
        ((ruled(0, 10), ruled(10, None, by="not_wanted: agent")), "not_wanted: agent"),
        ((ruled(0, None, "refused", "not_wanted: answer"),), "not_wanted: answer"),
        ((ruled(0, None, "on_demand", "on_demand: queue+agent"),), "not_demanded: queue+agent"),
        ((ruled(0, None, "on_demand", "on_demand: all"), ruled(0, None, by="not_wanted: all")), "not_wanted: all"),
        ((ruled(0, None, by=""),), "not_wanted"),
        ((ruled(0, None), ruled(5, 6, "asked", "sato")), "paused"),
    ],
)
def test_which_rule_kept_all_of_it_out_is_in_the_ledger(pauses: tuple[Pause, ...], reason: str) -> None:
    job = replace(ended(talk(SATO, "9.2", 1, 60), announced={"c": 0}), pauses=pauses)
    assert assemble(job, (file("c-rx", 60), file("a-9.2-rx", 59)), SETTINGS) == Nothing(reason=reason)


def test_who_hung_up_at_the_tone_left_no_message() -> None:
    left = replace(ended(announced={"c": 0}), voicemail_at=later(58))
    plan = planned(left, file("c-rx", 60), file("m", 0.6))
    assert (plan.voicemail_s, "voicemail" in plan.flags) == (None, False)


# --- A leg that goes on in a further file ---


def further(
    *parts: tuple[str, float, float], announced: tuple[str, ...] = ("", "-p1"), lost: Loss | None = None
) -> Assembly:
    """A call of 60 s whose one leg, from 10 to 50, went on at 20: name, seconds, closed at."""
    job = with_call(job_of_call(call(talk(SATO, "1.2", 10, 50))), call(talk(SATO, "1.2", 10, 50)), now=later(60))
    begun = {"": 10, "-p1": 20, "-p2": 30}
    told = [Announcement(base=f"{CALL}-c", agent=None, at=later(0))]
    told += [Announcement(base=f"{CALL}-a-1.2{part}", agent=SATO, at=later(begun[part])) for part in announced]
    job = replace(job, announced=tuple(told), losses=(lost,) if lost else ())
    legs = [file(f"a-1.2{part}-rx", seconds, changed=closed) for part, seconds, closed in parts]
    plan = assemble(job, (file("c-rx", 60), *legs), SETTINGS)
    assert isinstance(plan, Assembly)
    return plan


def where(plan: Assembly) -> list[tuple[str, float, float]]:
    """Name, second of its first sample, seconds."""
    return [
        (one.track.file[len(CALL) + 1 :], piece.at / 8000, piece.frames / 8000)
        for one in plan.timeline.tracks
        for piece in one.pieces
    ]


@pytest.mark.parametrize("announced", [("", "-p1"), ("",), ("-p1",), ()])
def test_a_leg_in_two_files_is_one_side_at_its_right_seconds_whoever_told(announced: tuple[str, ...]) -> None:
    plan = further(("", 9.94, 19.95), ("-p1", 30, 50.2), announced=announced)
    assert where(plan)[0] == ("c-rx.wav", 0.0, 60.0)
    (_, first_at, first_s), (_, second_at, second_s) = where(plan)[1:]
    assert (first_s, second_s) == (9.94, 30.0)
    assert first_at == pytest.approx(10, abs=0.02)
    assert second_at == pytest.approx(20, abs=0.02)
    assert {one.track.agent for one in plan.timeline.tracks} == {None, SATO}
    assert plan.flags == ()
    assert [(one.start_s, one.end_s) for one in plan.talks] == [(10.0, 50.0)]


def test_three_files_that_nobody_announced_lie_one_behind_the_other() -> None:
    plan = further(("-p2", 20, 50.1), ("", 9.9, 19.95), ("-p1", 9.9, 29.95), announced=("",))
    assert [name for name, _, _ in where(plan)] == ["c-rx.wav", "a-1.2-rx.wav", "a-1.2-p1-rx.wav", "a-1.2-p2-rx.wav"]
    assert [at for _, at, _ in where(plan)][1:] == [10.0, pytest.approx(20, abs=0.1), pytest.approx(30, abs=0.1)]
    assert plan.flags == ()


def test_what_was_lost_before_the_further_file_is_flagged_and_only_there() -> None:
    lost = Loss(uniqueid="1.2", caller=False, began_at=later(18.5), until_at=later(20), lost_s=1.5)
    # Its file holds something there.
    assert further(("", 9.94, 19.95), ("-p1", 30, 50.2), lost=lost).flags == ()
    job = with_call(job_of_call(call(talk(SATO, "1.2", 10, 50))), call(talk(SATO, "1.2", 10, 50)), now=later(60))
    legs = (
        file("a-1.2-rx", 9.94, changed=19.95, silences=((8, 9),)),
        file("a-1.2-p1-rx", 30, changed=50.2),
    )
    job = replace(job, losses=(lost,), announced=(Announcement(base=f"{CALL}-a-1.2-p1", agent=SATO, at=later(20)),))
    plan = assemble(job, (file("c-rx", 60), *legs), SETTINGS)
    assert isinstance(plan, Assembly)
    assert plan.flags == ("agent_lost",)


def test_a_server_that_was_killed_between_two_files_keeps_both() -> None:
    # The second one's writer was killed as well: its header says nothing.
    job = with_call(job_of_call(call(talk(SATO, "1.2", 10, 50))), call(talk(SATO, "1.2", 10, 50)), now=later(60))
    legs = (file("a-1.2-rx", 9.94, changed=19.95), file("a-1.2-p1-rx", 30, changed=50.0, salvaged=True))
    plan = assemble(job, (file("c-rx", 60), *legs), SETTINGS)
    assert isinstance(plan, Assembly)
    assert [(name, seconds) for name, _, seconds in where(plan)][1:] == [
        ("a-1.2-rx.wav", 9.94),
        ("a-1.2-p1-rx.wav", 30.0),
    ]
    assert plan.flags == ("salvaged",)
