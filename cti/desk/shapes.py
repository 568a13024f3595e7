"""What the parts of a desk file are made of: slugs, names in both languages, spoken words."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

# Slugs go into Asterisk names, S3 keys and URLs: keep them to what all three take without quoting.
SLUG_HINT = "a slug: lower-case letters, digits and '-', starting with a letter, at most 32"
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Level = Annotated[int, Field(ge=1, le=5, strict=True)]
Language = Literal["ja", "en"]


class Model(BaseModel):
    """Every part: what it does not know it refuses, and nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Names(Model):
    """A name in both languages."""

    ja: Name = Field(description='the Japanese name, e.g. ja = "会員"')
    en: Name = Field(description='the English name, e.g. en = "Members"')


def _speakable(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("control characters cannot be spoken")
    return text


# 300 characters are a minute of speech; nobody listens longer.
Spoken = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_speakable)]


class SpokenText(Model):
    """Words that callers hear, spoken by `kakehashi prompts render`."""

    ja: Spoken = Field(description="one line of at most 300 letters, in Japanese")
    en: Spoken = Field(description="one line of at most 300 letters, in English")
