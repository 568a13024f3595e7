"""What an operator does and reads: a changed desk while people talk, and Asterisk's own account of a call."""

from __future__ import annotations

import asyncio
import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from cti.asteriskconf.files import write
from cti.asteriskconf.render import render
from cti.asteriskconf.settings import AgentPhone, FallbackQueue
from tests.e2e.dialplan.rig import PHONE_SECRET, Rig
from tests.e2e.dialplan.sipstub import StubPhone

pytestmark = pytest.mark.asyncio(loop_scope="package")

RELOADS = ("module reload res_pjsip.so", "module reload app_queue.so", "dialplan reload")


async def test_a_new_agent_is_there_after_a_reload_and_nobody_notices(rig: Rig) -> None:
    queued = await rig.waiting()
    since = rig.ami.now
    await rig.offer(queued, "sato")
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    newcomer = AgentPhone(tenant="demo", endpoint="demo-newcomer", secret=PHONE_SECRET, name="新人")
    queue = FallbackQueue(tenant="demo", queue="recall", members=("demo-newcomer",))
    changed = replace(rig.settings, agents=(*rig.settings.agents, newcomer), queues=(*rig.settings.queues, queue))
    etc = Path(rig.settings.directories.etc)
    try:
        assert set(write(render(changed), etc)) == {"extensions.conf", "pjsip.conf", "queues.conf"}
        for command in RELOADS:
            await rig.asterisk.cli(command)
        phone = await StubPhone.start("demo-newcomer", PHONE_SECRET, ("127.0.0.1", rig.settings.sip_port), 486)
        phone.stop()
        queues = await rig.ami.listing("QueueStatus", "QueueStatusComplete", Queue="demo-recall")
        assert "新人" in {row.get("Name") for row in queues}
        # The talk went on, phones are still known, heartbeat and epoch too.
        assert not [event for event in rig.ami.events[since:] if event["Event"] in ("BridgeLeave", "Hangup")]
        await rig.end()
        again = await rig.waiting()
        later = rig.ami.now
        await rig.offer(again, "sato", offer="0e" * 16)
        await rig.ami.kind("BridgeEnter", since=later, Channel=again["Channel"])
        await rig.end()
    finally:
        write(render(rig.settings), etc)
        for command in RELOADS:
            await rig.asterisk.cli(command)


async def test_asterisks_own_account_names_the_call_and_nobodys_number(rig: Rig) -> None:
    queued = await rig.waiting()
    since = rig.ami.now
    await rig.offer(queued, "sato")
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    await rig.sato.hangup()
    await rig.idle()
    account = Path(rig.settings.directories.log, "cel.csv")
    steps: list[list[str]] = []
    async with asyncio.timeout(5):
        while "LINKEDID_END" not in {step[0] for step in steps}:
            rows = list(csv.reader(account.read_text(encoding="utf-8").splitlines()))
            steps = [row for row in rows if row[5] == queued["Linkedid"]]
            await asyncio.sleep(0.05)
    assert "09012345678" not in account.read_text(encoding="utf-8")
    named = [step for step in steps if step[2] == queued["CallID"]]
    assert {"ANSWER", "BRIDGE_ENTER", "BRIDGE_EXIT", "HANGUP", "CHAN_END", "LINKEDID_END"} <= {
        step[0] for step in named
    }
    assert len({step[4] for step in named}) == 2  # both legs
    ends = {step[6].split("-")[0]: json.loads(step[9]) for step in named if step[0] == "HANGUP"}
    # Who hung up stands there as well: the agent's channel is the source of both ends.
    assert ends["PJSIP/demo"]["hangupsource"].startswith("PJSIP/demo-sato-")
