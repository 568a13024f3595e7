"""What the web side asks for scores and their forms (cti/store/evaluations.py, cti/store/evaluationforms.py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from cti.domain.errors import NotFound, Unavailable
from cti.domain.evaluation import Evaluation, EvaluationFilter
from cti.domain.evaluationform import Form, FormVersion
from cti.domain.model import CallId, TenantId


class Evaluations(Protocol):
    """Scores of calls. Every method may raise ``Unavailable``."""

    async def begin(self, wanted: Evaluation) -> Evaluation:
        """Store a new draft; answers with the one that its scorer has of this call already, if there is one."""

    async def get(self, tenant: TenantId, evaluation_id: str) -> Evaluation | None:
        """One of them, whoever's it is: rights are the caller's to check."""

    async def of_call(self, tenant: TenantId, call_id: CallId) -> Sequence[Evaluation]:
        """All of a call in the order in which they were begun, drafts too."""

    async def put(self, wanted: Evaluation) -> Evaluation:
        """Store ``wanted`` over the version before it. Raises EvaluationChanged when there is another, NotFound."""

    async def discard(self, seen: Evaluation) -> None:
        """Forget a draft. Raises EvaluationChanged when it is another by now, NotFound when it is gone."""

    async def page(self, tenant: TenantId, wanted: EvaluationFilter) -> Sequence[Evaluation]:
        """At most ``limit``, newest first."""

    async def people(self, tenant: TenantId, *, gone: bool = True) -> Sequence[tuple[str, str, frozenset[str]]]:
        """(log-in, name, roles) of those who log in; with those switched off, unless ``gone`` is false."""


class EvaluationForms(Protocol):
    """Forms that calls are scored on. Every method may raise ``Unavailable``."""

    async def newest(self, tenant: TenantId) -> Sequence[FormVersion]:
        """The newest version of each form, by id; those that are retired too."""

    async def history(self, tenant: TenantId, form_id: str) -> Sequence[FormVersion]:
        """A form's versions, newest first."""

    async def some(self, tenant: TenantId, wanted: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], FormVersion]:
        """These versions, by (form, version)."""

    async def publish(
        self, tenant: TenantId, form_id: str, form: Form, *, after: int, by: str, note: str, at: datetime
    ) -> int:
        """The next version, unless another is newer than ``after`` (0: there is none). Raises FormChanged."""

    async def set_active(self, tenant: TenantId, form_id: str, active: bool) -> None:
        """Whether new scores may be begun on the form. Raises NotFound."""


class NoEvaluations:
    """Nothing is scored."""

    async def begin(self, wanted: Evaluation) -> Evaluation:
        """See the port."""
        raise Unavailable("nothing is scored here")

    async def get(self, tenant: TenantId, evaluation_id: str) -> Evaluation | None:
        """See the port."""
        return None

    async def of_call(self, tenant: TenantId, call_id: CallId) -> Sequence[Evaluation]:
        """See the port."""
        return ()

    async def put(self, wanted: Evaluation) -> Evaluation:
        """See the port."""
        raise NotFound("nothing is scored here")

    async def discard(self, seen: Evaluation) -> None:
        """See the port."""
        raise NotFound("nothing is scored here")

    async def page(self, tenant: TenantId, wanted: EvaluationFilter) -> Sequence[Evaluation]:
        """See the port."""
        return ()

    async def people(self, tenant: TenantId, *, gone: bool = True) -> Sequence[tuple[str, str, frozenset[str]]]:
        """See the port."""
        return ()


class NoEvaluationForms:
    """There are no forms."""

    async def newest(self, tenant: TenantId) -> Sequence[FormVersion]:
        """See the port."""
        return ()

    async def history(self, tenant: TenantId, form_id: str) -> Sequence[FormVersion]:
        """See the port."""
        return ()

    async def some(self, tenant: TenantId, wanted: Iterable[tuple[str, int]]) -> Mapping[tuple[str, int], FormVersion]:
        """See the port."""
        return {}

    async def publish(
        self, tenant: TenantId, form_id: str, form: Form, *, after: int, by: str, note: str, at: datetime
    ) -> int:
        """See the port."""
        raise Unavailable("there are no forms here")

    async def set_active(self, tenant: TenantId, form_id: str, active: bool) -> None:
        """See the port."""
        raise NotFound("there are no forms here")
