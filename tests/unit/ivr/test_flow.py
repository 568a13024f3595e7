"""Dialogues, each a list of replies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.model import SkillId, SkillLevel
from ivr.flow import converse
from ivr.menus import Menu, parse_menu
from ivr.steps import CallerLeft, GetDigits, Outcome, Say, SetLanguage
from tests.unit.ivr.desk import HANG_UP, asked, languages, main_menu, walk


def end(*replies: str, menu: Menu | None = None) -> Outcome:
    return walk(converse(menu or main_menu()), replies)[1]


def test_a_member_beside_a_locked_car() -> None:
    steps, outcome = walk(converse(main_menu()), ["1", "1", "48120017", "1", "1"])
    assert asked(steps) == [
        "greeting",
        "recorded",
        "language",
        "member",
        "reservation",
        "readback-intro",
        "reason",
        "to-roadside",
    ]
    facts = outcome.facts
    assert outcome.completed
    assert (facts.menu, facts.language, facts.is_member) == ("main", "ja", True)
    assert (facts.reservation_number, facts.reason, facts.queue) == ("48120017", "roadside", "roadside")
    assert [(step.node, step.keys, step.label) for step in facts.path] == [
        ("language", "1", "日本語"),
        ("member", "1", "会員"),
        ("reservation", "48120017", "予約番号"),
        ("reason", "1", "解錠・事故・故障"),
    ]


def test_two_keys_from_the_start_to_help() -> None:
    steps, outcome = walk(converse(main_menu()), ["1", "0"])
    assert len([step for step in steps if isinstance(step, GetDigits)]) == 2
    assert (outcome.facts.queue, outcome.facts.reason, outcome.facts.is_member) == ("roadside", "urgent", None)


@pytest.mark.parametrize(
    ("replies", "queue", "reason", "skills"),
    [
        (["1", "1", "48120017", "1", "2"], "members", "billing", {"billing": 2}),
        (["1", "1", "#", "3"], "members", "extension", {}),
        (["1", "2", "1"], "partners", "partner", {}),
        (["1", "2", "0"], "members", "joining", {}),
        (["2", "1", "#", "1"], "english", "roadside", {}),
        (["2", "1", "#", "2"], "english", "billing", {"billing": 2}),
        (["2", "0"], "english", "urgent", {}),
        (["2", "2", "1"], "english", "partner", {}),
        ([""], "members", None, {}),
    ],
)
def test_ways_through(replies: list[str], queue: str, reason: str | None, skills: dict[str, int]) -> None:
    facts = end(*replies).facts
    assert (facts.queue, facts.reason) == (queue, reason)
    assert facts.skills == tuple(SkillLevel(skill=SkillId(s), level=n) for s, n in skills.items())


def test_silence_at_the_language_means_the_default_at_once() -> None:
    steps, outcome = walk(converse(main_menu()), ["", "0"])
    assert asked(steps).count("language") == 1
    assert languages(steps) == ["ja", "ja"]
    assert outcome.facts.path[0].keys == ""


def test_english_is_spoken_from_the_choice_on() -> None:
    steps, outcome = walk(converse(main_menu()), ["2", "0"])
    assert languages(steps) == ["ja", "en"]
    member = next(n for n, step in enumerate(steps) if isinstance(step, GetDigits) and step.prompts == ("member",))
    assert steps.index(SetLanguage(language="en")) < member
    assert outcome.facts.language == "en"


def test_a_wrong_key_is_told_and_asked_again() -> None:
    steps, outcome = walk(converse(main_menu()), ["1", "7", "*", "0"])
    prompts = [step.prompts for step in steps if isinstance(step, GetDigits)]
    assert prompts == [("language", "language-other"), ("member",), ("wrong-key", "member"), ("wrong-key", "member")]
    assert outcome.facts.queue == "roadside"


def test_after_three_tries_the_caller_goes_to_a_person() -> None:
    _, outcome = walk(converse(main_menu()), ["1", "7", "", "8"])
    assert outcome.completed
    assert (outcome.facts.queue, outcome.facts.path[1].node, outcome.facts.path[1].label) == ("members", "member", "")


def test_a_wrong_language_key_is_asked_again_once() -> None:
    steps, _ = walk(converse(main_menu()), ["5", "2", "0"])
    assert asked(steps)[2:4] == ["language", "wrong-key"]
    assert languages(steps)[-1] == "en"


@pytest.mark.parametrize(
    ("replies", "number"),
    [
        (["48120017", "1"], "48120017"),
        (["48120017", "2", "48120025", "1"], "48120025"),
        (["4812", "48120025", "1"], "48120025"),
        (["4*120017", "48120025", "1"], "48120025"),
        (["", "48120025", "1"], "48120025"),
        (["48120017", "5", "1"], "48120017"),
        (["48120017", "", "1"], "48120017"),
        (["48120017", "#", "1"], "48120017"),  # out of habit, after all eight digits
        (["48120017", "#", "5", "1"], "48120017"),  # and it is not counted as a wrong key
        (["48120017", "", ""], None),
        (["48120017", "2", "48120025", "2"], None),
        (["#"], None),
        (["", ""], None),
        (["1", "2"], None),
    ],
)
def test_reservation_numbers(replies: list[str], number: str | None) -> None:
    facts = end("1", "1", *replies, "2").facts
    assert facts.reservation_number == number
    assert facts.reason == "billing"


def test_the_number_is_read_back_digit_by_digit() -> None:
    steps, _ = walk(converse(main_menu()), ["1", "1", "40120007", "1", "1"])
    readback = next(step for step in steps if isinstance(step, GetDigits) and step.prompts[0] == "readback-intro")
    digits = [f"digit-{digit}" for digit in "40120007"]
    assert readback.prompts == ("readback-intro", *digits, "readback-confirm")


def early(*said: tuple[str, str]) -> Outcome:
    """The outcome when these keys are pressed during these prompts, and nothing else."""
    dialogue, reply, pressed = converse(main_menu()), None, dict(said)
    try:
        while True:
            step = next(dialogue) if reply is None else dialogue.send(reply)
            first = step.prompts[0] if isinstance(step, Say | GetDigits) and step.prompts else ""
            reply = pressed.pop(first, "")
    except StopIteration as done:
        outcome: Outcome = done.value
        return outcome


@pytest.mark.parametrize(
    ("keys", "queue", "number"),
    [
        ("11481200171" + "1", "roadside", "48120017"),
        ("1148120017#1" + "2", "members", "48120017"),
        ("11#1", "roadside", None),
        ("20", "english", None),
        ("12" + "1", "partners", None),
    ],
)
def test_everything_typed_during_the_greeting(keys: str, queue: str, number: str | None) -> None:
    facts = early(("greeting", keys)).facts
    assert (facts.queue, facts.reservation_number) == (queue, number)


def test_a_number_typed_in_part_ahead_is_completed_without_the_prompt() -> None:
    dialogue = converse(main_menu())
    next(dialogue)
    dialogue.send("")
    dialogue.send("114812")  # during the greeting
    step = dialogue.send("")  # the recording notice is said all the same
    while not isinstance(step, GetDigits):
        step = dialogue.send("")
    assert step == GetDigits(prompts=(), max_digits=4, timeout_s=5.0)
    assert isinstance(dialogue.send("0017"), GetDigits)  # the read-back


def test_the_recording_notice_is_said_whatever_is_typed_ahead() -> None:
    dialogue = converse(main_menu())
    next(dialogue)
    dialogue.send("")
    step = dialogue.send("10")
    assert step == Say(prompts=("recorded",), interruptible=False)


def test_what_follows_a_wrong_key_typed_ahead_is_forgotten() -> None:
    facts = early(("greeting", "1700000")).facts
    assert facts.queue == "members"
    assert facts.reason is None


@pytest.mark.parametrize(
    ("replies", "nodes"),
    [
        ([HANG_UP], []),
        (["1", HANG_UP], ["language"]),
        (["1", "1", HANG_UP], ["language", "member"]),
        (["1", "1", "48120017", HANG_UP], ["language", "member"]),
        (["1", "1", "48120017", "1", HANG_UP], ["language", "member", "reservation"]),
        (["1", "2", HANG_UP], ["language", "member"]),
    ],
)
def test_hanging_up_keeps_what_was_learned(replies: list[str], nodes: list[str]) -> None:
    outcome = end(*replies)
    assert not outcome.completed
    assert [step.node for step in outcome.facts.path] == nodes
    assert outcome.facts.queue is None


def test_an_unconfirmed_number_is_no_fact() -> None:
    assert end("1", "1", "48120017", HANG_UP).facts.reservation_number is None


def test_repeat_says_the_question_again_and_is_counted() -> None:
    menu = small(keys={"9": {"label": BOTH, "repeat": True}, "1": {"label": BOTH, "next": "end"}})
    steps, outcome = walk(converse(menu), ["9", "9", "9"])
    assert [step.prompts for step in steps if isinstance(step, GetDigits)] == [("member",)] * 3
    assert outcome.completed


def test_a_menu_can_end_in_a_treatment() -> None:
    nodes = [{"id": "shut", "kind": "end", "treatment": "closed"}]
    menu = parse_menu({"id": "m", "start": "shut", "nodes": nodes}, queues=[], skills=[])
    outcome = end(menu=menu)
    assert (outcome.treatment, outcome.completed, outcome.facts.queue) == ("closed", True, None)


def test_words_written_in_the_menu_are_said_by_their_own_name() -> None:
    words = {"ja": "リコールのお知らせです。", "en": "A recall."}
    nodes = [
        {"id": "a", "kind": "say", "prompts": [words], "next": "end"},
        {"id": "end", "kind": "end", "queue": "members"},
    ]
    menu = parse_menu({"id": "m", "start": "a", "nodes": nodes}, queues=["members"], skills=[])
    (name,) = menu.texts()
    steps, _ = walk(converse(menu), [])
    assert Say(prompts=(name,)) in steps
    assert menu.texts()[name] == words


BOTH = {"ja": "はい", "en": "yes"}


def small(keys: dict[str, object]) -> Menu:
    ask = {"id": "a", "kind": "choice", "prompts": ["member"], "keys": keys, "otherwise": "end"}
    nodes = [ask, {"id": "end", "kind": "end", "queue": "members"}]
    return parse_menu({"id": "m", "start": "a", "nodes": nodes}, queues=["members"], skills=[])


KEYS = st.text("0123456789*#", max_size=9)


@given(st.lists(KEYS, max_size=60), st.integers(0, 40))
def test_whatever_is_pressed_every_dialogue_ends_at_a_queue(replies: list[str], leaves_at: int) -> None:
    """Even with nonsense as replies: bounded steps, then a queue; and facts at any hang-up."""
    dialogue, reply, count = converse(main_menu()), None, 0
    left = list(replies)
    try:
        while True:
            step = next(dialogue) if reply is None else dialogue.send(reply)
            count += 1
            assert count < 60
            reply = left.pop(0) if left and not isinstance(step, SetLanguage) else ""
            if isinstance(step, GetDigits):
                reply = reply[: step.max_digits]
            if count == leaves_at:
                dialogue.throw(CallerLeft())
    except StopIteration as done:
        outcome: Outcome = done.value
    assert outcome.facts.queue is not None or not outcome.completed
    assert outcome.completed or count == leaves_at
    number = outcome.facts.reservation_number
    assert number is None or (len(number) == 8 and number.isdecimal())
