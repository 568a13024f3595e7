"""What agents say of callers, joined to the database, the linker and the pages: stored first, then shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from weakref import WeakValueDictionary

from cti.domain.model import CallId, QueueId, TenantId
from cti.domain.verification import (
    Choice,
    NotSaid,
    Person,
    StepMark,
    StepResult,
    VerificationPolicy,
    judge,
    marks_that_count,
    policy_for,
)
from cti.linking.linker import Linker
from cti.store.callers import MARKS_MOST, CallerStore
from cti.store.links import LinkStore
from cti.web.callerports import LinkStep, MarkStep


class Policies:
    """What verifies callers, desk by desk, from memory."""

    def __init__(self, store: CallerStore) -> None:
        self._store = store
        self._known: Mapping[TenantId, Sequence[VerificationPolicy]] = {}

    async def reload(self) -> None:
        """Read them again. Raises Unavailable; what was read before stays in use."""
        self._known = await self._store.policies()

    def of(self, tenant: TenantId, queue: QueueId | None) -> VerificationPolicy | None:
        """The policy for a call in that queue."""
        return policy_for(self._known.get(tenant, ()), queue)


class StoredCallers:
    """Implements cti.web.callerports.Callers."""

    def __init__(
        self, linker: Linker | None, store: CallerStore, links: LinkStore, now: Callable[[], datetime]
    ) -> None:
        """``linker``: None when no look-up service is configured, so that nobody is ever linked."""
        self._linker = linker
        self._store = store
        self._links = links
        self._now = now
        # What is said of one call is stored and shown in one order.
        self._saying: WeakValueDictionary[CallId, asyncio.Lock] = WeakValueDictionary()

    async def choose(self, tenant: TenantId, call_id: CallId, member_id: str | None, by: Person) -> None:
        """See the port."""
        linker = self._live()
        async with self._lock(call_id):
            _, _, said = linker.linked(tenant, call_id)
            chosen = None if said.choice is None else said.choice.member_id
            if chosen == member_id:
                return  # said twice: an answer got lost
            at = self._now()
            if member_id is None:
                await self._links.undecide(tenant, call_id, by=by.login, at=at, link=linker.found(tenant, call_id))
                linker.choose(tenant, call_id, None)
                return
            if member_id not in linker.candidates(tenant, call_id):
                raise NotSaid("no_such_member", "the look-up named no such member for this call")
            link = linker.as_chosen(tenant, call_id, member_id)
            await self._links.decide(tenant, call_id, by=by.login, at=at, link=link)
            linker.choose(tenant, call_id, Choice(member_id=member_id, by=by, at=at))

    async def mark(self, tenant: TenantId, call_id: CallId, step: str, result: StepResult, by: Person) -> None:
        """See the port."""
        linker = self._live()
        async with self._lock(call_id):
            link, policy, said = linker.linked(tenant, call_id)
            if policy is None or step not in {one.step for one in policy.steps}:
                raise NotSaid("no_such_step", "the desk does not ask this of callers of this queue")
            if link.member_id is None:
                raise NotSaid("no_member", "choose who is calling first")
            if len(said.marks) >= MARKS_MOST:
                raise NotSaid("too_many", f"{MARKS_MOST} marks of one call are no verification any more")
            mark = StepMark(step=step, result=result, member_id=link.member_id, by=by, at=self._now())
            counted = marks_that_count((*said.marks, mark), link.member_id, said.choice, policy)
            await self._store.add(tenant, call_id, mark, judge(policy, counted).state)
            linker.mark(tenant, call_id, mark)

    async def links(self, tenant: TenantId, call_id: CallId) -> Sequence[LinkStep]:
        """See the port."""
        return [
            LinkStep(at=one.at, made_by=one.made_by, status=one.status, link=one.link)
            for one in await self._links.history(tenant, call_id)
        ]

    async def marks(self, tenant: TenantId, call_id: CallId) -> Sequence[MarkStep]:
        """See the port."""
        return [MarkStep(mark=one.mark, state=one.state) for one in await self._store.marks(tenant, call_id)]

    def _live(self) -> Linker:
        if self._linker is None:
            raise NotSaid("no_lookup", "no look-up service is configured: nobody is linked")
        return self._linker

    def _lock(self, call_id: CallId) -> asyncio.Lock:
        return self._saying.setdefault(call_id, asyncio.Lock())
