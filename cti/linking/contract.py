"""The look-up contract (docs/lookup-openapi.yaml) as types: what is asked, what is answered, what became of it.

PURE. Answers are validated as the contract says and no further: keys we do not know are ignored, texts are cut
to the length that is shown, lists to the number that is shown. Everything else that is wrong makes the whole
answer wrong, because half an answer shown as a whole one misleads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, Protocol

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from cti.domain.model import CallerKind, CallId

MAX_TEXT = 500  # characters; a pop is read in seconds
MAX_LISTED = 20  # members, reservations, tickets; more is a search, not a pop
MAX_VERIFICATION = 5
MAX_NOTES = 10
MAX_PHONES = 5  # more are a switchboard's list
MAX_TERMS = 10
_E164 = re.compile(r"\+[1-9][0-9]{4,14}")


def _cut(value: Any) -> Any:
    return value[:MAX_TEXT] if isinstance(value, str) else value


def _at_most(count: int) -> BeforeValidator:
    return BeforeValidator(lambda value: value[:count] if isinstance(value, list) else value)


def _phones(value: Any) -> Any:
    """Those that are E.164. Services sent a key of this name before the contract had it: no pop is lost for it."""
    listed = value if isinstance(value, list) else ()
    return tuple(one for one in listed if isinstance(one, str) and _E164.fullmatch(one))[:MAX_PHONES]


Text = Annotated[str, BeforeValidator(_cut)]
# No control characters: ids go into PostgreSQL, which refuses NUL, and into logs of others.
Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
Listed = _at_most(MAX_LISTED)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Verification(_Part):
    """What an agent may ask to know who is speaking."""

    prompt: Text
    answer: Text
    code: Annotated[str, Field(max_length=64)] = ""  # joins the question to a step of the desk's policy


class Member(_Part):
    """A member whom the number or the keyed reservation led to."""

    member_id: Id
    name: Text
    name_kana: Text = ""
    company: Text | None = None
    plan: Text | None = None
    language: Text | None = None
    status: Literal["active", "suspended", "left"] = "active"
    matched_by: frozenset[Literal["number", "reservation"]]
    verification: Annotated[tuple[Verification, ...], _at_most(MAX_VERIFICATION)] = ()
    notes: Annotated[tuple[Text, ...], _at_most(MAX_NOTES)] = ()
    phones: Annotated[tuple[str, ...], BeforeValidator(_phones)] = ()  # where the member can be reached


class Vehicle(_Part):
    """A car."""

    vehicle_id: Id
    plate: Text
    model: Text = ""
    colour: Text | None = None
    station: Text | None = None
    location: Text | None = None
    fuel_percent: Annotated[int, Field(ge=0, le=100)] | None = None


class Term(_Part):
    """Something the contract covers or does not."""

    code: Annotated[str, Field(max_length=64)]
    text: Text


class ReservationStatus(StrEnum):
    """Where a booking stands."""

    UPCOMING = "upcoming"
    IN_USE = "in_use"
    OVERDUE = "overdue"  # the end has passed and the car is not back
    RETURNED = "returned"
    CANCELLED = "cancelled"


class Reservation(_Part):
    """A booking."""

    reservation_id: Id
    number: Annotated[str, Field(max_length=20)]
    member_id: Id
    status: ReservationStatus
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    returned_at: AwareDatetime | None = None
    station: Text | None = None
    vehicle: Vehicle | None = None
    terms: Annotated[tuple[Term, ...], _at_most(MAX_TERMS)] = ()


class Ticket(_Part):
    """A ticket."""

    ticket_id: Id
    title: Text
    category: Text | None = None
    status: Literal["open", "pending", "closed"]
    opened_at: AwareDatetime
    updated_at: AwareDatetime | None = None
    member_id: Id | None = None
    reservation_id: Id | None = None
    last_note: Text | None = None
    calls: Annotated[int, Field(ge=0)] = 0


PartName = Literal["members", "reservations", "tickets"]


class LookupAnswer(_Part):
    """What the service knows. Members, reservations and tickets in its own order, likeliest first."""

    as_of: AwareDatetime
    members: Annotated[tuple[Member, ...], Listed]
    reservations: Annotated[tuple[Reservation, ...], Listed]
    tickets: Annotated[tuple[Ticket, ...], Listed]
    member_count: Annotated[int, Field(ge=0)] | None = None
    truncated: bool = False
    missing: frozenset[PartName] = frozenset()  # could not be looked up in time: "not known", not "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class LookupRequest:
    """One question."""

    call_id: CallId
    kind: CallerKind
    number: str | None  # E.164; None unless kind is NUMBER
    number_called: str  # E.164
    reservation_number: str | None = None  # keyed and confirmed, digits
    language: str = "ja"  # "ja" or "en"
    member_id: str | None = None  # whom an agent chose: their records in full

    def body(self) -> dict[str, object]:
        """The JSON body. A service from before ``member_id`` is sent none until somebody chooses."""
        chosen = {} if self.member_id is None else {"member_id": self.member_id}
        return {
            **chosen,
            "call_id": str(self.call_id),
            "caller": {"kind": self.kind.value, "number": self.number},
            "number_called": self.number_called,
            "reservation_number": self.reservation_number,
            "language": self.language,
        }

    def topic(self) -> tuple[str, ...]:
        """What the answer depends on: the same for every call that asks the same."""
        return (
            self.kind.value,
            self.number or "",
            self.number_called,
            self.reservation_number or "",
            self.language,
            self.member_id or "",
        )


class LookupStatus(StrEnum):
    """How fresh a result is."""

    LIVE = "live"  # the service answered just now
    STALE = "stale"  # an earlier answer, because there is none now
    UNAVAILABLE = "unavailable"  # no answer at all


class LookupFault(StrEnum):
    """Why there was no answer just now: a slug for logs, metrics and the page's catalogue."""

    SLOW = "slow"  # the deadline passed
    DOWN = "down"  # no connection, or it broke
    WRONG = "wrong"  # an answer that is not the contract's
    HUGE = "huge"  # an answer over the limit
    REFUSED = "refused"  # 400, 401, 403, 404: our token, our address or our question
    FAILED = "failed"  # 429, 5xx
    RESTING = "resting"  # not asked: the breaker is open
    BUSY = "busy"  # not asked: too many questions under way


# The service is in trouble: leave it alone for a while, and ask again. The others are answers, if bad ones, from a
# service that is there: they cost nobody time, asking again brings the same, and one member's broken record must
# not switch the look-up off for everybody.
SICK = frozenset({LookupFault.SLOW, LookupFault.DOWN, LookupFault.FAILED})
WORTH_ANOTHER_TRY = SICK | {LookupFault.RESTING, LookupFault.BUSY}


@dataclass(frozen=True, kw_only=True, slots=True)
class LookupResult:
    """What became of one question. Never an exception: the caller rings anyway."""

    asked: LookupRequest
    status: LookupStatus
    fault: LookupFault | None = None  # None exactly when LIVE
    answer: LookupAnswer | None = None  # None exactly when UNAVAILABLE


class Lookups(Protocol):
    """Whoever answers look-ups: the client, or a fake."""

    async def look_up(self, request: LookupRequest) -> LookupResult:
        """Ask. Returns within the deadline, raises nothing."""


def read_answer(raw: bytes | str) -> LookupAnswer:
    """Validate the body of an answer. Raises pydantic's ValidationError (a ValueError)."""
    return LookupAnswer.model_validate_json(raw)


def read_ticket(raw: bytes | str) -> Ticket:
    """Validate a ticket. Raises pydantic's ValidationError (a ValueError)."""
    return Ticket.model_validate_json(raw)


Card = Mapping[str, object]
