"""Answers that outlive the server."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.signals import MenuBegan, MenuEnded
from ivr.resume import VARIABLE, Answers, fingerprint, read, written
from ivr.steps import GetDigits, Say, SetLanguage
from tests.unit.ivr.asterisk import ScriptedAsterisk, environment
from tests.unit.ivr.desk import main_menu
from tests.unit.ivr.serving import serving

ASK = GetDigits(prompts=("member",), max_digits=1, timeout_s=1.0)


@given(st.lists(st.text("0123456789*#", max_size=9), min_size=1, max_size=40))
def test_what_is_written_is_read(answers: list[str]) -> None:
    assert read(main_menu(), written(main_menu(), answers)) == answers


@pytest.mark.parametrize("value", ["", "x", "1,2", "000000000000:1,2", "x" * 5000])
def test_what_is_not_of_this_menu_is_no_answer(value: str) -> None:
    assert read(main_menu(), value) == []


def test_letters_are_no_answers() -> None:
    assert read(main_menu(), f"{fingerprint(main_menu())}:1,DROP") == []


def test_too_much_is_not_kept() -> None:
    assert written(main_menu(), ["1"] * 2000) == ""
    assert written(main_menu(), []) == ""


def test_silence_is_kept_with_the_next_key() -> None:
    answers = Answers(menu=main_menu())
    answers.note(SetLanguage(language="ja"), "")
    answers.note(Say(prompts=("greeting",)), "")
    assert answers.take_unsaved() == ""
    answers.note(ASK, "1")
    assert read(main_menu(), answers.take_unsaved()) == ["", "1"]
    assert answers.take_unsaved() == ""


def test_old_answers_are_given_once_and_kept_again_with_the_next() -> None:
    answers = Answers(menu=main_menu(), given=["", "1"])
    assert answers.replay(SetLanguage(language="ja")) is None
    assert [answers.replay(ASK), answers.replay(ASK), answers.replay(ASK)] == ["", "1", None]
    answers.note(ASK, "7")
    assert read(main_menu(), answers.take_unsaved()) == ["", "1", "7"]


async def test_the_next_server_goes_on_with_the_next_question() -> None:
    first = {"language-other": "2", "member": "1", "reservation": "48120017", "readback-confirm": "1"}
    async with serving() as served:
        before = ScriptedAsterisk(port=served.port, keys=first, hang_up_at="reason")
        await before.call()
        asterisk = ScriptedAsterisk(port=served.port, keys={"reason": "2"}, variables=before.variables)
        await asterisk.call()
        last = [signal for signal in served.signals.posted if isinstance(signal, MenuEnded)][-1]
    played = [command[2].rsplit("/", 1)[-1] for command in asterisk.commands if command[0] in ("STREAM", "GET")]
    assert [name for name in played if not name.startswith("CTI")] == ["reason", "to-agent"]
    assert last.completed
    assert (last.facts.reservation_number, last.facts.reason, last.facts.language) == ("48120017", "billing", "en")
    assert asterisk.variables["CHANNEL(language)"] == "en"
    assert asterisk.variables[VARIABLE] == ""


async def test_a_connection_that_was_replaced_ends_without_a_word() -> None:
    async with serving() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(environment())
        assert await reader.readline()
        await ScriptedAsterisk(port=served.port, keys={"member": "0"}).call()
        writer.close()
        async with asyncio.timeout(5):
            while served.server.counts.live:
                await asyncio.sleep(0)
        kinds = [type(signal) for signal in served.signals.posted]
        assert kinds == [MenuBegan, MenuBegan, MenuEnded]
        (ended,) = [signal for signal in served.signals.posted if isinstance(signal, MenuEnded)]
        assert ended.completed
