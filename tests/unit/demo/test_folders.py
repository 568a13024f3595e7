"""Run folders and ports: no two runs get the same."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cti.demo.folders import LOOPBACK, OWNER_LOCK, NoFreePort, PortPool, make_run_folder, run_folder, sweep


def test_a_run_folder_lets_others_pass_but_not_list(tmp_path: Path) -> None:
    run = make_run_folder(tmp_path / "run")
    assert stat.S_IMODE(run.path.stat().st_mode) == 0o711
    assert run.log("asterisk") == run.path / "log" / "asterisk.log"


def test_a_run_folder_is_removed_at_the_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KAKEHASHI_RUN", str(tmp_path / "run"))
    monkeypatch.delenv("KAKEHASHI_KEEP", raising=False)
    with run_folder() as run:
        run.sub("a", "b")
    assert not run.path.exists()
    monkeypatch.setenv("KAKEHASHI_KEEP", "1")
    with run_folder() as run:
        pass
    assert run.path.exists()


def test_the_folder_of_a_killed_run_is_swept_and_a_living_ones_is_not(tmp_path: Path) -> None:
    dead = tmp_path / "kakehashi-run-dead"
    dead.mkdir()
    (dead / OWNER_LOCK).touch()
    living = tmp_path / "kakehashi-run-living"
    living.mkdir()
    code = f"""
import pathlib, sys
from cti.demo.folders import _own
_own(pathlib.Path({str(living)!r}))
print("locked", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        sweep(tmp_path)
        owner.kill()
    assert not dead.exists()
    assert living.exists()


def test_two_pools_never_give_the_same_port(tmp_path: Path) -> None:
    with PortPool(folder=tmp_path) as one, PortPool(folder=tmp_path) as other:
        ports = [pool.tcp() for _ in range(20) for pool in (one, other)]
        blocks = [set(pool.udp_block(11)) for _ in range(5) for pool in (one, other)]
    assert len(set(ports)) == 40
    assert len(set.union(*blocks)) == sum(map(len, blocks))
    assert all(min(block) % 2 == 0 for block in blocks)


def test_blocks_of_different_sizes_do_not_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti.demo.folders.PHONES_RTP_RANGE", range(19_000, 19_040))
    with PortPool(folder=tmp_path) as pool:
        taken = [*pool.udp_block(10), *pool.udp_block(4), *pool.udp_block(6)]
        assert len(set(taken)) == 20


def test_a_port_in_use_is_not_given_and_a_full_range_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as listener, PortPool(folder=tmp_path) as pool:
        listener.bind((LOOPBACK, 0))
        used = listener.getsockname()[1]
        monkeypatch.setattr("cti.demo.folders.TCP_RANGE", range(used, used + 2))
        with pytest.raises(NoFreePort, match=str(used)):
            pool.tcp()


def test_ports_come_back_when_the_pool_closes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti.demo.folders.TCP_RANGE", range(31_990, 31_992))
    with PortPool(folder=tmp_path) as pool:
        first = pool.tcp()
        descriptors = len(list(Path("/proc/self/fd").iterdir()))
    with PortPool(folder=tmp_path) as pool:
        assert pool.tcp() == first
        assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
