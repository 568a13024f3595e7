"""Bodies of the routes about one's own phone. PURE: models only."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, model_validator

from cti.domain.quality import Grade
from cti.web.parts import Body, Request


class AutoAnswer(Body):
    """When the page answers by itself (docs/softphone.md#answering-by-itself)."""

    agent: Literal["queue", "always", "never"]  # "queue": as the call's queue says
    queues: dict[str, int]  # queue → seconds it rings first; a queue that is left out is answered by hand


class IceServerBody(Body):
    """One of the browser's iceServers."""

    urls: list[str]
    username: str | None  # of TURN; made for this answer, where the server and we share a secret
    credential: str | None


class IceBody(Body):
    """How sound finds its way through NAT and firewalls."""

    servers: list[IceServerBody]  # STUN and TURN
    relay_only: bool  # through TURN and no other way


class MyPhone(Body):
    """What the agent speaks with."""

    phone: Literal["sip", "browser"]  # "browser": the page registers at Asterisk, and asks for a log-in to do so
    auto_answer: AutoAnswer
    taken: bool  # it is in the browser of another log-in of this agent; POST takes it here
    ice: IceBody  # for calls from now on; asked again now and then, since log-ins of TURN lapse


class PhoneLogInBody(Body):
    """With what the page registers at Asterisk. For this page's memory only; worthless when the log-in ends."""

    url: str  # Asterisk's WebSocket
    user: str  # of the SIP address and of the digest
    domain: str  # of the SIP address
    secret: str


# A day of packets, one each 20 ms, is 4.3 millions.
Packets = Annotated[int, Field(ge=0, le=10_000_000, strict=True)]
# A minute: who waits longer for a packet has no call any more.
Milliseconds = Annotated[float, Field(ge=0, le=60_000, allow_inf_nan=False)]


class QualityRequest(Request):
    """PUT /api/my/calls/{call_id}/quality: everything measured since the agent came on the line."""

    measured_s: float = Field(ge=0, le=86_400, allow_inf_nan=False)
    received: Packets  # that reached this page
    lost_in: Packets  # that did not
    jitter_in_ms: Milliseconds  # mean
    jitter_in_max_ms: Milliseconds
    sent: Packets  # by this page
    lost_out: Packets | None = None  # of those, as Asterisk reported
    jitter_out_ms: Milliseconds | None = None  # mean, as Asterisk reported
    round_trip_ms: Milliseconds | None = None  # mean, to Asterisk and back
    round_trip_max_ms: Milliseconds | None = None

    @model_validator(mode="after")
    def _fits(self) -> QualityRequest:
        if self.jitter_in_max_ms < self.jitter_in_ms:
            raise ValueError("jitter_in_max_ms is less than the mean, jitter_in_ms; send the largest that was seen")
        if (self.round_trip_max_ms or 0.0) < (self.round_trip_ms or 0.0):
            raise ValueError("round_trip_max_ms is less than the mean, round_trip_ms; send the largest that was seen")
        return self


# A call is told of for a day at most.
SecondsAgo = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class HoldAlone(Request):
    """One hold, by how long ago it was: the page's clock may be wrong."""

    began_ago_s: SecondsAgo
    ended_ago_s: SecondsAgo | None = None  # None: the caller is on hold still

    @model_validator(mode="after")
    def _fits(self) -> HoldAlone:
        if self.ended_ago_s is not None and self.ended_ago_s > self.began_ago_s:
            raise ValueError("ended_ago_s is more than began_ago_s; a hold ends after it began")
        return self


class HoldsRequest(Request):
    """PUT /api/my/calls/{call_id}/holds: what nobody but the page saw, in order. May be told again."""

    holds: list[HoldAlone] = Field(max_length=100)


class QualityBody(Body):
    """How one talk sounded at the agent's phone, or the whole call on the caller's side."""

    agent: str | None  # null: the caller's side, between Asterisk and the trunk
    measured_by: Literal[
        "page", "asterisk"
    ]  # a page measures itself; of any other phone Asterisk does, as its leg ends
    talk_at: AwareDatetime  # when the agent came on the line; when the caller arrived
    grade: Grade | None  # of the worse direction, by the E-model; null: no packet was seen
    measured_s: float
    loss_in: (
        float | None
    )  # share of packets that did not reach the agent (or caller), 0 to 1; null: their phone reports none
    jitter_in_ms: float | None  # mean, as a page measured it; else as the leg ended
    jitter_in_max_ms: float | None  # null: nobody kept it
    loss_out: float | None  # share of packets that did not reach Asterisk
    jitter_out_ms: float | None
    round_trip_ms: float | None  # as jitter_in_ms
    round_trip_max_ms: float | None
