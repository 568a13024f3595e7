"""Passwords: argon2id, in threads of their own, the same time for known and unknown log-ins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from cti.domain.errors import Unavailable

T = TypeVar("T")

# RFC 9106, second recommended option, with one lane: threads of a 2-core machine gain nothing by more.
TIME_COST = 3
MEMORY_KIB = 64 * 1024
# Each takes 64 MiB and some 60 ms of a core: calls go first.
THREADS = 2
# A shift of 1,000 that logs in at nine waits half a minute at most; more is an attack.
MAX_WAITING = 1000


class Passwords:
    """Hashes and checks, never on the event loop."""

    def __init__(self, *, time_cost: int = TIME_COST, memory_kib: int = MEMORY_KIB) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="argon2")
        self._waiting = 0
        self._dummy: str | None = None

    async def hash(self, password: str) -> str:
        """The encoded argon2id hash of a password."""
        return await self._run(self._hasher.hash, password)

    async def check(self, password: str, encoded: str | None) -> bool:
        """Whether the password fits. ``encoded`` None (no such user) takes as long and is always False."""
        if self._dummy is None:
            self._dummy = await self.hash("nobody has this password")
        fits = await self._run(self._verify, encoded if encoded is not None else self._dummy, password)
        return fits and encoded is not None

    def close(self) -> None:
        """Take no more work."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, encoded: str, password: str) -> bool:
        try:
            return self._hasher.verify(encoded, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[..., T], *arguments: str) -> T:
        if self._waiting >= MAX_WAITING:
            raise Unavailable("too many log-ins at once")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._waiting -= 1
