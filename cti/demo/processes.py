"""Child processes that never outlive the run: each with a log file, a deadline to be ready, and an end by its pid."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# How often a component that starts is asked whether it is ready: far below the 0.7 s that the fastest one takes.
POLL_S = 0.02
LOG_TAIL_BYTES = 2_000


class ChildFailed(RuntimeError):
    """A child ended, or was not ready in time; the message ends with the last lines of its log."""


@dataclass(frozen=True, kw_only=True)
class RunUser:
    """Who an unprivileged component runs as."""

    uid: int
    gid: int


def run_user() -> RunUser | None:
    """The unprivileged user when we are root ($KAKEHASHI_RUN_USER, else nobody), else None: ourselves."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(os.environ.get("KAKEHASHI_RUN_USER", "nobody"))
    return RunUser(uid=entry.pw_uid, gid=entry.pw_gid)


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """What to start."""

    name: str  # for messages
    argv: Sequence[str]
    log: Path  # stdout and stderr, appended
    user: RunUser | None = None  # None: as ourselves
    env: Mapping[str, str] = field(default_factory=dict)  # beside our own environment
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM  # asks for an orderly end
    death_signal: signal.Signals = signal.SIGKILL  # what the kernel sends it when we die, however we die


def guarded(spec: ChildSpec) -> list[str]:
    """The command line with its guard in front: drop the user's rights, and die when we do.

    `setpriv` rather than a preexec function, which is not safe in a process with threads; it asks for the parent's
    death signal last, because a change of user forgets it.
    """
    guard = [_setpriv(), f"--pdeathsig={spec.death_signal.name[3:]}"]
    if spec.user is not None:
        guard += [f"--reuid={spec.user.uid}", f"--regid={spec.user.gid}", "--clear-groups"]
    return [*guard, "--", *spec.argv]


def _setpriv() -> str:
    return shutil.which("setpriv") or "/usr/bin/setpriv"


class Child:
    """A running child process; its group ends with it."""

    def __init__(self, spec: ChildSpec, process: asyncio.subprocess.Process) -> None:
        self.spec = spec
        self.pid = process.pid
        self._process = process

    @property
    def returncode(self) -> int | None:
        """How it ended, or None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Waits for its end."""
        return await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to this child alone; nothing happens when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def stop(self, grace_s: float = 5.0) -> None:
        """Asks it to end, waits `grace_s`, then kills its whole group."""
        if self.returncode is None:
            self.signal(self.spec.stop_signal)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), grace_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        await self.wait()

    def log_tail(self) -> str:
        """The last lines of its log."""
        with contextlib.suppress(OSError):
            data = self.spec.log.read_bytes()[-LOG_TAIL_BYTES:]
            return data.decode("utf-8", "replace").strip()
        return ""

    async def until_ready(self, probe: Callable[[], Awaitable[bool]], deadline_s: float) -> None:
        """Returns when `probe` says yes. Raises ChildFailed when the child ends first or `deadline_s` passes."""
        end = time.monotonic() + deadline_s
        while not await probe():
            if self.returncode is not None:
                raise ChildFailed(f"{self.spec.name} ended with {self.returncode}: {self.log_tail()}")
            if time.monotonic() > end:
                raise ChildFailed(f"{self.spec.name} was not ready after {deadline_s:g} s: {self.log_tail()}")
            await asyncio.sleep(POLL_S)


async def start_child(spec: ChildSpec) -> Child:
    """Starts it in a session of its own (a Ctrl-C in our terminal is ours to handle, in order).

    Call it from the thread of the event loop: the parent's death signal comes when the *thread* that forked ends.
    """
    spec.log.parent.mkdir(parents=True, exist_ok=True)
    with spec.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *guarded(spec),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **spec.env},
            cwd=spec.cwd,
            start_new_session=True,
        )
    return Child(spec, process)


async def run_to_end(spec: ChildSpec, deadline_s: float) -> str:
    """Runs a short command and returns what it printed. Raises ChildFailed when it fails or takes too long."""
    process = await asyncio.create_subprocess_exec(
        *guarded(spec),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **spec.env},
        cwd=spec.cwd,
        start_new_session=True,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), deadline_s)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if isinstance(error, TimeoutError):
            raise ChildFailed(f"{spec.name} took longer than {deadline_s:g} s") from error
        raise
    text = output.decode("utf-8", "replace")
    if process.returncode != 0:
        raise ChildFailed(f"{spec.name} ended with {process.returncode}: {text.strip()[-LOG_TAIL_BYTES:]}")
    return text


def port_answers(host: str, port: int) -> Callable[[], Awaitable[bool]]:
    """A probe: somebody accepts connections there."""

    async def probe() -> bool:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True

    return probe
