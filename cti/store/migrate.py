"""Numbered SQL files, each applied once, in order, in a transaction of its own."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import asyncpg

from cti.domain.errors import ConfigError

log = logging.getLogger(__name__)

# Any number will do as long as nobody else takes it: the first bytes of SHA-256("kakehashi migrations").
LOCK = 0x4B616B65
LOCK_WAIT_S = 5
_FILE = re.compile(r"(\d{4})_[a-z0-9_]+\.sql\Z")

_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
    number      integer PRIMARY KEY,
    name        text NOT NULL,
    sha256      text NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """One file."""

    number: int
    name: str  # the file's name
    sql: str

    @property
    def sha256(self) -> str:
        """Of its bytes."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(folder: Traversable | None = None) -> tuple[Migration, ...]:
    """The files in order. Raises ConfigError for a name that does not fit and for a number that is there twice."""
    folder = folder or resources.files("cti.store") / "migrations"
    found: dict[int, Migration] = {}
    problems = []
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".sql"):
            continue
        match = _FILE.match(file.name)
        if match is None:
            problems.append(f"{file.name}: a migration is called NNNN_what_it_does.sql")
            continue
        number = int(match[1])
        if number in found:
            problems.append(f"{file.name}: number {number} is taken by {found[number].name}")
            continue
        found[number] = Migration(number=number, name=file.name, sql=file.read_text(encoding="utf-8"))
    if problems:
        raise ConfigError(problems)
    return tuple(found[number] for number in sorted(found))


async def migrate(pool: asyncpg.Pool[Any], folder: Traversable | None = None) -> list[str]:
    """Apply what is missing; returns the names. Several processes may call it at once: they take turns.

    Raises ConfigError naming a migration that was changed after it was applied, one that this program does not have
    (the database is newer), and one that fails.
    """
    files = migrations(folder)
    async with pool.acquire() as connection:
        # Waiting for the other process may take as long as its migrations do.
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK, timeout=300.0)
        try:
            return await _apply(connection, files)
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)


async def _apply(connection: Any, files: tuple[Migration, ...]) -> list[str]:
    await connection.execute(_TABLE)
    applied = {row["number"]: row for row in await connection.fetch("SELECT * FROM migrations")}
    _check(files, applied)
    done = []
    for migration in files:
        if migration.number in applied:
            continue
        try:
            async with connection.transaction():
                # Behind a long report a change of a table would wait, and every writer behind the change.
                await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'")
                await connection.execute(migration.sql, timeout=300.0)
                await connection.execute(
                    "INSERT INTO migrations (number, name, sha256) VALUES ($1, $2, $3)",
                    migration.number,
                    migration.name,
                    migration.sha256,
                )
        except asyncpg.LockNotAvailableError as error:
            raise ConfigError(
                [f"{migration.name}: a table was in use for {LOCK_WAIT_S} s; nothing was applied, try again later"]
            ) from error
        except asyncpg.PostgresError as error:
            raise ConfigError([f"{migration.name} failed, nothing of it was applied: {error}"]) from error
        log.info("applied a migration", extra={"action": migration.name})
        done.append(migration.name)
    return done


def _check(files: tuple[Migration, ...], applied: dict[int, Any]) -> None:
    known = {migration.number: migration for migration in files}
    problems = []
    for number, row in sorted(applied.items()):
        migration = known.get(number)
        if migration is None:
            problems.append(f"{row['name']} is applied but unknown here: the database is newer than this program")
        elif migration.sha256 != row["sha256"]:
            problems.append(f"{migration.name} was changed after it was applied: put it back, and add a new one")
    if problems:
        raise ConfigError(problems)
