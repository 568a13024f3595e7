"""A step of a dialogue as AGI commands: a generator that yields commands and receives replies. Pure.

Digits are collected by GET DATA, inside Asterisk, although that means one long command: keys that arrive while
Asterisk waits for our next command are lost, so the fewer round trips a number takes the better
(docs/decisions/0040-digits-are-collected-by-asterisk.md).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Protocol

from cti.domain.errors import PeerError
from ivr.agi import ANY_KEY, Reply, channel_status, command, get_data, get_variable, set_variable, stream_file
from ivr.steps import CallerLeft, GetDigits, Say, SetLanguage, Step

# Asterisk plays telephone sound at 8,000 samples a second; endpos counts them in the file's own rate, ours is that.
SAMPLES_PER_S = 8000
# Longer than any prompt we know of: for one whose length nobody measured.
UNKNOWN_LENGTH_S = 20.0
# A command that plays nothing is answered within milliseconds.
INSTANT_S = 1.0
# Where the dialplan keeps the folder that holds ja/ and en/; and what is played if it does not say.
SOUNDS_VARIABLE = "CTI_SOUNDS"
DEFAULT_SOUNDS = "kakehashi"


class PromptLengths(Protocol):
    """How long prompts are."""

    def length_s(self, name: str, language: str) -> float | None:
        """Seconds of sound, or None when it was not measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """One command and the longest a living Asterisk takes to answer it."""

    line: bytes
    longest_s: float


Performing = Generator[Ask, Reply, str]


@dataclass(kw_only=True)
class Voice:
    """Which language is spoken now, and how long its prompts are."""

    language: str
    lengths: PromptLengths
    sounds: str = DEFAULT_SOUNDS  # path as Asterisk sees it
    unplayable: set[str] = field(default_factory=set)  # prompts that Asterisk could not play

    def path(self, name: str) -> str:
        """What Asterisk is asked to play; "" stays ""."""
        return f"{self.sounds}/{self.language}/{name}" if name else ""

    def length_s(self, name: str) -> float:
        """Seconds of a prompt, guessed high when unknown."""
        known = self.lengths.length_s(name, self.language)
        return UNKNOWN_LENGTH_S if known is None else known


def longest_s(step: Step, voice: Voice) -> float:
    """The longest this step takes with a caller who uses all the time there is."""
    if isinstance(step, SetLanguage):
        return 2 * INSTANT_S
    spoken_s = sum(voice.length_s(name) for name in step.prompts)
    if isinstance(step, Say):
        return spoken_s + INSTANT_S
    return spoken_s + step.max_digits * step.timeout_s + INSTANT_S


def perform(step: Step, voice: Voice) -> Performing:
    """Do one step; returns the keys pressed, as steps.py says. Raises CallerLeft when the channel is gone."""
    if isinstance(step, Say):
        return (yield from _say(step, voice))
    if isinstance(step, GetDigits):
        return (yield from _get_digits(step, voice))
    yield from _set("CHANNEL(language)", step.language)
    # The dialplan's own prompts follow it, also when we are gone before the end.
    yield from _set("CTI_LANG", step.language)
    voice.language = step.language
    return ""


def read_variable(name: str) -> Performing:
    """The value of a channel variable; "" when it is not set."""
    reply = yield Ask(line=get_variable(name), longest_s=INSTANT_S)
    yield from _still_there(reply)
    return (reply.note or "") if reply.result == "1" else ""


def go_to(context: str, extension: str) -> Performing:
    """Where the dialplan goes on when the dialogue is over."""
    for ask in (command("SET CONTEXT", context), command("SET EXTENSION", extension), command("SET PRIORITY", 1)):
        reply = yield Ask(line=ask, longest_s=INSTANT_S)
        yield from _still_there(reply)
    return ""


def set_variables(values: dict[str, str]) -> Performing:
    """Set channel variables in order. Raises CallerLeft when the channel is gone."""
    for name, value in values.items():
        yield from _set(name, value)
    return ""


def _set(name: str, value: str) -> Performing:
    reply = yield Ask(line=set_variable(name, value), longest_s=INSTANT_S)
    yield from _still_there(reply)
    return ""


def _say(step: Say, voice: Voice) -> Performing:
    keys = ""
    for name in step.prompts:
        key, endpos = yield from _play(name, voice, 0)
        keys += key
        while key and not step.interruptible:
            # The key is kept, the words are finished from where they stopped.
            key, endpos = yield from _play(name, voice, endpos)
            keys += key
        if keys and step.interruptible:
            return keys
    return keys


def _get_digits(step: GetDigits, voice: Voice) -> Performing:
    *first, last = step.prompts or ("",)
    keys = ""
    for name in first:
        keys, _ = yield from _play(name, voice, 0)
        if keys:
            break
    if keys == "#" or len(keys) == step.max_digits:
        return keys
    name = "" if keys else last
    ask = get_data(
        voice.path(name),
        timeout_ms=round(step.timeout_s * 1000),
        max_digits=step.max_digits - len(keys),
    )
    spoken_s = voice.length_s(name) if name else 0.0
    reply = yield Ask(line=ask, longest_s=spoken_s + step.timeout_s * (step.max_digits - len(keys)))
    yield from _still_there(reply)
    if reply.result == "-1":
        # An unheard question is not waited for: the dialogue goes on as if the caller had said nothing.
        voice.unplayable.add(name)
        return keys
    pressed = reply.result
    if len(pressed) > step.max_digits - len(keys) or not set(pressed) <= set(ANY_KEY):
        raise PeerError("FastAGI: the answer to GET DATA is no row of keys")
    if pressed == "" and not reply.timed_out and not keys:
        return "#"
    return keys + pressed


def _play(name: str, voice: Voice, offset_samples: int) -> Generator[Ask, Reply, tuple[str, int]]:
    """Play one prompt; the key that stopped it ("" for none) and where."""
    ask = stream_file(voice.path(name), keys=ANY_KEY, offset_samples=offset_samples)
    reply = yield Ask(line=ask, longest_s=voice.length_s(name))
    yield from _still_there(reply)
    code = reply.number
    if code is None:
        raise PeerError("FastAGI: the answer to STREAM FILE is no number")
    if code < 0:
        voice.unplayable.add(name)
    if code <= 0:
        return "", 0
    if not (code < 128 and chr(code) in ANY_KEY):
        raise PeerError("FastAGI: the answer to STREAM FILE is no key")
    # Asterisk counts from the file's start; a position that does not move would play the same word for ever.
    return chr(code), max(reply.endpos or 0, offset_samples + SAMPLES_PER_S // 50)


def _still_there(reply: Reply) -> Generator[Ask, Reply, None]:
    """Raise CallerLeft when the reply means that. -1 also means "no such file", so ask."""
    if reply.code == 511:
        raise CallerLeft
    if reply.code != 200:
        raise PeerError(f"FastAGI: Asterisk refused a command with {reply.code}")
    if reply.result != "-1":
        return
    status = yield Ask(line=channel_status(), longest_s=INSTANT_S)
    if status.code == 511 or (status.code == 200 and status.result == "-1"):
        raise CallerLeft
