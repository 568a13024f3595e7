"""Calls as the pages show them: a line, a summary, the contact record with its journey. PURE."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from cti.domain.aftercall import without_reason
from cti.domain.callend import CALLBACK, OUTBOUND
from cti.domain.model import AgentId, Call, LegSound, OfferOutcome, Pause, TalkSegment, TransferKind, TransferRecord
from cti.domain.pause import ASKED
from cti.domain.phone import national
from cti.domain.quality import LineQuality, grade, grade_leg, lost_share
from cti.web import afterview, bodies, parts, ports, recordingports
from cti.web.afterview import NOTHING_KEPT, Kept
from cti.web.agentview import named_queue
from cti.web.phonebodies import QualityBody
from cti.web.popview import caller, link, link_body, menu

B = TypeVar("B", bound=BaseModel)


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return None if begin is None or end is None else round(max(0.0, (end - begin).total_seconds()), 3)


def _talk_s(call: Call, talks: tuple[TalkSegment, ...]) -> float | None:
    spans = [_seconds(t.answered_at, t.ended_at or call.ended_at) for t in talks]
    known = [s for s in spans if s is not None]
    return round(sum(known), 3) if known else None


def call_line(call: Call, agent: AgentId, names: ports.Names, *, reason_missing: bool) -> parts.CallLine:
    """A call in "my calls of today", seen by one agent."""
    talks = tuple(t for t in call.talks if t.agent == agent)
    offers = [o for o in call.offers if o.agent == agent]
    return parts.CallLine(
        call_id=call.call_id,
        caller=caller(call.caller),
        queue=None if call.queue is None else named_queue(call.tenant, call.queue, names),
        reason=None if call.menu is None else call.menu.reason,
        arrived_at=call.arrived_at,
        answered_at=talks[0].answered_at if talks else None,
        ended_at=call.ended_at,
        talk_s=_talk_s(call, talks),
        outcome=OfferOutcome.ACCEPTED if talks else (offers[-1].outcome if offers else None),
        end_reason=call.end_reason,
        member_id=None if call.link is None else call.link.member_id,
        reservation_id=None if call.link is None else call.link.reservation_id,
        ticket_id=None if call.link is None else call.link.ticket_id,
        reason_missing=reason_missing,
    )


def _summary(call: Call) -> dict[str, object]:
    agents: list[str] = []
    for talk in call.talks:
        if talk.agent not in agents:
            agents.append(talk.agent)
    return {
        "call_id": call.call_id,
        "state": call.state,
        "caller": caller(call.caller),
        "number_called": call.number_called,
        "queue": call.queue,
        "arrived_at": call.arrived_at,
        "direction": direction(call),
        "dialled_by": call.extra.get(OUTBOUND),
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
        "wait_s": _seconds(call.queued_at, call.answered_at or call.ended_at),
        "talk_s": _talk_s(call, call.talks),
        "agents": agents,
        "ended_by": call.ended_by,
        "end_reason": call.end_reason,
        "reservation_id": None if call.link is None else call.link.reservation_id,
    }


def direction(call: Call) -> str:
    """Who made a call: somebody called us, an agent dialled, or we called somebody back."""
    return "outbound" if call.extra.get(OUTBOUND) else "callback" if call.extra.get(CALLBACK) else "inbound"


def call_summary(call: Call) -> bodies.CallSummary:
    """A call in a list."""
    return bodies.CallSummary.model_validate(_summary(call))


def recording_brief(found: recordingports.RecordingFacts | None) -> bodies.RecordingBrief | None:
    """What became of a call's recording."""
    if found is None:
        return None
    return bodies.RecordingBrief.model_validate(
        {
            "status": found.status,
            "why": found.why,
            "duration_s": found.duration_s,
            "began_at": found.began_at,
            "stored_at": found.stored_at,
            "lost": [_fields(bodies.LostSoundBody, one) for one in found.lost],
        }
    )


def quality_body(measured: LineQuality) -> QualityBody:
    """How one talk sounded."""
    lost = measured.lost_out
    return QualityBody(
        agent=measured.agent,
        measured_by="page",
        talk_at=measured.talk_at,
        grade=grade(measured),
        measured_s=round(measured.measured_s, 1),
        loss_in=round(lost_share(measured.lost_in, measured.received), 4),
        jitter_in_ms=round(measured.jitter_in_ms, 1),
        jitter_in_max_ms=round(measured.jitter_in_max_ms, 1),
        loss_out=None if lost is None else round(lost_share(lost, max(0, measured.sent - lost)), 4),
        jitter_out_ms=_tenths(measured.jitter_out_ms),
        round_trip_ms=_tenths(measured.round_trip_ms),
        round_trip_max_ms=_tenths(measured.round_trip_max_ms),
    )


def leg_body(sound: LegSound) -> QualityBody:
    """How one leg sounded, as Asterisk measured it: "in" is towards the phone."""
    of = sound.figures
    return QualityBody(
        agent=sound.agent,
        measured_by="asterisk",
        talk_at=sound.began_at,
        grade=grade_leg(of),
        measured_s=round(max(0.0, (sound.ended_at - sound.began_at).total_seconds()), 1),
        loss_in=None if of.lost_to is None else round(lost_share(of.lost_to, max(0, of.sent - of.lost_to)), 4),
        jitter_in_ms=_tenths(of.jitter_to_ms),
        jitter_in_max_ms=None,
        loss_out=None if of.lost_from is None else round(lost_share(of.lost_from, of.received), 4),
        jitter_out_ms=round(of.jitter_from_ms, 1),
        round_trip_ms=_tenths(of.round_trip_ms),
        round_trip_max_ms=None,
    )


def qualities(call: Call, measured: Sequence[LineQuality]) -> list[QualityBody]:
    """Talk by talk, in order. What a page measured goes before: it knows what reached its agent."""
    known = {(one.agent, one.talk_at) for one in measured}
    legs = [leg_body(one) for one in call.sounds if (one.agent, one.began_at) not in known]
    return sorted([*legs, *map(quality_body, measured)], key=lambda body: body.talk_at)


def _tenths(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def call_record(
    call: Call,
    recording: recordingports.RecordingFacts | None,
    names: ports.Names,
    measured: Sequence[LineQuality] = (),
    kept: Kept = NOTHING_KEPT,
) -> bodies.CallRecord:
    """The contact record."""
    why = {o.offer_id: names.reason(call.tenant, o.reason) for o in call.offers}
    offers = [
        bodies.OfferBody(
            offer_id=o.offer_id,
            agent=o.agent,
            reason_ja=why[o.offer_id][0],
            reason_en=why[o.offer_id][1],
            offered_at=o.offered_at,
            rang_at=o.rang_at,
            ended_at=o.ended_at,
            outcome=o.outcome,
        )
        for o in call.offers
    ]
    talks = [
        bodies.TalkBody(
            agent=t.agent,
            offer_id=t.offer_id,
            answered_at=t.answered_at,
            ended_at=t.ended_at,
            talk_s=_seconds(t.answered_at, t.ended_at or call.ended_at),
        )
        for t in call.talks
    ]
    more: dict[str, object] = {
        "menu_at": call.menu_at,
        "menu": menu(call.menu),
        "queued_at": call.queued_at,
        "offers": offers,
        "talks": talks,
        "held_s": round(call.held_s, 3),
        "transferred_at": list(call.transferred_at),
        "holds": [_fields(bodies.HoldBody, hold) for hold in call.holds],
        "pauses": [_pause(pause) for pause in call.pauses],
        "consultations": [_fields(bodies.ConsultationBody, asked) for asked in call.consultations],
        "transfers": [_fields(bodies.TransferBody, transfer) for transfer in call.transfers],
        "fallback_at": call.fallback_at,
        "voicemail_at": call.voicemail_at,
        "hangup_cause": call.hangup_cause,
        "inferred": call.inferred,
        "link": link(call.link),
        "recording": recording_brief(recording),
        "journey": journey(call, recording, names),
        "quality": qualities(call, measured),
        "notes": [afterview.note(one, kept.reasons) for one in kept.notes],
        "reasons_missing": without_reason(call, kept.notes) if kept.reason_required else [],
        "tickets": [afterview.ticket(one) for one in kept.tickets],
        "links": [afterview.link_step(one, link_body(one.link)) for one in kept.links],
        "verification": [afterview.mark(one) for one in kept.marks],
    }
    return bodies.CallRecord.model_validate(_summary(call) | more)


def journey(
    call: Call, recording: recordingports.RecordingFacts | None, names: ports.Names
) -> list[bodies.JourneyStep]:
    """Everything that happened to the call, oldest first. The menu's steps stand at the menu's beginning:
    the keys themselves have no time."""
    step = bodies.JourneyStep
    steps = [step(at=call.arrived_at, what="arrived", detail=national(call.number_called))]
    if call.menu_at is not None:
        steps.append(step(at=call.menu_at, what="menu", detail=None if call.menu is None else call.menu.menu))
        path = () if call.menu is None else call.menu.path
        steps += [step(at=call.menu_at, what="menu_step", detail=s.label or s.node) for s in path]
    if call.queued_at is not None:
        steps.append(step(at=call.queued_at, what="queued", detail=call.queue))
    for offer in call.offers:
        ja, en = names.reason(call.tenant, offer.reason)
        steps.append(step(at=offer.offered_at, what="offered", agent=offer.agent, reason_ja=ja, reason_en=en))
        if offer.rang_at is not None:
            steps.append(step(at=offer.rang_at, what="rang", agent=offer.agent))
        if offer.ended_at is not None and offer.outcome is not OfferOutcome.ACCEPTED:
            ended = step(at=offer.ended_at, what="offer_ended", agent=offer.agent, outcome=offer.outcome)
            steps.append(ended)
    for talk in call.talks:
        steps.append(step(at=talk.answered_at, what="answered", agent=talk.agent))
        if talk.ended_at is not None:
            steps.append(step(at=talk.ended_at, what="talk_ended", agent=talk.agent))
    steps += _passages(call)
    if call.fallback_at is not None:
        steps.append(step(at=call.fallback_at, what="fallback"))
    if call.voicemail_at is not None:
        steps.append(step(at=call.voicemail_at, what="voicemail"))
    if call.ended_at is not None:
        reason = None if call.end_reason is None else call.end_reason.value
        steps.append(step(at=call.ended_at, what="ended", detail=reason))
    if recording is not None and recording.stored_at is not None:
        steps.append(step(at=recording.stored_at, what="recording_stored", detail=recording.status))
    return sorted(steps, key=lambda s: s.at)


def _passages(call: Call) -> list[bodies.JourneyStep]:
    """Holds, consultations and transfers. A recording holds what agents said to each other in a consultation."""
    step = bodies.JourneyStep
    steps = []
    for hold in call.holds:
        steps.append(step(at=hold.began_at, what="held"))
        if hold.ended_at is not None:
            steps.append(step(at=hold.ended_at, what="resumed"))
    for pause in call.pauses:
        steps.append(step(at=pause.began_at, what="recording_paused", detail=None if pause.why == ASKED else pause.why))
        if pause.ended_at is not None:
            steps.append(step(at=pause.ended_at, what="recording_resumed"))
    for asked in call.consultations:
        detail = None if asked.outside is None else national(asked.outside)
        steps.append(step(at=asked.began_at, what="consulted", agent=asked.second, detail=detail))
        if asked.joined_at is not None:
            steps.append(step(at=asked.joined_at, what="joined", agent=asked.second))
        if asked.ended_at is not None:
            result = asked.result.value if asked.result else None
            steps.append(step(at=asked.ended_at, what="consult_ended", agent=asked.second, detail=result))
    steps += [step(at=t.at, what="transferred", agent=t.by, detail=_whereto(t)) for t in call.transfers]
    # Calls of an older server have instants only.
    known = {transfer.at for transfer in call.transfers}
    return steps + [step(at=at, what="transferred") for at in call.transferred_at if at not in known]


def _whereto(transfer: TransferRecord) -> str:
    """A number as people write it; everybody else by their own name."""
    return national(transfer.to) if transfer.kind is TransferKind.OUTSIDE else transfer.to


def _pause(pause: Pause) -> bodies.PauseBody:
    return bodies.PauseBody(
        began_at=pause.began_at,
        ended_at=pause.ended_at,
        why=pause.why,
        by=pause.by,
        ended_by=pause.ended_by,
        proven=pause.proven_at is not None,
    )


def _fields(model: type[B], record: object) -> B:
    """A record as a body of the same field names."""
    return model.model_validate({name: getattr(record, name) for name in model.model_fields})
