"""Bodies of the HTTP API's announcements. PURE: models only."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from cti.web.parts import Body, Request, Slug


def _speakable(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("write one line of ordinary text, without control characters")
    return text


# 300 characters are a minute of speech; nobody listens longer.
Spoken = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_speakable)]


class SpokenText(Request):
    """Words in both languages."""

    ja: Spoken
    en: Spoken


class AnnouncementRequest(Request):
    """Announce something to the callers of a queue, or of a number called; one of the two, and one kind of words."""

    queue: Slug | None = None
    number: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{5,14}$")] | None = None
    prompt: Slug | None = None  # of the catalogue: announce-weather, announce-outage, announce-busy
    text: SpokenText | None = None  # words of one's own, spoken when they are published
    ends_at: AwareDatetime  # at most a week from now

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if (self.queue is None) == (self.number is None):
            raise ValueError("write queue or number, one of the two")
        if (self.prompt is None) == (self.text is None):
            raise ValueError("write prompt or text, one of the two")
        return self


class AnnouncementBody(Body):
    """Words that callers hear when they come to wait."""

    id: str
    queue: str | None
    number: str | None
    text_ja: str
    text_en: str
    begins_at: AwareDatetime
    ends_at: AwareDatetime
    published_by: str


class AnnouncementList(Body):
    """Announcements that are heard now, oldest first."""

    announcements: list[AnnouncementBody]
