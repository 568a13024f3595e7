"""Notes, reasons and tickets as the pages show them. PURE."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cti.domain.aftercall import CallNote, CallTicket, Reason
from cti.web.afterbodies import MyNote, NoteBody, ReasonBody, ReasonGiven, ReasonTree, TicketLine
from cti.web.callerbodies import LinkStepBody, MarkBody
from cti.web.callerports import LinkStep, MarkStep
from cti.web.parts import LinkBody


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is kept of a call."""

    notes: Sequence[CallNote] = ()
    tickets: Sequence[CallTicket] = ()
    reasons: Sequence[Reason] = ()  # the desk's tree, for their names
    links: Sequence[LinkStep] = ()
    marks: Sequence[MarkStep] = ()
    reason_required: bool = False  # the queue's calls need a reason


NOTHING_KEPT = Kept()


def tree(reasons: Iterable[Reason]) -> ReasonTree:
    """The reasons in force."""
    return ReasonTree(
        reasons=[
            ReasonBody(id=one.reason, parent=one.parent, name_ja=one.name_ja, name_en=one.name_en, words=one.words)
            for one in reasons
            if one.active
        ]
    )


def given(chosen: Sequence[str], reasons: Iterable[Reason]) -> list[ReasonGiven]:
    """Reasons with their paths; one that nobody knows any more is its own name."""
    known = {one.reason: one for one in reasons}
    return [_given(reason, known) for reason in chosen]


def _given(reason: str, known: dict[str, Reason]) -> ReasonGiven:
    path: list[Reason] = []
    at = known.get(reason)
    while at is not None and at not in path:  # the desk file has no circles; a table that somebody changed might
        path.insert(0, at)
        at = known.get(at.parent) if at.parent is not None else None
    return ReasonGiven(
        id=reason,
        path_ja=[one.name_ja for one in path] or [reason],
        path_en=[one.name_en for one in path] or [reason],
    )


def note(written: CallNote, reasons: Sequence[Reason]) -> NoteBody:
    """An agent's note, to read."""
    return NoteBody(
        agent=written.agent,
        note=written.note,
        reasons=given(written.reasons, reasons),
        version=written.version,
        changed_at=written.changed_at,
    )


def mine(written: CallNote | None) -> MyNote:
    """One's own, to write on."""
    if written is None:
        return MyNote(version=0, note="", reasons=[])
    return MyNote(version=written.version, note=written.note, reasons=list(written.reasons))


def ticket(asked: CallTicket) -> TicketLine:
    """A ticket as far as it has come."""
    return TicketLine(
        key=asked.key,
        do=asked.do,
        state=asked.state,
        ticket_id=asked.ticket_id,
        title=asked.title,
        category=asked.category,
        why=asked.why or None,
        agent=asked.agent,
        asked_at=asked.asked_at,
        changed_at=asked.changed_at,
    )


def mark(step: MarkStep) -> MarkBody:
    """A step of the verification that was marked."""
    said = step.mark
    return MarkBody(
        at=said.at,
        agent=said.by.agent,
        member_id=said.member_id,
        step=said.step,
        result=said.result,
        state=step.state,
    )


def link_step(step: LinkStep, body: LinkBody) -> LinkStepBody:
    """A finding or decision; ``body`` is its link."""
    return LinkStepBody(at=step.at, made_by=step.made_by, status=step.status, link=body)
