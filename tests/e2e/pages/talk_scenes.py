"""The agent page with a caller on the line: hold, consultation, and whom to pass them on to."""

from __future__ import annotations

from dataclasses import replace

from cti.domain.events import CallPhaseChanged
from cti.domain.model import (
    AgentId,
    AgentState,
    Call,
    ChannelName,
    Consultation,
    PhoneState,
    QueueId,
    TalkPhase,
    TalkSegment,
    UniqueId,
)
from cti.outbound.rules import whole_number
from cti.web.context import PARTS
from cti.web.ports import QueueFact
from cti.web.savedports import SavedFact
from tests.e2e.pages.browser import Window
from tests.e2e.pages.records import SATO, complete
from tests.e2e.pages.scenes import at_desk, scene, shown
from tests.e2e.pages.site import Site, now
from tests.unit.web.fakes import DEMO, agent_status
from tests.unit.web.saved import FakeSaved
from tests.unit.web.test_dialling import FakeDialling

SUZUKI = AgentId("suzuki")


def with_numbers(site: Site) -> FakeSaved:
    """A phone book, and a desk that dials out."""
    book = FakeSaved()
    for n, (name, reading, number) in enumerate(
        (
            ("渋谷警察署", "しぶやけいさつしょ", "03-3498-0110"),
            (
                "東日本ロードサービス・レッカー手配センター（夜間・休日専用、首都高速を除く）",
                "ひがしにほん",
                "03-6458-1234",
            ),
        )
    ):
        wanted = whole_number(number)
        book.rows[f"n-{n}"] = SavedFact(
            saved=f"n-{n}", name=name, reading=reading, e164=wanted.e164, national=wanted.shown, queues=(), agents=(),
            by_file=True, changed_by=None, changed_at=None,
        )  # fmt: skip
    dialling = FakeDialling()
    for name, part in (("saved", book), ("dialling", dialling)):
        object.__setattr__(site.server.app[PARTS], name, part)
    return book


def on_the_line(site: Site, ringing: Call | None = None) -> Call:
    """Sato talks (with whoever is ``ringing``), suzuki could be asked."""
    status = agent_status("suzuki", name="鈴木 一郎", state=AgentState.AVAILABLE, phone=PhoneState.IDLE)
    site.desk.agents[SUZUKI] = status
    site.desk.queues = tuple(
        QueueFact(
            queue=QueueId(queue), service_level_s=20, waiting=(), waiting_count=n, talking=1, agents_available=1,
            agents_logged_in=2,
        )
        for n, queue in enumerate(("members", "roadside"))
    )  # fmt: skip
    call = ringing or site.ring()
    site.happen(complete(call, now()))
    talk = TalkSegment(
        agent=SATO,
        offer_id=call.offers[-1].offer_id,
        agent_channel=ChannelName("PJSIP/demo-sato-00000001"),
        agent_uniqueid=UniqueId("1.1"),
        answered_at=now(),
    )
    call = replace(call, talks=(talk,), phase=TalkPhase.TALKING)
    site.fakes.talks.calls[SATO] = call
    return site.answer(call)


def go(site: Site, call: Call, phase: TalkPhase, *, asked: bool = False) -> Call:
    """The call in another phase, as Asterisk's events would have told it."""
    if asked and not call.consultations:
        consultation = Consultation(
            first=SATO,
            second=SUZUKI,
            channel=ChannelName("PJSIP/demo-suzuki-00000002"),
            uniqueid=UniqueId("1.2"),
            began_at=now(),
            answered_at=now(),
        )
        call = replace(call, consultations=(consultation,))
    call = replace(call, phase=phase)
    site.fakes.talks.calls[SATO] = call
    site.happen(CallPhaseChanged(at=now(), tenant=DEMO, call=call))
    return call


@scene
async def talk_on_hold(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    go(site, on_the_line(site), TalkPhase.HELD)
    await shown(seen, ".talk")


@scene
async def talk_whom_to_ask(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    with_numbers(site)
    on_the_line(site)
    await shown(seen, ".talk")
    await seen.page.locator(".talk .choices button").last.click()
    await shown(seen, ".whom-list")
    await seen.page.get_by_text("渋谷警察署").wait_for()


@scene
async def talk_consulting(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    go(site, on_the_line(site), TalkPhase.CONSULTING, asked=True)
    await shown(seen, ".talk")


@scene
async def talk_conference(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    go(site, on_the_line(site), TalkPhase.CONFERENCE, asked=True)
    await shown(seen, ".talk")
