"""What agents keep of a call, as records: notes with reason codes, and tickets. Pure. docs/aftercall.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cti.domain.effects import Effect, EffectId, EffectState
from cti.domain.errors import CallerError
from cti.domain.model import AgentId, Call, CallId, TenantId

# The look-up contract's own bound for a ticket's note: what is written here can always go there.
NOTE_MOST = 4_000
# One call is about one thing, sometimes two; more than this is somebody who chooses all of them.
REASONS_MOST = 10
# The contract keeps an Idempotency-Key for 24 hours at least; later the same key may open a second ticket.
REPEAT_FOR = timedelta(hours=20)
TICKET_KIND = "ticket"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """What a call may have been about: one node of the desk's tree."""

    reason: str  # slug
    parent: str | None  # None: at the top
    name_ja: str
    name_en: str
    words: str = ""  # what else people type to find it
    active: bool = True  # False: no longer in the desk file; old calls keep its name


@dataclass(frozen=True, kw_only=True)
class CallNote:
    """What one agent wrote about one call. Each agent writes their own; colleagues read it."""

    tenant: TenantId
    call_id: CallId
    agent: AgentId
    version: int  # counts changes, from 1; 0: nothing was saved yet
    note: str = ""
    reasons: tuple[str, ...] = ()
    changed_at: datetime


class NoteChanged(CallerError):
    """Somebody (another page of the same agent) saved meanwhile: ``stored`` is what is there."""

    def __init__(self, stored: CallNote) -> None:
        super().__init__("the note was changed meanwhile")
        self.stored = stored


def choosable(reasons: Sequence[Reason]) -> frozenset[str]:
    """Reasons that a call can be given: the leaves of the tree that is in force."""
    active = [one for one in reasons if one.active]
    parents = {one.parent for one in active}
    return frozenset(one.reason for one in active if one.reason not in parents)


def without_reason(call: Call, notes: Iterable[CallNote]) -> list[AgentId]:
    """Agents who talked in a call that is over and gave no reason for it, in the order in which they talked."""
    gave = {note.agent for note in notes if note.reasons}
    talked = dict.fromkeys(talk.agent for talk in call.talks)
    return [] if call.ended_at is None else [agent for agent in talked if agent not in gave]


class TicketDo(StrEnum):
    """What is wanted of the ticket system."""

    OPEN = "open"
    JOIN = "join"


class TicketState(StrEnum):
    """What people are told of a ticket that was asked for."""

    SENDING = "sending"  # stored; the service has been asked or will be at once
    QUEUED = "queued"  # no answer: it is asked again by itself, under the same key
    DONE = "done"
    REFUSED = "refused"  # the service will not do it
    UNKNOWN = "unknown"  # nobody can tell any more: look in the ticket system


@dataclass(frozen=True, kw_only=True)
class TicketWish:
    """A ticket that an agent asks for."""

    key: EffectId  # 32 hex digits, made by the page: the same wish again is the same ticket
    tenant: TenantId
    call_id: CallId
    agent: AgentId
    login: str  # whom the ticket system will name
    do: TicketDo
    ticket_id: str = ""  # to join
    category: str = ""
    title: str = ""
    note: str = ""
    member_id: str = ""
    reservation_id: str = ""


@dataclass(frozen=True, kw_only=True)
class CallTicket:
    """A ticket of a call, as far as it has come."""

    key: EffectId
    call_id: CallId
    agent: AgentId
    do: TicketDo
    state: TicketState
    ticket_id: str | None
    category: str
    title: str
    why: str  # slug, when it was refused
    asked_at: datetime
    changed_at: datetime


def effect_of(wish: TicketWish, at: datetime) -> Effect:
    """The stored effect of a wish."""
    body = {
        "call_id": wish.call_id,
        "agent": wish.agent,
        "login": wish.login,
        "do": wish.do.value,
        "ticket_id": wish.ticket_id,
        "category": wish.category,
        "title": wish.title,
        "note": wish.note,
        "member_id": wish.member_id,
        "reservation_id": wish.reservation_id,
    }
    return Effect(
        effect_id=wish.key, tenant=wish.tenant, kind=TICKET_KIND, created_at=at, changed_at=at, body=body
    )  # fmt: skip


def same_wish(wish: TicketWish, effect: Effect) -> bool:
    """Whether ``effect`` is what ``wish`` asks for: only then may its answer pass for the wish's.

    Its words are compared for as long as they are kept ([retention] blanks title and note together).
    """
    if effect.tenant != wish.tenant or effect.kind != TICKET_KIND:
        return False
    wanted, body = effect_of(wish, effect.created_at).body, effect.body
    names = {"call_id", "agent", "do", "ticket_id", "category", "member_id", "reservation_id"}
    if body["title"] or body["note"]:
        names |= {"title", "note"}
    return all(wanted[name] == body[name] for name in names)


def may_repeat(effect: Effect, now: datetime) -> bool:
    """Whether the other side still knows the key."""
    return now - effect.created_at < REPEAT_FOR


def request_of(effect: Effect) -> dict[str, object]:
    """The body of the contract's TicketRequest or JoinRequest: always the same for the same effect."""
    body: Mapping[str, str] = effect.body
    if body["do"] == TicketDo.JOIN:
        return {"call_id": body["call_id"], "note": body["note"], "joined_by": body["login"]}
    return {
        "call_id": body["call_id"],
        "member_id": body["member_id"] or None,
        "reservation_id": body["reservation_id"] or None,
        "category": body["category"],
        "title": body["title"],
        "note": body["note"],
        "opened_by": body["login"],
    }


_SHOWN = {
    EffectState.STORED: TicketState.SENDING,
    EffectState.SENT: TicketState.SENDING,
    EffectState.UNKNOWN: TicketState.QUEUED,
    EffectState.DONE: TicketState.DONE,
    EffectState.NOT_DONE: TicketState.REFUSED,
}


def ticket_of(effect: Effect, now: datetime) -> CallTicket:
    """A ticket's effect as people see it."""
    body, state = effect.body, _SHOWN[effect.state]
    if effect.given_up or not (effect.settled or may_repeat(effect, now)):
        state = TicketState.UNKNOWN
    return CallTicket(
        key=effect.effect_id,
        call_id=CallId(body["call_id"]),
        agent=AgentId(body["agent"]),
        do=TicketDo(body["do"]),
        state=state,
        ticket_id=body.get("mark") or body["ticket_id"] or None,
        category=body["category"],
        title=body["title"],
        why=body.get("why", "") if state is TicketState.REFUSED else "",
        asked_at=effect.created_at,
        changed_at=effect.changed_at,
    )
