"""What the benches of whole calls share: a desk with many SIPp agents, the peers beside it, and a witness.

Three ways from a waiting caller to an agent's phone run one after the other on the same Asterisk, with the same
phones, the same callers and the same recordings: ours, app_queue, and the floor (_floor_peer.py). Our server runs
only while it is its turn, so the others have the machine to themselves.
"""

from __future__ import annotations

import asyncio
import bisect
import os
import secrets
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from cti.ami.frames import FrameSplitter, Headers
from cti.demo.folders import LOOPBACK, PortPool, RunFolder, run_folder
from cti.demo.sipp import RunningSipp, SippLoad, run_sipp, start_sipp
from cti.demo.stack import TENANT, Stack, running_stack
from tests.bench._crowd import crowd

SCENARIOS = Path(__file__).parent / "scenarios"
OURS, APP_QUEUE, FLOOR = "ours", "app_queue", "bare Redirect"
PHONE = f"{TENANT}-a"
WITNESSED = frozenset({"Hangup", "DialBegin", "UserEvent", "QueueCallerJoin"})
# Between a caller who joins and the mark that the way's dialplan sets there.
JOINS = {OURS: "CtiQueued", FLOOR: "BenchWaits"}

STATES = """
INSERT INTO agent_states (tenant, agent, state, reason, since, changed_by)
SELECT 'demo', 'a' || n, CASE WHEN n < $2 THEN 'available' ELSE 'offline' END, 'bench', now(), ''
  FROM generate_series(0, $1 - 1) n
ON CONFLICT (tenant, agent) DO UPDATE SET state = excluded.state, since = excluded.since
"""

EXTENSIONS = """

; --- The peers of a bench ---
[cti-inbound]
exten => floor,1,Goto(bench-floor,s,1)
{numbers}
[bench-floor]
exten => s,1,Answer()
 same => n,MixMonitor({folder}/${{UNIQUEID}}.wav,r({folder}/${{UNIQUEID}}-rx.wav))
 same => n,UserEvent(BenchWaits)
 same => n,Wait(600)
 same => n,Hangup()
[bench-dial]
exten => _{phone}.,1,Dial(PJSIP/${{EXTEN}},20,U(bench-leg))
 same => n,Hangup()
[bench-leg]
exten => s,1,MixMonitor({folder}/${{UNIQUEID}}.wav,r({folder}/${{UNIQUEID}}-rx.wav)t({folder}/${{UNIQUEID}}-tx.wav))
 same => n,Return()
"""
NUMBER = "exten => queue{size},1,Goto(bench-queue-{size},s,1)\n"
QUEUE_CONTEXT = """[bench-queue-{size}]
exten => s,1,Answer()
 same => n,MixMonitor({folder}/${{UNIQUEID}}.wav,r({folder}/${{UNIQUEID}}-rx.wav))
 same => n,Queue(bench-{size},,,,600,,bench-leg)
 same => n,Hangup()
"""
# One period of the digital milliwatt of ITU-T G.711: 1 kHz at full level in µ-law.
MILLIWATT = bytes((0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E))
# As our own fallback queues are; nothing is asked of a member between two calls.
QUEUE = """
[bench-{size}]
strategy = leastrecent
timeout = 20
retry = 1
ringinuse = no
autofill = yes
wrapuptime = 0
{members}
"""
USER = """
[{name}]
secret = {secret}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
writetimeout = 5000
read = call,user,agent
write = call
{filters}
"""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One way's turn."""

    way: str
    began_s: float  # epoch
    ended_s: float
    failed: int  # calls that SIPp counts as failed

    def holds(self, at_s: float) -> bool:
        """Whether an instant belongs to it."""
        return self.began_s <= at_s <= self.ended_s


class Witness(asyncio.Protocol):
    """Hears everything at AMI, and thinks about it only when it is over."""

    def __init__(self, user: str, secret: str) -> None:
        self._hello = f"Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\nEvents: on\r\n\r\n".encode()
        self.chunks: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        self.chunks.append(data)

    def frames(self, wanted: Iterable[str] = WITNESSED) -> list[Headers]:
        """What it heard."""
        return [frame for frame in FrameSplitter(frozenset(wanted)).feed(b"".join(self.chunks)) if "Event" in frame]


@dataclass(kw_only=True)
class Desk:
    """A desk at work."""

    stack: Stack
    phones: RunningSipp
    witness: Witness
    secrets: dict[str, str]
    agents: int
    turns: list[Turn] = field(default_factory=list)

    async def turn(self, way: str, *, agents: int, scenario: str, calls: int, rate_hz: float, limit: int) -> Turn:
        """Let callers come, one way, until all have been served."""
        load = SippLoad(
            scenario=with_sound(self.stack.run, scenario),
            server=self.stack.trunk,
            service={OURS: self.stack.number, FLOOR: "floor", APP_QUEUE: f"queue{agents}"}[way],
            calls=calls,
            rate_hz=rate_hz,
            limit=limit,
            rtp_ports=40,
        )
        async with self.at_work(way, agents):
            say(f"{way}: {calls} calls, {agents} agents")
            began_s = _now_s()
            result = await run_sipp(
                self.stack.run, self.stack.pool, load, name=f"callers-{len(self.turns)}-{way.split()[0]}"
            )
            turn = Turn(way=way, began_s=began_s, ended_s=_now_s(), failed=result.failed)
        self.turns.append(turn)
        return turn

    @asynccontextmanager
    async def at_work(self, way: str, agents: int) -> AsyncIterator[None]:
        """Whoever connects callers this way, with the first ``agents`` at work."""
        if way == OURS:
            conn = await asyncpg.connect(self.stack.postgres.url)
            await conn.execute(STATES, self.agents, agents)
            await conn.close()
            await self.stack.start_server()
            await asyncio.sleep(2.0)  # what a start does behind the scenes is over
            try:
                yield
            finally:
                await stop_server(self.stack)
        elif way == FLOOR:
            process = await asyncio.create_subprocess_exec(
                sys.executable, str(Path(__file__).with_name("_floor_peer.py")), str(self.stack.ports.ami), "floor",
                self.secrets["floor"], PHONE, str(agents), stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                assert process.stdout is not None
                await asyncio.wait_for(process.stdout.readline(), 20)
                yield
            finally:
                process.terminate()
                await process.wait()
        else:
            yield

    def invites(self) -> dict[str, list[float]]:
        """When an INVITE came to each agent's phone, epoch seconds, in order."""
        return read_invites(self.phones.messages)


def read_invites(path: Path) -> dict[str, list[float]]:
    """INVITEs that arrived, from SIPp's short messages; a re-transmission has the same Call-ID and does not count."""
    found: dict[str, list[float]] = defaultdict(list)
    seen: set[str] = set()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split("\t")  # date, time, epoch seconds, R or S, Call-ID, CSeq, first line
        if len(fields) != 7 or fields[3] != "R" or not fields[6].startswith("INVITE sip:") or fields[4] in seen:
            continue
        seen.add(fields[4])
        found[fields[6].removeprefix("INVITE sip:").partition("@")[0]].append(float(fields[2]))
    return found


@asynccontextmanager
async def bench_desk(
    agents: int,
    *,
    scenario: str,
    queues: Sequence[int] = (),
    prepare: Callable[[Stack, Mapping[str, str]], Awaitable[None]] | None = None,
) -> AsyncIterator[Desk]:
    """A desk of ``agents`` whose phones are registered and play ``scenario``; ``queues``: sizes of app_queue's.

    ``prepare`` is called with the secrets of the AMI users "bench" and "floor" before the phones register.
    """
    with run_folder() as run, PortPool() as pool:
        plan = crowd(run, agents, queue="wrap_up_s = 0")
        async with running_stack(run, pool, say, plan) as stack:
            assert stack.asterisk is not None
            goes_first(stack.asterisk.child.pid)
            await stop_server(stack)
            keys = {name: secrets.token_urlsafe(16) for name in ("bench", "floor")}
            await _add_peers(stack, queues, keys)
            if prepare is not None:
                await prepare(stack, keys)
            load = SippLoad(
                scenario=with_sound(run, scenario), server=stack.trunk, calls=10_000_000, rtp_ports=40, messages=True
            )
            phones = await start_sipp(run, pool, load, name="agents")
            try:
                await register(stack, phones.address)
                loop = asyncio.get_running_loop()
                _, witness = await loop.create_connection(
                    lambda: Witness("bench", keys["bench"]), LOOPBACK, stack.ports.ami
                )
                yield Desk(stack=stack, phones=phones, witness=witness, secrets=keys, agents=agents)
            finally:
                await phones.stop()


def goes_first(pid: int) -> None:
    """Give Asterisk the real-time priority that docs/operations.md gives its service, whichever way's turn it is.

    Given after its start, to each of its threads and so to those they begin: from the start on, Asterisk would watch
    its astcanary, which is not here.
    """
    threads = {int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()}
    try:
        for thread in threads:
            os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(10))
    except PermissionError:
        say("Asterisk has no real-time priority: that takes root, or the capability SYS_NICE")
    else:
        say(f"Asterisk has real-time priority: {len(threads)} threads")


async def stop_server(stack: Stack) -> None:
    """Stop `kakehashi serve`, in good order."""
    if stack.server is not None:
        await stack.server.stop(grace_s=20.0)


async def _add_peers(stack: Stack, sizes: Sequence[int], keys: dict[str, str]) -> None:
    folder = stack.folders.spool / "bench"
    numbers = "".join(NUMBER.format(size=size) for size in sizes)
    contexts = "".join(QUEUE_CONTEXT.format(size=size, folder=folder) for size in sizes)
    _append(stack, "extensions.conf", EXTENSIONS.format(numbers=numbers, folder=folder, phone=PHONE) + contexts)
    for size in sizes:
        members = "\n".join(f"member => PJSIP/{PHONE}{n},0,a{n},PJSIP/{PHONE}{n}" for n in range(size))
        _append(stack, "queues.conf", QUEUE.format(size=size, members=members))
    for name, kinds in (("bench", WITNESSED), ("floor", ("Hangup", "UserEvent"))):
        filters = "\n".join(f"eventfilter(action(include),name({kind})) =" for kind in sorted(kinds))
        _append(stack, "manager.conf", USER.format(name=name, secret=keys[name], filters=filters))
    assert stack.asterisk is not None
    for command in ("dialplan reload", "module reload app_queue.so", "manager reload"):
        await stack.asterisk.cli(command)


def _append(stack: Stack, name: str, text: str) -> None:
    with (stack.folders.etc / name).open("a", encoding="utf-8") as file:
        file.write(text)


async def register(stack: Stack, contact: str) -> None:
    """Every agent's phone, at the SIPp that answers for all and is not the one that registers."""
    settings = stack.folders.etc / "pjsip.conf"
    settings.write_text(settings.read_text().replace("rewrite_contact = yes", "rewrite_contact = no"))
    assert stack.asterisk is not None
    await stack.asterisk.cli("module reload res_pjsip.so")
    lines = [
        f"{TENANT}-{agent};[authentication username={TENANT}-{agent} password={secret}]"
        for agent, secret in stack.agent_secrets.items()
    ]
    injection = stack.run.path / "agents.csv"
    injection.write_text("SEQUENTIAL\n" + "\n".join(lines) + "\n", encoding="utf-8")
    load = SippLoad(
        scenario=SCENARIOS / "register.xml",
        server=stack.trunk,
        calls=len(lines),
        rate_hz=100,
        limit=100,
        keys={"contact": contact},
        injection=injection,
    )
    result = await run_sipp(stack.run, stack.pool, load, name="register")
    say(f"{result.successful} phones registered")
    if result.failed:
        raise SystemExit(f"{result.failed} phones were not let in; see {result.log}")


def with_sound(run: RunFolder, scenario: str) -> Path:
    """A scenario that plays the milliwatt, written into the run's folder."""
    sound = run.path / "milliwatt.ul"
    sound.write_bytes(MILLIWATT * 1000)  # one second
    path = run.path / scenario
    path.write_text((SCENARIOS / scenario).read_text(encoding="utf-8").replace("@SOUND@", str(sound)), encoding="utf-8")
    return path


def next_after(times: Sequence[float], at_s: float) -> float | None:
    """The first of ``times`` (ascending) that is not before ``at_s``."""
    index = bisect.bisect_left(times, at_s)
    return times[index] if index < len(times) else None


def stamp(frame: Headers) -> float:
    """Asterisk's own time of an event, epoch seconds."""
    return float(frame["Timestamp"])


def is_join(frame: Headers, way: str) -> bool:
    """Whether a caller begins to wait."""
    if way == APP_QUEUE:
        return frame["Event"] == "QueueCallerJoin"
    return frame["Event"] == "UserEvent" and frame.get("UserEvent") == JOINS[way]


def _now_s() -> float:
    return datetime.now(UTC).timestamp()


def say(sentence: str) -> None:
    """For the person who waits."""
    print(sentence, file=sys.stderr, flush=True)
