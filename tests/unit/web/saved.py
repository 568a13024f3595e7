"""A phone book in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from cti.domain.errors import CallerError, NotFound
from cti.domain.model import AgentId, QueueId, TenantId, UserLogin
from cti.outbound.rules import may_be_saved
from cti.web.savedports import NewSaved, SavedFact


class FakeSaved:
    """A phone book in memory. Implements cti.web.savedports.SavedNumbers."""

    def __init__(self) -> None:
        self.rows: dict[str, SavedFact] = {}

    async def of_agent(self, tenant: TenantId, agent: AgentId) -> Sequence[SavedFact]:
        return [row for row in self.rows.values() if not row.agents or agent in row.agents]

    async def all(self, tenant: TenantId) -> Sequence[SavedFact]:
        return list(self.rows.values())

    async def readings(self, tenant: TenantId) -> Mapping[AgentId, str]:
        return {AgentId("suzuki"): "スズキ イチロウ"}

    async def add(self, tenant: TenantId, new: NewSaved, *, by: UserLogin, at: datetime) -> SavedFact:
        fact = self._fact(f"p-{len(self.rows)}", new, by, at)
        self.rows[fact.saved] = fact
        return fact

    async def change(self, tenant: TenantId, saved: str, new: NewSaved, *, by: UserLogin, at: datetime) -> SavedFact:
        if saved not in self.rows:
            raise NotFound(saved)
        self.rows[saved] = replace(self._fact(saved, new, by, at))
        return self.rows[saved]

    async def remove(self, tenant: TenantId, saved: str, *, by: UserLogin, at: datetime) -> None:
        if self.rows.pop(saved, None) is None:
            raise NotFound(saved)

    def _fact(self, saved: str, new: NewSaved, by: UserLogin, at: datetime) -> SavedFact:
        if QueueId("nowhere") in new.queues:
            raise CallerError("queues: this desk has no queue 'nowhere'")
        wanted = may_be_saved(None, new.number)
        return SavedFact(
            saved=saved, name=new.name, reading=new.reading, e164=wanted.e164, national=wanted.shown,
            queues=new.queues, agents=new.agents, by_file=False, changed_by=by, changed_at=at,
        )  # fmt: skip
