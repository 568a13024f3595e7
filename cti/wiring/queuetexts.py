"""Words of a desk's own that queues say: what has to be spoken by `kakehashi prompts render`."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from cti.domain.spoken import sound_name


async def queue_texts(conn: asyncpg.Connection[Any]) -> dict[str, dict[str, str]]:
    """The words written in the queues of all tenants and in announcements: sound file → language → words."""
    texts: dict[str, dict[str, str]] = {}
    for row in await conn.fetch("SELECT treatments::text AS treatments, comfort::text AS comfort FROM queues"):
        said = [treatment.get("text") for treatment in json.loads(row["treatments"]).values()]
        said += json.loads(row["comfort"]).get("texts") or []
        texts |= {sound_name(text["ja"], text["en"]): text for text in said if text}
    # Announcements were spoken when they were published; on a new machine they are spoken again.
    for row in await conn.fetch("SELECT sound, text_ja, text_en FROM announcements WHERE ends_at > now()"):
        if row["sound"].startswith("t-"):
            texts[row["sound"]] = {"ja": row["text_ja"], "en": row["text_en"]}
    return texts
