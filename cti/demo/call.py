"""One caller with a real SIP phone: dials the desk's number, presses keys, talks, hangs up."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cti.demo.folders import PortPool, RunFolder
from cti.demo.phones import Baresip, PhoneAccount, start_phone

CALLERS = Path(__file__).resolve().parents[2] / "examples" / "lookup-service" / "demo_callers.json"
KEYS = re.compile(r"[0-9*#w]{0,40}")
# A caller's number as a trunk sends it, or one of the four names a Japanese carrier sends for none.
WITHHELD = {
    "anonymous": "Anonymous",
    "payphone": "Coin line/payphone",
    "unavailable": "Unavailable",
    "conflict": "Interaction with other service",
}
ANSWER_DEADLINE_S = 10.0
# The first key waits for the menu to begin: Asterisk answers before the menu's server is asked.
FIRST_KEY_S = 0.5


@dataclass(frozen=True, kw_only=True)
class DemoCaller:
    """Somebody the reference look-up service knows, and what looking them up must find."""

    case: str
    number: str  # as dialled, or "anonymous"
    e164: str | None
    keys: str  # a reservation number they key, or ""
    own_reservation: str | None
    name: str
    about: dict[str, str]
    expect: dict[str, Any]


def demo_callers() -> Sequence[DemoCaller]:
    """The callers of examples/lookup-service/demo_callers.json."""
    rows = json.loads(CALLERS.read_text(encoding="utf-8"))
    known = DemoCaller.__dataclass_fields__
    return [DemoCaller(**{key: value for key, value in row.items() if key in known}) for row in rows]


def check_keys(keys: str) -> str:
    """Keys as typed on the command line: digits, * and #, w for a second's wait. Raises ValueError."""
    if not KEYS.fullmatch(keys):
        raise ValueError(f"{keys!r}: keys are 0-9, * and #, with w for one second's wait, at most 40")
    return keys


async def place_call(
    run: RunFolder,
    pool: PortPool,
    *,
    trunk: str,
    number: str,
    caller: str,
    keys: str = "",
    sound: int = 440,
    name: str = "caller",
) -> Baresip:
    """Dial ``number`` at ``trunk`` (host:port) from ``caller`` and press ``keys``; returns the phone, in the call.

    Raises PhoneError when the call is not answered. Stop the phone when done.
    """
    phone = await start_phone(run, pool, _account(trunk, caller), name=name, sound=sound)
    try:
        await phone.dial(f"sip:{number}@{trunk}")
        await phone.wait_for("CALL_ESTABLISHED", ANSWER_DEADLINE_S, or_else="CALL_CLOSED")
        await asyncio.sleep(FIRST_KEY_S)
        for part in re.findall(r"w|[^w]+", keys):
            if part == "w":
                await asyncio.sleep(1.0)
            else:
                await phone.send_digits(part)
    except BaseException:
        await phone.stop()
        raise
    return phone


def _account(trunk: str, caller: str) -> PhoneAccount:
    display = WITHHELD.get(caller)
    if display is None:
        return PhoneAccount(user=re.sub(r"[^0-9+]", "", caller) or "anonymous", server=trunk)
    return PhoneAccount(user="anonymous", domain="anonymous.invalid", display_name=display, server=trunk)
