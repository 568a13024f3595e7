"""For who answers for recordings: holds, who listened, the trail, and a person's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from cti.domain.access import AuditEntry
from cti.domain.keeping import Actor, Hold
from cti.domain.model import CallId
from cti.domain.person import Erasure, ErasureState, PersonLook
from tests.e2e.pages.browser import Window
from tests.e2e.pages.records import DEMO, LONG_WORD
from tests.e2e.pages.scenes import _fill, scene, shown, unfolded
from tests.e2e.pages.site import PASSWORD, Site, now

REASON = "事故（11月20日・首都高）の損害賠償請求。弁護士からの依頼により、結論が出るまで保全する。" * 2
LEFT = "0b5e7c1a-2222-4333-8444-555566667777"


async def kept(site: Site, call: CallId, reason: str, *, by: str = "hogo", until: datetime | None = None) -> None:
    """A hold that was set some days ago."""
    made = await site.keeping.hold(DEMO, call, Actor(who=by), reason, until)
    arrived = next((one.arrived_at for one in site.calls.rows if one.call_id == call), None)
    site.keeping.kept[made.hold_id] = replace(made, set_at=now() - timedelta(days=3), arrived_at=arrived)


def did(site: Site, who: str, what: str, which: str, minutes: float, detail: Mapping[str, object] = {}) -> None:
    """A line of the trail, so many minutes ago. To be told oldest first."""
    at = now() - timedelta(minutes=minutes)
    site.fakes.audit.entries.append(
        AuditEntry(at=at, tenant=DEMO, who=who, what=what, which=which, detail=detail, address="192.0.2.17")
    )


def listened(site: Site, call: CallId) -> None:
    """Two people heard parts of it, one of them on two days; somebody took it away."""
    length = site.shelf.sound.duration_s

    def heard(who: str, minutes: float, start: float, stop: float, what: str = "listened") -> None:
        parts = [round(part * length, 1) for part in (start, stop)]
        did(
            site,
            who,
            f"recording.{what}",
            call,
            minutes,
            {"seconds": parts, "bytes": [int(start * 1e6), int(stop * 1e6)]},
        )

    heard("watanabe", 3000, 0, 1)
    heard("watanabe", 2999, 0, 0.3, "listen_cut")
    heard("mori", 700, 0.25, 0.6)
    heard("mori", 699, 0.8, 1)
    heard(LONG_WORD[:100], 400, 0, 1, "downloaded")
    heard("watanabe", 90, 0.5, 0.75)


def busy(site: Site) -> None:
    """A trail with something of each kind."""
    calls = [one.call_id for one in site.calls.rows]
    for n in range(12):
        did(
            site,
            ("sato", "tanaka", "watanabe")[n % 3],
            "session.opened",
            ("sato", "tanaka", "watanabe")[n % 3],
            9000 - n,
        )
    for call in calls[:3]:
        listened(site, call)
    did(site, "tanaka", "call.moved", calls[1], 60, {"from": "members", "to": "roadside"})
    did(site, "tanaka", "agent.skills_set", "sato", 55, {"skills": {"ja": 5, "roadside": 3}})
    did(
        site,
        "hogo",
        "recording.held",
        calls[0],
        50,
        {"hold": 7, "reason": REASON, "until": "2026-12-24T15:00:00+00:00"},
    )
    did(site, "hogo", "person.looked_up", "", 40, {"reference": "D-17"})
    did(
        site,
        "hogo",
        "person.erased",
        LEFT,
        30,
        {"reference": "D-16", "calls": 3, "counts": {"notes": 2, "links": 0}, "held": [calls[0]]},
    )
    did(site, LONG_WORD[:120], "session.refused", LONG_WORD[:120], 5)
    did(site, "hogo", "password.changed", "hogo", 4)


async def at_privacy(site: Site, seen: Window, part: str, drawn: str, login: str = "hogo") -> None:
    await seen.log_in(site.url, login, PASSWORD)
    await shown(seen, "nav")
    await seen.page.goto(f"{site.url}/privacy/{part}")
    await shown(seen, drawn)


async def at_player(site: Site, seen: Window, login: str = "hogo") -> None:
    await seen.log_in(site.url, login, PASSWORD)
    await shown(seen, "nav")
    await seen.page.goto(f"{site.url}/qa/{site.calls.rows[0].call_id}")
    await shown(seen, ".player h2")
    await unfolded(seen)
    await shown(seen, ".keeping .tag")
    await seen.page.evaluate("document.querySelector('audio')?.pause()")


@scene
async def kept_player(site: Site, seen: Window) -> None:
    """Under two holds, and who listened drawn below the wave."""
    _fill(site, 8)
    call = site.calls.rows[0].call_id
    await kept(site, call, REASON, until=now() + timedelta(days=40))
    await kept(site, call, "D-17", by="mori")
    listened(site, call)
    await at_player(site, seen)
    await seen.page.locator(".heard > button").click()
    await shown(seen, ".sittings li")
    await shown(seen, ".lane-heard")


@scene
async def kept_not_heard(site: Site, seen: Window) -> None:
    """Who may keep it and may not hear it; nobody listened."""
    _fill(site, 8)
    await at_player(site, seen, "kansa")
    await seen.page.locator(".heard > button").click()
    await shown(seen, ".heard .note")


@scene
async def kept_dialog(site: Site, seen: Window) -> None:
    _fill(site, 8)
    await at_player(site, seen)
    await seen.page.locator(".keeping-head button").first.click()
    await shown(seen, "dialog[open] input")


@scene
async def kept_refused(site: Site, seen: Window) -> None:
    """Somebody put it under hold after the page was opened: the deletion is refused."""
    seen.expected.append("409")
    _fill(site, 8)
    await at_player(site, seen)
    await kept(site, site.calls.rows[0].call_id, REASON, by="mori", until=now() + timedelta(days=40))
    await seen.page.locator(".keeping-head button").nth(1).click()
    await seen.page.locator("dialog[open] input").fill("D-18")
    await seen.page.locator("dialog[open] .danger").click()
    await shown(seen, "dialog[open] .problem p")
    await shown(seen, "dialog[open] .holds li")


@scene
async def held_list(site: Site, seen: Window) -> None:
    _fill(site, 8)
    for n, one in enumerate(site.calls.rows[:6]):
        until = now() + timedelta(days=20 + n) if n % 2 else None
        await kept(
            site,
            one.call_id,
            (REASON, "D-17", LONG_WORD)[n % 3],
            by=("hogo", "mori", LONG_WORD[:100])[n % 3],
            until=until,
        )
    await site.keeping.release(DEMO, 8, Actor(who="mori"), "closed")
    await at_privacy(site, seen, "holds", ".hold-list")
    await seen.page.locator(".check input").last.check()
    await shown(seen, ".hold-list li:nth-child(6)")


@scene
async def held_none(site: Site, seen: Window) -> None:
    await at_privacy(site, seen, "holds", ".empty")


@scene
async def trail_list(site: Site, seen: Window) -> None:
    _fill(site, 8)
    busy(site)
    await at_privacy(site, seen, "trail", ".trail-table tbody tr")


@scene
async def trail_nothing(site: Site, seen: Window) -> None:
    await at_privacy(site, seen, "trail?who=nobody&since=2026-01-01&until=2026-01-02", ".empty button")


@scene
async def trail_away(site: Site, seen: Window) -> None:
    await at_privacy(site, seen, "holds", ".empty")
    site.fakes.audit.away = True
    await seen.page.locator(".subnav a").last.click()
    await shown(seen, ".problem p")


def known(site: Site) -> None:
    """Much of somebody: two calls are held, one goes on; an earlier erasure left one."""
    first, second, third = [one.call_id for one in site.calls.rows[:3]]
    holds = tuple(
        Hold(hold_id=n, tenant=DEMO, call_id=call, reason=reason, set_by=by, set_at=now() - timedelta(days=4),
             until=until, arrived_at=now() - timedelta(days=9))
        for n, (call, reason, by, until) in enumerate((
            (first, REASON, "hogo", now() + timedelta(days=40)), (second, "D-3", LONG_WORD[:100], None),
        ))
    )  # fmt: skip
    counts = {
        "calls": 14, "live": 1, "held": 2, "links": 9, "notes": 14, "remarks": 2, "evaluations": 1, "verifications": 3,
        "callbacks": 0, "effects": 1, "outgoing": 28, "searches": 1, "ledger": 14, "lookups": 0,
    }  # fmt: skip
    site.people.known = PersonLook(counts=counts, held=holds, live=(third,))
    until = (now() + timedelta(days=40)).isoformat(timespec="minutes")
    done = Erasure(
        erasure_id=LEFT, tenant=DEMO, state=ErasureState.DONE, reference="D-16", asked_by="hogo",
        asked_at=now() - timedelta(days=1), done_at=now() - timedelta(hours=23), calls=3,
        counts={"recordings": 3, "notes": 2, "links": 3, "outgoing": 6, "callbacks": 0},
        held={first: f"held by hogo until {until}; held by mori until it is released", third: "the call goes on"},
        waiting=0,
    )  # fmt: skip
    waits = replace(
        done, erasure_id=LEFT[:-1] + "8", state=ErasureState.ORDERED, reference=LONG_WORD[:100], done_at=None,
        asked_at=now() - timedelta(minutes=1), held={}, waiting=2,
    )  # fmt: skip
    site.people.erasures = [waits, done]


async def looked_up(site: Site, seen: Window) -> None:
    _fill(site, 8)
    known(site)
    await at_privacy(site, seen, "person", ".erasure")
    form = seen.page.locator(".person-form")
    await form.locator("textarea").fill("090-1234-5678\n+81 3 6666 0100")
    await form.locator("input").nth(0).fill("M-1001")
    await form.locator("input").nth(1).fill("D-17")
    await form.locator("button").click()
    await shown(seen, ".person-counts")


@scene
async def person_known(site: Site, seen: Window) -> None:
    await looked_up(site, seen)
    for one in await seen.page.locator(".erasure summary").all():
        await one.click()


@scene
async def person_erase(site: Site, seen: Window) -> None:
    await looked_up(site, seen)
    await seen.page.locator(".person-known .danger").click()
    await seen.page.locator("dialog[open] input").fill("D-18")
    await seen.page.locator("dialog[open] .danger").click()
    await shown(seen, "dialog[open] .problem:not(:empty)")


@scene
async def person_nothing(site: Site, seen: Window) -> None:
    site.people.known, site.people.erasures = PersonLook(counts={"calls": 0, "held": 0, "notes": 0}), []
    await at_privacy(site, seen, "person", ".person-form")
    await seen.page.locator(".person-form textarea").fill("090-1234-5678")
    await seen.page.locator(".person-form input").nth(1).fill("D-17")
    await seen.page.locator(".person-form button").click()
    await shown(seen, ".person-known .empty")
