"""What the kernel tells about open doors, against doors that we open ourselves."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cti.asteriskconf.sockets import chosen_ports, listeners, mapped_modules, of_process, parse, within

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
REST = "00000000:00000000 00:00000000 00000000     0        0"


@pytest.mark.parametrize(
    ("family", "kind", "address"),
    [
        (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"),
        (socket.AF_INET, socket.SOCK_STREAM, "0.0.0.0"),
        (socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"),
        (socket.AF_INET6, socket.SOCK_STREAM, "::1"),
        (socket.AF_INET6, socket.SOCK_STREAM, "::"),
    ],
)
def test_our_own_doors_are_found(family: int, kind: int, address: str) -> None:
    with socket.socket(family, kind) as door:
        try:
            door.bind((address, 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        if kind == socket.SOCK_STREAM:
            door.listen()
        everything = listeners()
        assert everything is not None
        ours = of_process(os.getpid(), everything)
        assert ours is not None
        (found,) = [one for one in ours if one.port == door.getsockname()[1] and one.address == address]
        assert found.protocol == ("tcp" if kind == socket.SOCK_STREAM else "udp")
        assert found.inode == os.fstat(door.fileno()).st_ino


def test_connections_are_no_doors() -> None:
    text = HEAD + f"   0: 0100007F:13AE 0100007F:C001 01 {REST} 4711 1\n   1: rubbish\n"
    assert parse(text, "tcp") == ()


def test_nothing_to_see(tmp_path: Path) -> None:
    assert listeners(tmp_path) is None
    assert of_process(1, (), tmp_path) is None
    assert mapped_modules(1, tmp_path, tmp_path) is None
    assert 40_000 in chosen_ports(tmp_path)


def test_modules_in_memory(tmp_path: Path) -> None:
    modules = tmp_path / "modules"
    modules.mkdir()
    line = "7f0000000000-7f0000001000 r-xp 00000000 08:01 4711 "
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "maps").write_text(
        f"{line}     {modules}/app_dial.so\n{line} {modules}/app_dial.so\n{line} {modules}/res_agi.so (deleted)\n"
        f"{line} /lib/libc.so\n{line} [heap]\n"
    )
    assert mapped_modules(7, modules, tmp_path) == {"app_dial.so", "res_agi.so"}


@pytest.mark.parametrize(
    ("address", "declared", "inside"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("0.0.0.0", "127.0.0.1", False),
        ("::", "127.0.0.1", False),
        ("::1", "127.0.0.1", False),
        ("10.0.0.1", "0.0.0.0", True),
    ],
)
def test_wider(address: str, declared: str, inside: bool) -> None:
    assert within(address, declared) is inside
