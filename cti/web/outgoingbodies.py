"""Messages for other systems, as they are read and as they are sent to a webhook. PURE: models only.

They grow: a reader takes no notice of keys and kinds that it does not know, and none is taken away or changes its
meaning (docs/webhooks.md).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from cti.domain.callbacks import CallbackState
from cti.domain.model import EndedBy, EndReason, LinkConfidence
from cti.web.bodies import Limit
from cti.web.parts import Body, Caller, Request


class OutgoingQuery(Request):
    """Which messages: those after a number, in order."""

    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0  # ``next`` of the page before
    limit: Limit = 50


class OutgoingLink(Body):
    """What the call was linked to when it ended."""

    confidence: LinkConfidence
    member_id: str | None
    reservation_id: str | None
    ticket_id: str | None


class CallClosedBody(Body):
    """A contact record that is closed."""

    caller: Caller
    number_called: str
    language: str | None
    reason: str | None  # slug, as the menu heard it
    queue: str | None
    agents: list[str]  # who talked, in order
    arrived_at: AwareDatetime
    queued_at: AwareDatetime | None
    answered_at: AwareDatetime | None
    ended_at: AwareDatetime
    wait_s: float | None
    talk_s: float | None
    held_s: float
    transfers: int
    voicemail_at: AwareDatetime | None
    ended_by: EndedBy | None
    end_reason: EndReason | None
    hangup_cause: int | None  # Q.850
    inferred: bool  # the end was concluded after a gap, not seen
    link: OutgoingLink | None


class RecordingStoredBody(Body):
    """A recording that can be replayed."""

    duration_s: float
    stored_at: AwareDatetime


class CallbackAskedBody(Body):
    """Somebody hung up and keeps their place."""

    callback_id: str
    number: str  # E.164, as they confirmed it
    queue: str
    language: str
    asked_at: AwareDatetime


class CallbackSettledBody(CallbackAskedBody):
    """What became of it."""

    state: CallbackState
    outcome: str | None  # slug: why it ended
    tries: int
    ended_at: AwareDatetime
    attempt: str | None  # the call that called them back
    successor: str | None  # the call that took the place over


class TicketSettledBody(Body):
    """What became of a ticket that an agent asked for."""

    key: str  # the Idempotency-Key it was asked for with
    do: Literal["open", "join"]
    done: bool
    why: str | None  # slug, when it was not done
    ticket_id: str | None
    category: str | None
    agent: str
    asked_at: AwareDatetime


class _Message(Body):
    id: int  # 1, 2, 3 … of the tenant, without gaps
    tenant: str
    call_id: str
    at: AwareDatetime  # when it happened


class CallClosed(_Message):
    """The contact record of a call is closed."""

    kind: Literal["call.closed"]
    body: CallClosedBody


class RecordingStored(_Message):
    """A call's recording can be replayed."""

    kind: Literal["recording.stored"]
    body: RecordingStoredBody


class CallbackAsked(_Message):
    """Somebody asked to be called back; ``call_id`` is the call in which they did."""

    kind: Literal["callback.asked"]
    body: CallbackAskedBody


class CallbackSettled(_Message):
    """A callback is over; ``call_id`` is the call in which it was asked for."""

    kind: Literal["callback.settled"]
    body: CallbackSettledBody


class TicketSettled(_Message):
    """A ticket was opened or joined for a call, or will not be."""

    kind: Literal["ticket.settled"]
    body: TicketSettledBody


OutgoingMessage = Annotated[
    CallClosed | RecordingStored | CallbackAsked | CallbackSettled | TicketSettled, Field(discriminator="kind")
]


class OutgoingPage(Body):
    """Messages in order."""

    messages: list[OutgoingMessage]
    next: int  # pass as ``after`` for what comes later
    head: int  # the last number given: ``next`` reaches it when there is no more
