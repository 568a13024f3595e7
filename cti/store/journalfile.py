"""Files of the journal: one record a line, readable up to wherever a crash tore it. Blocking; see journal.py.

A line is ``<CRC-32, 8 hex digits> <length in bytes> <JSON>\\n``. Each file begins with everything that waited when it
was begun, so the newest file alone is the truth and older ones are only what a crash left lying about.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

_LINE = re.compile(rb"([0-9a-f]{8}) (\d{1,9}) (.*)\Z", re.DOTALL)
_NAME = re.compile(r"(\d{10})\.journal\Z")
SUFFIX, NEW, DAMAGED = ".journal", ".new", ".damaged"
LEFT = ".left"  # the file of another process that died, taken over
# Files with lines that nobody understands are kept for a person, but not for ever.
KEEP_DAMAGED = 3


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """What a file says."""

    bodies: tuple[dict[str, Any], ...]
    torn: bool  # the last line is not whole: a crash in the middle of writing, which is what the format is for
    damaged: int  # other lines that are not whole: the disk lied


def encode(body: Mapping[str, Any]) -> bytes:
    """One record as a line. Raises TypeError or ValueError for what JSON cannot say."""
    data = json.dumps(body, separators=(",", ":"), allow_nan=False).encode("ascii")
    return b"%08x %d %s\n" % (zlib.crc32(data), len(data), data)


def _line(body: Callable[[], Mapping[str, Any]]) -> bytes:
    try:
        return encode(body())
    except (TypeError, ValueError, AttributeError) as error:  # one record of ours that is none must not stop the rest
        log.error("a record cannot be written to the journal", extra={"action": type(error).__name__})
        return b""


def decode(data: bytes) -> Decoded:
    """All whole records, in order, from any bytes."""
    *lines, tail = data.split(b"\n")
    bodies, damaged = [], 0
    for line in lines:
        body = _body(line)
        if body is None:
            damaged += 1
        else:
            bodies.append(body)
    last = _body(tail) if tail else None  # only its line end is missing
    if last is not None:
        bodies.append(last)
    return Decoded(bodies=tuple(bodies), torn=bool(tail) and last is None, damaged=damaged)


def _body(line: bytes) -> dict[str, Any] | None:
    match = _LINE.match(line)
    if match is None:
        return None
    crc, length, data = match.groups()
    if int(length) != len(data) or int(crc, 16) != zlib.crc32(data):
        return None
    try:
        body = json.loads(data)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns


class JournalFiles:
    """One writer's folder. Every method blocks and raises OSError; call them one at a time."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._fd: int | None = None
        self.size = 0  # bytes of the current file
        self.head = 0  # of these, what it began with

    def read(self) -> Decoded:
        """What the newest file says, after what other processes left; nothing when there is none."""
        said = [decode(path.read_bytes()) for path in self._sources()]
        return Decoded(
            bodies=tuple(body for one in said for body in one.bodies),
            torn=any(one.torn for one in said),
            damaged=sum(one.damaged for one in said),
        )

    def keep_damaged(self) -> None:
        """Give what ``read`` reads second names that nothing removes: for a person to look at."""
        for path in self._sources():
            kept = path.with_suffix(DAMAGED)
            if not kept.exists():
                os.link(path, kept)
        for old in sorted(self._folder.glob(f"*{DAMAGED}"), key=_age)[:-KEEP_DAMAGED]:
            old.unlink()

    def take_over(self, other: Path) -> None:
        """Make another folder's newest file ours to read. Its owner must be dead."""
        numbers = JournalFiles(other, 0)._numbers()
        if numbers:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            newest = other / f"{numbers[-1]:010d}{SUFFIX}"
            newest.rename(self._folder / f"{newest.stat().st_mtime_ns}{LEFT}")

    def _sources(self) -> list[Path]:
        """The files whose word counts, oldest first."""
        return sorted([*self._folder.glob(f"*{LEFT}"), *map(self._path, self._numbers()[-1:])], key=_age)

    def resume(self) -> bool:
        """Go on writing to the newest file where its last whole line ends; False when that is not simply possible."""
        sources = self._sources()
        if len(sources) != 1 or sources[0].suffix != SUFFIX:
            return False
        data = sources[0].read_bytes()
        if decode(data).damaged:
            return False
        whole = data.rfind(b"\n") + 1
        fd = os.open(sources[0], os.O_WRONLY | os.O_APPEND)
        os.ftruncate(fd, whole)
        self._fd, self.size, self.head = fd, whole, whole
        return not data[whole:] or _body(data[whole:]) is None

    def begin(self, bodies: Iterable[Callable[[], Mapping[str, Any]]]) -> None:
        """A new file with all of these takes the place of the older ones, in one step."""
        self.close()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        numbers = self._numbers()
        number = max([*numbers, *self._numbers(DAMAGED)], default=0) + 1
        new = self._path(number).with_suffix(NEW)
        # Callers' numbers are in it: for our own user only.
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            size = self._write(fd, bodies, 0)
            os.fsync(fd)
            new.rename(self._path(number))
            self._sync_folder()
        except BaseException:
            os.close(fd)
            new.unlink(missing_ok=True)
            raise
        self._fd, self.size, self.head = fd, size, size
        self._remove(numbers)

    def append(self, bodies: Iterable[Callable[[], Mapping[str, Any]]]) -> None:
        """More lines, on disk when this returns. After an OSError only ``begin`` helps: the last line may be torn."""
        if self._fd is None:
            raise OSError(errno.EBADF, "the journal was not begun")
        self.size = self._write(self._fd, bodies, self.size)
        os.fdatasync(self._fd)

    def clear(self) -> None:
        """No file any more. The newest goes last: an older one must never be taken for the truth."""
        self.close()
        self._remove(self._numbers())

    def close(self) -> None:
        """Let go of the file; it stays."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _remove(self, numbers: Iterable[int]) -> None:
        gone = [*self._folder.glob(f"*{LEFT}"), *map(self._path, numbers)]
        for path in gone:
            path.unlink(missing_ok=True)
        if gone:
            self._sync_folder()

    def _write(self, fd: int, bodies: Iterable[Callable[[], Mapping[str, Any]]], size: int) -> int:
        data = b"".join(_line(body) for body in bodies)
        if size + len(data) > self._max_bytes:
            raise OSError(errno.EFBIG, f"more than {self._max_bytes} bytes would wait")
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        return size + len(data)

    def _numbers(self, suffix: str = SUFFIX) -> list[int]:
        if not self._folder.is_dir():
            return []
        found = (_NAME.match(path.with_suffix(SUFFIX).name) for path in self._folder.glob(f"*{suffix}"))
        return sorted(int(match[1]) for match in found if match)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:010d}{SUFFIX}"

    def _sync_folder(self) -> None:
        fd = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
