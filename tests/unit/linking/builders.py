"""Small makers of what linking works with, and a fake look-up service behind the real interface."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cti.domain.events import CallArrived, CallEnded, CallLeftMenu, CallLinked, Event
from cti.domain.model import (
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    MenuFacts,
    MenuId,
    TenantId,
    UniqueId,
)
from cti.domain.phone import national
from cti.linking.contract import (
    LookupAnswer,
    LookupFault,
    LookupRequest,
    LookupResult,
    LookupStatus,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CALL = CallId("6f1c2a52-3f1e-4f43-9f0b-0a8f3a3b7c11")
TENANT = TenantId("demo")
NUMBER = "+819012345678"


def caller(number: str | None = NUMBER, kind: CallerKind = CallerKind.NUMBER) -> CallerNumber:
    """A caller with that number; None: withheld, unless another kind is given."""
    if number is None:
        return CallerNumber(kind=CallerKind.WITHHELD if kind is CallerKind.NUMBER else kind)
    return CallerNumber(kind=kind, e164=number, national=national(number))


def menu(
    keyed: str | None = None, *, is_member: bool | None = None, reason: str | None = None, language: str = "ja"
) -> MenuFacts:
    """What a menu learned."""
    return MenuFacts(
        menu=MenuId("main"), language=language, is_member=is_member, reservation_number=keyed, reason=reason
    )


def call(who: CallerNumber | None = None, call_id: CallId = CALL, facts: MenuFacts | None = None) -> Call:
    """A call that just arrived."""
    return Call(
        call_id=call_id,
        tenant=TENANT,
        state=CallState.ARRIVED,
        channel=ChannelName("PJSIP/trunk-00000001"),
        uniqueid=UniqueId("1.1"),
        number_called="+815012345000",
        caller=who or caller(),
        arrived_at=NOW,
        menu=facts,
    )


def arrived(c: Call) -> CallArrived:
    return CallArrived(at=NOW, tenant=c.tenant, call=c)


def left_menu(c: Call) -> CallLeftMenu:
    return CallLeftMenu(at=NOW, tenant=c.tenant, call=c)


def ended(c: Call) -> CallEnded:
    return CallEnded(at=NOW, tenant=c.tenant, call=c)


def member(member_id: str, *matched_by: str, **more: Any) -> dict[str, Any]:
    return {"member_id": member_id, "name": f"会員 {member_id}", "matched_by": list(matched_by), **more}


def booking(
    reservation_id: str,
    member_id: str,
    status: str = "in_use",
    *,
    number: str | None = None,
    starts_h: float = -1,
    ends_h: float = 1,
    **more: Any,
) -> dict[str, Any]:
    return {
        "reservation_id": reservation_id,
        "number": number or reservation_id.removeprefix("R-"),
        "member_id": member_id,
        "status": status,
        "starts_at": (NOW + timedelta(hours=starts_h)).isoformat(),
        "ends_at": (NOW + timedelta(hours=ends_h)).isoformat(),
        **more,
    }


def ticket(
    ticket_id: str, member_id: str | None, reservation_id: str | None = None, status: str = "open"
) -> dict[str, Any]:
    return {
        "ticket_id": ticket_id,
        "title": "返却遅れ",
        "status": status,
        "opened_at": NOW.isoformat(),
        "member_id": member_id,
        "reservation_id": reservation_id,
    }


def answer(*records: dict[str, Any], **more: Any) -> LookupAnswer:
    """An answer made of ``member``, ``booking`` and ``ticket`` records."""
    return LookupAnswer.model_validate(
        {
            "as_of": NOW.isoformat(),
            "members": [r for r in records if "matched_by" in r],
            "reservations": [r for r in records if "starts_at" in r],
            "tickets": [r for r in records if "ticket_id" in r],
            **more,
        }
    )


Answers = Callable[[LookupRequest], LookupAnswer | LookupFault]


@dataclass
class FakeLookups:
    """Answers from a function, when it is let: ``gate`` closed keeps every question waiting."""

    answers: Answers
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[LookupRequest] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    async def look_up(self, request: LookupRequest) -> LookupResult:
        self.asked.append(request)
        await self.gate.wait()
        found = self.answers(request)
        if isinstance(found, LookupFault):
            return LookupResult(asked=request, status=LookupStatus.UNAVAILABLE, fault=found)
        return LookupResult(asked=request, status=LookupStatus.LIVE, answer=found)


@dataclass
class Heard:
    """An event sink that remembers."""

    events: list[Event] = field(default_factory=list)

    def publish(self, event: Event) -> None:
        self.events.append(event)

    @property
    def links(self) -> list[CallLinked]:
        return [event for event in self.events if isinstance(event, CallLinked)]
