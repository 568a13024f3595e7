"""Recorded from when an agent asks for it, paused while a card number is said: the rest is nowhere."""

from __future__ import annotations

import asyncio
import json
import signal
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cti.demo.stack import Stack
from cti.demo.tones import RATE_HZ, strength
from recording.wav import ASTERISK_HEADER_BYTES
from tests.e2e.desk.office import eventually, record_of, replayed
from tests.e2e.desk.test_privacy import command
from tests.e2e.desk.test_transfers import CALLER_HZ, SATO_HZ, SUZUKI_HZ, a_talk, are_heard

pytestmark = pytest.mark.asyncio(loop_scope="package")

PAUSE, RESUME, START = "record_pause", "record_resume", "record_start"
# 1.75 s of it are cut off where nobody watched the files grow (recording.blanks).
AFTER_S = 3.0
BETWEEN_S = 4.0  # the same, and 1.25 s before the pause
ON_DEMAND = """
[[tenants.demo.recording]]
record = "on_demand"
queue = "roadside"
"""
# As long as part of a card number: a shorter one stands in some log by chance.
DIGITS = "49293137"


@asynccontextmanager
async def rules(desk: Stack, text: str, folder: Path) -> AsyncIterator[None]:
    """The desk's file has these rules as well for so long, as somebody applies it to a desk that is open."""
    log = desk.run.log("kakehashi")

    async def read_again() -> int:
        return log.read_bytes().count(b"the desk was read again")

    async def apply(file: Path) -> None:
        before = await read_again()
        assert await command(desk, "config", "apply", str(file)) == 0
        await eventually(read_again, lambda count: count > before, 20.0)

    changed = folder / "desk.toml"
    changed.write_text(desk.plan.desk_file.read_text(encoding="utf-8") + text, encoding="utf-8")
    await apply(changed)
    try:
        yield
    finally:
        await apply(desk.plan.desk_file)


async def test_what_is_recorded_on_demand_and_a_pause_hold_through_a_hand_over_and_the_servers_death(
    desk: Stack, tmp_path: Path
) -> None:
    """Nothing is stored of what was said before an agent asked for it, and nothing of the pause; the rest is."""
    async with rules(desk, ON_DEMAND, tmp_path), a_talk(desk) as line:
        await are_heard(line, 1)
        recording = (await line.phase("talking"))["recording"]
        assert (recording["state"], recording["may"]) == ("off", [START])
        assert (await line.ask(START))["talk"]["recording"]["state"] == "on"
        await asyncio.sleep(BETWEEN_S)
        assert (await line.ask(PAUSE))["talk"]["recording"]["state"] == "paused"
        await line.ask("consult", "suzuki")
        await line.answer()
        await line.phase("consulting")
        await line.ask("join")
        await line.ask("complete")
        assert (await line.phase("talking", "suzuki"))["recording"]["state"] == "paused"
        # What Asterisk wrote of the leg that began in the pause: at most its first moment is no silence.
        loud = await loud_until(desk, line.call_id)
        assert loud < 0.5, f"sound of the leg that began in the pause reached the disk until {loud:.2f} s"
        assert desk.server is not None
        desk.server.signal(signal.SIGKILL)
        await desk.server.wait()
        await line.caller.send_digits(DIGITS)
        await desk.start_server()
        await eventually(
            lambda: line.people["suzuki"].get("/api/my/call"),
            lambda answer: ((answer["talk"] or {}).get("recording") or {}).get("state") == "paused",
            20.0,
        )
        resumed = await line.ask(RESUME, agent="suzuki")
        assert resumed["talk"]["recording"]["state"] == "on"
        await asyncio.sleep(AFTER_S)
        await line.caller.hangup()
        record = await line.closed()
    unasked, pause = record["pauses"]
    assert (unasked["why"], unasked["by"], unasked["ended_by"]) == ("on_demand", "on_demand: queue", "sato")
    assert (unasked["began_at"], unasked["proven"]) == (record["arrived_at"], True)
    assert (pause["by"], pause["ended_by"], pause["proven"]) == ("sato", "suzuki", True)
    steps = [step["what"] for step in record["journey"]]
    asked = steps.index("recording_resumed") + 1
    assert steps.index("recording_paused", asked) < steps.index("consulted") < steps.index("recording_resumed", asked)
    left, right = await replayed(desk, line.call_id)
    record = await record_of(desk, line.call_id, lambda record: bool((record["recording"] or {}).get("began_at")))
    start = seconds(record, unasked["ended_at"])
    begin, end = (seconds(record, pause[key]) for key in ("began_at", "ended_at"))
    # Sound for a second at least before it was asked for, or its silence would prove nothing.
    assert start - seconds(record, record["talks"][0]["answered_at"]) > 1.0
    for side in (left, right):
        for quiet in (side[: round(start * RATE_HZ)], side[round(begin * RATE_HZ) : round(end * RATE_HZ)]):
            # Encoded it is zero to the sample (tests/unit/recording/test_blanks.py); Opus may give back the last bit.
            assert max(map(abs, quiet)) <= 1
    assert heard(right, SATO_HZ, start, begin) >= 5
    assert heard(right, SUZUKI_HZ, end, len(right) / RATE_HZ) >= 5
    assert heard(left, CALLER_HZ, start, begin) >= 5
    assert heard(left, CALLER_HZ, end, len(left) / RATE_HZ) >= 5
    assert DIGITS not in json.dumps(record["journey"])
    written = logs(desk)
    assert {"messages.log", "cel.csv"} <= {path.name for path in written}
    told = [path.name for path in written if any(word in path.read_bytes() for word in (DIGITS.encode(), b"DTMF"))]
    assert told == [], "keys pressed in the pause are written down"


async def loud_until(desk: Stack, call_id: str) -> float:
    """Until which second the newest leg's file, as far as it is on the disk, is no silence."""

    def newest() -> Path:
        files = (desk.folders.spool / "monitor").glob(f"{call_id}-a-*-rx.wav")
        return max(files, key=lambda path: path.name)  # which has the second of the leg's beginning

    async def size() -> int:
        return newest().stat().st_size

    await eventually(size, lambda size: size > 2 * RATE_HZ, 20.0)
    data = newest().read_bytes()[ASTERISK_HEADER_BYTES:]  # Asterisk writes on: its header says nothing yet
    sound = array("h", data[: len(data) // 2 * 2])
    return max((at / RATE_HZ for at, sample in enumerate(sound) if sample), default=0.0)


def logs(desk: Stack) -> list[Path]:
    """Asterisk's logs and accounts, and ours; not those of the phones, one of which dialled the digits."""
    files = (path for path in desk.run.path.rglob("*") if path.is_file() and path.suffix in (".log", ".csv"))
    return [path for path in files if not path.name.startswith("phone-")]


def seconds(record: Any, at: str) -> float:
    """An instant as seconds of the sound."""
    return (datetime.fromisoformat(at) - datetime.fromisoformat(record["recording"]["began_at"])).total_seconds()


def heard(sound: Sequence[int], hz: float, begin_s: float, end_s: float) -> int:
    """In how many tenths of a second a tone is heard."""
    step = RATE_HZ // 10
    part = sound[round(begin_s * RATE_HZ) : round(end_s * RATE_HZ)]
    return sum(strength(part[at : at + step], hz) > 0.2 for at in range(0, len(part) - step + 1, step))
