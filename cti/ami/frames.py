"""AMI's wire form, pure: bytes to headers and headers to bytes. No socket, no clock.

Source: Asterisk's main/manager.c. A frame is lines ``Key: value`` ended by CR LF, closed by an empty line; the very
first line of a connection is a greeting of its own. Values may be any bytes but CR, LF and NUL.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from cti.domain.errors import CallerError, PeerError

EOL = b"\r\n"
GREETING = b"Asterisk Call Manager/"

# The longest line Asterisk 22 was seen to send is a Newexten with 8 KiB of application data.
MAX_LINE_BYTES = 64 * 1024
# A frame of 46 kB covers a whole unfiltered call; this is room for every listing we ask for, and a bound all the same.
MAX_FRAME_BYTES = 1024 * 1024
# "Asterisk Call Manager/11.0.0\r\n" has 30.
MAX_GREETING_BYTES = 128
# manager.c reads actions into char inbuf[1025], less CR LF and the ending zero.
MAX_ACTION_LINE_BYTES = 1022
# AST_MAX_MANHEADERS
MAX_ACTION_HEADERS = 128
# Frames that are neither event nor response: some are forgiven, then the stream is not AMI.
MAX_MALFORMED = 20

Headers = Mapping[str, str]
ActionHeaders = Mapping[str, str | Sequence[str]]

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*\Z")
_FORBIDDEN = re.compile(r"[\r\n\0]")


class EventHeaders(Mapping[str, str]):
    """An event's headers, each looked for when it is asked for: translation wants seven of twenty (decision 0145).

    Reads as :func:`parse_headers` would read it; an absent header is absent, not empty.
    """

    __slots__ = ("event", "text")

    def __init__(self, event: str, text: str) -> None:
        self.event = event  # the value of its first line
        self.text = text  # from its first line on; every other line has a line end before it

    def get(self, key: str, default: Any = None) -> Any:
        """The header's value, or ``default``."""
        if key == "Event":
            return self.event
        text, needle = self.text, f"\r\n{key}: "
        begin = text.find(needle)
        if begin < 0:  # not there, or written as nobody writes it
            return parse_headers(text)[key] if f"\r\n{key}:" in text else default
        begin += len(needle)
        end = text.find("\r\n", begin)
        if end < 0:
            return text[begin:]
        return text[begin:end] if text.find(needle, end) < 0 else parse_headers(text)[key]

    def last(self, key: str) -> str | None:
        """The header's value, or None; found sooner than by :meth:`get` near the end. Of several the last."""
        needle = f"\r\n{key}: "
        begin = self.text.rfind(needle)
        return self.text[begin + len(needle) :].partition("\r\n")[0] if begin >= 0 else self.get(key)

    def __getitem__(self, key: str) -> str:
        value: str | None = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(parse_headers(self.text))

    def __len__(self) -> int:
        return len(parse_headers(self.text))


class FrameSplitter:
    """Cuts a byte stream into frames and drops what nobody needs before parsing it.

    ``wanted`` are the names of events to keep. Others are dropped unless they carry an ActionID while somebody waits
    for an answer: then they are part of a listing.
    """

    def __init__(self, wanted: Collection[str]) -> None:
        self._wanted = frozenset(wanted)
        self._buffer = bytearray()
        self._greeted = False
        self.version: str | None = None  # AMI's own version from the greeting
        self.dropped = 0  # events nobody needs
        self.malformed = 0  # frames that are neither event nor response

    def feed(self, data: bytes, *, answers: bool = True) -> list[Headers]:
        """Take bytes, return the frames they complete. Raises PeerError when this is not AMI or too large.

        ``answers``: whether somebody waits for one.
        """
        searched = max(0, len(self._buffer) - 3)
        self._buffer += data
        if not self._greeted:
            if not self._read_greeting():
                return []
            searched = 0
        if self._buffer.find(b"\r\n\r\n", searched) < 0:
            self._check_rest()
            return []
        whole, _, rest = bytes(self._buffer).rpartition(b"\r\n\r\n")
        self._buffer = bytearray(rest)
        self._check_rest()
        # At once: no byte of a character is a line end, so that what is broken in one frame ends with it.
        return self._read(whole.decode("utf-8", "replace").split("\r\n\r\n"), answers)

    def _read(self, parts: list[str], answers: bool) -> list[Headers]:
        frames: list[Headers] = []
        wanted, dropped = self._wanted, 0
        for part in parts:
            if part[:7] != "Event: ":
                frames += self._read_other(part, answers)
                continue
            end = part.find("\r", 7)
            event = part[7:end] if end > 0 else part[7:]
            # Nine of ten events of an unfiltered stream end here.
            if event not in wanted and not (answers and "\r\nActionID: " in part):
                dropped += 1
                continue
            if len(part) > MAX_LINE_BYTES // 4:  # no character has more bytes
                self._check_size(part)
            frames.append(EventHeaders(event, part))
        self.dropped += dropped
        return frames

    def _read_other(self, part: str, answers: bool) -> list[Headers]:
        """A response, an event with odd line ends before it, or neither."""
        part = part.lstrip("\r\n")
        if not part:
            return []
        if part.startswith("Event: "):
            return self._read([part], answers)
        self._check_size(part)
        headers = parse_headers(part)
        if "Event" not in headers and "Response" not in headers:
            self.malformed += 1
            if self.malformed > MAX_MALFORMED:
                raise PeerError(f"{MAX_MALFORMED} frames were neither event nor response: this is not AMI")
            return []
        return [headers]

    def _read_greeting(self) -> bool:
        line, end, rest = self._buffer.partition(EOL)
        if not GREETING.startswith(bytes(line[: len(GREETING)])) or len(line) > MAX_GREETING_BYTES:
            raise PeerError("the peer is not Asterisk's manager interface: it did not greet with its name")
        if not end:
            return False
        if not line.startswith(GREETING):
            raise PeerError("the peer is not Asterisk's manager interface: it did not greet with its name")
        self.version = line[len(GREETING) :].decode("ascii", "replace").strip()
        self._buffer = bytearray(rest)
        self._greeted = True
        return True

    def _check_rest(self) -> None:
        """The frame that is not complete yet; looks at its last line only, however small the pieces come."""
        size = len(self._buffer)
        if size > MAX_FRAME_BYTES:
            raise PeerError(f"a frame from Asterisk is longer than {MAX_FRAME_BYTES} bytes")
        if size > MAX_LINE_BYTES and self._buffer.rfind(EOL, size - MAX_LINE_BYTES - len(EOL)) < 0:
            raise PeerError(f"a line from Asterisk is longer than {MAX_LINE_BYTES} bytes")

    @staticmethod
    def _check_size(text: str) -> None:
        frame = text.encode()
        if len(frame) > MAX_FRAME_BYTES:
            raise PeerError(f"a frame from Asterisk is longer than {MAX_FRAME_BYTES} bytes")
        if len(frame) > MAX_LINE_BYTES and max(map(len, frame.split(EOL))) > MAX_LINE_BYTES:
            raise PeerError(f"a line from Asterisk is longer than {MAX_LINE_BYTES} bytes")


def parse_headers(text: str) -> dict[str, str]:
    """Lines to headers. A header that comes again is joined to the first by a line feed, which no value can hold.

    A line without a colon is skipped. An absent header is absent, not empty.
    """
    headers: dict[str, str] = {}
    for line in text.split("\r\n"):
        key, colon, value = line.partition(":")
        if not colon:
            continue
        if value.startswith(" "):
            value = value[1:]
        if key in headers:
            headers[key] += "\n" + value
        else:
            headers[key] = value
    return headers


def encode_action(action: ActionHeaders, action_id: str) -> bytes:
    """An action as bytes, its ActionID included. ``Action`` must be there; a sequence makes a header that repeats.

    Raises CallerError for what would be read as something else: CR, LF or NUL in a value, a channel that starts with
    "/" (Asterisk takes that for a regular expression over all channels), a line or a frame that Asterisk cuts.
    """
    lines = [f"Action: {_value('Action', str(action['Action']))}", f"ActionID: {_value('ActionID', action_id)}"]
    for key, given in action.items():
        if key in ("Action", "ActionID"):
            continue
        if not _KEY.match(key):
            raise CallerError(f"an AMI header cannot be called {key!r}")
        values = [given] if isinstance(given, str) else given
        lines.extend(f"{key}: {_value(key, value)}" for value in values)
    if len(lines) > MAX_ACTION_HEADERS:
        raise CallerError(f"an AMI action takes {MAX_ACTION_HEADERS} headers at most, this one has {len(lines)}")
    encoded = [line.encode() for line in lines]
    for line in encoded:
        if len(line) > MAX_ACTION_LINE_BYTES:
            name = line.partition(b":")[0].decode()
            raise CallerError(f"the AMI header {name} is longer than {MAX_ACTION_LINE_BYTES} bytes with its value")
    return EOL.join(encoded) + b"\r\n\r\n"


def _value(key: str, value: str) -> str:
    if _FORBIDDEN.search(value):
        raise CallerError(f"the AMI header {key} has a line break or a NUL in its value")
    if "channel" in key.lower() and value.startswith("/"):
        raise CallerError(f"the AMI header {key} must be a channel's name, not a pattern")
    return value
