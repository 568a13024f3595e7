"""Agents whose phone is a real Chromium: every action with its sound, then every fault in every state of a call.

Everything is real and on this machine: Chromium with our pages, Asterisk, PostgreSQL, callers with SIP phones. Each
party speaks a tone of its own; what counts is who hears whom. Prints a table; the last line is JSON, and the exit
status is 1 when anything failed. docs/softphone.md says what each column means.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from playwright.async_api import Error

from cti.demo.client import DemoFailed
from cti.demo.folders import PortPool, RunFolder, run_folder
from cti.demo.phones import PhoneError
from cti.demo.processes import ChildFailed, ChildSpec, guarded
from tests.soak import _judge as judge
from tests.soak._actions import ACTIONS
from tests.soak._badday import DEADLY, FAULTS, Fault, strike
from tests.soak._centre import Centre, a_centre
from tests.soak._ledgers import keys_of, records_of, settled
from tests.soak._memory import GROWTH_KB_A_CALL, Memory, growth_kb_a_call, played_calls
from tests.soak._scenes import STATES, Trial, cells_of

# One action or fault with all that follows takes 5 to 40 s; one that hangs must not end the run.
LIMIT_S = 150.0
# Two desks are brought up, five cells take a minute each at most, and the ledgers are waited for.
NETWORK_S = 900.0
FINDINGS = (AssertionError, TimeoutError, Error, PhoneError, DemoFailed, ChildFailed)


@dataclass(kw_only=True)
class Row:
    """An action, or a fault in a state."""

    name: str
    runs: int = 0
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0


def say(sentence: str) -> None:
    """Progress, beside the result."""
    print(sentence, file=sys.stderr, flush=True)


def why(error: BaseException) -> str:
    """One line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{type(error).__name__}: {text}"[:400]


async def afresh(centre: Centre) -> None:
    """After a failure: every page is loaded anew, with nobody on the line."""
    assert centre.stack.asterisk is not None
    await centre.stack.asterisk.cli("channel request hangup all")
    for agent in centre.agents:
        await agent.close()
        await agent.open()


async def act(centre: Centre, names: Sequence[str], rounds: int) -> list[Row]:
    """Every action."""
    rows = []
    for name in names:
        row = Row(name=name)
        rows.append(row)
        for _ in range(rounds):
            began = time.monotonic()
            row.runs += 1
            try:
                async with asyncio.timeout(LIMIT_S):
                    await ACTIONS[name](centre)
                    await centre.quiet()
            except FINDINGS as error:
                row.failed.append(why(error))
                say(f"{name}: {why(error)}")
                await afresh(centre)
            row.seconds = max(row.seconds, time.monotonic() - began)
            say(f"{name}: {time.monotonic() - began:.1f} s")
    return rows


async def bad_days(
    centre: Centre, cells: Sequence[tuple[str, str]], rounds: int, faults: Mapping[str, Fault] = FAULTS
) -> list[Trial]:
    """Every fault in every state."""
    trials = []
    for fault, state in [cell for _ in range(rounds) for cell in cells]:
        began = time.time()
        try:
            async with asyncio.timeout(LIMIT_S):
                trial = await strike(centre, fault, state, faults=faults)
        except FINDINGS as error:
            trial = Trial(fault=fault, state=state, began=began, ended=time.time(), failed=[why(error)])
        trials.append(trial)
        say(f"{fault} × {state}: {time.time() - began:.1f} s; {trial.figures()} {'; '.join(trial.failed)}")
        if not trial.failed:
            continue
        try:
            await restored(centre)
            await afresh(centre)
        except FINDINGS as error:  # no use in going on, but what was found counts
            trial.failed.append(f"and nothing goes on: {why(error)}")
            break
    return trials


async def restored(centre: Centre) -> None:
    """What was killed and not started again is started."""
    if centre.postgres.returncode is not None:
        await centre.start_postgres()
    if centre.asterisk.returncode is not None:
        await centre.start_asterisk()
    if centre.server.returncode is not None:
        await centre.start_server()


async def ledgers(centre: Centre, trials: Sequence[Trial]) -> list[str]:
    """What records and recordings say of all calls: each exists once. A trial's own go on its account."""
    others = [f"not settled: {what}" for what in await settled(centre.stack)]
    calls = judge.read_cel(centre.cel.read_text(encoding="utf-8", errors="replace"))
    kills = [trial.struck for trial in trials if trial.fault in DEADLY and trial.struck]
    troubles = judge.recordings(calls, await asyncio.to_thread(keys_of, centre.stack), kills)
    troubles += judge.records(calls, await records_of(centre.stack), kills)
    for trouble in troubles:
        started = next(call.caller.started for call in calls if call.call_id == trouble.call_id)
        theirs = next((trial for trial in trials if trial.began <= started <= trial.ended), None)
        sentence = f"{trouble.kind} {trouble.call_id}: {trouble.detail}"
        say(f"{theirs.fault} × {theirs.state}: {sentence}" if theirs else sentence)
        (theirs.failed if theirs else others).append(sentence)
    return others


def as_table(rows: Sequence[Row], trials: Sequence[Trial], others: Sequence[str]) -> str:
    """For people: Markdown."""
    lines = ["| what, with its sound | runs | result | longest s | heard s | freed s | told s | cut off s | ready s |"]
    lines.append("|" + " --- |" * 9)
    lines += [
        f"| {row.name} | {row.runs} | {_result(row.runs, len(row.failed))} | {row.seconds:.1f} | | | | | |"
        for row in rows
    ]
    for fault, state in dict.fromkeys((trial.fault, trial.state) for trial in trials):
        mine = [trial for trial in trials if (trial.fault, trial.state) == (fault, state)]
        result = _result(len(mine), sum(bool(trial.failed) for trial in mine))
        took = max(trial.ended - trial.began for trial in mine)
        worst = [_worst([getattr(trial, name) for trial in mine]) for name in FIGURES]
        lines.append(f"| {fault} × {state} | {len(mine)} | {result} | {took:.1f} | " + " | ".join(worst) + " |")
    return "\n".join([*lines, *(f"\nbeside these: {one}" for one in others)])


def _result(runs: int, failed: int) -> str:
    return f"**failed {failed}**" if failed else "passed"


def _worst(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{max(known):.1f}" if known else ""


FIGURES = ("heard_s", "freed_s", "told_s", "cut_s", "ready_s")
PARTS = ("actions", "faults", "network", "memory")


def parts_of(arguments: argparse.Namespace) -> Sequence[str]:
    """Who names an action or a fault wants these alone."""
    named = [
        part for part, given in (("actions", arguments.action), ("faults", arguments.fault or arguments.state)) if given
    ]
    return named or (PARTS[:3] if arguments.quick else PARTS)


async def real(
    folder: RunFolder, pool: PortPool, actions: Sequence[str], cells: Sequence[tuple[str, str]], rounds: int
) -> tuple[list[Row], list[Trial], list[str]]:
    """The desk with its browsers."""
    async with a_centre(folder, pool, say) as centre:
        rows = await act(centre, actions, rounds)
        trials = await bad_days(centre, cells, rounds)
        return rows, trials, await ledgers(centre, trials)


async def away(rounds: int) -> tuple[list[Trial], list[str]]:
    """An agent's network is cut, in a network namespace of its own (_network.py)."""
    if os.geteuid() != 0:
        return [], ["network: not run, root is needed for a network of its own"]
    words = ["unshare", "--net", sys.executable, "-m", "tests.soak._network", "--rounds", str(rounds)]
    spec = ChildSpec(name="network", argv=words, log=Path(os.devnull))  # it ends when we do, however we do
    child = await asyncio.create_subprocess_exec(*guarded(spec), stdout=asyncio.subprocess.PIPE)
    try:
        async with asyncio.timeout(NETWORK_S * rounds):
            printed, _ = await child.communicate()
    except TimeoutError:
        child.terminate()
        return [], [f"network: not at its end after {NETWORK_S * rounds:g} s"]
    try:
        found = json.loads(printed.splitlines()[-1])
    except (IndexError, ValueError):
        return [], [f"network: ended with {child.returncode} and said nothing"]
    return [Trial(**trial) for trial in found["trials"]], found["others"]


async def _main(arguments: argparse.Namespace) -> int:
    began, parts = time.monotonic(), arguments.part or parts_of(arguments)
    actions = (arguments.action or list(ACTIONS)) if "actions" in parts else []
    faults = (arguments.fault or list(FAULTS)) if "faults" in parts else []
    cells = cells_of(faults, arguments.state or STATES)
    rounds = 1 if arguments.quick else arguments.rounds
    with run_folder() as folder, PortPool() as pool:
        rows, trials, others = await real(folder, pool, actions, cells, rounds) if actions or cells else ([], [], [])
        if "network" in parts:
            more, unaccounted = await away(rounds)
            trials, others = [*trials, *more], [*others, *unaccounted]
        memory: list[Memory] = []
        try:
            if "memory" in parts:
                memory = await played_calls(folder.path, pool, arguments.calls, say)
        except FINDINGS as error:  # what was found before counts
            others.append(f"memory: {why(error)}")
    growth = growth_kb_a_call(memory)
    if growth is not None and growth > GROWTH_KB_A_CALL:
        others.append(f"the page grows by {growth} kB a call")
    print(as_table(rows, trials, others))
    failed = sum(len(row.failed) for row in rows) + sum(bool(trial.failed) for trial in trials) + len(others)
    figures = {name: _worst([getattr(t, name) for t in trials]) for name in FIGURES}
    print(
        json.dumps(
            {"soak": "browser", "seconds": round(time.monotonic() - began), "actions": sum(row.runs for row in rows),
             "faults": len(trials), "failed": failed, "worst": figures,
             "memory": {"growth_kb_a_call": growth, "looks": [asdict(one) for one in memory]},
             "why": [*(w for row in rows for w in row.failed), *(w for t in trials for w in t.failed), *others]},
            ensure_ascii=False,
        )
    )  # fmt: skip
    return 1 if failed else 0


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2, help="each action and fault × state so often (default 2)")
    parser.add_argument("--quick", action="store_true", help="each once, and nothing of memory")
    parser.add_argument("--calls", type=int, default=500, help="played ones, for the memory of the page (default 500)")
    parser.add_argument("--part", action="append", default=[], choices=PARTS, help="only this one; may be repeated")
    parser.add_argument("--action", action="append", default=[], choices=ACTIONS, help="only this one; may be repeated")
    parser.add_argument("--fault", action="append", default=[], choices=FAULTS, help="only this one; may be repeated")
    parser.add_argument("--state", action="append", default=[], choices=STATES, help="only this one; may be repeated")
    sys.exit(asyncio.run(_main(parser.parse_args())))


if __name__ == "__main__":
    main()
