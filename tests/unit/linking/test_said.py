"""What agents say of a caller, and what is added to the card: without a database."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from cti.domain.errors import Unavailable
from cti.domain.events import CallQueued
from cti.domain.model import AgentId, CallId, LinkConfidence, QueueId, TenantId, UserLogin
from cti.domain.verification import Choice, NotSaid, Person, Said, Subject, VerificationPolicy, VerificationStep
from cti.linking.contract import LookupAnswer, LookupFault, LookupRequest
from cti.linking.linker import Linker
from tests.unit.linking.builders import (
    CALL,
    NOW,
    NUMBER,
    TENANT,
    FakeLookups,
    Heard,
    answer,
    arrived,
    booking,
    call,
    ended,
    left_menu,
    member,
    menu,
)

SATO = Person(login=UserLogin("sato"), agent=AgentId("sato"), name="佐藤 花子")
B = Choice(member_id="B", by=SATO, at=NOW)
TWO = answer(member("A", "number"), member("B", "number"), booking("R-1", "A"), booking("R-2", "B"))
POLICY = VerificationPolicy(
    policy="p",
    queues=frozenset({QueueId("members")}),
    steps=(VerificationStep(step="birthday", name_ja="生年月日", name_en="Date of birth"),),
    needed=1,
    failures_most=0,
)


class Earlier:
    """Earlier calls, unless the database is away."""

    def __init__(self) -> None:
        self.asked: list[Subject] = []
        self.away = False
        self.hangs = False

    async def of(self, tenant: TenantId, subject: Subject, but: CallId) -> Sequence[Mapping[str, Any]]:
        self.asked.append(subject)
        if self.away:
            raise Unavailable("away")
        if self.hangs:
            await asyncio.Event().wait()
        return [{"call_id": f"of {subject.member_id or subject.number}"}]


def linker(lookups: FakeLookups, heard: Heard, **more: Any) -> Linker:
    return Linker(lookups, heard, lambda: NOW, retry_s=(), **more)


async def test_a_service_from_before_the_key_goes_on_being_shown() -> None:
    def old(request: LookupRequest) -> LookupAnswer | LookupFault:
        return TWO if request.member_id is None else LookupFault.REFUSED

    lookups, heard = FakeLookups(old), Heard()
    made = linker(lookups, heard)
    made.handle(arrived(call()))
    await made.settled()
    made.choose(TENANT, CALL, B)
    await made.settled()
    assert [one.member_id for one in lookups.asked] == [None, "B"]
    assert "member_id" not in lookups.asked[0].body()
    said = heard.links[-1]
    assert (said.link.member_id, said.link.confidence, said.status) == ("B", LinkConfidence.BY_AGENT, "live")


async def test_a_choice_from_before_a_start_stands_while_nobody_answers() -> None:
    heard = Heard()
    made = linker(FakeLookups(lambda _: LookupFault.DOWN), heard, people={CALL: Said(choice=B)})
    made.handle(arrived(call()))
    await made.settled()
    assert (heard.links[-1].link.member_id, heard.links[-1].status) == ("B", "unavailable")
    assert not heard.links[-1].found


async def test_another_queue_has_another_policy() -> None:
    heard = Heard()
    made = linker(
        FakeLookups(lambda _: TWO), heard, policy_of=lambda _, queue: POLICY if queue in POLICY.queues else None
    )
    made.handle(arrived(call()))
    await made.settled()
    assert heard.links[-1].card["verification"]["verification"] == []  # type: ignore[index]
    queued = replace(call(), queue=QueueId("members"))
    made.handle(CallQueued(at=NOW, tenant=TENANT, call=queued))
    (record,) = heard.links[-1].card["verification"]["verification"]  # type: ignore[index]
    assert (record["state"], record["member_id"]) == ("unverified", None)
    assert not heard.links[-1].found, "the same link is no new finding"
    count = len(heard.links)
    made.handle(CallQueued(at=NOW, tenant=TENANT, call=queued))
    assert len(heard.links) == count


async def test_earlier_calls_are_asked_for_once_for_each_who_is_meant() -> None:
    heard, earlier = Heard(), Earlier()
    made = linker(FakeLookups(lambda _: TWO), heard, earlier=earlier)
    made.handle(arrived(call()))
    await made.settled()
    assert heard.links[0].card["calls"]["status"] == "pending"  # type: ignore[index]
    assert heard.links[-1].card["calls"]["calls"] == [{"call_id": f"of {NUMBER}"}]  # type: ignore[index]
    made.choose(TENANT, CALL, B)
    await made.settled()
    assert heard.links[-1].card["calls"]["calls"] == [{"call_id": "of B"}]  # type: ignore[index]
    assert earlier.asked == [Subject(member_id=None, number=NUMBER), Subject(member_id="B", number=None)]
    chosen = next(one for one in heard.links if one.link.member_id == "B")
    assert chosen.card["calls"] == {"status": "pending", "as_of": None, "calls": []}, "nothing of the number's remains"


async def test_without_the_database_earlier_calls_are_unavailable() -> None:
    heard, earlier = Heard(), Earlier()
    earlier.away = True
    made = linker(FakeLookups(lambda _: TWO), heard, earlier=earlier)
    made.handle(arrived(call()))
    await made.settled()
    assert heard.links[-1].card["calls"]["status"] == "unavailable"  # type: ignore[index]


async def test_when_the_database_is_back_the_next_answer_brings_the_earlier_calls() -> None:
    heard, earlier = Heard(), Earlier()
    earlier.away = True
    made = linker(FakeLookups(lambda _: TWO), heard, earlier=earlier)
    made.handle(arrived(call()))
    await made.settled()
    earlier.away = False
    made.handle(left_menu(call(facts=menu(language="en"))))
    await made.settled()
    assert heard.links[-1].card["calls"]["calls"] == [{"call_id": f"of {NUMBER}"}]  # type: ignore[index]


async def test_a_database_that_hangs_gathers_no_readers() -> None:
    heard, earlier = Heard(), Earlier()
    earlier.hangs = True
    made = linker(FakeLookups(lambda _: TWO), heard, earlier=earlier, earlier_s=0.01)
    ids = [CallId(f"00000000-0000-4000-8000-0000000000{n:02d}") for n in range(20)]
    for one in ids:
        made.handle(arrived(call(call_id=one)))
    async with asyncio.timeout(10):
        await made.settled()
    assert {one.call_id for one in heard.links if one.card["calls"]["status"] == "unavailable"} == set(ids)  # type: ignore[index]
    assert len(earlier.asked) < len(ids), "those who wait for their turn ask nothing after their time"


async def test_nothing_is_said_of_another_tenants_call_or_of_one_that_is_over() -> None:
    made = linker(FakeLookups(lambda _: TWO), Heard())
    made.handle(arrived(call()))
    await made.settled()
    for tenant in (TenantId("other"), TENANT):
        with pytest.raises(NotSaid) as caught:
            made.choose(tenant, CALL, B)
        assert caught.value.key == "call_over"
        made.handle(ended(call()))
