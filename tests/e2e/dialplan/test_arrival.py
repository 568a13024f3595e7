"""From the trunk to the menu: identity, spellings, unknown numbers, and a configuration without complaint."""

from __future__ import annotations

import asyncio
import re
import uuid
from pathlib import Path

import pytest

from cti.asteriskconf.render import spellings
from cti.demo.tones import read_wav, tone_seconds
from tests.e2e.dialplan.rig import MENU_NUMBER, PLAIN_NUMBER, PROMPTS, Rig

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_the_configuration_loads_without_a_complaint(rig: Rig) -> None:
    assert "built by" in rig.at_start  # the log is written at all
    assert not re.search(r"WARNING|ERROR|Unable|declined", rig.at_start)
    modules = Path(rig.settings.directories.etc, "modules.conf").read_text()
    wanted = set(re.findall(r"(?m)^(?:load|require) = (\S+)", modules))
    shown = await rig.asterisk.cli("module show")
    running = set(re.findall(r"(?m)^(\S+\.so)\b.*\bRunning\b", shown))
    assert running == wanted
    assert len(wanted) > 50


async def test_a_call_has_its_identity_before_it_is_answered(rig: Rig) -> None:
    since = rig.ami.now
    arrived = await rig.arrive()
    assert arrived["ChannelStateDesc"] == "Ring"
    assert str(uuid.UUID(arrived["CallID"])) == arrived["CallID"]
    assert arrived["CTI_CALL_ID"] == arrived["CallID"]
    assert arrived["AccountCode"] == arrived["CallID"]
    assert arrived["CallerIDNum"] == "09012345678"
    assert (arrived["Tenant"], arrived["Queue"], arrived["Menu"]) == ("demo", "members", "")
    queued = await rig.ami.user_event("CtiQueued", since=since)
    assert queued["ChannelStateDesc"] == "Up"
    await rig.end()


async def test_every_spelling_of_a_number_is_that_number(rig: Rig) -> None:
    ids = set()
    for spelling in spellings(PLAIN_NUMBER):
        arrived = await rig.arrive(number=spelling)
        assert arrived["NumberCalled"] == PLAIN_NUMBER
        ids.add(arrived["CallID"])
        await rig.end()
    assert len(ids) == 3


async def test_a_number_that_is_not_configured_is_said_in_both_languages_and_not_answered(rig: Rig) -> None:
    since, heard = rig.ami.now, len(rig.caller.heard())
    for number in ("0399999999", "+1234567890", "110"):
        seen, dialled = len(rig.caller.events), rig.ami.now
        await rig.caller.dial(f"sip:{number}@{rig.server}")
        closed = await rig.caller.wait_for("CALL_CLOSED", since=seen)
        assert "404" in closed.param
        assert "CALL_ESTABLISHED" not in {event.kind for event in rig.caller.events[seen:]}
        assert (await rig.ami.kind("Hangup", since=dialled))["Cause"] == "1"
    assert not [event for event in rig.ami.events[since:] if event["Event"] == "UserEvent"]
    channels, rate_hz = read_wav(rig.caller.heard()[heard])
    for hz in (PROMPTS["number-unknown"], PROMPTS["number-unknown"] + 25):
        assert tone_seconds(channels[0], hz, rate_hz) > 0.05


async def test_the_menu_decides_the_queue(rig: Rig) -> None:
    rig.menu.queue = "roadside"
    asked = len(rig.menu.requests)
    queued = await rig.waiting(number=MENU_NUMBER)
    assert queued["Queue"] == "roadside"
    request = rig.menu.requests[asked]
    assert request["agi_request"].endswith("/menu")
    assert [request[f"agi_arg_{n}"] for n in (1, 2, 3)] == [queued["CallID"], "demo", "main"]
    await rig.end()


@pytest.mark.parametrize(
    ("treatment", "prompt"),
    [
        ("nobody_logged_in", "treat-nobody-logged-in"),
        ("nobody_skilled", "treat-nobody-skilled"),
        ("waited_too_long", "treat-waited-too-long"),
        ("closed", "treat-closed"),
        ("something_newer", "treat-goodbye"),
    ],
)
async def test_a_treatment_says_its_text_and_hangs_up(rig: Rig, treatment: str, prompt: str) -> None:
    queued = await rig.waiting()
    since, seen = rig.ami.now, len(rig.caller.events)
    await rig.ami.redirect(queued["Channel"], "cti-treat", treatment)
    hangup = await rig.ami.kind("Hangup", since=since, Channel=queued["Channel"])
    assert hangup["Cause"] == "16"
    await rig.caller.wait_for("CALL_CLOSED", since=seen)
    assert PROMPTS[prompt] in await heard_tones(rig)


@pytest.mark.parametrize(
    ("sent", "number", "name"),
    [
        ('"Coin line/payphone" <sip:anonymous@anonymous.invalid>', "anonymous", "Coin line/payphone"),
        ("Anonymous <sip:anonymous@anonymous.invalid>", "anonymous", "Anonymous"),
        ("<sip:09012345678;cpc=payphone@example.invalid;user=phone>", "09012345678", "<unknown>"),
        ("<tel:+819012345678;phone-context=x>", "+819012345678", "<unknown>"),
        ("<sip:example.invalid>", "<unknown>", "<unknown>"),
        (f"<sip:{'9' * 300}@example.invalid>", "9" * 64, "<unknown>"),
        ('"山田, 太郎 (Zoë) 王" <sip:+819012345678@example.invalid>', "+819012345678", "山田, 太郎 (Zoë) 王"),
        ('"${SHELL(id)}$[1+1]" <sip:1@example.invalid>', "1", "${SHELL(id)}$[1+1]"),
    ],
)
async def test_a_caller_id_arrives_as_it_was_sent(rig: Rig, sent: str, number: str, name: str) -> None:
    since = rig.ami.now
    await send_udp(rig, sip_invite(rig, sent, PLAIN_NUMBER))
    arrived = await rig.ami.user_event("CtiArrived", since=since)
    assert (arrived["CallerIDNum"], arrived["CallerIDName"]) == (number, name)


async def test_a_caller_cannot_write_into_events(rig: Rig) -> None:
    """%0d%0a in a number is a line end to Asterisk; with two of them a caller could make up whole events."""
    since = rig.ami.now
    await send_udp(
        rig, sip_invite(rig, "<sip:9%0d%0aInjected%3a%20x%0d%0a%0d%0aEvent%3a%20Faked@x.invalid>", PLAIN_NUMBER)
    )
    arrived = await rig.ami.user_event("CtiArrived", since=since)
    assert arrived["CallerIDNum"].startswith("9")
    seen = rig.ami.now
    for number in ("0%0d%0aInjected%3a%20x", "%2b81501234500%0d%0aInjected%3a%20x", "s%0aInjected", "x" * 30, "1" * 21):
        await send_udp(rig, sip_invite(rig, "<sip:1@example.invalid>", number))
    # The call after them shows that they came to nothing.
    await send_udp(rig, sip_invite(rig, "<sip:2@example.invalid>", PLAIN_NUMBER))
    await rig.ami.user_event("CtiArrived", since=seen, CallerIDNum="2")
    made = [event for event in rig.ami.events[seen:] if event["Event"] == "Newchannel"]
    assert len(made) == 1
    assert not any("Injected" in event or event["Event"] == "Faked" for event in rig.ami.events[since:])


def sip_invite(rig: Rig, caller: str, number: str) -> str:
    """An INVITE as a careless carrier might send it."""
    body = "\r\n".join(
        [
            "v=0",
            "o=- 1 1 IN IP4 127.0.0.1",
            "s=-",
            "c=IN IP4 127.0.0.1",
            "t=0 0",
            "m=audio 9 RTP/AVP 0",
            "a=rtpmap:0 PCMU/8000",
            "",
        ]
    )
    mark = uuid.uuid4().hex
    head = [
        f"INVITE sip:{number}@{rig.server} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{mark};rport",
        f"From: {caller};tag={mark}",
        f"To: <sip:{number}@{rig.server}>",
        f"Call-ID: {mark}",
        "CSeq: 1 INVITE",
        "Contact: <sip:x@127.0.0.1:9>",
        "Max-Forwards: 70",
        "Content-Type: application/sdp",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*head, "", body])


async def send_udp(rig: Rig, text: str) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=("127.0.0.1", rig.settings.sip_port)
    )
    transport.sendto(text.encode())
    await asyncio.sleep(0)
    transport.close()


async def heard_tones(rig: Rig) -> set[int]:
    """The prompts' tones in what the caller heard last."""
    async with asyncio.timeout(5):
        while not rig.caller.heard():
            await asyncio.sleep(0.05)
    channels, rate_hz = read_wav(rig.caller.heard()[-1])
    return {hz for hz in PROMPTS.values() if tone_seconds(channels[0], hz, rate_hz) > 0.05}
