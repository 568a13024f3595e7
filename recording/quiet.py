"""When the phones on recorded channels sent nothing, as it was told while the call went on."""

from __future__ import annotations

from cti.domain.events import PhoneWatched
from cti.domain.model import CallId
from recording.echo import Heard

# Told without a break: the end of one and the beginning of the next are the same instant.
_SAME_S = 0.001
# Of one file: a silence each second, for four hours. The oldest go first.
_MOST = 14_400


class QuietLog:
    """By the files' base names (signals.RecordingBegan). Bounded; a restart forgets it."""

    def __init__(self) -> None:
        self._known: dict[str, list[Heard]] = {}

    def note(self, told: PhoneWatched) -> None:
        """More is known of one channel."""
        known = self._known.setdefault(told.file, [])
        from_s, silences = told.from_s, told.silences
        if known and abs(known[-1].to_s - from_s) < _SAME_S:
            before = known.pop()
            from_s, silences = before.from_s, (*before.silences, *silences)
        if len(silences) > _MOST:
            silences = silences[-_MOST:]
            from_s = silences[0][0]
        known.append(Heard(from_s=from_s, to_s=told.to_s, silences=silences))
        del known[:-_MOST]

    def of(self, base: str) -> tuple[Heard, ...]:
        """What is known, oldest first; each without a break in it."""
        return tuple(self._known.get(base, ()))

    def forget(self, call_id: CallId) -> None:
        """Drop a call's channels."""
        for base in [base for base in self._known if base.startswith(call_id)]:
            del self._known[base]
