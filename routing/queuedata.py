"""What the desk file says of queues, from the database's JSON to routing's words. PURE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cti.domain.model import QueueId
from cti.domain.spoken import sound_name
from routing.model import Do, Overflow, Treatment

# Often enough to hear the line move, rarely enough to stand; hosted systems use 30 to 60 s.
EVERY_S = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Comfort:
    """What callers hear while they wait."""

    every_s: float = EVERY_S  # 0: never
    place: bool = True  # whether their place in line is told
    expected: bool = False  # whether the expected wait is told with it, as far as it is known
    sounds: tuple[str, ...] = ()  # names of the desk's own words, said in turn


def overflow_from_data(data: Mapping[str, Any] | None) -> Overflow | None:
    """``{"to", "after_s", "expected_s"}``, or none."""
    if not data:
        return None
    return Overflow(to=QueueId(data["to"]), after_s=data.get("after_s"), expected_s=data.get("expected_s"))


def treatments_from_data(data: Mapping[str, Any]) -> dict[str, Treatment]:
    """Why → ``{"do", "to", "text": {"ja", "en"}}``."""
    return {
        why: Treatment(
            do=Do(item["do"]),
            to=QueueId(item["to"]) if item.get("to") else None,
            text=_sound(item["text"]) if item.get("text") else None,
        )
        for why, item in data.items()
    }


def comfort_from_data(data: Mapping[str, Any]) -> Comfort:
    """``{"every_s", "place", "expected", "texts": [{"ja", "en"}]}``."""
    return Comfort(
        every_s=data.get("every_s", EVERY_S),
        place=data.get("place", True),
        expected=data.get("expected", False),
        sounds=tuple(_sound(text) for text in data.get("texts") or ()),
    )


def _sound(text: Mapping[str, str]) -> str:
    return sound_name(text["ja"], text["en"])
