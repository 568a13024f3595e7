"""Which callers Asterisk's own queue has now, known before anybody else here knows it.

A Redirect takes a caller out of app_queue whatever happens there: the agent whose phone rings loses the call, and one
who talks is cut off. The call desk and routing learn of a fallback a moment later, behind what already waits in their
queues, and an offer decided in that moment must not leave. So this stands where events come in and actions go out.
"""

from __future__ import annotations

from collections.abc import Iterable

from cti.domain.model import ChannelName
from cti.domain.signals import (
    BridgeEntered,
    CallerFellBack,
    CallerQueued,
    ChannelHungUp,
    DialBegan,
    DialEnded,
    Signal,
)


class Fallen:
    """Callers by channel. Each snapshot says it anew, so that nothing stays here for ever."""

    def __init__(self) -> None:
        self._ringing: dict[ChannelName, int] = {}  # how many phones ring for, or talk with, the caller

    def __contains__(self, channel: ChannelName) -> bool:
        return channel in self._ringing

    def alone(self, channel: ChannelName) -> bool:
        """Whether nobody's phone rings for this caller, and nobody talks with them."""
        return self._ringing.get(channel, 0) == 0

    def note(self, signal: Signal) -> None:
        """An event, at its place in the stream."""
        match signal:
            case CallerFellBack(channel=channel):
                self._ringing.setdefault(channel, 0)
            case CallerQueued(channel=channel) | ChannelHungUp(channel=channel):
                self._ringing.pop(channel, None)
            case DialBegan(channel=channel) | BridgeEntered(channel=channel) if channel in self._ringing:
                self._ringing[channel] += 1
            case DialEnded(channel=channel, status=status) if channel in self._ringing and status != "ANSWER":
                self._ringing[channel] = max(0, self._ringing[channel] - 1)

    def seen(self, channels: Iterable[ChannelName], engaged: Iterable[ChannelName]) -> None:
        """A snapshot: exactly these callers are there, and these of them are rung for or talk."""
        there = set(engaged)
        self._ringing = {channel: int(channel in there) for channel in channels}
