"""Callers, moody agents and transfers of every kind, at random, for as long as asked; nobody may be lost or rung twice.

usage: scripts/soak calls [--seconds 600] [--callers 200] [--agents 50] [--seed N]

Judged by ledgers that the server does not write: Asterisk's CEL and SIPp's counts; the contact records are compared
with them. The last line is JSON; the exit status is 1 when a call was lost, an agent had two calls, or a leg outlived
its call.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from cti.demo.client import DemoFailed, Person, logged_in
from cti.demo.folders import PortPool, RunFolder, run_folder
from cti.demo.sipp import SippLoad, start_sipp
from cti.demo.stack import Plan, Stack, running_stack
from tests.deskfile import agent_tables
from tests.soak import _judge as judge
from tests.soak._judge import Call, Trouble
from tests.soak._load import ENDLESS, PASSWORD, PLAIN, Load, fill

# As in scenarios/stays.xml: 12, 20 or 30 s, less what agents hang up first.
MEAN_STAY_S = 18.0
# Two agents may talk on when the caller has left, as long as the phones allow (120 s). A leg alone may not.
OUTLIVES_S, OUTLIVES_ALONE_S = 130.0, 5.0
SETTLE_S = 150.0
# Passing a caller on ends what else could be tried with them.
WEIGHTS = {"consult": 6, "to_queue": 1, "to_agent": 1}
DESK = """\
[tenants.demo]
name = "soak"
{skills}
{queues}
[[tenants.demo.numbers]]
number = "+815012345600"
name = "plain"
queue = "first"
"""
SKILL = """\
[[tenants.demo.skills]]
id = "{name}"
name = {{ ja = "{name}", en = "{name}" }}
"""
QUEUE = """\
[[tenants.demo.queues]]
id = "{name}"
name = {{ ja = "{name}", en = "{name}" }}
skills = {{ {name} = 1 }}
"""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How much of what."""

    seconds: float = 600.0
    callers: int = 200  # on the line at once, at most
    agents: int = 50
    seed: int = 1


@dataclass(kw_only=True)
class Report:
    """What a run found."""

    calls: int = 0
    talked: int = 0
    commands: Counter[str] = field(default_factory=Counter)  # done, by command
    refused: Counter[str] = field(default_factory=Counter)  # by key
    troubles: list[Trouble] = field(default_factory=list)
    sipp_failed: int = 0
    seconds: float = 0.0

    def as_json(self) -> str:
        kinds = Counter(trouble.kind for trouble in self.troubles)
        return json.dumps(
            {
                "calls": self.calls,
                "talked": self.talked,
                "commands": dict(self.commands),
                "refused": dict(self.refused),
                "lost": kinds["lost"],
                "double": kinds["double"],
                "phantom": kinds["phantom"],
                "open_records": kinds["open"],
                "sipp_failed": self.sipp_failed,
                "seconds": round(self.seconds, 1),
            }
        )


def say(sentence: str) -> None:
    """Progress, beside the result."""
    print(sentence, file=sys.stderr, flush=True)


def desk_text(agents: int) -> str:
    """The desk file."""
    head = DESK.format(
        skills="".join(SKILL.format(name=name) for name in ("first", "second")),
        queues="".join(QUEUE.format(name=name) for name in ("first", "second")),
    )
    people = (
        agent_tables(f"s{n}", PASSWORD, more=f"skills = {{ first = 3, second = {1 + n % 5} }}") for n in range(agents)
    )
    return head + "".join(people)


# --- Judging ---------------------------------------------------------------------------------------


def troubles_of(call: Call, until: float) -> list[Trouble]:
    """What went wrong with one call, looked at ``until``; holds, consultations and hand-overs are no trouble."""
    caller, found = call.caller, []
    if caller.ended is None:
        return [Trouble(kind="lost", at=caller.started, call_id=call.call_id, detail="never ended")]
    by_agent = [leg for leg in call.agents if leg.entered and leg.hung_up_by == leg.name]
    if caller.hung_up_by != caller.name and not by_agent:
        detail = f"hung up by {caller.hung_up_by or 'nobody'}"
        found.append(Trouble(kind="lost", at=caller.ended, call_id=call.call_id, detail=detail))
    allowed_s = OUTLIVES_S if sum(bool(leg.entered) for leg in call.agents) > 1 else OUTLIVES_ALONE_S
    late = [leg for leg in call.agents if (leg.ended or until) - caller.ended > allowed_s]
    found += [Trouble(kind="phantom", at=leg.started, call_id=call.call_id, detail=leg.name) for leg in late]
    return found


def judged(calls: Sequence[Call], records: dict[str, tuple[bool, bool]], until: float) -> Iterable[Trouble]:
    """Everything that must not be."""
    for call in calls:
        yield from troubles_of(call, until)
    yield from judge.busy_agents(calls)
    yield from judge.records(calls, records, ())


# --- What agents do --------------------------------------------------------------------------------


class MoodyAgent:
    """Looks at their call each second or so, and does something with it; leaves for a while now and then."""

    def __init__(self, person: Person, others: Sequence[str], chance: random.Random, report: Report) -> None:
        self._person = person
        self._others = [other for other in others if other != person.login]
        self._chance = chance
        self._report = report

    async def work(self) -> None:
        """Until cancelled. A server that does not answer is asked again."""
        while True:
            await asyncio.sleep(self._chance.uniform(0.6, 1.6))
            with contextlib.suppress(DemoFailed, OSError, TimeoutError):
                if self._chance.random() < 0.02:
                    await self._leave()
                talk = (await self._person.get("/api/my/call"))["talk"]
                if talk is not None and talk["may"] and self._chance.random() < 0.5:
                    may = talk["may"]
                    await self._ask(self._chance.choices(may, [WEIGHTS.get(one, 2) for one in may])[0])

    async def _leave(self) -> None:
        await self._person.set_state("break", "rest")
        await asyncio.sleep(self._chance.uniform(1, 4))
        await self._person.set_state("available")

    async def _ask(self, command: str) -> None:
        to = ""
        if command in ("consult", "to_agent"):
            to = self._chance.choice(self._others)
        elif command == "to_queue":
            to = self._chance.choice(("first", "second"))
        body = {"command": command, "to": to}
        async with self._person.session.post(f"{self._person.base}/api/my/call", json=body) as response:
            if response.status == 200:
                self._report.commands[command] += 1
            else:
                self._report.refused[f"{command}: {(await response.json())['key']}"] += 1


@asynccontextmanager
async def agents_at_work(stack: Stack, wanted: Wanted, report: Report) -> AsyncIterator[None]:
    names = [f"s{n}" for n in range(wanted.agents)]
    async with AsyncExitStack() as open_things:
        tasks = []
        for number, name in enumerate(names):
            person = await open_things.enter_async_context(logged_in(stack.web, name, PASSWORD))
            agent = MoodyAgent(person, names, random.Random(wanted.seed * 1000 + number), report)
            tasks.append(asyncio.create_task(agent.work(), name=f"agent {name}"))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


# --- A run -----------------------------------------------------------------------------------------


async def run(wanted: Wanted, folder: RunFolder, pool: PortPool) -> Report:
    """The whole desk, its callers and agents, and the judgement."""
    report, began = Report(), time.monotonic()
    desk_file = folder.path / "desk.toml"
    desk_file.write_text(desk_text(wanted.agents), encoding="utf-8")
    ports = 4 * (wanted.callers + wanted.agents)
    plan = Plan(
        desk_file=desk_file, rtp_ports=min(ports, 800), prompts=False, fill=fill,
        asterisk={"agent_qualify_s": 0, "agent_rtp_timeout_s": 0},
    )  # fmt: skip
    async with running_stack(folder, pool, say, plan) as stack:
        load = Load.of(stack)
        await load.believe_contacts()
        try:
            await load.start_moody(wanted.agents)
            await _under_load(stack, load, wanted, report)
        finally:
            await load.stop()
        await asyncio.sleep(2.0)  # the last records are written
        until = time.time()
        calls = judge.read_cel((stack.folders.log / "cel.csv").read_text(encoding="utf-8"))
        records = await _records(stack.postgres.url)
    report.calls, report.talked = len(calls), sum(call.talked for call in calls)
    report.troubles = list(judged(calls, records, until))
    report.seconds = time.monotonic() - began
    return report


async def _under_load(stack: Stack, load: Load, wanted: Wanted, report: Report) -> None:
    """Callers come for the time wanted, then the last of them leave."""
    callers = SippLoad(
        scenario=load.scenario("stays", "speaks.ul"), server=stack.trunk, service=PLAIN, calls=ENDLESS,
        rate_hz=max(0.2, wanted.callers / MEAN_STAY_S), limit=wanted.callers, rtp_ports=2 * wanted.callers + 20,
    )  # fmt: skip
    async with agents_at_work(stack, wanted, report):
        load.callers["callers"] = await start_sipp(stack.run, stack.pool, callers, name="callers")
        await asyncio.sleep(wanted.seconds)
        results = await load.finish_callers(SETTLE_S)
    report.sipp_failed = sum(result.failed for result in results.values())


async def _records(url: str) -> dict[str, tuple[bool, bool]]:
    conn = await asyncpg.connect(url)
    try:
        rows = await conn.fetch("SELECT call_id, ended_at, inferred FROM calls")
    finally:
        await conn.close()
    return {str(row["call_id"]): (row["ended_at"] is not None, row["inferred"]) for row in rows}


def main(arguments: Sequence[str]) -> int:
    """Run, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--agents", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    wanted = Wanted(**vars(parser.parse_args(arguments)))
    with run_folder() as folder, PortPool() as pool:
        report = asyncio.run(run(wanted, folder, pool))
    for trouble in report.troubles:
        say(f"{trouble.kind}: {trouble.call_id} at {trouble.at:.3f}: {trouble.detail}")
    print(report.as_json())
    return 1 if report.troubles or report.sipp_failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
