from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.model import AgentId, ChannelName, Consultation, UniqueId
from cti.domain.recordpolicy import Decision, Facts, Record, RecordRule, decide, facts_of, rules_from_data
from tests.unit.web.fakes import T0, closed_call

ALWAYS, ON_DEMAND, NEVER = Record
ids = st.none() | st.sampled_from(["a", "b"])
rules = st.builds(
    RecordRule, record=st.sampled_from(Record), queue=ids, agent=ids, answer=ids,
    direction=st.none() | st.sampled_from(["inbound", "outbound"]),
)  # fmt: skip
facts = st.builds(
    Facts, queue=ids, direction=st.sampled_from(["inbound", "outbound"]),
    agents=st.frozensets(st.sampled_from(["a", "b"])), answers=st.frozensets(st.sampled_from(["a", "b"])),
)  # fmt: skip


def call(queue: str = "members", *, agents: tuple[str, ...] = (), answers: tuple[str, ...] = ()) -> Facts:
    return Facts(queue=queue, direction="inbound", agents=frozenset(agents), answers=frozenset(answers))


@pytest.mark.parametrize(
    ("rule", "seen", "reason", "why"),
    [
        (RecordRule(record=NEVER, queue="members"), call(), "not_wanted: queue", "not_wanted"),
        (RecordRule(record=NEVER, queue="other"), call(), "recorded", None),
        (RecordRule(record=NEVER, agent="sato"), call(), "recorded", None),
        (RecordRule(record=NEVER, agent="sato"), call(agents=("kato", "sato")), "not_wanted: agent", "not_wanted"),
        (RecordRule(record=NEVER, answer="consent:2"), call(answers=("consent:2",)), "not_wanted: answer", "refused"),
        (RecordRule(record=NEVER, answer="consent:2"), call(answers=("consent:1",)), "recorded", None),
        (RecordRule(record=ON_DEMAND, direction="inbound"), call(), "on_demand: direction", "on_demand"),
        (RecordRule(record=NEVER), call(), "not_wanted: all", "not_wanted"),
    ],
)
def test_what_a_rule_decides_and_why(rule: RecordRule, seen: Facts, reason: str, why: str | None) -> None:
    decision = decide((rule,), seen)
    assert (decision.reason, decision.why) == (reason, why)


def test_of_whoever_is_on_the_line_the_own_rule_counts_and_not_what_holds_for_nobody() -> None:
    rules = (RecordRule(record=ALWAYS, agent="sato"), RecordRule(record=NEVER))
    assert decide(rules, call(agents=("sato",))).reason == "recorded"
    assert decide(rules, call(agents=("kato", "sato"))).reason == decide(rules, call()).reason == "not_wanted: all"


@given(facts)
def test_without_rules_everything_is_recorded(seen: Facts) -> None:
    assert decide((), seen) == Decision(record=ALWAYS, reason="recorded")


@given(st.lists(rules, max_size=5), facts)
def test_one_agent_more_never_makes_more_of_it_recorded(all_rules: list[RecordRule], seen: Facts) -> None:
    order = list(Record)
    for agent in seen.agents:
        alone = decide(
            all_rules,
            Facts(queue=seen.queue, direction=seen.direction, agents=frozenset({agent}), answers=seen.answers),
        )
        assert order.index(decide(all_rules, seen).record) >= order.index(alone.record)


@given(st.lists(rules, max_size=5), facts)
def test_the_first_rule_that_fits_counts_and_the_reason_says_whether(all_rules: list[RecordRule], seen: Facts) -> None:
    decision = decide(all_rules, seen)
    assert decision == decide([*all_rules, *all_rules], seen)
    assert (decision.record is ALWAYS) == (decision.reason == "recorded") == (decision.why is None)


def test_who_is_judged_is_on_the_line_now_with_the_caller_or_with_each_other() -> None:
    over = closed_call(1)  # sato's talk has ended
    goes_on = replace(over.talks[0], agent=AgentId("suzuki"), ended_at=None)
    asked = Consultation(
        first=AgentId("suzuki"), second=AgentId("kato"), channel=ChannelName("PJSIP/demo-kato-1"),
        uniqueid=UniqueId("1.9"), began_at=T0,
    )  # fmt: skip
    gone = replace(asked, second=AgentId("mori"), ended_at=T0)
    outside = replace(asked, second=None, outside="+81334980110")
    facts = facts_of(replace(over, talks=(*over.talks, goes_on), consultations=(gone, asked, outside)))
    assert (facts.queue, facts.agents) == ("members", frozenset({"suzuki", "kato"}))
    assert facts.answers == frozenset({"who:1"})
    assert facts_of(over).agents == frozenset()
    assert facts_of(replace(over, menu=None)).answers == frozenset()


@pytest.mark.parametrize(
    ("extra", "direction"), [({}, "inbound"), ({"dialled_by": "sato"}, "outbound"), ({"callback": "c1"}, "callback")]
)
def test_which_way_a_call_goes(extra: dict[str, str], direction: str) -> None:
    assert facts_of(replace(closed_call(1), extra=extra)).direction == direction


def test_rules_come_back_from_the_database_and_other_shapes_are_refused() -> None:
    assert rules_from_data([{"record": "never", "agent": "sato"}]) == (RecordRule(record=NEVER, agent="sato"),)
    with pytest.raises((KeyError, ValueError)):
        rules_from_data([{"record": "sometimes"}])
