"""Pauses of recordings, joined to the call desk and to Asterisk."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta

from cti.ami.telephony import AmiTelephony
from cti.bus import Bus
from cti.calls import CallDesk
from cti.pauses import PauseDesk, PauseRules

# Twice what reading out a card, its date and its code takes. The page counts it down, and asking again starts it anew.
LONGEST = timedelta(seconds=300)


async def start(
    bus: Bus, calls: CallDesk, telephony: AmiTelephony, now: Callable[[], datetime], cleanup: AsyncExitStack
) -> PauseDesk:
    """From now on recordings can be paused, and pauses of before are looked after."""
    settings = PauseRules(longest=lambda _tenant: LONGEST, now=now)
    pauses = PauseDesk(calls=calls, telephony=telephony, sink=calls, settings=settings)
    bus.subscribe("pauses", pauses.handle, kinds=PauseDesk.KINDS, prompt=True)
    await pauses.start()
    cleanup.push_async_callback(pauses.stop)
    return pauses
