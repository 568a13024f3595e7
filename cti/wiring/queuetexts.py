"""Words of a desk's own that queues say: what has to be spoken by `kakehashi prompts render`, and what was not yet."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import asyncpg

from cti.domain.spoken import sound_name
from cti.wiring.readiness import Probe, Warned
from ivr.prompts import OURS

READ_S = 2.0
# Named one by one; whoever renders them renders all.
MOST_NAMED = 3


async def queue_texts(conn: asyncpg.Connection[Any] | asyncpg.Pool[Any]) -> dict[str, dict[str, str]]:
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


def unspoken(sounds: Path, texts: Mapping[str, Iterable[str]]) -> str | None:
    """A sentence about texts (by name, their languages) without a sound file below ``sounds``. Blocking."""
    missing = [
        f"{language}/{name}.wav"
        for name in sorted(texts)
        for language in sorted(texts[name])
        if not (sounds / OURS / language / f"{name}.wav").is_file()
    ]
    if not missing:
        return None
    named = ", ".join(missing[:MOST_NAMED]) + (", …" if len(missing) > MOST_NAMED else "")
    return (
        f"{len(missing)} sound file(s) of the desk's own words are not in {sounds / OURS}: {named}; callers hear the "
        "standard words until `kakehashi prompts render` has spoken them"
    )


def probe(pool: asyncpg.Pool[Any], sounds: Path) -> Probe:
    """What the operator should know. Never "not ready": callers are served with other words."""

    async def why() -> Warned | None:
        try:
            texts = await asyncio.wait_for(queue_texts(pool), READ_S)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return None  # the database's own part says so
        said = await asyncio.to_thread(unspoken, sounds, texts)
        return Warned(why=said) if said else None

    return why
