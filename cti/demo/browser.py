"""A demo whose agents speak in the browser: `scripts/demo --browser AGENT`. See docs/walkthrough.md."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from pathlib import Path

from cti.demo.client import DemoFailed
from cti.demo.folders import LOOPBACK, PortPool
from cti.demo.stack import DESK_FILE, Plan

# Of the documentation range (RFC 5737): nothing is ever sent there, the system only says which interface would be used.
SOMEWHERE = ("192.0.2.1", 9)


def own_address() -> str:
    """An address of this machine that is not loopback. Raises DemoFailed when there is none.

    Browsers leave loopback out of a call: they and Asterisk's sound meet on this address, which stays on the machine.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            asked.connect(SOMEWHERE)
            return str(asked.getsockname()[0])
    except OSError as error:
        raise DemoFailed("setup", "a phone in the browser needs a network interface beside loopback") from error


def browser_plan(folder: Path, pool: PortPool, agents: Sequence[str]) -> Plan:
    """The demo's desk, with the phones of ``agents`` in their browsers. Raises DemoFailed: no such agent."""
    desk_file = folder / "desk.toml"
    desk_file.write_text(with_browser_phones(DESK_FILE.read_text(encoding="utf-8"), agents), encoding="utf-8")
    return Plan(
        desk_file=desk_file,
        tables={"asterisk.websocket": {"address": LOOPBACK, "port": pool.tcp(), "media_address": own_address()}},
    )


def with_browser_phones(desk: str, agents: Sequence[str]) -> str:
    """The text of a desk file in which these agents' phones are the page."""
    for agent in agents:
        desk, found = re.subn(rf'^user = "{re.escape(agent)}"$', r'\g<0>\nphone = "browser"', desk, flags=re.MULTILINE)
        if not found:
            known = ", ".join(re.findall(r'^user = "([^"]+)"$', desk, flags=re.MULTILINE))
            raise DemoFailed("setup", f"the demo has no agent {agent!r}; its agents are {known}")
    return desk
