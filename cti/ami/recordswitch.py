"""Whether the dialplan may begin recordings: a global variable beside the heartbeat, read without us.

The dialplan records unless it says "no". The value outlives this server on purpose: with nobody there to empty the
spool, a disk that was full stays full.
"""

from __future__ import annotations

import logging

from cti.ami import actions
from cti.ami.client import AmiClient
from cti.domain.errors import KakehashiError, Unavailable
from cti.domain.model import ChannelName

log = logging.getLogger(__name__)


class RecordSwitch:
    """Told again and again what should be; acts when Asterisk has not confirmed it on this link."""

    def __init__(self, client: AmiClient) -> None:
        self._client = client
        self._confirmed: bool | None = None
        self._ended: set[ChannelName] = set()  # whose recordings were ended, so that each is asked once

    def anew(self) -> None:
        """A new link: Asterisk may have been restarted, and records again."""
        self._confirmed = None
        self._ended.clear()

    async def keep(self, *, record: bool) -> None:
        """New recordings begin, or do not. Asterisk away: nothing; it is asked again with the next call of this."""
        if self._confirmed == record or not self._client.up:
            return
        try:
            await self._client.request(actions.may_record(record))
        except KakehashiError as error:
            log.warning("Asterisk was not told whether to record", extra={"action": "record", "why": str(error)})
            return
        self._confirmed = record

    async def end(self, channels: frozenset[ChannelName]) -> frozenset[ChannelName]:
        """End the recordings that run on these channels; the calls go on. Returns those that ended now."""
        self._ended &= channels
        done = set()
        for channel in sorted(channels - self._ended):
            if not self._client.up:
                break
            try:
                await self._client.request(actions.stop_recording(channel))
            except Unavailable as error:  # no answer in time, or the link is gone: it may still run
                log.warning(
                    "Asterisk did not say that a recording ended", extra={"action": "record", "why": str(error)}
                )
                break
            except KakehashiError as error:  # hung up meanwhile, or not recorded
                log.debug("a recording was not ended", extra={"action": "record", "why": str(error)})
                self._ended.add(channel)
                continue
            self._ended.add(channel)
            done.add(channel)
        return frozenset(done)
