"""Whose phone is free since its last leg ended: known at that leg's Hangup, before Asterisk tells the device's state.

Asterisk works out a device's state behind the Hangup, in a thread of its own: 0.25 ms later, on a busy machine 3 ms
(p99). Nobody who waits for that agent should wait for it too. Only an ordinary end says that a phone is free: one whose
sound stopped, or that could not be reached, may be gone.
"""

from __future__ import annotations

from cti.domain.copies import made
from cti.domain.model import ChannelName, PhoneState, UniqueId
from cti.domain.signals import BridgeEntered, ChannelHungUp, DeviceChanged, DialBegan, Signal

# Q.850: normal clearing; non-selected user clearing, which is how Dial ends the phones that were slower.
ORDINARY = frozenset({16, 26})
_TRUNK = "PJSIP/trunk-"
_PHONE = "PJSIP/"
_TAIL = len("-00000000")  # chan_pjsip's number of a channel


class FreePhones:
    """Legs by endpoint, as far as they were seen to begin. Of a leg that was not, its device's state is waited for."""

    def __init__(self) -> None:
        self._legs: dict[UniqueId, str] = {}  # endpoint of each leg
        self._count: dict[str, int] = {}  # legs of each endpoint
        self._told: set[str] = set()  # endpoints said to be free, whose device has said nothing since

    def note(self, signal: Signal) -> DeviceChanged | None:
        """An event, at its place in the stream; what it says of a phone, to be told behind it."""
        if isinstance(signal, ChannelHungUp):
            return self._ended(signal)
        if isinstance(signal, DialBegan):
            self._began(signal.agent_uniqueid, signal.agent_channel)
            self._began(signal.uniqueid, signal.channel)
        elif isinstance(signal, BridgeEntered):
            self._began(signal.uniqueid, signal.channel)
        return None

    def news(self, signal: DeviceChanged) -> bool:
        """Whether what a device says was not told already."""
        if signal.endpoint not in self._told:
            return True
        self._told.discard(signal.endpoint)
        return signal.state is not PhoneState.IDLE

    def forget(self) -> None:
        """The link is down: what ends meanwhile is not seen."""
        self._legs.clear()
        self._count.clear()
        self._told.clear()

    def _began(self, uniqueid: UniqueId, channel: ChannelName) -> None:
        if uniqueid in self._legs or channel.startswith(_TRUNK) or not channel.startswith(_PHONE):
            return
        endpoint = channel[len(_PHONE) : -_TAIL]
        self._legs[uniqueid] = endpoint
        self._count[endpoint] = self._count.get(endpoint, 0) + 1

    def _ended(self, signal: ChannelHungUp) -> DeviceChanged | None:
        endpoint = self._legs.pop(signal.uniqueid, None)
        if endpoint is None:
            return None
        left = self._count.pop(endpoint) - 1
        if left:
            self._count[endpoint] = left
            return None
        if signal.cause not in ORDINARY:
            return None
        self._told.add(endpoint)
        return made(DeviceChanged, {"at": signal.at, "endpoint": endpoint, "state": PhoneState.IDLE})
