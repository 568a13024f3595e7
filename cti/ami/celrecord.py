"""Contact records of calls that ended while nobody of ours listened, from Asterisk's own account of them. PURE."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from cti.ami.cel import Account
from cti.domain import callend
from cti.domain.model import (
    AgentId,
    Call,
    CallerKind,
    CallerNumber,
    CallState,
    EndedBy,
    EndReason,
    TalkSegment,
    TenantId,
)

_PHONE = re.compile(r"PJSIP/(?P<endpoint>.+)-[0-9a-f]{8}(;\d)?\Z")
_MENU_CONTEXTS = frozenset({"cti-inbound", "cti-arrive", "cti-menu"})

AgentOf = Callable[[str], tuple[TenantId, AgentId] | None]


def record(account: Account, agent_of: AgentOf, *, number_called: str, base: Call | None = None) -> Call:
    """The closed contact record of a call that ended while nobody of ours listened, marked inferred.

    ``agent_of`` tells whose phone an endpoint is; ``number_called`` is the account's in E.164. ``base`` is what we knew
    before: it stays, the account adds what came after.
    """
    known = base or _blank(account, number_called)
    talks = _merged_talks(known, account, agent_of)
    queued_at = known.queued_at or account.queued_at or account.fallback_at
    state = CallState.IN_MENU if queued_at is None and account.context in _MENU_CONTEXTS else CallState.FALLBACK
    answered_at = known.answered_at or (talks[0].answered_at if talks else None)
    by, reason = _ending(account, state, answered=answered_at is not None)
    extra = known.extra
    if account.reached:
        extra = {**extra, callend.STATUS: callend.ANSWERED}
    elif account.reached is False:
        reason = EndReason.UNREACHED
    held_s = known.held_s
    if known.held_since is not None:
        held_s += max(0.0, (account.ended_at - known.held_since).total_seconds())
    return replace(
        known,
        state=CallState.ENDED,
        queue=account.queue or known.queue,
        queued_at=queued_at,
        talks=talks,
        answered_at=answered_at,
        held_since=None,
        held_s=held_s,
        transferred_at=known.transferred_at or account.transferred_at,
        fallback_at=known.fallback_at or account.fallback_at,
        ended_at=max(account.ended_at, known.arrived_at),
        ended_by=by,
        end_reason=reason,
        hangup_cause=callend.cause_of(account.cause),
        inferred=True,
        extra=extra,
    )


def _blank(account: Account, number_called: str) -> Call:
    return Call(
        call_id=account.call_id,
        tenant=account.tenant,
        state=CallState.ARRIVED,
        channel=account.channel,
        uniqueid=account.uniqueid,
        number_called=number_called,
        caller=CallerNumber(kind=CallerKind.UNKNOWN),
        arrived_at=account.arrived_at,
    )


def _merged_talks(known: Call, account: Account, agent_of: AgentOf) -> tuple[TalkSegment, ...]:
    told = {talk.uniqueid: talk for talk in account.talks}
    talks = []
    for talk in known.talks:
        later = told.pop(talk.agent_uniqueid, None)
        ended_at = talk.ended_at or (later.ended_at if later else None) or account.ended_at
        talks.append(replace(talk, ended_at=max(ended_at, talk.answered_at)))
    for new in told.values():
        match = _PHONE.match(new.channel)
        found = agent_of(match["endpoint"]) if match else None
        if found is not None and found[0] == account.tenant:
            talks.append(
                TalkSegment(
                    agent=found[1],
                    offer_id=None,
                    agent_channel=new.channel,
                    agent_uniqueid=new.uniqueid,
                    answered_at=new.answered_at,
                    ended_at=max(new.ended_at or account.ended_at, new.answered_at),
                )
            )
    return tuple(sorted(talks, key=lambda talk: talk.answered_at))


def _ending(account: Account, state: CallState, *, answered: bool) -> tuple[EndedBy, EndReason]:
    if not account.closed:
        return EndedBy.UNKNOWN, EndReason.COMPLETED if answered else EndReason.FAILED
    by = callend.ended_by(
        caller_hung_up=account.hung_up_by == account.channel,
        agent_hung_up=any(account.hung_up_by == talk.channel for talk in account.talks),
    )
    treated = account.context == "cti-treat"
    return by, callend.end_reason(state, by, answered=answered, treated=treated, menu_done=False)
