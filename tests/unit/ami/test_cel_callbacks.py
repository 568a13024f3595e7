"""Asterisk's account of a callback that was served without us: one call, with its talk, wherever the reading begins."""

from __future__ import annotations

import json

import pytest

from cti.ami.cel import Account, CelReader, read_row
from cti.ami.celrecord import record
from cti.domain.model import AgentId, EndReason, TenantId
from tests.unit.ami.celaccount import CALL, SATO, T0, at

EFFECT = "eb87e467d4364413a8d6eb46674671f5"
OUT, PLACE = (f"Local/{EFFECT}@cti-callback-00000001;{half}" for half in (1, 2))
PERSON = "PJSIP/trunk-00000004"
NOTE = "+81501234510|members|1795305441|"
UNIQUE = {OUT: f"{EFFECT}-out", PLACE: f"{EFFECT}-place", SATO: "1795305440.10", PERSON: "1795305440.11"}


def line(kind: str, when: float, name: str, *, account: bool = True, tenant: bool = False, **extra: object) -> str:
    fields = (
        kind, f"{T0 + when:.6f}", CALL if account else "", "demo" if tenant else "", UNIQUE[name], UNIQUE[OUT], name,
        "cti-connect", "", json.dumps(extra) if extra else "", NOTE if tenant else "",
    )  # fmt: skip
    return ",".join('"' + field.replace('"', '""') + '"' for field in fields)


def served(*, reached: bool = True, queue: bool = False) -> list[str]:
    """As Asterisk 22.10.1 wrote it. ``queue``: rung by its own queue, whose legs do not carry the call's identity."""
    leg = not queue
    lines = [
        line("CHAN_START", 1, OUT, account=False),
        line("CHAN_START", 1, PLACE, account=False),
        line("CHAN_START", 1.1, SATO, account=False),
        line("ANSWER", 2, SATO, account=leg),
        line("ANSWER", 2.01, OUT, account=False, tenant=True),
        line("ANSWER", 2.02, PLACE, tenant=True),
        line("BRIDGE_ENTER", 2.03, SATO, account=leg, bridge_id="b1"),
        line("BRIDGE_ENTER", 2.04, PLACE, tenant=True, bridge_id="b1"),
        line("CHAN_START", 2.05, PERSON, account=False),
    ]
    if reached:
        lines += [
            line("ANSWER", 4, PERSON),
            line("BRIDGE_ENTER", 5, PERSON, bridge_id="b2"),
            line("BRIDGE_ENTER", 5.01, OUT, tenant=True, bridge_id="b2"),
        ]
    # The agent hangs up; the place's half ends before the one that dialled.
    lines += [
        line("HANGUP", 9, SATO, account=leg, hangupcause=16, hangupsource=SATO),
        line("CHAN_END", 9, SATO, account=leg),
        line("HANGUP", 9.03, PLACE, tenant=True, hangupcause=16, hangupsource=SATO),
        line("CHAN_END", 9.03, PLACE, tenant=True),
        line("CHAN_END", 9.04, PERSON),
        line("HANGUP", 9.05, OUT, tenant=True, hangupcause=16, hangupsource=""),
        line("CHAN_END", 9.05, OUT, tenant=True),
    ]
    return lines


def read(lines: list[str]) -> list[Account]:
    reader, found = CelReader(), []
    for text in lines:
        row = read_row(text)
        assert row is not None
        if (account := reader.take(row)) is not None:
            found.append(account)
    return [*found, *reader.rest()]


@pytest.mark.parametrize("queue", [False, True])
def test_it_is_one_call_whose_caller_is_the_place(queue: bool) -> None:
    (account,) = read(served(queue=queue))
    assert (account.channel, account.uniqueid) == (PLACE, UNIQUE[PLACE])
    assert [(talk.channel, talk.answered_at, talk.ended_at) for talk in account.talks] == [(SATO, at(2.03), at(9))]
    assert (account.closed, account.reached, account.hung_up_by) == (True, True, SATO)


@pytest.mark.parametrize("begin", range(12))
def test_wherever_the_reading_begins_no_second_call_without_a_talk_is_made_of_its_other_half(begin: int) -> None:
    (account,) = read(served()[begin:])
    assert account.uniqueid == UNIQUE[PLACE]
    assert account.closed


@pytest.mark.parametrize(("reached", "reason"), [(True, EndReason.COMPLETED), (False, EndReason.UNREACHED)])
def test_the_record_says_whether_the_person_was_reached(reached: bool, reason: EndReason) -> None:
    (account,) = read(served(reached=reached))
    call = record(account, lambda _: (TenantId("demo"), AgentId("sato")), number_called="+81501234510", base=None)
    assert call.end_reason is reason
    assert [talk.agent for talk in call.talks] == ["sato"]
