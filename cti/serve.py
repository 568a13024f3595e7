"""The server as a process: from its start to SIGTERM, and the exit status. What it is made of: cti.app."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import time

from cti import logs
from cti.app import Application
from cti.config import Config
from cti.domain.errors import ConfigError, KakehashiError
from cti.wiring import runtime

log = logging.getLogger(__name__)


async def serve(config: Config, *, standby: bool = False) -> int:
    """Run until SIGTERM or SIGINT; ``standby``: in charge only when nobody else is.

    Returns the exit status; raises ConfigError for what the operator must change.
    """
    logs.set_up()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    application = Application(config, standby=standby)
    began_s = time.monotonic()
    try:
        if not await _started_before(application, stopped):
            return 0
    except ConfigError:
        raise
    except (KakehashiError, OSError) as error:
        log.error("the server cannot start", extra={"action": "serve", "why": str(error)})
        print(f"kakehashi: {error}", file=sys.stderr)  # noqa: T201 - for the person who typed the command
        return 1
    runtime.settle()
    log.info("the server is up", extra={"action": "serve", "start_s": round(time.monotonic() - began_s, 2)})
    await stopped.wait()
    log.info("the server stops", extra={"action": "serve"})
    with contextlib.suppress(TimeoutError):
        await application.stop()
    return 0


async def _started_before(application: Application, stopped: asyncio.Event) -> bool:
    """Start, unless it is asked to stop before that is done: a start may wait for what never comes."""
    starting, stopping = asyncio.create_task(application.start()), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            log.info("the server stops before it is up", extra={"action": "serve"})
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return False
        await starting
        return True
    finally:
        stopping.cancel()
