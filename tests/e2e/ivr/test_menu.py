"""The first menu with a real Asterisk and a real phone that sends RFC 4733 keys."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from cti.demo import phones
from cti.domain.model import MenuFacts
from cti.domain.signals import MenuBegan
from ivr.menus import Menu, parse_menu
from tests.e2e.ivr.desk import Desk, Steps, main_menu

pytestmark = pytest.mark.asyncio(loop_scope="package")

# What the questions are called by their first prompt, in the order a member hears them.
QUESTIONS = ("language", "member", "reservation", "readback-intro", "reason")
ANSWERS = {"language": "1", "member": "1", "reservation": "48120017", "readback-intro": "1", "reason": "1"}


@contextlib.asynccontextmanager
async def serving(desk: Desk, menu: Menu) -> AsyncIterator[Steps]:
    server = desk.server(menu, drain_s=1.0)
    await server.start()
    with Steps() as steps:
        try:
            yield steps
        finally:
            await server.stop()


def keys_by_node(facts: MenuFacts) -> dict[str, str]:
    return {step.node: step.keys for step in facts.path}


async def test_a_member_answers_each_question_as_it_is_asked(desk: Desk) -> None:
    async with serving(desk, main_menu()) as steps:
        phone = await desk.caller()
        for question in QUESTIONS:
            await steps.asked(question)
            await phone.send_digits(ANSWERS[question])
        seen = await desk.waiting()
        facts = (await desk.signals.ended()).facts
    assert seen["CTI_QUEUE"] == "roadside"
    assert (seen["CTI_LANG"], seen["Language"]) == ("ja", "ja")
    assert isinstance(desk.signals.posted[0], MenuBegan)
    assert facts.reservation_number == "48120017"
    assert facts.is_member is True
    assert facts.reason == "roadside"
    assert [step.label for step in facts.path[1:4]] == ["会員", "予約番号", "解錠・事故・故障"]


# The phone's usual pace, and the fastest that RFC 4733 receivers must follow: 40 ms on, 40 ms off.
@pytest.mark.parametrize("pace_s", [0.12, 0.04])
async def test_keys_typed_ahead_during_the_greeting_answer_everything(
    desk: Desk, pace_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phones, "DIGIT_S", pace_s)
    monkeypatch.setattr(phones, "DIGIT_GAP_S", pace_s)
    async with serving(desk, main_menu()) as steps:
        phone = await desk.caller()
        await steps.asked("greeting")
        await phone.send_digits("".join(ANSWERS.values()))
        await desk.waiting()
        facts = (await desk.signals.ended()).facts
    assert keys_by_node(facts) == {
        "language": "1",
        "member": "1",
        "reservation": "48120017",
        "reason": "1",
    }


async def test_english_callers_wait_in_the_english_queue_and_hear_english(desk: Desk) -> None:
    async with serving(desk, main_menu()) as steps:
        phone = await desk.caller()
        await steps.asked("language")
        await phone.send_digits("2")
        await steps.asked("member")
        await phone.send_digits("0")
        seen = await desk.waiting()
    assert (seen["CTI_QUEUE"], seen["CTI_LANG"], seen["Language"]) == ("english", "en", "en")


async def test_wrong_keys_are_told_and_asked_again(desk: Desk) -> None:
    async with serving(desk, main_menu()) as steps:
        phone = await desk.caller()
        await steps.asked("language")
        await phone.send_digits("1")
        await steps.asked("member")
        await phone.send_digits("7")
        await steps.asked("wrong-key")
        await phone.send_digits("0")
        seen = await desk.waiting()
        facts = (await desk.signals.ended()).facts
    assert seen["CTI_QUEUE"] == "roadside"
    assert facts.reason == "urgent"


async def test_a_number_that_is_keyed_wrongly_can_be_keyed_again(desk: Desk) -> None:
    async with serving(desk, main_menu()) as steps:
        phone = await desk.caller()
        await steps.asked("language")
        await phone.send_digits("11")
        await steps.asked("reservation")
        await phone.send_digits("48120099#")
        await steps.asked("readback-intro")
        await phone.send_digits("2")
        await steps.asked("reservation", count=2)
        await phone.send_digits("48120017")
        await steps.asked("readback-intro", count=2)
        await phone.send_digits("13")
        seen = await desk.waiting()
        facts = (await desk.signals.ended()).facts
    assert facts.reservation_number == "48120017"
    assert (facts.reason, seen["CTI_QUEUE"]) == ("extension", "members")


async def test_silence_all_the_way_leads_to_a_person(desk: Desk) -> None:
    async with serving(desk, main_menu(timeout_s=0.5, attempts=1)):
        await desk.caller()
        seen = await desk.waiting(90)
        ended = await desk.signals.ended()
    assert seen["CTI_QUEUE"] == "members"
    assert ended.completed is True
    assert (ended.facts.is_member, ended.facts.reason) == (None, None)


@pytest.mark.parametrize("last", range(len(QUESTIONS)))
async def test_hanging_up_at_each_question_keeps_what_was_learned(desk: Desk, last: int) -> None:
    async with serving(desk, main_menu()) as steps:
        phone = await desk.caller()
        await steps.asked("greeting")
        await phone.send_digits("".join(ANSWERS[question] for question in QUESTIONS[:last]))
        await steps.asked(QUESTIONS[last])
        await phone.hangup()
        ended = await desk.signals.ended(5)
        await desk.until(lambda seen: not seen)
    assert ended.completed is False
    answered = {"reservation" if q == "readback-intro" else q for q in QUESTIONS[:last]} - (
        {"reservation"} if last < 4 else set()
    )
    assert set(keys_by_node(ended.facts)) == answered
    assert ended.facts.reservation_number == ("48120017" if last == 4 else None)


async def test_a_menu_whose_sounds_are_missing_still_leads_to_the_queue(desk: Desk) -> None:
    words = {"ja": "まだ録っていない言葉です。", "en": "Words nobody has rendered yet."}
    menu = small_menu([{"id": "a", "kind": "say", "prompts": [words], "next": "b"}], prompts=[words])
    async with serving(desk, menu):
        await desk.caller()
        seen = await desk.waiting(10)
    assert seen["CTI_QUEUE"] == "roadside"


async def test_a_menu_can_end_in_a_treatment(desk: Desk) -> None:
    nodes = [{"id": "a", "kind": "say", "prompts": ["digit-1"], "next": "shut"}]
    nodes.append({"id": "shut", "kind": "end", "treatment": "closed"})
    menu = parse_menu({"id": "main", "start": "a", "nodes": nodes}, queues=["members"], skills=[])
    async with serving(desk, menu):
        phone = await desk.caller()
        await desk.until(lambda seen: seen.get("Context") == "cti-treat")
        await phone.wait_for("CALL_CLOSED", 20)


def small_menu(nodes: list[dict[str, object]], prompts: list[object]) -> Menu:
    ask = {
        "id": "b",
        "kind": "choice",
        "prompts": prompts,
        "keys": {"1": {"label": {"ja": "一", "en": "one"}, "next": "end"}},
        "otherwise": "end",
    }
    end = {"id": "end", "kind": "end", "queue": "roadside"}
    data = {"id": "main", "start": "a", "nodes": [*nodes, ask, end]}
    return parse_menu(data, queues=["roadside"], skills=[])
