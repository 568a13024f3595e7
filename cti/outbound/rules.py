"""Whom an agent may have dialled, when and how often: the desk's rules and one decision. PURE.

What is refused is refused with a key of the pages' catalogue, so that the agent reads why in their language. Order
matters: what no rule can ever allow comes first, then the desk's rules, then what passes by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from cti.domain.callbacks import HAD_DIALLED, dialled
from cti.domain.errors import CallerError
from cti.domain.model import QueueId
from cti.domain.phone import NumberClass, classify, national, parse_called

# What the caps count over.
HOUR = timedelta(hours=1)
# Numbers are counted for no longer than this, and a desk of 300 agents dials less than that in an hour.
MOST_COUNTED = 10_000

# Kinds of lines that nobody may dial here, whatever the desk file says, and the catalogue's key for each.
NEVER: Mapping[NumberClass, str] = {
    NumberClass.EMERGENCY: "dial_emergency",
    NumberClass.SHORT_CODE: "dial_short_code",
    NumberClass.PREMIUM: "dial_premium",
    NumberClass.NAVI_DIAL: "dial_navi_dial",
    NumberClass.OTHER_SERVICE: "dial_service",
    NumberClass.PAGER: "dial_service",
    NumberClass.DATA: "dial_service",
    NumberClass.INTERNATIONAL: "dial_abroad",
    NumberClass.INVALID: "dial_no_number",
}


class Hours(Protocol):
    """When agents may dial (routing.calendar.Calendar)."""

    def next_opening(self, instant: datetime) -> datetime | None:
        """The first instant at or after this one at which it is open; None: not within sight."""


class Refused(CallerError):
    """A number that is not dialled now: ``key`` of the pages' catalogue, ``detail`` is what varies in its text."""

    def __init__(self, key: str, detail: str = "") -> None:
        super().__init__(f"{key} {detail}".strip())
        self.key = key
        self.detail = detail


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboundRules:
    """A desk's rules for dialling out; a desk without them does not."""

    number: str  # E.164, one of the desk's own: what the person sees calling
    queue: QueueId  # that number's: where the person waits if the agent gets lost
    language: str  # of the notice: "ja" or "en"
    own: frozenset[str] = frozenset()  # E.164 of all numbers of this server: to dial one would be a circle
    prefixes: tuple[str, ...] = ()  # national digits; empty: all that may be dialled at all
    hours: Hours | None = None  # None: always
    zone: tzinfo = UTC  # the desk's, for people
    per_agent_hour: int = 30
    per_hour: int = 300  # of the whole desk
    ring_s: int = 45  # the person's phone
    own_ring_s: int = 20  # the agent's


@dataclass(frozen=True, kw_only=True, slots=True)
class Permit:
    """A number that may be dialled."""

    e164: str  # "+819012345678"
    digits: str  # as the trunk dials it: "09012345678"
    shown: str  # as people write it: "090-1234-5678"


def whole_number(text: str) -> Permit:
    """The number that somebody typed or clicked, in any way of writing it. Raises Refused for what is never dialled."""
    kind = classify(text)
    if kind not in HAD_DIALLED:
        raise Refused(NEVER.get(kind, "dial_no_number"))
    e164 = parse_called(text)
    return Permit(e164=e164, digits=dialled(e164), shown=national(e164))


def may_be_saved(rules: OutboundRules | None, text: str) -> Permit:
    """The number, if the rules could ever let it be dialled: hours and caps pass by themselves. Raises Refused."""
    wanted = whole_number(text)
    if rules is not None and wanted.e164 in rules.own:
        raise Refused("dial_own")
    if rules is not None and rules.prefixes and not wanted.digits.startswith(rules.prefixes):
        raise Refused("dial_prefix", ", ".join(rules.prefixes))
    return wanted


def permit(
    rules: OutboundRules | None, text: str, now: datetime, *, mine: Sequence[datetime], all_: Sequence[datetime]
) -> Permit:
    """What may be dialled for ``text``, or Refused.

    ``mine`` and ``all_``: when this agent and the whole desk had numbers dialled; what is older than an hour does not
    count.
    """
    wanted = may_be_saved(rules, text)  # also told where nothing may be dialled: an emergency is no question of rules
    may_dial_now(rules, now, mine=mine, all_=all_)
    return wanted


def may_dial_now(
    rules: OutboundRules | None, now: datetime, *, mine: Sequence[datetime], all_: Sequence[datetime]
) -> None:
    """Whether this agent may have any number dialled now. Raises Refused."""
    if rules is None:
        raise Refused("dial_off")
    opens = now if rules.hours is None else rules.hours.next_opening(now)
    if opens is None or opens > now:
        raise Refused("dial_closed", "" if opens is None else f"{opens.astimezone(rules.zone):%Y-%m-%d %H:%M}")
    if within_hour(mine, now) >= rules.per_agent_hour:
        raise Refused("dial_agent_cap", str(rules.per_agent_hour))
    if within_hour(all_, now) >= rules.per_hour:
        raise Refused("dial_desk_cap", str(rules.per_hour))


def within_hour(times: Sequence[datetime], now: datetime) -> int:
    """How many of these are in the hour that ends now."""
    return sum(at > now - HOUR for at in times)
