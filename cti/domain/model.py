"""The nouns of the contact centre: frozen records shared by every part. No I/O, no clock, no randomness.

All instants are timezone-aware UTC ``datetime``; durations carry their unit in the name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

TenantId = NewType("TenantId", str)  # slug, e.g. "demo"
CallId = NewType("CallId", str)  # UUID made by the dialplan (CTI_CALL_ID), lower-case with dashes
AgentId = NewType("AgentId", str)  # slug, unique inside its tenant
UserLogin = NewType("UserLogin", str)  # log-in name of a person, unique inside its tenant
QueueId = NewType("QueueId", str)  # slug, unique inside its tenant
SkillId = NewType("SkillId", str)  # slug, unique inside its tenant
MenuId = NewType("MenuId", str)  # slug, unique inside its tenant
OfferId = NewType("OfferId", str)  # 32 hex digits; one ring of one agent for one call
ChannelName = NewType("ChannelName", str)  # Asterisk's name, e.g. "PJSIP/trunk-0000001a"
UniqueId = NewType("UniqueId", str)  # Asterisk's Uniqueid of a channel, e.g. "1795300000.42"


class CallerKind(StrEnum):
    """What the caller's number tells. The four without a number are kept apart: a payphone may be a stranded driver."""

    NUMBER = "number"
    WITHHELD = "withheld"  # 非通知
    PAYPHONE = "payphone"  # 公衆電話
    OUT_OF_AREA = "out_of_area"  # 表示圏外
    CONFLICT = "conflict"  # サービス競合
    UNKNOWN = "unknown"  # empty, malformed or over-long


@dataclass(frozen=True, kw_only=True, slots=True)
class CallerNumber:
    """A caller's number as received and as understood. A hint, never an identity."""

    kind: CallerKind
    e164: str | None = None  # "+819012345678"; None unless kind is NUMBER
    national: str | None = None  # "090-1234-5678", for people; None unless kind is NUMBER


class CallState(StrEnum):
    """Where a live call is. The table of allowed moves is in callfsm."""

    ARRIVED = "arrived"
    IN_MENU = "in_menu"
    QUEUED = "queued"
    OFFERED = "offered"  # an agent's phone has been asked to ring
    TALKING = "talking"
    HELD = "held"
    FALLBACK = "fallback"  # in Asterisk's own queue, without us
    ENDED = "ended"


class OfferOutcome(StrEnum):
    """How one offer ended."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"  # the agent declined, or the phone said busy
    TIMED_OUT = "timed_out"  # rang its full time
    UNREACHABLE = "unreachable"  # not registered, congested, no such phone
    WITHDRAWN = "withdrawn"  # the caller hung up, or we took it back


class EndedBy(StrEnum):
    """Who ended a call."""

    CALLER = "caller"
    AGENT = "agent"
    OUTSIDE = "outside"  # somebody outside who had been given the caller
    SYSTEM = "system"  # a treatment, a limit, an error in the menu
    UNKNOWN = "unknown"  # inferred after a gap in what Asterisk told us


class EndReason(StrEnum):
    """What became of a call, for reports: each closed call has exactly one."""

    COMPLETED = "completed"  # an agent and the caller talked
    ABANDONED_IN_MENU = "abandoned_in_menu"  # the caller left in greeting or menu
    ABANDONED_IN_QUEUE = "abandoned_in_queue"  # the caller left while waiting or ringing
    TREATED = "treated"  # nobody there, nobody skilled or waited too long: a treatment ended it
    FAILED = "failed"  # Asterisk restarted, a channel vanished
    CALLBACK = "callback"  # the caller hung up and keeps their place: they are called back (docs/callbacks.md)
    UNREACHED = "unreached"  # a callback: the person did not answer, or did not say that it is them


class PhoneState(StrEnum):
    """What an agent's phone is doing, from Asterisk's device state."""

    UNREACHABLE = "unreachable"
    IDLE = "idle"
    RINGING = "ringing"
    BUSY = "busy"


class AgentState(StrEnum):
    """What an agent chose, or work put them in. Whether they can take a call also depends on the phone."""

    OFFLINE = "offline"
    AVAILABLE = "available"
    BREAK = "break"
    WRAP_UP = "wrap_up"
    TRAINING = "training"


@dataclass(frozen=True, kw_only=True, slots=True)
class SkillLevel:
    """A skill an agent has, or the least level a call asks for."""

    skill: SkillId
    level: int  # 1 (beginner) to 5 (expert)


@dataclass(frozen=True, kw_only=True, slots=True)
class MenuStep:
    """One thing the caller did in the menu."""

    node: str  # id of the menu's node
    keys: str  # what was pressed; "" when the caller said nothing
    label: str  # what it meant, in the tenant's language, e.g. "会員"


@dataclass(frozen=True, kw_only=True, slots=True)
class MenuFacts:
    """What the menu learned. Complete or not: a caller may hang up or be carried on half way."""

    menu: MenuId
    language: str  # "ja" or "en"
    path: tuple[MenuStep, ...] = ()
    is_member: bool | None = None  # what the caller said; None when not asked or not answered
    reservation_number: str | None = None  # keyed and confirmed by the caller
    reason: str | None = None  # slug of the chosen reason, e.g. "unlock"
    queue: QueueId | None = None  # where the menu sends the caller; None: the number's own queue
    skills: tuple[SkillLevel, ...] = ()  # asked for on top of the queue's own


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """One ring of one agent for one call."""

    offer_id: OfferId
    tenant: TenantId
    call_id: CallId
    queue: QueueId
    agent: AgentId
    ring_s: int  # how long the phone may ring
    reason: str  # why this agent, as data (routing.reasons.packed): it is put into words when somebody reads it
    made_at: datetime
    attempt: int  # 1 for the call's first offer
    ring: OfferId | None = None  # several phones ring at once: the first one's offer; None: this phone alone

    @property
    def ring_id(self) -> OfferId:
        """What the dialplan knows the ring by."""
        return self.ring or self.offer_id


class LinkConfidence(StrEnum):
    """How sure a link between call and record is, best first. Numbers: see cti/linking."""

    CONFIRMED = "confirmed"  # the caller keyed it and the number fits
    BY_AGENT = "by_agent"  # an agent who talks with them says so
    LIKELY = "likely"  # one of the two
    POSSIBLE = "possible"  # one of several; a person chooses
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """call ↔ reservation and ticket, with how sure we are and why."""

    confidence: LinkConfidence
    score: float  # 0.0 to 1.0
    why: str  # slug for the catalogue: "number_and_reservation", "number_only", …
    member_id: str | None = None
    reservation_id: str | None = None
    ticket_id: str | None = None


# No slots: changed with its call's signals, see cti.domain.copies.
@dataclass(frozen=True, kw_only=True)
class TalkSegment:
    """One agent's part of a call."""

    agent: AgentId
    offer_id: OfferId | None
    agent_channel: ChannelName
    agent_uniqueid: UniqueId
    answered_at: datetime
    ended_at: datetime | None = None


class TalkPhase(StrEnum):
    """Who hears whom in an answered call. What leads where: cti.domain.consult."""

    TALKING = "talking"  # the caller and the agent
    HELD = "held"  # the caller hears music, the agent nothing
    CALLING = "calling"  # the caller hears music, a colleague's phone rings
    CONSULTING = "consulting"  # the caller hears music, the agent talks with the colleague
    SWAPPED = "swapped"  # the caller and the agent; the colleague hears music
    CONFERENCE = "conference"  # all three


class ConsultResult(StrEnum):
    """How a consultation ended."""

    HANDED_OVER = "handed_over"  # the colleague has the caller
    RETURNED = "returned"  # the agent has the caller again
    UNANSWERED = "unanswered"  # the colleague's phone was not answered, or the agent gave up
    CALLER_LEFT = "caller_left"
    GONE_ON = "gone_on"  # the caller went to a queue


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """A time of which no sound is kept: both sides are silence in what is stored. Rules: cti.domain.pause."""

    began_at: datetime
    why: str  # slug: "asked", or what the desk's policy says
    by: str = ""  # who asked for it: an agent or a log-in; "": nobody did
    until: datetime | None = None  # ends then by itself; None: it does not
    proven_at: datetime | None = None  # since when Asterisk's events show that nothing is written
    stopped: bool = False  # it could not be silenced, so the recording was ended: nothing more of it comes
    ended_at: datetime | None = None
    ended_by: str = ""  # as ``by``, or "limit"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """A time in which the caller heard music although an agent had answered."""

    began_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Consultation:
    """One agent asked another while the caller waited."""

    first: AgentId | None  # who asked
    second: AgentId | None  # who was asked; None: no agent of ours
    channel: ChannelName  # the second's
    uniqueid: UniqueId  # the second's
    began_at: datetime  # the second's phone began to ring
    outside: str | None = None  # E.164: somebody outside was asked, or given the caller
    answered_at: datetime | None = None
    joined_at: datetime | None = None  # from then on all three talked
    ended_at: datetime | None = None
    result: ConsultResult | None = None


class TransferKind(StrEnum):
    """How a caller was passed on."""

    QUEUE = "queue"
    AGENT = "agent"  # without asking
    CONSULTED = "consulted"
    PHONE = "phone"  # by the phone itself (REFER)
    OUTSIDE = "outside"  # to somebody outside, asked first or not


class TransferResult(StrEnum):
    """What became of a transfer."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"  # back to the wait
    CALLER_LEFT = "caller_left"  # before anybody answered


@dataclass(frozen=True, kw_only=True, slots=True)
class TransferRecord:
    """A caller was passed on."""

    kind: TransferKind
    by: AgentId | None
    to: str  # queue, agent, E.164 of somebody outside, or the extension that a phone named
    at: datetime
    ended_at: datetime | None = None  # when its result was known
    result: TransferResult | None = None


# No slots, as above.
@dataclass(frozen=True, kw_only=True)
class OfferRecord:
    """An offer as the contact record keeps it."""

    offer_id: OfferId
    agent: AgentId
    reason: str
    offered_at: datetime
    rang_at: datetime | None = None  # Asterisk's DialBegin
    ended_at: datetime | None = None
    outcome: OfferOutcome | None = None


# No slots: one of each with each leg, see cti.domain.copies.
@dataclass(frozen=True, kw_only=True)
class LegFigures:
    """What Asterisk measured of one channel's sound, and what its phone reported (RTCP; None: it did not)."""

    received: int  # packets from the phone; of its last stream, where it began another
    lost_from: int | None  # of those that it sent; None: its numbers jumped, and nobody knows
    jitter_from_ms: float  # running mean (RFC 3550), as the leg ended; the same below
    sent: int  # packets to the phone
    lost_to: int | None
    jitter_to_ms: float | None
    round_trip_ms: float | None  # Asterisk to phone and back, as the phone's last report has it


# No slots, as above.
@dataclass(frozen=True, kw_only=True)
class LegSound:
    """How one leg of a call sounded, from its beginning to its end."""

    uniqueid: UniqueId
    agent: AgentId | None  # None: the caller's own leg
    began_at: datetime  # the agent came on the line; the caller arrived
    ended_at: datetime
    figures: LegFigures


# No slots: a live call is copied with most signals, see cti.domain.copies.
@dataclass(frozen=True, kw_only=True)
class Call:
    """A call, live or closed. Closed, it is the contact record."""

    call_id: CallId
    tenant: TenantId
    state: CallState
    channel: ChannelName  # the caller's
    uniqueid: UniqueId  # the caller's
    number_called: str  # E.164
    caller: CallerNumber
    arrived_at: datetime
    menu_at: datetime | None = None
    menu: MenuFacts | None = None
    queue: QueueId | None = None
    queued_at: datetime | None = None  # first entry: the call's age counts from here, whatever happens later
    offers: tuple[OfferRecord, ...] = ()
    talks: tuple[TalkSegment, ...] = ()
    answered_at: datetime | None = None  # first answer by an agent
    held_since: datetime | None = None
    held_s: float = 0.0  # all holds together
    transferred_at: tuple[datetime, ...] = ()
    phase: TalkPhase | None = None  # None: no agent has the caller
    holds: tuple[Hold, ...] = ()
    consultations: tuple[Consultation, ...] = ()
    transfers: tuple[TransferRecord, ...] = ()
    pauses: tuple[Pause, ...] = ()  # of the recording
    sounds: tuple[LegSound, ...] = ()  # of legs that have ended, as Asterisk measured them
    fallback_at: datetime | None = None  # went to Asterisk's own queue
    voicemail_at: datetime | None = None  # began to speak a message
    ended_at: datetime | None = None
    ended_by: EndedBy | None = None
    end_reason: EndReason | None = None
    hangup_cause: int | None = None  # Q.850 cause of the caller's channel
    inferred: bool = False  # the end was concluded after a gap, not observed
    link: Link | None = None
    extra: dict[str, str] = field(default_factory=dict)
