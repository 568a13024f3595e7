"""Which calls are scored: drawn from a seed, by rules, each call once. Pure. docs/evaluations.md, decision 0277."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cti.domain.model import AgentId, CallId

# A month of a large desk; more is several samples.
CANDIDATES_MOST = 50_000
PER_AGENT_MOST = 50
RULES_MOST = 10


class RuleKind(StrEnum):
    """What makes a call be taken."""

    RANDOM = "random"
    REASON = "reason"
    LONG_SILENCE = "long_silence"
    LONG_HOLD = "long_hold"
    REPEAT_CALLER = "repeat_caller"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """So many calls of each agent, of those that fit."""

    kind: RuleKind
    per_agent: int  # 1 to PER_AGENT_MOST
    seconds: float = 0.0  # of silence or of hold, at least
    reasons: frozenset[str] = frozenset()  # reason codes, one of them


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An agent's part of a call that can be heard."""

    call_id: CallId
    agent: AgentId
    at: datetime  # arrival
    reasons: frozenset[str] = frozenset()
    silence_s: float | None = None  # the longest; None: nobody has measured it
    hold_s: float = 0.0  # together
    repeat_of: CallId | None = None  # the same member's call before, within the days that were asked for


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """A call to score, and why."""

    call_id: CallId
    agent: AgentId
    because: RuleKind
    detail: Mapping[str, object] = field(default_factory=dict)  # the figure that made the rule fit


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What was drawn."""

    chosen: tuple[Chosen, ...]  # in an order of chance, rule by rule
    short: Mapping[AgentId, int]  # who goes short of their number, by how many


def fits(rule: Rule, one: Candidate) -> Mapping[str, object] | None:
    """What of a call makes a rule take it; None: nothing does."""
    match rule.kind:
        case RuleKind.RANDOM:
            return {}
        case RuleKind.REASON:
            found = sorted(rule.reasons & one.reasons)
            return {"reason": found[0]} if found else None
        case RuleKind.LONG_SILENCE:
            long = one.silence_s is not None and one.silence_s >= rule.seconds
            return {"silence_s": one.silence_s} if long else None
        case RuleKind.LONG_HOLD:
            return {"hold_s": one.hold_s} if one.hold_s >= rule.seconds and one.hold_s > 0 else None
        case RuleKind.REPEAT_CALLER:
            return {"repeat_of": one.repeat_of} if one.repeat_of is not None else None


def draw(candidates: Sequence[Candidate], rules: Sequence[Rule], agents: Sequence[AgentId], seed: str) -> Sample:
    """Apply ``rules`` one after the other to ``candidates``; each of ``agents`` is to get every rule's number.

    The order of the candidates changes nothing. No call is taken twice. Within a rule an agent goes short only when no
    other way of handing out the calls would have helped (augmenting paths: H. W. Kuhn, "The Hungarian method for the
    assignment problem", 1955, in its form without weights).
    """
    wanted = frozenset(agents)
    ordered = sorted(
        (one for one in candidates if one.agent in wanted), key=lambda one: (_rank(seed, one), one.call_id, one.agent)
    )
    taken: set[CallId] = set()
    chosen: list[Chosen] = []
    short: dict[AgentId, int] = {}
    for rule in rules:
        reasons = {(one.call_id, one.agent): why for one in ordered if (why := fits(rule, one)) is not None}
        offered: dict[AgentId, list[CallId]] = {agent: [] for agent in sorted(wanted)}
        for one in ordered:
            if one.call_id not in taken and (one.call_id, one.agent) in reasons:
                offered[one.agent].append(one.call_id)
        given = _assign(offered, rule.per_agent, lambda agent: _digest(seed, agent))
        for one in ordered:
            if given.get(one.call_id) == one.agent:
                why = reasons[one.call_id, one.agent]
                chosen.append(Chosen(call_id=one.call_id, agent=one.agent, because=rule.kind, detail=why))
        taken |= given.keys()
        for agent in offered:
            missing = rule.per_agent - sum(owner == agent for owner in given.values())
            if missing:
                short[agent] = short.get(agent, 0) + missing
    return Sample(chosen=tuple(chosen), short=short)


def _digest(seed: str, *parts: str) -> bytes:
    # Lengths between the parts: "a", "bc" is another thing than "ab", "c".
    text = "".join(f"{len(part)}:{part}" for part in (seed, *parts))
    return hashlib.sha256(text.encode()).digest()


def _rank(seed: str, one: Candidate) -> bytes:
    return _digest(seed, one.call_id, one.agent)


def _assign(
    offered: Mapping[AgentId, Sequence[CallId]], per_agent: int, chance: Callable[[AgentId], bytes]
) -> dict[CallId, AgentId]:
    """Call → agent, as many as can be, at most ``per_agent`` an agent; an agent's earlier calls before later ones."""
    owner: dict[CallId, AgentId] = {}
    # A round an agent: when there is too little for all, it is spread.
    for _ in range(per_agent):
        for agent in sorted(offered, key=chance):
            _augment(agent, offered, owner)
    return owner


def _augment(agent: AgentId, offered: Mapping[AgentId, Sequence[CallId]], owner: dict[CallId, AgentId]) -> None:
    """One call more for ``agent``, by handing calls on between agents where that is needed."""
    taker: dict[CallId, AgentId] = {}  # who would take a call
    asked_for: dict[AgentId, CallId] = {}  # the call that an agent would have to give up
    waiting, seen = deque([agent]), {agent}
    while waiting:
        who = waiting.popleft()
        for call in offered[who]:
            if call in taker or owner.get(call) == who:
                continue
            taker[call] = who
            holder = owner.get(call)
            if holder is None:
                _hand_on(call, agent, taker, asked_for, owner)
                return
            if holder not in seen:
                seen.add(holder)
                asked_for[holder] = call
                waiting.append(holder)


def _hand_on(
    call: CallId,
    agent: AgentId,
    taker: Mapping[CallId, AgentId],
    asked_for: Mapping[AgentId, CallId],
    owner: dict[CallId, AgentId],
) -> None:
    """Along the way on which a free call was found, back to who wanted one."""
    while True:
        owner[call] = taker[call]
        if owner[call] == agent:
            return
        call = asked_for[owner[call]]


def hand_out(chosen: Sequence[Chosen], people: Sequence[str], logins: Mapping[AgentId, str]) -> list[str]:
    """Who scores each call: in turn, nobody their own; "" where nobody is left. ``logins``: of agents."""
    load = dict.fromkeys(people, 0)
    given = []
    for one in chosen:
        free = [login for login in load if login != logins.get(one.agent)]
        who = min(free, key=lambda login: load[login], default="")
        if who:
            load[who] += 1
        given.append(who)
    return given
