"""Which server is in charge of an Asterisk, when two were started on it by mistake.

The later start wins: its epoch is larger, and the dialplan dials no offer of another epoch. The earlier one must not go
on making offers that all come back stale: it notices, lets go of the link, says so, and waits in case the other dies.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cti.ami import actions
from cti.ami.client import AmiClient
from cti.domain.errors import KakehashiError, Unavailable

# As a beat's answer (cti.ami.heartbeat): the next one must not wait for this.
ASK_S = 1.0
# As the dialplan: a beat this old, or this far in the future, is nobody's.
BEAT_S = 4
SENTENCE = "another kakehashi server, started later, is in charge of this Asterisk: stop one of the two"


class Charge:
    """``epoch`` is this start's."""

    def __init__(
        self, client: AmiClient, *, epoch: str, clock: Callable[[], datetime], menus: str | None = None
    ) -> None:
        """``menus``: where our FastAGI is, agi://host:port; "": where Asterisk's configuration says; None: not told."""
        self._client = client
        self._menus = menus
        self._epoch = epoch
        self._clock = clock

    async def take(self) -> None:
        """After a log-in: set our epoch, and where our menus are. Raises Unavailable while a later server lives."""
        held = await self._value("CTI_EPOCH")
        if held.isdecimal() and int(held) > int(self._epoch) and await self._somebody_beats():
            raise Unavailable(SENTENCE)
        await self._client.request(actions.epoch(self._epoch))
        if self._menus is not None:
            await self._client.request(actions.menus_at(self._menus))

    async def lost(self) -> bool:
        """Whether somebody else has taken over. Not when Asterisk does not say."""
        held = await self._value("CTI_EPOCH")
        return held not in ("", self._epoch)

    async def _somebody_beats(self) -> bool:
        beat = await self._value("CTI_BEAT")
        return beat.isdecimal() and abs(self._clock().timestamp() - int(beat)) <= BEAT_S

    async def _value(self, variable: str) -> str:
        """A global variable; "" also when Asterisk does not say: callers do not wait for that."""
        try:
            reply = await self._client.request(actions.get_variable(variable), deadline_s=ASK_S)
        except KakehashiError:
            return ""
        return reply.headers.get("Value", "")
