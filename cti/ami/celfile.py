"""The files that Asterisk's account lies in, read from some instant on. Blocking: call it on a thread.

The account is found again by time and not by offset: lines are in the order of time, so a rotated, a truncated and a
new file need no book-keeping. Rotated files are read as long as they are beside the new one and not compressed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from cti.ami.cel import MAX_LINE, time_of

_BLOCK = 64 * 1024
# Near enough to begin at: reading this much takes less than another look.
_NEAR = 16 * 1024
# What one reading takes in, of the newest: some two million lines, more than a day of any one Asterisk.
MOST_BYTES = 512 * 1024 * 1024
_COMPRESSED = (".gz", ".xz", ".bz2", ".zst")


def lines_since(path: Path, since_s: float) -> Iterator[str]:
    """Whole lines of ``path`` and of its rotated predecessors, from ``since_s`` (epoch seconds) on or shortly before.

    A last line without its end is left out: it is still being written, or was torn by a kill. Raises OSError when a
    file is there and cannot be read; no file at all is an empty account.
    """
    with ExitStack() as opened:
        # All are opened before the first is read: a rotation meanwhile renames what we hold.
        files = [file for name in _names(path) if (file := _open(name, opened)) is not None]
        different = {(at.st_dev, at.st_ino): file for file in files for at in (os.fstat(file.fileno()),)}
        dated = [(began_s, file) for file in different.values() if (began_s := _first_s(file)) is not None]
        dated.sort(key=lambda each: each[0])
        left = MOST_BYTES
        parts: list[tuple[BinaryIO, int, int]] = []
        for _, file in reversed(dated):
            size = os.fstat(file.fileno()).st_size
            begin = max(_find(file, size, since_s), size - left)
            left -= size - begin
            parts.append((file, begin, size))
            if begin > 0:  # older files are older still
                break
        for file, begin, size in reversed(parts):
            yield from _lines(file, begin, size)


def _names(path: Path) -> list[Path]:
    with contextlib.suppress(FileNotFoundError):
        return [name for name in path.parent.glob(f"{path.name}*") if name.suffix not in _COMPRESSED]
    return []


def _open(name: Path, opened: ExitStack) -> BinaryIO | None:
    try:
        return opened.enter_context(name.open("rb"))
    except (FileNotFoundError, IsADirectoryError):  # rotated away this moment
        return None


def _first_s(file: BinaryIO) -> float | None:
    """When a file begins."""
    return _time_after(file, 0, os.fstat(file.fileno()).st_size)


def _find(file: BinaryIO, size: int, since_s: float) -> int:
    """An offset at or shortly before the first line of ``since_s``."""
    low, high = 0, size
    while high - low > _NEAR:
        middle = (low + high) // 2
        at_s = _time_after(file, middle, high)
        if at_s is None or at_s >= since_s:
            high = middle
        else:
            low = middle
    return low


def _time_after(file: BinaryIO, offset: int, end: int) -> float | None:
    """The time of the first whole line behind ``offset`` that has one."""
    for line in _lines(file, offset, min(end, offset + 4 * _NEAR)):
        at_s = time_of(line)
        if at_s is not None:
            return at_s
    return None


def _lines(file: BinaryIO, begin: int, end: int) -> Iterator[str]:
    """Whole lines that begin between two offsets; from the middle of a line, the next one is the first."""
    file.seek(begin)
    rest, skip = b"", begin > 0
    while begin < end:
        block = file.read(min(_BLOCK, end - begin))
        if not block:
            return  # truncated meanwhile
        begin += len(block)
        *whole, rest = (rest + block).split(b"\n")
        if skip and whole:
            whole, skip = whole[1:], False
        for line in whole:
            yield line.decode("utf-8", "replace")
        if len(rest) > MAX_LINE:  # no line of ours: passed over until its end
            rest, skip = b"", True
