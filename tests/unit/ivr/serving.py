"""A menu server on a free port, with what it posts kept."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from cti.domain.errors import NotFound
from cti.domain.model import MenuId, TenantId
from cti.domain.signals import Signal
from ivr.menus import Menu
from ivr.server import IvrConfig, IvrServer
from tests.unit.ivr.desk import main_menu

NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)


class Menus:
    """The menus of tenant "demo"."""

    def __init__(self, menu: Menu | None = None) -> None:
        self.kept = {("demo", "main"): menu or main_menu()}

    async def menu(self, tenant: TenantId, menu: MenuId) -> Menu:
        try:
            return self.kept[tenant, menu]
        except KeyError:
            raise NotFound(f"no menu {menu!r}") from None


class Signals:
    """A sink that keeps."""

    def __init__(self) -> None:
        self.posted: list[Signal] = []

    def post(self, signal: Signal) -> None:
        self.posted.append(signal)


class Lengths:
    """Prompts of no length: tests wait for deadlines, not for words."""

    def length_s(self, name: str, language: str) -> float | None:
        return 0.0


@dataclasses.dataclass(kw_only=True)
class Served:
    server: IvrServer
    signals: Signals

    @property
    def port(self) -> int:
        return self.server.port


@contextlib.asynccontextmanager
async def serving(menus: Menus | None = None, **limits: float) -> AsyncIterator[Served]:
    config = dataclasses.replace(IvrConfig(port=0, drain_s=0.2), **limits)  # type: ignore[arg-type]
    signals = Signals()
    server = IvrServer(config=config, menus=menus or Menus(), signals=signals, lengths=Lengths(), now=lambda: NOW)
    await server.start()
    try:
        yield Served(server=server, signals=signals)
    finally:
        await server.stop()
