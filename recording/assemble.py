"""From a call's facts and its files to the plan of its recording, or to the reason why there is none. PURE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cti.domain.model import AgentId, Call, Pause, UniqueId
from cti.domain.pause import ASKED, merged
from cti.domain.recordpolicy import ON_DEMAND, direction_of
from recording.analysis import MIN_TALK_S, Analysis, TalkEnergy, TalkWindow
from recording.blanks import with_blanks
from recording.echo import Heard
from recording.keys import Direction, SpoolName
from recording.lifecycle import RecordingState, Step
from recording.loss import Span, is_missing, lost_of_caller
from recording.model import CallFacts, Job, Move, RecordingSettings, Talk
from recording.timeline import Growth, PlacedTrack, Side, Timeline, Track, plan
from recording.wav import WavInfo

# A file that fits into Asterisk's buffer reaches the disk in one piece, when it is closed: its last look is exact.
_ONE_BUFFER_FRAMES = 32 * 1024 // 2
# Asterisk closes a leg's file within a second of the leg's end, and never before it.
_CLOSED_WITHIN = timedelta(seconds=1)
# Shorter than a name: the caller heard the tone and hung up.
_MESSAGE_LEAST_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadyFile:
    """A spool file that nobody writes any more."""

    name: SpoolName
    info: WavInfo
    size: int  # bytes
    changed_at: datetime
    growth: tuple[Growth, ...] = ()
    quiet: tuple[Heard, ...] = ()  # when its phone sent nothing, as far as that was watched
    silences: tuple[tuple[int, int], ...] = ()  # recording.wav.silent_runs; not looked for where no agent talked


@dataclass(frozen=True, kw_only=True, slots=True)
class Assembly:
    """A recording's plan."""

    timeline: Timeline
    files: tuple[ReadyFile, ...]  # in the order of timeline.tracks
    talks: tuple[TalkWindow, ...]
    flags: tuple[str, ...]
    voicemail_s: float | None = None  # second at which a message begins


@dataclass(frozen=True, kw_only=True, slots=True)
class Nothing:
    """There is nothing to store."""

    reason: str  # slug


def job_of_call(call: Call) -> Job:
    """A new job for a call that has just arrived."""
    return Job(
        call_id=call.call_id,
        tenant=call.tenant,
        state=RecordingState.EXPECTED,
        arrived_at=call.arrived_at,
        facts=facts_of(call),
    )


def facts_of(call: Call) -> CallFacts:
    """What the list of recordings is searched by."""
    reservation = call.link.reservation_id if call.link else None
    return CallFacts(
        agents=tuple(dict.fromkeys(talk.agent for talk in call.talks)),
        queue=call.queue,
        direction=direction_of(call),
        caller_kind=call.caller.kind.value,
        reservation=reservation or (call.menu.reservation_number if call.menu else None),
        end_reason=call.end_reason.value if call.end_reason else None,
    )


def with_call(job: Job, call: Call, *, now: datetime) -> Job:
    """The job with what the closed call tells."""
    ended_at = call.ended_at or now
    return replace(
        job,
        pauses=merged(job.pauses, call.pauses),
        ended_at=ended_at,
        inferred_end=call.inferred,
        facts=facts_of(call),
        voicemail_at=call.voicemail_at,
        apart=_apart(call, ended_at),
        talks=tuple(
            Talk(
                agent=talk.agent,
                uniqueid=talk.agent_uniqueid,
                start_at=talk.answered_at,
                end_at=talk.ended_at or ended_at,
            )
            for talk in call.talks
        ),
    )


def _apart(call: Call, ended_at: datetime) -> tuple[tuple[datetime, datetime], ...]:
    holds = [(hold.began_at, hold.ended_at or ended_at) for hold in call.holds]
    return (*holds, *((asked.began_at, asked.ended_at or ended_at) for asked in call.consultations))


def moved(job: Job, state: RecordingState, step: Step, *, at: datetime, reason: str = "") -> Job:
    """The job one step on, with the step in its history."""
    move = Move(number=len(job.moves) + 1, at=at, step=step, state=state, reason=reason)
    return replace(job, state=state, reason=reason, moves=(*job.moves, move))


def assemble(job: Job, files: tuple[ReadyFile, ...], settings: RecordingSettings) -> Assembly | Nothing:
    """Plan the recording of a call that has ended."""
    if not files:
        return Nothing(reason="disk_full" if "disk_full" in job.refused else "no_file")
    heard = [file for file in files if file.name.direction is Direction.RX and file.info.frames > 0]
    caller = next((file for file in heard if file.name.uniqueid is None), None)
    legs = [file for file in heard if file.name.uniqueid is not None]
    message = _message(job, files)
    if not job.talks and not legs and message is None:
        if not settings.keep_unanswered:
            return Nothing(reason="not_wanted")
        if caller is not None and caller.info.seconds < settings.min_unanswered_s:
            return Nothing(reason="too_short")
    if not heard:
        return Nothing(reason="no_sound")
    job = _with_believable_ends(job, heard)
    ended_at = job.ended_at or max(file.changed_at for file in heard)
    spans = {file.name: span for file, span in _leg_spans(job, legs, ended_at)}
    ordered = ([caller] if caller else []) + sorted(legs, key=lambda file: spans[file.name])
    heard_by = {file.name.base: file for file in files if file.name.direction is Direction.TX}
    tracks = tuple(_track(job, file, ended_at, spans.get(file.name), heard_by.get(file.name.base)) for file in ordered)
    if message is not None and _kept_out(job, message.began_at):
        # The caller's file is silent there. They asked for it to be heard: the message's own file has it.
        tracks, ordered = (*tracks, message.track), [*ordered, message.file]
    # The caller's channel is there from first to last; without it, the first agent's first sample is second 0.
    started_at = tracks[0].anchor_at if caller else min(track.anchor_at for track in tracks)
    spoken = None if message is None else (message.began_at, message.ended_at)
    timeline = with_blanks(plan(tracks, started_at=started_at, ended_at=ended_at), job.pauses, but=spoken)
    if timeline.blanks and timeline.blanks[0] == (0.0, timeline.duration_s):
        return Nothing(reason=_why_nothing(job.pauses))
    return Assembly(
        timeline=timeline,
        files=tuple(ordered),
        talks=tuple(
            TalkWindow(agent=t.agent, start_s=timeline.offset_s(t.start_at), end_s=timeline.offset_s(t.end_at))
            for t in sorted(job.talks, key=lambda talk: talk.start_at)
        ),
        flags=(*_flags(job, caller, legs, timeline), *(("voicemail",) if message is not None else ())),
        voicemail_s=None if message is None else round(timeline.offset_s(message.began_at), 3),
    )


def _why_nothing(pauses: Iterable[Pause]) -> str:
    """Why all of it is silent: "paused", else what the rule was and which kind, "not_wanted: queue"."""
    found = {pause.why: pause.by for pause in pauses}  # the last of each kind
    if ASKED in found:
        return "paused"
    why = next((why for why in found if why != ON_DEMAND), ON_DEMAND)
    _, _, looks = found[why].partition(": ")  # nobody knows it any more where a server took over
    slug = "not_demanded" if why == ON_DEMAND else "not_wanted"
    return f"{slug}: {looks}" if looks else slug


@dataclass(frozen=True, kw_only=True, slots=True)
class _Message:
    """What a caller left for the desk."""

    file: ReadyFile
    began_at: datetime

    @property
    def ended_at(self) -> datetime:
        return self.began_at + timedelta(seconds=self.file.info.seconds)

    @property
    def track(self) -> Track:
        """Its place on the caller's side."""
        return Track(
            file=self.file.name.file_name,
            side=Side.CALLER,
            agent=None,
            frames=self.file.info.frames,
            rate=self.file.info.rate,
            anchor_at=self.began_at,
            until_at=self.ended_at,
        )


def _kept_out(job: Job, at: datetime) -> bool:
    """Whether a rule of the desk has the caller's own file silent then, and nobody asked for a pause."""
    there = {p.why for p in job.pauses if p.began_at <= at and (p.ended_at is None or at < p.ended_at)}
    return bool(there) and ASKED not in there


def _message(job: Job, files: tuple[ReadyFile, ...]) -> _Message | None:
    """What the caller left; None: no message, or nothing was said after the tone.

    Its own file tells, whoever took it: without us the dialplan does. Asterisk cuts the silence at its end.
    """
    file = next((file for file in files if file.name.message), None)
    if file is None or file.info.seconds < _MESSAGE_LEAST_S:
        return None
    began_at = job.voicemail_at or file.changed_at - timedelta(seconds=file.info.seconds)
    return _Message(file=file, began_at=began_at)


def _with_believable_ends(job: Job, heard: list[ReadyFile]) -> Job:
    """An end that was concluded after a gap is when we noticed; the last write of a file is when it was."""
    if not job.inferred_end:
        return replace(job, talks=tuple(_with_believable_end(job, talk, heard) for talk in job.talks))
    last = {file.name.uniqueid: file.changed_at for file in sorted(heard, key=lambda one: one.name.part)}
    ended_at = max(last.values())
    if job.ended_at is not None:
        ended_at = min(ended_at, job.ended_at)
    talks = tuple(
        replace(talk, end_at=max(talk.start_at, min(talk.end_at, last.get(UniqueId(talk.uniqueid), ended_at))))
        for talk in job.talks
    )
    return replace(job, ended_at=ended_at, talks=talks)


def _with_believable_end(job: Job, talk: Talk, heard: list[ReadyFile]) -> Talk:
    """A leg that ended while no server was there, in a call that went on: who came later knows only that it is gone."""
    for file in _lasts(heard):
        # A file without a sample looks the same open and closed, and may not have been written since it was begun.
        closed, closed_at = file.info.closed and file.info.frames > 0, file.changed_at
        if closed and file.name.uniqueid == talk.uniqueid and closed_at < talk.end_at - _CLOSED_WITHIN:
            holds_until = (_announced_at(job, file.name.base) or talk.start_at) + timedelta(seconds=file.info.seconds)
            # What the closing took is no silence of the leg's.
            end_at = holds_until if holds_until <= closed_at <= holds_until + _CLOSED_WITHIN else closed_at
            return replace(talk, end_at=max(talk.start_at, end_at))
    return talk


def _track(
    job: Job, file: ReadyFile, ended_at: datetime, span: tuple[datetime, datetime] | None, echo: ReadyFile | None
) -> Track:
    """``span``: of an agent's; None: the caller's. ``echo``: what was said to this file's phone."""
    info = file.info
    if span is None:
        announced = _announced_at(job, file.name.base)
        anchor_at = announced or ended_at - timedelta(seconds=info.seconds)
        side, agent, until_at = Side.CALLER, None, ended_at
    else:
        side, agent = Side.AGENT, _agent(job, file.name)
        anchor_at, until_at = span
    return Track(
        file=file.name.file_name,
        side=side,
        agent=agent,
        frames=info.frames,
        rate=info.rate,
        anchor_at=anchor_at,
        until_at=until_at,
        growth=_growth(file, until_at),
        silences=file.silences,
        echo=echo.silences if echo is not None and echo.info.rate == info.rate else None,
        quiet=file.quiet,
    )


def _lasts(files: Iterable[ReadyFile]) -> list[ReadyFile]:
    """Of each leg that went on in further files, the last."""
    return list({file.name.uniqueid: file for file in sorted(files, key=lambda one: one.name.part)}.values())


def _leg_spans(
    job: Job, legs: list[ReadyFile], ended_at: datetime
) -> Iterator[tuple[ReadyFile, tuple[datetime, datetime]]]:
    """Where each file of the agents' legs lies. One that is not its leg's last ends before the next begins."""
    lasts = {file.name for file in _lasts(legs)}
    for file in legs:
        start, until = _leg_span(job, file, ended_at)
        if file.name not in lasts:
            begun = (_announced_at(job, next_.name.base) for next_ in legs if _follows(file.name, next_.name))
            until = min((at for at in begun if at is not None), default=min(until, file.changed_at))
            start = min(start, until)
        yield file, (start, until)


def _follows(name: SpoolName, other: SpoolName) -> bool:
    return other.uniqueid == name.uniqueid and other.part > name.part


def _leg_span(job: Job, file: ReadyFile, ended_at: datetime) -> tuple[datetime, datetime]:
    """First sample and end of an agent's leg: its announcement, else its answer, else counted from its end."""
    announced = _announced_at(job, file.name.base)
    for talk in job.talks:
        # A further file that nobody announced began some time after the answer.
        if talk.uniqueid == file.name.uniqueid and (announced is not None or file.name.part == 0):
            return announced or talk.start_at, talk.end_at
    talked = next((talk.end_at for talk in job.talks if talk.uniqueid == file.name.uniqueid), ended_at)
    ended_at = min(ended_at, talked)
    until = min(ended_at, file.changed_at) if file.info.closed else ended_at
    start = announced or until - timedelta(seconds=file.info.seconds)
    return start, max(until, start)


def _growth(file: ReadyFile, until_at: datetime) -> tuple[Growth, ...]:
    """The looks at a file, with the one that its closing was; none is later than the end of what it holds."""
    known = tuple(replace(look, at=min(look.at, until_at)) for look in file.growth)
    last = known[-1].frames if known else 0
    if file.info.closed and last < file.info.frames and (known or file.info.frames < _ONE_BUFFER_FRAMES):
        return (*known, Growth(at=min(file.changed_at, until_at), frames=file.info.frames))
    return known


def _announced_at(job: Job, base: str) -> datetime | None:
    return next((announcement.at for announcement in job.announced if announcement.base == base), None)


def _agent(job: Job, name: SpoolName) -> AgentId | None:
    for talk in job.talks:
        if talk.uniqueid == name.uniqueid:
            return talk.agent
    return next((a.agent for a in job.announced if a.base == name.base), None)


def _flags(job: Job, caller: ReadyFile | None, legs: list[ReadyFile], timeline: Timeline) -> tuple[str, ...]:
    placed: tuple[PlacedTrack, ...] = timeline.tracks
    recorded = {file.name.uniqueid for file in legs}
    flags = {
        "no_caller_file": caller is None,
        "no_agent_file": any(talk.uniqueid not in recorded for talk in job.talks),
        "caller_lost": bool(
            caller and (_lost_of_caller(job, legs, timeline) or _has_holes(job, placed, timeline, None))
        ),
        "agent_lost": any(_has_holes(job, placed, timeline, file) for file in legs),
        "salvaged": any(file.info.salvaged for file in (*legs, *((caller,) if caller else ()))),
        "time_put_back": any(track.put_back_s > 0 for track in placed),
        "time_guessed": any(track.guessed for track in placed),
        "truncated": timeline.truncated,
        "end_inferred": job.inferred_end,
        "unanswered": not job.talks,
        "disk_full": "disk_full" in job.refused,
        "paused": bool(timeline.blanks),
        "pause_unproven": any(pause.proven_at is None for pause in job.pauses),
    }
    return tuple(name for name, raised in flags.items() if raised)


def _has_holes(job: Job, placed: tuple[PlacedTrack, ...], timeline: Timeline, leg: ReadyFile | None) -> bool:
    """Whether Asterisk dropped what a leg's phone said, or (None) the caller's."""
    if leg is None:
        return is_missing(timeline, placed[0], (loss for loss in job.losses if loss.caller))
    own = next(one for one in placed if one.track.file == leg.name.file_name)
    return is_missing(timeline, own, (loss for loss in job.losses if loss.uniqueid == leg.name.uniqueid))


def _lost_of_caller(job: Job, legs: list[ReadyFile], timeline: Timeline) -> tuple[Span, ...]:
    by_file = {placed.track.file: placed for placed in timeline.tracks}
    heard = [
        (by_file[file.name.file_name], (timeline.offset_s(talk.start_at), timeline.offset_s(talk.end_at)))
        for talk in job.talks
        for file in legs
        if file.name.uniqueid == talk.uniqueid
    ]
    apart = [(timeline.offset_s(begin), timeline.offset_s(end)) for begin, end in job.apart]
    return lost_of_caller(timeline, timeline.tracks[0], heard, apart)


def one_sided(analysis: Analysis, timeline: Timeline) -> tuple[str, ...]:
    """Flags for sides that are silent in at least one agent's part, what was left out on purpose aside."""
    heard = [talk for talk in analysis.talks if _kept_s(talk, timeline) >= MIN_TALK_S]
    silent = {side for talk in heard for side in talk.silent_sides}
    return tuple(f"one_sided_{side}" for side in ("caller", "agent") if f"{side}" in silent)


def _kept_s(talk: TalkEnergy, timeline: Timeline) -> float:
    blank_s = sum(max(0.0, min(talk.end_s, end) - max(talk.start_s, begin)) for begin, end in timeline.blanks)
    return talk.end_s - talk.start_s - blank_s


def last_step(flags: tuple[str, ...]) -> Step:
    """What a verified recording becomes."""
    if "truncated" in flags:
        return Step.TRUNCATED
    return Step.SALVAGED if "salvaged" in flags else Step.STORED
