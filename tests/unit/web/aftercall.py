"""What agents keep of calls, in memory: the promises of the real ones, and a switch to be away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from cti.domain.aftercall import (
    CallNote,
    CallTicket,
    NoteChanged,
    Reason,
    TicketState,
    TicketWish,
    effect_of,
    ticket_of,
)
from cti.domain.errors import CallerError, NotAllowed, Unavailable
from cti.domain.model import AgentId, CallId, QueueId, TenantId

T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
CAR = Reason(reason="car", parent=None, name_ja="車両", name_en="The car")
UNLOCK = Reason(reason="unlock", parent="car", name_ja="解錠できない", name_en="Will not unlock", words="アンロック")
OLD = Reason(reason="old", parent="car", name_ja="旧コード", name_en="Old", active=False)


class FakeAftercall:
    """Implements cti.web.afterports.Aftercall."""

    def __init__(self) -> None:
        self.away = False
        self.has_tickets = True
        self.tree: tuple[Reason, ...] = (CAR, UNLOCK, OLD)
        self.required: set[str] = set()
        self.rows: dict[tuple[CallId, AgentId], CallNote] = {}
        self.wishes: dict[str, TicketWish] = {}
        self.came_to: dict[str, TicketState] = {}  # by key, once something is known; until then it is being sent

    def _check(self) -> None:
        if self.away:
            raise Unavailable("away")

    def reasons(self, tenant: TenantId) -> Sequence[Reason]:
        """See the port."""
        return self.tree

    def reason_required(self, tenant: TenantId, queue: QueueId | None) -> bool:
        """See the port."""
        return queue in self.required

    async def notes(self, tenant: TenantId, call_id: CallId) -> Sequence[CallNote]:
        """See the port."""
        self._check()
        return [note for note in self.rows.values() if note.call_id == call_id and note.tenant == tenant]

    async def notes_of(self, tenant: TenantId, agent: AgentId, calls: Sequence[CallId]) -> Sequence[CallNote]:
        """See the port."""
        self._check()
        mine = [note for note in self.rows.values() if (note.tenant, note.agent) == (tenant, agent)]
        return [note for note in mine if note.call_id in calls]

    async def save(self, wanted: CallNote) -> CallNote:
        """See the port."""
        self._check()
        key = (wanted.call_id, wanted.agent)
        before = self.rows.get(key)
        version = 0 if before is None else before.version
        if before is not None and version != wanted.version:
            if (before.note, before.reasons) == (wanted.note, wanted.reasons):
                return before
            raise NoteChanged(before)
        self.rows[key] = replace(wanted, version=version + 1)
        return self.rows[key]

    async def tickets(self, tenant: TenantId, call_id: CallId) -> Sequence[CallTicket]:
        """See the port."""
        self._check()
        return [self._line(wish) for wish in self.wishes.values() if wish.call_id == call_id]

    async def ask_ticket(self, wish: TicketWish) -> CallTicket:
        """See the port."""
        self._check()
        if not self.has_tickets:
            raise NotAllowed("none")
        known = self.wishes.setdefault(wish.key, wish)
        if known.call_id != wish.call_id:
            raise CallerError("this key is another wish's")
        return self._line(known)

    def _line(self, wish: TicketWish) -> CallTicket:
        line = ticket_of(effect_of(wish, T0), T0)
        state = self.came_to.get(wish.key, line.state)
        number = "T-10001" if state is TicketState.DONE else line.ticket_id
        return replace(line, state=state, ticket_id=number, why="ticket_closed" if state is TicketState.REFUSED else "")
