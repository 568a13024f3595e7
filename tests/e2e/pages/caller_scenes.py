"""Who is calling: several of whom one is chosen, a verification under way, earlier calls with their notes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from cti.domain.events import CallLinked
from cti.domain.model import Link, LinkConfidence
from tests.e2e.pages import records
from tests.e2e.pages.browser import Window
from tests.e2e.pages.records import linked, member, reservation, ticket
from tests.e2e.pages.scenes import at_desk, scene, shown
from tests.e2e.pages.site import Site, now
from tests.e2e.pages.talk_scenes import on_the_line

CHOSEN = Link(
    confidence=LinkConfidence.BY_AGENT, score=1.0, why="chosen_by_agent", member_id="M-1001",
    reservation_id="R-48120017", ticket_id="T-2207",
)  # fmt: skip


def earlier(n: int, note: str) -> dict[str, Any]:
    """An earlier call, ``n`` weeks ago, with what was noted."""
    reasons = [{"id": "unlock", "name_ja": "解錠できない", "name_en": "Will not unlock"}]
    return {
        "call_id": f"c-{n}", "arrived_at": (now() - timedelta(weeks=n, hours=3)).isoformat(), "member_id": "M-1001",
        "queue": "roadside", "answered": n != 1, "outbound": n == 2, "agents": [] if n == 1 else ["鈴木 一郎"],
        "notes": [{"name": "鈴木 一郎", "note": note, "reasons": reasons}] if note else [],
    }  # fmt: skip


def with_calls(event: CallLinked, *calls: Mapping[str, Any], status: str = "live") -> CallLinked:
    part = {"status": status, "as_of": None, "calls": list(calls)}
    return replace(event, card={**event.card, "calls": part})


def said_of(
    event: CallLinked, *, state: str = "verified", by: str = "佐藤 花子", chosen_by: str | None = None, step: str = ""
) -> CallLinked:
    """The same, with a verification of three steps, and who chose the member."""
    names = [step] * 3 if step else ["生年月日", "免許証番号の下4桁", "ご登録の住所"]
    english = [step] * 3 if step else ["Date of birth", "Last four of the licence", "Registered address"]
    results: list[str | None] = {"verified": ["passed", "passed", None], "failed": ["failed", "failed", None]}.get(
        state, ["passed", "skipped", None]
    )
    at = now().isoformat()
    steps = [
        {"step": code, "name_ja": ja, "name_en": en, "result": result, "by": result and by, "at": result and at}
        for code, ja, en, result in zip(("birthday", "licence", "address"), names, english, results, strict=True)
    ]
    decided = state != "unverified"
    record = {
        "policy": "p", "needed": 2, "member_id": event.link.member_id, "state": state, "by": by if decided else None,
        "at": at if decided else None, "steps": steps,
    }  # fmt: skip
    chosen = None if chosen_by is None else {"by": chosen_by, "at": at}
    link = {"status": "live", "as_of": None, "link": None, "chosen": chosen}
    more = {"link": link, "verification": {"status": "live", "as_of": None, "verification": [record]}}
    return replace(event, card={**event.card, **more})


NOTES = (
    "アプリの再起動で解錠。駅の地下で電波が弱いため、地上に出てから操作するようご案内。",
    "",
    "返却が30分遅れるとのご連絡。次の予約の方へ代車を手配。",
    "ETCカードの抜き忘れ。郵送で返却済み。",
)


def _told(site: Site, event: CallLinked) -> None:
    site.happen(with_calls(event, *(earlier(n, note) for n, note in enumerate(NOTES))))


def _with_codes(name: str = "高橋 由美", **more: Any) -> dict[str, Any]:
    asked = [
        {"prompt": "生年月日", "answer": "1988年4月12日", "code": "birthday"},
        {"prompt": "免許証番号の下4桁", "answer": "6301", "code": "licence"},
        {"prompt": "ご登録の住所（市区町村）", "answer": "品川区", "code": "address"},
        {"prompt": "緊急連絡先のお名前", "answer": "高橋 健", "code": "contact"},
    ]
    return member(name=name, verification=asked, **more)


@scene
async def caller_known(site: Site, seen: Window) -> None:
    """It rings: everything is known, nothing is verified."""
    await at_desk(site, seen)
    at = now()
    event = linked(
        site.ring(), at, members=[_with_codes()],
        reservations=[
            reservation(at),
            reservation(at, "48130021", status="upcoming", starts_at=(at + timedelta(days=2)).isoformat(),
                        ends_at=(at + timedelta(days=2, hours=5)).isoformat(), terms=[]),
            reservation(at, "48110004", status="returned", starts_at=(at - timedelta(days=9)).isoformat(),
                        ends_at=(at - timedelta(days=9, hours=-4)).isoformat(), terms=[]),
        ],
        tickets=[ticket(at)],
    )  # fmt: skip
    _told(site, said_of(event, state="unverified"))
    await shown(seen, ".part-wide .cards")


@scene
async def caller_verified(site: Site, seen: Window) -> None:
    """They talk: the member was chosen and verified."""
    await at_desk(site, seen)
    at = now()
    call = on_the_line(site)
    others = [
        member("M-2", "小林 真琴", company="株式会社みなと設備", name_kana="コバヤシ マコト"),
        member("M-3", records.ARABIC, company="株式会社みなと設備", name_kana=""),
    ]
    members = [_with_codes(company="株式会社みなと設備"), *others]
    event = linked(call, at, link=CHOSEN, members=members, reservations=[reservation(at)], tickets=[ticket(at)])
    _told(site, said_of(event, state="verified", chosen_by="佐藤 花子"))
    await shown(seen, ".verify-verified")


@scene
async def caller_failed(site: Site, seen: Window) -> None:
    """They talk: the answers were wrong; earlier calls cannot be read."""
    await at_desk(site, seen)
    at = now()
    call = on_the_line(site)
    event = linked(call, at, members=[_with_codes()], reservations=[reservation(at, status="overdue")], tickets=[])
    site.happen(with_calls(said_of(event, state="failed"), status="unavailable"))
    await shown(seen, ".verify-failed")


@scene
async def caller_to_choose(site: Site, seen: Window) -> None:
    """They talk: four may be calling from a company's number."""
    await at_desk(site, seen)
    at = now()
    call = on_the_line(site, site.ring(caller=records.COMPANY, menu=None))
    people = [
        _with_codes(name, company="株式会社みなと設備", name_kana=kana, standing="holds_number", notes=[])
        | {"member_id": f"M-{n}"}
        for n, (name, kana) in enumerate(
            (
                ("小林 誠", "コバヤシ マコト"),
                ("小林 真琴", "コバヤシ マコト"),
                ("加藤 陽子", "カトウ ヨウコ"),
                ("吉田 剛", ""),
            )
        )
    ]
    cars = [
        reservation(at, f"4812004{n}", member_id=f"M-{n}", member_name=people[n]["name"], status=status)
        for n, status in ((0, "in_use"), (1, "overdue"), (2, "upcoming"))
    ]
    found = Link(confidence=LinkConfidence.POSSIBLE, score=0.3, why="shared_number")
    event = linked(call, at, link=found, members=people, reservations=cars)
    site.happen(with_calls(event, *(earlier(n, note) | {"member_id": f"M-{n}"} for n, note in enumerate(NOTES))))
    await shown(seen, ".choose-member")
