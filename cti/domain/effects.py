"""Effects that cannot be undone, as records and one literal table. Pure.

An effect (a call that is placed, a ticket) is stored before it is sent. What became of it is done, not done, or
unknown, and unknown is settled by looking at the other side, never by sending anew. docs/callbacks.md, aftercall.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol

from cti.domain.copies import changed as replace
from cti.domain.errors import CallerError, IllegalMove, KakehashiError, Unavailable
from cti.domain.model import TenantId

EffectId = NewType("EffectId", str)  # 32 hex digits; the other side keeps its mark under the same id


class MaybeDone(Unavailable):
    """The other side was asked and did not answer: it may have happened."""


class Declined(CallerError):
    """The other side says that it will not do it; ``why`` is a slug for people."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the other side declined: {why}")
        self.why = why


class NeverKnown(KakehashiError):
    """Nobody can find out any more whether it happened, and to ask again might do it twice: a person has to look.

    ``why`` is a slug.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"what became of it nobody can tell: {why}")
        self.why = why


class EffectState(StrEnum):
    """What is known of an effect."""

    STORED = "stored"  # on disk; nobody has been asked yet, or we died while asking
    SENT = "sent"  # the other side has been asked
    UNKNOWN = "unknown"  # it may have happened: look before anything else
    DONE = "done"  # it happened
    NOT_DONE = "not_done"  # it did not happen and never will under this id


class EffectMove(StrEnum):
    """What we learn."""

    SEND = "send"  # we ask the other side now
    CONFIRM = "confirm"  # the other side shows that it happened
    REFUSE = "refuse"  # the other side says that it did not and will not
    SILENCE = "silence"  # no answer in time, or a start found it unsettled
    ABSENT = "absent"  # looked after the id was barred: it did not happen
    ABANDON = "abandon"  # never asked: the reason is gone, or the other side cannot be reached


_S = EffectState

TABLE: dict[EffectState, dict[EffectMove, EffectState]] = {
    _S.STORED: {
        EffectMove.SEND: _S.SENT,
        EffectMove.ABANDON: _S.NOT_DONE,
        EffectMove.SILENCE: _S.UNKNOWN,  # a start cannot know whether the one before had sent it
    },
    _S.SENT: {
        EffectMove.CONFIRM: _S.DONE,
        EffectMove.REFUSE: _S.NOT_DONE,
        EffectMove.SILENCE: _S.UNKNOWN,
    },
    _S.UNKNOWN: {
        EffectMove.CONFIRM: _S.DONE,
        EffectMove.ABSENT: _S.NOT_DONE,
        EffectMove.SILENCE: _S.UNKNOWN,
    },
    _S.DONE: {EffectMove.CONFIRM: _S.DONE},  # the event and the look may both tell
    _S.NOT_DONE: {},
}
SETTLED = frozenset({_S.DONE, _S.NOT_DONE})


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One thing to be done once."""

    effect_id: EffectId
    tenant: TenantId
    kind: str  # which sender: "callback", "outbound", "ticket"
    created_at: datetime
    changed_at: datetime
    body: Mapping[str, str]  # what has to be done; at its end, also the other side's "mark", or "why"
    state: EffectState = EffectState.STORED
    version: int = 1  # counts changes

    @property
    def settled(self) -> bool:
        """Whether it is known what became of it."""
        return self.state in SETTLED

    @property
    def given_up(self) -> bool:
        """Whether nobody will ever know: it stays unknown, and nobody looks for it any more."""
        return self.state is EffectState.UNKNOWN and bool(self.body.get("why"))


def give_up(effect: Effect, at: datetime, why: str) -> Effect:
    """An unknown effect whose fate nobody can find out. Raises IllegalMove for any other state."""
    if effect.state is not EffectState.UNKNOWN:
        raise IllegalMove("give_up", effect.state.value, effect.effect_id)
    body = {**effect.body, "why": why}
    return replace(effect, version=effect.version + 1, changed_at=max(at, effect.changed_at), body=body)


def advance(effect: Effect, move: EffectMove, at: datetime, **said: str) -> Effect:
    """The effect after ``move``, with what the other side ``said`` in its body ("" is nothing).

    Raises IllegalMove, naming move, state and id; nothing is changed then.
    """
    state = TABLE[effect.state].get(move)
    if state is None:
        raise IllegalMove(move.value, effect.state.value, effect.effect_id)
    if state is effect.state:
        return effect
    body = {**effect.body, **{name: value for name, value in said.items() if value}}
    return replace(effect, state=state, version=effect.version + 1, changed_at=max(at, effect.changed_at), body=body)


class Doer(Protocol):
    """The other side, for one kind of effect."""

    async def send(self, effect: Effect) -> str | None:
        """Ask for it, once. Returns the mark when the answer itself shows that it happened; None: an event will show.

        Raises MaybeDone when it may have been done, any other KakehashiError when it was surely not.
        """

    async def look(self, effect: Effect) -> str:
        """What became of it: its mark, "" when it did not happen and never will under this id.

        Where the other side can bar an id, it is barred first. Where it does the same id once however often it is
        asked, to ask again is to look. Raises Unavailable, Declined, and NeverKnown when nobody can tell any more.
        """
