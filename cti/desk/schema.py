"""What one desk file may say. The models carry, per key, the words that an error message gives as advice."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, StringConstraints

from cti.desk.formschema import EvaluationForm
from cti.desk.queueschema import Queue
from cti.desk.recordingschema import RecordingRule
from cti.desk.shapes import SLUG_HINT, Language, Level, Model, Name, Names, Slug
from cti.desk.verifications import Verification

Role = Literal["agent", "supervisor", "qa", "admin", "integrator", "download", "unredacted", "privacy"]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone")
    return name


class Reason(Model):
    """What a call may have been about: one node of a tree that agents choose from."""

    id: Slug = Field(description=SLUG_HINT)
    name: Names = Field(description='{ ja = "解錠できない", en = "Will not unlock" }')
    parent: Slug | None = Field(
        default=None, description="the id of a reason above it in the file; leave it out at the top"
    )
    words: str = Field(
        default="", max_length=200, description='what else people type to find it, e.g. words = "アンロック かいじょう"'
    )


class User(Model):
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


class Skill(Model):
    """Something agents can be good at."""

    id: Slug = Field(description=SLUG_HINT)
    name: Names = Field(description='{ ja = "英語", en = "English" }')


class Agent(Model):
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


Zone = Annotated[str, AfterValidator(_known_zone)]
HOURS_HINT = '["10:00-19:00"], or ["09:00-12:00", "13:00-17:30"], or [] for closed'
HoursList = tuple[str, ...]


class WeeklyHours(Model):
    """Hours by weekday; a day that is left out is closed."""

    mon: HoursList = Field(default=(), description=HOURS_HINT)
    tue: HoursList = Field(default=(), description=HOURS_HINT)
    wed: HoursList = Field(default=(), description=HOURS_HINT)
    thu: HoursList = Field(default=(), description=HOURS_HINT)
    fri: HoursList = Field(default=(), description=HOURS_HINT)
    sat: HoursList = Field(default=(), description=HOURS_HINT)
    sun: HoursList = Field(default=(), description=HOURS_HINT)


class OwnDays(Model):
    """A closure of the desk's own, or days with other hours than usual."""

    name: Names = Field(description='{ ja = "年末年始", en = "New Year" }')
    first: str = Field(description='"2026-12-29", or "12-29" for every year')
    last: str | None = Field(default=None, description='the last day, included, e.g. "01-03"; leave it out for one day')
    hours: HoursList = Field(default=(), description=HOURS_HINT)


class Calendar(Model):
    """When a desk is open."""

    id: Slug = Field(description=SLUG_HINT)
    time_zone: Zone | None = Field(default=None, description="an IANA time zone; leave it out for the tenant's")
    weekly: WeeklyHours = Field(description='{ mon = ["10:00-19:00"], tue = ["10:00-19:00"] }')
    holidays: Literal["jp", "none"] = Field(
        default="jp", description='"jp" (Japanese national holidays have hours of their own) or "none"'
    )
    on_holidays: HoursList = Field(default=(), description=HOURS_HINT)
    days: tuple[OwnDays, ...] = Field(default=(), description="[[tenants.NAME.calendars.days]]")


class Profile(Model):
    """Agents who are treated alike."""

    id: Slug = Field(description=SLUG_HINT)
    delays: dict[Slug, Annotated[int, Field(ge=1, le=14_400, strict=True)]] = Field(
        default_factory=dict, description="queue = seconds its callers wait before these agents are asked, 1 to 14400"
    )


class Routing(Model):
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


class Number(Model):
    """A number that callers dial."""

    number: str = Field(pattern=r"^\+[1-9][0-9]{5,14}$", description='E.164, e.g. "+815012345000"')
    name: Name = Field(description='what this number is for, e.g. "会員窓口"')
    queue: Slug = Field(description="the id of one of the queues")
    menu: Slug | None = Field(default=None, description="the id of one of the menus, or leave it out")


class Outbound(Model):
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


class SavedNumber(Model):
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


class RetentionRule(Model):
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


class Tenant(Model):
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


class Desk(Model):
    """The whole file."""

    tenants: dict[Slug, Tenant] = Field(min_length=1, description="at least one [tenants.NAME]")
