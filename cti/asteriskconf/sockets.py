"""Who listens on this machine, as the kernel tells it in /proc/net and /proc/<pid>, see proc(5). Reads files only."""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_LISTEN, _UNCONNECTED = "0A", "07"  # TCP_LISTEN; TCP_CLOSE, which is what a UDP socket without peer is in
_SOCKET = re.compile(r"socket:\[(\d+)\]\Z")
_MAPPED = re.compile(r"\S+ \S+ \S+ \S+ \d+ +(/.*\.so)(?: \(deleted\))?\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Listener:
    """An open door."""

    protocol: str  # "tcp" or "udp"
    address: str  # IPv4 or IPv6
    port: int
    inode: int  # the socket's, to find its process

    @property
    def where(self) -> str:
        """For people."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port} ({self.protocol})"


def within(address: str, declared: str) -> bool:
    """Whether listening on ``address`` is no wider than listening on ``declared``."""
    ours, allowed = ipaddress.ip_address(address), ipaddress.ip_address(declared)
    mapped = getattr(ours, "ipv4_mapped", None)
    return allowed.is_unspecified or (mapped or ours) == allowed


def parse(text: str, protocol: str) -> tuple[Listener, ...]:
    """One of /proc/net/{tcp,tcp6,udp,udp6}. Lines that are something else are left out."""
    found = []
    wanted = _LISTEN if protocol == "tcp" else _UNCONNECTED
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != wanted:
            continue
        address, _, port = fields[1].partition(":")
        found.append(Listener(protocol=protocol, address=_address(address), port=int(port, 16), inode=int(fields[9])))
    return tuple(found)


def _address(digits: str) -> str:
    """Words of 32 bits in the machine's own order."""
    words = [int(digits[n : n + 8], 16) for n in range(0, len(digits), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)


def listeners(proc: Path = PROC) -> tuple[Listener, ...] | None:
    """All doors of this machine (of this network namespace); None where the kernel does not tell."""
    found: list[Listener] = []
    seen = False
    for protocol in ("tcp", "udp"):
        for name in (protocol, f"{protocol}6"):
            try:
                found += parse((proc / "net" / name).read_text(encoding="ascii"), protocol)
                seen = True
            except OSError:
                continue
    return tuple(found) if seen else None


def chosen_ports(proc: Path = PROC) -> range:
    """The ports that the kernel gives to sockets that ask for none."""
    try:
        first, last = (proc / "sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
        return range(int(first), int(last) + 1)
    except (OSError, ValueError):
        return range(32768, 61000)  # the kernel's default


def of_process(pid: int, all_listeners: Iterable[Listener], proc: Path = PROC) -> tuple[Listener, ...] | None:
    """Those of one process; None when we may not see (not root, not its user) or there is no such process."""
    inodes = set()
    try:
        for entry in (proc / str(pid) / "fd").iterdir():
            try:
                match = _SOCKET.match(str(entry.readlink()))
            except OSError:
                continue
            if match:
                inodes.add(int(match[1]))
    except OSError:
        return None
    return tuple(one for one in all_listeners if one.inode in inodes)


def mapped_modules(pid: int, folder: Path, proc: Path = PROC) -> Collection[str] | None:
    """Names of the modules of ``folder`` that a process has loaded; None when we may not see."""
    try:
        text = (proc / str(pid) / "maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    wanted = folder.resolve()
    found = (Path(match[1]) for line in text.splitlines() if (match := _MAPPED.match(line)))
    return {path.name for path in found if path.parent.resolve() == wanted}
