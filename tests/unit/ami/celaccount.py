"""Lines of cel.csv, written as Asterisk 22.10.1 writes them with our cel_custom.conf."""

from __future__ import annotations

import json
from datetime import UTC, datetime

CALL = "5c94eae8-3e26-483c-b40a-17ec5690d6c4"
OTHER_CALL = "7d310940-8ad5-487d-ae45-50f368db2e62"
T0 = 1795305440.0
CALLER, SATO, SMITH = "PJSIP/trunk-00000001", "PJSIP/demo-sato-00000002", "PJSIP/demo-smith-00000003"
NOTE = "+81501234510|members|1795305441|1795305442"


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(T0 + seconds, UTC)


class Written:
    """One call's lines. Times are seconds after T0."""

    def __init__(self, call_id: str = CALL, *, caller: str = CALLER, made: float = 0.0, note: str = NOTE) -> None:
        self.lines: list[str] = []
        self.caller = caller
        self.call_id = call_id
        self.note = note
        self.unique = f"{int(T0 + made)}.{int(caller[-8:], 16)}"

    def row(self, kind: str, when: float, name: str, *, context: str = "cti-fallback", **extra: object) -> Written:
        ours = name == self.caller
        unique = self.unique if ours else f"{int(T0)}.{int(name[-8:], 16)}"
        fields = (
            kind,
            f"{T0 + when:.6f}",
            self.call_id if ours and kind != "CHAN_START" else "",
            "demo" if ours and kind != "CHAN_START" else "",
            unique,
            self.unique,
            name,
            context,
            "",
            json.dumps(extra) if extra else "",
            self.note if ours and kind not in ("CHAN_START", "ANSWER") else "",
        )
        self.lines.append(",".join('"' + field.replace('"', '""') + '"' for field in fields))
        return self

    def arrives(self, when: float = 0.088) -> Written:
        return self.row("CHAN_START", when, self.caller, context="cti-inbound").row("ANSWER", when, self.caller)

    def talk(self, began: float, name: str, bridge: str = "b1") -> Written:
        self.row("CHAN_START", began - 1, name).row("ANSWER", began, name)
        return self.row("BRIDGE_ENTER", began, name, bridge_id=bridge).row(
            "BRIDGE_ENTER", began + 0.001, self.caller, bridge_id=bridge
        )

    def ends(self, when: float, name: str, *, by: str, cause: int = 16, context: str = "cti-fallback") -> Written:
        self.row("HANGUP", when, name, context=context, hangupcause=cause, hangupsource=by)
        return self.row("CHAN_END", when, name, context=context)

    @property
    def text(self) -> str:
        return "".join(line + "\n" for line in self.lines)


def answered() -> Written:
    """Answered by sato in Asterisk's own queue, ended by the caller."""
    account = Written().arrives().talk(9.5, SATO).ends(20.25, CALLER, by=CALLER).ends(20.26, SATO, by=CALLER)
    return account.row("LINKEDID_END", 20.26, CALLER)
