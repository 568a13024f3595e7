"""What Asterisk reports of a channel's sound, as the call tells it."""

from __future__ import annotations

from cti.domain import events as ev
from cti.domain.model import UniqueId
from cti.domain.soundsignals import NumbersFellBack
from tests.unit.calls.test_callfsm import TALK, A, later, on_leg, run


def test_numbers_that_fell_back_are_told_and_change_nothing() -> None:
    before, _ = run(*TALK)
    signal = NumbersFellBack(at=later(10), began_at=later(9), ended_at=None, lost_s=3.0, **on_leg(A))
    track, facts = run(*TALK, signal)
    lost = facts[-1]
    assert isinstance(lost, ev.SoundLost)
    assert (lost.uniqueid, lost.began_at, lost.until_at, lost.lost_s) == (signal.uniqueid, later(9), None, 3.0)
    assert track.call == before.call == lost.call
    assert track.legs == before.legs
    assert lost.uniqueid != UniqueId(track.call.uniqueid)
