"""Callers whom Asterisk's own queue kept for us are fetched back when the link is up again.

They would come by themselves, when the dialplan looks at the heartbeat next (20 s at most). Those for whom a phone
rings, and those who talk, are left to that: a Redirect would take the agent away from them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from cti.ami.client import AmiClient
from cti.ami.telephony import AmiTelephony
from cti.domain.errors import KakehashiError
from cti.domain.model import ChannelName

log = logging.getLogger(__name__)

# A Redirect takes Asterisk 2 ms: an offer never waits longer behind them than this many.
AT_ONCE = 5
# The link is up a few milliseconds after the snapshot, or something is wrong with it.
UP_S = 5.0


class Homecoming:
    """One task at a time; a new link forgets what was left of the one before."""

    def __init__(self, client: AmiClient, telephony: AmiTelephony) -> None:
        self._client = client
        self._telephony = telephony
        self._task: asyncio.Task[None] | None = None
        self.fetched = 0

    def begin(self, channels: Sequence[ChannelName]) -> None:
        """Redirect these callers to the waiting loop, once the link is up. Returns at once."""
        self._cancel()
        if channels:
            self._task = asyncio.create_task(self._fetch(tuple(channels)), name="ami-homecoming")

    async def stop(self) -> None:
        """Fetch nobody more: the dialplan does it in its own time."""
        if self._task is not None:
            self._cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _fetch(self, channels: tuple[ChannelName, ...]) -> None:
        try:
            await self._client.wait_up(UP_S)
            for first in range(0, len(channels), AT_ONCE):
                back = (self._telephony.fetch_back(channel=channel) for channel in channels[first : first + AT_ONCE])
                done = await asyncio.gather(*back, return_exceptions=True)
                # Who is not there any more has hung up; and a server that was frozen in between moves nobody.
                self.fetched += sum(not isinstance(result, BaseException) for result in done)
        except KakehashiError as error:
            log.warning("callers could not be fetched back", extra={"action": "homecoming", "why": str(error)})
            return
        log.info(
            "callers were fetched back from the fallback",
            extra={"action": "homecoming", "calls": len(channels), "fetched": self.fetched},
        )
