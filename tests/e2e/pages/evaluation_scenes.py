"""Scores: the form beside the wave, the list, a dispute, where people differ, the form's editor."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from playwright.async_api import expect

from cti.domain import evaluationsteps as steps
from cti.domain.evaluation import Answer, Evaluation, EvaluationState
from cti.domain.evaluationform import Form, Question
from cti.domain.model import AgentId, CallId
from cti.domain.sampling import RuleKind
from cti.domain.samplingrun import SampleItem, SampleRun
from tests.e2e.pages.browser import Window
from tests.e2e.pages.scenes import _fill, scene, shown, unfolded
from tests.e2e.pages.site import PASSWORD, Site, now
from tests.unit.domain.evaluations import FORM, FULL, evaluation, given
from tests.unit.web.evaluations import version

LONG = "お客様の状況（場所・車両の状態・同乗者の有無・急ぎかどうか）を先に確かめ、言い直しをさせなかった"
_LONG_QUESTION = Question(
    id="situation", name_ja=LONG, name_en="Asked about the situation first, " * 4,
    help_ja="相づちだけでは確認になりません。" * 6,
    help_en="A hum is no question. " * 6, weight=2,
)  # fmt: skip


def long_form() -> Form:
    """With names as long as people write them."""
    first, second = FORM.sections
    questions = (_LONG_QUESTION, *second.questions)
    return replace(
        FORM, name_ja="会員対応（夜間・車両トラブル含む）", sections=(first, replace(second, questions=questions))
    )


def scored(
    site: Site, number: int, call_id: CallId, *, by: str = "mori", solved: int = 4, disputed: bool = False
) -> str:
    """A score that was submitted, on the first version of the form; returns its id."""
    begun = now() - timedelta(hours=number)
    answers = {
        **FULL, **given(solved=solved),
        "name": Answer(value=3, comment="名前が聞き取れない。もう少しゆっくり。", at_s=4.5),
    }  # fmt: skip
    draft: Evaluation = replace(
        evaluation(number, evaluator=by, answers={}),
        call_id=call_id,
        agent=AgentId("sato"),
        began_at=begun,
        changed_at=begun,
    )
    done = steps.submit(steps.save(draft, FORM, answers, "全体に落ち着いた案内でした。", begun), FORM, begun)
    if disputed:
        done = steps.dispute(done, FORM, "お客様は「開きました」と言っています（1分20秒）。解決済みと思います。", now())
    site.fakes.evaluations.rows[done.evaluation_id] = done
    return done.evaluation_id


async def at_page(site: Site, seen: Window, login: str, path: str, drawn: str) -> None:
    """Somebody logged in, then at a page by its address; it is there once ``drawn`` is."""
    await seen.log_in(site.url, login, PASSWORD)
    await shown(seen, "nav")
    await seen.page.goto(site.url + path)
    await shown(seen, drawn)


@scene
async def score_open(site: Site, seen: Window) -> None:
    """A form beside the wave, half of it answered, one answer that fails the whole."""
    _fill(site, 6)
    site.fakes.evaluation_forms.rows.append(version(2, long_form()))
    await seen.log_in(site.url, "watanabe", PASSWORD)
    page = seen.page
    await page.locator("tbody button").first.click()
    await shown(seen, ".player")
    await unfolded(seen)
    await shown(seen, ".begin-score button")
    await page.locator(".begin-score button").click()
    await shown(seen, ".question")
    for key in ("2", "j", "4", "j", "j", "1"):
        await page.keyboard.press(key)
    await page.keyboard.press("c")
    await page.locator(".comment textarea").fill("本人確認の前に予約の内容を伝えている。")
    await page.keyboard.press("Escape")
    await shown(seen, ".note-saved")
    await page.evaluate("document.querySelector('audio').pause()")


@scene
async def score_list(site: Site, seen: Window) -> None:
    _fill(site, 6)
    for number in range(1, 7):
        scored(site, number, site.calls.rows[0].call_id, by=("mori", "watanabe")[number % 2], disputed=number % 3 == 0)
    await seen.log_in(site.url, "watanabe", PASSWORD)
    await shown(seen, "nav")
    await (
        seen.page.get_by_role("link", name="評価", exact=True)
        .or_(seen.page.get_by_role("link", name="Evaluations", exact=True))
        .first.click()
    )
    await shown(seen, "tbody tr")


@scene
async def score_disputed(site: Site, seen: Window) -> None:
    """What a supervisor decides."""
    _fill(site, 2)
    name = scored(site, 1, site.calls.rows[0].call_id, disputed=True)
    await at_page(site, seen, "tanaka", f"/evaluations/{name}", ".question button")


@scene
async def score_compared(site: Site, seen: Window) -> None:
    _fill(site, 2)
    call = site.calls.rows[0].call_id
    for number, (by, solved) in enumerate((("mori", 4), ("watanabe", 2), ("abe", 4)), 1):
        scored(site, number, call, by=by, solved=solved)
    await at_page(site, seen, "watanabe", f"/evaluations/call/{call}", ".compared")


@scene
async def score_form_editor(site: Site, seen: Window) -> None:
    await at_page(site, seen, "tanaka", "/evaluation-forms/members", "fieldset fieldset")


@scene
async def score_mine(site: Site, seen: Window) -> None:
    """An agent reads a score, and may dispute it."""
    _fill(site, 2)
    name = scored(site, 1, site.calls.rows[0].call_id)
    assert site.fakes.evaluations.rows[name].state is EvaluationState.SUBMITTED
    await at_page(site, seen, "sato", f"/my-evaluations/{name}", ".question")


@scene
async def samples(site: Site, seen: Window) -> None:
    """What one was given to score, a draw with rules of each kind, and an earlier one that fell short."""
    _fill(site, 6)
    run = SampleRun(
        sample_id="a" * 32, form_id="members", seed="2026-11", plan=[], since=now() - timedelta(days=20),
        until=now(), candidates=412, short={AgentId("suzuki"): 2}, made_at=now() - timedelta(days=1), made_by="tanaka",
    )  # fmt: skip
    details: tuple[tuple[RuleKind, dict[str, object]], ...] = (
        (RuleKind.LONG_HOLD, {"hold_s": 245.0}), (RuleKind.LONG_SILENCE, {"silence_s": 95.5}),
        (RuleKind.REASON, {"reason": "unlock"}), (RuleKind.REPEAT_CALLER, {"repeat_of": site.calls.rows[0].call_id}),
        (RuleKind.RANDOM, {}),
    )  # fmt: skip
    items = [
        SampleItem(
            sample_id=run.sample_id, form_id="members", place=place, call_id=site.calls.rows[place].call_id,
            agent=AgentId("sato"), because=because, detail=detail, done=place == 1,
            assignee=("watanabe", "mori", "watanabe", "", "watanabe")[place - 1],
        )
        for place, (because, detail) in enumerate(details, 1)
    ]  # fmt: skip
    site.fakes.samples.drawn.append((run, items))
    await at_page(site, seen, "watanabe", "/evaluation-samples", "details summary")
    # All is there before anything is clicked: what comes later moves what is below it.
    await shown(seen, ".versions li a")
    await expect(seen.page.locator(".form-draw option[value=members]")).to_have_count(1)
    await seen.page.locator("details summary").click()
    add = seen.page.locator(".form-draw > button").first
    for number, kind in enumerate(("long_hold", "reason", "repeat_caller"), 1):
        await add.click()
        await seen.page.locator(".form-draw .begin-score select").nth(number + 1).select_option(kind)
