"""What the engine says a caller will wait: who counts as before them, who will overtake, what a plan changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from cti.domain.model import AgentId, AgentState, CallId, OfferId, PhoneState, QueueId, SkillId, SkillLevel
from routing import model as m
from routing.engine import Engine
from routing.expected import FIRST_GUESS_S, Line, estimate
from routing.expression import Has

NOW = datetime(2026, 7, 18, 9, 0, tzinfo=UTC)
# The median of a single turn, as a share of its mean.
ONE = 0.7023


def queue(name: str, skill: str, **more: Any) -> m.QueueRule:
    wanted = (SkillLevel(skill=SkillId(skill), level=1),)
    return m.QueueRule(queue=QueueId(name), skills=wanted, nobody_wait=True, max_wait_s=99_999, wrap_up_s=0, **more)


class Desk:
    """A desk whose agents all talk: nobody is served while the test looks."""

    def __init__(self, queues: list[m.QueueRule], staff: dict[str, dict[str, int]]) -> None:
        numbers = count(1)
        self.engine = Engine(lambda: OfferId(f"{next(numbers):032x}"))
        self.now = NOW
        agents = tuple(
            m.AgentRule(agent=AgentId(name), skills={SkillId(skill): level for skill, level in has.items()})
            for name, has in staff.items()
        )
        self.tell(m.DeskLoaded(rules=m.DeskRules(queues=tuple(queues), agents=agents, limits=m.Limits(wrap_up_s=0))))
        for name in staff:
            self.tell(m.PhoneIs(agent=AgentId(name), phone=PhoneState.BUSY))
            self.tell(m.AgentChooses(agent=AgentId(name), state=AgentState.AVAILABLE, reason=""))

    def tell(self, told: m.Told) -> None:
        self.engine.advance(told, self.now)

    def wait(self, name: str, queue: str) -> None:
        self.tell(m.CallWaits(call_id=CallId(name), queue=QueueId(queue), queued_at=self.now))

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.tell(m.Tick())

    def says(self, name: str) -> float | None:
        call = self.engine.call(CallId(name))
        assert call is not None
        return self.engine.expected_wait_s(call, self.now)


def turns(callers: float, agents: int) -> float:
    found = estimate(
        [Line(callers=callers, handle_s=FIRST_GUESS_S, hang_up_hz=0)], agents=agents, handle_s=FIRST_GUESS_S
    )
    assert found is not None
    return found.half_s


JA, EN = queue("ja", "ja"), queue("en", "en")


def test_the_first_in_line_waits_for_one_turn() -> None:
    desk = Desk([JA], {"a": {"ja": 1}, "b": {"ja": 1}})
    desk.wait("one", "ja")
    assert desk.says("one") == pytest.approx(FIRST_GUESS_S / 2 * ONE, rel=0.001)


def test_callers_whom_only_others_serve_do_not_count() -> None:
    desk = Desk([JA, EN], {"a": {"ja": 1}, "b": {"en": 1}})
    for name in ("e1", "e2", "e3"):
        desk.wait(name, "en")
    desk.wait("one", "ja")
    assert desk.says("one") == pytest.approx(turns(0, 1))


def test_callers_who_share_half_of_their_agents_count_half() -> None:
    desk = Desk([JA, EN], {"a": {"ja": 1}, "both": {"ja": 1, "en": 1}, "c": {"en": 1}})
    desk.wait("e1", "en")
    desk.wait("e2", "en")
    desk.wait("one", "ja")
    assert desk.says("one") == pytest.approx(turns(2 * 0.5, 2))


def test_callers_behind_do_not_count() -> None:
    desk = Desk([JA], {"a": {"ja": 1}})
    desk.wait("one", "ja")
    before = desk.says("one")
    desk.wait("two", "ja")
    assert desk.says("one") == before


def test_an_outage_shows_at_once() -> None:
    desk = Desk([JA], {"a": {"ja": 1}, "b": {"ja": 1}})
    desk.wait("one", "ja")
    both = desk.says("one")
    desk.tell(m.PhoneIs(agent=AgentId("a"), phone=PhoneState.UNREACHABLE))
    one = desk.says("one")
    assert both is not None and one == pytest.approx(2 * both)
    desk.tell(m.AgentChooses(agent=AgentId("b"), state=AgentState.BREAK, reason="lunch"))
    assert desk.says("one") is None


def test_what_was_seen_of_calls_is_used() -> None:
    desk = Desk([JA], {"a": {"ja": 1}})
    for number in range(100):
        desk.tell(m.CallTaken(call_id=CallId(f"c{number}"), agent=AgentId("a"), queue=QueueId("ja")))
        desk.later(60)
        desk.tell(m.AgentFree(agent=AgentId("a"), call_id=CallId(f"c{number}")))
    desk.wait("one", "ja")
    assert desk.says("one") == pytest.approx(60 * ONE, rel=0.03)


def test_hang_ups_that_were_seen_shorten_the_line() -> None:
    desk = Desk([JA], {"a": {"ja": 1}})
    for number in range(200):
        desk.wait(f"x{number}", "ja")
        desk.later(60)
        desk.tell(m.CallGone(call_id=CallId(f"x{number}")))
    for number in range(10):
        desk.wait(f"c{number}", "ja")
    said = desk.says("c9")
    assert said is not None
    assert said < turns(9, 1) / 3


def test_callers_of_a_higher_priority_will_overtake() -> None:
    desk = Desk([JA, queue("vip", "ja", priority=5)], {"a": {"ja": 1}, "b": {"ja": 1}})
    for number in range(20):
        desk.wait(f"v{number}", "vip")
        desk.tell(m.CallGone(call_id=CallId(f"v{number}")))
        desk.later(60)
    desk.wait("one", "ja")
    said = desk.says("one")
    assert said is not None
    assert said > turns(0, 2) * 2


def test_ageing_ends_it() -> None:
    aged = queue("ja", "ja", ageing_every_s=10, ageing_most=9)
    slow = queue("ja", "ja", ageing_every_s=3_600, ageing_most=9)
    said = []
    for rule in (aged, slow):
        desk = Desk([rule, queue("vip", "ja", priority=5)], {"a": {"ja": 1}, "b": {"ja": 1}})
        for number in range(20):
            desk.wait(f"v{number}", "vip")
            desk.tell(m.CallGone(call_id=CallId(f"v{number}")))
            desk.later(60)
        desk.wait("one", "ja")
        said.append(desk.says("one") or 0.0)
    assert turns(0, 2) < said[0] < said[1] / 1.5


def test_a_crowd_before_one_expert_does_not_hold_up_the_others() -> None:
    """Ten wait for the expert; ours may have any of six, and so any of the five others."""
    experts = queue("experts", "deep")
    desk = Desk([JA, experts], {"expert": {"ja": 5, "deep": 1}, **{f"a{n}": {"ja": 1} for n in range(5)}})
    for number in range(10):
        desk.wait(f"x{number}", "experts")
    desk.wait("one", "ja")
    assert desk.says("one") == pytest.approx(turns(0, 5))


def test_a_plan_that_widens_soon_is_no_long_wait() -> None:
    """The expert has ten before ours; from 30 s or 200 s on any of five will do."""
    expert = Has(SkillId("ja"), 5)
    soon = queue("soon", "ja", steps=(m.Step(want=expert, expires_s=30),))
    later = queue("later", "ja", steps=(m.Step(want=expert, expires_s=200),))
    only = queue("only", "ja", steps=(m.Step(want=expert, expires_s=None),))
    desk = Desk([soon, later, only], {"expert": {"ja": 5}, **{f"a{n}": {"ja": 1} for n in range(5)}})
    for number in range(10):
        desk.wait(f"x{number}", "only")
    for name in ("soon", "later", "only"):
        desk.wait(name, name)
    said = {name: desk.says(name) for name in ("soon", "later", "only")}
    assert said["soon"] == pytest.approx(turns(0, 5))  # 34 s, more than the 30 s of the first step
    assert said["later"] == 200
    assert said["only"] == pytest.approx(turns(12, 1))
    desk.later(150)
    # The other has reached the five before; one in six of such callers would get the expert.
    assert desk.says("later") == pytest.approx(turns(5 / 6, 5))
    desk.tell(m.CallGone(call_id=CallId("soon")))
    assert desk.says("later") == 50


def test_who_is_not_in_line_gets_no_figure() -> None:
    desk = Desk([JA], {"a": {"ja": 1}})
    desk.wait("one", "ja")
    desk.tell(m.PhoneIs(agent=AgentId("a"), phone=PhoneState.IDLE))  # it rings
    assert desk.says("one") is None
