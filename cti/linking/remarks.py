"""What the desk itself adds to a caller card: who was chosen, what verified them, their earlier calls. PURE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cti.domain.model import CallId, Link, TenantId
from cti.domain.verification import Choice, Said, Subject, VerificationPolicy, judge, marks_that_count


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """Earlier calls as far as they are known."""

    subject: Subject
    status: str  # as of a card's part
    calls: Sequence[Mapping[str, Any]] = field(default=())


class EarlierCalls(Protocol):
    """Where earlier calls are kept (cti/store/earlier.py)."""

    async def of(self, tenant: TenantId, subject: Subject, but: CallId) -> Sequence[Mapping[str, Any]]:
        """The newest few, newest first, without ``but``. Raises Unavailable."""


def with_remarks(
    card: Mapping[str, object], link: Link, policy: VerificationPolicy | None, said: Said, earlier: Earlier | None
) -> dict[str, object]:
    """The card, with the parts that are the desk's own."""
    part = card["link"]
    whole = {**card, "link": {**part, "chosen": _chosen(said.choice)}} if isinstance(part, Mapping) else {**card}
    record = [] if policy is None else [verification(policy, link.member_id, said)]
    whole["verification"] = {"status": "live", "as_of": None, "verification": record}
    if earlier is not None:
        whole["calls"] = {"status": earlier.status, "as_of": None, "calls": list(earlier.calls)}
    return whole


def verification(policy: VerificationPolicy, member_id: str | None, said: Said) -> dict[str, object]:
    """How far the linked member is verified, step by step."""
    counted = marks_that_count(said.marks, member_id, said.choice, policy)
    verdict = judge(policy, counted)
    marks = {mark.step: mark for mark in counted}
    return {
        "policy": policy.policy,
        "needed": policy.needed,
        "member_id": member_id,
        "state": verdict.state.value,
        "by": None if verdict.mark is None else verdict.mark.by.name,
        "at": None if verdict.mark is None else verdict.mark.at.isoformat(),
        "steps": [
            {
                "step": one.step,
                "name_ja": one.name_ja,
                "name_en": one.name_en,
                "result": marks[one.step].result.value if one.step in marks else None,
                "by": marks[one.step].by.name if one.step in marks else None,
                "at": marks[one.step].at.isoformat() if one.step in marks else None,
            }
            for one in policy.steps
        ],
    }


def _chosen(choice: Choice | None) -> dict[str, object] | None:
    return None if choice is None else {"by": choice.by.name, "at": choice.at.isoformat()}
