"""A whole desk on this machine: everything real, on loopback, in a folder and on ports of its own.

What needs nothing else starts first and together; each of the following waits only for what it uses.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from cti.demo.asterisk import AsteriskFolders, RunningAsterisk, asterisk_folders, start_asterisk
from cti.demo.components import cache_folder, find_asterisk
from cti.demo.folders import LOOPBACK, PortPool, RunFolder
from cti.demo.objectstore import RunningObjectStore, launch_objectstore
from cti.demo.phones import Baresip, PhoneAccount, start_phone
from cti.demo.postgres import RunningPostgres, start_postgres
from cti.demo.processes import Child, ChildSpec, port_answers, run_to_end, start_child

ROOT = Path(__file__).resolve().parents[2]
DESK_FILE = ROOT / "examples" / "desk.toml"
LOOKUP = ROOT / "examples" / "lookup-service" / "serve.py"
TENANT = "demo"
# Ten calls at once; a call takes four ports, two a leg.
RTP_PORTS = 80
COMMAND_DEADLINE_S = 120.0
READY_DEADLINE_S = 20.0
# Passwords of the people in examples/desk.toml are read from the file itself.
Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a desk on this machine is made of; the defaults are the demo's."""

    desk_file: Path = DESK_FILE
    rtp_ports: int = RTP_PORTS
    # Used as it is and not reserved, for more ports than a run may keep from others: Asterisk passes over those taken.
    rtp: range | None = None
    media: str = LOOPBACK  # the address of this machine that Asterisk's sound is on
    web_hosts: tuple[str, ...] = ()  # more addresses of this machine that pages are opened at; then on all of them
    asterisk: Mapping[str, int | str | list[str]] = field(default_factory=dict)  # more keys of the [asterisk] table
    recording: Mapping[str, int] = field(default_factory=dict)  # keys of the [recording] table
    tables: Mapping[str, Mapping[str, str | int | list[str]]] = field(
        default_factory=dict
    )  # more tables of the configuration
    prompts: bool = True  # False: no spoken texts, for calls without a menu
    serve: bool = True  # False: whoever asked for the desk starts servers of their own
    # Called with the database's address when the desk file has been applied: more agents than a file should list.
    fill: Callable[[str], Awaitable[None]] | None = None


@dataclass(frozen=True, kw_only=True)
class DemoPorts:
    """Every port the desk listens on."""

    web: int
    sip: int
    ami: int
    fastagi: int
    lookup: int
    rtp: range


@dataclass(kw_only=True)
class Stack:
    """The running desk. ``stop`` of single parts is for those who want to see what happens then."""

    run: RunFolder
    pool: PortPool
    plan: Plan
    ports: DemoPorts
    config: Path  # kakehashi.toml
    secrets: dict[str, str]  # ami, lookup
    folders: AsteriskFolders
    desk: dict[str, Any]  # the desk file's tenant
    postgres: RunningPostgres
    store: RunningObjectStore
    asterisk: RunningAsterisk | None = None
    lookup: Child | None = None
    server: Child | None = None
    phones: dict[str, Baresip] = field(default_factory=dict)
    agent_secrets: dict[str, str] = field(default_factory=dict)

    @property
    def web(self) -> str:
        """Where a browser goes."""
        return f"http://{LOOPBACK}:{self.ports.web}"

    @property
    def trunk(self) -> str:
        """host:port that a trunk, or any SIP phone playing one, sends calls to."""
        return f"{LOOPBACK}:{self.ports.sip}"

    @property
    def number(self) -> str:
        """The number callers dial, as the trunk delivers it."""
        return "0" + str(self.desk["numbers"][0]["number"]).removeprefix("+81")

    def password(self, login: str) -> str:
        """A person's password."""
        return next(str(user["first_password"]) for user in self.desk["users"] if user["login"] == login)

    def status(self) -> dict[str, Any]:
        """All addresses and log-ins, for `kakehashi demo status --json`."""
        access = self.store.access
        return {
            "run": str(self.run.path),
            "web": {
                "url": self.web,
                "users": [
                    {"login": user["login"], "password": user["first_password"], "roles": user["roles"]}
                    for user in self.desk["users"]
                ],
            },
            "trunk": {"sip": f"sip:{self.number}@{self.trunk}", "number": self.number, "transport": "udp"},
            "phones": [
                {"sip": f"sip:{TENANT}-{agent}@{self.trunk}", "user": f"{TENANT}-{agent}", "password": secret}
                for agent, secret in self.agent_secrets.items()
            ],
            "ami": {"host": LOOPBACK, "port": self.ports.ami, "user": "kakehashi", "secret": self.secrets["ami"]},
            "lookup": {"url": f"http://{LOOPBACK}:{self.ports.lookup}", "token": self.secrets["lookup"]},
            "s3": {
                "endpoint": access.endpoint,
                "access_key": access.access_key,
                "secret_key": access.secret_key,
                "bucket": access.bucket,
            },
            "database": {"url": self.postgres.url},
            "config": str(self.config),
            "logs": str(self.run.path / "log"),
        }

    async def start_server(self) -> None:
        """Start (again) `kakehashi serve`, and wait until it says it is ready."""
        self.server = await start_child(
            ChildSpec(
                name="kakehashi serve",
                argv=[sys.executable, "-m", "cti", "serve", "--config", str(self.config)],
                log=self.run.log("kakehashi"),
                cwd=ROOT,
            )
        )
        await self.server.until_ready(_ready(self.ports.web), READY_DEADLINE_S)

    async def start_lookup(self, *extra: str) -> None:
        """Start (again) the reference look-up service."""
        self.lookup = await start_child(
            ChildSpec(
                name="look-up service",
                argv=[
                    sys.executable,
                    str(LOOKUP),
                    "--port",
                    str(self.ports.lookup),
                    "--db",
                    str(self.run.sub("lookup") / "lookup.sqlite"),
                    *extra,
                ],
                log=self.run.log("lookup"),
                env={"LOOKUP_TOKEN": self.secrets["lookup"]},
            )
        )
        await self.lookup.until_ready(port_answers(LOOPBACK, self.ports.lookup), READY_DEADLINE_S)

    async def start_agent_phone(self, agent: str, *, sound: int = 1000) -> Baresip:
        """Register the agent's phone; it rings until somebody accepts."""
        account = PhoneAccount(
            user=f"{TENANT}-{agent}", server=self.trunk, password=self.agent_secrets[agent], register=True
        )
        phone = await start_phone(self.run, self.pool, account, name=agent, sound=sound, answer="manual")
        self.phones[agent] = phone
        return phone


@asynccontextmanager
async def running_stack(
    run: RunFolder, pool: PortPool, say: Progress, plan: Plan | None = None
) -> AsyncIterator[Stack]:
    """Bring everything up; at the end, take everything down in the opposite order.

    Raises MissingComponent, ChildFailed or PhoneError, each naming the part and the end of its log.
    """
    plan = plan or Plan()
    ports = DemoPorts(
        web=pool.tcp(),
        sip=pool.tcp(),
        ami=pool.tcp(),
        fastagi=pool.tcp(),
        lookup=pool.tcp(),
        rtp=plan.rtp or pool.udp_block(plan.rtp_ports),
    )
    async with AsyncExitStack() as cleanup:
        started = time.monotonic()

        def done(part: str) -> None:
            say(f"{part} ({time.monotonic() - started:.1f} s)")

        store = await launch_objectstore(run, pool)
        cleanup.push_async_callback(store.stop)
        postgres = await start_postgres(run, pool)
        cleanup.push_async_callback(postgres.stop)
        done("PostgreSQL")
        stack = Stack(
            run=run,
            pool=pool,
            plan=plan,
            ports=ports,
            config=run.path / "kakehashi.toml",
            secrets={"ami": secrets.token_urlsafe(24), "lookup": secrets.token_urlsafe(24)},
            folders=asterisk_folders(run),
            desk=tomllib.loads(plan.desk_file.read_text(encoding="utf-8"))["tenants"][TENANT],
            postgres=postgres,
            store=store,
        )
        cleanup.push_async_callback(_stop_processes, stack)
        _write_config(stack)
        await _together(_start_telephony(stack, done), _until_stored(store, done), stack.start_lookup())
        if plan.serve:
            await stack.start_server()
            done("Kakehashi")
        yield stack


async def _together(*parts: Coroutine[Any, Any, None]) -> None:
    """All of them; when one fails the others are given up, and its error is the one that is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _until_stored(store: RunningObjectStore, done: Progress) -> None:
    await store.ready()
    done("object store")


async def _start_telephony(stack: Stack, done: Progress) -> None:
    """The desk, and the Asterisk that is rendered from it."""
    await _prepare_desk(stack)
    done("desk loaded, prompts spoken")
    stack.asterisk = await start_asterisk(stack.run)
    done(f"Asterisk {stack.asterisk.install.version}")


async def _prepare_desk(stack: Stack) -> None:
    """Tables, desk, prompts, Asterisk's configuration: the commands an operator would type."""
    await _command(stack, "database", "migrate")
    await _command(stack, "config", "apply", str(stack.plan.desk_file))
    if stack.plan.fill is not None:
        await stack.plan.fill(stack.postgres.url)
    conn = await asyncpg.connect(stack.postgres.url)
    try:
        # The demo's log-ins are printed for everybody to see: nothing is won by asking for new passwords.
        await conn.execute("UPDATE users SET must_change = false")
        rows = await conn.fetch("SELECT agent, sip_secret FROM agents WHERE tenant = $1 AND active", TENANT)
    finally:
        await conn.close()
    stack.agent_secrets = {row["agent"]: row["sip_secret"] for row in rows}
    wanted = [_command(stack, "asterisk-conf", "render", str(stack.folders.etc))]
    if stack.plan.prompts:
        wanted.append(_command(stack, "prompts", "render", "--cache", str(cache_folder() / "prompts")))
    await asyncio.gather(*wanted)


async def _command(stack: Stack, *words: str) -> str:
    argv = [sys.executable, "-m", "cti", *words, "--config", str(stack.config)]
    return await run_to_end(
        ChildSpec(name=f"kakehashi {words[0]} {words[1]}", argv=argv, log=stack.run.log("setup"), cwd=ROOT),
        COMMAND_DEADLINE_S,
    )


def _write_config(stack: Stack) -> None:
    """kakehashi.toml for this run, readable by us alone: it holds every secret."""
    install, folders, ports, access = find_asterisk(), stack.folders, stack.ports, stack.store.access
    sounds, recordings = stack.run.sub("sounds", mode=0o755), folders.spool / "monitor"
    sections: list[tuple[str, Sequence[tuple[str, Any]]]] = [
        ("", [("data_dir", stack.run.sub("data"))]),
        (
            "asterisk",
            [
                ("ami_port", ports.ami),
                ("ami_secret", stack.secrets["ami"]),
                ("spool_dir", recordings),
                ("sounds_dir", sounds),
                ("sip_address", LOOPBACK),
                ("sip_port", ports.sip),
                ("media_address", stack.plan.media),
                ("rtp_first", ports.rtp.start),
                ("rtp_last", ports.rtp.stop - 1),
                ("trunk_peers", [LOOPBACK]),
                *stack.plan.asterisk.items(),
            ],
        ),
        (
            "asterisk.folders",
            [
                ("etc", folders.etc),
                ("modules", install.modules),
                ("data", install.data),
                ("var", folders.lib),
                ("spool", folders.spool),
                ("run", folders.run),
                ("log", folders.log),
            ],
        ),
        ("ivr", [("port", ports.fastagi)]),
        ("web", [("port", ports.web), *_pages_at(stack.plan.web_hosts, ports.web)]),
        ("database", [("url", stack.postgres.url)]),
        (
            "s3",
            [
                ("endpoint", access.endpoint),
                ("region", access.region),
                ("bucket", access.bucket),
                ("access_key", access.access_key),
                ("secret_key", access.secret_key),
            ],
        ),
        ("recording", [*stack.plan.recording.items()]),
        ("lookup", [("url", f"http://{LOOPBACK}:{ports.lookup}"), ("token", stack.secrets["lookup"])]),
        *((name, [*keys.items()]) for name, keys in stack.plan.tables.items()),
    ]
    text = ""
    for name, keys in sections:
        text += f"\n[{name}]\n" if name else ""
        text += "".join(f"{key} = {_toml(value)}\n" for key, value in keys)
    stack.config.touch(mode=0o600)
    stack.config.write_text(text, encoding="utf-8")


def _pages_at(hosts: Sequence[str], port: int) -> Sequence[tuple[str, Any]]:
    if not hosts:
        return []
    return [("host", "0.0.0.0"), ("origins", [f"http://{host}:{port}" for host in (LOOPBACK, *hosts)])]


def _toml(value: Any) -> str:
    # JSON's strings, integers and lists of strings are TOML's too.
    return json.dumps(value if isinstance(value, int | list) else str(value))


async def _stop_processes(stack: Stack) -> None:
    for phone in stack.phones.values():
        await phone.stop()
    for child in (stack.server, stack.asterisk and stack.asterisk.child, stack.lookup):
        if child is not None:
            await child.stop()


def _ready(port: int) -> Callable[[], Any]:
    """Whether /readyz answers 200."""

    async def probe() -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            return False
        try:
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            async with asyncio.timeout(2):
                return b" 200 " in await reader.readline()
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()

    return probe
