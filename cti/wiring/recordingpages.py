"""Recordings as the pages read them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Any

import asyncpg

from cti.domain.callsearch import COUNT_MOST, HEARD, UNHEARD, CallWanted, excerpt
from cti.domain.errors import NotFound
from cti.domain.model import (
    AgentId,
    CallerKind,
    CallerNumber,
    CallId,
    EndReason,
    QueueId,
    TenantId,
)
from cti.store.callsearch import CallSearch
from cti.store.recordings import RecordingList
from cti.web.recordingports import (
    FoundBy,
    LostSound,
    PeaksFacts,
    RecordingCount,
    RecordingFacts,
    RecordingFilter,
)
from cti.wiring.missing import AS_MEANT
from recording.encode import CONTENT_TYPE
from recording.lifecycle import REPLAYABLE, SETTLED, RecordingState
from recording.objectstore import S3ObjectStore
from recording.replay import Replay
from recording.store import PostgresLedger

# Peaks come as signed bytes; a page draws 0 to 100.
FULL_PEAK = 127


class RecordingPages:
    """Implements cti.web.ports.Recordings."""

    def __init__(self, pool: asyncpg.Pool[Any], objects: S3ObjectStore) -> None:
        self._list = RecordingList(pool)
        self._search = CallSearch(pool)
        self._objects = objects
        self._replay = Replay(ledger=PostgresLedger(pool), objects=objects)

    async def page(self, tenant: TenantId, wanted: RecordingFilter) -> Sequence[RecordingFacts]:
        """See the port."""
        asked = asked_of(wanted)
        found = await self._search.page(tenant, asked)
        notes: dict[str, list[str]] = {}
        for call_id, note in found.notes:
            notes.setdefault(call_id, []).append(note)
        return [_found(row, excerpt(notes.get(str(row["call_id"]), ()), asked.words())) for row in found.rows]

    async def count(self, tenant: TenantId, wanted: RecordingFilter) -> RecordingCount:
        """See the port."""
        many, filled_to = await self._search.count(tenant, asked_of(wanted))
        return RecordingCount(count=min(many, COUNT_MOST), more=many > COUNT_MOST, filled_to=filled_to)

    async def missing(self, tenant: TenantId, since: datetime, limit: int) -> Sequence[RecordingFacts]:
        """See the port."""
        rows = await self._list.missing(tenant, since=since, as_meant=sorted(AS_MEANT), limit=limit)
        return [
            RecordingFacts(
                call_id=CallId(str(row["call_id"])),
                arrived_at=row["arrived_at"],
                caller=CallerNumber(kind=CallerKind.UNKNOWN),
                status=RecordingState.NOT_RECORDED.value,
                queue=QueueId(row["queue"]) if row["queue"] else None,
                why=row["why"] or None,
            )
            for row in rows
        ]

    async def get(self, tenant: TenantId, call_id: CallId) -> RecordingFacts | None:
        """See the port."""
        row = await self._list.of_call(tenant, call_id)
        return None if row is None else replace(_facts(row), lost=_lost(row["lost"]))

    async def read(self, tenant: TenantId, call_id: CallId, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """See the port."""
        playable = await self._replay.open(tenant, call_id)
        async with aclosing(self._replay.read(playable, start=start, end=stop)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                yield chunk

    async def seconds(self, tenant: TenantId, call_id: CallId, start: int, stop: int) -> tuple[float, float]:
        """See the port."""
        return await self._replay.seconds(await self._replay.open(tenant, call_id), start, stop)

    async def address(self, tenant: TenantId, call_id: CallId, seconds: int) -> str:
        """See the port."""
        playable = await self._replay.open(tenant, call_id)
        return await self._objects.presigned(playable.uri, seconds=seconds)

    async def peaks(self, tenant: TenantId, call_id: CallId) -> PeaksFacts | None:
        """See the port."""
        try:
            document = json.loads(await self._replay.peaks(tenant, call_id))
        except NotFound:
            return None
        left, right = (_loudest(side) for side in document["peaks"])
        step_ms = int(document["bucket_ms"])
        silences = [(float(begin), float(end)) for begin, end in document.get("silences", ())]
        length_s = len(left) * step_ms / 1000
        return PeaksFacts(step_ms=step_ms, duration_s=length_s, left=left, right=right, silences=silences)


def asked_of(wanted: RecordingFilter) -> CallWanted:
    """A page's filter as a search."""
    statuses: tuple[str, ...] = (wanted.status,) if wanted.status else ()
    if wanted.recorded is not None:
        fit = HEARD if wanted.recorded else UNHEARD
        # Both asked for: what fits both, and nothing when nothing does.
        statuses = tuple(one for one in fit if not statuses or one in statuses) or ("",)
    return CallWanted(
        since=wanted.since,
        until=wanted.until,
        queue=wanted.queue,
        agent=wanted.agent,
        caller=wanted.caller,
        direction=wanted.direction,
        reasons=wanted.reasons,
        reservation=wanted.reservation,
        ticket=wanted.ticket,
        result=wanted.end_reason,
        statuses=statuses,
        text=wanted.text,
        plate=wanted.plate,
        digits=wanted.number_part,
        min_length_s=wanted.min_duration_s,
        max_length_s=wanted.max_duration_s,
        min_silence=wanted.min_silence,
        max_silence=wanted.max_silence,
        min_transfers=wanted.min_transfers,
        max_transfers=wanted.max_transfers,
        after=(wanted.after.at, wanted.after.call_id) if wanted.after else None,
        limit=wanted.limit,
    )


def _found(row: asyncpg.Record, note: str | None) -> RecordingFacts:
    """A row of the search. Without a row of the ledger there is no recording, and nobody knows why."""
    found = FoundBy(
        direction=row["direction"],
        caller=row["caller"],
        reasons=tuple(row["reasons"]),
        reservations=tuple(row["reservations"]),
        tickets=tuple(row["tickets"]),
        plates=tuple(row["plates"].split()),
        silence=None if row["silence"] is None else round(row["silence"], 3),
        transfers=row["transfers"],
        note=note,
    )
    if row["state"] is not None:
        return replace(_facts(row), found=found)
    return RecordingFacts(
        call_id=CallId(str(row["call_id"])),
        arrived_at=row["arrived_at"],
        caller=_caller(row),
        status="none",
        queue=QueueId(row["queue"]) if row["queue"] else None,
        agents=tuple(AgentId(agent) for agent in row["agents"]),
        end_reason=EndReason(row["result"]) if row["result"] else None,
        duration_s=row["length_s"],
        found=found,
    )


def _caller(row: asyncpg.Record) -> CallerNumber:
    return CallerNumber(kind=CallerKind(row["caller_kind"]), e164=row["caller_e164"], national=row["caller_national"])


def _loudest(pairs: Sequence[int]) -> list[int]:
    """(least, greatest) signed bytes a step → 0 to 100."""
    return [
        round(100 * max(abs(low), abs(high)) / FULL_PEAK) if max(abs(low), abs(high)) < FULL_PEAK else 100
        for low, high in zip(pairs[::2], pairs[1::2], strict=True)
    ]


def _lost(text: str) -> tuple[LostSound, ...]:
    """recording.loss.in_words."""
    return tuple(
        LostSound(side=one["side"], agent=one["agent"], at_s=one["at_s"], seconds=one["seconds"])
        for one in json.loads(text)
    )


def _facts(row: asyncpg.Record) -> RecordingFacts:
    state = RecordingState(row["state"])
    # From the order on: a store that is away or still locks it must not keep it audible.
    gone = row["delete_asked_at"] is not None
    status = state.value if state in SETTLED or state is RecordingState.FAILED else "pending"
    status = RecordingState.DELETED.value if gone else status
    playable = state in REPLAYABLE and not gone
    why = row["reason"].partition(":")[0] or next(iter(row["flags"]), None)
    return RecordingFacts(
        call_id=CallId(str(row["call_id"])),
        arrived_at=row["arrived_at"],
        caller=_caller(row),
        status=status,
        queue=QueueId(row["queue"]) if row["queue"] else None,
        agents=tuple(AgentId(agent) for agent in row["agents"]),
        end_reason=EndReason(row["end_reason"]) if row["end_reason"] else None,
        why=why or None,
        voicemail_s=row["voicemail_s"],
        duration_s=row["duration_s"],
        size=row["bytes"] if playable else None,
        sha256=row["sha256"] if playable else None,
        content_type=CONTENT_TYPE if playable else None,
        began_at=row["began_at"],
        stored_at=row["stored_at"],
    )
