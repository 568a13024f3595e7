"""The agent page during and after a call: note, reasons, tickets; and the call page that shows them."""

from __future__ import annotations

from dataclasses import replace

from cti.domain.aftercall import CallNote, TicketState
from cti.domain.model import AgentId, Call
from tests.e2e.pages.browser import Window
from tests.e2e.pages.records import DEMO, SATO
from tests.e2e.pages.scenes import at_desk, scene, shown
from tests.e2e.pages.site import Site, now
from tests.e2e.pages.talk_scenes import on_the_line

WORDS = "アプリの解錠ボタンが反応しない。再起動を案内し、開いたことを確認。\n充電ケーブルは後部座席。折り返し不要。"


def written(call: Call, note: str, *, agent: str = "sato", version: int = 1, reasons: tuple[str, ...] = ()) -> CallNote:
    """A note that is stored already."""
    return CallNote(
        tenant=DEMO, call_id=call.call_id, agent=AgentId(agent), version=version, note=note, reasons=reasons,
        changed_at=now(),
    )  # fmt: skip


def stored(site: Site, note: CallNote) -> None:
    """As another page saved it."""
    site.fakes.aftercall.rows[note.call_id, note.agent] = note


async def talking_with_notes(site: Site, seen: Window) -> Call:
    """Sato talks and has written a note with a reason; suzuki wrote before."""
    await at_desk(site, seen)
    call = site.ring()
    stored(site, written(call, "折り返しのお約束。18時以降。", agent="suzuki", reasons=("unlock",)))
    call = on_the_line(site, call)
    await shown(seen, ".call-note:enabled")
    await seen.page.locator(".call-note").fill(WORDS)
    await seen.page.locator(".reason-search").fill("アンロック")
    await seen.page.keyboard.press("Enter")
    await shown(seen, ".note-saved")
    return call


@scene
async def after_note(site: Site, seen: Window) -> None:
    await talking_with_notes(site, seen)


@scene
async def after_reason_list(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    on_the_line(site)
    await shown(seen, ".call-note:enabled")
    await seen.page.locator(".reason-search").click()
    await shown(seen, ".options li")


@scene
async def after_ticket_waits(site: Site, seen: Window) -> None:
    await talking_with_notes(site, seen)
    await seen.page.locator(".tickets-asked button[type=submit]").click()
    await shown(seen, ".asked-sending")
    for key in site.fakes.aftercall.wishes:
        site.fakes.aftercall.came_to[key] = TicketState.QUEUED
    await shown(seen, ".asked-queued")


@scene
async def after_changed_elsewhere(site: Site, seen: Window) -> None:
    call = await talking_with_notes(site, seen)
    mine = site.fakes.aftercall.rows[call.call_id, SATO]
    stored(site, replace(mine, version=mine.version + 1, note="別の画面で書いた内容。鍵は助手席。"))
    await seen.page.locator(".call-note").press_sequentially("追記")
    await shown(seen, ".note-changed")


@scene
async def after_not_saved(site: Site, seen: Window) -> None:
    await talking_with_notes(site, seen)
    seen.expected.append("503")
    site.fakes.aftercall.away = True
    await seen.page.locator(".call-note").press_sequentially("追記")
    await shown(seen, ".note-kept")


@scene
async def after_reason_missing(site: Site, seen: Window) -> None:
    await at_desk(site, seen)
    site.fakes.aftercall.required = {"roadside"}
    call = on_the_line(site)
    await shown(seen, ".required")
    site.hang_up(call)
    await shown(seen, ".over")
    await seen.page.locator(".over .primary").click()
    await shown(seen, ".over .problem:not(:empty)")
