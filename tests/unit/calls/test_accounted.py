"""Calls that ended unseen, closed with what Asterisk's own account tells of them."""

from __future__ import annotations

from dataclasses import replace

from cti.domain import events as ev
from cti.domain.model import Call, CallId, CallState, EndedBy, EndReason, OfferOutcome
from cti.domain.signals import CallAccounted
from tests.unit.calls.test_callfsm import CALL, decided, dial_ended, hung_up, later, names, queued, rings
from tests.unit.calls.test_desk import desk_after, seen


def closed(call: Call) -> Call:
    """The record of that call, as the account tells it."""
    return replace(
        call,
        state=CallState.ENDED,
        ended_at=later(50),
        ended_by=EndedBy.CALLER,
        end_reason=EndReason.ABANDONED_IN_QUEUE,
        hangup_cause=16,
        inferred=True,
    )


def told(call: Call) -> CallAccounted:
    return CallAccounted(at=later(90), call=closed(call))


def a_call() -> Call:
    desk, _ = desk_after(queued())
    call = desk.live(CALL)
    assert call is not None
    return call


def test_a_call_that_nobody_heard_of_is_one_fact_its_record() -> None:
    desk, kept = desk_after(hung_up(1))
    unheard = replace(closed(a_call()), call_id=CallId("99999999-1111-4111-8111-111111111111"))
    desk.apply(CallAccounted(at=later(90), call=unheard))
    desk.apply(CallAccounted(at=later(91), call=unheard))
    assert names(kept.events) == ["CallArrived", "CallEnded", "CallEnded"]  # of the first call, and of this one once
    event = kept.events[-1]
    assert isinstance(event, ev.CallEnded)
    assert (event.call, event.at) == (unheard, later(50))


def test_a_live_call_that_is_gone_ends_as_the_account_says_and_is_not_declared_vanished() -> None:
    desk, kept = desk_after(queued())
    desk.apply(told(a_call()))
    desk.apply(seen("other"))
    assert names(kept.events)[-1:] == ["CallEnded"]
    event = kept.events[-1]
    assert isinstance(event, ev.CallEnded)
    assert (event.call.end_reason, event.call.ended_by, event.at) == (
        EndReason.ABANDONED_IN_QUEUE,
        EndedBy.CALLER,
        later(50),
    )
    assert desk.all_live() == ()
    assert names(kept.events).count("CallEnded") == 1


def test_an_offer_that_was_open_is_withdrawn() -> None:
    desk, kept = desk_after(queued(), decided(), rings())
    desk.apply(told(a_call()))
    assert names(kept.events)[-2:] == ["OfferEnded", "CallEnded"]
    event = kept.events[-1]
    assert isinstance(event, ev.CallEnded)
    assert [offer.outcome for offer in event.call.offers] == [OfferOutcome.WITHDRAWN]


def test_an_agent_who_was_talking_is_free() -> None:
    desk, kept = desk_after(queued(), decided(), rings(), dial_ended(1))
    desk.apply(told(a_call()))
    assert names(kept.events)[-2:] == ["AgentFreed", "CallEnded"]


def test_what_we_saw_end_is_not_told_again() -> None:
    desk, kept = desk_after(queued(), hung_up(3))
    before = list(kept.events)
    desk.apply(told(a_call()))
    assert kept.events == before
