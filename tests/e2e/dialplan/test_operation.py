"""What an operator does and reads: a changed desk while people talk, and Asterisk's own account of a call."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cti.asteriskconf.files import write
from cti.asteriskconf.render import render
from cti.asteriskconf.settings import AgentPhone, FallbackQueue, WebSocket
from cti.demo.asterisk import asterisk_folders, start_asterisk
from cti.demo.folders import LOOPBACK, PortPool, run_folder
from tests.e2e.dialplan.rig import PHONE_SECRET, Rig, asterisk_settings, write_sounds
from tests.e2e.dialplan.sipstub import StubPhone

pytestmark = pytest.mark.asyncio(loop_scope="package")

RELOADS = ("module reload res_pjsip.so", "module reload app_queue.so", "dialplan reload", "core reload")


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


@pytest.mark.parametrize("secure", [False, True], ids=["ws", "wss"])
async def test_browsers_find_asterisks_own_websocket(secure: bool) -> None:
    with run_folder() as run, PortPool() as pool:
        settings = asterisk_settings(run, pool)
        certificate, key = make_certificate(run.sub("tls"))
        browser = replace(settings.agents[0], browser=True)
        websocket = WebSocket(address=LOOPBACK, port=pool.tcp())
        if secure:
            websocket = replace(websocket, certificate=str(certificate), private_key=str(key))
        settings = replace(settings, websocket=websocket, agents=(browser, *settings.agents[1:]))
        write(render(settings), asterisk_folders(run).etc)
        write_sounds(run.path / "sounds" / "kakehashi")
        asterisk = await start_asterisk(run)
        try:
            log = Path(settings.directories.log, "messages.log").read_text(encoding="utf-8")
            assert [line for line in log.splitlines() if "WARNING" in line or "ERROR" in line] == []
            trust = ssl.create_default_context(cafile=str(certificate)) if secure else None
            reader, writer = await asyncio.open_connection(LOOPBACK, websocket.port, ssl=trust)
            writer.write(
                b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Protocol: sip\r\n\r\n"
            )
            assert b" 101 " in await asyncio.wait_for(reader.readline(), 5)
            writer.close()
            shown = await asterisk.cli(f"pjsip show endpoint {browser.endpoint}")
            assert re.search(r"webrtc\s*: yes", shown)
        finally:
            await asterisk.stop()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A self-made certificate for loopback that Asterisk's user may read."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, LOOPBACK)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    for path in (pem, private):
        path.chmod(0o644)  # a throwaway of this test
    return pem, private
