"""All of AMI in one object: the link, what it tells (as signals, into one sink), what it can be asked."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

from cti.ami.audit import Auditor
from cti.ami.charge import Charge
from cti.ami.client import AmiClient, AmiSettings
from cti.ami.fallen import Fallen
from cti.ami.frames import Headers
from cti.ami.heartbeat import Heartbeat
from cti.ami.homecoming import Homecoming
from cti.ami.numbers import REPORT, NumberWatch
from cti.ami.phonesecrets import AmiPhoneSecrets
from cti.ami.recordswitch import RecordSwitch
from cti.ami.telephony import AmiTelephony
from cti.ami.translate import WANTED, Skipped, translate
from cti.domain.model import CallId, CallState
from cti.domain.ports import SignalSink
from cti.domain.signals import ChannelHungUp, LinkChanged, RecordingBegan

log = logging.getLogger(__name__)

# Reasons to skip are made of event names and slugs of ours; a peer that invents user events must not fill memory.
MAX_REASONS = 200


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class AmiFeed:
    """Owns client, heartbeat, audits and telephony of one Asterisk.

    ``known`` is asked for the desk's live calls, ``alive`` whether those who serve callers are well (else the
    heartbeat stops and the dialplan takes over). ``prove`` looks at Asterisk after each log-in, before anything is
    changed there; what it raises refuses the link (AmiRefused) or drops it.
    """

    def __init__(
        self,
        settings: AmiSettings,
        sink: SignalSink,
        *,
        known: Callable[[], Mapping[CallId, CallState]],
        alive: Callable[[], bool] = lambda: True,
        prove: Callable[[AmiClient], Awaitable[None]] | None = None,
        clock: Callable[[], datetime] = utc_now,
        epoch: int | None = None,
        menus: str | None = None,
    ) -> None:
        """``epoch`` is the lease's; None: made of our clock. ``menus``: see cti.ami.charge."""
        self._sink = sink
        self._clock = clock
        self._prove = prove
        # Later starts have larger epochs; microseconds tell two quick starts apart.
        self.epoch = str(epoch if epoch is not None else int(clock().timestamp() * 1_000_000))
        self.client = AmiClient(
            settings, wanted=WANTED | {REPORT}, on_frame=self._on_frame, on_up=self._on_up, on_down=self._on_down
        )
        self.charge = Charge(self.client, epoch=self.epoch, clock=clock, menus=menus)
        self.heartbeat = Heartbeat(self.client, clock=clock, alive=alive, deposed=self.charge.lost)
        self.recording = RecordSwitch(self.client)
        self.phone_secrets = AmiPhoneSecrets(self.client, epoch=self.epoch)
        self.fallen = Fallen()
        self.numbers = NumberWatch()
        self.telephony = AmiTelephony(
            self.client, epoch=self.epoch, fresh=lambda: self.heartbeat.fresh, fallen=self.fallen
        )
        self.auditor = Auditor(self.client, sink, known=known, clock=clock, fallen=self.fallen)
        self.homecoming = Homecoming(self.client, self.telephony)
        self.skipped: Counter[str] = Counter()  # events that made no signal, by reason
        self.links = 0  # how many times the link came up

    async def start(self) -> None:
        """Begin to connect; use ``client.wait_up`` to wait, ``client.problem`` to say why not."""
        await self.client.start()
        await self.heartbeat.start()
        await self.auditor.start()

    async def stop(self) -> None:
        """Stop beating first, so that callers go to Asterisk's own queue soon; then close."""
        await self.heartbeat.stop()
        await self.homecoming.stop()
        await self.auditor.stop()
        await self.client.stop()

    def ask_resync(self) -> None:
        """Signals were lost: take a snapshot soon."""
        self.auditor.ask()

    def ask_again(self) -> None:
        """Have Asterisk say what phones and calls do, for agents who are new: before, it was about nobody's phone."""
        self.auditor.ask(gap=False)

    def _on_frame(self, frame: Headers) -> None:
        if frame.get("Event") == REPORT:
            self._on_report(frame)
            return
        signal = translate(frame, self._clock())
        if isinstance(signal, Skipped):
            if len(self.skipped) < MAX_REASONS or signal.reason in self.skipped:
                self.skipped[signal.reason] += 1
            return
        self.auditor.note(signal)
        self.fallen.note(signal)
        if isinstance(signal, ChannelHungUp):
            self.numbers.forget(signal.uniqueid)
        elif isinstance(signal, RecordingBegan):
            over = self.numbers.anew(signal.uniqueid, signal.channel, signal.call_id, signal.at)
            if over is not None:
                self._sink.post(over)
        self._sink.post(signal)

    def _on_report(self, frame: Headers) -> None:
        """One a second and channel: it stays here unless something is wrong."""
        fell_back = self.numbers.take(frame, self._clock())
        if fell_back is not None:
            self._sink.post(fell_back)

    async def _on_up(self) -> None:
        """After each log-in, before anybody may act: our epoch, a beat, and what happened meanwhile."""
        self.heartbeat.anew()
        if self._prove is not None:
            await self._prove(self.client)
        await self.charge.take()
        self.recording.anew()
        beaten, _ = await asyncio.gather(self.heartbeat.beat(), self.auditor.snapshot(after_gap=True))
        self.links += 1
        self._sink.post(LinkChanged(at=self._clock(), up=True))
        # Without a beat the waiting loop would send them straight back.
        self.homecoming.begin(self.auditor.left_waiting if beaten else ())

    def _on_down(self) -> None:
        self._sink.post(LinkChanged(at=self._clock(), up=False))
