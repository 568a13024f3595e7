"""Signals about the sound of a channel, beside those about what callers and agents do. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cti.domain.model import LegFigures
from cti.domain.signals import ChannelSignal


@dataclass(frozen=True, kw_only=True)
class NumbersFellBack(ChannelSignal):
    """RTCPSent: the RTP numbers of what this channel's phone says jumped back, or have caught up again.

    Meanwhile Asterisk drops what is said from the recording; the parties hear each other (docs/recording.md). ``at`` is
    the report's.
    """

    began_at: datetime  # of the last report before the jump: it was not earlier
    ended_at: datetime | None  # caught up, and not later than this; None: they are behind still
    lost_s: float  # by the numbers; less when the phone was silent meanwhile, or the leg ends before


@dataclass(frozen=True, kw_only=True)
class LegSounded(ChannelSignal):
    """CtiSound: a channel ends, and this is how it sounded."""

    figures: LegFigures
