"""Capture tables/ anew from a real Asterisk: ``python -m tests.scenarios.capture [scenario …]``.

Not a test. A table is what a real Asterisk said, one event a line, and our own decisions as ``(offer)`` lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from cti.ami.frames import FrameSplitter, Headers
from cti.ami.translate import WANTED, variables
from cti.demo.phones import Baresip
from tests.e2e.dialplan.rig import PHONE_SECRET, SECRET, Rig, a_rig
from tests.e2e.dialplan.sipstub import StubPhone

MORE = ("DialStatus", "BridgeUniqueid", "Cause", "Extension", "Result", "TransfereeChannel", "TransfereeUniqueid",
        "OrigTransfererChannel", "OrigTransfererUniqueid", "SecondTransfererChannel", "SecondTransfererUniqueid",
        "TransferTargetChannel", "TransferTargetUniqueid", "DestType", "DestBridgeUniqueid",
        "UserEvent", "Tenant", "NumberCalled", "Queue", "File", "Offer", "Status", "Key", "CallerIDNum",
        "CallerIDName", "Device", "State")  # fmt: skip


class Tap:
    """A second log-in that keeps everything, as a table."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.epoch = int(time.time())

    def row(
        self,
        at: float,
        event: str,
        channel: str = "",
        uid: str = "",
        call: str = "",
        dest: str = "",
        duid: str = "",
        more: str = "",
    ) -> None:
        cells = (f"{at - self.epoch:.6f}", event, channel, uid, call, dest, duid, more)
        self.rows.append(" | ".join(cells).rstrip(" |"))

    def frame(self, f: Headers) -> None:
        if "Timestamp" not in f:
            return
        call = variables(f).get("CTI_CALL_ID") or variables(f, "Transferee").get("CTI_CALL_ID")
        more = [
            f"{k}={f[k]}"
            for k in MORE
            if f.get(k) and not (k.startswith("CallerID") and f.get("UserEvent") != "CtiArrived")
        ]
        self.row(
            float(f["Timestamp"]),
            f["Event"],
            f.get("Channel", ""),
            f.get("Uniqueid", ""),
            "C" if call else "-",
            f.get("DestChannel", ""),
            f.get("DestUniqueid", ""),
            "; ".join(more),
        )

    async def run(self, rig: Rig) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.settings.ami_port)
        writer.write(f"Action: Login\r\nUsername: {rig.settings.ami_user}\r\nSecret: {SECRET}\r\n\r\n".encode())
        splitter = FrameSplitter(WANTED)
        while data := await reader.read(65536):
            for frame in splitter.feed(data):
                self.frame(frame)


async def offered(
    rig: Rig, tap: Tap, agent: str, offer: str, ring_s: int = 20, phone: Baresip | None = None
) -> dict[str, str]:
    queued = await rig.waiting()
    return await offered_again(rig, tap, queued, agent, offer, ring_s)


async def offered_again(
    rig: Rig, tap: Tap, queued: dict[str, str], agent: str, offer: str, ring_s: int = 20
) -> dict[str, str]:
    tap.row(time.time(), "(offer)", more=f"agent={agent}; offer={offer}; ring_s={ring_s}")
    await rig.offer(queued, agent, offer=offer, ring_s=ring_s)
    return queued


async def answered(rig: Rig, tap: Tap) -> None:
    """Caller waits, sato answers, the agent hangs up."""
    await offered(rig, tap, "sato", "0a" * 16)
    await rig.sato.wait_for("CALL_ESTABLISHED")
    await asyncio.sleep(1.0)
    await rig.sato.hangup()
    await rig.idle()


async def caller_ends(rig: Rig, tap: Tap) -> None:
    """The same, the caller hangs up."""
    await offered(rig, tap, "sato", "0b" * 16)
    await asyncio.sleep(1.5)
    await rig.end()


async def abandoned_in_menu(rig: Rig, tap: Tap) -> None:
    rig.menu.mood = "frozen"
    await rig.caller.dial(f"sip:+81501234500@{rig.server}")
    await asyncio.sleep(1.5)
    await rig.end()
    rig.menu.mood = "done"


async def abandoned_in_queue(rig: Rig, tap: Tap) -> None:
    await rig.waiting()
    await asyncio.sleep(0.5)
    await rig.caller.send_digits("5")
    await asyncio.sleep(0.3)
    await rig.end()


async def rejected_then_answered(rig: Rig, tap: Tap) -> None:
    phone = await StubPhone.start("demo-declining", PHONE_SECRET, ("127.0.0.1", rig.settings.sip_port), 603)
    since = rig.ami.now
    queued = await offered(rig, tap, "declining", "0c" * 16)
    await rig.ami.user_event("CtiOfferEnded", since=since, Offer="0c" * 16)
    await asyncio.sleep(0.3)
    await offered_again(rig, tap, queued, "sato", "0d" * 16)
    await asyncio.sleep(1.5)
    await rig.end()
    phone.stop()


async def busy(rig: Rig, tap: Tap) -> None:
    phone = await StubPhone.start("demo-busy", PHONE_SECRET, ("127.0.0.1", rig.settings.sip_port), 486)
    await offered(rig, tap, "busy", "1a" * 16)
    await asyncio.sleep(0.5)
    await rig.end()
    phone.stop()


async def not_registered(rig: Rig, tap: Tap) -> None:
    await offered(rig, tap, "missing", "1b" * 16)
    await asyncio.sleep(0.5)
    await rig.end()


async def rang_out(rig: Rig, tap: Tap) -> None:
    await offered(rig, tap, "suzuki", "1c" * 16, ring_s=2)
    await asyncio.sleep(3.0)
    await rig.end()


async def taken_back(rig: Rig, tap: Tap) -> None:
    queued = await offered(rig, tap, "suzuki", "1d" * 16)
    await rig.suzuki.wait_for("CALL_INCOMING")
    await asyncio.sleep(0.3)
    await rig.ami.redirect(queued["Channel"], "cti-wait", "s")
    await asyncio.sleep(0.5)
    await rig.end()


async def caller_ends_while_ringing(rig: Rig, tap: Tap) -> None:
    await offered(rig, tap, "suzuki", "0e" * 16)
    await asyncio.sleep(1.0)
    await rig.end()


async def hold(rig: Rig, tap: Tap) -> None:
    await offered(rig, tap, "sato", "0f" * 16)
    await asyncio.sleep(1.0)
    await rig.sato.command("hold")
    await asyncio.sleep(1.0)
    await rig.sato.command("resume")
    await asyncio.sleep(0.5)
    await rig.sato.hangup()
    await rig.idle()


async def blind_transfer(rig: Rig, tap: Tap) -> None:
    """sato answers and passes the caller to suzuki, who answers."""
    await offered(rig, tap, "sato", "2a" * 16)
    await asyncio.sleep(1.0)
    await rig.sato.command("transfer", f"sip:demo-suzuki@{rig.server}")
    await rig.suzuki.wait_for("CALL_INCOMING", count=1, since=len(rig.suzuki.events) - 1)
    await asyncio.sleep(0.2)
    await rig.suzuki.accept()
    await asyncio.sleep(1.0)
    await rig.end()


async def fallback(rig: Rig, tap: Tap) -> None:
    """The server's heart stops: Asterisk's own queue rings sato."""
    await rig.waiting()
    rig.beating.clear()
    await asyncio.sleep(12.0)
    await rig.end()
    rig.beating.set()
    await asyncio.sleep(1.0)


async def lost_agent(rig: Rig, tap: Tap) -> None:
    """sato's phone freezes: its sound stops, and Asterisk hangs its leg up."""
    await offered(rig, tap, "sato", "3a" * 16)
    await asyncio.sleep(1.0)
    os.kill(rig.sato.child.pid, signal.SIGSTOP)
    try:
        since = rig.ami.now
        await rig.ami.user_event("CtiQueued", since=since)
        await asyncio.sleep(0.5)
        await rig.end()
    finally:
        os.kill(rig.sato.child.pid, signal.SIGCONT)


async def transfer_to_queue(rig: Rig, tap: Tap) -> None:
    """sato's phone passes the caller on to another queue."""
    await offered(rig, tap, "sato", "4a" * 16)
    await asyncio.sleep(1.0)
    since = rig.ami.now
    await rig.sato.command("transfer", f"sip:queue-roadside@{rig.server}")
    await rig.ami.user_event("CtiQueued", since=since)
    await asyncio.sleep(0.5)
    await rig.end()


async def fallback_and_back(rig: Rig, tap: Tap) -> None:
    """The heart stops and beats again while nobody answers in Asterisk's own queue."""
    since = rig.ami.now
    await rig.caller.dial(f"sip:+81501234520@{rig.server}")
    await rig.ami.user_event("CtiQueued", since=since)
    rig.beating.clear()
    await rig.ami.user_event("CtiFallback", since=since)
    since = rig.ami.now
    rig.beating.set()
    await rig.ami.user_event("CtiQueued", since=since)
    await asyncio.sleep(0.5)
    await rig.end()


async def stale(rig: Rig, tap: Tap) -> None:
    queued = await rig.waiting()
    tap.row(time.time(), "(offer)", more=f"agent=sato; offer={'2b' * 16}; ring_s=20")
    await rig.offer(queued, "sato", offer="2b" * 16, epoch="6")
    await asyncio.sleep(0.5)
    await rig.end()


SCENARIOS: tuple[Callable[[Rig, Tap], Awaitable[None]], ...] = (
    answered, caller_ends, abandoned_in_menu, abandoned_in_queue, rejected_then_answered, busy, not_registered,
    rang_out, taken_back, caller_ends_while_ringing, hold, blind_transfer, fallback, stale,
    lost_agent, transfer_to_queue, fallback_and_back,
)  # fmt: skip


def in_order(rows: list[str]) -> list[str]:
    """Our own rows at their time; Asterisk's in the order in which they came."""
    done = [row for row in rows if "| (offer) |" not in row]
    for row in (r for r in rows if "| (offer) |" in r):
        at = float(row.split(" | ")[0])
        done.insert(sum(float(r.split(" | ")[0]) <= at for r in done), row)
    return done


async def main() -> None:
    wanted = set(sys.argv[1:])
    async with a_rig() as rig:
        for scenario in SCENARIOS:
            if wanted and scenario.__name__ not in wanted:
                continue
            tap = Tap()
            task = asyncio.create_task(tap.run(rig))
            await asyncio.sleep(0.2)
            try:
                async with asyncio.timeout(30):
                    await scenario(rig, tap)
            except Exception as error:  # noqa: BLE001 - the next scenario still counts
                print(f"!! {scenario.__name__}: {error!r}", flush=True)
                with contextlib.suppress(Exception):
                    await rig.end()
            await asyncio.sleep(0.5)
            task.cancel()
            folder = Path(__file__).with_name("tables")
            folder.mkdir(exist_ok=True)
            (folder / f"{scenario.__name__}.txt").write_text("\n".join(in_order(tap.rows)) + "\n")
            print(scenario.__name__, len(tap.rows), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
