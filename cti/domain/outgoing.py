"""What other systems are told: one message a fact, derived from the fact alone. Pure.

A message is a function of what is stored, so whoever stores a fact (again, later, from a journal) derives the same
message, and ``kind`` with ``about`` says whether it was told already. docs/webhooks.md, docs/decisions/0190.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cti.domain.aftercall import TICKET_KIND
from cti.domain.callbacks import Callback
from cti.domain.effects import Effect, EffectState
from cti.domain.events import RecordingStored
from cti.domain.model import Call, CallId, CallState, TalkSegment, TenantId


class MessageKind(StrEnum):
    """What is told."""

    CALL_CLOSED = "call.closed"  # the contact record is closed
    RECORDING_STORED = "recording.stored"  # the recording can be replayed
    CALLBACK_ASKED = "callback.asked"  # somebody hung up and keeps their place
    CALLBACK_SETTLED = "callback.settled"  # reached, given up, cancelled, or their place was taken over
    TICKET_SETTLED = "ticket.settled"  # a ticket was opened or joined for a call, or will not be


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One message that has no number yet."""

    tenant: TenantId
    kind: MessageKind
    about: str  # the call or the callback: with ``kind``, what makes it the same message
    call_id: CallId
    at: datetime  # when it happened
    body: Mapping[str, Any]  # JSON


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message as readers get it."""

    id: int  # 1, 2, 3 … of its tenant, in the order of commits, without gaps
    tenant: TenantId
    kind: MessageKind
    call_id: CallId
    at: datetime
    stored_at: datetime
    body: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The message as it is sent."""
        return {
            "id": self.id,
            "tenant": self.tenant,
            "kind": self.kind.value,
            "call_id": self.call_id,
            "at": self.at.isoformat(),
            "body": dict(self.body),
        }


def of_call(call: Call) -> Outgoing | None:
    """A closed contact record; None while the call lives."""
    if call.state is not CallState.ENDED or call.ended_at is None:
        return None
    return Outgoing(
        tenant=call.tenant,
        kind=MessageKind.CALL_CLOSED,
        about=call.call_id,
        call_id=call.call_id,
        at=call.ended_at,
        body=_call_body(call),
    )


def of_recording(stored: RecordingStored) -> Outgoing:
    """A recording that can be replayed. Where it is stored is nobody's business outside."""
    return Outgoing(
        tenant=stored.tenant,
        kind=MessageKind.RECORDING_STORED,
        about=stored.call_id,
        call_id=stored.call_id,
        at=stored.at,
        body={"duration_s": round(stored.duration_s, 3), "stored_at": stored.at.isoformat()},
    )


def of_callback(callback: Callback) -> tuple[Outgoing, ...]:
    """That it was asked for, and what became of it when that is known: only the newest state may be stored."""
    common = {
        "callback_id": callback.callback_id,
        "number": callback.number,
        "queue": callback.queue,
        "language": callback.language,
        "asked_at": callback.asked_at.isoformat(),
    }
    asked = _about_callback(callback, MessageKind.CALLBACK_ASKED, callback.asked_at, common)
    if callback.open or callback.ended_at is None:
        return (asked,)
    settled = {
        **common,
        "state": callback.state.value,
        "outcome": callback.outcome,
        "tries": callback.tries,
        "ended_at": callback.ended_at.isoformat(),
        "attempt": callback.attempt,
        "successor": callback.successor,
    }
    return asked, _about_callback(callback, MessageKind.CALLBACK_SETTLED, callback.ended_at, settled)


def of_ticket(effect: Effect) -> tuple[Outgoing, ...]:
    """What became of a ticket that was asked for, once that is known. Its words are the ticket system's."""
    if effect.kind != TICKET_KIND or not effect.settled:
        return ()
    body = effect.body
    told = {
        "key": effect.effect_id,
        "do": body["do"],
        "done": effect.state is EffectState.DONE,
        "why": body.get("why") or None,
        "ticket_id": body.get("mark") or body["ticket_id"] or None,
        "category": body["category"] or None,
        "agent": body["agent"],
        "asked_at": effect.created_at.isoformat(),
    }
    return (
        Outgoing(
            tenant=effect.tenant,
            kind=MessageKind.TICKET_SETTLED,
            about=effect.effect_id,
            call_id=CallId(body["call_id"]),
            at=effect.changed_at,
            body=told,
        ),
    )


def _about_callback(callback: Callback, kind: MessageKind, at: datetime, body: dict[str, Any]) -> Outgoing:
    return Outgoing(
        tenant=callback.tenant, kind=kind, about=callback.callback_id, call_id=callback.origin, at=at, body=body
    )


def _call_body(call: Call) -> dict[str, Any]:
    """The contact record without offers, menu keys and channels: what a CRM or a ticket asks for."""
    menu, link = call.menu, call.link
    return {
        "caller": {"kind": call.caller.kind.value, "e164": call.caller.e164, "national": call.caller.national},
        "number_called": call.number_called,
        "language": None if menu is None else menu.language,
        "reason": None if menu is None else menu.reason,
        "queue": call.queue,
        "agents": list(dict.fromkeys(talk.agent for talk in call.talks)),
        "arrived_at": call.arrived_at.isoformat(),
        "queued_at": _instant(call.queued_at),
        "answered_at": _instant(call.answered_at),
        "ended_at": _instant(call.ended_at),
        "wait_s": _seconds(call.queued_at, call.answered_at or call.ended_at),
        "talk_s": _talk_s(call),
        "held_s": round(call.held_s, 3),
        "transfers": len(call.transferred_at),
        "voicemail_at": _instant(call.voicemail_at),
        "ended_by": None if call.ended_by is None else call.ended_by.value,
        "end_reason": None if call.end_reason is None else call.end_reason.value,
        "hangup_cause": call.hangup_cause,
        "inferred": call.inferred,
        "link": None
        if link is None
        else {
            "confidence": link.confidence.value,
            "member_id": link.member_id,
            "reservation_id": link.reservation_id,
            "ticket_id": link.ticket_id,
        },
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _seconds(begin: datetime | None, end: datetime | None) -> float | None:
    return None if begin is None or end is None else round(max(0.0, (end - begin).total_seconds()), 3)


def _talk_s(call: Call) -> float | None:
    if not call.talks:
        return None
    return round(sum(_seconds(*_span(talk, call)) or 0.0 for talk in call.talks), 3)


def _span(talk: TalkSegment, call: Call) -> tuple[datetime, datetime | None]:
    return talk.answered_at, talk.ended_at or call.ended_at
