"""Steps as AGI commands, each a table of what Asterisk answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.errors import PeerError
from ivr.agi import Reply
from ivr.steps import CallerLeft, GetDigits, Say, SetLanguage, Step
from ivr.wire import Ask, Performing, Voice, go_to, longest_s, perform, read_variable, set_variables

ASK = GetDigits(prompts=("language", "language-other"), max_digits=1, timeout_s=3.0)
NUMBER = GetDigits(prompts=("reservation",), max_digits=8, timeout_s=5.0)


class Lengths:
    """Every prompt lasts two seconds, but for one that nobody measured."""

    def length_s(self, name: str, language: str) -> float | None:
        return None if name == "new" else 2.0


def voice() -> Voice:
    return Voice(language="ja", lengths=Lengths(), sounds="/s")


def ok(result: str, note: str | None = None, endpos: int | None = None) -> Reply:
    return Reply(code=200, result=result, note=note, endpos=endpos)


def run(performing: Performing, *replies: Reply) -> tuple[list[str], str]:
    """The commands and the keys. All replies must be used."""
    commands: list[str] = []
    left = list(replies)
    try:
        ask: Ask = next(performing)
        while True:
            commands.append(ask.line.decode().strip())
            ask = performing.send(left.pop(0))
    except StopIteration as done:
        assert not left
        return commands, done.value


def do(step: Step, *replies: Reply) -> tuple[list[str], str]:
    return run(perform(step, voice()), *replies)


PLAYED = ok("0", endpos=16000)
SILENCE = ok("", note="timeout")


@pytest.mark.parametrize(
    ("step", "replies", "keys"),
    [
        (ASK, [PLAYED, ok("1")], "1"),
        (ASK, [PLAYED, SILENCE], ""),
        (ASK, [PLAYED, ok("")], "#"),
        (ASK, [ok("50", endpos=800)], "2"),
        (ASK, [ok("35", endpos=800)], "#"),
        (NUMBER, [ok("48120017")], "48120017"),
        (NUMBER, [ok("4812", note="timeout")], "4812"),
        (NUMBER, [ok("4812")], "4812"),
        (NUMBER, [ok("*1")], "*1"),
        (NUMBER, [ok("")], "#"),
    ],
)
def test_digits(step: GetDigits, replies: list[Reply], keys: str) -> None:
    assert do(step, *replies)[1] == keys


def test_all_prompts_but_the_last_are_played_and_the_last_one_collects() -> None:
    commands, _ = do(ASK, PLAYED, ok("1"))
    assert commands == [
        'STREAM FILE "/s/ja/language" "0123456789*#" "0"',
        'GET DATA "/s/ja/language-other" "3000" "1"',
    ]


def test_a_digit_that_stops_an_early_prompt_is_the_first_of_the_number() -> None:
    step = GetDigits(prompts=("wrong-key", "reservation"), max_digits=8, timeout_s=5.0)
    commands, keys = do(step, ok("52", endpos=400), ok("8120017"))
    assert keys == "48120017"
    assert commands[1] == 'GET DATA "" "5000" "7"'


def test_without_a_prompt_only_keys_are_collected() -> None:
    commands, keys = do(GetDigits(prompts=(), max_digits=4, timeout_s=5.0), ok("0017"))
    assert commands == ['GET DATA "" "5000" "4"']
    assert keys == "0017"


def test_a_key_stops_what_is_said_and_is_handed_on() -> None:
    commands, keys = do(Say(prompts=("greeting", "to-agent")), ok("49", endpos=800))
    assert len(commands) == 1
    assert keys == "1"


def test_what_must_be_heard_goes_on_where_a_key_stopped_it() -> None:
    step = Say(prompts=("recorded",), interruptible=False)
    commands, keys = do(step, ok("49", endpos=800), ok("48", endpos=9000), PLAYED)
    assert [command.rsplit(" ", 1)[1] for command in commands] == ['"0"', '"800"', '"9000"']
    assert keys == "10"


def test_a_position_that_never_moves_still_ends() -> None:
    step = Say(prompts=("recorded",), interruptible=False)
    commands, _ = do(step, ok("49", endpos=0), ok("49", endpos=0), ok("49"), PLAYED)
    assert [command.rsplit(" ", 1)[1] for command in commands] == ['"0"', '"160"', '"320"', '"480"']


def test_the_language_is_told_to_asterisk_and_to_the_dialplan() -> None:
    speaking = voice()
    commands, keys = run(perform(SetLanguage(language="en"), speaking), ok("1"), ok("1"))
    assert commands == ['SET VARIABLE "CHANNEL(language)" "en"', 'SET VARIABLE "CTI_LANG" "en"']
    assert (speaking.language, speaking.path("a"), keys) == ("en", "/s/en/a", "")


@pytest.mark.parametrize("gone", [Reply(code=511, text="Command Not Permitted on a dead channel")])
@pytest.mark.parametrize("step", [ASK, NUMBER, Say(prompts=("a",)), SetLanguage(language="en")])
def test_a_dead_channel_is_a_caller_who_left(step: Step, gone: Reply) -> None:
    with pytest.raises(CallerLeft):
        do(step, gone)


@pytest.mark.parametrize("status", [ok("-1"), Reply(code=511)])
def test_minus_one_is_asked_about_and_means_hangup(status: Reply) -> None:
    with pytest.raises(CallerLeft):
        do(NUMBER, ok("-1"), status)
    with pytest.raises(CallerLeft):
        do(Say(prompts=("a",)), ok("-1", endpos=0), status)


def test_minus_one_on_a_living_channel_is_a_prompt_that_is_not_there() -> None:
    speaking = voice()
    _, keys = run(perform(NUMBER, speaking), ok("-1"), ok("6"))
    assert keys == ""
    _, keys = run(perform(Say(prompts=("a", "b")), speaking), ok("-1", endpos=0), ok("6"), PLAYED)
    assert keys == ""
    assert speaking.unplayable == {"reservation", "a"}


@pytest.mark.parametrize(
    ("step", "reply"),
    [
        (NUMBER, ok("call me")),
        (NUMBER, ok("123456789")),
        (NUMBER, Reply(code=510, text="Invalid or unknown command")),
        (Say(prompts=("a",)), ok("300", endpos=0)),
        (Say(prompts=("a",)), ok("65", endpos=0)),
        (Say(prompts=("a",)), ok("x")),
        (SetLanguage(language="en"), Reply(code=520, text="usage")),
    ],
)
def test_answers_that_make_no_sense(step: Step, reply: Reply) -> None:
    with pytest.raises(PeerError):
        do(step, reply)


def test_each_command_has_the_time_it_takes() -> None:
    performing = perform(ASK, voice())
    assert next(performing).longest_s == 2.0
    assert performing.send(PLAYED).longest_s == 5.0


@pytest.mark.parametrize(
    ("step", "seconds"),
    [
        (ASK, 2 + 2 + 3 + 1),
        (NUMBER, 2 + 8 * 5 + 1),
        (Say(prompts=("a", "b")), 5),
        (Say(prompts=("new",)), 21),
        (SetLanguage(language="ja"), 2),
    ],
)
def test_a_step_lasts_no_longer_than_this(step: Step, seconds: float) -> None:
    assert longest_s(step, voice()) == seconds


def test_a_variable_is_read_or_empty() -> None:
    assert run(read_variable("CTI_SOUNDS"), ok("1", note="/var/sounds/kakehashi")) == (
        ['GET VARIABLE "CTI_SOUNDS"'],
        "/var/sounds/kakehashi",
    )
    assert run(read_variable("CTI_SOUNDS"), ok("0"))[1] == ""
    assert run(read_variable("CTI_SOUNDS"), ok("1", note=""))[1] == ""


def test_variables_are_set_in_order_and_the_dialplan_can_be_sent_elsewhere() -> None:
    commands, _ = run(set_variables({"CTI_QUEUE": "members", "CTI_DONE": "1"}), ok("1"), ok("1"))
    assert commands == ['SET VARIABLE "CTI_QUEUE" "members"', 'SET VARIABLE "CTI_DONE" "1"']
    commands, _ = run(go_to("cti-treat", "closed"), ok("0"), ok("0"), ok("0"))
    assert commands == ['SET CONTEXT "cti-treat"', 'SET EXTENSION "closed"', 'SET PRIORITY "1"']


@given(
    st.builds(GetDigits, prompts=st.just(("a", "b")), max_digits=st.integers(1, 20), timeout_s=st.just(1.0)),
    st.lists(st.sampled_from([PLAYED, SILENCE, ok("49", endpos=1), ok("12", note="timeout"), ok("#"), ok("-1")])),
)
def test_no_step_ever_gives_more_keys_than_were_asked_for(step: GetDigits, replies: list[Reply]) -> None:
    performing = perform(step, voice())
    try:
        next(performing)
        for reply in replies:
            performing.send(reply)
    except StopIteration as done:
        assert len(done.value) <= max(step.max_digits, 1)
    except (PeerError, CallerLeft):
        pass
