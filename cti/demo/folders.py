"""A run's own folder and ports, so that any number of runs live side by side on one machine."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import random
import shutil
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

# Below 32768, where Linux starts to give out ports for outgoing connections: nothing takes these by chance.
TCP_RANGE = range(20_000, 32_000)
# Phones take a handful each, servers hundreds side by side: mixed, a few dozen phones would leave no room for a server.
PHONES_RTP_RANGE = range(10_000, 12_000)
SERVERS_RTP_RANGE = range(12_000, 20_000)
PHONE_PORTS_MOST = 16
LOOPBACK = "127.0.0.1"


class NoFreePort(RuntimeError):
    """Every port of the range is taken."""


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """One run's folder; everything a run writes is below it."""

    path: Path

    def sub(self, *names: str, mode: int = 0o711) -> Path:
        """A folder below the run's; other users may pass through it but not list it."""
        path = self.path.joinpath(*names)
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        path.chmod(mode)
        return path

    def log(self, name: str) -> Path:
        """Where the component of that name writes its log."""
        return self.sub("log") / f"{name}.log"

    def remove(self) -> None:
        """Deletes the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)


OWNER_LOCK = ".owner"


def sweep(parent: Path) -> None:
    """Removes run folders of ours whose process was killed: nobody holds their lock any more."""
    for folder in parent.glob("kakehashi-run-*"):
        lock = folder / OWNER_LOCK
        with contextlib.suppress(OSError):
            if lock.stat().st_uid != os.getuid():
                continue
            with lock.open() as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


def make_run_folder(base: Path | None = None) -> RunFolder:
    """A new, empty run folder: `base`, else $KAKEHASHI_RUN, else a fresh one in the folder for temporary files."""
    named = base or (Path(os.environ["KAKEHASHI_RUN"]) if os.environ.get("KAKEHASHI_RUN") else None)
    if named is None:
        sweep(Path(tempfile.gettempdir()))
        path = Path(tempfile.mkdtemp(prefix="kakehashi-run-"))
        _own(path)
    else:
        path = named.resolve()
        path.mkdir(parents=True, exist_ok=True)
    # Asterisk and PostgreSQL run as another user when we are root: they pass through, and cannot list.
    path.chmod(0o711)
    return RunFolder(path=path)


def _own(path: Path) -> None:
    """Locks the folder for as long as this process lives; the descriptor is left open on purpose."""
    descriptor = os.open(path / OWNER_LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextlib.contextmanager
def run_folder() -> Iterator[RunFolder]:
    """A run folder that is removed at the end, unless $KAKEHASHI_KEEP is set."""
    folder = make_run_folder()
    try:
        yield folder
    finally:
        if not os.environ.get("KAKEHASHI_KEEP"):
            folder.remove()


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    """Nobody listens there now. No SO_REUSEADDR: a port in TIME_WAIT is another's."""
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


@dataclass(kw_only=True)
class PortPool:
    """Gives out ports that no other run on this machine is given.

    A child binds its port only seconds after we chose it, so looking for a free one is not enough: each port is
    held by a lock on a file, which the kernel takes away when this process ends, however it ends.
    """

    folder: Path = field(default_factory=lambda: Path(tempfile.gettempdir()) / f"kakehashi-ports-{os.getuid()}")
    _held: list[int] = field(default_factory=list)

    def __enter__(self) -> PortPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def tcp(self, count: int = 1) -> int:
        """A port that is free for TCP, and for UDP too (SIP uses the same number for both); `count` neighbours."""
        return self._take(TCP_RANGE, count)

    def udp_block(self, count: int) -> range:
        """`count` neighbouring UDP ports, for RTP; starts at an even number, as RTP asks."""
        step = max(2, count + count % 2)
        start = self._take(PHONES_RTP_RANGE if count <= PHONE_PORTS_MOST else SERVERS_RTP_RANGE, step)
        return range(start, start + count)

    def close(self) -> None:
        """Gives every port back."""
        for descriptor in self._held:
            os.close(descriptor)
        self._held.clear()

    def _take(self, span: range, count: int) -> int:
        starts = list(range(span.start, span.stop - count, count))
        random.shuffle(starts)
        for start in starts:
            if self._take_block(range(start, start + count)):
                return start
        raise NoFreePort(f"no {count} free ports between {span.start} and {span.stop}")

    def _take_block(self, ports: range) -> bool:
        locked: list[int] = []
        for port in ports:
            descriptor = self._lock(port)
            if descriptor is None:
                break
            locked.append(descriptor)
            if not (_is_free(port, socket.SOCK_STREAM) and _is_free(port, socket.SOCK_DGRAM)):
                break
        else:
            self._held.extend(locked)
            return True
        for descriptor in locked:
            os.close(descriptor)
        return False

    def _lock(self, port: int) -> int | None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        # Close-on-exec (Python's default): a child must not hold the lock beyond us.
        descriptor = os.open(self.folder / str(port), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor
