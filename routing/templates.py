"""Templates: the plans that desks ask for most, in one line each. A template expands into steps. PURE."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cti.domain.errors import ConfigError

MOST_RINGS = 6  # as many as Genesys' bullseye

Steps = list[dict[str, Any]]


def expanded(data: object, *, where: str) -> object:
    """The steps of a template; anything else as it is. Raises ConfigError.

    ========================================================= ======================================================
    ``{"template": "plain"}``                                  the queue's skills
    ``{"template": "widening", "rings": [...], "every_s": n}``  each ring (skill = level) added after n s more
    ``{"template": "last_agent", "wait_s": n}``                 who talked with this member last, for n s
    ``{"template": "agents", "agents": [...], "wait_s": n}``    these agents, for n s
    ``{"template": "vip", "skill": s, "level": l, "wait_s": n}``  the specialists first, for n s
    ``{"template": "language", "level": l, "wait_s": n}``       who speaks the caller's language well, for n s
    ========================================================= ======================================================
    """
    if not isinstance(data, Mapping) or "template" not in data:
        return data
    name = data["template"]
    known = _TEMPLATES.get(name) if isinstance(name, str) else None
    if known is None:
        raise ConfigError([f"{where}.template: {name!r} is none; write one of: {', '.join(sorted(_TEMPLATES))}"])
    keys, expand = known
    given = {key: value for key, value in data.items() if key != "template"}
    problems = [
        f"{where}.{key}: not a key of template {name!r}; it has: {_listed(keys)}" for key in given if key not in keys
    ]
    problems += [f"{where}.{key}: missing; write {advice}" for key, (_, advice) in keys.items() if key not in given]
    problems += [
        f"{where}.{key}: write {advice}"
        for key, (fits, advice) in keys.items()
        if key in given and not fits(given[key])
    ]
    if problems:
        raise ConfigError(problems)
    return expand(given)


def _listed(keys: Mapping[str, object]) -> str:
    return ", ".join(keys) or "no keys"


def _first(want: object, wait_s: float) -> Steps:
    """These for a while, then whoever the queue takes."""
    return [{"want": want, "expires_s": wait_s}, {"want": None, "expires_s": None}]


def _rings(given: Mapping[str, Any]) -> Steps:
    """Each ring takes those of the ones before as well: a ring is left for a wider one, nobody drops out."""
    steps: Steps = []
    reached: list[dict[str, Any]] = []
    for number, ring in enumerate(given["rings"], 1):
        reached.append({"all": [{"skill": skill, "level": level} for skill, level in ring.items()]})
        want: dict[str, Any] = {"any": list(reached)} if len(reached) > 1 else reached[0]
        steps.append({"want": want, "expires_s": number * given["every_s"]})
    return steps


def _specialists(given: Mapping[str, Any]) -> Steps:
    return _first({"all": [{"own": True}, {"skill": given["skill"], "level": given["level"]}]}, given["wait_s"])


def _speakers(given: Mapping[str, Any]) -> Steps:
    return _first({"all": [{"own": True}, {"language": given["level"]}]}, given["wait_s"])


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _is_level(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 5


def _is_rings(value: object) -> bool:
    return (
        isinstance(value, list | tuple)
        and 1 <= len(value) <= MOST_RINGS
        and all(isinstance(ring, Mapping) and all(_is_level(level) for level in ring.values()) for ring in value)
    )


Check = tuple[Callable[[object], bool], str]
_SECONDS: Check = (_is_seconds, "seconds, e.g. 20")
_LEVEL: Check = (_is_level, "a level from 1 to 5")
_TEMPLATES: Mapping[str, tuple[Mapping[str, Check], Callable[[Mapping[str, Any]], Steps]]] = {
    "plain": ({}, lambda given: []),
    "widening": (
        {
            "rings": (_is_rings, f"1 to {MOST_RINGS} rings, e.g. [{{ en = 4 }}, {{ en = 2 }}]"),
            "every_s": _SECONDS,
        },
        _rings,
    ),
    "last_agent": ({"wait_s": _SECONDS}, lambda given: _first({"last_agent": True}, given["wait_s"])),
    "agents": (
        {"agents": (lambda value: isinstance(value, list | tuple), 'agents, e.g. ["sato"]'), "wait_s": _SECONDS},
        lambda given: _first({"agents": list(given["agents"])}, given["wait_s"]),
    ),
    "vip": (
        {"skill": (lambda value: isinstance(value, str), "a skill"), "level": _LEVEL, "wait_s": _SECONDS},
        _specialists,
    ),
    "language": ({"level": _LEVEL, "wait_s": _SECONDS}, _speakers),
}
