"""How long recordings are kept, and who keeps one from being deleted. Frozen records and one pure choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cti.domain.errors import CallerError
from cti.domain.model import CallId, TenantId


@dataclass(frozen=True, kw_only=True, slots=True)
class KeepRule:
    """One rule of the desk file. What is None fits everything."""

    queue: str | None = None
    direction: str | None = None  # "inbound", "outbound", "callback"
    result: str | None = None  # "answered", "unanswered", "voicemail"
    days: int | None = None  # from the day it was stored; None: kept until somebody deletes it

    def fits(self, kept: KeptFacts) -> bool:
        """Whether it is about this recording."""
        return (
            self.queue in (None, kept.queue)
            and self.direction in (None, kept.direction)
            and self.result in (None, kept.result)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptFacts:
    """What rules look at."""

    queue: str | None
    direction: str
    result: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """The rule that counts for a recording."""

    rule: str  # its number in the file and what it names, for people; "": none fits
    days: int | None  # None: kept


KEPT = Chosen(rule="", days=None)


def rules_from_data(data: Sequence[Mapping[str, Any]]) -> tuple[KeepRule, ...]:
    """Rules as the desk file and the database hold them."""
    return tuple(
        KeepRule(queue=one.get("queue"), direction=one.get("direction"), result=one.get("result"), days=one.get("days"))
        for one in data
    )


def choose(rules: Sequence[KeepRule], kept: KeptFacts) -> Chosen:
    """The first rule that fits counts; without one a recording is kept."""
    for number, rule in enumerate(rules, 1):
        if rule.fits(kept):
            named = ", ".join(word for word in (rule.queue, rule.direction, rule.result) if word)
            return Chosen(rule=f"{number}: {named or 'all'}", days=rule.days)
    return KEPT


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who does something that must be traceable."""

    who: str  # log-in name; for commands the account of the machine
    address: str = ""  # where they came from


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """A legal hold on one recording."""

    hold_id: int
    tenant: TenantId
    call_id: CallId
    reason: str
    set_by: str
    set_at: datetime
    until: datetime | None  # None: until somebody releases it
    released_at: datetime | None = None
    released_by: str | None = None  # "": its time was over
    arrived_at: datetime | None = None  # of the call, where it was asked for

    def words(self) -> str:
        """By whom until when, for people."""
        end = f"until {self.until.isoformat(timespec='minutes')}" if self.until is not None else "until it is released"
        return f"held by {self.set_by} {end}"


class UnderHold(CallerError):
    """A recording cannot be deleted: holds count."""

    def __init__(self, holds: Sequence[Hold]) -> None:
        super().__init__("; ".join(hold.words() for hold in holds))
        self.holds = tuple(holds)


class BeingDeleted(CallerError):
    """It is too late: the recording is being deleted, or is gone."""
