"""The SIP trace of the browser's benches: which message belongs to whom, and how long an answer took."""

from __future__ import annotations

import struct
from pathlib import Path

from tests.bench._page import AGENT, PLAIN, Message, read_trace, rung
from tests.bench.answer import times
from tests.bench.pop_paint import pairs


def message(at: float, first: str, call: str, *lines: str, body: str = "") -> Message:
    head = "\r\n".join((first, f"Call-ID: {call}", *lines))
    return Message(at=at, text=f"{head}\r\n\r\n{body}")


def registered(agent: str, contact: str) -> Message:
    return message(
        1.0, "REGISTER sip:x SIP/2.0", f"r-{agent}", f"To: <sip:demo-{agent}@x>", f"Contact: <sip:{contact}@y.invalid>"
    )


def call(at: float, contact: str, name: str, took_s: float, *ways: str) -> list[Message]:
    body = "".join(f"a=candidate:1 1 udp 2113937151 {way} 4000 typ host generation 0\r\n" for way in ways)
    return [
        message(at, f"INVITE sip:{contact}@127.0.0.1:9;transport=WS SIP/2.0", name, "CSeq: 7 INVITE"),
        message(at + 0.001, "SIP/2.0 180 Ringing", name, "CSeq: 7 INVITE"),
        message(at + took_s, "SIP/2.0 200 OK", name, "CSeq: 7 INVITE", body=body),
        message(at + 2, "SIP/2.0 200 OK", name, "CSeq: 8 BYE"),
    ]


def test_an_answer_is_from_the_first_invite_to_its_200_of_that_agents_phone() -> None:
    trace = [registered(AGENT, "abc"), registered(PLAIN, "def")]
    trace += call(2.0, "abc", "one", 0.030, "10.0.0.1", "10.0.1.1") + call(3.0, "def", "two", 0.120, "10.0.0.1")
    trace.append(message(4.0, "INVITE sip:0501234500@x SIP/2.0", "trunk"))
    found = times(trace, ("10.0.0.1", "10.0.1.1"))
    assert {who: [round(ms) for ms in took] for who, took in found.took_ms.items()} == {
        f"demo-{AGENT}": [30],
        f"demo-{PLAIN}": [120],
    }
    assert found.lacking == []  # the peer's are its own affair


def test_an_answer_of_ours_without_a_way_by_each_interface_is_told() -> None:
    trace = [registered(AGENT, "abc"), *call(2.0, "abc", "one", 0.030, "10.0.0.1")]
    assert times(trace, ("10.0.0.1", "10.0.1.1")).lacking == ["['10.0.0.1'] of ['10.0.0.1', '10.0.1.1']"]


def test_a_pop_belongs_to_the_invite_that_is_nearest_and_may_be_earlier() -> None:
    trace = [registered(AGENT, "abc"), *call(10.0, "abc", "one", 9.0), *call(12.0, "abc", "two", 9.0)]
    told: list[list[float | str]] = [["painted", 9_995.0, "090"], ["invite", 10_002.0], ["painted", 12_040.0, "090"]]
    found = pairs(sorted(trace, key=lambda m: m.at), told)
    assert [round(ms) for ms in found.painted] == [-5, 40]
    assert [round(ms) for ms in found.incoming] == [2]
    assert found.missing == 0


def test_a_trace_is_read_to_its_last_whole_message(tmp_path: Path) -> None:
    def frame(text: bytes, at: tuple[int, int], cut: int = 0) -> bytes:
        data = bytes(42) + text
        return struct.pack("<IIII", *at, len(data), len(data)) + data[: len(data) - cut]

    first, second = b"OPTIONS sip:x SIP/2.0\r\nCall-ID: a\r\n\r\n", b"SIP/2.0 200 OK\r\nCall-ID: a\r\n\r\n"
    head = b"\xd4\xc3\xb2\xa1" + bytes(20)
    path = tmp_path / "sip.pcap"
    path.write_bytes(head + frame(first, (5, 250_000)) + frame(second, (5, 500_000)) + frame(second, (6, 0), cut=3))
    found = read_trace(path)
    assert [(m.at, m.first) for m in found] == [(5.25, "OPTIONS sip:x SIP/2.0"), (5.5, "SIP/2.0 200 OK")]
    assert rung(found) == []
