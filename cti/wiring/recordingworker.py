"""The process that settles recordings: the pipeline with its own event loop, database connections and S3 threads.

The server starts it (cti.wiring.recordings), tells it facts on its standard input and hears of results on its
standard output. When the server goes, it goes. All it must not forget is in manifests on disk, so its death costs
nothing but the work of the moment: docs/decisions/0127-recordings-in-a-process-of-their-own.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime

from cti import logs
from cti.config import Config
from cti.domain.errors import ConfigError, KakehashiError
from cti.domain.events import CallArrived, CallEnded, Event
from cti.domain.model import CallId
from cti.store.calls import CallStore
from cti.store.pool import create_pool
from cti.wiring import objectstores
from cti.wiring.keeping import start_sweep
from cti.wiring.recordinglock import when_alone_in
from cti.wiring.workerpipe import Frame, Hello, Live, Ready, Refused, Status, encode, read
from recording.encode import EncoderPool
from recording.giveway import give_way
from recording.model import RecordingSettings
from recording.objectstore import ObjectStore
from recording.pipeline import RecordingPipeline
from recording.store import PostgresLedger

log = logging.getLogger(__name__)

# A recording may be stored a moment later; a caller may not be answered a moment later.
NICENESS = 2
POOL_SIZE = 3
STATUS_S = 3.0
# The object store is asked more often while it is away: what waits should not wait for the question.
STATUS_AWAY_S = 0.5
STORE_S = 2.5
PIPE_BYTES = 1 << 20
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Sink:
    """What the pipeline found out, on its way to the server's bus."""

    def __init__(self, write: Callable[[Frame], None]) -> None:
        self._write = write

    def publish(self, event: Event) -> None:
        """Never blocks; a server that does not read lets it wait here."""
        self._write(event)


class Worker:
    """One life of the worker, from the server's hello to its going."""

    def __init__(self, reader: asyncio.StreamReader, write: Callable[[Frame], None]) -> None:
        self._reader = reader
        self._write = write
        self._live: set[CallId] = set()

    async def run(self) -> None:
        """Work until the server is gone."""
        hello = await read(self._reader)
        if not isinstance(hello, Hello):
            return
        self._live = set(hello.live)
        async with AsyncExitStack() as cleanup:
            try:
                pipeline, objects = await self._start(hello.config, cleanup)
            except ConfigError as error:
                self._write(Refused(problems=tuple(error.problems)))
                return
            self._write(Ready())
            status = asyncio.create_task(self._tell_status(pipeline, objects))
            try:
                while (frame := await read(self._reader)) is not None:
                    await self._take(frame, pipeline)
            finally:
                status.cancel()
                await asyncio.gather(status, return_exceptions=True)

    async def _start(self, config: Config, cleanup: AsyncExitStack) -> tuple[RecordingPipeline, ObjectStore]:
        work_dir = config.data_dir / "recordings"
        await cleanup.enter_async_context(when_alone_in(work_dir))
        pool = await create_pool(config.database.url.get_secret_value(), max_size=POOL_SIZE)
        cleanup.callback(pool.terminate)
        encoder = EncoderPool(workers=config.recording.encoders)
        await encoder.start()
        cleanup.push_async_callback(encoder.stop)
        objects = objectstores.object_store(config)
        pipeline = RecordingPipeline(
            settings=RecordingSettings(
                spool_dir=str(config.asterisk.spool_dir),
                work_dir=str(work_dir),
                min_unanswered_s=config.recording.min_s,
                encoders=config.recording.encoders,
            ),
            objects=objects,
            ledger=PostgresLedger(pool),
            encoder=encoder,
            sink=Sink(self._write),
            now=_now,
            find_call=CallStore(pool).find,
            is_live=self._live.__contains__,
        )
        await pipeline.start()
        cleanup.push_async_callback(pipeline.stop)
        start_sweep(config, pool, objects, cleanup)
        return pipeline, objects

    async def _take(self, frame: Frame, pipeline: RecordingPipeline) -> None:
        if isinstance(frame, Live):
            self._live.clear()
            self._live.update(frame.calls)
        elif isinstance(frame, Event):
            if isinstance(frame, CallArrived):
                self._live.add(frame.call_id)
            elif isinstance(frame, CallEnded):
                self._live.discard(frame.call_id)
            await pipeline.on_event(frame)

    async def _tell_status(self, pipeline: RecordingPipeline, objects: ObjectStore) -> None:
        while True:
            problem = await _store_problem(objects)
            self._write(Status(gauges=pipeline.gauges(), store_problem=problem))
            await asyncio.sleep(STATUS_S if problem is None else STATUS_AWAY_S)


async def _store_problem(objects: ObjectStore) -> str | None:
    try:
        async with asyncio.timeout(STORE_S):
            await objects.ensure_bucket()
    except TimeoutError:
        return f"did not answer within {STORE_S:g} s"
    except (KakehashiError, OSError) as error:
        return str(error)
    return None


def _now() -> datetime:
    return datetime.now(UTC)


async def _serve(parent: int, output: int) -> None:
    loop = asyncio.get_running_loop()
    # A service manager may tell every process of a service to end. The server, which is told as well, closes the pipe
    # when all that it knows has been said. A handler and not SIG_IGN: that one our encoders would inherit.
    loop.add_signal_handler(signal.SIGTERM, log.info, "the recording worker ends with its server")
    reader = asyncio.StreamReader(limit=PIPE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(output, "wb"))
    if os.getppid() != parent:
        return  # it died before we could ask to be told
    try:
        await Worker(reader, lambda frame: transport.write(encode(frame))).run()
    except KakehashiError as error:
        log.error("the recording worker cannot start", extra={"action": "recording", "why": str(error)})
    finally:
        transport.close()


def main() -> None:
    """``python -m cti.wiring.recordingworker PARENT``, as the server starts it."""
    # A stray print must not end up between two frames.
    output = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with contextlib.suppress(OSError, AttributeError):  # Linux only; elsewhere the closed pipe tells us
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    give_way(NICENESS)
    logs.set_up()
    asyncio.run(_serve(int(sys.argv[1]), output))


if __name__ == "__main__":
    main()
