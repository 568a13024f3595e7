"""The demo's building blocks on the real things: an Asterisk, a database, an object store and phones that speak."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from cti.demo.asterisk import RunningAsterisk, asterisk_folders, start_asterisk
from cti.demo.folders import LOOPBACK, PortPool, RunFolder, run_folder
from cti.demo.objectstore import start_objectstore
from cti.demo.phones import PhoneAccount, PhoneError, start_phone
from cti.demo.postgres import start_postgres
from cti.demo.sipp import SippLoad, run_sipp
from cti.demo.tones import read_wav, tone_seconds

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MODULES = """
res_timing_timerfd pbx_config res_sorcery_config res_sorcery_memory res_sorcery_astdb res_crypto res_rtp_asterisk
res_pjproject res_pjsip res_pjsip_session res_pjsip_sdp_rtp res_pjsip_registrar res_pjsip_authenticator_digest
res_pjsip_endpoint_identifier_ip res_pjsip_endpoint_identifier_user res_pjsip_caller_id res_pjsip_pubsub
chan_pjsip bridge_simple bridge_softmix codec_ulaw codec_resample format_pcm format_wav func_uri func_cut
func_periodic_hook func_callerid func_channel func_strings func_groupcount app_chanspy app_dial app_mixmonitor
app_read func_global
"""

PJSIP = """
[global]
type=global
endpoint_identifier_order=username,ip
[udp]
type=transport
protocol=udp
bind={host}:{port}
[agent]
type=endpoint
context=nowhere
disallow=all
allow=ulaw
direct_media=no
auth=agent
aors=agent
[agent]
type=auth
auth_type=userpass
username=agent
password=secret-of-this-test
[agent]
type=aor
max_contacts=1
[trunk]
type=endpoint
context=in
disallow=all
allow=ulaw
direct_media=no
[trunk]
type=identify
endpoint=trunk
match=127.0.0.1
"""

EXTENSIONS = """
[nowhere]
[in]
exten => 100,1,MixMonitor(test.wav,r({spool}/monitor/rx.wav)t({spool}/monitor/tx.wav))
 same => n,Dial(PJSIP/agent,10)
exten => 300,1,Answer()
 same => n,Hangup()
exten => 200,1,Answer()
 same => n,Read(KEYS,,4,,1,5)
 same => n,Set(GLOBAL(KEYS)=${{KEYS}})
 same => n,Set(GLOBAL(CALLER)=${{CALLERID(num)}}/${{CALLERID(name)}})
 same => n,Hangup()
"""


# A caller that waits to be answered and is hung up upon.
SCENARIO = """<?xml version="1.0" encoding="UTF-8" ?>
<scenario name="caller">
  <send retrans="500"><![CDATA[
    INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:[from]@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Contact: <sip:[from]@[local_ip]:[local_port]>
    Max-Forwards: 70
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=- 1 1 IN IP4 [local_ip]
    s=-
    c=IN IP4 [media_ip]
    t=0 0
    m=audio [media_port] RTP/AVP 0
    a=rtpmap:0 PCMU/8000
  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="200" rrs="true"/>
  <send><![CDATA[
    ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: <sip:[from]@[local_ip]:[local_port]>;tag=[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Max-Forwards: 70
    Content-Length: 0
  ]]></send>
  <recv request="BYE"/>
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0
  ]]></send>
</scenario>
"""


def write_configuration(run: RunFolder, pool: PortPool) -> int:
    """The least that two phones need; returns the SIP port."""
    folders, port, rtp = asterisk_folders(run), pool.tcp(), pool.udp_block(40)
    folders.etc.mkdir(parents=True)
    files = {
        "modules.conf": "[modules]\nautoload=no\n" + "".join(f"load={name}.so\n" for name in MODULES.split()),
        "pjsip.conf": PJSIP.format(host=LOOPBACK, port=port),
        "rtp.conf": f"[general]\nrtpstart={rtp.start}\nrtpend={rtp.stop - 1}\n",
        "extensions.conf": EXTENSIONS.format(spool=folders.spool),
        "logger.conf": "[general]\n[logfiles]\nconsole => notice,warning,error\n",
    }
    for name, text in files.items():
        (folders.etc / name).write_text(text)
    return port


@contextlib.asynccontextmanager
async def an_asterisk() -> AsyncIterator[tuple[RunFolder, PortPool, RunningAsterisk, str]]:
    with run_folder() as run, PortPool() as pool:
        port = write_configuration(run, pool)
        asterisk = await start_asterisk(run)
        try:
            yield run, pool, asterisk, f"{LOOPBACK}:{port}"
        finally:
            await asterisk.stop()


async def test_a_call_between_two_phones_carries_each_ones_tone() -> None:
    async with an_asterisk() as (run, pool, asterisk, server), contextlib.AsyncExitStack() as phones:
        agent = await start_phone(
            run,
            pool,
            PhoneAccount(user="agent", server=server, password="secret-of-this-test", register=True),
            name="agent",
            sound=1000,
        )
        phones.push_async_callback(agent.stop)
        caller = await start_phone(run, pool, PhoneAccount(user="09012345678", server=server), name="caller")
        phones.push_async_callback(caller.stop)

        await caller.dial(f"sip:100@{server}")
        await agent.wait_for("CALL_ESTABLISHED")
        await caller.wait_for("CALL_ESTABLISHED")
        recording = asterisk.folders.spool / "monitor" / "rx.wav"
        await grown(recording, 1.5)
        await caller.hangup()
        await agent.wait_for("CALL_CLOSED")
        await asyncio.wait_for(idle(asterisk), 5)

        assert frequencies(recording) == {440}
        assert frequencies(recording.with_name("tx.wav")) == {1000}
        assert frequencies(recording.with_name("test.wav")) == {440, 1000}
        await agent.stop()
        assert frequencies(agent.heard()[0]) == {440}
        # Who runs us reads and deletes what Asterisk's user wrote.
        recording.unlink()
        if os.geteuid() == 0:
            assert recording.with_name("tx.wav").stat().st_uid != 0


async def test_keys_and_a_withheld_number_arrive() -> None:
    async with an_asterisk() as (run, pool, asterisk, server):
        withheld = PhoneAccount(user="anonymous", domain="anonymous.invalid", display_name="Anonymous", server=server)
        caller = await start_phone(run, pool, withheld, name="caller")
        try:
            await caller.dial(f"sip:200@{server}")
            await caller.wait_for("CALL_ESTABLISHED")
            await caller.send_digits("12*9")
            await caller.wait_for("CALL_CLOSED")
        finally:
            await caller.stop()
        variables = await asterisk.cli("dialplan show globals")
        assert "KEYS=12*9" in variables
        assert "CALLER=anonymous/Anonymous" in variables


async def test_a_phone_with_a_wrong_password_is_not_let_in() -> None:
    async with an_asterisk() as (run, pool, _, server):
        account = PhoneAccount(user="agent", server=server, password="wrong", register=True)
        with pytest.raises(PhoneError, match="REGISTER_FAIL"):
            await start_phone(run, pool, account, name="stranger")


async def test_many_callers_at_once() -> None:
    async with an_asterisk() as (run, pool, _, server):
        scenario = run.path / "caller.xml"
        scenario.write_text(SCENARIO)
        load = SippLoad(
            scenario=scenario, server=server, service="300", calls=20, rate_hz=40, keys={"from": "0312345678"}
        )
        async with asyncio.timeout(20):
            done = await run_sipp(run, pool, load)
        assert (done.successful, done.failed) == (20, 0)
        nobody_there = dataclasses.replace(load, service="999", calls=3)
        async with asyncio.timeout(20):
            done = await run_sipp(run, pool, nobody_there, name="refused")
        assert (done.successful, done.failed) == (0, 3)


async def test_a_database_and_an_object_store_beside_each_other() -> None:
    with run_folder() as run, PortPool() as pool:
        database, store = await asyncio.gather(start_postgres(run, pool, durable=False), start_objectstore(run, pool))
        try:
            connection = await asyncpg.connect(await database.make_database("another"))
            assert await connection.fetchval("SELECT current_database()") == "another"
            await connection.close()
            await asyncio.to_thread(round_trip, store.access.client(), store.access.bucket)
        finally:
            await asyncio.gather(database.stop(), store.stop())


def round_trip(client: S3Client, bucket: str) -> None:
    client.put_object(Bucket=bucket, Key="音/a", Body=b"sound")
    assert client.get_object(Bucket=bucket, Key="音/a", Range="bytes=1-2")["Body"].read() == b"ou"


async def grown(path: Path, length_s: float) -> None:
    """Returns when the recording holds that much sound (16 bits at 8 kHz)."""
    async with asyncio.timeout(10):
        while not path.exists() or path.stat().st_size < 44 + length_s * 16_000:
            await asyncio.sleep(0.05)


async def idle(asterisk: RunningAsterisk) -> None:
    """Returns when Asterisk has no channel any more: recordings are closed then."""
    while "0 active channels" not in await asterisk.cli("core show channels count"):
        await asyncio.sleep(0.05)


def frequencies(path: Path) -> set[int]:
    """Which of the tests' tones the file carries for a second or more."""
    channels, rate_hz = read_wav(path)
    return {hz for hz in (440, 700, 1000) if tone_seconds(channels[0], hz, rate_hz, share=0.25) >= 1.0}
