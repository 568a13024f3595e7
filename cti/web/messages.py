"""The agent socket's messages. PURE: models only, no I/O, no clock.

Every message from the server carries ``v`` (version of this protocol), ``type``, ``stream``, ``seq``,
``tenant`` and ``at`` (server's time). ``seq`` counts within its ``stream``, one by one:

========== ================================ ==================================================
stream     counted per                      messages
========== ================================ ==================================================
``socket`` connection, from 1               snapshot, error, done, ping
``agent``  agent, shared by all their tabs  pop.…, call.talk, call.ended, agent.state
``queues`` tenant                           queues (only after ``subscribe``)
========== ================================ ==================================================

A gap means: say ``hello`` again, a fresh ``snapshot`` answers. The wire is described for people in
docs/protocol.md and for programs in docs/asyncapi.yaml, which a test compares with this module.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, TypeAdapter

from cti.domain.consult import Command
from cti.domain.model import EndedBy, EndReason, OfferOutcome
from cti.domain.pause import RecordCommand
from cti.domain.pop import Reach
from cti.web.boardparts import (
    AgentBody,
    Board,
    UserBody,
)
from cti.web.parts import (
    Body,
    CallLine,
    CardUpdate,
    LineBody,
    Named,
    Pop,
    PopPhase,
    Request,
)

PROTOCOL_VERSION: Literal[1] = 1

Topic = Literal["queues"]


# --- Server → client -------------------------------------------------------------------------------


class ServerMessage(Body):
    """What every message from the server carries."""

    v: Literal[1] = PROTOCOL_VERSION
    seq: int  # counts within stream
    tenant: str
    at: AwareDatetime  # server's time


class Snapshot(ServerMessage):
    """All a page needs to draw itself. Answers ``hello``, and is sent by itself after connecting."""

    type: Literal["snapshot"] = "snapshot"
    stream: Literal["socket"] = "socket"
    user: UserBody
    agent: AgentBody | None  # none: this person has no phone (supervisor, QA)
    pop: Pop | None
    talk: LineBody | None  # the call they are on the line with
    calls_today: list[CallLine] | None  # newest first; none while the database is away
    agent_seq: int  # last number of the agent stream that this snapshot includes
    stream_id: str  # changes when the server's counting started anew
    missed: int | None  # agent messages missed since ``hello``'s resume; none: not known
    break_reasons: list[Named]


class PopOffer(ServerMessage):
    """The phone rings: show this, drop whatever was shown before."""

    type: Literal["pop.offer"] = "pop.offer"
    stream: Literal["agent"] = "agent"
    pop: Pop


class PopUpdate(ServerMessage):
    """More is known about the call shown."""

    type: Literal["pop.update"] = "pop.update"
    stream: Literal["agent"] = "agent"
    call_id: str
    offer_id: str | None
    revision: int
    phase: PopPhase
    card: CardUpdate
    reach: Reach | None = None  # of a call that the agent dialled


class PopWithdraw(ServerMessage):
    """The phone no longer rings for this call: remove it from the screen."""

    type: Literal["pop.withdraw"] = "pop.withdraw"
    stream: Literal["agent"] = "agent"
    call_id: str
    offer_id: str | None
    revision: int
    outcome: OfferOutcome


class PopAnswered(ServerMessage):
    """Agent and caller are connected."""

    type: Literal["pop.answered"] = "pop.answered"
    stream: Literal["agent"] = "agent"
    call_id: str
    offer_id: str | None
    revision: int
    answered_at: AwareDatetime


class CallEndedMessage(ServerMessage):
    """The agent's part of the call is over. What is shown stays for after-call work."""

    type: Literal["call.ended"] = "call.ended"
    stream: Literal["agent"] = "agent"
    call_id: str
    offer_id: str | None
    revision: int
    ended_at: AwareDatetime
    ended_by: EndedBy | None  # none: the caller goes on elsewhere
    end_reason: EndReason | None
    talk_s: float | None


class TalkMessage(ServerMessage):
    """Who hears whom in the agent's call is another, or what may be asked for."""

    type: Literal["call.talk"] = "call.talk"
    stream: Literal["agent"] = "agent"
    talk: LineBody | None  # none: no caller on the line


class AgentStateMessage(ServerMessage):
    """The agent's own state or phone changed."""

    type: Literal["agent.state"] = "agent.state"
    stream: Literal["agent"] = "agent"
    agent: AgentBody


class Queues(ServerMessage):
    """Queues and agents, whole, at most once a second and only when something changed."""

    type: Literal["queues"] = "queues"
    stream: Literal["queues"] = "queues"
    board: Board


class ErrorMessage(ServerMessage):
    """The server could not do what this socket asked."""

    type: Literal["error"] = "error"
    stream: Literal["socket"] = "socket"
    code: str  # slug: "bad_message", "not_allowed", "no_agent", "state_refused", "unavailable"
    key: str  # key in the page's catalogue
    text: str  # in the language of the socket, for people who read the wire
    ref: str | None  # the client's own ``ref`` of the message that failed


class Done(ServerMessage):
    """What this socket asked is done."""

    type: Literal["done"] = "done"
    stream: Literal["socket"] = "socket"
    ref: str


class Ping(ServerMessage):
    """Every 15 s: a page that hears nothing for 40 s connects anew."""

    type: Literal["ping"] = "ping"
    stream: Literal["socket"] = "socket"


AnyServerMessage = Annotated[
    Snapshot
    | PopOffer
    | PopUpdate
    | PopWithdraw
    | PopAnswered
    | CallEndedMessage
    | TalkMessage
    | AgentStateMessage
    | Queues
    | ErrorMessage
    | Done
    | Ping,
    Field(discriminator="type"),
]


# --- Client → server -------------------------------------------------------------------------------


class Hello(Request):
    """Asks for a snapshot. ``resume`` and ``stream_id`` are what the page saw last, if anything."""

    type: Literal["hello"]
    resume: Annotated[int, Field(ge=0)] | None = None  # last seq of the agent stream
    stream_id: Annotated[str, Field(max_length=64)] | None = None


class StateSet(Request):
    """The agent chooses a state."""

    type: Literal["state.set"]
    state: Literal["available", "break", "training", "offline", "wrap_up"]  # wrap_up: as much time once more
    reason: Annotated[str, Field(max_length=64)] = ""  # slug; required by break
    ref: Annotated[str, Field(max_length=64)] | None = None  # comes back in done or error


class CallCommand(Request):
    """The agent asks for something to be done with the call they talk in (docs/transfers.md)."""

    type: Literal["call.command"]
    command: Command | RecordCommand
    to: Annotated[str, Field(max_length=64)] = ""  # an agent, a queue, or for …_outside a number
    ref: Annotated[str, Field(max_length=64)] | None = None  # comes back in done or error


class Subscribe(Request):
    """Start to send a topic; the current state comes at once."""

    type: Literal["subscribe"]
    topic: Topic


class Unsubscribe(Request):
    """Stop to send a topic."""

    type: Literal["unsubscribe"]
    topic: Topic


class Pong(Request):
    """Answer to ping. Optional: shows in the metrics how late pages are."""

    type: Literal["pong"]
    seq: Annotated[int, Field(ge=0)]


AnyClientMessage = Annotated[
    Hello | StateSet | CallCommand | Subscribe | Unsubscribe | Pong, Field(discriminator="type")
]

_client: TypeAdapter[AnyClientMessage] = TypeAdapter(AnyClientMessage)


def read_client(text: str) -> Hello | StateSet | CallCommand | Subscribe | Unsubscribe | Pong:
    """Parse one text frame from a page. Raises pydantic's ``ValidationError`` for anything else."""
    return _client.validate_json(text)


def wire(message: ServerMessage) -> str:
    """The text frame of a message."""
    return message.model_dump_json()
