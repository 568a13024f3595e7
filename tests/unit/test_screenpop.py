"""Offered call → pop → update → withdraw: by table, and for random orders of facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from cti.domain.events import (
    AgentFreed,
    AgentStateChanged,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallLinked,
    CallOffered,
    CallPhaseChanged,
    CallResumed,
    CallRinging,
    ConsultBegan,
    ConsultEnded,
    Event,
    OfferEnded,
)
from cti.domain.model import (
    AgentId,
    AgentState,
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    Consultation,
    ConsultResult,
    EndedBy,
    EndReason,
    Link,
    LinkConfidence,
    MenuFacts,
    MenuId,
    MenuStep,
    OfferId,
    OfferOutcome,
    OfferRecord,
    QueueId,
    TalkSegment,
    TenantId,
    UniqueId,
)
from cti.domain.pop import (
    PartStatus,
    Pop,
    PopAnswered,
    PopChange,
    PopEnded,
    PopOffered,
    PopPhase,
    PopUpdated,
    PopWithdrawn,
)
from cti.screenpop import ScreenPop

DEMO = TenantId("demo")
SATO, SUZUKI = AgentId("sato"), AgentId("suzuki")
T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


class Screen:
    """A sink that keeps what it was told and draws it as a page would."""

    def __init__(self) -> None:
        self.changes: list[PopChange] = []
        self.shown: dict[tuple[str, str], Pop] = {}

    def pop_changed(self, change: PopChange) -> None:
        self.changes.append(change)
        key = (change.pop.tenant, change.pop.agent)
        if isinstance(change, PopWithdrawn):
            self.shown.pop(key, None)
        else:
            self.shown[key] = change.pop

    @property
    def kinds(self) -> list[str]:
        return [type(c).__name__ for c in self.changes]


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def offer_of(call: int, n: int) -> OfferId:
    return OfferId(f"{call:016x}{n:016x}")


def call_no(n: int, *offers: tuple[int, AgentId]) -> Call:
    return Call(
        call_id=CallId(f"00000000-0000-4000-8000-{n:012d}"),
        tenant=DEMO,
        state=CallState.OFFERED,
        channel=ChannelName(f"PJSIP/trunk-{n:08x}"),
        uniqueid=UniqueId(f"1795300000.{n}"),
        number_called="+81501234500",
        caller=CallerNumber(kind=CallerKind.NUMBER, e164=f"+8190{n:08d}", national=f"090-{n:08d}"),
        arrived_at=at(0),
        queue=QueueId("members"),
        queued_at=at(10),
        menu=MenuFacts(
            menu=MenuId("main"),
            language="ja",
            path=(MenuStep(node="who", keys="1", label=f"caller {n}"),),
            is_member=True,
            reservation_number=f"{n:06d}",
            reason="unlock",
        ),
        offers=tuple(
            OfferRecord(offer_id=offer_of(n, k), agent=a, reason=f"why {n}", offered_at=at(20)) for k, a in offers
        ),
    )


def link_of(n: int, confidence: LinkConfidence = LinkConfidence.CONFIRMED) -> Link:
    return Link(confidence=confidence, score=0.9, why="number_only", member_id=f"M{n}", reservation_id=f"R{n}")


def linked(call: Call, n: int, seconds: float, status: str = "live") -> CallLinked:
    part = {"status": status, "as_of": at(seconds).isoformat()}
    return CallLinked(
        at=at(seconds), tenant=DEMO, call=call, link=link_of(n), status=status,
        card={"members": {**part, "members": [{"member_id": f"M{n}", "name": f"caller {n}"}]},
              "reservations": {**part, "reservations": [{"reservation_id": f"R{n}"}]}},
    )  # fmt: skip


def ringing(call: Call, k: int, agent: AgentId, seconds: float) -> CallRinging:
    return CallRinging(at=at(seconds), tenant=DEMO, call=call, offer_id=offer_of(number(call), k), agent=agent)


def answered(call: Call, k: int | None, agent: AgentId, seconds: float) -> CallAnswered:
    offer = None if k is None else offer_of(number(call), k)
    return CallAnswered(at=at(seconds), tenant=DEMO, call=call, agent=agent, offer_id=offer)


def over(call: Call, k: int, agent: AgentId, seconds: float, outcome: OfferOutcome) -> OfferEnded:
    offer = offer_of(number(call), k)
    return OfferEnded(at=at(seconds), tenant=DEMO, call=call, offer_id=offer, agent=agent, outcome=outcome)


def closed(call: Call, seconds: float) -> CallEnded:
    done = replace(call, state=CallState.ENDED, ended_at=at(seconds), ended_by=EndedBy.CALLER,
                   end_reason=EndReason.COMPLETED)  # fmt: skip
    return CallEnded(at=at(seconds), tenant=DEMO, call=done)


def number(call: Call) -> int:
    return int(call.call_id[-12:])


def play(*events: Event) -> tuple[Screen, ScreenPop]:
    screen = Screen()
    pops = ScreenPop(screen)
    for event in events:
        pops.handle(event)
    return screen, pops


def test_the_first_message_carries_number_queue_reason_menu_and_wait() -> None:
    call = call_no(1, (1, SUZUKI), (2, SATO))
    offered = CallOffered(at=at(20), tenant=DEMO, call=call, offer_id=offer_of(1, 2), agent=SATO)
    screen, pops = play(offered, ringing(call, 2, SATO, 22.5))
    assert screen.kinds == ["PopOffered"]
    pop = screen.changes[0].pop
    assert pop == pops.current(DEMO, SATO)
    assert pop.caller.e164 == "+819000000001"
    assert (pop.queue, pop.reason, pop.attempt, pop.wait_s) == ("members", "why 1", 2, 12.5)
    assert pop.menu is not None
    assert (pop.menu.reason, pop.menu.reservation_number, pop.menu.path[0].label) == ("unlock", "000001", "caller 1")
    assert (pop.rang_at, pop.phase, pop.revision) == (at(22.5), PopPhase.RINGING, 1)
    assert pop.card.link_status is pop.card.members.status is PartStatus.PENDING


def test_answer_hold_and_end_are_numbered_changes_of_the_same_pop() -> None:
    call = call_no(1, (1, SATO))
    talk = TalkSegment(
        agent=SATO, offer_id=offer_of(1, 1), agent_channel=ChannelName("c"), agent_uniqueid=UniqueId("u"),
        answered_at=at(25), ended_at=at(85),
    )  # fmt: skip
    talked = replace(call, talks=(talk,))
    screen, pops = play(
        ringing(call, 1, SATO, 20),
        over(call, 1, SATO, 25, OfferOutcome.ACCEPTED),
        answered(call, 1, SATO, 25),
        CallHeld(at=at(30), tenant=DEMO, call=call),
        CallResumed(at=at(40), tenant=DEMO, call=call),
        AgentFreed(at=at(85), tenant=DEMO, agent=SATO, call_id=call.call_id),
        closed(talked, 86),
    )
    assert screen.kinds == ["PopOffered", "PopAnswered", "PopUpdated", "PopUpdated", "PopEnded", "PopEnded"]
    assert [c.pop.revision for c in screen.changes] == [1, 2, 3, 4, 5, 6]
    assert [c.pop.phase for c in screen.changes] == ["ringing", "talking", "held", "talking", "ended", "ended"]
    freed, end = screen.changes[-2:]
    assert isinstance(freed, PopEnded)
    assert isinstance(end, PopEnded)
    assert (freed.call, freed.talk_s) == (None, 60.0)
    assert end.call is not None
    assert (end.call.end_reason, end.talk_s) == (EndReason.COMPLETED, 60.0)
    shown = pops.current(DEMO, SATO)
    assert shown is not None
    assert shown.phase is PopPhase.ENDED


def test_an_ended_pop_stays_for_after_call_work_and_goes_with_it() -> None:
    call = call_no(1, (1, SATO))
    _, pops = play(ringing(call, 1, SATO, 20), answered(call, 1, SATO, 25), closed(call, 60))
    pops.handle(AgentStateChanged(at=at(60), tenant=DEMO, agent=SATO, state=AgentState.WRAP_UP, reason="call_over"))
    assert pops.current(DEMO, SATO) is not None
    state = AgentStateChanged(at=at(90), tenant=DEMO, agent=SATO, state=AgentState.AVAILABLE, reason="wrap_up_over")
    pops.handle(state)
    assert pops.current(DEMO, SATO) is None


def test_every_way_an_offer_fails_withdraws_it_with_that_outcome() -> None:
    for outcome in OfferOutcome:
        if outcome is OfferOutcome.ACCEPTED:
            continue
        call = call_no(1, (1, SATO))
        screen, pops = play(ringing(call, 1, SATO, 20), over(call, 1, SATO, 30, outcome))
        assert screen.kinds == ["PopOffered", "PopWithdrawn"]
        last = screen.changes[-1]
        assert isinstance(last, PopWithdrawn)
        assert last.outcome is outcome
        assert pops.current(DEMO, SATO) is None


def test_an_offer_said_to_have_failed_after_the_answer_takes_nothing_away() -> None:
    call = call_no(1, (1, SATO))
    screen, pops = play(
        ringing(call, 1, SATO, 20), answered(call, 1, SATO, 25), over(call, 1, SATO, 26, OfferOutcome.TIMED_OUT)
    )
    assert screen.kinds == ["PopOffered", "PopAnswered"]
    shown = pops.current(DEMO, SATO)
    assert shown is not None
    assert shown.phase is PopPhase.TALKING


def test_a_caller_who_hangs_up_while_it_rings_is_withdrawn_once() -> None:
    call = call_no(1, (1, SATO))
    screen, _ = play(ringing(call, 1, SATO, 20), closed(call, 22), over(call, 1, SATO, 22, OfferOutcome.WITHDRAWN))
    assert screen.kinds == ["PopOffered", "PopWithdrawn"]


def test_the_look_up_fills_in_part_by_part_and_only_what_changed_is_said() -> None:
    call = call_no(1, (1, SATO))
    screen, _ = play(ringing(call, 1, SATO, 20), linked(call, 1, 21), linked(call, 1, 21), linked(call, 1, 22, "stale"))
    assert screen.kinds == ["PopOffered", "PopUpdated", "PopUpdated"]
    first = screen.changes[1]
    assert isinstance(first, PopUpdated)
    assert first.parts == {"link", "members", "reservations", "tickets", "calls", "verification"}
    card = first.pop.card
    assert (card.members.status, card.members.as_of) == (PartStatus.LIVE, at(21))
    assert card.members.items == ({"member_id": "M1", "name": "caller 1"},)
    assert card.tickets.items == ()
    assert screen.changes[2].pop.card.members.status is PartStatus.STALE


def test_a_link_that_came_before_the_ring_is_in_the_first_message() -> None:
    call = call_no(1, (1, SATO))
    screen, _ = play(linked(call, 1, 15), ringing(call, 1, SATO, 20))
    assert screen.kinds == ["PopOffered"]
    assert screen.changes[0].pop.card.link == link_of(1)


def test_a_card_of_another_shape_is_empty_not_an_error() -> None:
    call = call_no(1, (1, SATO))
    event = CallLinked(at=at(21), tenant=DEMO, call=call, link=link_of(1), status="nonsense",
                       card={"members": "?", "reservations": {"status": 7, "as_of": "soon", "reservations": [1]},
                             "tickets": {"as_of": "2026-11-20T03:00:00"}})  # fmt: skip
    screen, _ = play(ringing(call, 1, SATO, 20), event)
    card = screen.changes[-1].pop.card
    assert card.link_status is PartStatus.UNAVAILABLE
    assert (card.members.items, card.reservations.items, card.reservations.as_of) == ((), (), None)
    assert card.tickets.as_of is None


def test_facts_said_twice_change_nothing() -> None:
    call = call_no(1, (1, SATO))
    once, _ = play(ringing(call, 1, SATO, 20), answered(call, 1, SATO, 25), closed(call, 60))
    twice, _ = play(
        ringing(call, 1, SATO, 20), ringing(call, 1, SATO, 20), answered(call, 1, SATO, 25),
        answered(call, 1, SATO, 25), ringing(call, 1, SATO, 26), closed(call, 60),
    )  # fmt: skip
    assert once.changes == twice.changes


def test_an_answer_without_a_ring_is_shown_as_talking() -> None:
    call = call_no(1)
    screen, _ = play(answered(call, None, SATO, 25))
    assert screen.kinds == ["PopOffered"]
    pop = screen.changes[0].pop
    assert (pop.offer_id, pop.phase, pop.answered_at, pop.rang_at) == (None, PopPhase.TALKING, at(25), None)


def test_an_offer_that_is_over_never_comes_back() -> None:
    call = call_no(1, (1, SATO))
    screen, pops = play(over(call, 1, SATO, 20, OfferOutcome.WITHDRAWN), ringing(call, 1, SATO, 21),
                        answered(call, 1, SATO, 22))  # fmt: skip
    assert screen.changes == []
    assert pops.current(DEMO, SATO) is None


def test_tenants_do_not_see_each_other() -> None:
    call = call_no(1, (1, SATO))
    screen, pops = play(ringing(call, 1, SATO, 20))
    assert pops.current(TenantId("other"), SATO) is None
    pops.handle(AgentFreed(at=at(21), tenant=TenantId("other"), agent=SATO, call_id=call.call_id))
    assert screen.kinds == ["PopOffered"]


# --- Any order --------------------------------------------------------------------------------------

agents = st.sampled_from([SATO, SUZUKI])
numbers = st.integers(1, 3)
tries = st.integers(1, 2)


@st.composite
def facts(draw: st.DrawFn) -> Event:
    n, k, agent, second = draw(numbers), draw(tries), draw(agents), draw(st.integers(20, 40))
    call = call_no(n, (1, SATO), (2, SUZUKI))
    made: list[Event] = [
        ringing(call, k, agent, second),
        answered(call, draw(st.sampled_from([k, None])), agent, second),
        over(call, k, agent, second, draw(st.sampled_from(list(OfferOutcome)))),
        linked(call, n, second, draw(st.sampled_from(["live", "stale", "unavailable"]))),
        CallHeld(at=at(second), tenant=DEMO, call=call),
        CallResumed(at=at(second), tenant=DEMO, call=call),
        AgentFreed(at=at(second), tenant=DEMO, agent=agent, call_id=call.call_id),
        closed(call, second),
        AgentStateChanged(at=at(second), tenant=DEMO, agent=agent, state=AgentState.AVAILABLE, reason=""),
    ]
    return draw(st.sampled_from(made))


def says_only_its_own_caller(pop: Pop) -> bool:
    n = int(pop.call_id[-12:])
    text = repr(pop)
    others = [m for m in (1, 2, 3) if m != n]
    return not any(f"caller {m}'" in text or f"'M{m}'" in text or f"'R{m}'" in text for m in others) and (
        pop.caller.e164 == f"+8190{n:08d}"
    )


@settings(max_examples=400, deadline=None)
@given(st.lists(facts(), max_size=25))
def test_in_any_order_nothing_of_another_caller_remains(events: list[Event]) -> None:
    screen = Screen()
    pops = ScreenPop(screen)
    ended: set[str] = set()
    revisions: dict[str, int] = {}
    for event in events:
        seen = len(screen.changes)
        pops.handle(event)
        for change in screen.changes[seen:]:
            pop = change.pop
            assert says_only_its_own_caller(pop)
            assert pop.revision == revisions.get(pop.agent, 0) + 1
            revisions[pop.agent] = pop.revision
            if isinstance(change, PopOffered):
                assert pop.call_id not in ended
            if isinstance(change, PopAnswered):
                assert pop.phase is PopPhase.TALKING
        if isinstance(event, CallEnded):
            ended.add(event.call_id)
        for agent in (SATO, SUZUKI):
            now = pops.current(DEMO, agent)
            drawn = screen.shown.get((DEMO, agent))
            if now is None:
                assert drawn is None or drawn.phase is PopPhase.ENDED  # a page clears it with the state
            else:
                assert now == drawn
                assert now.call_id not in ended or now.phase is PopPhase.ENDED


@settings(max_examples=100, deadline=None)
@given(st.lists(facts(), max_size=25))
def test_when_all_calls_are_closed_no_phone_rings_and_nobody_talks(events: list[Event]) -> None:
    screen, pops = play(*events, *(closed(call_no(n), 90) for n in (1, 2, 3)))
    for agent in (SATO, SUZUKI):
        now = pops.current(DEMO, agent)
        assert now is None or now.phase is PopPhase.ENDED
    assert all(p.phase is PopPhase.ENDED for p in screen.shown.values())
    assert pops._cards == {}  # nothing kept for calls that are over


def test_a_colleague_who_is_asked_sees_the_caller_until_the_agent_has_them_again() -> None:
    screen = Screen()
    pops = ScreenPop(screen)
    asked = Consultation(
        first=SATO, second=SUZUKI, channel=ChannelName("PJSIP/demo-suzuki-1"), uniqueid=UniqueId("1.2"), began_at=at(5)
    )
    call = replace(call_no(1), state=CallState.HELD, consultations=(asked,))
    pops.handle(ConsultBegan(at=at(5), tenant=DEMO, call=call, agent=SUZUKI))
    assert screen.shown[DEMO, SUZUKI].phase is PopPhase.RINGING
    assert screen.shown[DEMO, SUZUKI].caller == call.caller
    answered = replace(call, consultations=(replace(asked, answered_at=at(7)),))
    pops.handle(CallPhaseChanged(at=at(7), tenant=DEMO, call=answered))
    assert screen.shown[DEMO, SUZUKI].phase is PopPhase.TALKING
    pops.handle(ConsultEnded(at=at(9), tenant=DEMO, call=answered, agent=SUZUKI, result=ConsultResult.RETURNED))
    assert screen.shown == {}


def test_a_colleague_who_is_given_the_caller_keeps_the_card() -> None:
    screen = Screen()
    pops = ScreenPop(screen)
    call = replace(call_no(1), state=CallState.HELD)
    pops.handle(ConsultBegan(at=at(5), tenant=DEMO, call=call, agent=SUZUKI))
    pops.handle(CallAnswered(at=at(8), tenant=DEMO, call=call, agent=SUZUKI, offer_id=None))
    ended = ConsultEnded(at=at(8), tenant=DEMO, call=call, agent=SUZUKI, result=ConsultResult.HANDED_OVER)
    pops.handle(ended)
    assert screen.shown[DEMO, SUZUKI].phase is PopPhase.TALKING
