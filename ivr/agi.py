"""FastAGI on the wire, without a socket: bytes in, events out; commands in, bytes out.

Source of the protocol: Asterisk's ``res_agi`` (22) and its answers as captured from a real one. A connection is
an environment block (``agi_key: value`` lines, then an empty line), then strictly one command and one reply at a
time. Asterisk stops looking at the socket's own buffer between commands, so pipelining is not possible.

A reply is ``200 result=VALUE (NOTE) endpos=N``, ``510``/``511``/``520 text``, or a usage text between ``520-`` and
``520 ``. A line ``HANGUP`` may come at any time after the environment and answers nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from cti.domain.errors import CallerError, PeerError

# Asterisk reads commands into a buffer of 2,048 bytes and would take the rest for the next command.
MAX_COMMAND_BYTES = 2000
# The longest honest line is a variable's value; 8 KiB is twice what a channel variable usually holds.
MAX_LINE_BYTES = 8192
# Asterisk sends 22 lines and one for each of at most 127 arguments.
MAX_ENVIRONMENT_LINES = 160
# All lines of the environment together: 160 lines of some 200 bytes.
MAX_ENVIRONMENT_BYTES = 32_768
# The longest usage text in res_agi has some 30 lines.
MAX_USAGE_LINES = 100

ANY_KEY = "0123456789*#"

_REPLY = re.compile(
    r"(?P<code>\d{3}) result=(?P<result>[^\s()]*)(?:\s*\((?P<note>.*)\))?(?:\s+endpos=(?P<endpos>\d{1,18}))?\s*"
)
_REFUSAL = re.compile(r"(?P<code>5\d\d)(?P<more>[ -])(?P<text>.*)", re.DOTALL)
_UNWRITABLE = re.compile(r"[\r\n\x00]")


class Phase(StrEnum):
    """What the next line from Asterisk can be."""

    ENVIRONMENT = "environment"
    IDLE = "idle"  # no command is out: only HANGUP may come
    WAITING = "waiting"  # one command is out
    USAGE = "usage"  # inside a 520- text
    BROKEN = "broken"  # a PeerError was raised; nothing more is understood


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """The block Asterisk opens with."""

    values: Mapping[str, str]  # without the prefix "agi_", e.g. {"channel": "PJSIP/trunk-00000001"}

    @property
    def script(self) -> str:
        """Path of the request without slash and query, e.g. "menu"."""
        return unquote(urlsplit(self.values.get("request", "")).path.strip("/"))

    def argument(self, number: int) -> str:
        """``agi_arg_<number>``, counted from 1; "" when it was not given."""
        return self.values.get(f"arg_{number}", "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """The answer to one command."""

    code: int  # 200 understood, 510 unknown, 511 channel is dead, 520 wrong syntax
    result: str = ""  # text after result=: a number, or for GET DATA the keys themselves
    note: str | None = None  # text in parentheses: "timeout", or a variable's value
    endpos: int | None = None  # samples played of STREAM FILE
    text: str = ""  # what 5xx said

    @property
    def number(self) -> int | None:
        """``result`` as a number; None when it is none."""
        return int(self.result) if re.fullmatch(r"-?\d{1,18}", self.result) else None

    @property
    def timed_out(self) -> bool:
        """The caller stopped pressing keys."""
        return self.note == "timeout"


@dataclass(frozen=True, kw_only=True, slots=True)
class HangUp:
    """The line HANGUP: the caller is gone. The reply to a command that is out still comes."""


AgiEvent = Environment | Reply | HangUp


class AgiConnection:
    """The state of one connection. Feed it what arrived, tell it what is sent.

    Raises PeerError when the other side is not an Asterisk keeping to the protocol; nothing works after that.
    """

    def __init__(self) -> None:
        self.phase = Phase.ENVIRONMENT
        self._buffer = b""
        self._environment: dict[str, str] = {}
        self._environment_bytes = 0
        self._usage: list[str] = []

    def receive(self, data: bytes) -> list[AgiEvent]:
        """The events that ``data`` completes, in order."""
        if self.phase is Phase.BROKEN:
            raise PeerError("FastAGI: the connection is already broken")
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        events: list[AgiEvent] = []
        for line in lines:
            event = self._line(self._text(line))
            if event is not None:
                events.append(event)
        if len(self._buffer) > MAX_LINE_BYTES:
            raise self._broken("a line has no end")
        return events

    def send(self, command: bytes) -> bytes:
        """Note that ``command`` (made by the functions below) goes out now, and give it back.

        Raises RuntimeError when a command is out already: that is our mistake, not the peer's.
        """
        if self.phase is not Phase.IDLE:
            raise RuntimeError(f"FastAGI: no command may be sent in phase {self.phase}")
        self.phase = Phase.WAITING
        return command

    def _text(self, line: bytes) -> str:
        if len(line) > MAX_LINE_BYTES:
            raise self._broken("a line is too long")
        # A caller's display name can hold any bytes; they must not end the call.
        return line.removesuffix(b"\r").decode("utf-8", "replace")

    def _line(self, line: str) -> AgiEvent | None:
        if self.phase is Phase.ENVIRONMENT:
            return self._environment_line(line)
        if self.phase is Phase.USAGE:
            return self._usage_line(line)
        if line == "HANGUP":
            return HangUp()
        if self.phase is Phase.IDLE:
            raise self._broken("a reply came that answers no command")
        return self._reply_line(line)

    def _environment_line(self, line: str) -> Environment | None:
        if line == "":
            if not self._environment:
                raise self._broken("the environment is empty")
            self.phase = Phase.IDLE
            return Environment(values=dict(self._environment))
        self._environment_bytes += len(line)
        if len(self._environment) >= MAX_ENVIRONMENT_LINES or self._environment_bytes > MAX_ENVIRONMENT_BYTES:
            raise self._broken("the environment has no end")
        key, colon, value = line.partition(":")
        if not colon or not key.startswith("agi_"):
            raise self._broken("a line of the environment is not agi_<key>: <value>")
        self._environment[key.removeprefix("agi_")] = value.removeprefix(" ")
        return None

    def _reply_line(self, line: str) -> Reply | None:
        if found := _REPLY.fullmatch(line):
            self.phase = Phase.IDLE
            endpos = found["endpos"]
            return Reply(
                code=int(found["code"]),
                result=found["result"],
                note=found["note"],
                endpos=None if endpos is None else int(endpos),
            )
        if found := _REFUSAL.fullmatch(line):
            if found["more"] == "-":
                self.phase = Phase.USAGE
                self._usage = [found["text"]]
                return None
            self.phase = Phase.IDLE
            return Reply(code=int(found["code"]), text=found["text"])
        raise self._broken("a line is no reply")

    def _usage_line(self, line: str) -> Reply | None:
        if line.startswith("520 "):
            self.phase = Phase.IDLE
            return Reply(code=520, text="\n".join(self._usage))
        self._usage.append(line)
        if len(self._usage) > MAX_USAGE_LINES:
            raise self._broken("a usage text has no end")
        return None

    def _broken(self, why: str) -> PeerError:
        # The line itself is not told: it may hold a caller's number or keys.
        phase, self.phase = self.phase, Phase.BROKEN
        self._buffer = b""
        return PeerError(f"FastAGI: {why} (phase {phase})")


def command(*words: str | int) -> bytes:
    """One command line. The first words are Asterisk's own (``"STREAM FILE"``), the rest are arguments.

    Raises CallerError for an argument with CR, LF or NUL (it would start a second command) and for an over-long line.
    """
    verb, *arguments = words
    line = " ".join([str(verb), *(_quoted(str(argument)) for argument in arguments)])
    if _UNWRITABLE.search(line):
        raise CallerError(f"FastAGI: an argument of {verb} holds CR, LF or NUL; leave it out")
    encoded = line.encode() + b"\n"
    if len(encoded) > MAX_COMMAND_BYTES:
        raise CallerError(f"FastAGI: {verb} would be {len(encoded)} bytes long; at most {MAX_COMMAND_BYTES} are read")
    return encoded


def _quoted(argument: str) -> str:
    escaped = argument.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def stream_file(name: str, *, keys: str = ANY_KEY, offset_samples: int = 0) -> bytes:
    """Play a sound file; a key of ``keys`` stops it. Reply: the key's ASCII code or 0, and endpos."""
    return command("STREAM FILE", name, keys, offset_samples)


def get_data(name: str, *, timeout_ms: int, max_digits: int) -> bytes:
    """Play a file ("" for none), collect keys until ``max_digits``, ``#`` or silence. Reply: the keys."""
    return command("GET DATA", name, timeout_ms, max_digits)


def set_variable(name: str, value: str) -> bytes:
    """Set a channel variable or a writable function, e.g. ``TIMEOUT(absolute)``."""
    return command("SET VARIABLE", name, value)


def get_variable(name: str) -> bytes:
    """Read a channel variable. Reply: result=1 and the value as note, or result=0."""
    return command("GET VARIABLE", name)


def channel_status() -> bytes:
    """Ask whether the channel lives. Reply: 6 for "up"; -1 or code 511 when it is gone."""
    return command("CHANNEL STATUS")
