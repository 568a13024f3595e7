"""Actions as headers: what docs/dialplan.md promises, and nothing that could be read as something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.ami import actions
from cti.domain.errors import CallerError
from cti.domain.model import AgentId, CallId, ChannelName, Offer, OfferId, QueueId, TenantId

CHANNEL = ChannelName("PJSIP/trunk-0000001a")


def an_offer(offer_id: str = "0a" * 16) -> Offer:
    return Offer(
        offer_id=OfferId(offer_id), tenant=TenantId("demo"), call_id=CallId("c"), queue=QueueId("members"),
        agent=AgentId("sato"), ring_s=20, reason="最長待機", made_at=datetime(2026, 11, 21, tzinfo=UTC), attempt=1,
    )  # fmt: skip


def test_an_offer_is_the_variable_that_the_dialplan_compares_and_then_the_move() -> None:
    setvar, redirect = actions.offer(an_offer(), channel=CHANNEL, endpoint="demo-sato", epoch="17")
    assert setvar == {
        "Action": "Setvar",
        "Channel": CHANNEL,
        "Variable": "CTI_OFFER",
        "Value": f"{'0a' * 16}|17|demo-sato|20",
    }
    assert redirect == {
        "Action": "Redirect",
        "Channel": CHANNEL,
        "Context": "cti-connect",
        "Exten": "0a" * 16,
        "Priority": "1",
    }


def test_taking_back_empties_the_variable_first() -> None:
    setvar, redirect = actions.take_back(CHANNEL)
    assert (setvar["Variable"], setvar["Value"]) == ("CTI_OFFER", "")
    assert (redirect["Context"], redirect["Exten"]) == ("cti-wait", "s")


def test_the_others() -> None:
    assert actions.treat(CHANNEL, "closed")["Exten"] == "closed"
    assert actions.beat(1795299049) == {"Action": "Setvar", "Variable": "CTI_BEAT", "Value": "1795299049"}
    assert actions.epoch("7") == {"Action": "Setvar", "Variable": "CTI_EPOCH", "Value": "7"}
    assert actions.hang_up(CHANNEL) == {"Action": "Hangup", "Channel": CHANNEL, "Cause": "16"}
    assert [a["Variable"] for a in actions.set_variables(CHANNEL, {"CTI_LANG": "en", "__X": ""})] == ["CTI_LANG", "__X"]
    assert "CTI_NUMBER" in str(actions.status()["Variables"]).split(",")


@pytest.mark.parametrize(
    "channel", ["", "/.*/", "/PJSIP.*/", "PJSIP", "PJSIP/", "PJSIP/ x", "PJSIP/a\r\nX: y", "x" * 300 + "/a"]
)
def test_a_channel_that_is_none(channel: str) -> None:
    for build in (actions.take_back, actions.hang_up, lambda c: actions.treat(c, "closed")):
        with pytest.raises(CallerError):
            build(ChannelName(channel))


@pytest.mark.parametrize(
    "name", ["", "SHELL(reboot)", "CHANNEL(language)", "1X", "A B", "A=B", "A\r\n", "X" * 100, "___A"]
)
def test_a_variable_whose_name_would_be_a_function_or_a_second_header(name: str) -> None:
    with pytest.raises(CallerError, match="variable"):
        actions.set_variable(name, "1")


@pytest.mark.parametrize(
    ("offer_id", "endpoint"),
    [
        ("short", "demo-sato"),
        ("0A" * 16, "demo-sato"),
        ("0a" * 16, "demo sato"),
        ("0a" * 16, "a|b"),
        ("0a" * 16, "../x"),
    ],
)
def test_an_offer_that_the_dialplan_could_not_read(offer_id: str, endpoint: str) -> None:
    with pytest.raises(CallerError):
        actions.offer(an_offer(offer_id), channel=CHANNEL, endpoint=endpoint, epoch="1")


@pytest.mark.parametrize("treatment", ["", "s,1", "a b", "Closed", "h&x"])
def test_a_treatment_that_is_no_extension(treatment: str) -> None:
    with pytest.raises(CallerError):
        actions.treat(CHANNEL, treatment)


@given(st.text(max_size=30))
def test_no_text_makes_an_action_of_something_else(text: str) -> None:
    builds: tuple[Callable[[], Mapping[str, object]], ...] = (
        lambda: actions.set_variable(text, "1"),
        lambda: actions.hang_up(ChannelName(text)),
        lambda: actions.treat(CHANNEL, text),
    )
    for build in builds:
        try:
            built = build()
        except CallerError:
            continue
        assert not any("\r" in str(v) or "\n" in str(v) for v in built.values())


EFFECT = "e" * 32


def test_a_callback_is_one_shape_of_originate() -> None:
    action = actions.call_back(EFFECT, "09012345678", "17", {"id": "c" * 32, "forget": ""})
    assert action["Action"] == "Originate"
    assert action["Channel"] == f"Local/{EFFECT}@cti-callback/n"
    assert (action["Context"], action["Exten"]) == ("cti-callback-out", EFFECT)
    assert "Application" not in action
    assert str(action["Variable"]).startswith(
        f"CTI_EFFECT={EFFECT},CTI_EFFECT_EPOCH=17,CTI_CALLEE=09012345678,CTI_CB_ID=c"
    )


@pytest.mark.parametrize(
    ("effect", "number", "variables"),
    [
        ("x", "09012345678", {}),
        (EFFECT, "110", {}),
        (EFFECT, "0990123456", {}),
        (EFFECT, "0570123456", {}),
        (EFFECT, "+819012345678", {}),
        (EFFECT, "09012345678&PJSIP/x", {}),
        (EFFECT, "09012345678", {"id": "a,CTI_CALLEE=110"}),
        (EFFECT, "09012345678", {"id": "${SHELL(x)}"}),
    ],
)
def test_nothing_else_is_placed(effect: str, number: str, variables: dict[str, str]) -> None:
    with pytest.raises(CallerError):
        actions.call_back(effect, number, "17", variables)


def test_an_agent_may_have_what_costs_nothing_dialled_and_no_more_than_that() -> None:
    action = actions.call_back(EFFECT, "0120123456", "17", {"by": "sato", "agent": "demo-sato"})
    assert str(action["Variable"]).endswith("CTI_CALLEE=0120123456,CTI_CB_BY=sato,CTI_CB_AGENT=demo-sato")
    with pytest.raises(CallerError):
        actions.call_back(EFFECT, "0120123456", "17", {"by": ""})
    for number in ("110", "0990123456", "0570123456", "0180123456", "01012025550123"):
        with pytest.raises(CallerError):
            actions.call_back(EFFECT, number, "17", {"by": "sato"})


def test_an_effect_is_barred_and_looked_for_by_its_id() -> None:
    barred = actions.bar_effect(EFFECT)
    assert (barred["Variable"], barred["Value"]) == (f"CTI_VOID_{EFFECT[:4]}", EFFECT)
    assert actions.effect_mark(EFFECT) == {"Action": "DBGet", "Family": "cti-effect", "Key": EFFECT}
    for action in (actions.bar_effect, actions.effect_mark):
        with pytest.raises(CallerError):
            action("x)")


AT = datetime(2026, 11, 22, 3, 4, 5, 678_000, tzinfo=UTC)
PERMIT = actions.Outside(digits="0334980110", shows="+81501234500", ring_s=45, language="ja", epoch="17", at=AT)
AGENT = ChannelName("PJSIP/demo-sato-0000001b")


def test_somebody_outside_is_a_permit_on_the_channel_that_dials_and_then_one_move() -> None:
    permit, move = actions.ask_outside(CHANNEL, AGENT, PERMIT, held=False)
    value = f"0334980110|+81501234500|45|ja|17|{int(AT.timestamp())}"
    assert permit == {"Action": "Setvar", "Channel": AGENT, "Variable": "CTI_OUT", "Value": value}
    assert (move["Channel"], move["Context"], move["ExtraChannel"], move["ExtraContext"]) == (
        CHANNEL, "cti-hold", AGENT, "cti-ask-out",
    )  # fmt: skip
    _, move = actions.ask_outside(CHANNEL, AGENT, PERMIT, held=True)
    assert (move["Channel"], move["Context"], "ExtraChannel" in move) == (AGENT, "cti-ask-out", False)
    permit, move = actions.pass_outside(CHANNEL, AGENT, PERMIT)
    assert (permit["Channel"], permit["Value"]) == (CHANNEL, value)
    assert (move["Context"], move["ExtraContext"], move["Exten"]) == ("cti-pass-out", "cti-passing", "s")


@pytest.mark.parametrize(
    "change",
    [{"digits": digits} for digits in ("110", "0990123456", "0570008139", "03349801|0", "+81334980110", "")]
    + [{"shows": "a|b"}, {"language": "ja)"}, {"epoch": "1\n2"}],
)
def test_no_permit_is_written_for_what_may_not_be_dialled(change: dict[str, str]) -> None:
    with pytest.raises(CallerError):
        actions.pass_outside(CHANNEL, AGENT, replace(PERMIT, **change))  # type: ignore[arg-type]


def test_a_leg_is_recorded_anew_by_a_word_and_then_the_key_that_looks_for_it() -> None:
    setvar, key = actions.record_anew(CHANNEL)
    assert setvar == {"Action": "Setvar", "Channel": CHANNEL, "Variable": "CTI_ANEW", "Value": "1"}
    assert key == {"Action": "PlayDTMF", "Channel": CHANNEL, "Digit": "D", "Duration": "1", "Receive": "true"}
    # And a frame with which the key ends: a phone that holds sends none.
    wake = actions.wake(CHANNEL)
    assert wake == {"Action": "Setvar", "Channel": CHANNEL, "Variable": "TIMEOUT(absolute)", "Value": "0"}
    for action in (actions.record_anew, actions.wake):
        with pytest.raises(CallerError):
            action(ChannelName("/.*/"))
