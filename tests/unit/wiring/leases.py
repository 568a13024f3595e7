"""A lease in memory with a clock of its own, made of the rules themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cti.domain import lease as rules
from cti.domain.errors import Unavailable
from cti.domain.lease import Lease, Look

T0 = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)


class MemoryLeases:
    """As cti.store.leases.LeaseStore; several may share one ``Row``."""

    def __init__(self, row: Row | None = None) -> None:
        self.row = row or Row()
        self.away = False
        self.closed = False

    async def look(self) -> Look:
        self._there()
        return Look(lease=self.row.lease, at=self.row.now)

    async def claim(self, holder: str, address: str, over: int | None = None) -> Lease | None:
        self._there()
        return self._write(rules.claimed(self.row.lease, holder, address, self.row.now, over))

    async def renew(self, epoch: int) -> bool:
        self._there()
        return self._write(rules.renewed(self.row.lease, epoch, self.row.now)) is not None

    async def give_back(self, epoch: int) -> bool:
        self._there()
        return self._write(rules.given_back(self.row.lease, epoch, self.row.now)) is not None

    def close(self) -> None:
        self.closed = True

    def _there(self) -> None:
        if self.away:
            raise Unavailable("the database does not answer")

    def _write(self, lease: Lease | None) -> Lease | None:
        if lease is not None:
            self.row.lease = lease
        return lease


class Row:
    """What the database has, and its clock."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.now = T0
        self.own_s = 0.0  # of a clock that nobody sets

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.own_s += seconds

    def step(self, seconds: float) -> None:
        """Somebody sets the database's clock."""
        self.now += timedelta(seconds=seconds)

    async def run_out(self) -> None:
        """Its time is over."""
        assert self.lease is not None
        self.later(max(0.0, (self.lease.valid_until - self.now).total_seconds()))
