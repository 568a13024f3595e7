"""The menu server as a process of its own, for tests that kill or freeze it: ``python -m … PORT SOUNDS``."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from ivr.prompts import FileLengths
from ivr.server import IvrConfig, IvrServer
from tests.e2e.ivr.desk import Menus, Signals, main_menu


async def main(port: int, sounds: Path) -> None:
    server = IvrServer(
        config=IvrConfig(port=port, watchdog_margin_s=2.0),
        menus=Menus(main_menu(timeout_s=1.0)),
        signals=Signals(),
        lengths=FileLengths(sounds),
        now=lambda: datetime.now(UTC),
    )
    await server.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
