"""Every page for everybody: axe-core (WCAG 2.2, A and AA) finds nothing, light and dark, wide and narrow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from cti.demo.components import cache_folder
from cti.demo.folders import PortPool
from tests.e2e.pages import (  # noqa: F401 - adds its scenes
    aftercall_scenes,
    caller_scenes,
    evaluation_scenes,
    phone_scenes,
    privacy_scenes,
    supervisor_scenes,
    talk_scenes,
)
from tests.e2e.pages.browser import Window, window
from tests.e2e.pages.scenes import SCENES
from tests.e2e.pages.site import running_site
from tests.e2e.pages.sound import Sound

ROOT = Path(__file__).resolve().parents[3]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
# Scene, dark, width. Each scene once; each look several times.
LOOKS = [
    ("log_in_refused", False, 390),
    ("first_password", True, 1366),
    ("desk_idle_busy_day", False, 1366),
    ("ringing_complete", True, 390),
    ("caller_to_choose", False, 1366),
    ("caller_verified", True, 1366),
    ("caller_known", False, 390),
    ("hostile_names", True, 1366),
    ("unavailable", True, 1366),
    ("ended", False, 1366),
    ("after_ticket_waits", False, 390),
    ("after_reason_list", False, 1366),
    ("after_changed_elsewhere", True, 1366),
    ("keys_help", True, 1366),
    ("recordings_missing", False, 390),
    ("supervisor_page", True, 1366),
    ("waiting_call", False, 390),
    ("agent_dialog", False, 1366),
    ("callback_cancelled", True, 1366),
    ("plan_wrong", True, 390),
    ("qa_player_with_quality", True, 1366),
    ("score_open", False, 1366),
    ("score_disputed", True, 390),
    ("score_form_editor", False, 1366),
    ("score_compared", True, 1366),
    ("samples", False, 390),
    ("kept_player", True, 1366),
    ("kept_refused", False, 390),
    ("trail_list", False, 390),
    ("person_known", False, 390),
    ("phone_devices", False, 390),
    ("phone_holds_alone", True, 1366),
]
# What came last, and is longest in the other language: looked at in both.
BOTH = ("desk_idle_busy_day", "ended", "qa_player_with_quality", "phone_holds_alone")


def axe() -> str:
    """axe-core's source, where npm has put it: in the checkout, or in the folder that scripts/bring/web keeps."""
    places = [ROOT / "frontend/node_modules", *sorted(cache_folder().glob("node_modules-*/node_modules"))]
    for place in places:
        if (place / "axe-core/axe.min.js").is_file():
            return (place / "axe-core/axe.min.js").read_text(encoding="utf-8")
    pytest.fail("axe-core is not installed: scripts/bring/web, or npm ci in frontend/")


# Text that stands one letter a line: squeezed by something long beside it.
SQUEEZED = """[...document.querySelectorAll("main *")].filter((one) => {
  const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim().length > 3);
  const size = parseFloat(getComputedStyle(one).fontSize);
  const box = one.getBoundingClientRect();
  return own && box.width > 1 && box.width < 1.6 * size && box.height > 4 * size;
}).map((one) => one.outerHTML.slice(0, 120))"""
# Buttons of an open window that say the same: nobody knows which one does it.
ALIKE = """[...document.querySelectorAll("dialog[open] button")].map((one) => one.textContent.trim())
  .filter((said, at, all) => said && all.indexOf(said) !== at)"""


async def violations(seen: Window) -> list[str]:
    if not await seen.page.evaluate("'axe' in window"):
        await seen.page.evaluate(axe())
    found: dict[str, Any] = await seen.page.evaluate("options => axe.run(document, options)", RULES)
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(("scene", "dark", "width"), LOOKS)
async def test_nothing_to_complain_about(
    browser: Browser, ports: PortPool, sound: Sound, scene: str, dark: bool, width: int
) -> None:
    language = "ja" if dark else "en"
    async with (
        running_site(ports.tcp(), sound) as site,
        window(browser, width=width, language=language, dark=dark) as seen,
    ):
        seen.expected.append("status of 50")
        await SCENES[scene](site, seen)
        for turn in range(2 if scene in BOTH else 1):
            if turn:
                await seen.page.locator(".bar-end button[lang]").click()
            assert await violations(seen) == []
            assert await seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "scrolls sideways"
            assert await seen.page.evaluate(SQUEEZED) == []
            assert await seen.page.evaluate(ALIKE) == []
        assert seen.unexpected() == []
