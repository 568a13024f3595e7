"""What a dialogue asks for, one step at a time, and how it ends. Knows nothing of AGI, sockets or clocks.

A dialogue is a generator: it yields a step and receives the keys the caller pressed during it ("" for none).
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from cti.domain.model import MenuFacts


@dataclass(frozen=True, kw_only=True, slots=True)
class Say:
    """Play prompts. Reply: the keys pressed meanwhile, which are typed-ahead answers to what comes next."""

    prompts: tuple[str, ...]  # names of prompts, played in order
    interruptible: bool = True  # a key stops it; False: it is said to the end, keys are kept all the same


@dataclass(frozen=True, kw_only=True, slots=True)
class GetDigits:
    """Play prompts and collect keys. Reply: the keys without ``#``; ``"#"``: only that was pressed; "": silence."""

    prompts: tuple[str, ...]  # a key stops them and counts
    max_digits: int  # collection ends here, or at "#"
    timeout_s: float  # silence after the prompts, and between two keys


@dataclass(frozen=True, kw_only=True, slots=True)
class SetLanguage:
    """Speak this language from now on. Reply: always ""."""

    language: str  # "ja" or "en"


Step = Say | GetDigits | SetLanguage


class CallerLeft(Exception):
    """The caller hung up. Thrown into the dialogue, which then returns what it has learned."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a dialogue ended."""

    facts: MenuFacts
    completed: bool  # False: the caller left half way
    treatment: str | None = None  # instead of a queue: "closed", …


Dialogue = Generator[Step, str, Outcome]
