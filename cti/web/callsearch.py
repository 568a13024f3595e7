"""QA's search for contact records: the newest that fit, how many there are, and why each was found."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from cti.domain.access import User
from cti.domain.aftercall import Reason
from cti.domain.callsearch import SearchTooSlow
from cti.web import cursors
from cti.web.auth import parts_of
from cti.web.calls import digits_of
from cti.web.context import answer, read_query, session_of
from cti.web.popview import caller
from cti.web.ports import PageKey
from cti.web.problems import Refused
from cti.web.recordingbodies import (
    RecordingCountBody,
    RecordingItem,
    RecordingPage,
    RecordingQuery,
)
from cti.web.recordingports import (
    FoundBy,
    RecordingFacts,
    RecordingFilter,
)
from cti.web.redaction import digits_for, number_for

_NOTHING_MORE = FoundBy(direction="inbound", caller="unknown")


def recording_item(found: RecordingFacts, user: User) -> RecordingItem:
    """A line of the list."""
    by = found.found or _NOTHING_MORE
    return RecordingItem.model_validate(
        {
            "call_id": found.call_id,
            "arrived_at": found.arrived_at,
            "caller": caller(number_for(user, found.caller)),
            "queue": found.queue,
            "agents": list(found.agents),
            "end_reason": found.end_reason,
            "status": found.status,
            "why": found.why,
            "direction": by.direction,
            "caller_group": by.caller,
            "reasons": list(by.reasons),
            "reservations": list(by.reservations),
            "tickets": list(by.tickets),
            "plates": list(by.plates),
            "silence": by.silence,
            "transfers": by.transfers,
            "note": by.note,
            "voicemail_s": found.voicemail_s,
            "duration_s": found.duration_s,
            "size": found.size,
            "sha256": found.sha256,
            "content_type": found.content_type,
            "stored_at": found.stored_at,
        }
    )


def with_those_below(reason: str | None, tree: Sequence[Reason]) -> tuple[str, ...]:
    """A reason code and every one below it in the desk's tree."""
    if reason is None:
        return ()
    found = [reason]
    for above in found:  # grows while it is walked
        found += [one.reason for one in tree if one.parent == above and one.reason not in found]
    return tuple(found)


def _wanted(request: web.Request) -> RecordingFilter:
    """Raises Refused 400."""
    query, user = read_query(request, RecordingQuery), session_of(request).user
    return RecordingFilter(
        since=query.since,
        until=query.until,
        queue=query.queue,
        agent=query.agent,
        status=query.status,
        recorded=query.recorded,
        number_part=digits_for(user, digits_of(query.number)),
        caller=query.caller,
        direction=query.direction,
        reasons=with_those_below(query.reason, parts_of(request).aftercall.reasons(user.tenant)),
        reservation=query.reservation,
        ticket=query.ticket,
        end_reason=query.result,
        text=query.text,
        plate=query.plate,
        min_duration_s=query.min_duration_s,
        max_duration_s=query.max_duration_s,
        min_silence=query.min_silence,
        max_silence=query.max_silence,
        min_transfers=query.min_transfers,
        max_transfers=query.max_transfers,
        limit=query.limit,
        after=cursors.read(query.after),
    )


async def list_recordings(request: web.Request) -> web.Response:
    """GET /api/recordings."""
    wanted, user = _wanted(request), session_of(request).user
    try:
        found = await parts_of(request).recordings.page(user.tenant, wanted)
    except SearchTooSlow as error:
        raise Refused(422, "search_too_slow") from error
    key = PageKey(at=found[-1].arrived_at, call_id=found[-1].call_id) if len(found) >= wanted.limit else None
    items = [recording_item(one, user) for one in found]
    return answer(RecordingPage(recordings=items, next=None if key is None else cursors.write(key)))


async def count_recordings(request: web.Request) -> web.Response:
    """GET /api/recordings/count."""
    try:
        found = await parts_of(request).recordings.count(session_of(request).user.tenant, _wanted(request))
    except SearchTooSlow as error:
        raise Refused(422, "search_too_slow") from error
    return answer(RecordingCountBody(count=found.count, more=found.more, filled_to=found.filled_to))
