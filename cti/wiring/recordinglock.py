"""One settles recordings: a lock on the working folder, which the system takes away with its holder."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TextIO

from cti.domain.errors import ConfigError

log = logging.getLogger(__name__)

LOOK_S = 0.1


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[bool]:
    """Whether nobody else settles recordings; while True, whoever comes later waits. Raises ConfigError."""
    with _lock_file(folder) as lock:
        yield _locked(lock)


@contextlib.asynccontextmanager
async def when_alone_in(folder: Path) -> AsyncIterator[None]:
    """Wait until nobody else does: a server that is just ending, one started by mistake. Raises ConfigError."""
    with _lock_file(folder) as lock:
        told = False
        while not _locked(lock):
            if not told:
                log.warning("another recording worker has the folder: waiting", extra={"action": "recording"})
                told = True
            await asyncio.sleep(LOOK_S)
        yield


def _lock_file(folder: Path) -> TextIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / ".lock").open("a")
    except OSError as error:
        raise ConfigError([f"recording folders: {error.filename}: {error.strerror}; this server needs it"]) from error


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
