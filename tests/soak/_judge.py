"""What became of every caller, from ledgers that the server does not write: Asterisk's CEL, the bucket, SIPp. PURE.

A caller is lost when the line ended and nobody on it hung up (dropped), or when nobody ever answered (stuck), or when a
talk ended that neither party ended (cut). A caller whom two agents answered, or an agent who has two calls, is a double
connect.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

TRUNK = "trunk"
# Two legs of one agent that touch are the end of one call and the beginning of the next.
OVERLAP_S = 0.05
# Shorter talks than this may be left out of the recordings (docs/recording.md, min_s).
RECORDED_FROM_S = 1.0
# A recording is made and stored within this; a fault in that time is one that it had to survive.
STORING_S = 5.0
AUDIO_KEY = re.compile(r"([0-9a-f]{8}-[0-9a-f-]{27})\.webm$")


@dataclass(kw_only=True)
class Leg:
    """One channel, as CEL tells it."""

    name: str  # PJSIP/<endpoint>-<number>
    unique_id: str = ""
    linked_id: str = ""  # the caller's unique_id: Asterisk's own queue gives its agents' legs no account code
    call_id: str = ""
    started: float = 0.0  # epoch seconds, Asterisk's clock
    answered: float | None = None
    entered: list[float] = field(default_factory=list)
    left: list[float] = field(default_factory=list)
    ended: float | None = None
    hung_up_by: str = ""  # the channel whose party hung up

    @property
    def endpoint(self) -> str:
        """Whose phone."""
        return self.name.split("/", 1)[1].rsplit("-", 1)[0]

    @property
    def talked_s(self) -> float:
        """Seconds in a bridge."""
        ends = [*self.left, *([self.ended] if self.ended is not None else [])]
        return (max(ends) - min(self.entered)) if self.entered and ends else 0.0


@dataclass(kw_only=True)
class Call:
    """A caller and the agents' phones that rang for it."""

    call_id: str
    caller: Leg
    agents: list[Leg] = field(default_factory=list)

    @property
    def talked(self) -> bool:
        """Somebody answered."""
        return any(leg.entered for leg in self.agents)


@dataclass(frozen=True, kw_only=True)
class Struck:
    """A fault, where and when."""

    fault: str
    phase: str
    at: float  # epoch seconds
    ready_s: float  # from when the part was back until the server said ready
    victim: str = ""  # the call that the kill point was about, when it is known


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Something that must not be."""

    kind: str  # dropped, stuck, cut, double, missing, duplicated, open
    at: float
    call_id: str
    detail: str


def read_cel(text: str) -> list[Call]:
    """Calls of the trunk that have an identity, oldest first. A last line that was cut by a kill is left out."""
    legs: dict[str, Leg] = {}
    for row in csv.reader(io.StringIO(text)):
        if len(row) != 11:
            continue
        kind, at_text, account, _, unique_id, linked_id, name, _, _, extra, _ = row
        if "/" not in name or not at_text.replace(".", "", 1).isdigit():
            continue
        at = float(at_text)
        leg = legs.setdefault(unique_id, Leg(name=name, unique_id=unique_id, linked_id=linked_id, started=at))
        leg.call_id = account or leg.call_id
        match kind:
            case "ANSWER":
                leg.answered = at
            case "BRIDGE_ENTER":
                leg.entered.append(at)
            case "BRIDGE_EXIT":
                leg.left.append(at)
            case "HANGUP":
                leg.hung_up_by = _source(extra)
            case "CHAN_END":
                leg.ended = at
    calls: dict[str, Call] = {}
    for leg in legs.values():
        if leg.endpoint == TRUNK and leg.call_id:
            calls[leg.call_id] = Call(call_id=leg.call_id, caller=leg)
    for leg in legs.values():
        if leg.endpoint == TRUNK:
            continue
        caller = legs.get(leg.linked_id)
        leg.call_id = leg.call_id or (caller.call_id if caller else "")
        if leg.call_id in calls:
            calls[leg.call_id].agents.append(leg)
    return sorted(calls.values(), key=lambda call: call.caller.started)


def _source(extra: str) -> str:
    try:
        return str(json.loads(extra).get("hangupsource", ""))
    except ValueError:
        return ""


def died_with_asterisk(call: Call, kills: Iterable[float]) -> float | None:
    """When Asterisk took the call with it."""
    if call.caller.ended is not None:
        return None
    return next((at for at in kills if at >= call.caller.started), None)


def troubles_of(call: Call, kills: Sequence[float]) -> list[Trouble]:
    """What went wrong with one call. ``kills``: when Asterisk itself was killed."""
    caller, found = call.caller, []

    def say(kind: str, at: float, detail: str) -> None:
        found.append(Trouble(kind=kind, at=at, call_id=call.call_id, detail=detail))

    if caller.ended is None:
        if died_with_asterisk(call, kills) is None:
            say("stuck", caller.started, "never ended")
    elif caller.hung_up_by != caller.name and not any(
        leg.entered and leg.hung_up_by == leg.name == caller.hung_up_by for leg in call.agents
    ):
        say("dropped", caller.ended, f"hung up by {caller.hung_up_by or 'nobody'}")
    elif not call.talked:
        say("stuck", caller.ended, "gave up, nobody had answered")
    for leg in call.agents:
        if leg.entered and leg.ended is not None and leg.hung_up_by not in (leg.name, caller.name):
            say("cut", leg.ended, f"{leg.endpoint} was talking, ended by {leg.hung_up_by or 'nobody'}")
    for first, second in _overlaps(call.agents):
        say("double", second.started, f"{first.endpoint} and {second.endpoint} for one call")
    return found


def busy_agents(calls: Iterable[Call]) -> list[Trouble]:
    """Agents who had two calls at once."""
    by_agent: dict[str, list[Leg]] = defaultdict(list)
    for call in calls:
        for leg in call.agents:
            by_agent[leg.endpoint].append(leg)
    return [
        Trouble(kind="double", at=second.started, call_id=second.call_id, detail=f"{agent} had two calls")
        for agent, legs in by_agent.items()
        for _, second in _overlaps(legs)
    ]


def _overlaps(legs: Iterable[Leg]) -> list[tuple[Leg, Leg]]:
    ordered = sorted((leg for leg in legs if leg.ended is not None), key=lambda leg: leg.started)
    return [
        (first, second)
        for first, second in pairwise(ordered)
        if first.ended is not None and first.ended - second.started > OVERLAP_S
    ]


def recordings(calls: Iterable[Call], keys: Iterable[str], kills: Sequence[float] = ()) -> list[Trouble]:
    """Talks without a recording in the bucket, and with more than one."""
    stored = Counter(match.group(1) for key in keys if (match := AUDIO_KEY.search(key)))
    found = []
    for call in calls:
        talked_s = max((leg.talked_s for leg in call.agents), default=0.0)
        died = died_with_asterisk(call, kills)
        if died is not None:  # no leg has an end: its sound must be salvaged all the same
            talked_s = max((died - min(leg.entered) for leg in call.agents if leg.entered), default=0.0)
        ended = call.caller.ended or died or call.caller.started
        if talked_s >= RECORDED_FROM_S and not stored[call.call_id]:
            found.append(Trouble(kind="missing", at=ended, call_id=call.call_id, detail=f"{talked_s:.1f} s of talk"))
        if stored[call.call_id] > 1:
            found.append(Trouble(kind="duplicated", at=ended, call_id=call.call_id, detail=str(stored[call.call_id])))
    return found


def records(calls: Iterable[Call], ended: Mapping[str, tuple[bool, bool]], kills: Sequence[float]) -> list[Trouble]:
    """Contact records that are not there or not closed. ``ended``: call → (closed, its end was inferred)."""
    found = []
    for call in calls:
        at = call.caller.ended or call.caller.started
        closed, inferred = ended.get(call.call_id, (False, False))
        if not closed:
            detail = "no record" if call.call_id not in ended else "its record is open"
            found.append(Trouble(kind="open", at=at, call_id=call.call_id, detail=detail))
        elif died_with_asterisk(call, kills) is not None and not inferred:
            found.append(
                Trouble(kind="open", at=at, call_id=call.call_id, detail="ended with Asterisk, not marked inferred")
            )
    return found


@dataclass(kw_only=True)
class Cell:
    """One line of the table."""

    fault: str
    phase: str
    runs: int = 0
    callers: int = 0  # on the line when it struck
    expected: int = 0  # Asterisk's own, which died with it
    kinds: Counter[str] = field(default_factory=Counter)
    ready_s: float = 0.0  # the longest
    fallback_s: float | None = None  # the longest until a waiting caller heard something
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Callers lost."""
        return sum(self.kinds[kind] for kind in ("dropped", "stuck", "cut"))


def table(struck: Sequence[Struck], calls: Sequence[Call], troubles: Iterable[Trouble]) -> list[Cell]:
    """Every fault × phase, with what happened in and after it. What happened before the first fault is its own line."""
    cells: dict[tuple[str, str], Cell] = {}
    kills = [s.at for s in struck if s.fault == "asterisk-kill"]
    for s in struck:
        cell = cells.setdefault((s.fault, s.phase), Cell(fault=s.fault, phase=s.phase))
        cell.runs += 1
        cell.ready_s = max(cell.ready_s, s.ready_s)
        alive = [c for c in calls if c.caller.started <= s.at and (c.caller.ended is None or c.caller.ended > s.at)]
        alive = [c for c in alive if (gone := died_with_asterisk(c, kills)) is None or gone >= s.at]
        cell.callers += len(alive)
        if s.fault == "asterisk-kill":
            cell.expected += sum(died_with_asterisk(c, kills) == s.at for c in alive)
    victims = {s.victim: s for s in struck if s.victim}
    for trouble in troubles:
        slack = STORING_S if trouble.kind in ("missing", "duplicated", "open") else OVERLAP_S
        before = [s for s in struck if s.at <= trouble.at + slack]
        blamed = victims.get(trouble.call_id) or (before[-1] if before else None)
        name = (blamed.fault, blamed.phase) if blamed else ("none", "-")
        cell = cells.setdefault(name, Cell(fault=name[0], phase=name[1]))
        cell.kinds[trouble.kind] += 1
        cell.troubles.append(trouble)
    return list(cells.values())
