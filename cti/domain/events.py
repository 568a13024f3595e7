"""Facts: what happened, published on the bus after ``CallDesk`` accepted it. Subscribers react, nobody vetoes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cti.domain.model import (
    AgentId,
    AgentState,
    Call,
    CallId,
    ChannelName,
    ConsultResult,
    Link,
    OfferId,
    OfferOutcome,
    PhoneState,
    TenantId,
    UniqueId,
)


# No slots, here and below: made with most signals, see cti.domain.copies.
@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all facts."""

    at: datetime
    tenant: TenantId


@dataclass(frozen=True, kw_only=True)
class CallEvent(Event):
    """A fact about one call. ``call`` is the call just after it."""

    call: Call

    @property
    def call_id(self) -> CallId:
        """The call this is about."""
        return self.call.call_id


@dataclass(frozen=True, kw_only=True)
class CallArrived(CallEvent):
    """A caller is on the line."""


@dataclass(frozen=True, kw_only=True)
class CallInMenu(CallEvent):
    """The dialogue started."""


@dataclass(frozen=True, kw_only=True)
class CallLeftMenu(CallEvent):
    """The dialogue is over; ``call.menu`` has what it learned."""


@dataclass(frozen=True, kw_only=True)
class CallQueued(CallEvent):
    """The caller waits (again). ``call.queued_at`` is the first entry and keeps the age."""


@dataclass(frozen=True, kw_only=True)
class CallOffered(CallEvent):
    """Routing chose an agent; the phone does not ring yet."""

    offer_id: OfferId
    agent: AgentId


@dataclass(frozen=True, kw_only=True)
class CallRinging(CallEvent):
    """The agent's phone rings. ``at`` is Asterisk's timestamp of DialBegin."""

    offer_id: OfferId
    agent: AgentId
    agent_channel: ChannelName | None = None  # of the phone


@dataclass(frozen=True, kw_only=True)
class OwnPhoneRings(CallEvent):
    """An agent dials out, and their own phone rings first."""

    agent: AgentId


@dataclass(frozen=True, kw_only=True)
class OfferEnded(CallEvent):
    """An offer is over, whichever way."""

    offer_id: OfferId
    agent: AgentId
    outcome: OfferOutcome


@dataclass(frozen=True, kw_only=True)
class CallAnswered(CallEvent):
    """Caller and agent are connected."""

    agent: AgentId
    offer_id: OfferId | None


@dataclass(frozen=True, kw_only=True)
class CallHeld(CallEvent):
    """The agent put the caller on hold."""


@dataclass(frozen=True, kw_only=True)
class CallResumed(CallEvent):
    """Back from hold."""


@dataclass(frozen=True, kw_only=True)
class CallTransferred(CallEvent):
    """A phone transferred the caller."""

    kind: str
    to: str


@dataclass(frozen=True, kw_only=True)
class CallPhaseChanged(CallEvent):
    """Who hears whom is another (``call.phase``), or a consultation of the call began or ended."""


@dataclass(frozen=True, kw_only=True)
class ConsultBegan(CallEvent):
    """A colleague's phone rings because an agent asks them about the caller."""

    agent: AgentId


@dataclass(frozen=True, kw_only=True)
class ConsultEnded(CallEvent):
    """The colleague is out without having talked with the caller, or was given them (``result``)."""

    agent: AgentId
    result: ConsultResult


@dataclass(frozen=True, kw_only=True)
class CallFellBack(CallEvent):
    """The call went to Asterisk's own queue, without us."""


@dataclass(frozen=True, kw_only=True)
class CallTreated(CallEvent):
    """After a gap: the caller is in a treatment that was begun before it, and waits no more."""


@dataclass(frozen=True, kw_only=True)
class CallKeyPressed(CallEvent):
    """The waiting caller pressed a key."""

    key: str


@dataclass(frozen=True, kw_only=True)
class CallbackReported(CallEvent):
    """How the person of a callback answered: ``status`` as in signals.CallbackReported."""

    effect_id: str
    status: str


@dataclass(frozen=True, kw_only=True)
class AgentFreed(Event):
    """An agent's part of a call is over (the call itself may go on elsewhere)."""

    agent: AgentId
    call_id: CallId


@dataclass(frozen=True, kw_only=True)
class CallEnded(CallEvent):
    """The call is closed; ``call`` is the contact record."""


@dataclass(frozen=True, kw_only=True)
class RecordingStarted(CallEvent):
    """Asterisk writes a recording file. ``file`` as in signals.RecordingBegan."""

    file: str
    agent: AgentId | None  # None: the caller's own channel
    channel: ChannelName | None = None  # on which it is written; None: told by an older part


@dataclass(frozen=True, kw_only=True)
class RecordingPauseChanged(CallEvent):
    """A time of which no sound is kept began, was proven or ended: ``call.pauses``."""


@dataclass(frozen=True, kw_only=True)
class ChannelMuted(CallEvent):
    """Recordings on this channel write silence from now on (``muted``), or sound again."""

    channel: ChannelName
    muted: bool


@dataclass(frozen=True, kw_only=True)
class SoundLost(CallEvent):
    """Asterisk leaves what this channel's phone says out of the recording: fields as in soundsignals.NumbersFellBack.

    Told when it is noticed and, with the same ``began_at``, when it is over.
    """

    uniqueid: UniqueId  # the caller's own channel, or an agent's leg
    began_at: datetime
    until_at: datetime | None
    lost_s: float


@dataclass(frozen=True, kw_only=True)
class RecordingStoodStill(Event):
    """A file of this call stood still for a while: a phone sends nothing while it is silent."""

    call_id: CallId


@dataclass(frozen=True, kw_only=True)
class PhoneWatched(Event):
    """When the phone on a recorded channel sent nothing: all of it between two instants. All in POSIX seconds."""

    call_id: CallId
    file: str  # as in RecordingStarted
    from_s: float
    to_s: float
    silences: tuple[tuple[float, float], ...]  # from, to


@dataclass(frozen=True, kw_only=True)
class LegMeasured(CallEvent):
    """A leg ended, and how it sounded is in ``call.sounds``. Sometimes after CallEnded."""


@dataclass(frozen=True, kw_only=True)
class RecordingRefused(CallEvent):
    """A part of this call is not recorded: it was not begun, or was ended before its time."""

    reason: str  # slug: "disk_full"


@dataclass(frozen=True, kw_only=True)
class AgentPhoneChanged(Event):
    """An agent's phone changed what it does."""

    agent: AgentId
    phone: PhoneState


@dataclass(frozen=True, kw_only=True)
class AgentStateChanged(Event):
    """An agent's state changed, by choice or by rule."""

    agent: AgentId
    state: AgentState
    reason: str  # break reason slug, or why the system changed it ("missed_offer", "wrap_up_over", "logged_in")
    until: datetime | None = None  # when after-call work ends by itself


@dataclass(frozen=True, kw_only=True)
class CallLinked(CallEvent):
    """The look-up answered (``call.link`` is set), or could not (``status``)."""

    link: Link
    status: str  # "live", "stale" or "unavailable"
    # JSON-able caller card for the pop: parts link, members, reservations, tickets, calls, verification; shape in
    # docs/linking.md
    card: Mapping[str, object] = field(default_factory=dict)
    found: bool = True  # by the look-up, and new; False: a person's decision, or the same link with more around it


@dataclass(frozen=True, kw_only=True)
class RecordingStored(Event):
    """A call's recording is in S3, read back and verified."""

    call_id: CallId
    uri: str  # s3://bucket/key
    sha256: str
    duration_s: float


@dataclass(frozen=True, kw_only=True)
class RecordingMissing(Event):
    """A call that should have a recording has none. ``reason`` is a slug: "no_file", "too_short", …"""

    call_id: CallId
    reason: str


@dataclass(frozen=True, kw_only=True)
class AsteriskReachable(Event):
    """The link to Asterisk came up or went down. ``tenant`` is empty: it concerns all."""

    up: bool
