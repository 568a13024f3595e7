"""RTP numbers that jump back, from Asterisk's own receiver reports. PURE.

A channel's recording drops frames whose number is behind the highest one so far until the numbers have caught up
(docs/recording.md). Each second (``rtcpinterval`` in rtp.conf) Asterisk tells by RTCPSent the number of the last
packet that it received on a channel: one that is behind an earlier one says that frames are being dropped.

Header names: Asterisk 22, res/res_rtp_asterisk.c and main/rtp_engine.c.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from cti.ami.forms import MAX_TEXT
from cti.ami.frames import Headers
from cti.ami.translate import call_id_of, instant, variables
from cti.domain.model import CallId, ChannelName, UniqueId
from cti.domain.soundsignals import NumbersFellBack

REPORT = "RTCPSent"

_NUMBERS = 1 << 16
_HALF = _NUMBERS // 2  # nearer from behind than from before
PACKET_S = 0.02
# Packets overtake each other by a few; Asterisk's report may stand between two of them.
OVERTAKEN = 10
# Without a report for so long (the link was down) numbers may have gone round: begin anew.
FORGOTTEN = timedelta(seconds=300)
# Channels with sound at one time, and some that ended without a word.
MOST = 8_192


@dataclass(frozen=True, kw_only=True, slots=True)
class _Heard:
    """What one channel's reports said so far."""

    highest: int  # number, modulo 65,536
    last: int
    at: datetime  # of the last report
    began_at: datetime | None = None  # of the report before the jump; None: the numbers go forward
    lost: int = 0  # packets
    unheard: bool = False  # a file has begun, and nothing came since then: it knows no numbers


class NumberWatch:
    """Takes reports, says when a channel's numbers fall back and when they have caught up."""

    def __init__(self) -> None:
        self._heard: OrderedDict[UniqueId, _Heard] = OrderedDict()

    def __len__(self) -> int:
        return len(self._heard)

    def forget(self, uniqueid: UniqueId) -> None:
        """The channel has ended."""
        self._heard.pop(uniqueid, None)

    def take(self, frame: Headers, now: datetime) -> NumbersFellBack | None:
        """One RTCPSent. Never raises; a report without a number says nothing."""
        uniqueid, text = UniqueId(frame.get("Uniqueid", "")), frame.get("Report0HighestSequence", "")
        if not uniqueid or not (text.isascii() and text.isdigit() and len(text) <= 10):  # 32 bits
            return None
        number, at = int(text) % _NUMBERS, instant(frame.get("Timestamp", ""), now)
        before = self._heard.get(uniqueid)
        if before is None or not timedelta() <= at - before.at < FORGOTTEN:
            self._keep(uniqueid, _Heard(highest=number, last=number, at=at))
            return None
        if before.unheard:
            self._keep(uniqueid, _Heard(highest=number, last=number, at=at, unheard=number == before.last))
            return None
        after = _next(before, number, at)
        self._keep(uniqueid, after)
        began_at = after.began_at or before.began_at
        # Nothing is wrong, or nothing new: they catch up.
        if began_at is None or (after.began_at is not None and after.lost == before.lost):
            return None
        return NumbersFellBack(
            at=at,
            channel=ChannelName(frame.get("Channel", "")[:MAX_TEXT]),
            uniqueid=uniqueid,
            call_id=call_id_of(variables(frame).get("CTI_CALL_ID", "")),
            began_at=began_at,
            ended_at=None if after.began_at is not None else at,
            lost_s=round(max(after.lost, before.lost) * PACKET_S, 2),
        )

    def anew(
        self, uniqueid: UniqueId, channel: ChannelName, call_id: CallId | None, at: datetime
    ) -> NumbersFellBack | None:
        """The channel's recording began, or goes on in a further file: the numbers of before count no more there."""
        before = self._heard.pop(uniqueid, None)
        if before is None:
            return None
        if before.began_at is None:
            self._keep(uniqueid, _Heard(highest=before.last, last=before.last, at=before.at, unheard=True))
            return None
        # The last ones are the new file's first.
        self._keep(uniqueid, _Heard(highest=before.last, last=before.last, at=before.at))
        until_s = max(0.0, (at - before.began_at).total_seconds())
        return NumbersFellBack(
            at=at,
            channel=channel,
            uniqueid=uniqueid,
            call_id=call_id,
            began_at=before.began_at,
            ended_at=max(at, before.began_at),
            lost_s=round(min(before.lost * PACKET_S, until_s), 2),
        )

    def _keep(self, uniqueid: UniqueId, heard: _Heard) -> None:
        self._heard[uniqueid] = heard
        self._heard.move_to_end(uniqueid)
        while len(self._heard) > MOST:
            self._heard.popitem(last=False)


def _next(before: _Heard, number: int, at: datetime) -> _Heard:
    """After one more report."""
    ahead = (number - before.highest) % _NUMBERS
    if ahead < _HALF:
        return _Heard(highest=number, last=number, at=at)
    back = (before.last - number) % _NUMBERS
    jumped = OVERTAKEN < back < _HALF
    if not jumped and before.began_at is None:
        return _Heard(highest=before.highest, last=number, at=at)  # overtaken
    lost = before.lost
    if jumped:
        # What was sent since the last report went forward as well; how much of it before the jump nobody knows.
        lost += back + math.floor((at - before.at).total_seconds() / PACKET_S)
    return _Heard(highest=before.highest, last=number, at=at, began_at=before.began_at or before.at, lost=lost)
