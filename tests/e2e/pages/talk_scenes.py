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
from cti.web.ports import QueueFact
from tests.e2e.pages.browser import Window
from tests.e2e.pages.records import SATO, complete
from tests.e2e.pages.scenes import at_desk, scene, shown
from tests.e2e.pages.site import Site, now
from tests.unit.web.fakes import DEMO, agent_status

SUZUKI = AgentId("suzuki")


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
    on_the_line(site)
    await shown(seen, ".talk")
    await seen.page.locator(".talk .choices button").nth(1).click()
    await shown(seen, ".talk-list")


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
