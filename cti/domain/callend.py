"""Judgements about endings, pure: how an offer ended, who ended a call, and what became of it.

Source of the causes: every case driven on a real Asterisk 22.10.1 (docs/calls.md has the table). Judged by the Q.850
cause of the agent's Hangup, because DialEnd says NOANSWER for a declined call too.
"""

from __future__ import annotations

from collections.abc import Mapping

from cti.domain.model import AgentId, Call, CallState, EndedBy, EndReason, OfferOutcome

# The phone said no: 17 user busy (486), 21 call rejected (603).
_REJECTED = frozenset({17, 21})
# Nobody answered: 18 no user responding, 19 user alerting no answer (480), 102 recovery on timer expiry (408).
_UNANSWERED = frozenset({18, 19, 102})
# We or the caller took the ring away: 16 normal clearing, 26 answered elsewhere.
ANSWERED_ELSEWHERE = 26
_CLEARED = frozenset({16, ANSWERED_ELSEWHERE})
# Asterisk ends a ring up to a second early or late; earlier than this it was the phone that ended it.
RING_SLACK_S = 1.5

# The sound of an answered phone stopped (rtp_timeout): frozen, without power, reloaded. Nobody hung up.
SOUND_STOPPED = 44

# Asterisk has the call no more and told nobody how it ended: it died, or was restarted. 38, network out of order, is
# what Asterisk itself calls a failure (AST_CAUSE_FAILURE); ``inferred`` says that it is a conclusion.
LOST = 38

# Keys of Call.extra that callbacks use (docs/callbacks.md).
CALLBACK = "callback"  # this call is the waiting place of a callback: its id
STATUS = "callback_status"  # how its person answered, see signals.CallbackReported
KEPT = "kept_place"  # this caller was promised a call back: the callback's id
ANSWERED = "ANSWER"
# And dialling out (docs/outbound.md): the agent who asked for this call. STATUS says how its person answered.
OUTBOUND = "dialled_by"
# The agent whose phone was lost while they had the caller, until somebody answers again (decision 0214).
LOST_BY = "lost_by"


def lost_by(call: Call) -> AgentId | None:
    """Whose phone was lost while they had this caller, who has had nobody since."""
    last = call.talks[-1].agent if call.talks else None
    return last if last is not None and call.extra.get(LOST_BY) == last else None


def cause_of(seen: int | None) -> int:
    """The Q.850 cause that a closed call states; ``seen``: of its channel's end, None when nobody saw that."""
    return LOST if seen is None else seen


def offer_outcome(cause: int, status: str | None, rang_s: float, ring_s: int) -> OfferOutcome:
    """How an offer ended that nobody answered.

    ``cause`` is that of the leg's Hangup or Dial()'s HANGUPCAUSE, ``status`` DialEnd's or DIALSTATUS (None: not seen),
    ``rang_s`` how long it rang and ``ring_s`` how long it was allowed to. Asterisk does not promise which of the two
    it tells first, so both give the same answer.
    """
    if status == "CANCEL" or (cause in _CLEARED and status is None):
        return OfferOutcome.WITHDRAWN
    if cause in _REJECTED or status == "BUSY":
        return OfferOutcome.REJECTED
    rang_out = rang_s >= ring_s - RING_SLACK_S
    if cause == 0:  # Asterisk gave up by itself: the ring was over, or there was nothing to ring
        return OfferOutcome.TIMED_OUT if rang_out else OfferOutcome.UNREACHABLE
    if cause in _UNANSWERED:  # a phone that says so at once is set to do not disturb
        return OfferOutcome.TIMED_OUT if rang_out else OfferOutcome.REJECTED
    if cause in _CLEARED:
        return OfferOutcome.TIMED_OUT
    return OfferOutcome.UNREACHABLE


def ended_by(*, caller_hung_up: bool, agent_hung_up: bool, outside_hung_up: bool = False) -> EndedBy:
    """Who ended a call: whose far end asked for it. The caller's word counts more, the call is theirs."""
    if caller_hung_up:
        return EndedBy.CALLER
    if outside_hung_up:
        return EndedBy.OUTSIDE
    return EndedBy.AGENT if agent_hung_up else EndedBy.SYSTEM


def end_reason(state: CallState, by: EndedBy, *, answered: bool, treated: bool, menu_done: bool) -> EndReason:
    """What became of a call that was in ``state`` when the caller's channel ended."""
    if answered:
        return EndReason.COMPLETED
    if treated:
        return EndReason.TREATED
    in_menu = state in (CallState.ARRIVED, CallState.IN_MENU)
    if by is EndedBy.CALLER:
        return EndReason.ABANDONED_IN_MENU if in_menu else EndReason.ABANDONED_IN_QUEUE
    # The dialplan said something and hung up (its own treatment), or the menu broke half way.
    return EndReason.FAILED if in_menu and not menu_done else EndReason.TREATED


def nobody_there(extra: Mapping[str, str]) -> bool:
    """A call of ours whose person is not there yet, or never was: who is on the line hears a ring, or a stranger."""
    return bool(extra.get(CALLBACK) or extra.get(OUTBOUND)) and extra.get(STATUS) != ANSWERED


def of_callback(extra: Mapping[str, str], reason: EndReason) -> EndReason:
    """What became of a call, corrected by what callbacks know of it."""
    if nobody_there(extra):
        return EndReason.UNREACHED
    if extra.get(KEPT) and reason in (EndReason.ABANDONED_IN_QUEUE, EndReason.TREATED):
        return EndReason.CALLBACK
    return reason
