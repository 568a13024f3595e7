"""Announcements: spoken when they are published, kept in PostgreSQL, heard from then on."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from cti.config import Config
from cti.desk.apply import CHANNEL
from cti.domain.errors import CallerError, NotFound
from cti.domain.model import TenantId
from cti.domain.spoken import sound_name
from cti.store.away import deadline
from cti.web.announcementports import AnnouncementFact, NewAnnouncement
from ivr.prompts import render_texts
from ivr.texts import catalogue

# Callers hear all of them one after the other.
MOST_AT_ONCE = 10
# Prompts of the catalogue that are made to be announced.
PREFIX = "announce-"

_COLUMNS = (
    "announcement::text AS announcement, queue, number, text_ja, text_en, sound, begins_at, ends_at, published_by"
)
_CURRENT = f"""
    SELECT {_COLUMNS} FROM announcements
     WHERE tenant = $1 AND ends_at > $2 AND withdrawn_at IS NULL
     ORDER BY begins_at, announcement
"""  # noqa: S608 - a constant of ours
_ADD = f"""
    INSERT INTO announcements
           (announcement, tenant, queue, number, text_ja, text_en, sound, begins_at, ends_at, published_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    RETURNING {_COLUMNS}
"""  # noqa: S608 - a constant of ours
_WITHDRAW = """
    UPDATE announcements SET withdrawn_at = $3, withdrawn_by = $4
     WHERE tenant = $1 AND announcement = $2 AND withdrawn_at IS NULL AND ends_at > $3
    RETURNING announcement
"""


class StoredAnnouncements:
    """Implements cti.web.announcementports.Announcements."""

    def __init__(self, pool: asyncpg.Pool[Any], sounds: Path, cache: Path) -> None:
        self._pool = pool
        self._sounds = sounds
        self._cache = cache

    async def current(self, tenant: TenantId, now: datetime) -> Sequence[AnnouncementFact]:
        """See the port."""
        async with deadline():
            return [_fact(row) for row in await self._pool.fetch(_CURRENT, tenant, now)]

    async def publish(self, tenant: TenantId, new: NewAnnouncement) -> AnnouncementFact:
        """See the port."""
        await self._check(tenant, new)
        sound, ja, en = _words(new)
        if new.prompt is None:
            texts = {sound: {"ja": ja, "en": en}}
            # The voices take a second or two, and the disk its time.
            await asyncio.to_thread(render_texts, self._sounds, self._cache, texts)
        values = (uuid.uuid4(), tenant, new.queue, new.number, ja, en, sound, new.begins_at, new.ends_at)
        async with deadline(), self._pool.acquire() as conn, conn.transaction():
            row = await conn.fetchrow(_ADD, *values, new.published_by)
            await conn.execute("SELECT pg_notify($1, 'announcement')", CHANNEL)
        return _fact(row)

    async def withdraw(self, tenant: TenantId, announcement: str, *, by: str, at: datetime) -> None:
        """See the port."""
        async with deadline(), self._pool.acquire() as conn, conn.transaction():
            if await conn.fetchval(_WITHDRAW, tenant, uuid.UUID(announcement), at, by) is None:
                raise NotFound(f"no announcement {announcement} that is heard now")
            await conn.execute("SELECT pg_notify($1, 'announcement')", CHANNEL)

    async def _check(self, tenant: TenantId, new: NewAnnouncement) -> None:
        async with deadline():
            if new.queue is not None:
                sql, value = "SELECT 1 FROM queues WHERE tenant = $1 AND queue = $2 AND active", str(new.queue)
            else:
                sql, value = "SELECT 1 FROM numbers WHERE tenant = $1 AND number = $2", str(new.number)
            if await self._pool.fetchval(sql, tenant, value) is None:
                what = "queue" if new.queue is not None else "number"
                raise NotFound(f"{what}: no {what} {value!r} on this desk")
            there = await self._pool.fetch(_CURRENT, tenant, new.begins_at)
        if len(there) >= MOST_AT_ONCE:
            raise CallerError(f"{MOST_AT_ONCE} announcements are heard already; withdraw one of them first")


def _words(new: NewAnnouncement) -> tuple[str, str, str]:
    """Name of the sound, and the words in both languages. Raises NotFound for a prompt that cannot be announced."""
    if new.prompt is None:
        ja, en = new.text_ja or "", new.text_en or ""
        return sound_name(ja, en), ja, en
    known = sorted(name for name in catalogue("ja") if name.startswith(PREFIX))
    if new.prompt not in known:
        raise NotFound(f"prompt: no announcement {new.prompt!r} in the catalogue; there are {', '.join(known)}")
    return new.prompt, catalogue("ja")[new.prompt].words, catalogue("en")[new.prompt].words


def _fact(row: Any) -> AnnouncementFact:
    return AnnouncementFact(**{name: row[name] for name in AnnouncementFact.__dataclass_fields__})


def open_announcements(config: Config, pool: asyncpg.Pool[Any]) -> StoredAnnouncements:
    """As configured: sounds go where Asterisk finds them, what was spoken once is kept."""
    return StoredAnnouncements(pool, config.asterisk.sounds_dir, config.data_dir / "prompts")
