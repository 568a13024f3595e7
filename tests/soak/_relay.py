"""An agent behind a firewall that lets nothing through to Asterisk's sound: it goes through a TURN server, coturn."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cti.demo.folders import PortPool, RunFolder
from cti.demo.processes import ChildSpec, port_answers, run_to_end, start_child
from cti.demo.stack import ROOT
from tests.soak._actions import answered, talk
from tests.soak._branch import DESK
from tests.soak._centre import Centre, Tables
from tests.soak._scenes import Trial

BRING_S = 120.0
READY_S = 30.0  # beside other work
TALK_S = 10.0  # longer than Asterisk waits for sound (rtp_timeout)
# Each connection of the page, so that it can be asked which way it found.
WATCH = """(() => {
  const Real = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Real {
    constructor(...words) {
      super(...words);
      window.connections.push(this);
    }
  };
})()"""
# The kinds of the two ends of the way that is used: [ours, theirs].
WAY = """async () => {
  const told = await window.connections.at(-1).getStats();
  const pair = (one) => one.type === "candidate-pair" && one.nominated && one.state === "succeeded";
  const used = [...told.values()].find(pair);
  return used ? [used.localCandidateId, used.remoteCandidateId].map((id) => told.get(id).candidateType) : [];
}"""


@dataclass(frozen=True, kw_only=True)
class Relay:
    """A TURN server that agents reach, and that reaches Asterisk."""

    port: int
    secret: str

    @property
    def tables(self) -> Tables:
        """What an operator writes for it."""
        return {"asterisk.ice": {"turn": [f"turn:{DESK}:{self.port}"], "turn_secret": self.secret}}


@asynccontextmanager
async def a_relay(run: RunFolder, pool: PortPool) -> AsyncIterator[Relay]:
    """coturn as docs/softphone.md says, on the desk's end of the branch's cable. Raises ChildFailed."""
    bring = ChildSpec(name="scripts/bring/turn", argv=[str(ROOT / "scripts/bring/turn")], log=run.log("turn"))
    program = Path((await run_to_end(bring, BRING_S)).splitlines()[-1])
    made, relayed = Relay(port=pool.tcp(), secret=secrets.token_urlsafe(16)), pool.udp_block(20)
    folder = run.sub("turn")
    words = {
        "listening-ip": DESK,
        "listening-port": made.port,
        "relay-ip": DESK,
        "min-port": relayed.start,
        "max-port": relayed.stop - 1,
        "static-auth-secret": made.secret,
        "realm": "soak",
        "userdb": folder / "turn.sqlite",
        "pidfile": folder / "turn.pid",
        "log-file": "stdout",
    }
    # Asterisk's sound is on loopback here, where nobody but the relay gets to.
    flags = ("use-auth-secret", "no-cli", "no-tls", "no-dtls", "fingerprint", "allow-loopback-peers")
    argv = [str(program), "-n", *(f"--{flag}" for flag in flags), *(f"--{key}={said}" for key, said in words.items())]
    libraries = ":".join(str(path) for path in program.parents[1].glob("lib/*-linux-gnu"))
    env = {"LD_LIBRARY_PATH": libraries} if program.parents[2].name == "turn" else {}
    child = await start_child(ChildSpec(name="coturn", argv=argv, log=run.log("turn"), env=env))
    try:
        await child.until_ready(port_answers(DESK, made.port), READY_S)
        yield made
    finally:
        await child.stop(2.0)


async def relayed_call(centre: Centre) -> Trial:
    """A call to the agent behind the firewall: both hear each other, through the relay and by no other way."""
    trial = Trial(fault="nothing but a TURN relay", state="talking", began=time.time())
    agent = centre.agents[0]
    await agent.phone.seen.page.add_init_script(WATCH)
    await agent.phone.seen.page.reload()
    await agent.phone.says("Ready for calls", READY_S)
    await centre.available(agent)
    async with centre.caller() as caller:
        await agent.phone.says("Ringing", 20.0)
        trial.struck = time.time()
        await answered(agent, caller)
        trial.heard_s = time.time() - trial.struck
        await asyncio.sleep(TALK_S)
        since = time.time()
        await talk(agent, caller, since)
        way = await agent.phone.seen.page.evaluate(WAY)
        trial.must(way[:1] == ["relay"], f"the sound goes by {way}")
    await centre.quiet()
    trial.ended = time.time()
    return trial
