"""Into which bucket a new recording goes: the operator's rules and one choice. PURE.

The choice is made once, when the recording is encoded, and written down as the recording's address. From then on the
address counts and no rule does: replay, retention, erasure and reconcile find it where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cti.domain.keeping import KeptFacts
from cti.domain.model import TenantId


@dataclass(frozen=True, kw_only=True, slots=True)
class BucketRule:
    """One rule of the configuration. What is None fits everything."""

    bucket: str
    tenant: str | None = None
    queue: str | None = None
    direction: str | None = None  # "inbound", "outbound", "callback"
    result: str | None = None  # "answered", "unanswered", "voicemail"

    def fits(self, tenant: TenantId, kept: KeptFacts) -> bool:
        """Whether it is about this recording."""
        return (
            self.tenant in (None, tenant)
            and self.queue in (None, kept.queue)
            and self.direction in (None, kept.direction)
            and self.result in (None, kept.result)
        )

    def covers(self, other: BucketRule) -> bool:
        """Whether it fits whatever ``other`` fits: behind this one the other never counts."""
        return all(
            getattr(self, name) in (None, getattr(other, name)) for name in ("tenant", "queue", "direction", "result")
        )


def bucket_for(rules: Sequence[BucketRule], tenant: TenantId, kept: KeptFacts) -> str | None:
    """The bucket of the first rule that fits; None: the tenant's own, or the one that all share."""
    return next((rule.bucket for rule in rules if rule.fits(tenant, kept)), None)


def never_counts(rules: Sequence[BucketRule]) -> tuple[int, int] | None:
    """The first rule that can never count, and the one before it that fits all it fits (both from 0), or None."""
    for at, rule in enumerate(rules):
        for before, earlier in enumerate(rules[:at]):
            if earlier.covers(rule):
                return at, before
    return None
