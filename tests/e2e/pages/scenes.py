"""Every state of every page: each scene brings a site and a window there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from cti.domain.model import (
    AgentId,
    AgentState,
    CallerKind,
    CallerNumber,
    EndReason,
    Link,
    LinkConfidence,
    PhoneState,
    QueueId,
)
from cti.domain.pop import PopPhase
from cti.web.recordingports import RecordingFacts
from tests.e2e.pages import records
from tests.e2e.pages.browser import Window, until
from tests.e2e.pages.records import SATO, complete, linked, member, reservation, ticket
from tests.e2e.pages.site import PASSWORD, Site, now

Scene = Callable[[Site, Window], Awaitable[None]]
Made = TypeVar("Made", bound=Scene)  # some take more, for other scenes to set
SCENES: dict[str, Scene] = {}


def scene(made: Made) -> Made:
    SCENES[made.__name__] = made
    return made


async def at_desk(site: Site, seen: Window) -> None:
    await seen.log_in(site.url, "sato", PASSWORD)
    await seen.page.locator(".state-word").wait_for()


async def shown(seen: Window, what: str) -> None:
    """Until it is there: what happens at the desk reaches the page a moment later."""
    await seen.page.locator(what).first.wait_for()


@scene
async def log_in(site: Site, seen: Window) -> None:
    await seen.page.goto(site.url)


@scene
async def log_in_refused(site: Site, seen: Window) -> None:
    await seen.log_in(site.url, "sato", "wrong")
    await seen.page.locator(".problem:not(:empty)").wait_for()


@scene
async def first_password(site: Site, seen: Window) -> None:
    await seen.log_in(site.url, "shinjin", PASSWORD)
    await seen.page.locator("input[name=again]").wait_for()


@scene
async def desk_idle(site: Site, seen: Window) -> None:
    await at_desk(site, seen)


@scene
async def desk_idle_busy_day(site: Site, seen: Window) -> None:
    begin = now() - timedelta(minutes=4)
    site.calls.rows = [
        records.closed_call(100 + n, begin - timedelta(minutes=9 * n), missed_by="suzuki" if n % 3 else None)
        for n in range(30)
    ]
    site.set_state(AgentState.BREAK, "lunch")
    site.set_phone(PhoneState.UNREACHABLE)
    await at_desk(site, seen)


@scene
async def ringing_pending(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    site.ring()
    await shown(seen, ".pop-ringing")


@scene
async def ringing_complete(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    site.happen(complete(site.ring(), now()))
    await shown(seen, ".questions")


@scene
async def talking(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    call = site.ring()
    site.happen(complete(call, now()))
    site.answer(call)
    await shown(seen, ".pop-talking")


@scene
async def held(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    call = site.ring()
    site.happen(complete(call, now()))
    site.hold(site.answer(call))
    await shown(seen, ".pop-held")


@scene
async def ended(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    call = site.ring()
    site.happen(complete(call, now()))
    site.hang_up(site.answer(call))
    await shown(seen, ".pop-ended")
    site.set_state(AgentState.WRAP_UP, "call_over", until=now() + timedelta(seconds=90))
    await shown(seen, ".own-state .one-line [role=timer]")


@scene
async def missed(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    call = site.ring()
    site.ring_out(call)
    site.set_state(AgentState.BREAK, "missed_offer")
    await shown(seen, ".empty .note")


@scene
async def stale(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    call, at = site.ring(), now()
    site.happen(
        linked(
            call,
            at,
            status="stale",
            as_of=at - timedelta(minutes=11),
            members=[member()],
            reservations=[reservation(at, status="overdue")],
            tickets=[],
        )
    )
    await shown(seen, ".part-stale")


@scene
async def unavailable(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    nothing = Link(confidence=LinkConfidence.NONE, score=0.0, why="lookup_slow")
    site.happen(linked(site.ring(), now(), status="unavailable", link=nothing))
    await shown(seen, ".part-unavailable")


@scene
async def several(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    at = now()
    people = [
        member(f"M-{n}", name, company="株式会社みなと設備", standing="holds_number", notes=[], name_kana=kana)
        for n, (name, kana) in enumerate(
            [("小林 誠", "コバヤシ マコト"), ("加藤 陽子", "カトウ ヨウコ"), ("Rodríguez Ana", ""), ("吉田 剛", "")]
        )
    ]
    found = Link(confidence=LinkConfidence.POSSIBLE, score=0.3, why="shared_number")
    bookings = [
        reservation(at, f"4812004{n}", member_name=p["name"], member_id=p["member_id"], status=s)
        for n, (p, s) in enumerate(zip(people, ("in_use", "overdue", "upcoming"), strict=False))
    ]
    site.happen(
        linked(site.ring(caller=records.COMPANY, menu=None), at, link=found, members=people, reservations=bookings)
    )
    await shown(seen, ".card-grid .warning")


@scene
async def contradiction(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    at = now()
    found = Link(
        confidence=LinkConfidence.POSSIBLE, score=0.5, why="reservation_of_other_member", reservation_id="R-48120025"
    )
    people = [
        member(
            "M-2", "山本 さくら", standing="holds_reservation", reservation_id="R-48120025", name_kana="ヤマモト サクラ"
        ),
        member("M-3", "伊藤 大輔", standing="holds_number", reservation_id=None, name_kana="イトウ ダイスケ"),
    ]
    booking = reservation(at, "48120025", status="overdue", member_id="M-2", member_name="山本 さくら")
    site.happen(linked(site.ring(), at, link=found, members=people, reservations=[booking], tickets=[ticket(at)]))
    await shown(seen, ".card-grid .warning")


@scene
async def withheld(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    found = Link(confidence=LinkConfidence.NONE, score=0.0, why="caller_withheld")
    site.happen(linked(site.ring(caller=CallerNumber(kind=CallerKind.WITHHELD)), now(), link=found))
    await shown(seen, ".part-live")


@scene
async def payphone(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    found = Link(confidence=LinkConfidence.NONE, score=0.0, why="caller_payphone")
    site.happen(linked(site.ring(caller=CallerNumber(kind=CallerKind.PAYPHONE), menu=None), now(), link=found))
    await shown(seen, ".part-live")


@scene
async def hostile_names(site: Site, seen: Window) -> None:
    site.names.queues["roadside"] = (records.LONG_JA, records.LONG_WORD)
    await at_desk(site, seen)
    at = now()
    found = Link(confidence=LinkConfidence.POSSIBLE, score=0.3, why="shared_number")
    people = [
        member("M-1", records.LONG_JA, name_kana="ア" * 300, plan="P" * 300, notes=[records.LONG_WORD]),
        member("M-2", records.ARABIC, name_kana="", company=records.LONG_WORD),
    ]
    bookings = [
        reservation(at, member_name=records.ARABIC),
        reservation(
            at, "9" * 20, member_name=records.LONG_JA, terms=[records.LONG_WORD, records.ARABIC], status="lost"
        ),
    ]
    tickets = [
        ticket(at, records.MARKUP),
        ticket(at, records.LONG_JA, ticket_id="T-" + "1" * 60, last_note=records.LONG_WORD),
    ]
    site.happen(linked(site.ring(), at, link=found, members=people, reservations=bookings, tickets=tickets))
    await shown(seen, ".card-grid .warning")


# --- Queues ---


@scene
async def queues_empty(site: Site, seen: Window) -> None:
    site.desk.agents.clear()
    await seen.log_in(site.url, "tanaka", PASSWORD)
    await shown(seen, ".agents")


@scene
async def queues_quiet(site: Site, seen: Window) -> None:
    at = now()
    site.desk.queues = tuple(records.queue(slug, at) for slug in site.names.queues)
    await seen.log_in(site.url, "tanaka", PASSWORD)
    await shown(seen, ".queue")


def _agents(site: Site, count: int) -> None:
    """So many, in every state."""
    at = now()
    states = [
        (AgentState.AVAILABLE, "chosen", PhoneState.IDLE),
        (AgentState.AVAILABLE, "chosen", PhoneState.BUSY),
        (AgentState.WRAP_UP, "call_over", PhoneState.IDLE),
        (AgentState.BREAK, "missed_offer", PhoneState.IDLE),
        (AgentState.BREAK, "paperwork", PhoneState.UNREACHABLE),
        (AgentState.OFFLINE, "logged_out", PhoneState.UNREACHABLE),
    ]
    for n in range(count):
        state, reason, phone = states[n % len(states)]
        slug = f"agent{n:02d}"
        name = f"担当者 {n:02d}" if n != 7 else records.LONG_JA
        one = records.agent(slug, name, at - timedelta(seconds=37 * n), state=state, reason=reason, phone=phone)
        if phone is PhoneState.BUSY:
            one = replace(
                one,
                call_id=records.call_id(500 + n),
                call_queue=QueueId("members"),
                call_phase=PopPhase.TALKING,
                call_since=at - timedelta(seconds=11 * n),
            )
        site.desk.agents[AgentId(slug)] = one


@scene
async def queues_busy(site: Site, seen: Window, agents: int = 60) -> None:
    at = now()
    _agents(site, agents)
    site.names.queues["lost"] = (records.LONG_JA, records.LONG_WORD)
    site.desk.queues = (
        records.queue("members", at, waits_s=[12, 8, 3], talking=7),
        records.queue("roadside", at, waits_s=[1805, 641, 55] + [20] * 30, talking=12, free=0, logged_in=12),
        records.queue("english", at, waits_s=[31], free=0, logged_in=0),
        records.queue("partners", at, talking=1),
        records.queue("lost", at),
    )
    await seen.log_in(site.url, "tanaka", PASSWORD)
    await shown(seen, ".queue")


@scene
async def queues_late(site: Site, seen: Window) -> None:
    await queues_busy(site, seen, agents=8)


@scene
async def queues_without_asterisk(site: Site, seen: Window) -> None:
    at = now()
    site.desk.asterisk_up = False
    site.calls.away = True
    site.desk.queues = (records.queue("members", at), records.queue("roadside", at))
    await seen.log_in(site.url, "tanaka", PASSWORD)
    await shown(seen, ".queue")


# --- Recordings ---


OUTCOMES: tuple[tuple[str, str | None], ...] = (
    ("stored", None),
    ("stored", "one_sided_agent"),
    ("salvaged", "salvaged"),
    ("truncated", "truncated"),
    ("pending", None),
    ("not_recorded", "too_short"),
    ("failed", "unreadable_file"),
    ("stored", None),
)


def _fill(site: Site, count: int) -> None:
    sound = site.shelf.sound
    for n in range(count):
        begin = now() - timedelta(minutes=10 + 23 * n)
        call = records.closed_call(n, begin, agent=("sato", "suzuki")[n % 2], missed_by="shinjin")
        site.calls.rows.append(call)
        status, why = OUTCOMES[n % len(OUTCOMES)]
        heard = status in ("stored", "salvaged", "truncated")
        site.shelf.rows[call.call_id] = RecordingFacts(
            call_id=call.call_id,
            arrived_at=begin,
            caller=call.caller if n % 5 else CallerNumber(kind=CallerKind.WITHHELD),
            status=status,
            queue=QueueId(("members", "roadside", "partners")[n % 3]),
            agents=(SATO,) if n % 2 == 0 else (AgentId("suzuki"), SATO),
            end_reason=EndReason.COMPLETED if heard else EndReason.ABANDONED_IN_QUEUE,
            why=why,
            duration_s=sound.duration_s if heard else None,
            size=len(sound.data) if heard else None,
            sha256=sound.sha256 if heard else None,
            content_type="audio/webm" if heard else None,
            stored_at=begin + timedelta(minutes=3) if heard else None,
        )


@scene
async def qa_empty(site: Site, seen: Window) -> None:
    await seen.log_in(site.url, "watanabe", PASSWORD)
    await shown(seen, ".empty")


@scene
async def qa_list(site: Site, seen: Window) -> None:
    _fill(site, 80)
    await seen.log_in(site.url, "watanabe", PASSWORD)
    await shown(seen, "tbody")


@scene
async def qa_player(site: Site, seen: Window) -> None:
    _fill(site, 30)
    await seen.log_in(site.url, "watanabe", PASSWORD)
    await seen.page.locator("tbody button").first.click()
    await until(seen.page, "document.querySelector('audio')?.currentTime > 0.2")
    await seen.page.evaluate(
        "document.querySelector('audio').currentTime = document.querySelector('audio').duration / 3"
    )
    await seen.page.wait_for_timeout(300)
    await seen.page.evaluate("document.querySelector('audio').pause()")


async def unfolded(seen: Window) -> None:
    """All of the player: on a narrow window it begins with what one hears with."""
    fold = seen.page.locator(".player .fold")
    if await fold.is_visible():
        await fold.click()


@scene
async def qa_gone(site: Site, seen: Window) -> None:
    _fill(site, 3)
    site.shelf.changed = True
    await seen.log_in(site.url, "watanabe", PASSWORD)
    await seen.page.locator("tbody button").first.click()
    await seen.page.locator(".problem:not(:empty)").first.wait_for()


@scene
async def keys_help(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    await seen.page.keyboard.press("?")
    await seen.page.locator("dialog[open]").wait_for()


@scene
async def connection_lost(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    site.happen(complete(site.ring(), now()))
    await site.go_down()
    await seen.page.wait_for_timeout(1500)
    await site.come_up()
    await site.go_down()
