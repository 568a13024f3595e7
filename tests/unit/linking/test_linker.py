"""The linker asks early, says what it knows at once, and never the older thing over the newer."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from cti.domain.events import CallAnswered, CallQueued
from cti.domain.model import AgentId, CallId, CallState, LinkConfidence
from cti.linking.contract import LookupAnswer, LookupFault, LookupRequest
from cti.linking.linker import Cards, Linker
from tests.unit.linking.builders import (
    CALL,
    NOW,
    FakeLookups,
    Heard,
    answer,
    arrived,
    booking,
    call,
    caller,
    ended,
    left_menu,
    member,
    menu,
)

OWNER = answer(member("A", "number"), booking("R-11", "A"))
BOTH = answer(member("A", "number"), member("C", "reservation"), booking("R-33", "C"))


def by_key(request: LookupRequest) -> LookupAnswer:
    return BOTH if request.reservation_number == "33" else OWNER


class Rig:
    """A linker between a fake service and a sink that remembers."""

    def __init__(self, answers: Any = by_key, **options: Any) -> None:
        self.lookups = FakeLookups(answers)
        self.heard = Heard()
        options.setdefault("retry_s", ())
        self.linker = Linker(self.lookups, self.heard, lambda: NOW, **options)

    @property
    def whys(self) -> list[str]:
        return [event.link.why for event in self.heard.links]


async def test_a_call_that_arrives_is_looked_up_by_its_number() -> None:
    rig = Rig()
    rig.linker.handle(arrived(call()))
    await rig.linker.settled()
    (event,) = rig.heard.links
    assert (event.link.reservation_id, event.status) == ("R-11", "live")
    assert event.call.link == event.link
    assert rig.linker.cards.get(CALL) == event.card
    assert [a.number for a in rig.lookups.asked] == ["+819012345678"]


async def test_handling_never_waits_and_the_card_is_pending_meanwhile() -> None:
    rig = Rig()
    rig.lookups.gate.clear()
    async with asyncio.timeout(1):
        rig.linker.handle(arrived(call()))
    card: Any = rig.linker.cards.get(CALL)
    assert card["members"]["status"] == "pending"
    assert rig.heard.links == []
    rig.lookups.gate.set()
    await rig.linker.settled()
    assert rig.whys == ["number_only"]


async def test_the_keyed_number_is_looked_up_when_the_menu_ends() -> None:
    rig = Rig()
    rig.linker.handle(arrived(call()))
    await rig.linker.settled()
    rig.linker.handle(left_menu(call(facts=menu("33"))))
    assert rig.whys[-1] == "number_reservation_unchecked"  # at once, from what is known
    await rig.linker.settled()
    assert rig.whys[-1] == "reservation_of_other_member"
    assert rig.heard.links[-1].link.confidence is LinkConfidence.POSSIBLE


async def test_a_keyed_booking_that_is_known_already_confirms_at_once() -> None:
    rig = Rig()
    rig.linker.handle(arrived(call()))
    await rig.linker.settled()
    rig.lookups.gate.clear()
    rig.linker.handle(left_menu(call(facts=menu("11"))))
    assert rig.whys[-1] == "number_and_reservation"
    await rig.linker.stop()


async def test_a_menu_that_learned_nothing_asks_nothing_more() -> None:
    rig = Rig()
    rig.linker.handle(arrived(call()))
    await rig.linker.settled()
    rig.linker.handle(left_menu(call(facts=menu(is_member=True))))
    await rig.linker.settled()
    assert len(rig.lookups.asked) == 1
    assert rig.whys == ["number_only"]


async def test_another_language_asks_for_the_texts_again() -> None:
    rig = Rig()
    rig.linker.handle(arrived(call()))
    rig.linker.handle(left_menu(call(facts=menu(language="en"))))
    await rig.linker.settled()
    assert [a.language for a in rig.lookups.asked] == ["ja", "en"]


async def test_a_withheld_number_asks_nothing_and_says_so() -> None:
    rig = Rig()
    rig.linker.handle(arrived(call(caller(None))))
    assert rig.lookups.asked == []
    (event,) = rig.heard.links
    assert (event.link.why, event.link.confidence.value, event.status) == ("caller_withheld", "none", "live")


async def test_a_withheld_number_with_a_key_asks_by_the_key() -> None:
    rig = Rig(lambda _: answer(member("C", "reservation"), booking("R-33", "C")))
    rig.linker.handle(arrived(call(caller(None))))
    rig.linker.handle(left_menu(call(caller(None), facts=menu("33"))))
    await rig.linker.settled()
    assert rig.whys == ["caller_withheld", "reservation_without_number"]


async def test_a_late_answer_to_the_first_question_never_replaces_the_second() -> None:
    first, second = asyncio.Event(), asyncio.Event()

    class Racing(FakeLookups):
        async def look_up(self, request: LookupRequest) -> Any:
            result = await super().look_up(request)
            await (second if request.reservation_number else first).wait()
            return result

    rig = Rig()
    rig.linker._lookups = Racing(by_key)
    rig.linker.handle(arrived(call()))
    rig.linker.handle(left_menu(call(facts=menu("33"))))
    second.set()
    while not rig.heard.links:
        await asyncio.sleep(0)
    first.set()
    await rig.linker.settled()
    assert rig.whys == ["reservation_of_other_member"]


async def test_a_service_that_is_away_is_said_so_and_asked_again_while_the_call_lives() -> None:
    said: list[LookupAnswer | LookupFault] = [LookupFault.DOWN, LookupFault.SLOW, OWNER]
    rig = Rig(lambda _: said.pop(0), retry_s=(0, 0, 0))
    rig.linker.handle(arrived(call()))
    await rig.linker.settled()
    assert [(e.link.why, e.status) for e in rig.heard.links] == [
        ("lookup_down", "unavailable"),
        ("lookup_slow", "unavailable"),
        ("number_only", "live"),
    ]


async def test_a_call_that_ended_is_not_asked_for_again() -> None:
    rig = Rig(lambda _: LookupFault.DOWN, retry_s=(3600,))
    rig.lookups.gate.clear()
    rig.linker.handle(arrived(call()))
    rig.linker.handle(ended(call()))
    rig.lookups.gate.set()
    async with asyncio.timeout(1):
        await rig.linker.settled()
    assert len(rig.lookups.asked) == 1


async def test_a_second_question_that_fails_leaves_what_the_first_one_told_marked_stale() -> None:
    rig = Rig(lambda request: LookupFault.SLOW if request.reservation_number else OWNER)
    rig.linker.handle(arrived(call()))
    await rig.linker.settled()
    rig.linker.handle(left_menu(call(facts=menu("33"))))
    await rig.linker.settled()
    last = rig.heard.links[-1]
    assert (last.link.why, last.link.member_id, last.status) == ("number_reservation_unchecked", "A", "stale")


async def test_too_many_questions_at_once_are_refused_not_queued() -> None:
    rig = Rig(max_questions=2)
    rig.lookups.gate.clear()
    for n in range(3):
        rig.linker.handle(arrived(call(call_id=CallId(f"c{n}"))))
    while not rig.heard.links:
        await asyncio.sleep(0)
    assert rig.whys == ["lookup_busy"]
    assert len(rig.lookups.asked) == 2
    await rig.linker.stop()


async def test_a_call_that_was_there_before_us_is_looked_up_too() -> None:
    rig = Rig()
    waiting = replace(call(facts=menu("33")), state=CallState.QUEUED)
    rig.linker.handle(CallQueued(at=NOW, tenant=waiting.tenant, call=waiting))
    await rig.linker.settled()
    assert rig.whys == ["reservation_of_other_member"]


async def test_facts_after_the_end_start_nothing() -> None:
    rig = Rig()
    over = replace(call(), state=CallState.ENDED)
    rig.linker.handle(CallAnswered(at=NOW, tenant=over.tenant, call=over, agent=AgentId("a"), offer_id=None))
    rig.linker.handle(ended(over))
    assert rig.lookups.asked == []


async def test_its_own_events_change_nothing() -> None:
    rig = Rig()
    rig.linker.handle(arrived(call()))
    await rig.linker.settled()
    for event in list(rig.heard.links):
        rig.linker.handle(event)
    await rig.linker.settled()
    assert len(rig.heard.links) == 1


async def test_its_own_event_does_not_bring_back_the_call_as_it_was() -> None:
    rig = Rig()
    rig.linker.handle(arrived(call()))
    await rig.linker.settled()
    rig.lookups.gate.clear()
    rig.linker.handle(left_menu(call(facts=menu("33"))))
    rig.linker.handle(rig.heard.links[0])  # of before the menu
    rig.lookups.gate.set()
    await rig.linker.settled()
    assert rig.whys[-1] == "reservation_of_other_member"


async def test_a_look_up_that_raises_is_a_look_up_without_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: LookupRequest) -> LookupAnswer:
        raise RuntimeError("090-1234-5678")

    rig = Rig(broken)
    rig.linker.handle(arrived(call()))
    await rig.linker.settled()
    assert rig.whys == ["lookup_down"]
    assert "090-1234-5678" not in caplog.text


async def test_the_answer_after_the_end_of_a_short_call_is_still_said() -> None:
    rig = Rig()
    rig.lookups.gate.clear()
    rig.linker.handle(arrived(call()))
    rig.linker.handle(ended(replace(call(), state=CallState.ENDED)))
    rig.lookups.gate.set()
    await rig.linker.settled()
    (event,) = rig.heard.links
    assert (event.call.state, event.link.why) == (CallState.ENDED, "number_only")


def test_cards_are_bounded() -> None:
    cards = Cards(size=2)
    for name in ("a", "b", "a", "c"):
        cards.put(CallId(name), {"name": name})
    assert cards.get(CallId("b")) is None
    assert cards.get(CallId("a")) == {"name": "a"}


@pytest.mark.parametrize("fault", [LookupFault.WRONG, LookupFault.HUGE, LookupFault.REFUSED])
async def test_what_asking_again_will_not_cure_is_not_asked_again(fault: LookupFault) -> None:
    rig = Rig(lambda _: fault, retry_s=(0, 0))
    rig.linker.handle(arrived(call()))
    await rig.linker.settled()
    assert len(rig.lookups.asked) == 1
    assert rig.whys == [f"lookup_{fault.value}"]


@pytest.mark.parametrize("keyed", ["12*4", "1" * 21, "１２", "1 OR 1", ""])
async def test_a_question_outside_the_contract_is_not_asked(keyed: str) -> None:
    rig = Rig()
    rig.linker.handle(arrived(call(facts=menu(keyed, language="fr"))))
    await rig.linker.settled()
    (asked,) = rig.lookups.asked
    assert (asked.reservation_number, asked.language) == (None, "ja")


async def test_calls_whose_end_was_lost_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti.linking.linker.MAX_LIVE", 2)
    rig = Rig()
    for name in ("a", "b", "c"):
        rig.linker.handle(arrived(call(call_id=CallId(name))))
    await rig.linker.settled()
    assert list(rig.linker._live) == ["b", "c"]
