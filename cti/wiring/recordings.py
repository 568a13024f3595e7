"""The recording worker as the server sees it: started, told facts, heard, and started again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping

from cti.config import Config
from cti.domain.errors import ConfigError
from cti.domain.events import (
    CallArrived,
    CallEnded,
    Event,
    PhoneWatched,
    RecordingPauseChanged,
    RecordingRefused,
    RecordingStarted,
    SoundLost,
)
from cti.domain.model import CallId
from cti.domain.ports import EventSink
from cti.wiring.readiness import Probe, Warned
from cti.wiring.workerpipe import Frame, Hello, Live, Ready, Refused, Status, encode, read

log = logging.getLogger(__name__)

# The facts it lives on.
KINDS = (CallArrived, RecordingStarted, RecordingRefused, RecordingPauseChanged, SoundLost, PhoneWatched, CallEnded)

# It imports boto3, opens a database connection, looks through the spool and starts a first encoder: 2 s at rest.
START_S = 30.0
# A worker that is told to end writes down what it was told (5 s at most) and lets an encoder finish.
STOP_S = 10.0
BACKOFF_S = 0.5
BACKOFF_MOST_S = 10.0
# One that lived as long as this did not die of its start.
SETTLED_S = 60.0
# A worker tells its status each 3 s, and 2.5 s later when S3 is slow. One that says nothing for so long is frozen: what
# it was told is on disk, and its next life goes on with it.
SILENT_S = 30.0
SILENT_LOOK_S = 1.0
NOTHING: Mapping[str, float] = {"unsettled": 0, "spool_bytes": 0, "strangers": 0, "oldest_waiting_seconds": 0}


class RecordingWorker:
    """Owner of the process. Take facts with ``on_event``, ask ``gauges`` and the probes how it does."""

    def __init__(self, config: Config, sink: EventSink) -> None:
        """``sink`` hears what became of recordings."""
        self._config = config
        self._sink = sink
        self._live: Callable[[], frozenset[CallId]] = frozenset
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._refused: Refused | None = None
        self._status: Status | None = None
        self._stopping = False
        self._served = False  # it has been ready once: what it refuses later is tried again
        self._frames = 0  # heard from it, to notice one that says nothing

    # --- Life ---

    async def launch(self) -> None:
        """Start the process, so that it loads its libraries while others start."""
        self._process = await _spawn()

    async def start(self, live: Callable[[], frozenset[CallId]]) -> None:
        """Tell it where everything is, and wait a while until it takes facts. ``live`` names the calls that go on now.

        Raises ConfigError for folders or tools that are missing.
        """
        self._live = live
        self._task = asyncio.create_task(self._run(), name="recording-worker")
        try:
            async with asyncio.timeout(START_S):
                await self._ready.wait()
        except TimeoutError:
            # Another server's worker has the folder, or the machine is slow. Callers are served; theirs wait on disk.
            log.warning(
                "the recording worker is not ready; recordings wait in the spool", extra={"action": "recording"}
            )
        if self._refused is not None:
            raise ConfigError(list(self._refused.problems))

    async def stop(self) -> None:
        """Let it write down what it was told, and end. Its recordings go on at the next start."""
        self._stopping = True
        process = self._process
        if process is None:  # dead, and not yet started again
            await self._end()
            return
        if process.stdin is not None:
            process.stdin.close()
        if not self._ready.is_set():  # it has been told nothing yet, and may be waiting for another one's folder
            await self._kill(process)
        try:
            async with asyncio.timeout(STOP_S):
                await (self._task if self._task is not None else process.wait())
        except TimeoutError:
            log.warning("the recording worker did not end and was killed", extra={"action": "recording"})
        finally:
            await self._kill(process)
            await self._end()

    async def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # --- What it is told, and how it does ---

    async def on_event(self, event: Event) -> None:
        """One fact from the bus; while the worker is away, facts wait there in line."""
        await self._ready.wait()
        process = self._process
        if process is None or process.stdin is None:
            return
        with contextlib.suppress(ConnectionError, RuntimeError):  # dead: its next life finds the files
            process.stdin.write(encode(event))
            await process.stdin.drain()

    def resync(self, _lost: int) -> None:
        """Facts were lost on the way: the worker learns which calls go on, and finds the ends of the others itself."""
        if self._ready.is_set():
            self._say(Live(calls=self._live()))

    def gauges(self) -> Mapping[str, float]:
        """RecordingPipeline.gauges, a few seconds old."""
        return self._status.gauges if self._status is not None else NOTHING

    def worker_probe(self) -> Probe:
        """Why recordings are not being settled, or None."""

        async def why() -> str | Warned | None:
            if self._refused is not None:
                return "; ".join(self._refused.problems)
            return None if self._ready.is_set() else Warned(why="the worker is starting; recordings wait in the spool")

        return why

    def store_probe(self) -> Probe:
        """Why the object store is not there, or None."""

        async def why() -> str | Warned | None:
            if self._status is None:
                return Warned(why="has not been looked at yet")
            return self._status.store_problem

        return why

    # --- Its lives ---

    async def _run(self) -> None:
        pause_s = BACKOFF_S
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            status = await self._one_life()
            if self._stopping or (self._refused is not None and not self._served):
                self._ready.set()
                return
            if loop.time() - began_s > SETTLED_S:
                pause_s = BACKOFF_S
            about = {"action": "recording", "status": status, "pause_s": pause_s}
            log.error("the recording worker ended and is started again", extra=about)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, BACKOFF_MOST_S)

    async def _one_life(self) -> int | None:
        """Start it unless it runs, and hear it until it ends. Its exit status; None when it could not be started."""
        try:
            process = self._process = self._process or await _spawn()
        except OSError:
            log.exception("the recording worker cannot be started", extra={"action": "recording"})
            return None
        watch = asyncio.create_task(self._end_the_silent(process), name="recording-worker-watch")
        try:
            await self._hear(process)
        except Exception:  # bytes that are no frame, a program that was replaced on disk: the next life may do better
            log.exception("the recording worker said what cannot be read", extra={"action": "recording"})
        finally:
            watch.cancel()
            self._ready.clear()  # facts wait in line from now on
            await self._kill(process)
            self._process, self._status = None, None
        return process.returncode

    async def _end_the_silent(self, process: Process) -> None:
        """A process that is frozen keeps its pipes open and takes nothing: without an end facts would wait for ever."""
        await self._ready.wait()  # before, it may wait for another one's folder and has nothing to say
        heard = -1
        while heard != self._frames:
            heard = self._frames
            await asyncio.sleep(SILENT_S)
            await asyncio.sleep(SILENT_LOOK_S)  # after a freeze of our own: what it said meanwhile is read first
        log.error("the recording worker says nothing and is killed", extra={"action": "recording"})
        with contextlib.suppress(ProcessLookupError):
            process.kill()

    async def _hear(self, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101 - asked for in _spawn
        self._say(Hello(config=self._config, live=self._live()))
        while (frame := await read(process.stdout)) is not None:
            self._frames += 1
            if isinstance(frame, Status):
                self._status = frame
            elif isinstance(frame, Ready):
                self._say(Live(calls=self._live()))  # calls came and went while it started
                self._refused, self._served = None, True
                self._ready.set()
            elif isinstance(frame, Refused):
                self._refused = frame
            elif isinstance(frame, Event):
                self._sink.publish(frame)

    def _say(self, frame: Frame) -> None:
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(ConnectionError, RuntimeError):
                self._process.stdin.write(encode(frame))

    async def _kill(self, process: Process) -> None:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await process.wait()


async def _spawn() -> Process:
    """The process; it asks the system to be killed with the thread that starts it, which is the event loop's."""
    # -P: the program that is installed, as we are, and not what happens to lie in the folder we were started in.
    command = (sys.executable, "-P", "-m", "cti.wiring.recordingworker", str(os.getpid()))
    return await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
