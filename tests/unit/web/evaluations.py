"""Scores and forms in memory: the promises of the real ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from cti.domain.errors import NotFound, Unavailable
from cti.domain.evaluation import Evaluation, EvaluationChanged, EvaluationFilter, EvaluationState
from cti.domain.evaluationform import Form, FormChanged, FormVersion
from cti.domain.model import AgentId, CallId, TenantId
from cti.domain.sampling import Candidate
from cti.domain.samplingrun import DrawnMeanwhile, SampleItem, SampleRun, Wanted
from tests.unit.domain.evaluations import FORM

T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
DEMO = TenantId("demo")


def version(number: int, form: Form = FORM, form_id: str = "members") -> FormVersion:
    return FormVersion(
        tenant=DEMO, form_id=form_id, version=number, form=form, published_at=T0, published_by="tanaka"
    )  # fmt: skip


class FakeForms:
    """Implements cti.web.evaluationports.EvaluationForms."""

    def __init__(self) -> None:
        self.rows: list[FormVersion] = [version(1)]

    async def newest(self, tenant: TenantId) -> Sequence[FormVersion]:
        """See the port."""
        return list({one.form_id: one for one in self.rows if one.tenant == tenant}.values())

    async def history(self, tenant: TenantId, form_id: str) -> Sequence[FormVersion]:
        """See the port."""
        return [one for one in reversed(self.rows) if (one.tenant, one.form_id) == (tenant, form_id)]

    async def some(self, tenant: TenantId, wanted: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], FormVersion]:
        """See the port."""
        keys = set(wanted)
        found = {(one.form_id, one.version): one for one in self.rows if one.tenant == tenant}
        return {key: one for key, one in found.items() if key in keys}

    async def publish(
        self, tenant: TenantId, form_id: str, form: Form, *, after: int, by: str, note: str, at: datetime
    ) -> int:
        """See the port."""
        history = await self.history(tenant, form_id)
        if (history[0].version if history else 0) != after:
            raise FormChanged("meanwhile")
        made = FormVersion(
            tenant=tenant, form_id=form_id, version=after + 1, form=form, published_at=at, published_by=by, note=note
        )
        self.rows.append(made)
        return made.version

    async def set_active(self, tenant: TenantId, form_id: str, active: bool) -> None:
        """See the port."""
        if not await self.history(tenant, form_id):
            raise NotFound("none")
        self.rows = [replace(one, active=active) if one.form_id == form_id else one for one in self.rows]


class FakeEvaluations:
    """Implements cti.web.evaluationports.Evaluations."""

    def __init__(self) -> None:
        self.away = False
        self.rows: dict[str, Evaluation] = {}

    def _check(self) -> None:
        if self.away:
            raise Unavailable("away")

    async def begin(self, wanted: Evaluation) -> Evaluation:
        """See the port."""
        self._check()

        def same(one: Evaluation) -> tuple[str, ...]:
            return one.tenant, one.call_id, one.agent, one.form_id, one.evaluator

        found = next((one for one in self.rows.values() if same(one) == same(wanted)), None)
        return found or self.rows.setdefault(wanted.evaluation_id, wanted)

    async def get(self, tenant: TenantId, evaluation_id: str) -> Evaluation | None:
        """See the port."""
        self._check()
        found = self.rows.get(evaluation_id)
        return found if found is not None and found.tenant == tenant else None

    async def of_call(self, tenant: TenantId, call_id: CallId) -> Sequence[Evaluation]:
        """See the port."""
        self._check()
        return [one for one in self.rows.values() if (one.tenant, one.call_id) == (tenant, call_id)]

    async def put(self, wanted: Evaluation) -> Evaluation:
        """See the port."""
        await self._same(replace(wanted, version=wanted.version - 1))
        self.rows[wanted.evaluation_id] = wanted
        return wanted

    async def discard(self, seen: Evaluation) -> None:
        """See the port."""
        await self._same(seen)
        del self.rows[seen.evaluation_id]

    async def _same(self, seen: Evaluation) -> None:
        stored = await self.get(seen.tenant, seen.evaluation_id)
        if stored is None:
            raise NotFound("gone")
        if stored.version != seen.version:
            raise EvaluationChanged(stored)

    async def page(self, tenant: TenantId, wanted: EvaluationFilter) -> Sequence[Evaluation]:
        """See the port."""
        self._check()

        def same(one: Evaluation) -> tuple[str, ...]:
            return one.call_id, one.agent, one.form_id

        waiting = {
            same(one)
            for one in self.rows.values()
            if one.evaluator == wanted.waits_for and one.state is EvaluationState.DRAFT
        }

        def fits(one: Evaluation) -> bool:
            draft = one.state is EvaluationState.DRAFT
            key = (one.began_at, one.evaluation_id)
            return (
                one.tenant == tenant
                and (not draft or one.evaluator == wanted.drafts_of)
                and not (one.evaluator != wanted.waits_for and same(one) in waiting)
                and wanted.agent in (None, one.agent)
                and wanted.state in (None, one.state.value)
                and (wanted.least_tenths is None or (one.tenths is not None and one.tenths >= wanted.least_tenths))
                and (wanted.after is None or key < wanted.after)
            )

        found = sorted(filter(fits, self.rows.values()), key=lambda one: (one.began_at, one.evaluation_id))
        return found[::-1][: wanted.limit]

    async def people(self, tenant: TenantId, *, gone: bool = True) -> Sequence[tuple[str, str, frozenset[str]]]:
        """See the port."""
        found = [
            ("watanabe", "渡辺 健", frozenset({"qa"})), ("mori", "森 圭", frozenset({"qa"})),
            ("tanaka", "田中 恵", frozenset({"supervisor"})), ("hogo", "保科 恵", frozenset({"privacy"})),
        ]  # fmt: skip
        return [*found, ("abe", "阿部 直", frozenset({"qa"}))] if gone else found


class FakeSamples:
    """Implements cti.web.sampleports.Samples."""

    def __init__(self) -> None:
        self.rows: list[Candidate] = []
        self.drawn: list[tuple[SampleRun, Sequence[SampleItem]]] = []
        self.quicker = 0  # so many draws of others are stored first, each of the first candidate

    async def agents(self, tenant: TenantId) -> Mapping[AgentId, str]:
        """See the port."""
        return {AgentId("sato"): "sato", AgentId("suzuki"): "suzuki"} if tenant == DEMO else {}

    async def candidates(self, tenant: TenantId, wanted: Wanted) -> Sequence[Candidate]:
        """See the port."""
        return [one for one in self.rows if one.agent in wanted.agents] if tenant == DEMO else []

    async def add(self, tenant: TenantId, run: SampleRun, items: Sequence[SampleItem]) -> None:
        """See the port."""
        if self.quicker:
            self.quicker -= 1
            self.rows.pop(0)
            raise DrawnMeanwhile("meanwhile")
        self.drawn.append((run, items))

    async def runs(self, tenant: TenantId) -> Sequence[SampleRun]:
        """See the port."""
        return [run for run, _ in self.drawn] if tenant == DEMO else []

    async def items(
        self, tenant: TenantId, *, assignee: str | None = None, sample_id: str | None = None
    ) -> Sequence[SampleItem]:
        """See the port."""
        everything = [item for _, items in self.drawn for item in items] if tenant == DEMO else []
        return [one for one in everything if assignee in (None, one.assignee)]
