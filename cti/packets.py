"""Looks when the phones of a call send nothing, once its recording has been seen to stand still.

MixMonitor writes nothing while both sides of a channel send nothing, and a file has no clock in it. Where a phone
suppresses silence, the recording's timeline needs to know when (recording.timeline): Asterisk's own count of each
channel's packets, asked for ten times a second, tells. Nobody asks for the phones that send all the time, which is
nearly all: docs/decisions/0297-packets-are-counted-where-silence-is-suppressed.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from cti.domain import events as ev
from cti.domain.errors import KakehashiError, NotFound
from cti.domain.model import CallId, ChannelName, TenantId
from cti.domain.packetcount import PacketCount
from cti.domain.ports import EventSink

log = logging.getLogger(__name__)

LOOK_S = 0.1
# An answer costs Asterisk and us 0.2 ms each. With more channels than this many at once each is looked at less often.
LOOKS_A_SECOND = 200
TELL_S = 1.0


class Counting(Protocol):
    """What is asked of Asterisk (cti.ami.telephony)."""

    async def packets_received(self, *, channel: ChannelName) -> int:
        """Raises NotFound (nothing to count there), Unavailable."""


@dataclass(slots=True)
class _Channel:
    """One recorded channel of a call that is watched."""

    name: ChannelName
    file: str
    count: PacketCount = field(default_factory=PacketCount)
    gone: bool = False  # its last words are still to be told


@dataclass(slots=True)
class _Call:
    """A call whose recording began."""

    tenant: TenantId
    channels: dict[str, _Channel] = field(default_factory=dict)  # by file
    watched: bool = False


class PacketWatch:
    """Subscribe :meth:`handle` to :attr:`KINDS`; ``start`` and ``stop`` once each."""

    KINDS: tuple[type[ev.Event], ...] = (ev.RecordingStarted, ev.RecordingStoodStill, ev.CallEnded)

    def __init__(
        self, *, telephony: Counting, sink: EventSink, now: Callable[[], float], look_s: float = LOOK_S
    ) -> None:
        """``now``: POSIX seconds. ``sink`` hears PhoneWatched."""
        self._telephony = telephony
        self._sink = sink
        self._now = now
        self._look_s = look_s
        self._calls: dict[CallId, _Call] = {}
        self._some = asyncio.Event()  # somebody is watched
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look from now on."""
        self._task = asyncio.create_task(self._run(), name="packets")
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def handle(self, event: ev.Event) -> None:
        """Take one fact from the bus."""
        if isinstance(event, ev.RecordingStarted):
            call = self._calls.setdefault(event.call_id, _Call(tenant=event.tenant))
            if event.file not in call.channels:
                call.channels[event.file] = _begun(call, event.file, event.channel or event.call.channel)
            if call.watched:
                self._some.set()  # all its channels of before may be gone
        elif isinstance(event, ev.RecordingStoodStill):
            if (known := self._calls.get(event.call_id)) is not None:
                known.watched = True
                self._some.set()
        elif isinstance(event, ev.CallEnded) and (ended := self._calls.pop(event.call_id, None)) is not None:
            for channel in ended.channels.values():
                channel.gone = True
            self._tell(event.call_id, ended)

    async def _run(self) -> None:
        told_s = self._now()
        while True:
            await self._some.wait()
            watched = [(call_id, call) for call_id, call in self._calls.items() if call.watched and call.channels]
            if not watched:
                self._some.clear()
                continue
            looks = [self._look(one) for _, call in watched for one in call.channels.values() if not one.gone]
            await asyncio.gather(*looks)
            if not 0 <= self._now() - told_s < TELL_S:
                told_s = self._now()
                for call_id, call in watched:
                    self._tell(call_id, call)
            await asyncio.sleep(max(self._look_s, len(looks) / LOOKS_A_SECOND))

    async def _look(self, channel: _Channel) -> None:
        asked_s = self._now()
        try:
            packets = await self._telephony.packets_received(channel=channel.name)
        except NotFound:
            channel.gone = True
        except KakehashiError as error:
            log.debug("packets were not counted", extra={"action": "packets", "why": str(error)})
        else:
            channel.count.look((asked_s + self._now()) / 2, packets)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("phones are not watched any more", exc_info=error, extra={"action": "packets"})

    def _tell(self, call_id: CallId, call: _Call) -> None:
        for channel in list(call.channels.values()):
            if channel.gone:
                del call.channels[channel.file]
            if (told := channel.count.told(last=channel.gone)) is not None:
                self._sink.publish(
                    ev.PhoneWatched(
                        at=datetime.fromtimestamp(told.to_s, UTC),
                        tenant=call.tenant,
                        call_id=call_id,
                        file=channel.file,
                        from_s=told.from_s,
                        to_s=told.to_s,
                        silences=told.silences,
                    )
                )


def _begun(call: _Call, file: str, name: ChannelName) -> _Channel:
    """A file more. One that goes on for another knows what its phone did before: it may have been silent already."""
    begun = _Channel(name=name, file=file)
    for other in call.channels.values():
        if other.name == name and not other.gone:
            begun.count = other.count.further()
            other.gone = True
    return begun
