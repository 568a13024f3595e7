"""AMI's wire form: any split of the stream gives the same frames, and everything has a bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.ami import frames
from cti.ami.frames import EventHeaders, FrameSplitter, Headers, encode_action, parse_headers
from cti.domain.errors import CallerError, PeerError

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
value = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=40)
key = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,15}", fullmatch=True).filter(
    lambda k: k not in ("Event", "Response", "ActionID")
)


def splitter(*wanted: str) -> FrameSplitter:
    found = FrameSplitter(wanted)
    assert found.feed(GREETING) == []
    return found


line = st.one_of(
    st.builds("{}: {}".format, st.sampled_from(["A", "Ab", "b", "ChanVariable"]), value),
    st.sampled_from(["", "no colon", "A: ", "C:", "C:1", "Ab : 2", ": x", "a\nA: 3", "A\r: 4"]),
)


def wire(headers: Headers) -> bytes:
    return "".join(f"{k}: {v}\r\n" for k, v in headers.items()).encode() + b"\r\n"


@given(st.lists(st.dictionaries(key, value, max_size=6), max_size=6), st.lists(st.integers(0, 400), max_size=30))
def test_any_split_of_the_stream_gives_the_same_frames(bodies: list[Headers], cuts: list[int]) -> None:
    sent: list[Headers] = [{"Event": "Tick", **body} for body in bodies]
    stream = GREETING + b"".join(wire(frame) for frame in sent)
    reader = FrameSplitter(("Tick",))
    got: list[Headers] = []
    edges = sorted({min(c, len(stream)) for c in cuts})
    for begin, end in zip([0, *edges], [*edges, len(stream)], strict=True):
        got += reader.feed(stream[begin:end])
    assert got == sent
    assert reader.version == "11.0.0"


@given(st.binary(max_size=2000))
def test_no_bytes_raise_anything_but_a_peer_error(data: bytes) -> None:
    reader = splitter("Tick")
    try:
        for frame in reader.feed(data):
            assert "Event" in frame or "Response" in frame
    except PeerError:
        pass
    assert reader.version == "11.0.0"


@pytest.mark.parametrize(
    "greeting",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"\r\n\r\n",
        b"Asterisk Call Manager\r\n",
        b"A" * 200,
        b"\0",
    ],
)
def test_a_peer_that_does_not_greet_like_asterisk_is_not_asterisk(greeting: bytes) -> None:
    with pytest.raises(PeerError, match="not Asterisk"):
        FrameSplitter(()).feed(greeting)


def test_a_greeting_without_an_end_is_bounded() -> None:
    with pytest.raises(PeerError):
        FrameSplitter(()).feed(frames.GREETING + b"1" * 200)


def test_a_greeting_may_come_in_pieces() -> None:
    reader = FrameSplitter(("Tick",))
    for byte in GREETING:
        assert reader.feed(bytes([byte])) == []
    assert reader.feed(b"Event: Tick\r\n\r\n") == [{"Event": "Tick"}]


@pytest.mark.parametrize("whole", [True, False])
def test_a_header_of_a_megabyte_is_refused(whole: bool) -> None:
    reader = splitter("Tick")
    data = b"Event: Tick\r\nName: " + b"x" * 1_000_000 + (b"\r\n\r\n" if whole else b"")
    with pytest.raises(PeerError, match="line"):
        for begin in range(0, len(data), 65536):
            reader.feed(data[begin : begin + 65536])


def test_a_frame_without_an_end_is_refused_before_it_fills_memory() -> None:
    reader = splitter("Tick")
    with pytest.raises(PeerError, match="frame"):
        for number in range(100_000):
            reader.feed(b"Key%d: value value value value value\r\n" % number)
    assert len(reader._buffer) <= frames.MAX_FRAME_BYTES + 100


def test_a_frame_as_large_as_allowed_is_read() -> None:
    reader = splitter("Tick")
    lines = b"".join(b"K%d: %s\r\n" % (n, b"x" * 1000) for n in range(1000))
    (frame,) = reader.feed(b"Event: Tick\r\n" + lines + b"\r\n")
    assert len(frame) == 1001


def test_what_nobody_wants_is_dropped_before_it_is_parsed() -> None:
    reader = splitter("Tick")
    assert reader.feed(b"Event: VarSet\r\nVariable: X\r\n\r\nEvent: Tick\r\n\r\nEvent: Ticket\r\n\r\n") == [
        {"Event": "Tick"}
    ]
    assert reader.dropped == 2


def test_the_answer_to_a_listing_is_kept_whatever_its_name() -> None:
    reader = splitter()
    assert reader.feed(b"Event: Status\r\nActionID: 1\r\nSeconds: 3\r\n\r\n") == [
        {"Event": "Status", "ActionID": "1", "Seconds": "3"}
    ]


def test_nobody_waits_so_nothing_is_an_answer() -> None:
    reader = splitter("Tick")
    data = b"Event: Status\r\nActionID: 1\r\n\r\nEvent: Tick\r\nActionID: 2\r\n\r\nResponse: Success\r\n\r\n"
    assert reader.feed(data, answers=False) == [{"Event": "Tick", "ActionID": "2"}, {"Response": "Success"}]
    assert reader.dropped == 1


@given(st.lists(line, max_size=8))
def test_an_event_reads_as_if_all_of_it_had_been_parsed(lines: list[str]) -> None:
    text = "\r\n".join(["Event: Tick", *lines])
    read, parsed = EventHeaders("Tick", text), parse_headers(text)
    assert {key: read.get(key) for key in parsed} == parsed
    assert dict(read) == parsed
    assert read == parsed
    assert len(read) == len(parsed)
    assert read.get("Absent") is None
    assert read.get("Absent", "") == ""
    with pytest.raises(KeyError):
        read["Absent"]


def test_garbage_between_frames_is_forgiven_for_a_while() -> None:
    reader = splitter("Tick")
    for _ in range(frames.MAX_MALFORMED):
        assert reader.feed(b"what: is this\r\n\r\n") == []
    assert reader.feed(b"Event: Tick\r\n\r\n") == [{"Event": "Tick"}]
    with pytest.raises(PeerError, match="not AMI"):
        reader.feed(b"no colon\r\n\r\n")


def test_empty_lines_between_frames_mean_nothing() -> None:
    reader = splitter("Tick")
    assert reader.feed(b"\r\n\r\n\r\nEvent: Tick\r\n\r\n\r\n\r\n") == [{"Event": "Tick"}]
    assert reader.malformed == 0


def test_absent_is_not_empty_and_repeated_is_kept() -> None:
    headers = parse_headers("Event: E\r\nEmpty:\r\nBlank: \r\nColon: a: b\r\nOutput: 1\r\nOutput: \r\nOutput: 3")
    assert headers == {"Event": "E", "Empty": "", "Blank": "", "Colon": "a: b", "Output": "1\n\n3"}


# -- actions -----------------------------------------------------------------------------------------------


@given(
    st.dictionaries(key.filter(lambda k: "channel" not in k.lower()), value.filter(lambda v: "\0" not in v), max_size=8)
)
def test_an_action_reads_as_it_was_written(headers: dict[str, str]) -> None:
    data = encode_action({"Action": "Test", **headers}, "id-1")
    assert data.count(b"\r\n\r\n") == 1
    read = parse_headers(data.decode().removesuffix("\r\n\r\n"))
    assert {k: v for k, v in read.items() if k not in ("Action", "ActionID")} == {
        k: v for k, v in headers.items() if k not in ("Action", "ActionID")
    }
    assert (read["Action"], read["ActionID"]) == ("Test", "id-1")


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_name_and_no_value_makes_a_second_line(name: str, text: str) -> None:
    try:
        data = encode_action({"Action": "Test", name: text}, "1")
    except CallerError:
        return
    assert data.count(b"\r\n") <= 4
    assert data.count(b"\n") == data.count(b"\r") == data.count(b"\r\n")


def test_a_header_that_repeats() -> None:
    assert encode_action({"Action": "T", "Variable": ["a=1", "b=2"]}, "1").endswith(
        b"Variable: a=1\r\nVariable: b=2\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Na me": "x"}, "cannot be called"),
        ({"": "x"}, "cannot be called"),
        ({"Name\r\nX": "x"}, "cannot be called"),
        ({"Value": "x" * 1100}, "longer than"),
        ({"Value": "あ" * 400}, "longer than"),
        ({"Variable": ["x"] * 200}, "128 headers"),
        ({"Channel": "/PJSIP/"}, "pattern"),
        ({"Value": "a\u0000"}, "NUL"),
    ],
)
def test_what_asterisk_would_read_as_something_else_is_refused(headers: dict[str, str | list[str]], words: str) -> None:
    with pytest.raises(CallerError, match=words):
        encode_action({"Action": "Test", **headers}, "1")
