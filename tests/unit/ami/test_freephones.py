"""A phone is free with the end of its last leg that was seen to begin, and an ordinary one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.ami.freephones import FreePhones
from cti.domain.model import ChannelName, PhoneState, UniqueId
from cti.domain.signals import BridgeEntered, ChannelHungUp, DeviceChanged, DialBegan, Signal

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CALLER = ChannelName("PJSIP/trunk-00000001")


def _channel(phone: str, number: int) -> ChannelName:
    return ChannelName(f"PJSIP/{phone}-{number:08x}")


def _rings(phone: str, number: int, caller: ChannelName = CALLER) -> DialBegan:
    return DialBegan(
        at=NOW, channel=caller, uniqueid=UniqueId("1.0"), call_id=None,
        agent_channel=_channel(phone, number), agent_uniqueid=UniqueId(f"2.{number}"),
    )  # fmt: skip


def _ends(phone: str, number: int, cause: int = 16) -> ChannelHungUp:
    return ChannelHungUp(
        at=NOW, channel=_channel(phone, number), uniqueid=UniqueId(f"2.{number}"), call_id=None, cause=cause,
        cause_text="",
    )  # fmt: skip


def _is(phone: str, state: PhoneState) -> DeviceChanged:
    return DeviceChanged(at=NOW, endpoint=phone, state=state)


def _told(free: FreePhones, *signals: Signal) -> list[DeviceChanged]:
    return [told for signal in signals if (told := free.note(signal)) is not None]


@pytest.mark.parametrize("cause", [16, 26])
def test_the_end_of_a_leg_says_that_its_phone_is_free(cause: int) -> None:
    assert _told(FreePhones(), _rings("demo-sato", 7), _ends("demo-sato", 7, cause)) == [
        _is("demo-sato", PhoneState.IDLE)
    ]


@pytest.mark.parametrize("cause", [0, 17, 20, 44])
def test_a_phone_that_may_be_gone_is_asked_for(cause: int) -> None:
    assert _told(FreePhones(), _rings("demo-sato", 7), _ends("demo-sato", 7, cause)) == []


def test_who_has_another_leg_is_not_free_nor_is_one_whose_beginning_nobody_saw() -> None:
    free = FreePhones()
    assert _told(free, _rings("demo-sato", 7), _rings("demo-sato", 8), _ends("demo-sato", 7)) == []
    assert _told(free, _ends("demo-sato", 8)) == [_is("demo-sato", PhoneState.IDLE)]
    assert _told(free, _ends("demo-sato", 9)) == []
    own = BridgeEntered(at=NOW, channel=_channel("demo-sato", 11), uniqueid=UniqueId("2.11"), call_id=None, bridge="b")
    assert _told(free, own, _rings("demo-sato", 12), _ends("demo-sato", 12)) == []


def test_after_a_gap_nothing_is_known() -> None:
    free = FreePhones()
    free.note(_rings("demo-sato", 7))
    free.forget()
    assert _told(free, _ends("demo-sato", 7)) == []
    assert free.news(_is("demo-sato", PhoneState.IDLE))


def test_what_the_device_says_then_is_told_once_and_what_differs_always() -> None:
    free = FreePhones()
    _told(free, _rings("demo-sato", 7), _ends("demo-sato", 7))
    assert not free.news(_is("demo-sato", PhoneState.IDLE))
    assert free.news(_is("demo-sato", PhoneState.IDLE))
    _told(free, _rings("demo-sato", 8), _ends("demo-sato", 8))
    assert free.news(_is("demo-suzuki", PhoneState.IDLE))
    assert free.news(_is("demo-sato", PhoneState.UNREACHABLE))
    assert free.news(_is("demo-sato", PhoneState.IDLE))


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 4), st.booleans()), max_size=40))
def test_free_is_said_exactly_when_the_last_leg_ends(steps: list[tuple[str, int, bool]]) -> None:
    free = FreePhones()
    open_legs: set[tuple[str, int]] = set()
    for phone, number, begins in steps:
        leg = (phone, number + (10 if phone == "b" else 0))
        told = free.note(_rings(*leg) if begins else _ends(*leg))
        was_open = leg in open_legs
        open_legs = open_legs | {leg} if begins else open_legs - {leg}
        last = not begins and was_open and not any(one == phone for one, _ in open_legs)
        assert told == (_is(phone, PhoneState.IDLE) if last else None)
