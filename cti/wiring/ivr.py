"""The menu server."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime

from cti.config import Config
from cti.domain.ports import SignalSink
from cti.wiring.menus import StoredMenus
from cti.wiring.readiness import Probe
from ivr.keep import PlaceKeeper
from ivr.prompts import FileLengths
from ivr.server import IvrConfig, IvrServer


def address(config: Config) -> str:
    """Where Asterisk is to ask for menus while this server is in charge; "": where its own configuration says."""
    host = ipaddress.ip_address(config.ivr.host)
    if host.is_unspecified:  # every address of this machine: which of them Asterisk reaches is not known here
        return ""
    return f"agi://{f'[{host}]' if host.version == 6 else host}:{config.ivr.port}"


async def start(
    config: Config,
    signals: SignalSink,
    menus: StoredMenus,
    keeper: PlaceKeeper,
    now: Callable[[], datetime],
    cleanup: AsyncExitStack,
) -> IvrServer:
    """Listen for Asterisk's FastAGI."""
    server = IvrServer(
        config=IvrConfig(host=config.ivr.host, port=config.ivr.port),
        menus=menus,
        signals=signals,
        lengths=FileLengths(config.asterisk.sounds_dir),
        now=now,
        keeper=keeper,
    )
    await server.start()
    cleanup.push_async_callback(server.stop)
    return server


def probe(server: IvrServer) -> Probe:
    """Why callers cannot be led through menus, or None."""

    async def why() -> str | None:
        return None if server.ready else "the FastAGI server does not listen"

    return why
