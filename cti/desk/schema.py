"""What one desk file may say. The models carry, per key, the words that an error message gives as advice."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from cti.desk.formschema import EvaluationForm
from cti.desk.recordingschema import RecordingRule
from cti.desk.verifications import Verification

# Slugs go into Asterisk names, S3 keys and URLs: keep them to what all three take without quoting.
SLUG_HINT = "a slug: lower-case letters, digits and '-', starting with a letter, at most 32"
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Level = Annotated[int, Field(ge=1, le=5, strict=True)]
Language = Literal["ja", "en"]
Role = Literal["agent", "supervisor", "qa", "admin", "integrator", "download", "unredacted", "privacy"]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone")
    return name


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Names(_Model):
    """A name in both languages."""

    ja: Name = Field(description='the Japanese name, e.g. ja = "会員"')
    en: Name = Field(description='the English name, e.g. en = "Members"')


class Reason(_Model):
    """What a call may have been about: one node of a tree that agents choose from."""

    id: Slug = Field(description=SLUG_HINT)
    name: Names = Field(description='{ ja = "解錠できない", en = "Will not unlock" }')
    parent: Slug | None = Field(
        default=None, description="the id of a reason above it in the file; leave it out at the top"
    )
    words: str = Field(
        default="", max_length=200, description='what else people type to find it, e.g. words = "アンロック かいじょう"'
    )


class User(_Model):
    """A person who logs in."""

    login: Slug = Field(description=SLUG_HINT)
    name: Name = Field(description='the person\'s name, e.g. "佐藤 花子"')
    name_kana: str = Field(default="", max_length=200, description="the name in katakana, for searching")
    roles: frozenset[Role] = Field(
        min_length=1,
        description='one or more of "agent", "supervisor", "qa", "admin", "integrator", "download", "unredacted",'
        ' "privacy"',
    )
    first_password: str | None = Field(
        default=None,
        min_length=10,
        max_length=200,
        description="10 characters or more; used for a new user only",
    )


class Skill(_Model):
    """Something agents can be good at."""

    id: Slug = Field(description=SLUG_HINT)
    name: Names = Field(description='{ ja = "英語", en = "English" }')


class Agent(_Model):
    """A place at the desk: a person, a phone, skills."""

    id: Slug = Field(description=SLUG_HINT)
    user: Slug = Field(description="the login of one of the users")
    skills: dict[Slug, Level] = Field(default_factory=dict, description="skill = level, 1 to 5, e.g. { en = 3 }")
    profile: Slug | None = Field(default=None, description="the id of one of the profiles, or leave it out")
    phone: Literal["sip", "browser"] = Field(
        default="sip", description='"sip" (a phone that registers by itself) or "browser" (the page is the phone)'
    )
    auto_answer: Literal["queue", "always", "never"] = Field(
        default="queue", description='"queue" (as the call\'s queue says), "always" or "never"; for phone = "browser"'
    )
    phone_password: str | None = Field(
        default=None,
        min_length=12,
        max_length=64,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="12 to 64 letters, digits, '_' or '-'; leave it out and one is made",
    )


def _speakable(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("control characters cannot be spoken")
    return text


# 300 characters are a minute of speech; nobody listens longer.
Spoken = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_speakable)]
Zone = Annotated[str, AfterValidator(_known_zone)]
HOURS_HINT = '["10:00-19:00"], or ["09:00-12:00", "13:00-17:30"], or [] for closed'
HoursList = tuple[str, ...]


class SpokenText(_Model):
    """Words that callers hear, spoken by `kakehashi prompts render`."""

    ja: Spoken = Field(description="one line of at most 300 letters, in Japanese")
    en: Spoken = Field(description="one line of at most 300 letters, in English")


class WeeklyHours(_Model):
    """Hours by weekday; a day that is left out is closed."""

    mon: HoursList = Field(default=(), description=HOURS_HINT)
    tue: HoursList = Field(default=(), description=HOURS_HINT)
    wed: HoursList = Field(default=(), description=HOURS_HINT)
    thu: HoursList = Field(default=(), description=HOURS_HINT)
    fri: HoursList = Field(default=(), description=HOURS_HINT)
    sat: HoursList = Field(default=(), description=HOURS_HINT)
    sun: HoursList = Field(default=(), description=HOURS_HINT)


class OwnDays(_Model):
    """A closure of the desk's own, or days with other hours than usual."""

    name: Names = Field(description='{ ja = "年末年始", en = "New Year" }')
    first: str = Field(description='"2026-12-29", or "12-29" for every year')
    last: str | None = Field(default=None, description='the last day, included, e.g. "01-03"; leave it out for one day')
    hours: HoursList = Field(default=(), description=HOURS_HINT)


class Calendar(_Model):
    """When a desk is open."""

    id: Slug = Field(description=SLUG_HINT)
    time_zone: Zone | None = Field(default=None, description="an IANA time zone; leave it out for the tenant's")
    weekly: WeeklyHours = Field(description='{ mon = ["10:00-19:00"], tue = ["10:00-19:00"] }')
    holidays: Literal["jp", "none"] = Field(
        default="jp", description='"jp" (Japanese national holidays have hours of their own) or "none"'
    )
    on_holidays: HoursList = Field(default=(), description=HOURS_HINT)
    days: tuple[OwnDays, ...] = Field(default=(), description="[[tenants.NAME.calendars.days]]")


class Profile(_Model):
    """Agents who are treated alike."""

    id: Slug = Field(description=SLUG_HINT)
    delays: dict[Slug, Annotated[int, Field(ge=1, le=14_400, strict=True)]] = Field(
        default_factory=dict, description="queue = seconds its callers wait before these agents are asked, 1 to 14400"
    )


class Routing(_Model):
    """The desk's stated rules (docs/routing.md)."""

    missed_state: Literal["break", "offline", "training", "available"] = Field(
        default="break", description='"break", "offline", "training" or "available"'
    )
    missed_reason: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,64}$")] = Field(
        default="missed_offer", description="a slug, at most 64 of a-z, 0-9, '_' and '-'"
    )
    wrap_up_s: int = Field(default=15, ge=0, le=14_400, strict=True, description="whole seconds from 0 to 14400")
    same_agent_s: int = Field(default=10, ge=0, le=120, strict=True, description="whole seconds from 0 to 120")
    skip_s: int = Field(default=30, ge=1, le=3600, strict=True, description="whole seconds from 1 to 3600")
    skip_alone_s: int = Field(default=5, ge=1, le=3600, strict=True, description="whole seconds from 1 to 3600")
    refusals: int = Field(default=3, ge=1, le=100, strict=True, description="1 to 100 refusals in a row")
    nobody_entry_s: int = Field(default=2, ge=0, le=3600, strict=True, description="whole seconds from 0 to 3600")
    nobody_left_s: int = Field(default=20, ge=0, le=3600, strict=True, description="whole seconds from 0 to 3600")


class Ageing(_Model):
    """Waiting adds priority, so that a busy queue does not hold a quiet one back for ever."""

    every_s: int = Field(ge=1, le=14_400, strict=True, description="whole seconds for one point, e.g. 30")
    most: int = Field(ge=1, le=200, strict=True, description="points at most, 1 to 200")


class Overflow(_Model):
    """When callers go on to another queue, with their age."""

    to: Slug = Field(description="the id of another queue")
    after_s: int | None = Field(
        default=None, ge=5, le=14_400, strict=True, description="whole seconds from 5 to 14400, e.g. 60"
    )
    expected_s: int | None = Field(
        default=None, ge=10, le=14_400, strict=True, description="whole seconds from 10 to 14400, e.g. 300"
    )


class Treatment(_Model):
    """What becomes of a caller whom a queue does not serve."""

    do: Literal["message", "hang_up", "queue", "voicemail"] = Field(
        description='"message" (standard words), "hang_up" (your own words), "queue" or "voicemail"'
    )
    to: Slug | None = Field(default=None, description='the id of another queue, with do = "queue" only')
    text: SpokenText | None = Field(default=None, description='your own words, { ja = "…", en = "…" }')


class Comfort(_Model):
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


class Callbacks(_Model):
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


class Queue(_Model):
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


class Number(_Model):
    """A number that callers dial."""

    number: str = Field(pattern=r"^\+[1-9][0-9]{5,14}$", description='E.164, e.g. "+815012345000"')
    name: Name = Field(description='what this number is for, e.g. "会員窓口"')
    queue: Slug = Field(description="the id of one of the queues")
    menu: Slug | None = Field(default=None, description="the id of one of the menus, or leave it out")


class Outbound(_Model):
    """Agents may have numbers dialled (docs/outbound.md)."""

    number: str = Field(
        pattern=r"^\+[1-9][0-9]{5,14}$", description="one of the desk's own numbers, which the person sees calling"
    )
    prefixes: tuple[Annotated[str, StringConstraints(pattern=r"^0[0-9]{0,10}$")], ...] = Field(
        default=(),
        max_length=100,
        description='national digits that a number may begin with, e.g. ["090", "080", "03"]; leave it out: any',
    )
    calendar: Slug | None = Field(default=None, description="the id of one of the calendars; leave it out: always")
    per_agent_hour: int = Field(default=30, ge=0, le=1000, strict=True, description="numbers, 0 to 1000")
    per_hour: int = Field(default=300, ge=0, le=10_000, strict=True, description="numbers of the desk, 0 to 10000")
    ring_s: int = Field(default=45, ge=5, le=120, strict=True, description="whole seconds from 5 to 120")
    own_ring_s: int = Field(default=20, ge=5, le=60, strict=True, description="whole seconds from 5 to 60")


class SavedNumber(_Model):
    """Somebody outside whom agents ask or pass callers on to (docs/saved-numbers.md)."""

    id: Slug = Field(description=SLUG_HINT)
    name: Name = Field(description='whose number it is, e.g. "渋谷警察署"')
    reading: str = Field(default="", max_length=200, description='the name in kana, e.g. "しぶやけいさつしょ"')
    number: str = Field(min_length=1, max_length=40, description='a number that may be dialled, e.g. "03-3498-0110"')
    queues: tuple[Slug, ...] = Field(
        default=(), max_length=100, description="ids of queues whose agents see it; leave both lists out: everybody"
    )
    agents: tuple[Slug, ...] = Field(
        default=(), max_length=500, description="ids of agents who see it; leave both lists out: everybody"
    )


class RetentionRule(_Model):
    """How long recordings are kept (docs/privacy.md). The first rule that fits counts; what is left out fits all."""

    queue: Slug | None = Field(default=None, description="the id of one of the queues; leave it out: any")
    direction: Literal["inbound", "outbound", "callback"] | None = Field(
        default=None, description='"inbound", "outbound" or "callback"; leave it out: any'
    )
    result: Literal["answered", "unanswered", "voicemail"] | None = Field(
        default=None, description='"answered", "unanswered" or "voicemail"; leave it out: any'
    )
    # A hundred years: what is larger is a slip of the finger.
    days: int | None = Field(
        default=None, ge=1, le=36_500, strict=True, description="1 to 36500 days; leave it out: until it is deleted"
    )


class Tenant(_Model):
    """One company's desk."""

    name: Name = Field(description="the company's name")
    time_zone: Zone = Field(default="Asia/Tokyo", description='an IANA time zone, e.g. "Asia/Tokyo"')
    language: Language = Field(default="ja", description='"ja" or "en"')
    users: tuple[User, ...] = Field(min_length=1, description="at least one [[tenants.NAME.users]]")
    skills: tuple[Skill, ...] = Field(default=(), description="[[tenants.NAME.skills]]")
    agents: tuple[Agent, ...] = Field(default=(), description="[[tenants.NAME.agents]]")
    queues: tuple[Queue, ...] = Field(min_length=1, description="at least one [[tenants.NAME.queues]]")
    numbers: tuple[Number, ...] = Field(default=(), description="[[tenants.NAME.numbers]]")
    calendars: tuple[Calendar, ...] = Field(default=(), description="[[tenants.NAME.calendars]]")
    profiles: tuple[Profile, ...] = Field(default=(), description="[[tenants.NAME.profiles]]")
    # More than this is a list that nobody learns; the page draws all of them.
    reasons: tuple[Reason, ...] = Field(default=(), max_length=500, description="[[tenants.NAME.reasons]], at most 500")
    evaluation_forms: tuple[EvaluationForm, ...] = Field(
        default=(), max_length=50, description="[[tenants.NAME.evaluation_forms]], at most 50"
    )
    verifications: tuple[Verification, ...] = Field(
        default=(), max_length=100, description="[[tenants.NAME.verifications]], see docs/callers.md"
    )
    routing: Routing = Field(default=Routing(), description="[tenants.NAME.routing]")
    retention: tuple[RetentionRule, ...] = Field(
        default=(), max_length=100, description="[[tenants.NAME.retention]], at most 100; leave it out: kept"
    )
    recording: tuple[RecordingRule, ...] = Field(
        default=(), max_length=100, description="[[tenants.NAME.recording]], at most 100; leave it out: all of them"
    )
    outbound: Outbound | None = Field(
        default=None, description='[tenants.NAME.outbound] with number = "+81…"; leave it out: nobody dials out'
    )
    # More is no list for a telephone any more, and the page holds all of them.
    saved_numbers: tuple[SavedNumber, ...] = Field(
        default=(), max_length=500, description="[[tenants.NAME.saved_numbers]], at most 500"
    )
    # Menus are checked by ivr.menus, which knows the kinds of nodes.
    menus: tuple[dict[str, Any], ...] = Field(default=(), description="[[tenants.NAME.menus]], see docs/menus.md")


class Desk(_Model):
    """The whole file."""

    tenants: dict[Slug, Tenant] = Field(min_length=1, description="at least one [tenants.NAME]")
