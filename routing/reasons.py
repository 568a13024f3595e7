"""Reasons in words: from a decision's slug and params to a sentence a supervisor can read, in Japanese or English."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Protocol

from cti.domain.model import AgentId, SkillId
from routing.model import Reason

LANGUAGES = ("ja", "en")


class Names(Protocol):
    """What things are called, in the language of the sentence."""

    def skill(self, skill: SkillId) -> str:
        """A skill's name; its id when it has none."""

    def agent(self, agent: AgentId) -> str:
        """An agent's name; their id when they have none."""

    def clock(self, at: datetime) -> str:
        """An instant as the desk's clock shows it: 14:03:20."""


class Ids:
    """Names for those who have none: the ids themselves, and UTC."""

    def skill(self, skill: SkillId) -> str:
        """The id."""
        return skill

    def agent(self, agent: AgentId) -> str:
        """The id."""
        return agent

    def clock(self, at: datetime) -> str:
        """In UTC."""
        return at.astimezone(UTC).strftime("%H:%M:%S")


def packed(reason: Reason) -> str:
    """The reason as a call keeps it: JSON, to be put into words when it is shown."""
    return json.dumps({"slug": reason.slug, "params": dict(reason.params)}, ensure_ascii=False, separators=(",", ":"))


def unpacked(stored: str) -> Reason:
    """What :func:`packed` wrote. Anything else is words already (records of earlier versions): a slug of its own."""
    try:
        match json.loads(stored):
            case {"slug": str(slug), "params": dict(params)}:
                return Reason(slug, params)
    except ValueError:
        pass
    return Reason(stored)


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All sentences of a language; an unknown language gets the first."""
    chosen = language if language in LANGUAGES else LANGUAGES[0]
    text = resources.files("routing").joinpath(f"reasons.{chosen}.json").read_text(encoding="utf-8")
    sentences: dict[str, str] = json.loads(text)
    return sentences


def render(reason: Reason, language: str, names: Names) -> str:
    """The sentence. A slug that the catalogue does not know, a break reason for instance, is shown as it is."""
    words = catalogue(language)
    sentence = words.get(reason.slug)
    if sentence is None:
        return reason.slug
    fields: dict[str, Any] = dict(reason.params)
    if "want" in fields:
        fields["want"] = in_words(fields["want"], language, names)
    for field, name in (("waited_s", "waited"), ("after_s", "after"), ("here_s", "here"), ("expected_s", "expected")):
        if field in fields:
            fields[name] = duration(fields[field], language)
    if "day" in fields:
        fields["day"] = fields["day"].get(language, fields["day"]["ja"])
    if "agent" in fields:
        fields["agent"] = names.agent(fields["agent"])
    if "agents" in fields:
        fields["agents"] = words["list"].join(names.agent(agent) for agent in fields["agents"])
    for what in ("to", "voicemail"):
        if what in fields:
            sentence += words[what]
    if "step_since" in fields:
        fields["since"] = names.clock(datetime.fromisoformat(fields["step_since"]))
        sentence += words["step"]
    return sentence.format_map(fields)


def duration(whole_s: int, language: str) -> str:
    """Seconds as people say them."""
    minutes, rest = divmod(whole_s, 60)
    words = catalogue(language)
    return words["minutes"].format(min=minutes, s=rest) if minutes else words["seconds"].format(s=rest)


def in_words(want: Mapping[str, Any], language: str, names: Names) -> str:
    """An expression (its data form, see routing.expression) in words."""
    words = catalogue(language)
    match want:
        case {"skill": skill, "level": level}:
            return words["has"].format(skill=names.skill(skill), level=level)
        case {"agents": agents}:
            return words["agents"].format(names=words["list"].join(names.agent(agent) for agent in agents))
        case {"profile": profile}:
            return words["profile"].format(profile=profile)
        case {"own": True}:
            return words["own"]
        case {"last_agent": True}:
            return words["last_agent"]
        case {"language": level}:
            return words["language"].format(level=level)
        case {"not": part}:
            return words["not"].format(part=in_words(part, language, names))
        case {"all": parts}:
            return words["and"].join(_part(part, language, names) for part in parts) or words["everybody"]
        case {"any": parts}:
            return words["or"].join(_part(part, language, names) for part in parts) or words["nobody"]
    return json.dumps(want, ensure_ascii=False)


def _part(want: Mapping[str, Any], language: str, names: Names) -> str:
    """A part of an AND or OR: in brackets when it is one itself."""
    text = in_words(want, language, names)
    nested = want.get("all") or want.get("any")
    return f"({text})" if nested and len(nested) > 1 else text
