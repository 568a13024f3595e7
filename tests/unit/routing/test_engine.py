"""The stated rules of docs/routing.md, one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cti.domain.errors import CallerError, NotFound
from cti.domain.model import AgentId, AgentState, CallId, OfferId, OfferOutcome, PhoneState, QueueId, SkillId
from routing import model as m
from routing.engine import Engine
from routing.expression import Has, Named
from tests.unit.routing.reference import at, ids, skills

QUEUE = m.QueueRule(queue=QueueId("members"), skills=skills(ja=1), wrap_up_s=0)
ROADSIDE = m.QueueRule(queue=QueueId("roadside"), skills=skills(roadside=2), priority=10, wrap_up_s=0)
STAFF: dict[str, dict[str, int]] = {
    "sato": {"ja": 5, "roadside": 4},
    "suzuki": {"ja": 5},
    "smith": {"ja": 2, "en": 5},
}


class Bench:
    """An engine with a desk, and words to drive it."""

    def __init__(self, *queues: m.QueueRule, limits: m.Limits | None = None, staff: dict[str, dict[str, int]] = STAFF):
        self.engine = Engine(ids())
        self.now = 0.0
        self.rules = m.DeskRules(
            queues=queues or (QUEUE, ROADSIDE),
            agents=tuple(
                m.AgentRule(agent=AgentId(name), skills={SkillId(skill): level for skill, level in has.items()})
                for name, has in staff.items()
            ),
            limits=limits or m.Limits(wrap_up_s=0),
        )
        self.tell(m.DeskLoaded(rules=self.rules))

    def tell(self, told: m.Told, after: float = 0.0) -> list[m.Decision]:
        self.now += after
        return self.engine.advance(told, at(self.now))

    def ready(self, *agents: str, after: float = 1.0) -> list[m.Decision]:
        decisions: list[m.Decision] = []
        for agent in agents:
            decisions += self.tell(m.PhoneIs(agent=AgentId(agent), phone=PhoneState.IDLE), after)
            decisions += self.choose(agent, AgentState.AVAILABLE)
        return decisions

    def choose(self, agent: str, state: AgentState, reason: str = "logged_in", after: float = 0.0) -> list[m.Decision]:
        told = m.AgentChooses(agent=AgentId(agent), state=state, reason=reason)
        return [it for it in self.tell(told, after) if not isinstance(it, m.Moved)]

    def wait(self, call: str, queue: str = "members", after: float = 0.0, **extra: int) -> list[m.Decision]:
        self.now += after
        known = self.engine.call(CallId(call))
        return self.tell(
            m.CallWaits(
                call_id=CallId(call),
                queue=QueueId(queue),
                queued_at=known.queued_at if known else at(self.now),
                skills=skills(**extra),
            )
        )

    def over(self, offer: m.Offered, outcome: OfferOutcome, after: float = 0.0) -> list[m.Decision]:
        decisions = self.tell(m.OfferOver(offer_id=offer.offer_id, outcome=outcome), after)
        if outcome is OfferOutcome.ACCEPTED:
            decisions += self.tell(m.CallTaken(call_id=offer.call_id, agent=offer.agent))
        return decisions

    def talk(self, call: str, talk_s: float) -> list[m.Decision]:
        """The live offer of a call is accepted, the talk ends, the call too."""
        waiting = self.engine.call(CallId(call))
        assert waiting is not None
        agent = waiting.offers[0].agent.agent
        self.tell(m.CallTaken(call_id=CallId(call), agent=agent))
        return self.tell(m.AgentFree(agent=agent, call_id=CallId(call)), talk_s)

    def tick(self, after: float) -> list[m.Decision]:
        """Time goes on, deadline by deadline."""
        end, decisions = at(self.now + after), []
        while (due := self.engine.next_deadline()) is not None and due <= end:
            decisions += self.engine.advance(m.Tick(), due)
        self.now += after
        return decisions + self.tell(m.Tick())


def asked(decisions: list[m.Decision]) -> list[tuple[str, str]]:
    return [(str(it.call_id), str(it.agent)) for it in decisions if isinstance(it, m.Offered)]


def offer(decisions: list[m.Decision]) -> m.Offered:
    (found,) = [it for it in decisions if isinstance(it, m.Offered)]
    return found


def treatments(decisions: list[m.Decision]) -> list[tuple[str, str]]:
    return [(str(it.call_id), it.treatment) for it in decisions if isinstance(it, m.Treated)]


# --- Who is asked ---


def test_longest_idle_of_those_with_the_skills() -> None:
    desk = Bench()
    desk.ready("suzuki", "sato", "smith")
    assert asked(desk.wait("a", after=10)) == [("a", "suzuki")]
    assert asked(desk.wait("b", "roadside")) == [("b", "sato")]
    assert asked(desk.wait("c", en=3)) == [("c", "smith")]


def test_the_reason_tells_what_was_compared() -> None:
    desk = Bench()
    desk.ready("suzuki", "sato")
    desk.ready("smith")
    made = offer(desk.wait("a", after=10))
    assert made.reason == m.Reason(
        "longest_idle", {"idle": 3, "want": {"skill": "ja", "level": 1}, "priority": 0, "waited_s": 0}
    )
    assert (made.attempt, made.ring_s) == (1, 20)


def test_idle_counts_from_the_end_of_the_last_call() -> None:
    desk = Bench()
    desk.ready("sato", "suzuki")
    assert asked(desk.wait("a")) == [("a", "sato")]
    desk.talk("a", 60)
    assert asked(desk.wait("b")) == [("b", "suzuki")]
    assert asked(desk.wait("c")) == [("c", "sato")]
    desk.talk("c", 4)
    desk.talk("b", 4)
    assert asked(desk.wait("d")) == [("d", "sato")]


def test_priority_then_age_when_an_agent_gets_free() -> None:
    desk = Bench()
    desk.choose("sato", AgentState.AVAILABLE)
    desk.wait("old")
    desk.wait("young", after=5)
    desk.wait("car", "roadside", after=5)
    made = offer(desk.ready("sato"))
    assert made.call_id == "car"
    assert made.reason.slug == "next_in_line"
    assert made.reason.params == {
        "waiting": 1,
        "want": {"skill": "roadside", "level": 2},
        "priority": 10,
        "waited_s": 1,
    }
    assert asked(desk.ready("suzuki")) == [("old", "suzuki")]


def test_priority_grows_with_waiting() -> None:
    slow = replace(QUEUE, ageing_every_s=10, ageing_most=11)
    desk = Bench(slow, ROADSIDE, limits=m.Limits(wrap_up_s=0))
    desk.choose("sato", AgentState.AVAILABLE)
    desk.wait("old")
    desk.tick(109)
    desk.wait("car", "roadside")
    desk.tick(1)  # 110 s: eleven points
    assert offer(desk.ready("sato", after=0)).call_id == "old"


def test_no_wait_however_long_makes_more_than_the_bound_of_it() -> None:
    bounded = replace(QUEUE, ageing_every_s=10, ageing_most=9, max_wait_s=7_200)
    desk = Bench(bounded, ROADSIDE)
    desk.choose("sato", AgentState.AVAILABLE)
    desk.wait("old")
    desk.tick(3_600)
    desk.wait("old")  # listed anew: all that it has waited is counted again
    desk.wait("car", "roadside")
    assert offer(desk.ready("sato", after=0)).call_id == "car"


def test_what_waiting_has_earned_goes_along_to_another_queue() -> None:
    both = [replace(QUEUE, queue=QueueId(name), ageing_every_s=10, ageing_most=20) for name in ("members", "other")]
    desk = Bench(*both, ROADSIDE)
    desk.choose("sato", AgentState.AVAILABLE)
    desk.wait("old")
    desk.wait("old", "other", after=100)
    desk.wait("car", "roadside")
    desk.tick(10)  # 110 s since the first entry: eleven points
    assert offer(desk.ready("sato", after=0)).call_id == "old"


def test_without_a_link_nobody_is_asked_and_with_one_again_the_first_in_line_is() -> None:
    desk = Bench()
    desk.tell(m.LinkIs(up=False))
    desk.wait("a")
    desk.wait("car", "roadside")
    assert asked(desk.ready("sato")) == []
    assert asked(desk.tell(m.LinkIs(up=True))) == [("car", "sato")]


def test_of_two_that_may_ask_again_at_one_instant_the_first_in_line_does() -> None:
    desk = Bench(limits=m.Limits(wrap_up_s=0, skip_alone_s=10, refusals=9), staff={"sato": STAFF["sato"]})
    desk.ready("sato")
    for call, queue in (("a", "members"), ("car", "roadside")):
        desk.over(offer(desk.wait(call, queue)), OfferOutcome.REJECTED)
    desk.wait("a")
    assert asked(desk.wait("car", "roadside")) == []
    assert asked(desk.tick(10)) == [("car", "sato")]


def test_a_call_that_waited_before_us_has_waited_and_was_offered_before() -> None:
    desk = Bench(replace(QUEUE, max_wait_s=60))
    desk.ready("suzuki")
    known = m.CallWaits(call_id=CallId("a"), queue=QueueId("members"), queued_at=at(desk.now - 61), attempts=3)
    assert asked(desk.tell(known)) == [], "they are told that it took too long"
    again = replace(known, call_id=CallId("b"), since=at(desk.now - 9))  # in this queue since then only
    assert offer(desk.tell(again)).attempt == 4


def test_who_talked_with_whomever_goes_to_the_end_of_the_line() -> None:
    desk = Bench()
    desk.ready("suzuki", "smith")
    for phone in (PhoneState.BUSY, PhoneState.IDLE):
        desk.tell(m.PhoneIs(agent=AgentId("suzuki"), phone=phone), after=5)
    assert asked(desk.wait("a")) == [("a", "smith")]


@pytest.mark.parametrize("talks", [False, True])
def test_a_ring_that_nobody_made_takes_no_agent_who_has_an_offer_or_a_call(talks: bool) -> None:
    desk = Bench()
    desk.ready("suzuki")
    first = offer(desk.wait("a"))
    if talks:
        desk.over(first, OfferOutcome.ACCEPTED)
    strange = m.OfferRang(
        offer_id=OfferId("e" * 32), call_id=CallId("b"), agent=AgentId("suzuki"), queue=QueueId("members"),
        queued_at=at(desk.now),
    )  # fmt: skip
    assert desk.tell(strange) == []
    suzuki = desk.engine.agent(AgentId("suzuki"))
    assert suzuki is not None
    assert (suzuki.offer.offer_id if suzuki.offer else suzuki.call) == ("a" if talks else first.offer_id)
    assert desk.engine.call(CallId("b")) is None


def test_once_a_phone_has_rung_asterisk_is_tried_as_soon_as_ever() -> None:
    desk = Bench(limits=m.Limits(wrap_up_s=0, backoff_s=2, backoff_most_s=60, skip_alone_s=5, refusals=9))
    desk.ready("suzuki")
    rings = offer(desk.wait("a"))
    for pause_s in (2, 4):
        desk.tell(m.OfferFailed(offer_id=rings.offer_id))
        assert asked(desk.tick(pause_s - 1)) == []
        rings = offer(desk.tick(1))
    desk.tell(m.OfferRang(offer_id=rings.offer_id, call_id=CallId("a"), agent=rings.agent))
    desk.over(rings, OfferOutcome.REJECTED)
    desk.wait("a")
    desk.tell(m.OfferFailed(offer_id=offer(desk.tick(5)).offer_id))
    assert asked(desk.tick(2)) == [("a", "suzuki")]


def test_a_queue_that_is_gone_keeps_its_rule_for_those_who_wait_in_it() -> None:
    desk = Bench()
    desk.wait("a", "roadside")
    desk.tell(m.DeskLoaded(rules=replace(desk.rules, queues=(QUEUE,))))
    assert asked(desk.ready("smith")) == [], "no skill of that queue's"
    assert asked(desk.ready("sato")) == [("a", "sato")]


def test_calls_that_are_over_leave_nothing_behind() -> None:
    desk = Bench(QUEUE, replace(ROADSIDE, steps=(m.Step(want=Has(SkillId("roadside"), 5), expires_s=30),)))
    for number in range(20):
        desk.wait(f"c{number}", ("members", "roadside")[number % 2], en=1 + number % 5)
    groups = desk.engine._index._groups.values()
    assert sum(group.refs for group in groups) > 20
    for number in range(20):
        desk.tell(m.CallGone(call_id=CallId(f"c{number}")))
    assert [group for group in groups if group.refs or group.waiting] == []
    desk.ready("suzuki")
    desk.wait("talked")
    desk.talk("talked", talk_s=60)
    assert (desk.engine._talking, list(desk.engine.calls())) == ({}, [])


def test_who_let_a_call_go_first_is_asked_again_first() -> None:
    desk = Bench(limits=m.Limits(wrap_up_s=0, skip_s=30, refusals=9), staff={"suzuki": {"ja": 5}, "smith": {"ja": 2}})
    desk.ready("suzuki", "smith")
    first = offer(desk.wait("a"))
    desk.over(first, OfferOutcome.REJECTED)
    second = offer(desk.wait("a"))
    desk.over(second, OfferOutcome.REJECTED, after=10)
    assert asked(desk.wait("a")) == []
    assert asked(desk.tick(19)) == []
    assert asked(desk.tick(1)) == [("a", first.agent)]


@pytest.mark.parametrize("phone", [PhoneState.BUSY, PhoneState.RINGING, PhoneState.UNREACHABLE])
def test_only_an_idle_phone_rings(phone: PhoneState) -> None:
    desk = Bench()
    desk.ready("suzuki")
    desk.tell(m.PhoneIs(agent=AgentId("suzuki"), phone=phone))
    assert asked(desk.wait("a")) == []
    assert asked(desk.tell(m.PhoneIs(agent=AgentId("suzuki"), phone=PhoneState.IDLE))) == [("a", "suzuki")]


@pytest.mark.parametrize("state", [AgentState.BREAK, AgentState.TRAINING, AgentState.OFFLINE])
def test_only_an_available_agent_is_asked(state: AgentState) -> None:
    desk = Bench()
    desk.ready("suzuki")
    desk.choose("suzuki", state)
    assert asked(desk.wait("a")) == []
    assert asked(desk.choose("suzuki", AgentState.AVAILABLE)) == [("a", "suzuki")]


# --- How offers end ---


def test_a_rejected_call_goes_to_the_next_and_keeps_its_age() -> None:
    desk = Bench()
    desk.ready("suzuki", "sato")
    first = offer(desk.wait("a"))
    assert desk.over(first, OfferOutcome.REJECTED, after=3) == []
    second = offer(desk.wait("a"))
    assert (second.agent, second.attempt, second.reason.params["waited_s"]) == ("sato", 2, 3)


def test_who_rejected_is_not_asked_again_for_30_s_but_gets_other_calls() -> None:
    desk = Bench()
    desk.ready("suzuki")
    desk.choose("sato", AgentState.AVAILABLE)  # logged in, phone away: there is somebody else
    desk.over(offer(desk.wait("a")), OfferOutcome.REJECTED)
    assert asked(desk.wait("a")) == []
    other = offer(desk.wait("b", after=1))
    assert other.agent == "suzuki"
    assert asked(desk.talk("b", 4)) == []
    assert asked(desk.tick(24.9)) == []
    assert asked(desk.tick(0.2)) == [("a", "suzuki")]


def test_who_is_alone_is_asked_again_after_5_s() -> None:
    desk = Bench()
    desk.ready("suzuki")
    desk.over(offer(desk.wait("a")), OfferOutcome.REJECTED)
    desk.wait("a")
    assert asked(desk.tick(4.9)) == []
    assert asked(desk.tick(0.2)) == [("a", "suzuki")]


def test_who_lets_it_ring_gets_a_break() -> None:
    desk = Bench()
    desk.ready("suzuki")
    made = offer(desk.wait("a"))
    desk.tell(m.OfferRang(offer_id=made.offer_id, call_id=made.call_id, agent=made.agent))
    decisions = desk.over(made, OfferOutcome.TIMED_OUT, after=20)
    assert decisions == [m.Moved(agent=AgentId("suzuki"), state=AgentState.BREAK, reason=m.Reason("missed_offer"))]
    desk.wait("a")
    assert asked(desk.tick(120)) == []


def test_three_refusals_in_a_row_look_like_a_phone_that_takes_no_calls() -> None:
    desk = Bench()
    desk.ready("suzuki")
    moved: list[m.Decision] = []
    for call in "abc":
        moved = desk.over(offer(desk.wait(call)), OfferOutcome.REJECTED)
        desk.tell(m.CallGone(call_id=CallId(call)))
    assert moved == [m.Moved(agent=AgentId("suzuki"), state=AgentState.BREAK, reason=m.Reason("phone_refuses"))]


def test_an_accepted_call_wipes_refusals_out() -> None:
    desk = Bench()
    desk.ready("suzuki")
    for call in "abc":
        assert desk.over(offer(desk.wait(call + "1")), OfferOutcome.REJECTED) == []
        desk.tell(m.CallGone(call_id=CallId(call + "1")))
        desk.over(offer(desk.wait(call)), OfferOutcome.ACCEPTED)
        desk.tell(m.AgentFree(agent=AgentId("suzuki"), call_id=CallId(call)))


def test_an_unreachable_phone_waits_for_its_own_sign_of_life() -> None:
    desk = Bench()
    desk.ready("suzuki")
    desk.over(offer(desk.wait("a")), OfferOutcome.UNREACHABLE)
    assert asked(desk.wait("b")) == []
    assert asked(desk.tell(m.PhoneIs(agent=AgentId("suzuki"), phone=PhoneState.IDLE), after=3)) == [("b", "suzuki")]


def test_an_unreachable_phone_that_says_nothing_is_tried_after_a_minute() -> None:
    desk = Bench()
    desk.ready("suzuki")
    desk.over(offer(desk.wait("a")), OfferOutcome.UNREACHABLE)
    desk.wait("b")
    assert asked(desk.tick(59)) == []
    assert asked(desk.tick(2)) == [("a", "suzuki")]


def test_a_caller_who_hangs_up_frees_the_agent_who_keeps_their_place() -> None:
    desk = Bench()
    desk.ready("suzuki", "sato")
    assert asked(desk.wait("a")) == [("a", "suzuki")]
    desk.tell(m.CallGone(call_id=CallId("a")), after=2)
    assert asked(desk.wait("b")) == [("b", "suzuki")]


def test_a_withdrawn_offer_has_no_consequences() -> None:
    desk = Bench()
    desk.ready("suzuki", "sato")
    assert desk.over(offer(desk.wait("a")), OfferOutcome.WITHDRAWN) == []
    assert asked(desk.wait("a")) == [("a", "suzuki")]


def test_back_in_the_loop_while_an_offer_is_live_ends_the_offer() -> None:
    desk = Bench()
    desk.ready("suzuki")
    made = offer(desk.wait("a"))
    assert asked(desk.wait("a", after=1)) == [("a", "suzuki")]
    assert desk.over(made, OfferOutcome.REJECTED) == []  # too late: that one is over


def test_an_offer_that_nothing_is_heard_of_counts_as_unreachable() -> None:
    desk = Bench()
    desk.ready("suzuki", "sato")
    made = offer(desk.wait("a"))
    assert desk.tick(4.9) == []
    (back,) = desk.tick(0.2)
    assert back == m.TakenBack(
        offer_id=made.offer_id,
        call_id=CallId("a"),
        agent=AgentId("suzuki"),
        outcome=OfferOutcome.UNREACHABLE,
        reason=m.Reason("unheard", {"after_s": 5}),
    )
    assert asked(desk.tick(1.8)) == []
    assert asked(desk.tick(0.2)) == [("a", "sato")]  # the waiting loop's report got lost too


def test_a_ring_without_end_is_taken_back() -> None:
    desk = Bench()
    desk.ready("suzuki")
    made = offer(desk.wait("a"))
    desk.tell(m.OfferRang(offer_id=made.offer_id, call_id=made.call_id, agent=made.agent))
    assert desk.tick(24.9) == []
    back, moved = desk.tick(0.2)
    assert isinstance(back, m.TakenBack)
    assert (back.outcome, back.reason.slug) == (OfferOutcome.TIMED_OUT, "overrun")
    assert isinstance(moved, m.Moved)


def test_a_phone_that_rings_for_an_unknown_offer_is_believed() -> None:
    """After a restart, or when we gave the offer up too early."""
    desk = Bench()
    desk.ready("suzuki")
    rang = m.OfferRang(
        offer_id=OfferId("f" * 32),
        call_id=CallId("a"),
        agent=AgentId("suzuki"),
        queue=QueueId("members"),
        queued_at=at(-30),
    )
    desk.tell(rang)
    assert asked(desk.wait("b")) == []
    assert asked(desk.tell(m.OfferOver(offer_id=OfferId("f" * 32), outcome=OfferOutcome.REJECTED))) == [("b", "suzuki")]
    assert desk.tell(m.CallWaits(call_id=CallId("a"), queue=QueueId("members"), queued_at=at(-30))) == []
    waiting = desk.engine.call(CallId("a"))
    assert waiting is not None
    assert waiting.queued_at == at(-30)


def test_an_agent_who_leaves_while_it_rings_loses_the_offer() -> None:
    desk = Bench()
    desk.ready("suzuki")
    made = offer(desk.wait("a"))
    (back,) = desk.choose("suzuki", AgentState.OFFLINE, "logged_out")
    assert isinstance(back, m.TakenBack)
    assert (back.offer_id, back.outcome, back.reason.slug) == (made.offer_id, OfferOutcome.WITHDRAWN, "agent_left")


# --- After the call ---


def test_wrap_up_with_a_limit() -> None:
    desk = Bench(replace(QUEUE, wrap_up_s=30))
    desk.ready("suzuki")
    desk.wait("a")
    (moved,) = desk.talk("a", 60)
    until = at(desk.now + 30)
    assert moved == m.Moved(
        agent=AgentId("suzuki"), state=AgentState.WRAP_UP, reason=m.Reason("call_over"), until=until
    )
    desk.wait("b")
    assert desk.tick(29.9) == []
    over, made = desk.tick(0.2)
    assert over == m.Moved(agent=AgentId("suzuki"), state=AgentState.AVAILABLE, reason=m.Reason("wrap_up_over"))
    assert asked([made]) == [("b", "suzuki")]


def test_wrap_up_can_be_ended_and_prolonged_but_not_entered() -> None:
    desk = Bench(replace(QUEUE, wrap_up_s=30))
    desk.ready("suzuki")
    with pytest.raises(CallerError, match="belongs to a call"):
        desk.choose("suzuki", AgentState.WRAP_UP)
    desk.wait("a")
    desk.talk("a", 60)
    desk.choose("suzuki", AgentState.WRAP_UP, after=20)
    assert desk.tick(29.9) == []
    assert desk.choose("suzuki", AgentState.AVAILABLE) == []
    assert asked(desk.wait("b")) == [("b", "suzuki")]


def test_a_break_chosen_in_a_call_begins_when_it_ends() -> None:
    desk = Bench(replace(QUEUE, wrap_up_s=30))
    desk.ready("suzuki")
    desk.over(offer(desk.wait("a")), OfferOutcome.ACCEPTED)
    desk.choose("suzuki", AgentState.BREAK, "lunch")
    assert desk.tell(m.AgentFree(agent=AgentId("suzuki"), call_id=CallId("a")), after=60) == []
    assert asked(desk.wait("b")) == []


def test_a_call_that_ended_frees_its_agent_even_if_nobody_says_so() -> None:
    desk = Bench()
    desk.ready("suzuki")
    desk.over(offer(desk.wait("a")), OfferOutcome.ACCEPTED)
    assert asked(desk.wait("b")) == []
    assert asked(desk.tell(m.CallGone(call_id=CallId("a")), after=9)) == [("b", "suzuki")]


# --- Plans ---


def test_a_plan_widens_by_the_clock() -> None:
    steps = (m.Step(want=Named(frozenset({AgentId("smith")})), expires_s=10), m.Step(want=None, expires_s=25))
    desk = Bench(replace(QUEUE, steps=steps))
    desk.ready("suzuki")
    desk.choose("smith", AgentState.BREAK)
    assert asked(desk.wait("a", en=3)) == []
    assert asked(desk.tick(24.9)) == []  # smith, then Japanese and English
    made = offer(desk.tick(0.2))  # then anybody of the queue
    assert made.agent == "suzuki"
    assert (made.reason.params["step"], made.reason.params["steps"]) == (3, 3)


@pytest.mark.parametrize("late_s", [0, 7])
def test_who_gets_free_when_a_step_ends_meets_the_next_step(late_s: float) -> None:
    """At the very instant, and when both are looked at too late."""
    steps = (
        m.Step(want=Named(frozenset({AgentId("suzuki")})), expires_s=15),
        m.Step(want=Has(SkillId("en"), 1), expires_s=None),
    )
    desk = Bench(replace(QUEUE, steps=steps, wrap_up_s=15), m.QueueRule(queue=QueueId("other")))
    desk.ready("suzuki")
    desk.over(offer(desk.wait("first")), OfferOutcome.ACCEPTED)
    desk.wait("a")
    desk.choose("smith", AgentState.BREAK)
    assert [type(it) for it in desk.tell(m.AgentFree(agent=AgentId("suzuki"), call_id=CallId("first")))] == [m.Moved]
    desk.now += 15 + late_s
    assert asked(desk.tell(m.Tick())) == []
    assert asked(desk.ready("smith")) == [("a", "smith")]


def test_a_changed_rule_applies_to_waiting_calls_at_once() -> None:
    desk = Bench()
    desk.ready("suzuki")
    desk.choose("sato", AgentState.AVAILABLE)
    assert asked(desk.wait("car", "roadside")) == []
    queues = (QUEUE, replace(ROADSIDE, skills=skills(ja=3)))
    assert asked(desk.tell(m.DeskLoaded(rules=replace(desk.rules, queues=queues)))) == [("car", "suzuki")]


def test_a_new_skill_takes_a_waiting_call_at_once() -> None:
    desk = Bench()
    desk.ready("suzuki")
    desk.choose("sato", AgentState.AVAILABLE)
    desk.wait("car", "roadside")
    able = [replace(rule, skills={**rule.skills, SkillId("roadside"): 2}) for rule in desk.rules.agents]
    assert asked(desk.tell(m.DeskLoaded(rules=replace(desk.rules, agents=tuple(able))))) == [("car", "suzuki")]


def test_an_agent_who_is_deleted_while_ringing_gives_the_call_back() -> None:
    desk = Bench()
    desk.ready("suzuki", "sato")
    made = offer(desk.wait("a"))
    kept = tuple(rule for rule in desk.rules.agents if rule.agent != "suzuki")
    (back,) = desk.tell(m.DeskLoaded(rules=replace(desk.rules, agents=kept)))
    assert isinstance(back, m.TakenBack)
    assert (back.offer_id, back.reason.slug) == (made.offer_id, "agent_removed")
    assert asked(desk.wait("a")) == [("a", "sato")]


# --- When there is nobody ---


def test_nobody_is_logged_in() -> None:
    desk = Bench()
    desk.wait("a")
    assert desk.tick(1.9) == []
    assert treatments(desk.tick(0.2)) == [("a", "nobody_logged_in")]


def test_nobody_has_the_skill() -> None:
    desk = Bench()
    desk.ready("suzuki")
    desk.wait("car", "roadside")
    assert treatments(desk.tick(2.1)) == [("car", "nobody_skilled")]


def test_nobody_for_the_first_step_but_for_a_later_one() -> None:
    steps = (m.Step(want=Has(SkillId("roadside"), 5), expires_s=30),)
    desk = Bench(replace(QUEUE, steps=steps))
    desk.choose("suzuki", AgentState.AVAILABLE)
    desk.wait("a")
    assert treatments(desk.tick(60)) == []


def test_the_last_one_leaves_and_the_next_comes_in_time() -> None:
    desk = Bench()
    desk.choose("suzuki", AgentState.AVAILABLE)
    desk.wait("a")
    desk.choose("suzuki", AgentState.OFFLINE, "logged_out", after=5)
    assert treatments(desk.tick(19)) == []
    desk.choose("sato", AgentState.BREAK)
    assert treatments(desk.tick(60)) == []
    desk.choose("sato", AgentState.OFFLINE)
    assert treatments(desk.tick(21)) == [("a", "nobody_logged_in")]


def test_a_queue_may_let_callers_wait_for_somebody() -> None:
    desk = Bench(replace(QUEUE, nobody_wait=True, max_wait_s=600))
    desk.wait("a")
    assert treatments(desk.tick(599)) == []
    assert treatments(desk.tick(2)) == [("a", "waited_too_long")]


def test_the_maximum_wait_counts_from_the_first_entry_but_lets_a_phone_ring_on() -> None:
    desk = Bench(replace(QUEUE, max_wait_s=30))
    desk.choose("suzuki", AgentState.AVAILABLE)
    desk.wait("a")
    made = offer(desk.ready("suzuki", after=25))
    desk.tell(m.OfferRang(offer_id=made.offer_id, call_id=made.call_id, agent=made.agent))
    assert treatments(desk.tick(15)) == []
    desk.over(made, OfferOutcome.REJECTED)
    assert treatments(desk.wait("a")) == [("a", "waited_too_long")]


def test_who_comes_back_after_a_talk_keeps_their_age_and_gets_a_full_wait() -> None:
    desk = Bench(replace(QUEUE, max_wait_s=30))
    desk.choose("suzuki", AgentState.AVAILABLE)
    desk.now = 600.0
    desk.wait("younger")
    back = m.CallWaits(call_id=CallId("a"), queue=QueueId("members"), queued_at=at(0), since=at(600))
    assert treatments(desk.tell(back)) == []
    made = offer(desk.ready("suzuki"))
    assert made.call_id == "a"
    desk.over(made, OfferOutcome.ACCEPTED)
    assert treatments(desk.tick(29.1)) == [("younger", "waited_too_long")]


def test_who_passes_a_caller_on_to_their_own_queue_does_not_get_them_back_at_once() -> None:
    desk = Bench()
    desk.ready("suzuki")
    desk.choose("sato", AgentState.BREAK)  # somebody else is there, but not now
    desk.over(offer(desk.wait("a")), OfferOutcome.ACCEPTED)
    suzuki = AgentId("suzuki")
    back = m.CallWaits(
        call_id=CallId("a"), queue=QueueId("members"), queued_at=at(0), since=at(desk.now), passed_on_by=suzuki
    )
    assert desk.tell(back) == []
    assert asked(desk.tell(m.AgentFree(agent=suzuki, call_id=CallId("a")))) == []
    assert asked(desk.tick(29.9)) == []
    assert asked(desk.tick(0.2)) == [("a", "suzuki")]


def test_a_closed_queue() -> None:
    desk = Bench(replace(QUEUE, active=False))
    desk.ready("suzuki")
    assert treatments(desk.wait("a")) == [("a", "closed")]


def test_a_queue_that_nobody_configured_still_finds_somebody() -> None:
    desk = Bench()
    desk.ready("suzuki")
    assert asked(desk.wait("a", "mistyped")) == [("a", "suzuki")]


# --- When Asterisk is away ---


def test_a_failed_offer_is_tried_again_with_growing_pauses_and_keeps_its_age() -> None:
    desk = Bench()
    desk.ready("suzuki")
    made = offer(desk.wait("a"))
    for pause in (0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        (back,) = desk.tell(m.OfferFailed(offer_id=made.offer_id))
        assert isinstance(back, m.TakenBack)
        assert (back.outcome, back.reason.slug) == (OfferOutcome.WITHDRAWN, "asterisk_unavailable")
        assert asked(desk.tick(pause - 0.1)) == []
        made = offer(desk.tick(0.2))
        assert made.agent == "suzuki"
    assert made.reason.params["waited_s"] == 36


def test_a_failure_reported_for_a_phone_that_rings_is_not_believed() -> None:
    desk = Bench()
    desk.ready("suzuki")
    made = offer(desk.wait("a"))
    desk.tell(m.OfferRang(offer_id=made.offer_id, call_id=made.call_id, agent=made.agent))
    assert desk.tell(m.OfferFailed(offer_id=made.offer_id)) == []


def test_without_asterisk_nothing_is_offered_and_nothing_given_up() -> None:
    desk = Bench()
    desk.ready("suzuki", "sato")
    made = offer(desk.wait("a"))
    desk.tell(m.LinkIs(up=False))
    assert asked(desk.wait("b")) == []
    assert desk.tick(60) == []
    assert asked(desk.tell(m.LinkIs(up=True))) == [("b", "sato")]
    assert desk.over(made, OfferOutcome.ACCEPTED) == []


def test_a_failed_treatment_is_tried_again() -> None:
    desk = Bench()
    desk.wait("a")
    assert len(treatments(desk.tick(3))) == 1
    desk.tell(m.TreatmentFailed(call_id=CallId("a")))
    assert treatments(desk.tick(0.6)) == []
    assert treatments(desk.tick(2.1)) == [("a", "nobody_logged_in")]


# --- Looking ---


def test_position_and_expected_wait() -> None:
    desk = Bench(QUEUE)
    desk.choose("suzuki", AgentState.AVAILABLE)
    desk.choose("sato", AgentState.AVAILABLE)
    for call in "abc":
        desk.wait(call, after=1)
    third = desk.engine.call(CallId("c"))
    assert third is not None
    assert desk.engine.position(third) == 3
    assert desk.engine.expected_wait_s(third, at(desk.now)) is None  # their phones cannot be reached
    desk.tell(m.PhoneIs(agent=AgentId("suzuki"), phone=PhoneState.BUSY))
    desk.tell(m.PhoneIs(agent=AgentId("sato"), phone=PhoneState.BUSY))
    # Three turns of 240 s / 2 agents on average; the median of such a sum is 0.89 of its mean.
    assert desk.engine.expected_wait_s(third, at(desk.now)) == pytest.approx(3 * 240 / 2 * 0.893, rel=0.001)
    assert desk.engine.queue_counts(QueueId("members")) == (0, 2, 2)
    made = offer(desk.ready("sato"))
    assert made.call_id == "a"
    assert desk.engine.position(third) == 2


def test_unknown_names() -> None:
    desk = Bench()
    with pytest.raises(NotFound):
        desk.choose("nobody", AgentState.AVAILABLE)
    assert desk.tell(m.PhoneIs(agent=AgentId("nobody"), phone=PhoneState.IDLE)) == []
    assert desk.tell(m.CallGone(call_id=CallId("none"))) == []
    assert desk.tell(m.OfferOver(offer_id=OfferId("0" * 32), outcome=OfferOutcome.REJECTED)) == []


def test_a_restored_state_is_not_announced_and_wrap_up_ends_in_time() -> None:
    desk = Bench(limits=m.Limits(wrap_up_s=15))
    told = m.AgentRestored(agent=AgentId("suzuki"), state=AgentState.WRAP_UP, reason="call_over", since=at(-10))
    assert desk.tell(told) == []
    desk.tell(m.PhoneIs(agent=AgentId("suzuki"), phone=PhoneState.IDLE))
    desk.wait("a")
    assert asked(desk.tick(4.9)) == []
    assert asked(desk.tick(0.2)) == [("a", "suzuki")]
