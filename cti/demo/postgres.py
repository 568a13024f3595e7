"""A PostgreSQL of the run's own, from the wheel's programs, on loopback, with a password made for the run."""

from __future__ import annotations

import os
import secrets
import signal
from dataclasses import dataclass

import asyncpg

from cti.demo.components import find_postgres
from cti.demo.folders import LOOPBACK, PortPool, RunFolder
from cti.demo.processes import Child, ChildSpec, run_to_end, run_user, start_child

OWNER = "kakehashi"
DATABASE = "kakehashi"
INITDB_DEADLINE_S = 30.0
READY_DEADLINE_S = 20.0


@dataclass(frozen=True, kw_only=True)
class RunningPostgres:
    """A database to connect to."""

    url: str  # with user and password: never for a log
    child: Child | None  # None: an outside database, which is not ours to stop

    async def stop(self) -> None:
        """Ends it; an outside database is left alone."""
        if self.child is not None:
            await self.child.stop()

    async def make_database(self, name: str, *, template: str = "template0") -> str:
        """Creates a database beside the first one and returns its URL: a test's own, in some 50 ms.

        Empty, or a copy of ``template``, which nobody may be connected to.
        """
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        finally:
            await connection.close()
        return self.url.rsplit("/", 1)[0] + f"/{name}"

    async def drop_database(self, url: str) -> None:
        """Takes one of those away, whoever is connected to it."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(f'DROP DATABASE "{url.rsplit("/", 1)[1]}" WITH (FORCE)')
        finally:
            await connection.close()


async def start_postgres(run: RunFolder, ports: PortPool, *, durable: bool = True) -> RunningPostgres:
    """Takes $KAKEHASHI_DATABASE_URL, else starts one in the run's folder.

    `durable=False` turns fsync off, for tests that do not crash it. Raises MissingComponent or ChildFailed.
    """
    if outside := os.environ.get("KAKEHASHI_DATABASE_URL"):
        return RunningPostgres(url=outside, child=None)
    programs, user = find_postgres(), run_user()
    folder = run.sub("postgres")
    data, password_file, password = folder / "data", folder / "password", secrets.token_urlsafe(24)
    data.mkdir(mode=0o700, exist_ok=True)
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if user is not None:
        for path in (data, password_file):
            os.chown(path, user.uid, user.gid)
    initdb = [str(programs.bin / "initdb"), "--no-sync", "-U", OWNER, "-D", str(data), "-E", "UTF8", "--no-locale"]
    await run_to_end(
        ChildSpec(
            name="initdb",
            argv=[*initdb, "--auth=scram-sha-256", f"--pwfile={password_file}"],
            log=run.log("postgres"),
            user=user,
            cwd=folder,
        ),
        INITDB_DEADLINE_S,
    )
    password_file.unlink()
    port = ports.tcp()
    settings = {
        "listen_addresses": LOOPBACK,
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "on" if durable else "off",
        "max_connections": "100",
        "timezone": "UTC",
    }
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    child = await start_child(
        ChildSpec(
            name="PostgreSQL",
            argv=[str(programs.bin / "postgres"), "-D", str(data), *options],
            log=run.log("postgres"),
            user=user,
            cwd=folder,
            stop_signal=signal.SIGINT,  # fast shutdown: ends sessions instead of waiting for them
            death_signal=signal.SIGINT,  # a killed postmaster would leave its helpers to notice by themselves
        )
    )
    root_url = f"postgresql://{OWNER}:{password}@{LOOPBACK}:{port}"
    await _until_ready(child, f"{root_url}/postgres")
    await _create(f"{root_url}/postgres")
    return RunningPostgres(url=f"{root_url}/{DATABASE}", child=child)


async def _until_ready(child: Child, url: str) -> None:
    async def probe() -> bool:
        try:
            connection = await asyncpg.connect(url, timeout=2.0)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await connection.close()
        return True

    try:
        await child.until_ready(probe, READY_DEADLINE_S)
    except BaseException:
        await child.stop()
        raise


async def _create(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f'CREATE DATABASE "{DATABASE}"')
    finally:
        await connection.close()
