"""The FastAGI codec: tables of what Asterisk 22.10.1 said, and properties over everything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.errors import CallerError, PeerError
from ivr import agi
from ivr.agi import AgiConnection, AgiEvent, Environment, HangUp, Phase, Reply

# As captured: a call to agi://127.0.0.1:25559/menu,CALL,demo,main.
ENVIRONMENT = b"""agi_network: yes
agi_network_script: menu
agi_request: agi://127.0.0.1:25559/menu
agi_channel: PJSIP/trunk-00000000
agi_language: ja
agi_uniqueid: 1795299501.0
agi_callerid: 09012345678
agi_calleridname: unknown
agi_arg_1: d57eb37a-746a-44b2-9fd6-b884d65068c9
agi_arg_2: demo
agi_arg_3: main

"""
USAGE = b"520-Invalid command syntax.  Proper usage follows:\nPlays a file.\n\n520 End of proper usage.\n"


def idle() -> AgiConnection:
    connection = AgiConnection()
    connection.receive(ENVIRONMENT)
    return connection


def answer(data: bytes) -> list[AgiEvent]:
    connection = idle()
    connection.send(agi.channel_status())
    return connection.receive(data)


def test_the_environment_says_who_calls_and_what_for() -> None:
    (event,) = AgiConnection().receive(ENVIRONMENT)
    assert isinstance(event, Environment)
    assert event.script == "menu"
    assert event.argument(1) == "d57eb37a-746a-44b2-9fd6-b884d65068c9"
    assert event.argument(4) == ""
    assert event.values["channel"] == "PJSIP/trunk-00000000"


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"200 result=0\n", Reply(code=200, result="0")),
        (b"200 result=-1\n", Reply(code=200, result="-1")),
        (b"200 result=49 endpos=8000\n", Reply(code=200, result="49", endpos=8000)),
        (b"200 result=0 endpos=27600\n", Reply(code=200, result="0", endpos=27600)),
        (b"200 result= (timeout)\n", Reply(code=200, result="", note="timeout")),
        (b"200 result=*12 (timeout)\n", Reply(code=200, result="*12", note="timeout")),
        (b"200 result=\n", Reply(code=200, result="")),
        (b"200 result=48120017\n", Reply(code=200, result="48120017")),
        (b"200 result=1 (/a (b) c)\n", Reply(code=200, result="1", note="/a (b) c")),
        (b"200 result=1 (speech) endpos=12\n", Reply(code=200, result="1", note="speech", endpos=12)),
        (b"510 Invalid or unknown command\n", Reply(code=510, text="Invalid or unknown command")),
        (b"511 Command Not Permitted\r\n", Reply(code=511, text="Command Not Permitted")),
        (b"520 Invalid command syntax.\n", Reply(code=520, text="Invalid command syntax.")),
        (USAGE, Reply(code=520, text="Invalid command syntax.  Proper usage follows:\nPlays a file.\n")),
    ],
)
def test_replies(line: bytes, reply: Reply) -> None:
    assert answer(line) == [reply]


def test_what_a_reply_means() -> None:
    assert Reply(code=200, result="49").number == 49
    assert Reply(code=200, result="*1").number is None
    assert Reply(code=200, result="1", note="timeout").timed_out
    assert not Reply(code=200, result="1").timed_out


def test_hangup_answers_nothing_and_the_reply_still_belongs_to_the_command() -> None:
    connection = idle()
    assert connection.receive(b"HANGUP\n") == [HangUp()]
    connection.send(agi.channel_status())
    assert connection.receive(b"HANGUP\n200 result=-1\n") == [HangUp(), Reply(code=200, result="-1")]
    assert connection.phase is Phase.IDLE


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"GET / HTTP/1.1\r\n", "agi_<key>"),
        (b"\n", "empty"),
        (b"agi_x: " + b"y" * 1_000_000, "no end"),
        (b"agi_x: " + b"y" * 9_000 + b"\n", "too long"),
        (b"".join(b"agi_%d: x\n" % n for n in range(1000)), "no end"),
        (b"".join(b"agi_x: %d%s\n" % (n, b"x" * 8000) for n in range(5)), "no end"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\n", "agi_<key>"),
    ],
)
def test_a_stranger_is_recognised(data: bytes, why: str) -> None:
    connection = AgiConnection()
    with pytest.raises(PeerError, match=why):
        connection.receive(data)
    with pytest.raises(PeerError, match="broken"):
        connection.receive(ENVIRONMENT)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"200 ok\n", "no reply"),
        (b"hello\n", "no reply"),
        (b"520-usage\n" + b"more\n" * 200, "usage text has no end"),
        (b"2" * 9000, "no end"),
    ],
)
def test_nonsense_instead_of_a_reply(data: bytes, why: str) -> None:
    with pytest.raises(PeerError, match=why):
        answer(data)


def test_a_reply_that_nobody_asked_for_ends_it() -> None:
    with pytest.raises(PeerError, match="answers no command"):
        idle().receive(b"200 result=1\n")


def test_no_error_tells_what_the_line_held() -> None:
    with pytest.raises(PeerError) as raised:
        answer(b"please call 090-1234-5678\n")
    assert "090" not in str(raised.value)


def test_only_one_command_at_a_time() -> None:
    connection = AgiConnection()
    with pytest.raises(RuntimeError):
        connection.send(agi.channel_status())
    connection.receive(ENVIRONMENT)
    connection.send(agi.channel_status())
    with pytest.raises(RuntimeError):
        connection.send(agi.channel_status())


@given(st.lists(st.integers(0, 400), max_size=12))
def test_cutting_the_stream_anywhere_changes_nothing(cuts: list[int]) -> None:
    stream = ENVIRONMENT + b"HANGUP\n"
    connection, events, start = AgiConnection(), [], 0
    for cut in [*sorted(cuts), len(stream)]:
        events += connection.receive(stream[start : max(start, cut)])
        start = max(start, cut)
    assert events == AgiConnection().receive(stream)


@given(st.lists(st.binary(max_size=300), max_size=20), st.booleans())
def test_whatever_arrives_is_understood_or_a_peer_error(chunks: list[bytes], greeted: bool) -> None:
    connection = idle() if greeted else AgiConnection()
    try:
        for chunk in chunks:
            for event in connection.receive(chunk):
                assert isinstance(event, Environment | Reply | HangUp)
            if connection.phase is Phase.IDLE:
                connection.send(agi.channel_status())
    except PeerError:
        assert connection.phase is Phase.BROKEN


WRITABLE = st.text(st.characters(blacklist_characters="\r\n\x00", blacklist_categories=["Cs"]), max_size=80)


@given(st.lists(WRITABLE, max_size=4))
def test_asterisk_reads_the_arguments_that_were_meant(arguments: list[str]) -> None:
    line = agi.command("NOOP", *arguments)
    assert line.count(b"\n") == 1
    assert as_asterisk_splits(line.decode()[:-1]) == ["NOOP", *arguments]


def as_asterisk_splits(line: str) -> list[str]:
    """res_agi's parse_args: blanks part, double quotes hold together, a backslash takes the next as it is."""
    words: list[str] = []
    quoted = escaped = False
    word: str | None = None
    for character in line:
        if escaped:
            word, escaped = (word or "") + character, False
        elif character == "\\":
            word, escaped = word or "", True
        elif character == '"':
            word, quoted = word or "", not quoted
        elif character in " \t" and not quoted:
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + character
    return words if word is None else [*words, word]


@pytest.mark.parametrize("value", ["a\nHANGUP", "a\rb", "a\x00b"])
def test_a_value_cannot_become_a_second_command(value: str) -> None:
    with pytest.raises(CallerError, match="CR, LF or NUL"):
        agi.set_variable("CTI_QUEUE", value)


def test_a_command_that_asterisk_would_cut_is_not_sent() -> None:
    with pytest.raises(CallerError, match="at most 2000"):
        agi.set_variable("CTI_QUEUE", "あ" * 700)


def test_commands() -> None:
    assert agi.stream_file("/s/ja/a") == b'STREAM FILE "/s/ja/a" "0123456789*#" "0"\n'
    assert agi.get_data("", timeout_ms=5000, max_digits=8) == b'GET DATA "" "5000" "8"\n'
    assert agi.set_variable("TIMEOUT(absolute)", "20") == b'SET VARIABLE "TIMEOUT(absolute)" "20"\n'
