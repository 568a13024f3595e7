"""When a phone sent nothing, from counts of the packets that came from it. PURE.

Phones may suppress silence (ITU-T G.711 Appendix II, RFC 3389): they send nothing until somebody speaks again. Asterisk
counts each channel's packets; looked at ten times a second, the count says when there were none, to about one packet.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

# What phones put into a packet, in seconds: 20 ms nearly always.
_USUAL_S = 0.02
_PACKETS_S = (0.01, 0.02, 0.03, 0.04, 0.06)
# So many looks without a silence tell how long a packet is.
_LOOKS_TO_KNOW = 10
# Less than this are packets that were late.
LEAST_S = 0.12
# Nobody looked for so long: whatever was between is not known.
_BLIND_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """What is known of a phone between two instants, in POSIX seconds."""

    from_s: float
    to_s: float
    silences: tuple[tuple[float, float], ...]  # when nothing came from it, in order


class PacketCount:
    """One channel, look by look."""

    def __init__(self) -> None:
        self._at_s = 0.0  # of the last look
        self._packets = -1  # then; below 0: none yet
        self._from_s = 0.0  # since when all is known, and was not told yet
        self._heard_s = 0.0  # until when something was heard, as of the last look
        self._silences: list[tuple[float, float]] = []
        self._packet_s = _USUAL_S
        self._run: list[tuple[float, int]] = []  # looks of late, each with something in it: seconds, packets

    def look(self, at_s: float, packets: int) -> None:
        """At this instant so many packets had come. A count that went back began anew: another stream."""
        since_s = at_s - self._at_s
        if self._packets < 0 or since_s > _BLIND_S:
            self._from_s = self._heard_s = at_s
            self._silences.clear()
            self._run.clear()
        elif since_s <= 0:
            return
        else:
            self._between(at_s, since_s, packets - self._packets if packets >= self._packets else packets)
        self._at_s, self._packets = at_s, packets

    def _between(self, at_s: float, since_s: float, came: int) -> None:
        self._learn(since_s, came)
        if not came:
            return  # still silent, since whenever it was
        sound_s = min(since_s, came * self._packet_s)
        began_s = at_s - sound_s
        if self._heard_s < self._at_s and began_s - self._heard_s >= LEAST_S:
            # It stopped within an earlier look, and began again within this one.
            # A packet came somewhere within the time that it fills.
            half_s = self._packet_s / 2
            self._silences.append((self._heard_s + half_s, began_s + half_s))
            self._heard_s = at_s
        elif self._heard_s < self._at_s or sound_s > since_s - self._packet_s:
            self._heard_s = at_s
        else:
            self._heard_s = self._at_s + sound_s  # it may have stopped: the next look tells

    def _learn(self, since_s: float, came: int) -> None:
        if not came:
            self._run.clear()
            return
        self._run.append((since_s, came))
        if len(self._run) < _LOOKS_TO_KNOW + 2:
            return
        whole = self._run[1:-1]  # it may have begun in the first, and stopped in the last
        mean_s = sum(seconds for seconds, _ in whole) / sum(count for _, count in whole)
        self._packet_s = min(_PACKETS_S, key=lambda one: abs(one - mean_s))
        self._run.clear()

    def told(self, *, last: bool = False) -> Watched | None:
        """What has become known since this was asked last; None: nothing. ``last``: nobody looks any more."""
        if last and self._at_s - self._heard_s >= LEAST_S:  # it was silent to the end
            self._silences.append((self._heard_s + self._packet_s / 2, self._at_s))
        to_s = self._at_s if last else self._heard_s
        if self._packets < 0 or to_s <= self._from_s:
            return None
        told = Watched(from_s=self._from_s, to_s=to_s, silences=tuple(self._silences))
        self._from_s = to_s
        self._silences.clear()
        return told

    def further(self) -> PacketCount:
        """The same phone, whose recording goes on in another file: all that was not told yet, and what comes."""
        further = copy(self)
        further._silences, further._run = list(self._silences), list(self._run)
        return further
