"""Child processes: a deadline to be ready, an end, and none left behind."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from cti.demo.folders import LOOPBACK
from cti.demo.processes import ChildFailed, ChildSpec, guarded, port_answers, run_to_end, start_child


def spec(tmp_path: Path, *argv: str) -> ChildSpec:
    return ChildSpec(name="child", argv=argv, log=tmp_path / "log" / "child.log")


async def never() -> bool:
    return False


async def test_a_child_that_ends_before_it_is_ready_shows_its_last_words(tmp_path: Path) -> None:
    child = await start_child(spec(tmp_path, "sh", "-c", "echo no such file >&2; exit 3"))
    with pytest.raises(ChildFailed, match="child ended with 3: no such file"):
        await child.until_ready(never, 5)


async def test_a_child_that_is_never_ready_meets_the_deadline(tmp_path: Path) -> None:
    child = await start_child(spec(tmp_path, "sleep", "60"))
    with pytest.raises(ChildFailed, match=r"not ready after 0\.1 s"):
        await child.until_ready(never, 0.1)
    await child.stop()
    assert child.returncode == -signal.SIGTERM


async def test_a_child_that_will_not_end_is_killed_with_its_own_children(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 61 & echo $!; while :; do wait; done"
    child = await start_child(spec(tmp_path, "sh", "-c", script))
    async with asyncio.timeout(5):
        while not child.log_tail().isdigit():
            await asyncio.sleep(0.01)
    grandchild = int(child.log_tail())
    await child.stop(grace_s=0.1)
    assert child.returncode == -signal.SIGKILL
    assert await gone(grandchild)


async def gone(pid: int) -> bool:
    async with asyncio.timeout(5):
        while Path(f"/proc/{pid}").exists() and "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text():
            await asyncio.sleep(0.01)
    return True


async def test_the_kernel_ends_the_child_of_a_killed_parent(tmp_path: Path) -> None:
    code = f"""
import asyncio
from pathlib import Path
from cti.demo.processes import ChildSpec, start_child
async def main():
    child = await start_child(ChildSpec(name="c", argv=["sleep", "62"], log=Path({str(tmp_path / "c.log")!r})))
    print(child.pid, flush=True)
    await child.wait()
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    # Guarded once its guard has become the program: before that the kernel has not been asked yet.
    async with asyncio.timeout(5):
        while Path(f"/proc/{pid}/comm").read_text().strip() != "sleep":
            await asyncio.sleep(0.01)
    parent.kill()
    await parent.wait()
    assert await gone(pid)


async def test_a_short_command_gives_its_words_or_its_failure(tmp_path: Path) -> None:
    assert await run_to_end(spec(tmp_path, "echo", "架け橋"), 5) == "架け橋\n"
    with pytest.raises(ChildFailed, match="ended with 1: broken"):
        await run_to_end(spec(tmp_path, "sh", "-c", "echo broken; exit 1"), 5)
    with pytest.raises(ChildFailed, match="took longer"):
        await run_to_end(spec(tmp_path, "sleep", "63"), 0.1)


async def test_a_port_answers_once_somebody_listens() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), LOOPBACK, 0)
    port = server.sockets[0].getsockname()[1]
    assert await port_answers(LOOPBACK, port)()
    server.close()
    await server.wait_closed()
    assert not await port_answers(LOOPBACK, port)()


def test_the_guard_stands_before_the_command(tmp_path: Path) -> None:
    line = guarded(spec(tmp_path, "asterisk", "-f"))
    assert line[1] == "--pdeathsig=KILL"
    assert line[-3:] == ["--", "asterisk", "-f"]
