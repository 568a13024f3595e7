"""Calls as rows and back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cti.domain.model import (
    AgentId,
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    EndedBy,
    EndReason,
    Link,
    LinkConfidence,
    MenuFacts,
    MenuId,
    MenuStep,
    OfferId,
    OfferOutcome,
    OfferRecord,
    QueueId,
    SkillId,
    SkillLevel,
    TalkSegment,
    TenantId,
    UniqueId,
)
from cti.store.callpassages import passages_from_json, passages_json

# In the order of call_values(). Those in KEPT are never overwritten with nothing: after a restart the desk may know
# less of a call than the table does.
COLUMNS = (
    "tenant", "call_id", "state", "channel", "uniqueid", "number_called", "caller_kind", "caller_e164",
    "caller_national", "arrived_at", "menu_at", "menu", "queue", "queued_at", "answered_at", "held_since", "held_s",
    "transferred_at", "fallback_at", "voicemail_at", "ended_at", "ended_by", "end_reason", "hangup_cause", "inferred",
    "link", "extra", "passages",
)  # fmt: skip
KEPT = frozenset({"menu_at", "menu", "queue", "queued_at", "answered_at", "fallback_at", "voicemail_at", "link"})
OFFER_COLUMNS = (
    "tenant", "call_id", "number", "offer_id", "agent", "reason", "offered_at", "rang_at", "ended_at", "outcome",
)  # fmt: skip
TALK_COLUMNS = (
    "tenant", "call_id", "number", "agent", "offer_id", "agent_channel", "agent_uniqueid", "answered_at", "ended_at",
)  # fmt: skip


def _text(value: str) -> str:
    """PostgreSQL keeps no NUL."""
    return value.replace("\0", "")


def clean(value: Any) -> Any:
    """JSON without NUL, which jsonb refuses."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {_text(str(k)): clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [clean(v) for v in value]
    return value


def call_values(call: Call) -> tuple[Any, ...]:
    """A call as the values of COLUMNS."""
    return (
        call.tenant,
        call.call_id,
        call.state.value,
        _text(call.channel),
        _text(call.uniqueid),
        _text(call.number_called),
        call.caller.kind.value,
        call.caller.e164,
        call.caller.national,
        call.arrived_at,
        call.menu_at,
        menu_json(call.menu),
        call.queue,
        call.queued_at,
        call.answered_at,
        call.held_since,
        call.held_s,
        list(call.transferred_at),
        call.fallback_at,
        call.voicemail_at,
        call.ended_at,
        call.ended_by and call.ended_by.value,
        call.end_reason and call.end_reason.value,
        call.hangup_cause,
        call.inferred,
        link_json(call.link),
        clean(call.extra),
        passages_json(call),
    )


def offer_values(call: Call) -> Iterable[tuple[Any, ...]]:
    """A call's offers as the values of OFFER_COLUMNS."""
    for number, o in enumerate(call.offers, 1):
        yield (
            call.tenant,
            call.call_id,
            number,
            o.offer_id,
            o.agent,
            _text(o.reason),
            o.offered_at,
            o.rang_at,
            o.ended_at,
            o.outcome and o.outcome.value,
        )


def talk_values(call: Call) -> Iterable[tuple[Any, ...]]:
    """A call's talks as the values of TALK_COLUMNS."""
    for number, t in enumerate(call.talks, 1):
        yield (
            call.tenant,
            call.call_id,
            number,
            t.agent,
            t.offer_id,
            _text(t.agent_channel),
            _text(t.agent_uniqueid),
            t.answered_at,
            t.ended_at,
        )


def menu_json(menu: MenuFacts | None) -> dict[str, Any] | None:
    """What the menu learned, as JSON."""
    if menu is None:
        return None
    body: dict[str, Any] = clean(
        {
            "menu": menu.menu,
            "language": menu.language,
            "path": [{"node": s.node, "keys": s.keys, "label": s.label} for s in menu.path],
            "is_member": menu.is_member,
            "reservation_number": menu.reservation_number,
            "reason": menu.reason,
            "queue": menu.queue,
            "skills": [{"skill": s.skill, "level": s.level} for s in menu.skills],
        }
    )
    return body


def link_json(link: Link | None) -> dict[str, Any] | None:
    """A link, as JSON."""
    if link is None:
        return None
    body: dict[str, Any] = clean(
        {
            "confidence": link.confidence.value,
            "score": link.score,
            "why": link.why,
            "member_id": link.member_id,
            "reservation_id": link.reservation_id,
            "ticket_id": link.ticket_id,
        }
    )
    return body


def _menu(body: Mapping[str, Any] | None) -> MenuFacts | None:
    if body is None:
        return None
    return MenuFacts(
        menu=MenuId(body["menu"]),
        language=body["language"],
        path=tuple(MenuStep(node=s["node"], keys=s["keys"], label=s["label"]) for s in body["path"]),
        is_member=body["is_member"],
        reservation_number=body["reservation_number"],
        reason=body["reason"],
        queue=QueueId(body["queue"]) if body["queue"] else None,
        skills=tuple(SkillLevel(skill=SkillId(s["skill"]), level=s["level"]) for s in body["skills"]),
    )


def link_from_json(body: Mapping[str, Any] | None) -> Link | None:
    """A link from its JSON. Raises KeyError or ValueError."""
    if body is None:
        return None
    return Link(
        confidence=LinkConfidence(body["confidence"]),
        score=body["score"],
        why=body["why"],
        member_id=body["member_id"],
        reservation_id=body["reservation_id"],
        ticket_id=body["ticket_id"],
    )


def call_from_row(row: Mapping[str, Any], offers: Iterable[Any] = (), talks: Iterable[Any] = ()) -> Call:
    """A row of ``calls`` with its rows of ``call_offers`` and ``call_talks``, in order."""
    return Call(
        call_id=CallId(str(row["call_id"])),
        tenant=TenantId(row["tenant"]),
        state=CallState(row["state"]),
        channel=ChannelName(row["channel"]),
        uniqueid=UniqueId(row["uniqueid"]),
        number_called=row["number_called"],
        caller=CallerNumber(
            kind=CallerKind(row["caller_kind"]), e164=row["caller_e164"], national=row["caller_national"]
        ),
        arrived_at=row["arrived_at"],
        menu_at=row["menu_at"],
        menu=_menu(row["menu"]),
        queue=QueueId(row["queue"]) if row["queue"] else None,
        queued_at=row["queued_at"],
        offers=tuple(_offer(o) for o in offers),
        talks=tuple(_talk(t) for t in talks),
        answered_at=row["answered_at"],
        held_since=row["held_since"],
        held_s=row["held_s"],
        transferred_at=tuple(row["transferred_at"]),
        fallback_at=row["fallback_at"],
        voicemail_at=row.get("voicemail_at"),  # a journal of before has none
        ended_at=row["ended_at"],
        ended_by=EndedBy(row["ended_by"]) if row["ended_by"] else None,
        end_reason=EndReason(row["end_reason"]) if row["end_reason"] else None,
        hangup_cause=row["hangup_cause"],
        inferred=row["inferred"],
        link=link_from_json(row["link"]),
        extra=dict(row["extra"]),
        **passages_from_json(row.get("passages")),  # a journal of before has none
    )


def _offer(row: Mapping[str, Any]) -> OfferRecord:
    return OfferRecord(
        offer_id=OfferId(row["offer_id"]),
        agent=AgentId(row["agent"]),
        reason=row["reason"],
        offered_at=row["offered_at"],
        rang_at=row["rang_at"],
        ended_at=row["ended_at"],
        outcome=OfferOutcome(row["outcome"]) if row["outcome"] else None,
    )


def _talk(row: Mapping[str, Any]) -> TalkSegment:
    return TalkSegment(
        agent=AgentId(row["agent"]),
        offer_id=OfferId(row["offer_id"]) if row["offer_id"] else None,
        agent_channel=ChannelName(row["agent_channel"]),
        agent_uniqueid=UniqueId(row["agent_uniqueid"]),
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
    )
