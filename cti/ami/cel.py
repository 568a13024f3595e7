"""Asterisk's own account of calls (CEL), read line by line. PURE.

One line of ``cel.csv`` is one step of one channel; its fields are those of asterisk-conf/cel_custom.conf. What the
events mean: docs.asterisk.org, "CEL Specification". ``hangupsource`` in the extra JSON is the channel whose far end
hung up, or ``dialplan/builtin``. The caller's number is not in there (docs/decisions/0025-cel-not-cdr.md).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cti.domain.model import (
    CallId,
    ChannelName,
    QueueId,
    TenantId,
    UniqueId,
)

# Lines of before the last field was added are understood too: the number called is then not known.
_LEAST_FIELDS, _FIELDS = 10, 11
# A line is some 200 bytes; what is longer was not written by our configuration.
MAX_LINE = 4_096
# Calls that are open at the same time while an account is read; no Asterisk carries more.
MAX_OPEN = 10_000

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_NUMBER = re.compile(r"\+?[0-9]{1,20}\Z")
_EPOCH = re.compile(r"[0-9]{1,10}\Z")
_TIME = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?\Z")
# "<systemname>-1795300000.42": the second in which the channel was made.
_UNIQUEID = re.compile(r"(?:.{1,64}-)?([0-9]{1,10})\.[0-9]{1,12}\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line."""

    kind: str  # CHAN_START, ANSWER, BRIDGE_ENTER, …
    at_s: float  # epoch seconds
    account: str  # CTI_CALL_ID; "" before it was set, and on legs of Asterisk's own queue
    tenant: str  # only on the caller's own channel
    uniqueid: str
    linkedid: str
    channel: str
    context: str
    extra: str  # JSON or ""
    note: str  # what the dialplan left: number called | queue | queued | fell back (epoch seconds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Talked:
    """One phone that was joined with the caller."""

    channel: ChannelName
    uniqueid: UniqueId
    answered_at: datetime
    ended_at: datetime | None  # None: the account does not tell


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """One call, as Asterisk's own account tells it."""

    call_id: CallId
    tenant: TenantId
    channel: ChannelName  # the caller's
    uniqueid: UniqueId
    arrived_at: datetime  # exact, or the second in which the channel was made when its first line was not read
    number_called: str  # "" when it is not known
    queue: QueueId | None
    queued_at: datetime | None  # whole seconds
    fallback_at: datetime | None  # whole seconds
    talks: tuple[Talked, ...]
    transferred_at: tuple[datetime, ...]
    ended_at: datetime  # of its last line when the account does not tell the end
    closed: bool  # the account tells the end; False: it breaks off, because Asterisk died
    hung_up_by: str  # channel, "dialplan/builtin" or ""
    cause: int | None  # Q.850
    context: str  # where the caller was at the end
    reached: bool | None  # of a call that we placed: whether its person came to talk; None: the caller called us


def read_row(line: str) -> Row | None:
    """A line, or None for what is none: torn, too long, of another configuration."""
    if len(line) > MAX_LINE:
        return None
    try:
        fields = next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None
    if len(fields) < _LEAST_FIELDS or not _TIME.match(fields[1]) or "/" not in fields[6]:
        return None
    return Row(
        kind=fields[0],
        at_s=float(fields[1]),
        account=fields[2] if _UUID.match(fields[2]) else "",
        tenant=fields[3] if _SLUG.match(fields[3]) else "",
        uniqueid=fields[4],
        linkedid=fields[5],
        channel=fields[6],
        context=fields[7],
        extra=fields[9],
        note=fields[10] if len(fields) >= _FIELDS else "",
    )


def time_of(line: str) -> float | None:
    """Epoch seconds of a line, without reading the rest of it; None when it has none."""
    parts = line.split(",", 2)
    text = parts[1].strip('"') if len(parts) == 3 else ""
    return float(text) if _TIME.match(text) else None


@dataclass(kw_only=True, slots=True)
class _Leg:
    """One channel while its lines are read."""

    channel: str
    uniqueid: str
    linkedid: str
    started_s: float
    last_s: float
    account: str = ""
    tenant: str = ""
    context: str = ""
    note: str = ""
    bridges: list[tuple[str, float]] = field(default_factory=list)  # id and when it was entered
    moved_s: list[float] = field(default_factory=list)  # transfers
    ended_s: float | None = None
    hung_up_by: str = ""
    cause: int | None = None

    @property
    def is_caller(self) -> bool:
        """The tenant is set on the caller's own channel and not inherited; on both halves of a callback's place."""
        return bool(self.account and self.tenant) and not self.dials_out

    @property
    def dials_out(self) -> bool:
        """The half of a callback that dials the person; the other one stands for the caller (docs/callbacks.md)."""
        return self.channel.startswith("Local/") and self.channel.endswith(";1")


class CelReader:
    """Takes lines in order, gives calls as they end. Owner of its state; memory is that of the calls open at once."""

    def __init__(self) -> None:
        self._legs: dict[str, _Leg] = {}  # by uniqueid
        self._callers: dict[str, _Leg] = {}  # by call id, in the order of their first lines
        self._of: dict[str, set[str]] = {}  # call id → uniqueids of its other channels
        self._linked: dict[str, str] = {}  # linkedid of a caller's channel → call id
        self.forgotten = 0  # calls dropped for want of room

    def take(self, row: Row) -> Account | None:
        """One line; the call that it ended, once all of its channels have."""
        if row.kind == "LINKEDID_END":
            return None
        leg = self._legs.get(row.uniqueid)
        if leg is None:
            leg = self._legs[row.uniqueid] = _Leg(
                channel=row.channel,
                uniqueid=row.uniqueid,
                linkedid=row.linkedid,
                started_s=row.at_s if row.kind == "CHAN_START" else _made_s(row.uniqueid, row.at_s),
                last_s=row.at_s,
            )
        _note(leg, row)
        call_id = self._place(leg)
        if leg.ended_s is None:
            self._make_room()
            return None
        if call_id is None:
            del self._legs[leg.uniqueid]
            return None
        return self._finish(call_id)

    def rest(self) -> Iterator[Account]:
        """Calls whose end was not told so far, oldest first: still going on, or gone with their Asterisk."""
        for call_id, caller in self._callers.items():
            yield _account(caller, self._others(call_id))

    def _place(self, leg: _Leg) -> str | None:
        """The call that this channel belongs to."""
        if leg.is_caller:
            if leg.account not in self._callers:
                self._callers[leg.account] = leg
                self._of.setdefault(leg.account, set())
                self._linked[leg.linkedid] = leg.account
                # Phones that were rung before the caller's own channel was first seen.
                for other in self._legs.values():
                    if other.linkedid == leg.linkedid and other is not leg and other.account in ("", leg.account):
                        self._of[leg.account].add(other.uniqueid)
            return leg.account
        call_id = leg.account or self._linked.get(leg.linkedid, "")
        if not call_id or call_id not in self._callers:
            return None
        self._of[call_id].add(leg.uniqueid)
        return call_id

    def _others(self, call_id: str) -> list[_Leg]:
        return [self._legs[uniqueid] for uniqueid in self._of[call_id] if uniqueid in self._legs]

    def _finish(self, call_id: str) -> Account | None:
        caller, others = self._callers[call_id], self._others(call_id)
        if caller.ended_s is None or any(other.ended_s is None for other in others):
            return None
        account = _account(caller, others)
        self._forget(call_id)
        return account

    def _forget(self, call_id: str) -> None:
        caller = self._callers.pop(call_id)
        if self._linked.get(caller.linkedid) == call_id:
            del self._linked[caller.linkedid]
        for uniqueid in (caller.uniqueid, *self._of.pop(call_id)):
            self._legs.pop(uniqueid, None)

    def _make_room(self) -> None:
        if len(self._callers) > MAX_OPEN:
            self._forget(next(iter(self._callers)))
            self.forgotten += 1
        if len(self._legs) > 4 * MAX_OPEN:  # channels of no call of ours: those of an Asterisk that died
            loose = next((leg for leg in self._legs.values() if not leg.is_caller), None)
            if loose is not None:
                del self._legs[loose.uniqueid]


def _made_s(uniqueid: str, at_s: float) -> float:
    """When a channel was made, as its Uniqueid says; not after ``at_s``."""
    match = _UNIQUEID.match(uniqueid)
    return min(float(match[1]), at_s) if match else at_s


def _note(leg: _Leg, row: Row) -> None:
    leg.account = row.account or leg.account
    leg.tenant = row.tenant or leg.tenant
    leg.context = row.context or leg.context
    leg.note = row.note or leg.note
    leg.last_s = max(leg.last_s, row.at_s)
    match row.kind:
        case "BRIDGE_ENTER":
            leg.bridges.append((str(_extra(row).get("bridge_id", "")), row.at_s))
        case "BLINDTRANSFER" | "ATTENDEDTRANSFER":
            leg.moved_s.append(row.at_s)
        case "HANGUP":
            said = _extra(row)
            cause = said.get("hangupcause")
            leg.hung_up_by = str(said.get("hangupsource", ""))
            leg.cause = cause if isinstance(cause, int) and 0 <= cause <= 127 else 0
        case "CHAN_END":
            leg.ended_s = row.at_s


def _extra(row: Row) -> dict[str, object]:
    try:
        said = json.loads(row.extra)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _account(caller: _Leg, others: list[_Leg]) -> Account:
    ended_s = caller.ended_s if caller.ended_s is not None else max(leg.last_s for leg in (caller, *others))
    number, queue, queued_at, fallback_at = _left_note(caller)
    return Account(
        call_id=CallId(caller.account),
        tenant=TenantId(caller.tenant),
        channel=ChannelName(caller.channel),
        uniqueid=UniqueId(caller.uniqueid),
        arrived_at=_instant(caller.started_s),
        number_called=number,
        queue=queue,
        queued_at=queued_at,
        fallback_at=fallback_at,
        talks=_talks(caller, others),
        transferred_at=tuple(_instant(at) for at in sorted(at for leg in (caller, *others) for at in leg.moved_s)),
        ended_at=_instant(ended_s),
        closed=caller.ended_s is not None,
        hung_up_by=caller.hung_up_by,
        cause=caller.cause,
        context=caller.context,
        reached=any(leg.bridges for leg in others if leg.dials_out) if caller.channel.startswith("Local/") else None,
    )


def _talks(caller: _Leg, others: list[_Leg]) -> tuple[Talked, ...]:
    """Phones that were in a bridge with the caller: a consultation between two agents is none."""
    shared = {bridge for bridge, _ in caller.bridges}
    found = []
    for leg in others:
        entered_s = [at for bridge, at in leg.bridges if bridge in shared]
        if entered_s:
            found.append((min(entered_s), leg))
    return tuple(
        Talked(
            channel=ChannelName(leg.channel),
            uniqueid=UniqueId(leg.uniqueid),
            answered_at=_instant(began_s),
            ended_at=_instant(max(leg.ended_s, began_s)) if leg.ended_s is not None else None,
        )
        for began_s, leg in sorted(found, key=lambda talk: talk[0])
    )


def _left_note(caller: _Leg) -> tuple[str, QueueId | None, datetime | None, datetime | None]:
    number, queue, queued, fell_back = [*caller.note.split("|"), "", "", ""][:4]

    def when(text: str) -> datetime | None:
        # Whole seconds, cut: never before the call itself.
        return _instant(max(float(text), caller.started_s)) if _EPOCH.match(text) else None

    return (
        number if _NUMBER.match(number) else "",
        QueueId(queue) if _SLUG.match(queue) and (queued or fell_back) else None,
        when(queued),
        when(fell_back),
    )


def _instant(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
