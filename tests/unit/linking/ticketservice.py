"""A ticket service in memory behind the real interface: the same key is the same ticket, and it can be made unkind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from cti.domain.errors import Unavailable
from cti.linking.client import TicketRefused
from cti.linking.contract import Ticket

AT = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


class FakeTickets:
    """Implements cti.linking.tickets.TicketWriter."""

    def __init__(self) -> None:
        self.by_key: dict[str, tuple[object, Ticket]] = {}
        self.asked: list[str] = []  # every key, as often as it came
        self.fails: list[Exception] = []  # raised instead of an answer, one a question
        self.loses: int = 0  # so many answers get lost: it is done, and nobody hears
        self.away = False
        self.heard: Callable[[], None] = lambda: None

    @property
    def opened(self) -> int:
        """How many tickets and joins there are."""
        return len(self.by_key)

    async def open_ticket(self, key: str, body: dict[str, object]) -> Ticket:
        """See the protocol."""
        return self._once(key, ("open", sorted(body.items())), f"T-{len(self.by_key) + 1}")

    async def join_ticket(self, key: str, ticket_id: str, body: dict[str, object]) -> Ticket:
        """See the protocol."""
        return self._once(key, ("join", ticket_id, sorted(body.items())), ticket_id)

    def _once(self, key: str, asked: object, ticket_id: str) -> Ticket:
        self.asked.append(key)
        self.heard()
        if self.away:
            raise Unavailable("down")
        if self.fails:
            raise self.fails.pop(0)
        before = self.by_key.setdefault(key, (asked, _ticket(ticket_id)))
        if before[0] != asked:
            raise TicketRefused(409, "key_reused")
        if self.loses:
            self.loses -= 1
            raise Unavailable("slow")
        return before[1]


def _ticket(ticket_id: str) -> Ticket:
    return Ticket(ticket_id=ticket_id, title="解錠できない", status="open", opened_at=AT)
