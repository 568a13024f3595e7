"""An agent's own network: a namespace with one cable to this machine, which can be cut without either end noticing.

Needs root, and a network namespace of our own to run in (``scripts/soak browser`` makes one): the desk then listens on
an address that nobody else can reach.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cti.demo.folders import RunFolder
from cti.demo.processes import ChildSpec, run_to_end, start_child

# The desk's end of the cable and the agent's; they lead nowhere else.
DESK, AGENT = "10.231.77.1", "10.231.77.2"
CABLE, FAR_END = "kk-desk", "kk-agent"
# Frames to this address reach nobody. The link stays up and no address changes, so that no program is told: as when a
# switch or a radio between the two stops passing on.
NOBODY = "02:00:00:00:de:ad"
STEP_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One agent's network."""

    run: RunFolder
    pid: int  # whoever keeps the namespace

    @property
    def inside(self) -> Sequence[str]:
        """What stands in front of a command that runs there."""
        return ("nsenter", f"--net=/proc/{self.pid}/ns/net")

    def launcher(self, program: Path) -> Path:
        """A program that starts this one there."""
        path = self.run.path / f"{program.name}-in-branch"
        path.write_text(f'#!/bin/sh\nexec {" ".join(self.inside)} {program} "$@"\n', encoding="utf-8")
        path.chmod(0o755)
        return path

    async def cut(self) -> None:
        """From now on nothing arrives at either end."""
        await self._ip("neigh", "replace", AGENT, "lladdr", NOBODY, "dev", CABLE, "nud", "permanent")
        await self._ip("neigh", "replace", DESK, "lladdr", NOBODY, "dev", FAR_END, "nud", "permanent", there=True)

    async def mend(self) -> None:
        """As before; each end finds the other anew."""
        await self._ip("neigh", "del", DESK, "dev", FAR_END, there=True)
        await self._ip("neigh", "del", AGENT, "dev", CABLE)

    async def deafen(self, *, mute: bool = False) -> None:
        """From now on no sound arrives at the agent (UDP), nor (``mute``) any of theirs at the desk. TCP goes on."""
        # Before the table of this machine's own addresses, which is the first that anything is looked up in.
        await self._ip("rule", "add", "pref", "10", "lookup", "local", there=True)
        await self._ip("rule", "add", "pref", "5", "from", DESK, "ipproto", "udp", "blackhole", there=True)
        if mute:
            await self._ip("rule", "add", "pref", "6", "to", DESK, "ipproto", "udp", "blackhole", there=True)
        await self._ip("rule", "del", "pref", "0", there=True)

    async def undeafen(self, *, mute: bool = False) -> None:
        """As before."""
        await self._ip("rule", "add", "pref", "0", "lookup", "local", there=True)
        for preference in ("5", "10", *(("6",) if mute else ())):
            await self._ip("rule", "del", "pref", preference, there=True)

    async def _ip(self, *words: str, there: bool = False) -> None:
        argv = [*(self.inside if there else ()), "ip", *words]
        await run_to_end(ChildSpec(name=" ".join(argv), argv=argv, log=self.run.log("branch")), STEP_S)

    async def lay(self) -> None:
        """The cable, and an address at each end."""
        await self._ip("link", "add", CABLE, "type", "veth", "peer", "name", FAR_END, "netns", str(self.pid))
        for address, name, there in ((DESK, CABLE, False), (AGENT, FAR_END, True)):
            await self._ip("address", "add", f"{address}/30", "dev", name, there=there)
            await self._ip("link", "set", "lo", "up", there=there)
            await self._ip("link", "set", name, "up", there=there)
        await self._ip("route", "add", "default", "via", DESK, there=True)

    async def take_up(self) -> None:
        """The cable is gone, at both ends."""
        await self._ip("link", "del", CABLE)


def network_of(pid: int | str) -> int:
    """The network that a process is in."""
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


@asynccontextmanager
async def a_branch(run: RunFolder) -> AsyncIterator[Branch]:
    """The network, until the end: it goes with the process that keeps it. Raises ChildFailed."""
    child = await start_child(
        ChildSpec(name="a branch's network", argv=["unshare", "--net", "sleep", "infinity"], log=run.log("branch"))
    )
    try:
        own = network_of("self")

        async def apart() -> bool:
            return network_of(child.pid) != own

        await child.until_ready(apart, STEP_S)
        branch = Branch(run=run, pid=child.pid)
        await branch.lay()
        try:
            yield branch
        finally:
            # The kernel takes it away some time after the namespace, and the next branch's has the same name.
            await branch.take_up()
    finally:
        await child.stop(1.0)
