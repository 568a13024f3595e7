"""Legs whose numbers jump back, joined to the call desk and to Asterisk."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

from cti.ami.telephony import AmiTelephony
from cti.bus import Bus
from cti.calls import CallDesk
from cti.renewals import Renewals


def start(bus: Bus, calls: CallDesk, telephony: AmiTelephony, cleanup: AsyncExitStack) -> None:
    """From now on a leg that loses sound goes on in a further file."""
    renewals = Renewals(calls=calls, telephony=telephony, now=time.monotonic)
    bus.subscribe("renewals", renewals.handle, kinds=Renewals.KINDS, prompt=True)
    cleanup.push_async_callback(renewals.stop)
