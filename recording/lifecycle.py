"""The states a recording goes through, as a literal table. PURE.

::

    expected ─► recording ─► ended ─► encoded ─► uploaded ─► verified ─► stored | salvaged | truncated
        │           │          │         │           │
        └───────────┴──────────┴─► not_recorded (why)│          (not_recorded ─found─► ended)
                               └─────────┴───────────┴─► failed (why) ─retry─► ended

``stored``, ``salvaged`` and ``truncated`` can all be replayed; the last two say that the sound is not all
that was spoken, or had to be rescued. They and ``not_recorded`` end in ``deleted`` when their time is over, or when
somebody with the right says so. ``failed`` is never the end: it is tried again.
"""

from __future__ import annotations

from enum import StrEnum

from cti.domain.errors import IllegalMove


class RecordingState(StrEnum):
    """Where a call's recording is."""

    EXPECTED = "expected"  # the policy says this call is recorded; no file was announced yet
    RECORDING = "recording"  # Asterisk writes at least one file
    ENDED = "ended"  # the call is over; the files wait in the spool
    ENCODED = "encoded"  # one stereo file, hashed, on our disk
    UPLOADED = "uploaded"  # the object store has accepted it
    VERIFIED = "verified"  # read back from the object store, the hash is ours
    STORED = "stored"  # verified and in the ledger; the spool is free again
    SALVAGED = "salvaged"  # stored, from at least one file whose header was broken
    TRUNCATED = "truncated"  # stored, but the sound stops well before the talk did
    NOT_RECORDED = "not_recorded"  # there is nothing to store; the reason says why
    FAILED = "failed"  # a step went wrong; the reason says which, and it is tried again
    DELETED = "deleted"  # it was stored, and is gone on purpose: its time was over, or it was ordered


class Step(StrEnum):
    """What can happen to a recording."""

    FILE_ANNOUNCED = "file_announced"
    CALL_ENDED = "call_ended"
    ENCODED = "encoded"
    UPLOADED = "uploaded"
    VERIFIED = "verified"
    STORED = "stored"
    SALVAGED = "salvaged"
    TRUNCATED = "truncated"
    NOTHING_THERE = "nothing_there"
    FOUND = "found"  # files turned up for a recording that was written off
    FAILED = "failed"
    RETRY = "retry"
    REDO = "redo"  # an intermediate file is gone: start again from the spool
    DELETED = "deleted"  # every version of every object is gone (recording.sweep)
    LOST = "lost"  # the object is gone from the store, and the spool still has the files (reconcile)


_S = RecordingState
TABLE: dict[RecordingState, dict[Step, RecordingState]] = {
    _S.EXPECTED: {
        Step.FILE_ANNOUNCED: _S.RECORDING,
        Step.CALL_ENDED: _S.ENDED,
        Step.NOTHING_THERE: _S.NOT_RECORDED,
    },
    _S.RECORDING: {
        Step.CALL_ENDED: _S.ENDED,
        Step.NOTHING_THERE: _S.NOT_RECORDED,
    },
    _S.ENDED: {
        Step.ENCODED: _S.ENCODED,
        Step.NOTHING_THERE: _S.NOT_RECORDED,
        Step.FAILED: _S.FAILED,
    },
    _S.ENCODED: {
        Step.UPLOADED: _S.UPLOADED,
        Step.FAILED: _S.FAILED,
        Step.REDO: _S.ENDED,
    },
    _S.UPLOADED: {
        Step.VERIFIED: _S.VERIFIED,
        Step.FAILED: _S.FAILED,
        Step.REDO: _S.ENDED,
    },
    _S.VERIFIED: {
        Step.STORED: _S.STORED,
        Step.SALVAGED: _S.SALVAGED,
        Step.TRUNCATED: _S.TRUNCATED,
    },
    _S.STORED: {Step.LOST: _S.FAILED, Step.DELETED: _S.DELETED},
    _S.SALVAGED: {Step.LOST: _S.FAILED, Step.DELETED: _S.DELETED},
    _S.TRUNCATED: {Step.LOST: _S.FAILED, Step.DELETED: _S.DELETED},
    _S.NOT_RECORDED: {Step.FOUND: _S.ENDED, Step.DELETED: _S.DELETED},
    _S.DELETED: {},
    _S.FAILED: {Step.RETRY: _S.ENDED, Step.NOTHING_THERE: _S.NOT_RECORDED},
}

REPLAYABLE: frozenset[RecordingState] = frozenset({_S.STORED, _S.SALVAGED, _S.TRUNCATED})
"""An object is in the store and its hash was checked."""

SETTLED: frozenset[RecordingState] = REPLAYABLE | {_S.NOT_RECORDED, _S.DELETED}
"""Nothing more happens by itself."""


def advance(state: RecordingState, step: Step, *, call_id: str) -> RecordingState:
    """The state after ``step``. Raises IllegalMove, and changes nothing, when the table has no such move."""
    after = TABLE[state].get(step)
    if after is None:
        raise IllegalMove(step.value, state.value, call_id)
    return after
