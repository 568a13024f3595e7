"""What a desk file may say of a queue (docs/queues.md): who is asked, how long, what becomes of who is not served."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from cti.desk.shapes import SLUG_HINT, Level, Model, Names, Slug, SpokenText


class Ageing(Model):
    """Waiting adds priority, so that a busy queue does not hold a quiet one back for ever."""

    every_s: int = Field(ge=1, le=14_400, strict=True, description="whole seconds for one point, e.g. 30")
    most: int = Field(ge=1, le=200, strict=True, description="points at most, 1 to 200")


class Overflow(Model):
    """When callers go on to another queue, with their age."""

    to: Slug = Field(description="the id of another queue")
    after_s: int | None = Field(
        default=None, ge=5, le=14_400, strict=True, description="whole seconds from 5 to 14400, e.g. 60"
    )
    expected_s: int | None = Field(
        default=None, ge=10, le=14_400, strict=True, description="whole seconds from 10 to 14400, e.g. 300"
    )


class Treatment(Model):
    """What becomes of a caller whom a queue does not serve."""

    do: Literal["message", "hang_up", "queue", "voicemail"] = Field(
        description='"message" (standard words), "hang_up" (your own words), "queue" or "voicemail"'
    )
    to: Slug | None = Field(default=None, description='the id of another queue, with do = "queue" only')
    text: SpokenText | None = Field(default=None, description='your own words, { ja = "…", en = "…" }')


class Comfort(Model):
    """What callers hear while they wait."""

    every_s: int = Field(
        default=30, ge=0, le=600, strict=True, description="0 (never) or whole seconds from 10 to 600, e.g. 30"
    )
    place: bool = Field(default=True, strict=True, description="true or false: whether their place in line is told")
    expected: bool = Field(
        default=False, strict=True, description="true or false: whether the expected wait is told, once it is known"
    )
    texts: tuple[SpokenText, ...] = Field(
        default=(), max_length=5, description='at most five, said in turn, [{ ja = "…", en = "…" }]'
    )


class Callbacks(Model):
    """Callers may keep their place and are called back (docs/callbacks.md)."""

    opens: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = Field(
        default="09:00", description='a time of day, nobody is called before, e.g. "09:00"'
    )
    closes: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = Field(
        default="20:00", description='a time of day after opens, nobody is called from then on, e.g. "20:00"'
    )
    tries: int = Field(default=3, ge=1, le=10, strict=True, description="how often in all, 1 to 10")
    pause_s: int = Field(default=600, ge=5, le=86_400, strict=True, description="whole seconds between two tries")
    ring_s: int = Field(default=30, ge=5, le=120, strict=True, description="whole seconds from 5 to 120")

    @model_validator(mode="after")
    def _in_order(self) -> Callbacks:
        if self.opens >= self.closes:
            raise ValueError(f"opens at {self.opens}, not before it closes at {self.closes}")
        return self


class Queue(Model):
    """A line of waiting callers and what they need."""

    id: Slug = Field(description=SLUG_HINT)
    name: Names = Field(description='{ ja = "会員", en = "Members" }')
    skills: dict[Slug, Level] = Field(default_factory=dict, description="skill = least level, e.g. { en = 3 }")
    priority: int = Field(default=0, ge=-100, le=100, strict=True, description="a whole number, -100 to 100")
    ring_s: int = Field(default=20, ge=5, le=120, strict=True, description="whole seconds from 5 to 120, e.g. 20")
    max_wait_s: int = Field(
        default=900, ge=10, le=14_400, strict=True, description="whole seconds from 10 to 14400, e.g. 900"
    )
    service_level_s: int = Field(
        default=20, ge=1, le=3600, strict=True, description="whole seconds from 1 to 3600, e.g. 20"
    )
    wrap_up_s: int | None = Field(
        default=None,
        ge=0,
        le=14_400,
        strict=True,
        description="whole seconds of after-call work from 0 to 14400, e.g. 30; leave it out for the desk's (15)",
    )
    nobody: Literal["message", "wait"] = Field(
        default="message", description='"message" (say that nobody is there) or "wait"'
    )
    reason_required: bool = Field(
        default=False, strict=True, description="true or false: whether agents give each of its calls a reason"
    )
    calendar: Slug | None = Field(default=None, description="the id of one of the calendars; leave it out: always open")
    max_length: int | None = Field(
        default=None, ge=0, le=10_000, strict=True, description="waiting places, 0 to 10000; leave it out: no limit"
    )
    overflow: Overflow | None = Field(default=None, description='{ to = "members", after_s = 60 }')
    ageing: Ageing | None = Field(default=None, description="{ every_s = 30, most = 20 }; leave it out: never")
    ring_agents: int = Field(
        default=1, ge=1, le=10, strict=True, description="phones that ring at once for one call, 1 to 10"
    )
    auto_answer_s: int | None = Field(
        default=None,
        ge=0,
        le=15,
        strict=True,
        description="whole seconds from 0 to 15 that a phone in the browser rings before it answers by itself, e.g. 2;"
        " leave it out: agents answer by hand",
    )
    # Plans are checked by routing.plan, which knows expressions and templates.
    plan: dict[str, Any] | tuple[dict[str, Any], ...] | None = Field(
        default=None,
        description='{ template = "last_agent", wait_s = 20 } or [{ want = { skill = "en" }, expires_s = 20 }];'
        " leave it out to keep the one that was published",
    )
    when_closed: Treatment | None = Field(default=None, description='{ do = "voicemail" }')
    when_full: Treatment | None = Field(default=None, description='{ do = "queue", to = "members" }')
    when_waited: Treatment | None = Field(default=None, description='{ do = "voicemail" }, after max_wait_s')
    when_nobody: Treatment | None = Field(default=None, description='{ do = "voicemail" }, when nobody is logged in')
    comfort: Comfort = Field(default=Comfort(), description="{ every_s = 45, place = false }")
    callback: Callbacks | None = Field(
        default=None, description='{ opens = "09:00", closes = "20:00" }; leave it out: callers cannot keep their place'
    )
