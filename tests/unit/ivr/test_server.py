"""The menu server against a scripted Asterisk."""

from __future__ import annotations

import asyncio
import logging

import pytest

from cti.domain.signals import MenuBegan, MenuEnded
from ivr.menus import Menu, parse_menu
from tests.unit.ivr.asterisk import CALL_ID, ScriptedAsterisk, environment
from tests.unit.ivr.desk import main_menu
from tests.unit.ivr.serving import NOW, Menus, Served, serving

MEMBER = {
    "language-other": "1",
    "member": "1",
    "reservation": "48120017",
    "readback-confirm": "1",
    "reason": "1",
}


def ended(served: Served) -> MenuEnded:
    (signal,) = [signal for signal in served.signals.posted if isinstance(signal, MenuEnded)]
    return signal


async def settled(served: Served) -> None:
    """Until nobody is being served any more."""
    async with asyncio.timeout(5):
        while served.server.counts.live:
            await asyncio.sleep(0)


async def test_a_whole_menu() -> None:
    async with serving() as served:
        asterisk = ScriptedAsterisk(port=served.port, keys=MEMBER)
        await asterisk.call()
        await settled(served)
        assert asterisk.commands[-1] == ["SET", "VARIABLE", "CTI_DONE", "1"]
        assert asterisk.variables["CTI_QUEUE"] == "roadside"
        assert asterisk.variables["CTI_LANG"] == "ja"
        began, _ = served.signals.posted
        assert began == MenuBegan(at=NOW, call_id=CALL_ID, menu="main")  # type: ignore[arg-type]
        assert ended(served).completed
        assert ended(served).facts.reservation_number == "48120017"
        assert served.server.counts.completed == 1


async def test_the_facts_are_posted_before_the_caller_can_move_on() -> None:
    class Watching(ScriptedAsterisk):
        def _reply(self, words: list[str]) -> str | None:
            if words[2:] == ["CTI_DONE", "1"]:
                posted_then.extend(served.signals.posted)
            return super()._reply(words)

    posted_then: list[object] = []
    async with serving() as served:
        await Watching(port=served.port, keys=MEMBER).call()
    assert [type(signal) for signal in posted_then] == [MenuBegan, MenuEnded]


async def test_the_watchdog_is_set_before_each_step_to_what_it_may_take() -> None:
    async with serving() as served:
        asterisk = ScriptedAsterisk(port=served.port, keys=MEMBER)
        await asterisk.call()
    armed = {}
    for before, command in zip(asterisk.commands, asterisk.commands[1:], strict=False):
        if before[2] == "TIMEOUT(absolute)":
            armed[command[2].rsplit("/", 1)[-1]] = int(before[3])
    # Prompts have no length here: a second for the round trip, six of margin, and the keys' own time.
    assert armed["greeting"] == 7
    assert armed["language"] == 10
    assert armed["reservation"] == 8 * 5 + 7


@pytest.mark.parametrize("say_hangup", [False, True])
@pytest.mark.parametrize(
    "prompt", ["greeting", "language", "member", "reservation", "digit-4", "reason", "to-roadside"]
)
async def test_hanging_up_posts_what_was_learned(prompt: str, say_hangup: bool) -> None:
    async with serving() as served:
        asterisk = ScriptedAsterisk(port=served.port, keys=MEMBER, hang_up_at=prompt, say_hangup=say_hangup)
        await asterisk.call()
        await settled(served)
        assert not ended(served).completed
        assert served.server.counts.hung_up == 1
    assert "CTI_DONE" not in asterisk.variables


async def test_an_asterisk_that_stops_answering_is_left_and_the_facts_are_kept() -> None:
    async with serving(reply_margin_s=0.05) as served:
        await ScriptedAsterisk(port=served.port, keys=MEMBER, silent_at="greeting").call()
        await settled(served)
        assert not ended(served).completed
        assert served.server.counts.failed == 1


async def test_an_unknown_menu_sends_the_caller_on_at_once() -> None:
    menus = Menus()
    menus.kept.clear()
    async with serving(menus) as served:
        asterisk = ScriptedAsterisk(port=served.port)
        await asterisk.call()
        assert asterisk.variables == {"CTI_DONE": "1"}
        assert served.signals.posted == []
        assert served.server.counts.failed == 1


async def test_a_menu_that_cannot_be_read_in_time_sends_the_caller_on() -> None:
    class Slow(Menus):
        async def menu(self, *_: object) -> Menu:
            await asyncio.Event().wait()
            raise AssertionError

    async with serving(Slow(), menu_deadline_s=0.05) as served:
        asterisk = ScriptedAsterisk(port=served.port)
        await asterisk.call()
        assert asterisk.variables == {"CTI_DONE": "1"}


async def test_a_treatment_sends_the_dialplan_there() -> None:
    shut = {"id": "shut", "kind": "end", "treatment": "closed"}
    menu = parse_menu({"id": "main", "start": "shut", "nodes": [shut]}, queues=[], skills=[])
    async with serving(Menus(menu)) as served:
        asterisk = ScriptedAsterisk(port=served.port)
        await asterisk.call()
        assert asterisk.place == {"context": "cti-treat", "extension": "closed", "priority": "1"}
        assert asterisk.variables["CTI_DONE"] == "1"
        assert "CTI_QUEUE" not in asterisk.variables


async def test_a_hundred_callers_at_once() -> None:
    async with serving() as served:
        calls = [ScriptedAsterisk(port=served.port, keys=MEMBER) for _ in range(100)]
        await asyncio.gather(*(call.call() for call in calls))
        assert all(call.variables["CTI_QUEUE"] == "roadside" for call in calls)
        await settled(served)
        assert served.server.counts.completed == 100


async def test_above_the_limit_a_caller_is_sent_on_at_once() -> None:
    async with serving(max_connections=1) as served:
        first_reader, first = await asyncio.open_connection("127.0.0.1", served.port)
        first.write(environment())
        assert await first_reader.readline()
        second_reader, second = await asyncio.open_connection("127.0.0.1", served.port)
        with pytest.raises(ConnectionError):
            # Reset or closed: what matters is that Asterisk is not kept.
            if not await second_reader.read():
                raise ConnectionError
        assert served.server.counts.refused == 1
        second.close()
        first.close()


async def test_a_stop_lets_dialogues_end_and_takes_nobody_new() -> None:
    async with serving(drain_s=5.0) as served:
        asterisk = ScriptedAsterisk(port=served.port, keys=MEMBER)
        port = served.port
        call = asyncio.create_task(asterisk.call())
        while not served.server.counts.live:
            await asyncio.sleep(0)
        await served.server.stop()
        await call
        assert asterisk.variables["CTI_DONE"] == "1"
        assert not served.server.ready
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_a_stop_cuts_off_who_is_still_there_after_the_drain_and_keeps_the_facts() -> None:
    async with serving(drain_s=0.05) as served:
        asterisk = ScriptedAsterisk(port=served.port, keys=MEMBER, silent_at="reason")
        call = asyncio.create_task(asterisk.call())
        while not any(command[-3:-2] and command[2].endswith("/reason") for command in asterisk.commands):
            await asyncio.sleep(0)
        await served.server.stop()
        await call
        assert not ended(served).completed
        assert ended(served).facts.reservation_number == "48120017"


async def test_no_log_line_tells_a_number_or_a_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ivr")
    async with serving() as served:
        await ScriptedAsterisk(port=served.port, keys=MEMBER).call()
        await ScriptedAsterisk(port=served.port, keys=MEMBER, hang_up_at="reason").call()
        await settled(served)
    told = " ".join(str(record.__dict__) for record in caplog.records if record.name.startswith("ivr"))
    assert "ivr_step" in told
    assert "48120017" not in told
    assert "09012345678" not in told
    assert "digit-" not in told


async def test_a_port_is_known_only_while_listening() -> None:
    async with serving() as served:
        assert served.server.ready
        assert served.port > 0
    with pytest.raises(RuntimeError):
        _ = served.port


def test_the_example_fits_the_script() -> None:
    """The prompts at which the scripted caller presses keys are the last ones of the example's questions."""
    asked = {node.prompts[-1] for node in main_menu().nodes if node.kind in ("language", "choice", "digits")}
    assert set(MEMBER) - {"readback-confirm"} <= asked


async def test_a_mistake_of_ours_costs_one_dialogue(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Menus):
        async def menu(self, *_: object) -> Menu:
            if not broken:
                return main_menu()
            raise ZeroDivisionError

    broken = [True]
    async with serving(Broken()) as served:
        await ScriptedAsterisk(port=served.port).call()
        broken.clear()
        await ScriptedAsterisk(port=served.port, keys=MEMBER).call()
        await settled(served)
        assert (served.server.counts.failed, served.server.counts.completed) == (1, 1)
    assert "dialogue failed" in caplog.text
