"""What the web side asks for samples (cti/store/evaluationsamples.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from cti.domain.errors import Unavailable
from cti.domain.model import AgentId, TenantId
from cti.domain.sampling import Candidate
from cti.domain.samplingrun import SampleItem, SampleRun, Wanted


class Samples(Protocol):
    """Draws of calls to score. Every method may raise ``Unavailable``."""

    async def agents(self, tenant: TenantId) -> Mapping[AgentId, str]:
        """The desk's agents with their log-ins."""

    async def candidates(self, tenant: TenantId, wanted: Wanted) -> Sequence[Candidate]:
        """Parts of calls that can be drawn."""

    async def add(self, tenant: TenantId, run: SampleRun, items: Sequence[SampleItem]) -> None:
        """Store a run with what it drew, whole or not at all. Raises DrawnMeanwhile."""

    async def runs(self, tenant: TenantId) -> Sequence[SampleRun]:
        """The newest runs."""

    async def items(
        self, tenant: TenantId, *, assignee: str | None = None, sample_id: str | None = None
    ) -> Sequence[SampleItem]:
        """What was drawn, newest run first: handed to somebody, or of a run."""


class NoSamples:
    """Nothing is drawn."""

    async def agents(self, tenant: TenantId) -> Mapping[AgentId, str]:
        """See the port."""
        return {}

    async def candidates(self, tenant: TenantId, wanted: Wanted) -> Sequence[Candidate]:
        """See the port."""
        return ()

    async def add(self, tenant: TenantId, run: SampleRun, items: Sequence[SampleItem]) -> None:
        """See the port."""
        raise Unavailable("nothing is drawn here")

    async def runs(self, tenant: TenantId) -> Sequence[SampleRun]:
        """See the port."""
        return ()

    async def items(
        self, tenant: TenantId, *, assignee: str | None = None, sample_id: str | None = None
    ) -> Sequence[SampleItem]:
        """See the port."""
        return ()
