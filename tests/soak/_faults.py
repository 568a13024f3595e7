"""The faults, and the phases of a call in which they strike: fault × phase is a cell of the table.

A phase is a kill point on one of the server's wires: what must be seen, whether those bytes still get through, and how
long after.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.soak._rig import Rig
from tests.soak._wires import Fate, Moment, Sight, Way

# Longer than the 4 s after which a heartbeat is missed and the 4 s between two looks at it: all are in the fallback.
AWAY_S = 11.0
FROZEN_S = 10.0
RESTART_S = 0.3  # a supervisor's pause before it starts a part again
PART_AWAY_S = 3.0


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A kill point."""

    name: str
    wire: str
    sights: tuple[Sight, ...]
    moment: Moment
    after_s: tuple[float, float] = (0.0, 0.0)  # at random between these, after the sight
    burst: int = 0  # extra callers at once, so that some wait


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is done, and undone."""

    name: str
    strike: Callable[[Rig, Way], None]
    heal: Callable[[Rig, asyncio.Event], Awaitable[float]]  # returns seconds until ready
    phases: tuple[str, ...]
    fates: dict[str, Fate] = field(default_factory=dict)  # by wire, of bytes a kill point withholds
    falls_back: bool = False  # it lasts long enough for waiting callers to hear the fallback


def _tell(pattern: bytes) -> Sight:
    return Sight(way=Way.TELL, pattern=re.compile(pattern, re.DOTALL))


def _ask(pattern: bytes) -> Sight:
    return Sight(way=Way.ASK, pattern=re.compile(pattern, re.DOTALL))


# The rest of one AMI frame up to what follows.
_F = rb"(?:(?!\r\n\r\n).)*?"
_QUEUED = rb"UserEvent: CtiQueued\r\n" + _F + rb"CallID: [0-9a-f-]+"
_CONNECT = rb"Context: cti-connect"
_RINGS = rb"Event: DialBegin\r\n"
# How asyncpg binds the text 'stored': its length, then the word (PostgreSQL's protocol, message Bind).
_STORED = rb"\x00\x00\x00\x06stored"

PHASES = {
    phase.name: phase
    for phase in (
        Phase(
            name="menu", wire="ami", moment=Moment.AFTER, after_s=(0.5, 5.0),
            sights=(_tell(rb"UserEvent: CtiArrived\r\n" + _F + rb"Menu: [a-z]"),),
        ),
        Phase(name="queued", wire="ami", moment=Moment.BEFORE, sights=(_tell(_QUEUED),)),
        Phase(
            name="waiting", wire="ami", moment=Moment.AFTER, after_s=(0.5, 1.5), burst=6,
            sights=(_tell(_QUEUED),) * 5,
        ),
        Phase(name="offer-decided", wire="ami", moment=Moment.BEFORE, sights=(_ask(_CONNECT),)),
        Phase(name="offer-sent", wire="ami", moment=Moment.AFTER, sights=(_ask(_CONNECT),)),
        Phase(name="offer-observed", wire="ami", moment=Moment.AFTER, sights=(_tell(_RINGS),)),
        Phase(name="ringing", wire="ami", moment=Moment.AFTER, after_s=(0.2, 1.0), sights=(_tell(_RINGS),)),
        Phase(
            name="talking", wire="ami", moment=Moment.AFTER, after_s=(0.2, 2.0),
            sights=(_tell(rb"Event: BridgeEnter\r\n"),),
        ),
        Phase(
            name="wrap-up", wire="ami", moment=Moment.AFTER, after_s=(0.1, 1.0),
            sights=(_tell(rb"Event: Hangup\r\n" + _F + rb"Channel: PJSIP/demo-"),),
        ),
        Phase(
            name="file-open", wire="ami", moment=Moment.BEFORE,
            sights=(_tell(rb"UserEvent: CtiRecording\r\n" + _F + rb"Side: agent"),),
        ),
        Phase(
            name="file-closed", wire="ami", moment=Moment.BEFORE,
            sights=(_tell(rb"Event: Hangup\r\n" + _F + rb"Channel: PJSIP/trunk-"),),
        ),
        Phase(
            name="encoded", wire="s3", moment=Moment.BEFORE,
            sights=(_ask(rb"PUT /[^ ]+\.webm"),),
        ),
        Phase(name="uploaded", wire="postgres", moment=Moment.BEFORE, sights=(_ask(_STORED),)),
        # The ledger's word for it: what follows the commit on that connection is the database's answer.
        Phase(
            name="committed", wire="postgres", moment=Moment.BEFORE,
            sights=(_ask(_STORED), _ask(rb"COMMIT;"), _tell(rb"COMMIT\x00")),
        ),
    )
}  # fmt: skip
EVERY = tuple(PHASES)


def _kill_server(rig: Rig, _: Way) -> None:
    rig.server.signal(signal.SIGKILL)


def _freeze_server(rig: Rig, _: Way) -> None:
    rig.server.signal(signal.SIGSTOP)


async def _start_server(rig: Rig, _: asyncio.Event) -> float:
    await asyncio.sleep(RESTART_S)
    return await rig.start_server()


async def _start_server_late(rig: Rig, _: asyncio.Event) -> float:
    await asyncio.sleep(AWAY_S)
    return await rig.start_server()


async def _thaw(rig: Rig, released: asyncio.Event) -> float:
    await asyncio.sleep(FROZEN_S)
    rig.server.signal(signal.SIGCONT)
    released.set()
    return await rig.until_beat()


def _cut(rig: Rig, _: Way) -> None:
    rig.wires["ami"].cut()


def _swallow(rig: Rig, _: Way) -> None:
    rig.wires["ami"].swallow()


def _tear(rig: Rig, way: Way) -> None:
    rig.wires["ami"].tear(way)


async def _mend_soon(rig: Rig, _: asyncio.Event) -> float:
    await asyncio.sleep(1.0)
    rig.wires["ami"].mend()
    return await rig.until_beat()


async def _mend_late(rig: Rig, _: asyncio.Event) -> float:
    await asyncio.sleep(FROZEN_S)
    rig.wires["ami"].mend()
    return await rig.until_beat()


def _kill_asterisk(rig: Rig, _: Way) -> None:
    rig.asterisk.signal(signal.SIGKILL)


async def _start_asterisk(rig: Rig, _: asyncio.Event) -> float:
    await asyncio.sleep(RESTART_S)
    await rig.start_asterisk()
    return await rig.until_beat()


def _kill_postgres(rig: Rig, _: Way) -> None:
    assert rig.stack.postgres.child is not None
    rig.stack.postgres.child.signal(signal.SIGQUIT)  # PostgreSQL's immediate shutdown


async def _start_postgres(rig: Rig, _: asyncio.Event) -> float:
    await asyncio.sleep(PART_AWAY_S)
    await rig.start_postgres()
    return await rig.until_ready()


def _kill_store(rig: Rig, _: Way) -> None:
    assert rig.stack.store.child is not None
    rig.stack.store.child.signal(signal.SIGKILL)


async def _start_store(rig: Rig, _: asyncio.Event) -> float:
    await asyncio.sleep(PART_AWAY_S)
    await rig.start_store()
    return await rig.until_ready()


_DROP = {"ami": Fate.DROP, "s3": Fate.DROP, "postgres": Fate.DROP}
_HOLD = {"ami": Fate.HOLD, "s3": Fate.HOLD, "postgres": Fate.HOLD}
FAULTS = {
    fault.name: fault
    for fault in (
        Fault(name="server-kill", strike=_kill_server, heal=_start_server, fates=_DROP, phases=EVERY),
        Fault(
            name="server-away", strike=_kill_server, heal=_start_server_late, fates=_DROP, falls_back=True,
            phases=("menu", "waiting", "ringing", "talking"),
        ),
        Fault(
            name="server-freeze", strike=_freeze_server, heal=_thaw, fates=_HOLD, falls_back=True,
            phases=("menu", "waiting", "offer-decided", "offer-sent", "offer-observed", "ringing", "talking"),
        ),
        Fault(
            name="ami-reset", strike=_cut, heal=_mend_soon, fates={"ami": Fate.DROP},
            phases=("queued", "offer-decided", "offer-sent", "offer-observed", "ringing", "talking"),
        ),
        Fault(
            name="ami-hole", strike=_swallow, heal=_mend_late, fates={"ami": Fate.DROP}, falls_back=True,
            phases=("waiting", "offer-decided", "offer-sent", "talking"),
        ),
        Fault(
            name="ami-torn", strike=_tear, heal=_mend_soon,
            phases=("queued", "offer-decided", "offer-observed", "talking"),
        ),
        Fault(
            name="postgres-kill", strike=_kill_postgres, heal=_start_postgres,
            phases=("menu", "waiting", "offer-decided", "talking", "uploaded", "committed"),
        ),
        Fault(name="store-kill", strike=_kill_store, heal=_start_store, phases=("talking", "encoded", "uploaded")),
        Fault(
            name="asterisk-kill", strike=_kill_asterisk, heal=_start_asterisk,
            phases=("menu", "waiting", "ringing", "talking", "file-open"),
        ),
    )
}  # fmt: skip
