"""What others tell us: the inputs of the call state machine, already translated from their wire form.

``cti.ami.translate`` makes them from AMI events, ``ivr`` and ``routing`` post the last group. One ordered
queue carries all of them to ``cti.calls.CallDesk``, the only owner of live calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cti.domain.consult import Place
from cti.domain.model import (
    AgentId,
    Call,
    CallId,
    ChannelName,
    MenuFacts,
    MenuId,
    Offer,
    OfferId,
    OfferOutcome,
    PhoneState,
    QueueId,
    TenantId,
    TransferKind,
    UniqueId,
)


# No slots, here and below: made with each event of Asterisk, see cti.domain.copies.
@dataclass(frozen=True, kw_only=True)
class Signal:
    """Base of all signals."""

    at: datetime  # Asterisk's own timestamp where Asterisk said it, ours otherwise; aware UTC


@dataclass(frozen=True, kw_only=True)
class ChannelSignal(Signal):
    """Something about one channel."""

    channel: ChannelName
    uniqueid: UniqueId
    call_id: CallId | None  # CTI_CALL_ID as the channel carries it; None while it is not inherited yet


@dataclass(frozen=True, kw_only=True)
class CallerArrived(ChannelSignal):
    """UserEvent CtiArrived: a call from the trunk has its identity."""

    tenant: TenantId
    number_called: str  # as dialled, digits or E.164
    caller_number: str  # raw caller ID number, any length, may be empty
    caller_name: str  # raw caller ID name: withheld numbers say why here
    callback: str | None = None  # id of the callback whose place this call is; None: somebody calls us
    dialled_by: AgentId | None = None  # an agent dials out; None: nobody of ours asked for this call


@dataclass(frozen=True, kw_only=True)
class CallerQueued(ChannelSignal):
    """UserEvent CtiQueued: the caller entered the waiting loop (again, after an offer that failed)."""

    queue: QueueId  # channel variable CTI_QUEUE


@dataclass(frozen=True, kw_only=True)
class CallerFellBack(ChannelSignal):
    """UserEvent CtiFallback: the dialplan gave up on us and put the caller into Asterisk's own queue."""

    queue: QueueId | None = None  # channel variable CTI_QUEUE; None: not told


@dataclass(frozen=True, kw_only=True)
class CallerPressed(ChannelSignal):
    """UserEvent CtiKey: a key in the waiting loop."""

    key: str


@dataclass(frozen=True, kw_only=True)
class VoicemailBegan(ChannelSignal):
    """UserEvent CtiVoicemail: the tone has sounded, the caller speaks a message."""


@dataclass(frozen=True, kw_only=True)
class TreatmentSeen(ChannelSignal):
    """A snapshot found the caller in a treatment that somebody before us began: words, then the end."""

    treatment: str  # slug


@dataclass(frozen=True, kw_only=True)
class DialBegan(ChannelSignal):
    """DialBegin: the agent's phone is being rung. ``channel`` is the caller's."""

    agent_channel: ChannelName
    agent_uniqueid: UniqueId


@dataclass(frozen=True, kw_only=True)
class DialEnded(ChannelSignal):
    """DialEnd. ``status`` is Asterisk's DialStatus: ANSWER, NOANSWER, BUSY, CANCEL, CONGESTION, CHANUNAVAIL, ABORT."""

    agent_channel: ChannelName
    agent_uniqueid: UniqueId
    status: str


@dataclass(frozen=True, kw_only=True)
class OfferDialled(ChannelSignal):
    """UserEvent CtiOfferEnded: Dial() of this offer has returned; comes even when there was no DialBegin."""

    offer_id: OfferId  # Offer.ring_id
    status: str  # ${DIALSTATUS}
    cause: int  # ${HANGUPCAUSE}; 21 = declined


@dataclass(frozen=True, kw_only=True)
class OfferStale(ChannelSignal):
    """UserEvent CtiOfferStale: the dialplan refused to dial an offer whose id or epoch is not the one it holds."""

    offer_id: OfferId  # Offer.ring_id


@dataclass(frozen=True, kw_only=True)
class BridgeEntered(ChannelSignal):
    """BridgeEnter."""

    bridge: str


@dataclass(frozen=True, kw_only=True)
class BridgeLeft(ChannelSignal):
    """BridgeLeave."""

    bridge: str


@dataclass(frozen=True, kw_only=True)
class HoldBegan(ChannelSignal):
    """Hold: the party on this channel put the other on hold."""


@dataclass(frozen=True, kw_only=True)
class HoldEnded(ChannelSignal):
    """Unhold."""


@dataclass(frozen=True, kw_only=True)
class HoldTold(ChannelSignal):
    """From an agent's page: its phone held the caller by itself while we were away. ``channel`` is the agent's."""

    began_at: datetime
    ended_at: datetime | None  # None: the caller is on hold still


@dataclass(frozen=True, kw_only=True)
class LegPlaced(ChannelSignal):
    """UserEvents CtiHeld, CtiParked, CtiConsult, CtiConsultEnded, CtiTarget: where a leg waits now."""

    place: Place
    outside: str | None = None  # E.164: this leg is about to ring somebody outside
    by: ChannelName | None = None  # whose caller that was; told by a snapshot alone


@dataclass(frozen=True, kw_only=True)
class TransferAsked(Signal):
    """From the transfer desk: an agent passes the caller on, Asterisk is being asked."""

    call_id: CallId
    kind: TransferKind
    by: AgentId
    to: str  # queue or agent


@dataclass(frozen=True, kw_only=True)
class Transferred(ChannelSignal):
    """BlindTransfer or AttendedTransfer made by a phone. ``channel`` is the transferred party's."""

    kind: str  # "blind" or "attended"
    to: str  # extension or channel it went to
    by: ChannelName | None = None  # whose caller that was, "" when it is not known; told by a snapshot alone


@dataclass(frozen=True, kw_only=True)
class RecordingBegan(ChannelSignal):
    """MixMonitorStart, or UserEvent CtiRecording which names the file."""

    file: str  # base name without side and extension, e.g. "<call>-c" or "<call>-a-<uniqueid>"


@dataclass(frozen=True, kw_only=True)
class CallbackReported(ChannelSignal):
    """UserEvent CtiCallback: how the person of a callback answered.

    ``status``: ANSWER (they pressed 1), MAILBOX (answered, nobody pressed), REFUSED (the dialplan does not dial this
    number), else Dial()'s DIALSTATUS. Of a call that an agent dialled: ANSWER when the person has heard the notice,
    AGENT- and DIALSTATUS when the agent's own phone was not answered.
    """

    effect_id: str
    status: str


@dataclass(frozen=True, kw_only=True)
class PlaceKept(Signal):
    """From callbacks: this caller is promised a call back and is about to hang up."""

    call_id: CallId
    callback: str  # its id; "" takes the promise back: the caller stayed


@dataclass(frozen=True, kw_only=True)
class RecordingRefused(ChannelSignal):
    """UserEvent CtiNotRecorded: the dialplan did not begin a recording on this channel."""

    reason: str  # slug: "disk_full"


@dataclass(frozen=True, kw_only=True)
class ChannelMuted(ChannelSignal):
    """MixMonitorMute: what recordings on this channel write is silence from now on, or sound again."""

    muted: bool


@dataclass(frozen=True, kw_only=True)
class PauseBegan(Signal):
    """From the pauses: no sound is to be kept from ``at`` on. Told again by a snapshot, it changes nothing."""

    call_id: CallId
    why: str
    by: str
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class PauseProven(Signal):
    """From the pauses: Asterisk's events show that nothing is written now, or (not ``proven``) not any more."""

    call_id: CallId
    proven: bool
    stopped: bool = False  # because the recording itself was ended


@dataclass(frozen=True, kw_only=True)
class PauseEnded(Signal):
    """From the pauses: sound is kept again, as far as this reason goes."""

    call_id: CallId
    why: str
    by: str


@dataclass(frozen=True, kw_only=True)
class ChannelHungUp(ChannelSignal):
    """Hangup."""

    cause: int  # Q.850
    cause_text: str
    requested: bool = False  # we, or the dialplan, asked for it


@dataclass(frozen=True, kw_only=True)
class HangupRequested(ChannelSignal):
    """HangupRequest: the far end of this channel hung up. Not sent when the dialplan or an action ends the channel."""


@dataclass(frozen=True, kw_only=True)
class CallVanished(Signal):
    """From the call desk itself: a snapshot shows that the caller's channel is gone, and nobody saw it go."""

    call_id: CallId


@dataclass(frozen=True, kw_only=True)
class CallAccounted(Signal):
    """From Asterisk's own account (CEL): a call has ended while nobody of ours listened."""

    call: Call  # its closed record, marked inferred


@dataclass(frozen=True, kw_only=True)
class DeviceChanged(Signal):
    """DeviceStateChange of an agent's endpoint."""

    endpoint: str  # "demo-sato" of device "PJSIP/demo-sato"
    state: PhoneState


@dataclass(frozen=True, kw_only=True)
class LinkChanged(Signal):
    """The AMI connection came up (after a resync) or went down."""

    up: bool


@dataclass(frozen=True, kw_only=True)
class ChannelsSeen(Signal):
    """Part of a snapshot: every channel Asterisk has now. Calls of ours not in it have ended unseen."""

    uniqueids: frozenset[UniqueId]


@dataclass(frozen=True, kw_only=True)
class MenuBegan(Signal):
    """From ivr: the dialogue started."""

    call_id: CallId
    menu: MenuId


@dataclass(frozen=True, kw_only=True)
class MenuEnded(Signal):
    """From ivr: the dialogue is over or the caller left it; ``facts`` is what was learned so far."""

    call_id: CallId
    facts: MenuFacts
    completed: bool  # False: the caller hung up, or an error ended it


@dataclass(frozen=True, kw_only=True)
class OfferDecided(Signal):
    """From routing: this agent is about to be rung, and ``also`` these, at once: the first to answer has the caller."""

    offer: Offer
    also: tuple[Offer, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TreatmentDecided(Signal):
    """From routing: nobody can take this call; it gets a treatment instead."""

    call_id: CallId
    treatment: str  # "nobody_logged_in", "nobody_skilled", "waited_too_long", "closed"


@dataclass(frozen=True, kw_only=True)
class OfferTakenBack(Signal):
    """From routing: this offer is over although Asterisk has not said so; the caller is being sent back to the wait.

    Posted when the action failed, nothing was heard of it, or the agent was logged out while it rang. Asterisk's own
    word (OfferDialled, CallerQueued) may still come and changes nothing then.
    """

    call_id: CallId
    offer_id: OfferId
    outcome: OfferOutcome  # WITHDRAWN, UNREACHABLE or TIMED_OUT


# Signals that are about a call and no channel of it: all have ``call_id``.
OF_CALL = (
    MenuBegan, MenuEnded, PlaceKept, TreatmentDecided, OfferTakenBack, CallVanished, TransferAsked,
    PauseBegan, PauseProven, PauseEnded,
)  # fmt: skip
