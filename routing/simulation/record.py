"""What one replication of one plan leaves behind, before anybody makes figures of it. PURE."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

# What became of a call that counts.
PENDING, ANSWERED, ABANDONED, BLOCKED, TREATED = range(5)


@dataclass(kw_only=True, slots=True)
class Calls:
    """Columns with an entry a call that counts, in order of arrival."""

    kind: array[int] = field(default_factory=lambda: array("H"))  # number of the callers in the scenario
    at_s: array[float] = field(default_factory=lambda: array("d"))  # arrival
    wait_s: array[float] = field(default_factory=lambda: array("d"))  # until the outcome
    outcome: bytearray = field(default_factory=bytearray)


@dataclass(kw_only=True, slots=True)
class Record:
    """One replication of one plan."""

    plan: int  # number in the scenario
    replication: int
    calls: Calls
    queue_names: tuple[str, ...]
    group_names: tuple[str, ...]
    from_s: float = 0.0  # when counting began
    to_s: float = 0.0
    busy_s: list[float] = field(default_factory=list)  # by group: talk and wrap-up
    staffed_s: list[float] = field(default_factory=list)  # by group: at work, or still busy after it
    sampled_s: array[float] = field(default_factory=lambda: array("d"))  # instants of the samples
    waiting: list[array[int]] = field(default_factory=list)  # by queue, a sample each
    busy: list[array[int]] = field(default_factory=list)  # agents by group, a sample each
    took_s: float = 0.0  # of the processor's time
    arrived: int = 0  # calls simulated, those that do not count included
