"""Contact records from Asterisk's own account."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cti.ami.cel import Account, CelReader, read_row
from cti.ami.celrecord import record
from cti.domain.model import (
    AgentId,
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    EndedBy,
    EndReason,
    QueueId,
    TalkSegment,
    TenantId,
    UniqueId,
)
from tests.unit.ami.celaccount import CALL, CALLER, SATO, Written, answered, at

DEMO = TenantId("demo")


def agent_of(endpoint: str) -> tuple[TenantId, AgentId] | None:
    known = {"demo-sato": "sato", "demo-smith": "smith"}
    return (DEMO, AgentId(known[endpoint])) if endpoint in known else None


def account(written: Written) -> Account:
    reader = CelReader()
    taken = [reader.take(row) for line in written.lines if (row := read_row(line))]
    return next(found for found in (*taken, *reader.rest()) if found is not None)


def made(written: Written, base: Call | None = None) -> Call:
    return record(account(written), agent_of, number_called="+81501234510", base=base)


def test_answered_in_the_fallback() -> None:
    call = made(answered())
    assert (call.call_id, call.tenant, call.state, call.inferred) == (CALL, DEMO, CallState.ENDED, True)
    assert (call.arrived_at, call.queued_at, call.fallback_at) == (at(0.088), at(1), at(2))
    assert (call.answered_at, call.ended_at) == (at(9.5), at(20.25))
    assert [(talk.agent, talk.answered_at, talk.ended_at) for talk in call.talks] == [("sato", at(9.5), at(20.26))]
    assert (call.ended_by, call.end_reason, call.hangup_cause) == (EndedBy.CALLER, EndReason.COMPLETED, 16)
    assert call.caller == CallerNumber(kind=CallerKind.UNKNOWN)
    assert (call.number_called, call.queue) == ("+81501234510", "members")


@pytest.mark.parametrize(
    ("note", "context", "by", "reason", "who"),
    [
        ("n|members|1795305441|1795305442", "cti-fallback", CALLER, EndReason.ABANDONED_IN_QUEUE, EndedBy.CALLER),
        ("n", "cti-menu", CALLER, EndReason.ABANDONED_IN_MENU, EndedBy.CALLER),
        ("n", "cti-menu", "", EndReason.FAILED, EndedBy.SYSTEM),
        ("n|members||1795305442", "cti-treat", "dialplan/builtin", EndReason.TREATED, EndedBy.SYSTEM),
        ("n|members||1795305442", "cti-treat", CALLER, EndReason.TREATED, EndedBy.CALLER),
    ],
)
def test_nobody_answered(note: str, context: str, by: str, reason: EndReason, who: EndedBy) -> None:
    call = made(Written(note=note).arrives().ends(8, CALLER, by=by, context=context))
    assert (call.end_reason, call.ended_by, call.answered_at, call.talks) == (reason, who, None, ())


def test_the_agent_hung_up() -> None:
    call = made(Written().arrives().talk(5, SATO).ends(9, SATO, by=SATO).ends(9.1, CALLER, by=SATO))
    assert (call.ended_by, call.end_reason) == (EndedBy.AGENT, EndReason.COMPLETED)


def test_died_with_asterisk() -> None:
    talked = Written().arrives().talk(5, SATO)
    assert (made(talked).ended_by, made(talked).end_reason) == (EndedBy.UNKNOWN, EndReason.COMPLETED)
    waited = made(Written().arrives())
    assert (waited.end_reason, waited.hangup_cause, waited.ended_at) == (EndReason.FAILED, 38, at(0.088))


def test_who_talked_and_is_nobody_of_the_desk_is_left_out_but_the_call_is_not() -> None:
    call = made(Written().arrives().talk(5, "PJSIP/demo-gone-00000004").ends(9, CALLER, by=CALLER))
    assert call.talks == ()
    assert call.ended_at == at(9)


def test_what_was_known_before_stays_and_is_completed() -> None:
    before = replace(
        made(answered()),
        state=CallState.TALKING,
        caller=CallerNumber(kind=CallerKind.NUMBER, e164="+819012345678"),
        queue=QueueId("urgent"),
        queued_at=at(0.7),
        arrived_at=at(0.1),
        answered_at=at(3),
        talks=(
            TalkSegment(
                agent=AgentId("smith"),
                offer_id=None,
                agent_channel=ChannelName("PJSIP/demo-smith-00000003"),
                agent_uniqueid=UniqueId("1795305440.3"),
                answered_at=at(3),
            ),
        ),
        held_since=at(4),
        held_s=1.0,
        ended_at=None,
    )
    call = made(answered(), before)
    assert (call.caller.e164, call.queued_at, call.arrived_at, call.answered_at) == (
        "+819012345678",
        at(0.7),
        at(0.1),
        at(3),
    )
    assert [(talk.agent, talk.ended_at) for talk in call.talks] == [("smith", at(20.25)), ("sato", at(20.26))]
    assert (call.held_since, call.held_s) == (None, 17.25)
    assert call.call_id == CallId(CALL)
