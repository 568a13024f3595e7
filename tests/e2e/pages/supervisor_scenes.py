"""The queue page as a supervisor uses it: waiting calls, agents, plans, callbacks, announcements."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from cti.domain.callbacks import CallbackState
from cti.domain.errors import Unavailable
from cti.domain.model import AgentId, QueueId
from cti.web import announcementports, ports
from tests.e2e.pages import records
from tests.e2e.pages.browser import Window
from tests.e2e.pages.evaluation_scenes import at_page
from tests.e2e.pages.scenes import _fill, queues_busy, scene, shown
from tests.e2e.pages.site import PASSWORD, Site, now

PLAN: list[dict[str, Any]] = [
    {"want": {"last_agent": True}, "expires_s": 15},
    {"want": {"all": [{"own": True}, {"skill": "en", "level": 4}]}, "expires_s": 40},
    {"want": {"any": [{"skill": "roadside", "level": 3}, {"agents": ["sato", "suzuki"]}]}, "expires_s": 90},
]
DEEP = {"want": {"all": [{"own": True}, {"any": [{"skill": "en", "level": 1}, {"profile": "night"}]}]}}


async def filled(site: Site, seen: Window) -> None:
    """A desk with work, callbacks and announcements, seen by the supervisor."""
    at = now()
    site.callbacks.add(1, at - timedelta(minutes=14))
    site.callbacks.add(2, at - timedelta(minutes=6), tries=1, not_before=at + timedelta(minutes=4))
    site.callbacks.add(3, at - timedelta(minutes=2), state=CallbackState.CALLING, queue=QueueId("lost"))
    site.readiness.states["disk"] = ports.PartState(
        ready=True, since=at, why="room for recordings gets short (/var/spool/asterisk has 912 MB free)"
    )
    announced = announcementports.NewAnnouncement(
        queue=QueueId("members"), number=None, prompt=None, text_ja="台風のため新宿の一部のステーションを休止中です。",
        text_en="Some stations in Shinjuku are closed because of the typhoon.", begins_at=at,
        ends_at=at + timedelta(hours=3), published_by="tanaka",
    )  # fmt: skip
    await site.fakes.announcements.publish(records.DEMO, announced)
    await queues_busy(site, seen, agents=8)
    await shown(seen, ".announcements")


@scene
async def supervisor_page(site: Site, seen: Window) -> None:
    await filled(site, seen)
    await seen.page.locator("#callbacks").scroll_into_view_if_needed()


@scene
async def recordings_missing(site: Site, seen: Window) -> None:
    """Calls that should have a recording and have none, for a supervisor who does QA as well."""
    _fill(site, 24)
    lead = site.fakes.users.rows[records.DEMO, "tanaka"]
    site.fakes.users.add(replace(lead.user, roles=frozenset({"supervisor", "qa"})), lead.password_hash)
    why = "6 call(s) of the last hour have no recording (no_sound: 3, unreadable_file: 3)"
    site.readiness.states["recordings"] = ports.PartState(ready=True, since=now(), why=why)
    site.desk.queues = (records.queue("members", now(), waits_s=[12]), records.queue("roadside", now()))
    await at_page(site, seen, "tanaka", "/queues", ".health summary")
    await seen.page.locator(".health summary").click()
    await shown(seen, ".missing a")


@scene
async def supervisor_empty(site: Site, seen: Window) -> None:
    site.desk.queues = tuple(records.queue(slug, now()) for slug in site.names.queues)
    await seen.log_in(site.url, "tanaka", PASSWORD)
    await shown(seen, ".queue")
    await seen.page.locator("#announcements").scroll_into_view_if_needed()


async def open_call(site: Site, seen: Window, place: int = 2) -> None:
    await filled(site, seen)
    await seen.page.locator(".queue").nth(1).locator(".waiting li button").nth(place - 1).click()
    await shown(seen, "dialog .hopes")


@scene
async def waiting_call(site: Site, seen: Window) -> None:
    await open_call(site, seen)
    await seen.page.locator("dialog summary").click()


@scene
async def waiting_call_gone(site: Site, seen: Window) -> None:
    await open_call(site, seen)
    site.supervision.gone |= {call.call_id for queue in site.desk.queues for call in queue.waiting}
    await shown(seen, "dialog .warning")


async def open_agent(site: Site, seen: Window, name: str = "佐藤 花子") -> None:
    await filled(site, seen)
    await seen.page.locator("tr", has_text=name).locator("button").first.click()
    await shown(seen, "dialog .skill-grid")


@scene
async def agent_dialog(site: Site, seen: Window) -> None:
    await open_agent(site, seen)


@scene
async def agent_log_out(site: Site, seen: Window) -> None:
    await open_agent(site, seen, "とても長い名前の会社")
    await seen.page.locator(".danger-text").click()
    await shown(seen, ".confirm")


@scene
async def announce_form(site: Site, seen: Window) -> None:
    await filled(site, seen)
    await seen.page.locator("#announcements + button").click()
    await seen.page.locator(".announce-form select").nth(1).select_option("own")
    await seen.page.locator(".announce-form").scroll_into_view_if_needed()


@scene
async def callback_cancelled(site: Site, seen: Window) -> None:
    await filled(site, seen)
    await seen.page.locator("[aria-labelledby=callbacks] tbody button").first.click()
    await shown(seen, "dialog[open]")


# --- Plans ---


def published(site: Site, *plans: Any, queue: str = "roadside") -> None:
    """Versions of a plan, each a day after the one before."""
    for n, plan in enumerate(plans, 1):
        site.supervision._publish(
            QueueId(queue), plan, by="tanaka", note="" if n == 1 else records.LONG_JA if n == 2 else "連休の前に",
            after=n - 1, reverts_to=None,
        )  # fmt: skip
    rows = site.supervision.versions[QueueId(queue)]
    site.supervision.versions[QueueId(queue)] = [
        replace(one, published_at=now() - timedelta(days=place)) for place, one in enumerate(rows)
    ]


async def at_plan(site: Site, seen: Window, queue: str = "roadside") -> None:
    if not site.desk.queues:
        at = now()
        site.desk.queues = (
            records.queue("members", at, waits_s=[12]),
            records.queue("roadside", at, waits_s=[640, 55], free=1, logged_in=3),
        )
    await seen.log_in(site.url, "tanaka", PASSWORD)
    await shown(seen, ".queue")
    await seen.page.goto(f"{site.url}/queues/{queue}/plan")
    await shown(seen, ".drawing")


@scene
async def plan_none(site: Site, seen: Window) -> None:
    await at_plan(site, seen)


@scene
async def plan_now(site: Site, seen: Window) -> None:
    published(site, {"template": "last_agent", "wait_s": 20}, [{"want": None}], PLAN)
    await at_plan(site, seen)


@scene
async def plan_edited(site: Site, seen: Window) -> None:
    published(site, PLAN)
    await at_plan(site, seen)
    await seen.page.locator(".step-up").nth(1).click()
    await seen.page.locator("#add-step").click()
    await seen.page.wait_for_timeout(700)


@scene
async def plan_wrong(site: Site, seen: Window) -> None:
    published(site, [*PLAN, DEEP])
    for agent, name in ((records.SATO, records.LONG_JA), (AgentId("suzuki"), records.LONG_WORD)):
        site.desk.agents[agent] = replace(site.desk.agents[agent], name=name)
    await at_plan(site, seen)
    await seen.page.locator(".step input[type=number]").nth(1).fill("10")
    await shown(seen, ".step-wrong")


@scene
async def plan_refused(site: Site, seen: Window) -> None:
    """The server's check finds what the form cannot know."""
    published(site, PLAN)
    await at_plan(site, seen)
    await seen.page.locator(".condition select").first.select_option("profile")
    await seen.page.locator(".condition input.short").fill("daytime")
    await shown(seen, ".step-wrong")


@scene
async def plan_overtaken(site: Site, seen: Window) -> None:
    published(site, PLAN)
    await at_plan(site, seen)
    await seen.page.locator("#add-step").click()
    published_by_yamada(site)
    await shown(seen, ".plan .warning")


def published_by_yamada(site: Site) -> None:
    site.supervision._publish(
        QueueId("roadside"), PLAN[1:], by="yamada", note="", after=len(site.supervision.versions[QueueId("roadside")]),
        reverts_to=None,
    )  # fmt: skip


@scene
async def plan_revert(site: Site, seen: Window) -> None:
    published(site, PLAN[:1], PLAN)
    await at_plan(site, seen)
    await seen.page.locator(".versions button.small").first.click()
    await shown(seen, "dialog[open]")


@scene
async def plan_unavailable(site: Site, seen: Window) -> None:
    published(site, PLAN)
    await at_plan(site, seen)
    site.supervision.refusal = Unavailable("away")
    await seen.page.locator("#add-step").click()
    await seen.page.locator(".problem:not(:empty) p").first.wait_for()
