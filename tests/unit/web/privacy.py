"""Who keeps recordings and knows people, in memory. What the real ones do is held by tests/contract/recording."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

from cti.domain.errors import NotFound
from cti.domain.keeping import Actor, BeingDeleted, Hold, UnderHold
from cti.domain.model import CallId, TenantId
from cti.domain.person import Erasure, ErasureState, Person, PersonLook
from tests.unit.web.fakes import DEMO, T0, call_id

FIRST_HOLD = 7
ERASURE_ID = "0f3a2b1c-1111-4222-8333-444455556666"
ERASURE = Erasure(
    erasure_id=ERASURE_ID, tenant=DEMO, state=ErasureState.ORDERED, reference="17", asked_by="hogo", asked_at=T0,
    done_at=None, calls=2, counts={"notes": 3}, held={"c": "held by legal until it is released"}, waiting=1,
)  # fmt: skip
LOOK = PersonLook(
    counts={"calls": 2, "held": 1},
    held=(Hold(hold_id=3, tenant=DEMO, call_id=call_id(1), reason="case 17", set_by="legal", set_at=T0, until=None),),
    live=(call_id(2),),
)


class FakeKeeping:
    """Implements cti.web.keepports.Keeping."""

    def __init__(self) -> None:
        self.orders: list[tuple[CallId, Actor, str]] = []
        self.kept: dict[int, Hold] = {}  # those that are over as well
        self.deleting = False

    def counting(self, call_id: CallId | None = None) -> list[Hold]:
        """Those that keep something."""
        held = [hold for hold in self.kept.values() if hold.released_at is None]
        return [hold for hold in held if call_id in (None, hold.call_id)]

    async def order_deletion(self, tenant: TenantId, call_id: CallId, by: Actor, why: str) -> None:
        if counting := self.counting(call_id):
            raise UnderHold(counting)
        self.orders.append((call_id, by, why))

    async def hold(self, tenant: TenantId, call_id: CallId, by: Actor, reason: str, until: datetime | None) -> Hold:
        if self.deleting:
            raise BeingDeleted("gone")
        number = FIRST_HOLD + len(self.kept)
        made = self.kept[number] = Hold(
            hold_id=number, tenant=tenant, call_id=call_id, reason=reason, set_by=by.who, set_at=T0, until=until
        )
        return made

    async def release(self, tenant: TenantId, hold_id: int, by: Actor, reason: str) -> Hold:
        if hold_id not in self.kept or self.kept[hold_id].released_at is not None:
            raise NotFound("none")
        over = self.kept[hold_id] = replace(self.kept[hold_id], released_at=T0, released_by=by.who)
        return over

    async def holds(
        self, tenant: TenantId, *, call_id: CallId | None, counting: bool, before: int | None, limit: int
    ) -> Sequence[Hold]:
        found = self.counting() if counting else list(self.kept.values())
        wanted = [h for h in found if call_id in (None, h.call_id) and (before is None or h.hold_id < before)]
        return wanted[::-1][:limit]


class FakePeople:
    """Implements cti.domain.person.People."""

    def __init__(self) -> None:
        self.asked: list[tuple[Person, str, str, str]] = []
        self.pieces: list[bytes | Exception] = [b"PK", b"rest"]
        self.known = LOOK
        self.erasures = [ERASURE]

    async def export(self, person: Person, *, by: str, address: str, reference: str) -> AsyncIterator[bytes]:
        self.asked.append((person, by, address, reference))
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def look(self, person: Person) -> PersonLook:
        return self.known

    async def order(self, person: Person, *, by: str, address: str, reference: str) -> Erasure:
        self.asked.append((person, by, address, reference))
        return self.erasures[0]

    async def find(self, tenant: TenantId, erasure_id: str) -> Erasure | None:
        found = (one for one in self.erasures if (tenant, erasure_id) == (one.tenant, one.erasure_id))
        return next(found, None)

    async def newest(self, tenant: TenantId, limit: int) -> Sequence[Erasure]:
        return self.erasures[:limit]
