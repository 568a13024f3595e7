"""CallDesk: whose signal is it, in which order, and what happens when too many come."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from cti.calls import EARLY_KEPT, CallDesk
from cti.domain import events as ev
from cti.domain import signals as sig
from cti.domain.model import (
    AgentId,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    Link,
    LinkConfidence,
    MenuFacts,
    MenuId,
    OfferOutcome,
    PhoneState,
    QueueId,
    TenantId,
    UniqueId,
)
from tests.scenarios.tables import Agents, Kept, a_desk
from tests.unit.calls.test_callfsm import (
    CALL,
    CALLER,
    DONE,
    LEGS,
    MENU,
    NOW,
    A,
    B,
    asked,
    decided,
    dial_ended,
    dialled,
    hung_up,
    later,
    leg_hung_up,
    names,
    on_leg,
    queued,
    rings,
)

ARRIVED = sig.CallerArrived(
    at=NOW, tenant=TenantId("demo"), number_called="+81501234500", caller_number="09012345678", caller_name="", **CALLER
)


def desk_after(*signals: sig.Signal) -> tuple[CallDesk, Kept]:
    kept = Kept()
    desk = a_desk(kept)
    for signal in (ARRIVED, *signals):
        desk.apply(signal)
    return desk, kept


def seen(*uniqueids: str, at: float = 100) -> sig.ChannelsSeen:
    return sig.ChannelsSeen(at=later(at), uniqueids=frozenset(UniqueId(u) for u in uniqueids))


def test_a_call_is_found_by_the_callers_channel_and_by_its_legs_without_an_identity() -> None:
    """Newchannel of a leg has no CTI_CALL_ID yet, and a Hangup may come with none."""
    desk, kept = desk_after(queued(), decided(), rings(), dial_ended(1))
    desk.apply(replace(leg_hung_up(5), call_id=None))  # type: ignore[call-arg]
    desk.apply(replace(hung_up(6), call_id=None))  # type: ignore[call-arg]
    assert names(kept.events)[-2:] == ["AgentFreed", "CallEnded"]


def test_a_channel_of_no_call_is_counted_and_nothing_else() -> None:
    desk, kept = desk_after()
    desk.apply(
        sig.ChannelHungUp(
            at=NOW, channel=CALLER["channel"], uniqueid=UniqueId("9.9"), call_id=None, cause=0, cause_text=""
        )
    )
    assert desk.stats.strange == 1
    assert names(kept.events) == ["CallArrived"]


def test_arriving_twice_is_arriving_once() -> None:
    desk, kept = desk_after(ARRIVED, hung_up(1), ARRIVED)
    assert names(kept.events) == ["CallArrived", "CallEnded"]
    assert desk.all_live() == ()


def test_numbers_are_parsed_by_the_functions_given() -> None:
    kept = Kept()
    desk = CallDesk(
        kept,
        Agents(),
        parse_caller=lambda number, name: CallerNumber(kind=CallerKind.PAYPHONE, national=number + name),
        parse_called=lambda number: number[::-1],
    )
    desk.apply(replace(ARRIVED, caller_name="x"))
    call = desk.live(CALL)
    assert call is not None
    assert call.caller == CallerNumber(kind=CallerKind.PAYPHONE, national="09012345678x")
    assert call.number_called == ARRIVED.number_called[::-1]


def test_an_agent_of_another_tenant_is_nobody() -> None:
    desk, kept = desk_after(queued(), decided())
    foreign = replace(rings(), agent_channel="PJSIP/other-sato-00000002")  # type: ignore[call-arg]
    desk.apply(foreign)
    assert "CallRinging" not in names(kept.events)


@pytest.mark.parametrize("channel", ["PJSIP/demo-sato", "Local/demo-sato@x-00000002;1", "", "PJSIP/-00000002"])
def test_a_channel_that_is_no_phone_is_nobodys(channel: str) -> None:
    desk, kept = desk_after(queued(), decided())
    desk.apply(replace(rings(), agent_channel=channel))  # type: ignore[call-arg]
    assert "CallRinging" not in names(kept.events)


def test_a_phone_is_told_by_agent_and_an_unknown_one_is_not() -> None:
    desk, kept = desk_after()
    desk.apply(sig.DeviceChanged(at=NOW, endpoint="demo-sato", state=PhoneState.RINGING))
    desk.apply(sig.DeviceChanged(at=NOW, endpoint="trunk", state=PhoneState.BUSY))
    (phone,) = kept.of(ev.AgentPhoneChanged)
    assert phone == ev.AgentPhoneChanged(at=NOW, tenant=TenantId("demo"), agent=A, phone=PhoneState.RINGING)


def test_a_menu_that_begins_before_its_call_is_told_waits() -> None:
    kept = Kept()
    desk = a_desk(kept)
    desk.apply(MENU)
    desk.apply(ARRIVED)
    assert names(kept.events) == ["CallArrived", "CallInMenu"]


def test_menus_of_calls_that_never_come_are_forgotten() -> None:
    desk = a_desk(Kept())
    for number in range(EARLY_KEPT + 10):
        for _ in range(100):
            desk.apply(replace(MENU, call_id=CallId(f"{number}")))
    assert len(desk._early) == EARLY_KEPT
    assert max(map(len, desk._early.values())) < 10


def test_what_the_menu_learned_is_kept_when_it_reports_after_the_end() -> None:
    desk, kept = desk_after(MENU, asked(1), hung_up(1), replace(DONE, at=later(2)))
    last = kept.events[-1]
    assert isinstance(last, ev.CallLeftMenu)
    assert last.call.menu == MenuFacts(menu=MenuId("main"), language="ja")
    assert last.call.end_reason is not None
    assert desk.all_live() == ()


def test_live_calls_by_tenant_oldest_first() -> None:
    desk, _ = desk_after()
    second = replace(
        ARRIVED, at=later(-5), call_id=CallId("22222222-2222-4333-8444-555555555555"), uniqueid=UniqueId("2.0"),
        tenant=TenantId("other"),
    )  # fmt: skip
    desk.apply(second)
    assert [c.tenant for c in desk.all_live()] == ["other", "demo"]
    assert [c.call_id for c in desk.all_live(TenantId("demo"))] == [CALL]
    assert desk.known() == {CALL: CallState.ARRIVED, second.call_id: CallState.ARRIVED}
    assert desk.live(CallId("nothing")) is None


def test_a_link_becomes_part_of_the_call() -> None:
    desk, kept = desk_after()
    link = Link(confidence=LinkConfidence.LIKELY, score=0.5, why="number_only")
    call = desk.live(CALL)
    assert call is not None
    desk.take_link(ev.CallLinked(at=NOW, tenant=call.tenant, call=call, link=link, status="live"))
    desk.apply(queued())
    (event,) = kept.of(ev.CallQueued)
    assert isinstance(event, ev.CallQueued)
    assert event.call.link == link


# -- snapshots ---------------------------------------------------------------------------------------------


def test_a_call_that_asterisk_does_not_have_has_ended_unseen() -> None:
    desk, kept = desk_after(queued())
    desk.apply(seen("7.7"))
    last = kept.events[-1]
    assert isinstance(last, ev.CallEnded)
    assert last.call.inferred
    desk.apply(hung_up(101))  # told after all
    assert len(kept.of(ev.CallEnded)) == 1


def test_a_call_that_asterisk_has_goes_on() -> None:
    desk, kept = desk_after(queued(), decided(), rings(), dial_ended(1))
    desk.apply(seen("1.0", "1.1"))
    assert desk.known() == {CALL: CallState.TALKING}
    assert names(kept.events)[-1] == "CallAnswered"


def test_an_agents_leg_that_is_gone_frees_the_agent() -> None:
    desk, kept = desk_after(queued(), decided(), rings(), dial_ended(1))
    desk.apply(seen("1.0"))
    assert names(kept.events)[-1] == "AgentFreed"
    assert desk.known() == {CALL: CallState.TALKING}


def test_the_caller_went_back_to_wait_while_nobody_looked() -> None:
    desk, kept = desk_after(queued(), decided(), rings(), dial_ended(1))
    desk.apply(queued(100))
    desk.apply(seen("1.0"))
    assert names(kept.events)[-2:] == ["CallQueued", "AgentFreed"]
    assert desk.stats.illegal == 0


# -- a restart ---------------------------------------------------------------------------------------------


def restarted(desk: CallDesk) -> tuple[CallDesk, Kept]:
    """A new process that takes the old one's calls out of the records."""
    kept = Kept()
    new = a_desk(kept)
    assert new.restore(desk.all_live()) == len(desk.all_live())
    return new, kept


def test_a_waiting_call_is_told_again_after_a_restart_and_keeps_its_age() -> None:
    desk, kept = restarted(desk_after(queued(3))[0])
    desk.apply(ARRIVED)
    desk.apply(queued(60))
    desk.apply(seen("1.0"))
    (event,) = kept.events
    assert isinstance(event, ev.CallQueued)
    assert event.call.queued_at == later(3)


def test_a_talk_is_told_again_once_and_stays_one_talk() -> None:
    desk, kept = restarted(desk_after(queued(), decided(), rings(), dial_ended(1))[0])
    for _ in range(2):
        desk.apply(rings(60))
        desk.apply(dial_ended(60))
    desk.apply(seen("1.0", "1.1"))
    desk.apply(asked(61, A))
    desk.apply(leg_hung_up(61))
    desk.apply(hung_up(61))
    assert names(kept.events) == ["CallAnswered", "AgentFreed", "CallEnded"]
    last = kept.events[-1]
    assert isinstance(last, ev.CallEnded)
    (talk,) = last.call.talks
    assert (talk.answered_at, talk.ended_at) == (later(1), later(61))


def test_a_page_passed_its_caller_on_while_we_were_away() -> None:
    """What the snapshot tells, and tells again: one transfer, the colleague has the caller, the agent is free."""
    desk, kept = restarted(desk_after(queued(), decided(), rings(), dial_ended(1))[0])
    passed = sig.Transferred(at=later(40), kind="blind", to="demo-suzuki", **CALLER)
    for _ in range(2):
        desk.apply(passed)
        desk.apply(rings(45, B))
        desk.apply(dial_ended(45, B))
        desk.apply(seen("1.0", "1.2"))
    assert names(kept.events) == ["CallTransferred", "CallAnswered", "AgentFreed"]
    assert desk.stats.illegal == 0
    call = desk.live(CALL)
    assert call is not None
    assert [(t.kind, t.by, t.to, t.at, t.result) for t in call.transfers] == [
        ("phone", A, "demo-suzuki", later(40), "answered")
    ]
    assert call.transferred_at == (later(40),)
    assert [(talk.agent, talk.ended_at is None) for talk in call.talks] == [(A, False), (B, True)]
    assert call.phase == "talking"
    desk.apply(replace(passed, at=later(200)))  # the same way, another time
    assert len(call.transfers) + 1 == len(desk.all_live()[0].transfers)


def test_a_page_passed_its_caller_on_to_a_queue_while_we_were_away() -> None:
    desk, kept = restarted(desk_after(queued(), decided(), rings(), dial_ended(1))[0])
    desk.apply(sig.Transferred(at=later(40), kind="blind", to="queue-roadside", **CALLER))
    desk.apply(sig.CallerFellBack(at=later(44), queue=QueueId("roadside"), **CALLER))
    desk.apply(seen("1.0"))
    assert names(kept.events) == ["CallTransferred", "CallFellBack", "AgentFreed"]
    desk.apply(queued(101))
    (call,) = desk.all_live()
    assert [(t.kind, t.by, t.to) for t in call.transfers] == [("phone", A, "queue-roadside")]
    assert (call.state, call.fallback_at) == (CallState.QUEUED, later(44))


def test_an_offer_that_still_rings_after_a_restart_can_be_answered() -> None:
    desk, kept = restarted(desk_after(queued(), decided(), rings())[0])
    desk.apply(rings(60))
    desk.apply(seen("1.0", "1.1"))
    desk.apply(dial_ended(61))
    assert names(kept.events) == ["CallRinging", "OfferEnded", "CallAnswered"]


def test_an_offer_that_rings_nowhere_after_a_restart_is_over() -> None:
    desk, kept = restarted(desk_after(queued(), decided())[0])
    desk.apply(queued(60))
    desk.apply(seen("1.0"))
    assert names(kept.events) == ["OfferEnded", "CallQueued"]
    (ended,) = kept.of(ev.OfferEnded)
    assert isinstance(ended, ev.OfferEnded)
    assert ended.outcome is OfferOutcome.WITHDRAWN


def test_a_later_snapshot_leaves_offers_alone() -> None:
    """An offer may have been decided and not rung yet: only a restart's are orphans."""
    desk, kept = desk_after(queued(), decided())
    desk.apply(seen("1.0"))
    assert names(kept.events)[-1] == "CallOffered"
    assert desk.known() == {CALL: CallState.OFFERED}


def test_only_the_first_snapshot_looks_for_orphaned_offers() -> None:
    desk, kept = restarted(desk_after(queued())[0])
    desk.apply(seen("1.0"))
    desk.apply(decided(120))
    desk.apply(seen("1.0", at=121))
    assert names(kept.events) == ["CallOffered"]


def test_calls_that_ended_while_we_were_away_are_closed() -> None:
    desk, kept = restarted(desk_after(queued())[0])
    desk.apply(seen())
    assert names(kept.events) == ["CallEnded"]


# -- the queue ---------------------------------------------------------------------------------------------


async def until(check: object, within_s: float = 2.0) -> None:
    async with asyncio.timeout(within_s):
        while not check():  # type: ignore[operator]
            await asyncio.sleep(0)


async def test_signals_are_applied_in_order_of_posting() -> None:
    kept = Kept()
    desk = a_desk(kept)
    await desk.start()
    for signal in (ARRIVED, queued(), decided(), rings(), dial_ended(1), asked(2), hung_up(2)):
        desk.post(signal)
    await desk.stop()
    assert names(kept.events)[0] == "CallArrived"
    assert names(kept.events)[-1] == "CallEnded"
    assert desk.stats.accepted == 7


async def test_overflow_is_counted_and_a_snapshot_asked_for_once() -> None:
    asked_for: list[int] = []
    kept = Kept()
    desk = CallDesk(
        kept, Agents(), parse_caller=lambda *_: CallerNumber(kind=CallerKind.UNKNOWN), parse_called=str,
        on_overflow=lambda: asked_for.append(len(kept.events)), maxsize=3,
    )  # fmt: skip
    for signal in (ARRIVED, queued(), decided(), rings(), dial_ended(1)):
        desk.post(signal)
    await desk.start()
    await until(lambda: asked_for)
    assert desk.stats.dropped == 2
    assert asked_for == [3]  # after what was there was applied
    desk.post(hung_up(5))
    await until(lambda: kept.of(ev.CallEnded))
    assert asked_for == [3]
    await desk.stop()


async def test_a_bug_while_asking_for_a_snapshot_does_not_stop_the_desk() -> None:
    def broken() -> None:
        raise ZeroDivisionError("a bug")

    desk = CallDesk(
        Kept(), Agents(), parse_caller=lambda *_: CallerNumber(kind=CallerKind.UNKNOWN), parse_called=str,
        on_overflow=broken, maxsize=1,
    )  # fmt: skip
    for signal in (ARRIVED, queued()):
        desk.post(signal)
    await desk.start()
    await until(lambda: not desk.stats.queued)
    desk.post(hung_up(5))
    await until(lambda: desk.stats.accepted == 2)
    assert desk.alive
    await desk.stop()


async def test_an_illegal_signal_and_a_bug_of_a_part_cost_that_signal_only() -> None:
    class Broken(Kept):
        def publish(self, event: ev.Event) -> None:
            if isinstance(event, ev.CallQueued):
                raise RuntimeError("a bug")
            super().publish(event)

    kept = Broken()
    desk = a_desk(kept)
    await desk.start()
    for signal in (ARRIVED, decided(), queued(), hung_up(3)):
        desk.post(signal)
    await until(lambda: kept.of(ev.CallEnded))
    assert (desk.stats.illegal, desk.stats.failed) == (1, 1)
    assert desk.alive
    await desk.stop()
    assert not desk.alive


async def test_the_loop_gets_its_turn_in_a_flood() -> None:
    desk = a_desk(Kept())
    await desk.start()
    for number in range(5_000):
        desk.post(sig.DeviceChanged(at=NOW, endpoint=f"demo-{number}", state=PhoneState.IDLE))
    turns = 0
    while desk.stats.queued:
        turns += 1
        await asyncio.sleep(0)
    assert turns > 50
    await desk.stop()


def test_nothing_is_left_of_a_thousand_calls() -> None:
    kept = Kept()
    desk = a_desk(kept)
    for number in range(2_000):
        own = {"call_id": CallId(f"{number:08x}-2222-4333-8444-555555555555"), "uniqueid": UniqueId(f"{number}.0")}
        for signal in (ARRIVED, queued(), rings(), dial_ended(1), hung_up(2)):
            fields = {**own, "agent_uniqueid": UniqueId(f"{number}.1")} if hasattr(signal, "agent_uniqueid") else own
            desk.apply(replace(signal, **fields))  # type: ignore[arg-type]
    assert len(kept.of(ev.CallEnded)) == 2_000
    assert desk.stats.live == 0
    assert desk._of_channel == {}
    assert len(desk._ended) == 1_000


def test_an_offer_told_by_dial_only_and_the_agent_of_a_recording() -> None:
    desk, kept = desk_after(queued(), decided(), dialled(0.1, status="CHANUNAVAIL", cause=3))
    desk.apply(sig.RecordingBegan(at=later(1), file="c", **CALLER))
    desk.apply(sig.RecordingBegan(at=later(1), file="a", **on_leg(A)))  # a leg is known by its channel's name
    files = [(e.file, e.agent) for e in kept.events if isinstance(e, ev.RecordingStarted)]
    assert files == [("c", None), ("a", AgentId("sato"))]
    assert LEGS[A][0].startswith("PJSIP/demo-sato-")
