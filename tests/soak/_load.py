"""Who calls and who answers: SIPp on both sides, speaking, at a steady rate, for as long as a run lasts."""

from __future__ import annotations

import asyncio
import signal
from array import array
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from cti.demo.folders import RunFolder
from cti.demo.sipp import RunningSipp, SippLoad, SippResult, run_sipp, start_sipp
from cti.demo.stack import TENANT, Stack
from cti.demo.tones import tone
from recording.pcm import audioop  # type: ignore[attr-defined]
from tests.deskfile import agent_tables

PASSWORD = "a password for a soak"
HERE = Path(__file__).parent / "scenarios"
PLAIN, MENU, SCARCE = "05012345600", "05012345601", "05012345602"
# Brisk agents serve 0.46 calls/s; half the time nobody decides, so the stream that only they serve stays far below.
STEADY_AGENTS, BRISK_AGENTS = 12, 3
ENDLESS = 1_000_000
# The 1 of a telephone's keys.
KEY_1_HZ = (697, 1209)
DESK = """\
[tenants.demo]
name = "soak"
[[tenants.demo.skills]]
id = "brisk"
name = { ja = "短時間", en = "Brisk" }
[[tenants.demo.skills]]
id = "steady"
name = { ja = "通常", en = "Steady" }
[[tenants.demo.queues]]
id = "all"
name = { ja = "全員", en = "All" }
skills = { steady = 1 }
[[tenants.demo.queues]]
id = "scarce"
name = { ja = "混雑", en = "Scarce" }
skills = { brisk = 1 }
[[tenants.demo.numbers]]
number = "+815012345600"
name = "plain"
queue = "all"
[[tenants.demo.numbers]]
number = "+815012345601"
name = "menu"
queue = "all"
menu = "main"
[[tenants.demo.numbers]]
number = "+815012345602"
name = "scarce"
queue = "scarce"
[[tenants.demo.menus]]
id = "main"
language = "ja"
start = "recorded"
[[tenants.demo.menus.nodes]]
id = "recorded"
kind = "say"
prompts = ["recorded"]
interruptible = false
next = "member"
[[tenants.demo.menus.nodes]]
id = "member"
kind = "choice"
prompts = ["member"]
otherwise = "end-all"
[tenants.demo.menus.nodes.keys]
1 = { label = { ja = "会員", en = "Member" }, member = true, next = "end-all" }
[[tenants.demo.menus.nodes]]
id = "end-all"
kind = "end"
prompts = ["to-agent"]
queue = "all"
"""
# Agents who are always there, and do two seconds of after-call work. Whoever misses a call stays available: SIPp
# answers every call that reaches it, so a missed one was taken away by a fault.
READY = """
INSERT INTO agent_states (tenant, agent, state, reason, since, changed_by)
SELECT tenant, agent, 'available', '', now(), agent FROM agents
ON CONFLICT (tenant, agent) DO UPDATE SET state = 'available', since = now()
"""
RULES = """
INSERT INTO routing_rules (tenant, missed_state, missed_reason, wrap_up_s, skip_s)
VALUES ('demo', 'available', '', 2, 2)
"""


def desk_text() -> str:
    """The desk file."""
    steady = [agent_tables(f"s{n}", PASSWORD, more="skills = { steady = 3 }") for n in range(STEADY_AGENTS)]
    brisk = [agent_tables(f"b{n}", PASSWORD, more="skills = { brisk = 3 }") for n in range(BRISK_AGENTS)]
    return DESK + "".join(steady + brisk)


async def fill(url: str) -> None:
    """Everybody is at work when the server starts."""
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(RULES)
        await conn.execute(READY)
    finally:
        await conn.close()


def _pcmu(path: Path, *parts: array[int]) -> Path:
    """What SIPp sends in a loop: raw PCMU."""
    samples = array("h")
    for part in parts:
        samples.extend(part)
    path.write_bytes(audioop.lin2ulaw(samples.tobytes(), 2))
    return path


def _key() -> array[int]:
    low, high = (tone(hz, 0.2) for hz in KEY_1_HZ)
    return array("h", ((a + b) // 2 for a, b in zip(low, high, strict=True)))


def _silence(seconds: float) -> array[int]:
    return array("h", bytes(2 * round(8000 * seconds)))


@dataclass(kw_only=True)
class Load:
    """The phones of one stack."""

    stack: Stack
    folder: Path
    agents: list[RunningSipp] = field(default_factory=list)
    callers: dict[str, RunningSipp] = field(default_factory=dict)
    bursts: list[asyncio.Task[SippResult]] = field(default_factory=list)
    round: int = 0

    @classmethod
    def of(cls, stack: Stack) -> Load:
        """Writes what they say."""
        load = cls(stack=stack, folder=stack.run.sub("load"))
        _pcmu(load.folder / "speaks.ul", tone(440, 1.0))
        _pcmu(load.folder / "agent.ul", tone(1000, 1.0))
        # A key each 4 s, in the sound: the trunk offers no RTP events, so Asterisk listens for tones.
        _pcmu(load.folder / "keys.ul", _silence(3.8), _key())
        return load

    def scenario(self, name: str, sound: str, stay_ms: tuple[int, int] = (0, 0)) -> Path:
        """A scenario with its sound and its stay filled in."""
        text = (HERE / f"{name}.xml").read_text(encoding="utf-8")
        text = text.replace("@SOUND@", str(self.folder / sound))
        text = text.replace("@STAY_MIN@", str(stay_ms[0])).replace("@STAY_MAX@", str(stay_ms[1]))
        path = self.folder / f"{name}-{sound}-{stay_ms[0]}.xml"
        path.write_text(text, encoding="utf-8")
        return path

    async def start_agents(self) -> None:
        """Register every agent's phone at the SIPp that answers for it."""
        for name, prefix in (("agent", "s"), ("brisk", "b")):
            load = SippLoad(
                scenario=self.scenario(name, "agent.ul"), server=self.stack.trunk, calls=ENDLESS, rtp_ports=120
            )
            phones = await start_sipp(self.stack.run, self.stack.pool, load, name=name)
            self.agents.append(phones)
            await self._register(phones.address, prefix)

    async def start_moody(self, agents: int) -> None:
        """All agents at one SIPp: some calls are declined, some ring out, some are hung up."""
        load = SippLoad(
            scenario=self.scenario("moody", "agent.ul"), server=self.stack.trunk, calls=ENDLESS,
            rtp_ports=4 * agents + 20,
        )  # fmt: skip
        phones = await start_sipp(self.stack.run, self.stack.pool, load, name="moody")
        self.agents.append(phones)
        await self._register(phones.address, "s")

    async def believe_contacts(self) -> None:
        """One SIPp registers phones at which another answers; Asterisk would call back where the first one was."""
        assert self.stack.asterisk is not None
        path = self.stack.folders.etc / "pjsip.conf"
        text = path.read_text(encoding="utf-8")
        assert "rewrite_contact = yes" in text
        path.write_text(text.replace("rewrite_contact = yes", "rewrite_contact = no"), encoding="utf-8")
        await self.stack.asterisk.cli("module reload res_pjsip.so")

    async def _register(self, contact: str, prefix: str) -> None:
        lines = [
            f"{TENANT}-{agent};[authentication username={TENANT}-{agent} password={secret}]"
            for agent, secret in self.stack.agent_secrets.items()
            if agent.startswith(prefix)
        ]
        injection = self.folder / f"register-{prefix}.csv"
        injection.write_text("SEQUENTIAL\n" + "\n".join(lines) + "\n", encoding="utf-8")
        load = SippLoad(
            scenario=HERE / "register.xml", server=self.stack.trunk, calls=len(lines), rate_hz=50, limit=50,
            keys={"contact": contact}, injection=injection,
        )  # fmt: skip
        result = await run_sipp(self.stack.run, self.stack.pool, load, name=f"register-{prefix}")
        if result.failed:
            raise SystemExit(f"{result.failed} phones were not let in; see {result.log}")

    async def start_callers(self) -> None:
        """Three streams of calls; they go on until ``finish_callers``."""
        self.round += 1
        streams = (
            ("plain", PLAIN, self.scenario("caller", "speaks.ul", (24_000, 28_000)), 0.2),
            ("menu", MENU, self.scenario("caller", "keys.ul", (36_000, 40_000)), 0.1),
            ("scarce", SCARCE, self.scenario("waits", "speaks.ul"), 0.12),
        )
        for name, service, scenario, rate_hz in streams:
            load = SippLoad(
                scenario=scenario, server=self.stack.trunk, service=service, calls=ENDLESS, rate_hz=rate_hz,
                rtp_ports=80,
            )  # fmt: skip
            self.callers[name] = await start_sipp(self.stack.run, self.stack.pool, load, name=f"{name}-{self.round}")

    def burst(self, calls: int) -> None:
        """Callers who come at once and are more than the brisk agents."""
        load = SippLoad(
            scenario=self.scenario("waits", "speaks.ul"), server=self.stack.trunk, service=SCARCE, calls=calls,
            rate_hz=10, rtp_ports=20,
        )  # fmt: skip
        name = f"burst-{self.round}-{len(self.bursts)}"
        self.bursts.append(asyncio.create_task(run_sipp(self.stack.run, self.stack.pool, load, name=name), name=name))

    async def finish_callers(self, deadline_s: float = 150.0) -> dict[str, SippResult]:
        """No new calls; those that are going on end by themselves. What SIPp counted, by stream."""
        for sipp in self.callers.values():
            sipp.child.signal(signal.SIGUSR1)
        results: dict[str, SippResult] = {}
        waiting = {name: asyncio.create_task(sipp.finish()) for name, sipp in self.callers.items()}
        waiting |= {f"burst-{number}": task for number, task in enumerate(self.bursts)}
        await asyncio.wait(waiting.values(), timeout=deadline_s)
        for name, task in waiting.items():
            if not task.done():  # a line that never ends: CEL names it
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                results[name] = SippResult(successful=0, failed=1, log=self.folder)
            else:
                results[name] = task.result()
        self.callers.clear()
        self.bursts.clear()
        return results

    async def stop(self) -> None:
        """End everything at once."""
        for task in self.bursts:
            task.cancel()
        await asyncio.gather(*self.bursts, return_exceptions=True)
        for sipp in (*self.callers.values(), *self.agents):
            await sipp.stop()


def desk_file(run: RunFolder) -> Path:
    """The desk file, written into the run."""
    path = run.path / "desk.toml"
    path.write_text(desk_text(), encoding="utf-8")
    return path
