"""What the `demo` commands do: the desk in the foreground, the unattended check, one more call, where things are."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from cti.demo.browser import browser_plan
from cti.demo.call import demo_callers, place_call
from cti.demo.check import Result, check
from cti.demo.client import DemoFailed, logged_in
from cti.demo.components import MissingComponent, cache_folder
from cti.demo.folders import PortPool, run_folder
from cti.demo.outside import start_outside, with_a_way_out
from cti.demo.phones import Baresip, PhoneError
from cti.demo.processes import ChildFailed
from cti.demo.stack import Plan, Stack, running_stack

# Elapsed time counts from the script that set everything up, when there was one.
STARTED = time.time()
# Long enough to look at the ringing pop, short enough that no caller gives up.
DEMO_ANSWER_S = 4.0
PARTS_FAILED = (MissingComponent, ChildFailed, PhoneError, DemoFailed, aiohttp.ClientError, asyncpg.PostgresError)


async def unattended(sabotage: str | None) -> Result:
    """`demo --check [--break STEP]`: returns what was seen; ``failed`` names the step that did not happen."""
    result = Result()
    started = time.monotonic()
    try:
        async with _stack() as stack:
            result.setup_s = round(time.monotonic() - started, 1)
            result.asterisk = stack.asterisk.install.version if stack.asterisk else ""
            await check(stack, result, sabotage, _say)
            result.ok = True
    except DemoFailed as error:
        result.failed, result.why = error.step, str(error)
    except PARTS_FAILED as error:
        result.failed, result.why = "setup", str(error)
    return result


async def present(browser: Sequence[str] = ()) -> int:
    """`demo`: the desk in the foreground until Ctrl-C. The phones of the agents in ``browser`` are their pages."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        async with _stack_with_a_way_out(browser) as (stack, outside):
            desk_phones = [agent for agent in stack.agent_secrets if agent not in browser]
            answering = [asyncio.create_task(_answer(await stack.start_agent_phone(a))) for a in desk_phones]
            answering.append(asyncio.create_task(_answer(outside)))
            for agent in desk_phones:
                await _at_work(stack, agent, available=not browser)
            with _registered(stack):
                _tell(stack)
                await stopped.wait()
                _say("stopping")
                for task in answering:
                    task.cancel()
    except PARTS_FAILED as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def call(*, caller: str, number: str | None, keys: str, talk_s: float) -> int:
    """`demo call`: one more call into the demo that runs; ends when either side hangs up or after ``talk_s``."""
    running = _running()
    if running is None:
        return 1
    with run_folder() as run, PortPool() as pool:
        trunk = str(running["trunk"]["sip"]).split("@", 1)[1]
        wanted = number or str(running["trunk"]["number"])
        try:
            phone = await place_call(run, pool, trunk=trunk, number=wanted, caller=caller, keys=keys)
        except PARTS_FAILED as error:
            print(error, file=sys.stderr)
            return 1
        _say(f"{caller} is connected to {wanted}; hanging up after {talk_s:g} s, or at Ctrl-C")
        over = asyncio.create_task(phone.wait_for("CALL_CLOSED", talk_s))
        for stop in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(stop, over.cancel)
        with contextlib.suppress(PhoneError, asyncio.CancelledError):
            await over
            _say("the other side hung up")
        with contextlib.suppress(PhoneError):
            await phone.hangup()
        await phone.stop()
    return 0


def status(*, as_json: bool) -> int:
    """`demo status`: addresses and log-ins of the demo that runs."""
    running = _running()
    if running is None:
        return 1
    if as_json:
        print(json.dumps(running, ensure_ascii=False))
    else:
        _print_status(running)
    return 0


@asynccontextmanager
async def _stack(browser: Sequence[str] = ()) -> AsyncIterator[Stack]:
    with run_folder() as run, PortPool() as pool:
        plan = browser_plan(run.path, pool, browser) if browser else Plan()
        async with running_stack(run, pool, _say, plan) as stack:
            yield stack


@asynccontextmanager
async def _stack_with_a_way_out(browser: Sequence[str]) -> AsyncIterator[tuple[Stack, Baresip]]:
    """The desk, and somebody outside who can be called. Their phone starts beside it and is not waited for."""
    with run_folder() as run, PortPool() as pool:
        plan = browser_plan(run.path, pool, browser) if browser else Plan()
        plan, port = with_a_way_out(plan, run.path, pool)
        starting = asyncio.create_task(start_outside(run, pool, port))
        try:
            async with running_stack(run, pool, _say, plan) as stack:
                yield stack, await starting
        finally:
            with contextlib.suppress(*PARTS_FAILED):
                await (await starting).stop()


async def _at_work(stack: Stack, agent: str, *, available: bool) -> None:
    """Available, or in training: such an agent can be asked for advice, and calls go to whoever sits at the browser."""
    async with logged_in(stack.web, agent, stack.password(agent)) as person:
        await person.set_state("available" if available else "training")


async def _answer(phone: Baresip) -> None:
    """Pick up whatever rings, a little later, as a person does."""
    seen = 0
    while True:
        await phone.wait_for("CALL_INCOMING", deadline_s=86_400.0, count=1, since=seen)
        seen = len(phone.events)
        await asyncio.sleep(DEMO_ANSWER_S)
        with contextlib.suppress(PhoneError):  # it stopped ringing meanwhile
            await phone.accept()


def _registry() -> Path:
    return cache_folder() / "demos"


@contextlib.contextmanager
def _registered(stack: Stack) -> Any:
    """While the block runs, `demo status` and `demo call` find this demo."""
    folder = _registry()
    folder.mkdir(parents=True, exist_ok=True)
    entry = folder / f"{os.getpid()}.json"
    entry.touch(mode=0o600)
    entry.write_text(json.dumps(stack.status(), ensure_ascii=False), encoding="utf-8")
    try:
        yield
    finally:
        entry.unlink(missing_ok=True)


def _running() -> dict[str, Any] | None:
    """The newest demo whose process lives; entries of dead ones are removed."""
    entries = sorted(_registry().glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for entry in entries:
        try:
            os.kill(int(entry.stem), 0)
        except ProcessLookupError:
            entry.unlink(missing_ok=True)
            continue
        except PermissionError:
            pass
        found: dict[str, Any] = json.loads(entry.read_text(encoding="utf-8"))
        return found
    print("no demo is running; start one with scripts/demo", file=sys.stderr)
    return None


def _tell(stack: Stack) -> None:
    _print_status(stack.status())
    print("\nLog in as sato and place a call, in a second terminal:")
    tries = [("--keys 10", "A member beside a locked car, by the shortest way through the menu.")]
    tries += [(f"--from {one.number}", one.about["en"]) for one in demo_callers()]
    for words, sentence in tries:
        print(f"  scripts/kakehashi demo call {words:<24} {sentence}")
    print("\nThe agent's page dials out too: a played person answers the phone book's numbers and 090-1234-5678.")
    print("\nCtrl-C stops everything.", flush=True)


def _print_status(running: dict[str, Any]) -> None:
    print(f"\nPages     {running['web']['url']}")
    for user in running["web"]["users"]:
        print(f"            {user['login']:<10} {user['password']:<16} {', '.join(user['roles'])}")
    print(f"Calls     {running['trunk']['sip']} (any SIP phone, UDP, no password)")
    print(f"Logs      {running['logs']}")
    print(f"Commands  export KAKEHASHI_CONFIG={running['config']}")
    print("More      scripts/kakehashi demo status --json")


def _say(sentence: str) -> None:
    started = float(os.environ.get("KAKEHASHI_STARTED") or STARTED)
    print(f"[{time.time() - started:3.0f} s] {sentence}", file=sys.stderr, flush=True)
