"""Which calls are drawn: each once, everybody's number, by chance and again the same."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given as example
from hypothesis import strategies as st

from cti.domain.model import AgentId, CallId
from cti.domain.sampling import Candidate, Chosen, Rule, RuleKind, draw, fits, hand_out
from tests.unit.domain.evaluations import T0

AGENTS = [AgentId(name) for name in ("sato", "suzuki", "mori")]


def part(number: int, agent: str = "sato", **more: Any) -> Candidate:
    return replace(Candidate(call_id=CallId(f"call-{number:04d}"), agent=AgentId(agent), at=T0), **more)


def any_of(per_agent: int) -> Rule:
    return Rule(kind=RuleKind.RANDOM, per_agent=per_agent)


@st.composite
def desks(draw_: st.DrawFn) -> list[Candidate]:
    """Calls, each talked in by one to three agents."""
    calls = draw_(st.lists(st.sets(st.sampled_from(AGENTS), min_size=1), max_size=12))
    return [
        part(number, agent, hold_s=draw_(st.sampled_from([0.0, 30.0, 90.0])))
        for number, agents in enumerate(calls)
        for agent in sorted(agents)
    ]  # fmt: skip


RULES = st.lists(
    st.builds(
        Rule,
        kind=st.sampled_from([RuleKind.RANDOM, RuleKind.LONG_HOLD]),
        per_agent=st.integers(1, 3),
        seconds=st.just(60.0),
    ),
    max_size=3,
)


@example(desks(), RULES, st.text(max_size=5))
def test_no_call_twice_and_each_by_a_rule_that_fits(desk: list[Candidate], rules: list[Rule], seed: str) -> None:
    made = draw(desk, rules, AGENTS, seed)
    assert len({one.call_id for one in made.chosen}) == len(made.chosen)
    parts = {(one.call_id, one.agent): one for one in desk}
    for one in made.chosen:
        rule = next(rule for rule in rules if rule.kind is one.because)
        assert fits(rule, parts[one.call_id, one.agent]) == one.detail
    wanted = sum(rule.per_agent for rule in rules)
    have = Counter(one.agent for one in made.chosen)
    assert all(have[agent] + made.short.get(agent, 0) == wanted for agent in AGENTS)


@example(desks(), st.integers(1, 3), st.text(max_size=5))
def test_nobody_goes_short_whom_another_hand_out_would_have_helped(
    desk: list[Candidate], number: int, seed: str
) -> None:
    made = draw(desk, [any_of(number)], AGENTS, seed)
    # Hall: of every group of agents, the calls that any of them talked in bound what the group can get.
    most = len(AGENTS) * number
    for size in range(1, len(AGENTS) + 1):
        for group in itertools.combinations(AGENTS, size):
            calls = {one.call_id for one in desk if one.agent in group}
            rest = (len(AGENTS) - size) * number
            most = min(most, min(len(calls), size * number) + rest)
    assert len(made.chosen) == most


@example(desks(), RULES, st.text(max_size=5), st.randoms())
def test_the_same_seed_draws_the_same_whatever_the_order(
    desk: list[Candidate], rules: list[Rule], seed: str, chance: Any
) -> None:
    mixed = chance.sample(desk, len(desk))
    assert draw(mixed, rules, list(reversed(AGENTS)), seed) == draw(desk, rules, AGENTS, seed)


def test_every_call_has_the_same_chance() -> None:
    desk = [part(number) for number in range(10)]
    often = Counter(
        one.call_id for seed in range(2_000) for one in draw(desk, [any_of(3)], AGENTS[:1], str(seed)).chosen
    )
    # 600 each are expected; 2000 draws of 3 of 10 stray by 20.5 (one sigma), five of them are 103.
    assert all(abs(often[one.call_id] - 600) < 103 for one in desk), often


def test_who_goes_short_where_there_is_too_little_is_chance_too() -> None:
    shared = [part(1, agent) for agent in AGENTS]  # one call in which all three talked
    often = Counter(draw(shared, [any_of(1)], AGENTS, str(seed)).chosen[0].agent for seed in range(600))
    # 200 each are expected, give or take 11.5 (one sigma); six of them are 69.
    assert all(abs(often[agent] - 200) < 69 for agent in AGENTS), often


def test_signals() -> None:
    def why(rule: Rule, **about: Any) -> Any:
        return fits(rule, part(1, **about))

    silence = Rule(kind=RuleKind.LONG_SILENCE, per_agent=1, seconds=20)
    assert why(silence, silence_s=20.0) == {"silence_s": 20.0}
    assert (why(silence, silence_s=19.9), why(silence, silence_s=None)) == (None, None)
    hold = Rule(kind=RuleKind.LONG_HOLD, per_agent=1, seconds=0)
    assert (why(hold, hold_s=0.0), why(hold, hold_s=0.5)) == (None, {"hold_s": 0.5})
    reason = Rule(kind=RuleKind.REASON, per_agent=1, reasons=frozenset({"unlock"}))
    assert (why(reason, reasons=frozenset({"unlock", "other"})), why(reason)) == ({"reason": "unlock"}, None)
    again = Rule(kind=RuleKind.REPEAT_CALLER, per_agent=1)
    assert (why(again, repeat_of=CallId("x")), why(again)) == ({"repeat_of": "x"}, None)


def test_calls_are_handed_out_in_turn_and_nobody_scores_themselves() -> None:
    chosen = [Chosen(call_id=CallId(str(n)), agent=AgentId("sato"), because=RuleKind.RANDOM) for n in range(4)]
    assert hand_out(chosen, ["abe", "mori"], {}) == ["abe", "mori", "abe", "mori"]
    assert hand_out(chosen[:2], ["own", "mori"], {AgentId("sato"): "own"}) == ["mori", "mori"]
    assert hand_out(chosen[:1], ["own"], {AgentId("sato"): "own"}) == [""]
