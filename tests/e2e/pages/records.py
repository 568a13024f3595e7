"""What the pages are shown in these tests: calls, caller cards and agents, believable ones and hostile ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cti.domain.events import CallLinked
from cti.domain.model import (
    AgentId,
    AgentState,
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
    PhoneState,
    QueueId,
    SkillId,
    SkillLevel,
    TalkSegment,
    TenantId,
    UniqueId,
)
from cti.web import ports

DEMO = TenantId("demo")
SATO = AgentId("sato")
TAKAHASHI = CallerNumber(kind=CallerKind.NUMBER, e164="+819012345678", national="090-1234-5678")
COMPANY = CallerNumber(kind=CallerKind.NUMBER, e164="+81366660100", national="03-6666-0100")

# Names that break layouts: longer than any column, right to left, an attempt at markup, one word without a break.
LONG_JA = "株式会社" + "とても長い名前の会社" * 29 + "御中"
LONG_WORD = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch" * 5
ARABIC = "محمد بن عبد الله بن عبد المطلب"
MARKUP = "<script>document.title='broken in'</script><img src=x onerror=alert(1)> 車が動かない"

MENU = MenuFacts(
    menu=MenuId("main"),
    language="ja",
    path=(
        MenuStep(node="language", keys="1", label="日本語"),
        MenuStep(node="member", keys="1", label="会員"),
        MenuStep(node="reservation", keys="48120017", label="予約番号"),
        MenuStep(node="reason", keys="1", label="解錠・事故・故障"),
    ),
    is_member=True,
    reservation_number="48120017",
    reason="roadside",
    queue=QueueId("roadside"),
)


def call_id(n: int) -> CallId:
    return CallId(f"00000000-0000-4000-8000-{n:012d}")


def offer_id(n: int, attempt: int = 1) -> OfferId:
    return OfferId(f"{n:024x}{attempt:08x}")


def ringing_call(n: int, now: datetime, *, caller: CallerNumber = TAKAHASHI, menu: MenuFacts | None = MENU) -> Call:
    """A call that is being offered to sato: arrived 42 s ago, in the queue for 9 s."""
    offer = OfferRecord(
        offer_id=offer_id(n),
        agent=SATO,
        reason="車両トラブル 2以上の2名のうち、待機が最も長い。優先度10、お待ち9秒",
        offered_at=now,
        rang_at=now,
    )
    return Call(
        call_id=call_id(n),
        tenant=DEMO,
        state=CallState.OFFERED,
        channel=ChannelName("PJSIP/trunk-1"),
        uniqueid=UniqueId("1.1"),
        number_called="+81501234500",
        caller=caller,
        arrived_at=now - timedelta(seconds=42),
        menu_at=now - timedelta(seconds=41),
        menu=menu,
        queue=QueueId("roadside"),
        queued_at=now - timedelta(seconds=9),
        offers=(offer,),
    )


def closed_call(n: int, begin: datetime, *, agent: str = "sato", missed_by: str | None = None) -> Call:
    """A call of 95 s that was answered, perhaps after it rang out at somebody else's phone."""

    def at(seconds: float) -> datetime:
        return begin + timedelta(seconds=seconds)

    offers: tuple[OfferRecord, ...] = ()
    if missed_by is not None:
        missed = _offer(n, 1, missed_by, at(12), at(12.4), at(22), "timed_out")
        offers = (missed,)
    taken = _offer(n, 2, agent, at(23), at(23.3), at(27), "accepted")
    talk = TalkSegment(
        agent=AgentId(agent),
        offer_id=taken.offer_id,
        agent_channel=ChannelName("PJSIP/demo-1"),
        agent_uniqueid=UniqueId("1.2"),
        answered_at=at(27),
        ended_at=at(94),
    )
    return replace(
        ringing_call(n, begin),
        state=CallState.ENDED,
        arrived_at=begin,
        menu_at=at(1),
        queued_at=at(11),
        offers=(*offers, taken),
        talks=(talk,),
        answered_at=at(27),
        ended_at=at(95),
        ended_by=EndedBy.CALLER,
        end_reason=EndReason.COMPLETED,
        hangup_cause=16,
    )


def _offer(
    n: int, attempt: int, agent: str, offered: datetime, rang: datetime, ended: datetime, outcome: str
) -> OfferRecord:
    return OfferRecord(
        offer_id=offer_id(n, attempt),
        agent=AgentId(agent),
        reason="待機が最も長い",
        offered_at=offered,
        rang_at=rang,
        ended_at=ended,
        outcome=OfferOutcome(outcome),
    )


# --- Caller cards ----------------------------------------------------------------------------------


def member(member_id: str = "M-1001", name: str = "高橋 由美", **more: Any) -> dict[str, Any]:
    return {
        "member_id": member_id,
        "name": name,
        "name_kana": "タカハシ ユミ",
        "company": None,
        "plan": "ベーシック",
        "language": "ja",
        "notes": ["車椅子をご利用。乗降に時間がかかります。"],
        "status": "active",
        "standing": "both",
        "reservation_id": "R-48120017",
        "verification": [
            {"prompt": "生年月日", "answer": "1988-04-12"},
            {"prompt": "ご登録の住所（市区町村）", "answer": "品川区"},
        ],
        **more,
    }


def reservation(now: datetime, number: str = "48120017", **more: Any) -> dict[str, Any]:
    return {
        "reservation_id": f"R-{number}",
        "number": number,
        "status": "in_use",
        "starts_at": (now - timedelta(hours=2)).isoformat(),
        "ends_at": (now + timedelta(hours=3)).isoformat(),
        "returned_at": None,
        "member_id": "M-1001",
        "member_name": "高橋 由美",
        "station": "品川駅港南口",
        "vehicle": {
            "vehicle_id": "V-12",
            "plate": "品川 330 わ 12-34",
            "model": "ヤリス ハイブリッド",
            "colour": "白",
            "station": "品川駅港南口",
            "location": "地下2階 B-17",
            "fuel_percent": 62,
        },
        "terms": [
            "シェアリングはレンタカーと違い、配車や引き取りは含まれません。",
            "パンクの修理代は補償の対象外です。",
        ],
        "term_codes": ["no_delivery", "puncture_not_covered"],
        **more,
    }


def ticket(now: datetime, title: str = "ドアが解錠できない（アプリの表示は解錠済み）", **more: Any) -> dict[str, Any]:
    return {
        "ticket_id": "T-2207",
        "title": title,
        "category": "unlock",
        "status": "open",
        "opened_at": (now - timedelta(minutes=38)).isoformat(),
        "updated_at": (now - timedelta(minutes=20)).isoformat(),
        "member_id": "M-1001",
        "reservation_id": "R-48120017",
        "last_note": "遠隔解錠を2回試行、応答なし。",
        "calls": 2,
        **more,
    }


def linked(
    call: Call,
    now: datetime,
    *,
    status: str = "live",
    link: Link | None = None,
    members: Sequence[Mapping[str, Any]] = (),
    reservations: Sequence[Mapping[str, Any]] = (),
    tickets: Sequence[Mapping[str, Any]] = (),
    as_of: datetime | None = None,
) -> CallLinked:
    when = None if status == "unavailable" else (as_of or now).isoformat()
    lists: dict[str, Sequence[Mapping[str, Any]]] = {
        "members": members,
        "reservations": reservations,
        "tickets": tickets,
    }
    card: dict[str, object] = {
        name: {"status": status, "as_of": when, name: list(records)} for name, records in lists.items()
    }
    found = link or Link(
        confidence=LinkConfidence.CONFIRMED,
        score=1.0,
        why="number_and_reservation",
        member_id="M-1001",
        reservation_id="R-48120017",
        ticket_id="T-2207",
    )
    return CallLinked(at=now, tenant=DEMO, call=call, link=found, status=status, card=card)


def complete(call: Call, now: datetime) -> CallLinked:
    return linked(call, now, members=[member()], reservations=[reservation(now)], tickets=[ticket(now)])


# --- The desk --------------------------------------------------------------------------------------


def agent(
    slug: str,
    name: str,
    since: datetime,
    *,
    state: AgentState = AgentState.AVAILABLE,
    reason: str = "chosen",
    phone: PhoneState = PhoneState.IDLE,
    skills: Mapping[str, int] | None = None,
) -> ports.AgentStatus:
    levels = skills if skills is not None else {"ja": 5, "roadside": 4, "billing": 2}
    return ports.AgentStatus(
        agent=AgentId(slug),
        name=name,
        state=state,
        reason=reason,
        since=since,
        phone=phone,
        phone_since=since,
        skills=tuple(SkillLevel(skill=SkillId(s), level=n) for s, n in levels.items()),
    )


def queue(
    slug: str, now: datetime, *, waits_s: Sequence[float] = (), talking: int = 0, free: int = 2, logged_in: int = 3
) -> ports.QueueFact:
    mine = 1000 * sum(map(ord, slug))  # a call waits in one queue only
    waiting = tuple(
        ports.WaitingFact(
            call_id=call_id(mine + place),
            since=now - timedelta(seconds=waited),
            attempts=place % 3,
            offered_to=SATO if place == 0 and free else None,
        )
        for place, waited in enumerate(waits_s)
    )
    return ports.QueueFact(
        queue=QueueId(slug),
        service_level_s=20,
        waiting=waiting[: ports.WAITING_SHOWN],
        waiting_count=len(waiting),
        talking=talking,
        agents_available=free,
        agents_logged_in=logged_in,
    )
