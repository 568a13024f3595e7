"""The phone's words: accounts, frames, SIPp's command line and statistics."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cti.demo.phones import PhoneAccount, read_netstring, to_netstring
from cti.demo.sipp import SippLoad, read_statistics, sipp_arguments


def test_a_phone_on_a_desk_registers_with_its_password() -> None:
    line = PhoneAccount(user="1001", server="127.0.0.1:5060", password="secret", register=True).line(answer="auto")
    assert line.startswith("<sip:1001@127.0.0.1:5060;transport=udp>;auth_user=1001;auth_pass=secret")
    assert ";regint=120" in line
    assert ";answermode=auto" in line


def test_a_withheld_caller_keeps_its_address_and_goes_to_the_trunk() -> None:
    account = PhoneAccount(
        user="anonymous", domain="anonymous.invalid", display_name="Coin line/payphone", server="127.0.0.1:5060"
    )
    line = account.line(answer="manual")
    assert line.startswith('"Coin line/payphone" <sip:anonymous@anonymous.invalid;transport=udp>')
    assert 'outbound="sip:127.0.0.1:5060;transport=udp"' in line
    assert ";regint=0" in line
    assert "auth_" not in line


async def test_a_frame_is_read_whole_even_in_pieces() -> None:
    reader = asyncio.StreamReader()
    frame = to_netstring({"command": "dial", "params": "架け橋"})
    reading = asyncio.ensure_future(read_netstring(reader))
    for byte in frame:
        reader.feed_data(bytes([byte]))
        await asyncio.sleep(0)
    assert await reading == {"command": "dial", "params": "架け橋"}


async def test_a_phone_that_goes_ends_the_reading() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"10:{")
    reader.feed_eof()
    with pytest.raises(asyncio.IncompleteReadError):
        await read_netstring(reader)


def test_sipp_is_bound_to_loopback_and_told_its_keys() -> None:
    load = SippLoad(scenario=Path("s.xml"), server="127.0.0.1:5060", service="0120000111", keys={"from": "090"})
    line = sipp_arguments(load, port=20_000, control_port=20_001, rtp=range(10_000, 10_100), statistics=Path("c"))
    text = " ".join(line)
    assert "-i 127.0.0.1 -p 20000" in text
    assert "-key from 090" in text
    assert "-mp 10000" in text


def test_sipps_last_line_of_statistics_counts() -> None:
    assert read_statistics("SuccessfulCall(C);FailedCall(C);\n1;0;\n19;1;\n") == (19, 1)
    assert read_statistics("") == (0, 0)
