"""An Asterisk made of a script: connects like one, plays nothing, presses the keys it is told to press."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

CALL_ID = "d57eb37a-746a-44b2-9fd6-b884d65068c9"


def environment(*, script: str = "menu", arguments: tuple[str, ...] = (CALL_ID, "demo", "main")) -> bytes:
    lines = ["network: yes", f"network_script: {script}", f"request: agi://127.0.0.1:4573/{script}"]
    lines += ["channel: PJSIP/trunk-00000001", "language: ja", "callerid: 09012345678", "calleridname: 山田"]
    lines += [f"arg_{number}: {argument}" for number, argument in enumerate(arguments, 1)]
    return "".join(f"agi_{line}\n" for line in lines).encode() + b"\n"


@dataclass(kw_only=True)
class ScriptedAsterisk:
    """One call. ``keys`` is prompt → what is pressed while it is the last one of a question."""

    port: int
    keys: Mapping[str, str] = field(default_factory=dict)
    hang_up_at: str | None = None  # the prompt during which the caller leaves
    say_hangup: bool = False  # as without AGIEXITONHANGUP: a line HANGUP instead of closing
    silent_at: str | None = None  # the prompt from which on Asterisk answers nothing any more
    commands: list[list[str]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    place: dict[str, str] = field(default_factory=dict)

    async def call(self) -> None:
        """Until the server closes, or the caller leaves."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(environment())
            while line := await reader.readline():
                words = shlex.split(line.decode())
                self.commands.append(words)
                reply = self._reply(words)
                if reply is None:
                    return
                if reply == "":
                    await reader.read()
                    return
                writer.write(reply.encode())
        finally:
            writer.close()

    def _reply(self, words: list[str]) -> str | None:
        verb, name = " ".join(words[:2]), words[2] if len(words) > 2 else ""
        prompt = name.rsplit("/", 1)[-1]
        if verb in ("STREAM FILE", "GET DATA") and prompt:
            if prompt == self.hang_up_at:
                return "HANGUP\n200 result=-1\n" if self.say_hangup else None
            if prompt == self.silent_at:
                return ""
        if verb == "GET VARIABLE":
            known = {"CTI_SOUNDS": "/sounds/kakehashi", **self.variables}
            return f"200 result=1 ({known[name]})\n" if name in known else "200 result=0\n"
        if verb == "SET VARIABLE":
            self.variables[name] = words[3]
            return "200 result=1\n"
        if verb in ("SET CONTEXT", "SET EXTENSION", "SET PRIORITY"):
            self.place[words[1].lower()] = name
            return "200 result=0\n"
        if verb == "STREAM FILE":
            return "200 result=0 endpos=16000\n"
        if verb == "GET DATA":
            pressed = self.keys.get(prompt, "")
            note = "" if pressed and (pressed.endswith("#") or len(pressed) == int(words[4])) else " (timeout)"
            return f"200 result={pressed.rstrip('#')}{note}\n"
        raise AssertionError(f"no Asterisk was asked this before: {words}")
