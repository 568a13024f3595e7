"""Menus: from PostgreSQL to the dialogues that speak them."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from cti.domain.errors import NotFound, Unavailable
from cti.domain.model import MenuId, TenantId
from ivr.menus import Menu, stored_menu

READ_S = 1.0


class StoredMenus:
    """The menus of all tenants, read once and again after each change of the desk: a call never waits for them."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool
        self._menus: dict[tuple[TenantId, MenuId], Menu] = {}

    async def reload(self) -> None:
        """Read all menus. Raises Unavailable; what was read before stays in use."""
        try:
            rows = await self._pool.fetch("SELECT tenant, menu, body::text AS body FROM menus", timeout=READ_S)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            raise Unavailable("the menus cannot be read: the database does not answer") from error
        self._menus = {
            (TenantId(row["tenant"]), MenuId(row["menu"])): stored_menu(json.loads(row["body"])) for row in rows
        }

    async def menu(self, tenant: TenantId, menu: MenuId) -> Menu:
        """As ivr.server.MenuSource."""
        try:
            return self._menus[tenant, menu]
        except KeyError:
            raise NotFound(f"no menu {menu!r} of tenant {tenant!r}") from None


async def menu_texts(conn: asyncpg.Connection[Any]) -> dict[str, dict[str, str]]:
    """The words written in the menus of all tenants: sound file → language → words."""
    texts: dict[str, dict[str, str]] = {}
    for row in await conn.fetch("SELECT body::text AS body FROM menus"):
        texts.update(stored_menu(json.loads(row["body"])).texts())
    return texts
