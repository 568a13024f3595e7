"""An agent's phone is lost in mid-call: what the call remembers of it, and until when (decision 0214)."""

from __future__ import annotations

import pytest

from cti.domain import signals as sig
from cti.domain.callend import SOUND_STOPPED, lost_by
from cti.domain.callfsm import advance
from cti.domain.calltrack import Track
from cti.domain.model import AgentId, CallState, ChannelName, QueueId, UniqueId
from tests.unit.calls.test_callfsm import CALLER, LEGS, A, B, arrived, later, leg


def talking() -> Track:
    """Sato has the caller, by a ring that nobody offered."""
    track, _ = advance(arrived(), sig.CallerQueued(at=later(1), queue=QueueId("members"), **CALLER))
    return answered(track, A, 2)


def answered(track: Track, agent: AgentId, at: float) -> Track:
    track, _ = advance(track, sig.DialBegan(at=later(at), **CALLER, **leg(agent)), agent)
    ended = sig.DialEnded(at=later(at + 1), status="ANSWER", **CALLER, **leg(agent))
    return advance(track, ended, agent)[0]


def hung_up(track: Track, agent: AgentId, at: float, cause: int) -> Track:
    channel, uniqueid = LEGS[agent]
    signal = sig.ChannelHungUp(
        at=later(at),
        channel=ChannelName(channel),
        uniqueid=UniqueId(uniqueid),
        call_id=track.call.call_id,
        cause=cause,
        cause_text="",
    )
    return advance(track, signal)[0]


def test_the_caller_of_a_lost_phone_remembers_whose_it_was() -> None:
    track = hung_up(talking(), A, 60, SOUND_STOPPED)
    assert lost_by(track.call) == A
    track, facts = advance(track, sig.CallerQueued(at=later(65), queue=QueueId("members"), **CALLER))
    assert (track.call.state, lost_by(track.call), len(facts)) == (CallState.QUEUED, A, 1)


@pytest.mark.parametrize("cause", [0, 16, 26, 127])
def test_an_agent_who_hangs_up_is_not_lost(cause: int) -> None:
    assert lost_by(hung_up(talking(), A, 60, cause).call) is None


@pytest.mark.parametrize("agent", [A, B])
def test_whoever_answers_ends_it(agent: AgentId) -> None:
    """The same agent again, when their page is back: two parts of one talk. Or another one."""
    lost = hung_up(talking(), A, 60, SOUND_STOPPED)
    track = answered(lost, agent, 61)
    assert lost_by(track.call) is None
    assert [talk.agent for talk in track.call.talks] == [A, agent]
    assert track.call.state is CallState.TALKING
    assert lost_by(hung_up(track, agent, 70, 16).call) is None
