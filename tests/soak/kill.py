"""Kill, freeze and cut off every part in every phase of a call, under a steady stream of callers; count who was lost.

Everything is real and on this machine. The table is made from ledgers that the server does not write: Asterisk's CEL,
SIPp's counts, the listing of the bucket. The last line is JSON; the exit status is 1 when something was lost.
docs/reliability.md says what each column means.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle

from cti.demo.folders import PortPool, run_folder
from cti.demo.processes import ChildFailed
from cti.demo.sipp import SippResult
from tests.soak import _judge as judge
from tests.soak._faults import FAULTS, PHASES, Fault, Phase
from tests.soak._judge import Cell, Struck, Trouble
from tests.soak._ledgers import keys_of, records_of, settled
from tests.soak._rig import Rig, a_rig
from tests.soak._wires import Fate, Trap

# The scarcest phase is a caller in the menu: one in 10 s. Beyond this the point was not reached.
REACH_S = 45.0
# After a part is back: the next fault must find calls in every phase again.
PAUSE_S = 2.0
FALLBACK_AIM_S = 10.0
READY_AIM_S = 3.0


@dataclass(kw_only=True)
class Report:
    """What a run found."""

    cells: list[Cell] = field(default_factory=list)
    sipp: dict[str, SippResult] = field(default_factory=dict)
    calls: int = 0
    seconds: float = 0.0
    unreached: list[str] = field(default_factory=list)
    sipp_unexpected: int = 0  # failed calls that Asterisk's own death does not explain

    @property
    def lost(self) -> int:
        """Everything that must not be."""
        return sum(sum(cell.kinds.values()) for cell in self.cells) + self.sipp_unexpected


def say(sentence: str) -> None:
    """Progress, beside the result."""
    print(sentence, file=sys.stderr, flush=True)


async def strike(rig: Rig, fault: Fault, phase: Phase) -> Struck | None:
    """Wait for the kill point, strike, heal. None: the point was not reached."""
    struck_at = 0.0
    way = phase.sights[-1].way

    def pull() -> None:
        nonlocal struck_at
        if phase.after_s == (0.0, 0.0):
            struck_at = time.time()
            fault.strike(rig, way)

    fate = fault.fates.get(phase.wire, Fate.PASS)
    trap = Trap(sights=phase.sights, moment=phase.moment, pull=pull, fate=fate)
    wire = rig.wires[phase.wire]
    wire.traps.append(trap)
    if phase.burst:
        rig.load.burst(phase.burst)
    try:
        async with asyncio.timeout(REACH_S):
            await trap.sprung.wait()
    except TimeoutError:
        wire.traps.remove(trap)
        return None
    if not struck_at:
        await asyncio.sleep(random.uniform(*phase.after_s))
        struck_at = time.time()
        fault.strike(rig, way)
    ready_s = await fault.heal(rig, trap.released)
    found = judge.AUDIO_KEY.search(trap.found.decode("latin-1"))
    return Struck(
        fault=fault.name, phase=phase.name, at=struck_at, ready_s=ready_s, victim=found.group(1) if found else ""
    )


async def act(rig: Rig, cells: Sequence[tuple[str, str]], *, until: float, rounds: int, report: Report) -> list[Struck]:
    """One stream of callers, and faults in turn: each cell ``rounds`` times, or as often as the time allows."""
    struck: list[Struck] = []
    await rig.load.start_callers()
    await asyncio.sleep(3.0)
    for number, (fault, phase) in enumerate(cycle(cells)):
        if time.monotonic() > until or number >= rounds * len(cells):
            break
        try:
            found = await strike(rig, FAULTS[fault], PHASES[phase])
        except ChildFailed as error:  # a part does not come back: no use in going on, but what was found counts
            report.unreached.append(f"{fault} × {phase}: {error}")
            say(str(error))
            break
        if found is None:
            report.unreached.append(f"{fault} × {phase}")
            say(f"{fault} × {phase}: not reached")
            continue
        struck.append(found)
        say(f"{number + 1}: {fault} × {phase}: ready again after {found.ready_s:.1f} s")
        await asyncio.sleep(PAUSE_S)
    say("no new callers; those on the line end by themselves")
    counted = await rig.load.finish_callers()
    report.sipp.update({f"{len(report.sipp)}-{name}": result for name, result in counted.items()})
    return struck


async def run(rig: Rig, cells: Sequence[tuple[str, str]], *, minutes: float, rounds: int) -> Report:
    """The acts, then the verdict. Asterisk's own death comes last: it makes SIPp count calls that nobody could save."""
    report, began = Report(), time.monotonic()
    spared = [cell for cell in cells if cell[0] != "asterisk-kill"]
    deadly = [cell for cell in cells if cell[0] == "asterisk-kill"]
    until = began + minutes * 60 * (0.88 if deadly and spared else 1.0)
    struck = await act(rig, spared, until=until, rounds=rounds, report=report) if spared else []
    failed_before = sum(result.failed for result in report.sipp.values())
    if deadly:
        struck += await act(rig, deadly, until=began + minutes * 60, rounds=rounds, report=report)
    for what in await settled(rig.stack):
        say(f"not settled: {what}")
    _keep(rig, struck)
    calls = judge.read_cel(rig.cel.read_text(encoding="utf-8", errors="replace"))
    kills = [s.at for s in struck if s.fault == "asterisk-kill"]
    troubles = [trouble for call in calls for trouble in judge.troubles_of(call, kills)]
    troubles += judge.busy_agents(calls)
    troubles += judge.recordings(calls, await asyncio.to_thread(keys_of, rig.stack), kills)
    troubles += judge.records(calls, await records_of(rig.stack), kills)
    report.cells = judge.table(struck, calls, troubles)
    _note_fallback(rig, report, struck, calls)
    explained = sum(cell.expected for cell in report.cells)
    failed = sum(result.failed for result in report.sipp.values())
    report.sipp_unexpected = failed_before + max(0, failed - failed_before - explained)
    report.calls, report.seconds = len(calls), time.monotonic() - began
    return report


def _keep(rig: Rig, struck: Sequence[Struck]) -> None:
    """For who wants to judge again ($KAKEHASHI_KEEP): the faults and what the dialplan said, beside CEL."""
    path = rig.stack.run.path / "struck.json"
    found = {"struck": [asdict(s) for s in struck], "said": [asdict(s) for s in rig.observer.said]}
    path.write_text(json.dumps(found), encoding="utf-8")


def _note_fallback(rig: Rig, report: Report, struck: Sequence[Struck], calls: Sequence[judge.Call]) -> None:
    """How long a caller who waited when it struck was without a word."""
    for s in struck:
        if not FAULTS[s.fault].falls_back:
            continue
        cell = next(c for c in report.cells if (c.fault, c.phase) == (s.fault, s.phase))
        for call in calls:
            said = [x for x in rig.observer.said if x.call_id == call.call_id]
            before = [x for x in said if x.kind in ("CtiQueued", "CtiFallback") and x.at <= s.at]
            if not before or call.caller.ended is None or call.caller.ended < s.at + FALLBACK_AIM_S:
                continue
            # Waiting: in the loop since before the fault (not in the fallback of the one before), and no phone rang.
            last = before[-1]
            if last.kind != "CtiQueued" or any(last.at <= leg.started <= s.at + FALLBACK_AIM_S for leg in call.agents):
                continue
            heard = next((x.at for x in said if x.kind == "CtiFallback" and x.at >= s.at), None)
            waited = (heard - s.at) if heard is not None else call.caller.ended - s.at
            cell.fallback_s = max(cell.fallback_s or 0.0, waited)
            if waited > FALLBACK_AIM_S:
                late = Trouble(kind="late", at=s.at, call_id=call.call_id, detail=f"fallback after {waited:.1f} s")
                cell.kinds["late"] += 1
                cell.troubles.append(late)


HEAD = ("fault", "phase", "runs", "callers", "lost", "double", "rec. missing", "rec. twice", "records open",
        "ready s", "fallback s", "died with Asterisk")  # fmt: skip


def as_table(report: Report) -> str:
    """For people: a Markdown table, in the order of faults and phases."""
    order = {(fault.name, phase): n for n, (fault, phase) in enumerate(
        (fault, phase) for fault in FAULTS.values() for phase in fault.phases)}  # fmt: skip
    lines = ["| " + " | ".join(HEAD) + " |", "|" + " --- |" * len(HEAD)]
    for cell in sorted(report.cells, key=lambda cell: order.get((cell.fault, cell.phase), -1)):
        row = (
            cell.fault, cell.phase, cell.runs, cell.callers, cell.lost, cell.kinds["double"], cell.kinds["missing"],
            cell.kinds["duplicated"], cell.kinds["open"], f"{cell.ready_s:.1f}",
            "" if cell.fallback_s is None else f"{cell.fallback_s:.1f}", cell.expected or "",
        )  # fmt: skip
        lines.append("| " + " | ".join(str(value) for value in row) + " |")
    return "\n".join(lines)


def as_line(report: Report) -> str:
    """For machines."""
    restarts = [cell.ready_s for cell in report.cells if cell.fault in ("server-kill", "server-away")]
    heard = [cell.fallback_s for cell in report.cells if cell.fallback_s is not None]
    return json.dumps(
        {
            "soak": "kill",
            "seconds": round(report.seconds),
            "calls": report.calls,
            "faults": sum(cell.runs for cell in report.cells),
            "lost": sum(cell.lost for cell in report.cells),
            "troubles": report.lost,
            "sipp": {
                "successful": sum(result.successful for result in report.sipp.values()),
                "failed": sum(result.failed for result in report.sipp.values()),
                "unexpected": report.sipp_unexpected,
            },
            "expected_deaths": sum(cell.expected for cell in report.cells),
            "ready_s": {"worst": round(max(restarts, default=0.0), 2), "aim": READY_AIM_S},
            "fallback_s": {"worst": round(max(heard, default=0.0), 2), "aim": FALLBACK_AIM_S},
            "unreached": sorted(set(report.unreached)),
            "cells": [
                {"fault": cell.fault, "phase": cell.phase, "runs": cell.runs, "callers": cell.callers,
                 "troubles": dict(cell.kinds), "ready_s": round(cell.ready_s, 2)}
                for cell in report.cells
            ],
        }
    )  # fmt: skip


def chosen(faults: Sequence[str], phases: Sequence[str]) -> list[tuple[str, str]]:
    """The cells, shuffled: what strikes is not to depend on what struck before."""
    cells = [
        (fault.name, phase)
        for fault in FAULTS.values()
        for phase in fault.phases
        if (not faults or fault.name in faults) and (not phases or phase in phases)
    ]
    random.shuffle(cells)
    return cells


async def _main(arguments: argparse.Namespace) -> int:
    random.seed(arguments.seed)
    cells = chosen(arguments.fault, arguments.phase)
    with run_folder() as folder, PortPool() as pool:
        async with a_rig(folder, pool, say) as rig:
            report = await run(rig, cells, minutes=arguments.minutes, rounds=arguments.rounds)
    for cell in report.cells:
        for trouble in cell.troubles:
            say(f"{cell.fault} × {cell.phase}: {trouble.kind} {trouble.call_id} at {trouble.at:.3f}: {trouble.detail}")
    print(as_table(report))
    print(as_line(report))
    return 1 if report.lost or report.unreached else 0


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="no new fault after this (default 60)")
    parser.add_argument("--rounds", type=int, default=5, help="each fault × phase so often (default 5)")
    parser.add_argument("--fault", action="append", default=[], choices=FAULTS, help="only this one; may be repeated")
    parser.add_argument("--phase", action="append", default=[], choices=PHASES, help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=1, help="of the order and of the moments")
    sys.exit(asyncio.run(_main(parser.parse_args())))


if __name__ == "__main__":
    main()
