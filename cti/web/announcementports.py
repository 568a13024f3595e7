"""What the web side asks about announcements to groups of callers (cti/wiring/announcements.py)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cti.domain.model import QueueId, TenantId


@dataclass(frozen=True, kw_only=True, slots=True)
class NewAnnouncement:
    """What a supervisor wants announced: for a queue or a number, a prompt of the catalogue or words of their own."""

    queue: QueueId | None
    number: str | None  # E.164
    prompt: str | None
    text_ja: str | None
    text_en: str | None
    begins_at: datetime
    ends_at: datetime
    published_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AnnouncementFact:
    """An announcement that is heard."""

    announcement: str  # UUID
    queue: QueueId | None
    number: str | None
    text_ja: str
    text_en: str
    sound: str  # name of its sound file
    begins_at: datetime
    ends_at: datetime
    published_by: str


class Announcements(Protocol):
    """Words for a group of callers."""

    async def current(self, tenant: TenantId, now: datetime) -> Sequence[AnnouncementFact]:
        """Those that are heard, oldest first."""

    async def publish(self, tenant: TenantId, new: NewAnnouncement) -> AnnouncementFact:
        """Speak and announce it. Raises NotFound (queue, number, prompt), CallerError, Unavailable (no voice)."""

    async def withdraw(self, tenant: TenantId, announcement: str, *, by: str, at: datetime) -> None:
        """End it before its time. Raises NotFound."""
