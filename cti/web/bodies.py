"""Bodies and queries of the HTTP API. PURE: models only."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from cti.domain.access import Right
from cti.domain.callbacks import CallbackState
from cti.domain.consult import Command
from cti.domain.model import (
    AgentState,
    CallState,
    ConsultResult,
    EndedBy,
    EndReason,
    OfferOutcome,
    TransferKind,
    TransferResult,
)
from cti.domain.pause import RecordCommand
from cti.web.afterbodies import NoteBody, TicketLine
from cti.web.boardparts import (
    AgentBody,
    UserBody,
)
from cti.web.callerbodies import LinkStepBody, MarkBody
from cti.web.parts import (
    Body,
    Caller,
    CallLine,
    LineBody,
    LinkBody,
    MenuBody,
    Named,
    Request,
    Slug,
)
from cti.web.phonebodies import QualityBody

Password = Annotated[str, Field(min_length=1, max_length=256)]
NewPassword = Annotated[str, Field(min_length=10, max_length=256)]
Cursor = Annotated[str, Field(max_length=200)]
Limit = Annotated[int, Field(ge=1, le=200)]
CallIdText = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
RecordingStatus = Literal["pending", "stored", "salvaged", "truncated", "not_recorded", "failed", "deleted"]
ListedStatus = Literal["none", "pending", "stored", "salvaged", "truncated", "not_recorded", "failed", "deleted"]
Share = Annotated[float, Field(ge=0, le=1)]


# --- Who am I --------------------------------------------------------------------------------------


class LoginRequest(Request):
    """Log in. ``tenant`` may be left out where there is only one."""

    tenant: Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    login: Slug
    password: Password


class PasswordRequest(Request):
    """Change one's own password."""

    current: Password
    new: NewPassword


class StateRequest(Request):
    """The agent chooses a state."""

    state: Literal["available", "break", "training", "offline", "wrap_up"]  # wrap_up: as much time once more
    reason: Annotated[str, Field(max_length=64)] = ""  # slug; required by break


class CommandRequest(Request):
    """The agent asks for something to be done with the call they talk in (docs/transfers.md)."""

    command: Command | RecordCommand
    to: Annotated[str, Field(max_length=64)] = ""  # an agent, a queue, or for …_outside a number


class MyTalk(Body):
    """The call the agent is on the line with."""

    talk: LineBody | None


class Me(Body):
    """The person who is logged in."""

    tenant: str
    tenant_name: str
    language: str  # the tenant's default: "ja" or "en"
    time_zone: str  # IANA name
    user: UserBody
    rights: list[Right]  # on recordings and people's data: what the pages offer; the server asks itself each time
    agent: AgentBody | None
    break_reasons: list[Named]
    server_time: AwareDatetime


class Problem(Body):
    """What went wrong (RFC 9457, application/problem+json). ``key`` names the text in the catalogue."""

    type: str  # "about:blank" or a URI reference of the kind of problem
    title: str  # in the language asked for
    status: int
    key: str
    detail: str | None = None
    instance: str | None = None  # the path asked
    problems: list[str] | None = None  # one sentence per field that is wrong


# --- Calls -----------------------------------------------------------------------------------------


class CallQuery(Request):
    """Filters of GET /api/calls; all may be left out."""

    since: AwareDatetime | None = None  # arrived at or after
    until: AwareDatetime | None = None  # arrived before
    queue: Slug | None = None
    agent: Slug | None = None  # offered to or answered by
    end_reason: EndReason | None = None
    number: Annotated[str, Field(max_length=32)] | None = None  # caller's, part of it, digits
    limit: Limit = 50
    after: Cursor | None = None  # ``next`` of the page before


class OfferBody(Body):
    """One ring of one agent."""

    offer_id: str
    agent: str
    reason_ja: str  # why this agent, in words
    reason_en: str
    offered_at: AwareDatetime
    rang_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    outcome: OfferOutcome | None


class TalkBody(Body):
    """One agent's part of a call."""

    agent: str
    offer_id: str | None
    answered_at: AwareDatetime
    ended_at: AwareDatetime | None
    talk_s: float | None


class JourneyStep(Body):
    """One thing that happened to the call, in order. ``what`` is a key of the page's catalogue."""

    at: AwareDatetime
    what: Literal[
        "arrived", "menu", "menu_step", "queued", "offered", "rang", "offer_ended", "answered",
        "talk_ended", "transferred", "held", "resumed", "consulted", "joined", "consult_ended",
        "fallback", "voicemail", "ended", "recording_stored", "recording_paused", "recording_resumed",
    ]  # fmt: skip
    agent: str | None = None
    outcome: OfferOutcome | None = None
    detail: str | None = None  # menu label, queue slug, end reason; a number as people write it
    reason_ja: str | None = None  # of an offer: why this agent, in words
    reason_en: str | None = None


class PauseBody(Body):
    """A time of which no sound is kept."""

    began_at: AwareDatetime
    ended_at: AwareDatetime | None  # None: it lasted to the end of the call
    why: str  # slug: "asked", or a rule of the desk
    by: str  # an agent or a log-in; "": a rule, or nobody remembers
    ended_by: str  # the same, or "limit"
    proven: bool  # False: Asterisk did not prove in time that it was silent; what is stored is silent all the same


class HoldBody(Body):
    """A time in which the caller heard music."""

    began_at: AwareDatetime
    ended_at: AwareDatetime | None


class ConsultationBody(Body):
    """One agent asked another while the caller waited."""

    first: str | None
    second: str | None  # none: no agent of ours
    outside: str | None  # E.164: somebody outside was asked, or given the caller
    began_at: AwareDatetime
    answered_at: AwareDatetime | None
    joined_at: AwareDatetime | None  # from then on all three talked
    ended_at: AwareDatetime | None
    result: ConsultResult | None


class TransferBody(Body):
    """The caller was passed on."""

    kind: TransferKind
    by: str | None
    to: str  # queue, agent, or the extension a phone named
    at: AwareDatetime
    ended_at: AwareDatetime | None
    result: TransferResult | None


class CallbackQuery(Request):
    """Which callbacks: those that are open, in the order of their places, or the newest of all."""

    all: Literal["true", "false"] = "false"
    limit: Limit = 50


class CallbackLine(Body):
    """Somebody who keeps their place and is called back."""

    callback_id: str
    state: CallbackState
    queue: str
    number: str  # as people write it
    language: str
    queued_at: AwareDatetime  # the place that is kept
    asked_at: AwareDatetime
    tries: int  # how often their phone was rung in vain
    not_before: AwareDatetime | None  # the pause after such a try
    ended_at: AwareDatetime | None
    outcome: str | None  # slug: why it ended, or how the last try did
    origin: str  # the call in which they asked
    attempt: str | None  # the call that called them back, or does
    successor: str | None  # the call that took the place over


class CallbackPage(Body):
    """Callbacks."""

    callbacks: list[CallbackLine]


class LostSoundBody(Body):
    """Something that was said and is not in the recording: Asterisk left it out (docs/recording.md)."""

    side: Literal["caller", "agent"]
    agent: str | None  # whose; null: the caller's, or nobody knows
    at_s: float  # second of the recording: no earlier, and up to a second later
    seconds: float  # at most; less when nobody spoke


class RecordingBrief(Body):
    """What became of a call's recording."""

    status: RecordingStatus
    why: str | None  # slug, when it is not simply stored
    duration_s: float | None
    began_at: AwareDatetime | None  # second 0 of the sound: a step of the journey is at its instant less this
    stored_at: AwareDatetime | None
    lost: list[LostSoundBody]  # what is missing in it


# Who made a call: somebody called us, an agent dialled (docs/outbound.md), or we called somebody back.
Direction = Literal["inbound", "outbound", "callback"]


class CallSummary(Body):
    """A call in a list."""

    call_id: str
    state: CallState
    caller: Caller
    direction: Direction
    dialled_by: str | None  # the agent who dialled out
    number_called: str
    queue: str | None
    arrived_at: AwareDatetime
    answered_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    wait_s: float | None  # from first entry into a queue to answer, or to the end when nobody answered
    talk_s: float | None
    agents: list[str]  # who talked, in order
    ended_by: EndedBy | None
    end_reason: EndReason | None
    reservation_id: str | None


class CallRecord(CallSummary):
    """The contact record: every timestamp of a call."""

    menu_at: AwareDatetime | None
    menu: MenuBody | None
    queued_at: AwareDatetime | None
    offers: list[OfferBody]
    talks: list[TalkBody]
    held_s: float
    transferred_at: list[AwareDatetime]
    holds: list[HoldBody]
    pauses: list[PauseBody]  # of the recording
    consultations: list[ConsultationBody]
    transfers: list[TransferBody]
    fallback_at: AwareDatetime | None
    voicemail_at: AwareDatetime | None  # began to speak a message
    hangup_cause: int | None
    inferred: bool  # the end was concluded after a gap, not seen
    link: LinkBody | None
    recording: RecordingBrief | None
    journey: list[JourneyStep]
    quality: list[
        QualityBody
    ]  # how each talk sounded, and the caller's side; of legs that have ended, or measure themselves
    notes: list[NoteBody]  # what its agents wrote, and its reasons
    reasons_missing: list[str]  # agents who gave no reason, where the queue's calls need one
    tickets: list[TicketLine]  # asked for in this call, as far as they have come
    links: list[LinkStepBody]  # what was found and decided about who calls, oldest first
    verification: list[MarkBody]  # what its agents marked, oldest first


class CallPage(Body):
    """A page of calls, newest first."""

    calls: list[CallSummary]
    next: str | None  # pass as ``after`` for the next page


class MyCalls(Body):
    """The agent's calls since the tenant's midnight, newest first."""

    calls: list[CallLine]


class StateLine(Body):
    """A state that the agent was in, until the next one began."""

    state: AgentState
    reason: str  # slug: break reason, or why the system changed it
    since: AwareDatetime


class MyStates(Body):
    """The agent's states since the tenant's midnight, oldest first; what began before counts from midnight."""

    states: list[StateLine]


# --- Recordings ------------------------------------------------------------------------------------


# --- Running ---------------------------------------------------------------------------------------


class PartHealth(Body):
    """One part that the server needs."""

    ready: bool
    since: AwareDatetime
    why: str | None  # a sentence without personal data: why not, or what somebody should look at although it is ready


class Health(Body):
    """Body of /healthz: the process is alive."""

    status: Literal["ok", "stopping"]


class Ready(Body):
    """Body of /readyz: 200 when all is ready, 503 when not."""

    ready: bool
    parts: dict[str, PartHealth]  # lease, ami, routing, postgres, recording, disk, s3, lookup, ivr, webhooks


class OpenApiDocument(Body):
    """The document at /api/openapi.json."""

    model_config = ConfigDict(frozen=True, extra="allow")

    openapi: str
    info: dict[str, Any]
