"""What is known of a person as one ZIP, written while it is read: data for programs, a page for people, the sound.

::

    index.html            Japanese and English, readable without anything else
    data/<source>.json    one list a source
    recordings/<call>.webm
    manifest.json         every file with size and SHA-256, and what could not be put in, and why
"""

from __future__ import annotations

import hashlib
import html
import json
import zipfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

from cti.domain.errors import KakehashiError, Unavailable
from cti.domain.model import CallId
from cti.domain.person import Person, PersonCalls, PersonSource
from cti.web.texts import text
from recording.replay import Replay

LANGUAGES = ("ja", "en")


async def rows_of(
    source: PersonSource, person: Person, batches: Sequence[tuple[CallId, ...]]
) -> AsyncIterator[Mapping[str, Any]]:
    """All that a source knows, each thing once: a callback is found by its call and again by its number."""
    told: set[bytes] = set()
    for batch in [*batches, ()]:
        async for row in source.export(PersonCalls(person=person, calls=batch)):
            mark = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).digest()
            if mark not in told:
                told.add(mark)
                yield row


class _Buffer:
    """What zipfile writes into: it is taken away piece by piece, so that memory stays flat. Not seekable."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._told = 0

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        self._told += len(data)
        return len(data)

    def tell(self) -> int:
        return self._told

    def flush(self) -> None:
        """Nothing waits here."""

    def take(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


class _Archive:
    """A ZIP on its way, with the list of what is in it."""

    def __init__(self) -> None:
        self.buffer = _Buffer()
        self._zip = zipfile.ZipFile(self.buffer, "w", zipfile.ZIP_DEFLATED, allowZip64=True)  # type: ignore[call-overload]
        self.files: list[dict[str, Any]] = []

    async def add(self, name: str, pieces: AsyncIterator[bytes], *, packed: bool = True) -> AsyncIterator[bytes]:
        digest, size = hashlib.sha256(), 0
        entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        with self._zip.open(entry, "w", force_zip64=True) as file:
            async for piece in pieces:
                digest.update(piece)
                size += len(piece)
                file.write(piece)
                if data := self.buffer.take():
                    yield data
        self.files.append({"name": name, "bytes": size, "sha256": digest.hexdigest()})
        yield self.buffer.take()

    def end(self) -> bytes:
        self._zip.close()
        return self.buffer.take()


class Disclosure:
    """Writes such archives."""

    def __init__(
        self,
        replay: Replay,
        batches: Callable[[Sequence[CallId]], list[tuple[CallId, ...]]],
        now: Callable[[], datetime],
    ) -> None:
        self._replay = replay
        self._batches = batches
        self._now = now

    async def archive(
        self, person: Person, calls: Sequence[CallId], sources: Sequence[PersonSource], *, reference: str
    ) -> AsyncIterator[bytes]:
        """The ZIP in pieces. Raises Unavailable: what was sent until then is no archive."""
        archive, at = _Archive(), self._now()
        pages = self._page(person, calls, sources, reference=reference, at=at)
        async for piece in archive.add("index.html", pages):
            yield piece
        for source in sources:
            rows = _json_list(rows_of(source, person, self._batches(calls)))
            async for piece in archive.add(f"data/{source.name}.json", rows):
                yield piece
        missing: list[dict[str, str]] = []
        for call in calls:
            async for piece in self._sound(archive, person, call, missing):
                yield piece
        manifest = {
            "version": 1,
            "made_at": at.isoformat(),
            "reference": reference,
            "calls": len(calls),
            "files": archive.files,
            "not_included": missing,
        }
        async for piece in archive.add("manifest.json", _once(json.dumps(manifest, ensure_ascii=False, indent=1))):
            yield piece
        yield archive.end()

    async def _sound(
        self, archive: _Archive, person: Person, call: CallId, missing: list[dict[str, str]]
    ) -> AsyncIterator[bytes]:
        try:
            playable = await self._replay.open(person.tenant, call)
        except Unavailable:
            raise
        except KakehashiError as error:
            missing.append({"call_id": call, "why": str(error)})
            return
        async with aclosing(self._replay.read(playable)) as pieces:  # type: ignore[type-var]
            async for piece in archive.add(f"recordings/{call}.webm", pieces, packed=False):
                yield piece

    async def _page(
        self, person: Person, calls: Sequence[CallId], sources: Sequence[PersonSource], *, reference: str, at: datetime
    ) -> AsyncIterator[bytes]:
        title = " / ".join(text("person.title", language) for language in LANGUAGES)
        about = [*person.numbers, *([person.member_id] if person.member_id else [])]
        yield (
            f'<!doctype html><html lang="ja"><meta charset="utf-8"><title>{html.escape(title)}</title>'
            "<style>body{font-family:sans-serif;max-width:60em;margin:2em auto}table{border-collapse:collapse;"
            "margin:0 0 1em}td{border:1px solid #999;padding:.2em .5em;vertical-align:top;overflow-wrap:anywhere}"
            f"</style><h1>{html.escape(title)}</h1>"
            f"<p>{html.escape(reference)} · {at:%Y-%m-%d %H:%M} UTC · {html.escape(', '.join(about))}</p>"
        ).encode()
        for source in sources:
            heading = " / ".join(text(f"person.{source.name}", language) for language in LANGUAGES)
            yield f"<h2>{html.escape(heading)}</h2>".encode()
            empty = True
            async for row in rows_of(source, person, self._batches(calls)):
                empty = False
                cells = "".join(
                    f"<tr><td>{html.escape(key)}</td><td>{_cell(value)}</td></tr>" for key, value in row.items()
                )
                yield f"<table>{cells}</table>".encode()
            if empty:
                yield b"<p>-</p>"
        yield b"</html>"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return html.escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


async def _json_list(rows: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    before = b"[\n"
    async for row in rows:
        yield before + json.dumps(row, ensure_ascii=False).encode()
        before = b",\n"
    yield b"[]" if before == b"[\n" else b"\n]"


async def _once(document: str) -> AsyncIterator[bytes]:
    yield document.encode()
