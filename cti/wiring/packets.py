"""Packets of phones that suppress silence, counted for the recordings' timeline."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

from cti.ami.telephony import AmiTelephony
from cti.bus import Bus
from cti.packets import PacketWatch


async def start(bus: Bus, telephony: AmiTelephony, cleanup: AsyncExitStack) -> None:
    """From now on, for every call whose recording stands still."""
    watch = PacketWatch(telephony=telephony, sink=bus, now=time.time)
    bus.subscribe("packets", watch.handle, kinds=PacketWatch.KINDS, prompt=True)
    await watch.start()
    cleanup.push_async_callback(watch.stop)
