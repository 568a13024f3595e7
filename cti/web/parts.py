"""What messages and HTTP bodies are made of. PURE: models only, no I/O, no clock.

Instants are aware UTC, durations seconds; ``name_ja`` and ``name_en`` come from the desk's configuration.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from cti.domain.consult import Command
from cti.domain.model import (
    CallerKind,
    EndReason,
    LinkConfidence,
    OfferOutcome,
    TalkPhase,
)
from cti.domain.pause import RecordCommand
from cti.domain.pop import Reach
from cti.domain.verification import StepResult, VerificationState

# No control characters: PostgreSQL cannot even look for a NUL.
Slug = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
PartStatus = Literal["pending", "live", "stale", "unavailable"]
PopPhase = Literal["ringing", "talking", "held", "ended"]


class Body(BaseModel):
    """Something the server says: frozen, exact. What has a default is sent all the same, so the schema requires it."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_serialization_defaults_required=True)


class Request(BaseModel):
    """Something a client says: unknown keys are refused, not ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Caller(Body):
    """The caller's number, a hint and never an identity."""

    kind: CallerKind
    e164: str | None  # "+819012345678"
    national: str | None  # "090-1234-5678"


class Named(Body):
    """An id with its names."""

    id: str
    name_ja: str
    name_en: str


class MenuStepBody(Body):
    """One thing the caller did in the menu."""

    node: str
    keys: str
    label: str


class MenuBody(Body):
    """What the menu learned."""

    menu: str
    language: str  # "ja" or "en"
    path: list[MenuStepBody]
    is_member: bool | None  # what the caller said
    reservation_number: str | None  # keyed and confirmed by the caller
    reason: str | None  # slug


class LinkBody(Body):
    """Which records this call was linked to, and how sure that is."""

    confidence: LinkConfidence
    score: float  # 0.0 to 1.0
    why: str  # slug, text in the page's catalogue: "number_and_reservation"
    member_id: str | None
    reservation_id: str | None
    ticket_id: str | None


class MemberBody(BaseModel):
    """A member as the look-up service describes them. More keys than these may come."""

    model_config = ConfigDict(frozen=True, extra="allow")

    member_id: str
    name: str = ""
    name_kana: str = ""
    company: str | None = None  # a company whose drivers share a number
    plan: str | None = None
    language: str | None = None
    notes: list[str] = []


class VehicleBody(BaseModel):
    """The car. More keys than these may come."""

    model_config = ConfigDict(frozen=True, extra="allow")

    vehicle_id: str
    model: str = ""
    plate: str = ""
    colour: str | None = None
    station: str | None = None


class ReservationBody(BaseModel):
    """A booking. More keys than these may come."""

    model_config = ConfigDict(frozen=True, extra="allow")

    reservation_id: str
    number: str = ""  # as the member knows and keys it
    status: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    member_id: str | None = None
    member_name: str | None = None
    vehicle: VehicleBody | None = None
    terms: list[str] = []  # what the contract covers and does not, for the agent to read out


class TicketBody(BaseModel):
    """A ticket. More keys than these may come."""

    model_config = ConfigDict(frozen=True, extra="allow")

    ticket_id: str
    title: str = ""
    status: str = ""
    opened_at: datetime | None = None
    reservation_id: str | None = None


class CardPart(Body):
    """One part of the caller card: how fresh it is, and since when."""

    status: PartStatus
    as_of: AwareDatetime | None  # when the look-up said so; none while pending or unavailable


class ChosenBody(Body):
    """Who decided, and when, which of several members is calling."""

    by: str  # name
    at: AwareDatetime


class LinkPart(CardPart):
    """The link itself."""

    link: LinkBody | None
    chosen: ChosenBody | None = None  # null: the look-up's


class MembersPart(CardPart):
    """Members who may be calling, best first: one when it is sure, several for a shared company number."""

    members: list[MemberBody]


class ReservationsPart(CardPart):
    """Bookings that may be meant, best first."""

    reservations: list[ReservationBody]


class TicketsPart(CardPart):
    """Open tickets, newest first."""

    tickets: list[TicketBody]


class NamedReason(Body):
    """A reason that a call was given."""

    id: str
    name_ja: str
    name_en: str


class EarlierNote(Body):
    """What an agent wrote about an earlier call."""

    name: str  # the agent's
    note: str  # its first 1,000 characters; empty when its words are forgotten
    reasons: list[NamedReason]


class EarlierCall(Body):
    """A call of the same member, or, when nobody is linked, of the same number."""

    call_id: str
    arrived_at: AwareDatetime
    member_id: str | None  # whom it was linked to
    queue: Named | None
    answered: bool
    outbound: bool  # an agent dialled it
    agents: list[str]  # names, in the order in which they talked
    notes: list[EarlierNote]


class CallsPart(CardPart):
    """Earlier calls, newest first, at most 5."""

    calls: list[EarlierCall]


class StepBody(Body):
    """One thing to ask; a question of the member with this ``code`` has the answer."""

    step: str
    name_ja: str
    name_en: str
    result: StepResult | None  # null: not marked
    by: str | None  # name
    at: AwareDatetime | None


class VerificationBody(Body):
    """How far the linked member is verified."""

    policy: str
    needed: int  # steps that must pass
    member_id: str | None  # null: nobody is linked, so nobody can be verified
    state: VerificationState
    by: str | None  # name of who marked the step that led there
    at: AwareDatetime | None
    steps: list[StepBody]


class VerificationPart(CardPart):
    """What verified the caller; null: the desk asks for nothing in this queue."""

    verification: VerificationBody | None


class CallerCard(Body):
    """Who is probably calling, in parts that arrive when they arrive."""

    link: LinkPart
    members: MembersPart
    reservations: ReservationsPart
    tickets: TicketsPart
    calls: CallsPart
    verification: VerificationPart


class CardUpdate(Body):
    """The parts of a card that changed; null means unchanged."""

    link: LinkPart | None
    members: MembersPart | None
    reservations: ReservationsPart | None
    tickets: TicketsPart | None
    calls: CallsPart | None
    verification: VerificationPart | None


class Pop(Body):
    """Everything known about the call that rings, or is talked to, at an agent's phone."""

    offer_id: str | None  # none: it came without an offer of ours (a phone's transfer)
    call_id: str
    revision: int  # counts the agent's pops and their changes; drop what is older
    phase: PopPhase
    caller: Caller
    number_called: str  # E.164
    queue: Named | None
    reason_ja: str  # why this agent, in words
    reason_en: str
    menu: MenuBody | None
    arrived_at: AwareDatetime
    queued_at: AwareDatetime | None
    wait_s: float  # how long the caller had waited when the phone began to ring
    attempt: int  # 1 for the call's first offer
    rang_at: AwareDatetime | None  # Asterisk's DialBegin
    answered_at: AwareDatetime | None
    card: CallerCard
    callback: bool = False  # we call this person back: they are dialled when the agent answers
    reach: Reach | None = None  # the agent dialled this number, and how far that came; null: they did not


class PersonBody(Body):
    """A colleague."""

    agent: str
    name: str


class RecordingLine(Body):
    """The recording of the call on the line."""

    # pausing: asked for and not proven, so do not take a card number yet. stopped: ended instead, nothing more is kept.
    # off: the desk's rules do not want it, or not before an agent asks (record_start).
    state: Literal["on", "pausing", "paused", "stopped", "off"]
    since: AwareDatetime | None  # of a pause
    until: AwareDatetime | None  # it ends by itself then
    may: list[RecordCommand]  # what call.command may ask for it; of one who pauses already, more time


class LineBody(Body):
    """The call an agent is on the line with: who hears whom, and what may be asked for now."""

    call_id: str
    phase: TalkPhase
    role: Literal["first", "second"]  # has the caller, or was asked by who has them
    since: AwareDatetime  # of the phase
    may: list[Command]  # what call.command may ask for
    recording: RecordingLine
    partner: PersonBody | None  # the other agent of a consultation or conference
    outside: str | None  # or somebody outside: their number, as people write it


class CallLine(Body):
    """One call in a list: "my calls of today"."""

    call_id: str
    caller: Caller
    queue: Named | None
    reason: str | None  # slug of the reason chosen in the menu
    arrived_at: AwareDatetime
    answered_at: AwareDatetime | None  # when this agent answered; none: missed or rejected
    ended_at: AwareDatetime | None
    talk_s: float | None
    outcome: OfferOutcome | None  # how this agent's offer ended
    end_reason: EndReason | None
    member_id: str | None
    reservation_id: str | None
    ticket_id: str | None
    reason_missing: bool  # the queue's calls need a reason, and this agent gave none
