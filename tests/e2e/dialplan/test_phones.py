"""What phones may do: register with the right password, transfer inside the desk, and nothing that leads outside."""

from __future__ import annotations

import asyncio
import signal

import pytest

from cti.demo.phones import PhoneAccount, PhoneError, start_phone
from cti.demo.tones import tone_seconds
from tests.e2e.dialplan.ami import Message
from tests.e2e.dialplan.rig import PHONE_SECRET, PLAIN_NUMBER, PROMPTS, Rig, samples

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def talking(rig: Rig) -> Message:
    """The caller and sato talk."""
    queued = await rig.waiting()
    since = rig.ami.now
    await rig.offer(queued, "sato")
    await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
    return queued


async def test_a_wrong_password_is_not_let_in(rig: Rig) -> None:
    account = PhoneAccount(user="demo-missing", server=rig.server, password="wrong-password", register=True)
    with pytest.raises(PhoneError, match="REGISTER_FAIL"):
        await start_phone(rig.run, rig.pool, account, name="stranger")


async def test_a_phone_that_registers_again_takes_the_place_of_the_old_one(rig: Rig) -> None:
    account = PhoneAccount(user="demo-twice", server=rig.server, password=PHONE_SECRET, register=True)
    first = await start_phone(rig.run, rig.pool, account, name="first")
    first.child.signal(signal.SIGKILL)  # no un-REGISTER: as after a crash
    await first.stop()
    second = await start_phone(rig.run, rig.pool, account, name="second")
    try:
        since = rig.ami.now
        queued = await rig.waiting()
        await rig.offer(queued, "twice", offer="0d" * 16)
        await second.wait_for("CALL_ESTABLISHED")
        await rig.ami.kind("BridgeEnter", since=since, Channel=queued["Channel"])
        await rig.end()
    finally:
        await second.stop()


@pytest.mark.parametrize(
    "target", ["09012345678", PLAIN_NUMBER, "s", "trunk", "0a" * 16, "queue-members", "t", "other-agent"]
)
async def test_a_phone_finds_no_way_outside(rig: Rig, target: str) -> None:
    seen, since = len(rig.sato.events), rig.ami.now
    await rig.sato.dial(f"sip:{target}@{rig.server}")
    closed = await rig.sato.wait_for("CALL_CLOSED", since=seen)
    assert "CALL_ESTABLISHED" not in {event.kind for event in rig.sato.events[seen:]}
    assert closed.param.startswith(("404", "403", "603")), closed.param
    assert not [event for event in rig.ami.events[since:] if event["Event"] == "DialBegin"]


async def test_a_phone_may_call_a_colleague_and_is_not_recorded(rig: Rig) -> None:
    seen, since = len(rig.suzuki.events), rig.ami.now
    await rig.sato.dial(f"sip:demo-suzuki@{rig.server}")
    await rig.suzuki.wait_for("CALL_INCOMING", since=seen)
    await rig.suzuki.accept()
    await rig.ami.kind("BridgeEnter", since=since)
    assert not [event for event in rig.ami.events[since:] if event.get("UserEvent")]
    await rig.sato.hangup()
    await rig.suzuki.wait_for("CALL_CLOSED", since=seen)


async def test_a_blind_transfer_to_a_colleague_is_told_and_recorded(rig: Rig) -> None:
    queued = await talking(rig)
    since, seen = rig.ami.now, len(rig.suzuki.events)
    await rig.sato.command("transfer", f"sip:demo-suzuki@{rig.server}")
    told = await rig.ami.kind("BlindTransfer", since=since)
    assert told["TransfereeChannel"] == queued["Channel"]
    assert told["Extension"] == "demo-suzuki"
    await rig.suzuki.wait_for("CALL_INCOMING", since=seen)
    await rig.suzuki.accept()
    recording = await rig.ami.user_event("CtiRecording", since=since, Side="agent", CallID=queued["CallID"])
    assert recording["Channel"].startswith("PJSIP/demo-suzuki-")
    await asyncio.sleep(1.2)
    await rig.end()
    said = samples(rig.recordings / f"{recording['File']}-rx.wav")
    assert tone_seconds(said, 700) >= 0.8


async def test_a_transfer_to_a_colleague_who_is_not_there_brings_the_caller_back(rig: Rig) -> None:
    queued = await talking(rig)
    since = rig.ami.now
    rig.expected_complaints = "Could not create dialog|Failed to create outgoing session|Unable to create channel"
    await rig.sato.command("transfer", f"sip:demo-nobody@{rig.server}")
    again = await rig.ami.user_event("CtiQueued", since=since, CallID=queued["CallID"])
    assert again["Queue"] == "members"
    await rig.end()
    mix = samples(rig.recordings / f"{queued['CallID']}-c.wav")
    assert tone_seconds(mix, PROMPTS["transfer-sorry"], share=0.25) >= 0.15


async def test_a_transfer_to_a_queue(rig: Rig) -> None:
    queued = await talking(rig)
    since = rig.ami.now
    await rig.sato.command("transfer", f"sip:queue-roadside@{rig.server}")
    again = await rig.ami.user_event("CtiQueued", since=since, CallID=queued["CallID"])
    assert again["Queue"] == "roadside"
    await rig.end()


async def test_the_trunk_may_not_transfer(rig: Rig) -> None:
    queued = await talking(rig)
    since = rig.ami.now
    await rig.caller.command("transfer", f"sip:{PLAIN_NUMBER}@{rig.server}")
    rig.expected_complaints = "transfer attempt blocked due to configuration"
    async with asyncio.timeout(5):
        while not any(rig.expected_complaints in line for line in rig.log_lines()):
            await asyncio.sleep(0.05)  # a refusal makes no event, only this line
    assert not [event for event in rig.ami.of_call(queued["CallID"], since) if event["Event"] == "BlindTransfer"]
    await rig.end()


async def test_a_colleague_asked_on_a_phones_second_line_belongs_to_the_call_that_is_held(rig: Rig) -> None:
    # Everybody hangs up at once, and the music for who is left may begin on a phone that has just gone.
    rig.expected_complaints = r"Prodding channel 'PJSIP/demo-sato-[0-9a-f]+' failed"
    queued = await talking(rig)
    since, seen = rig.ami.now, len(rig.suzuki.events)
    await rig.sato.dial(f"sip:demo-suzuki@{rig.server}")
    await rig.suzuki.wait_for("CALL_INCOMING", since=seen)
    await rig.suzuki.accept()
    began = await rig.ami.kind("DialBegin", since=since)
    assert began["CTI_CALL_ID"] == queued["CallID"]
    recording = await rig.ami.user_event("CtiRecording", since=since)
    assert recording["File"] == f"{queued['CallID']}-a-{began['DestUniqueid']}"
    for phone in (rig.caller, rig.suzuki):
        await phone.hangup()
    await rig.idle()
    # The next call that this phone makes by itself belongs to none.
    since = rig.ami.now
    await rig.sato.dial(f"sip:demo-suzuki@{rig.server}")
    began = await rig.ami.kind("DialBegin", since=since)
    assert began["CTI_CALL_ID"] == ""
