"""What every handler may reach: the injected parts, the settings, and helpers to read a request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import BaseModel, ValidationError

from cti.domain.access import Session
from cti.domain.person import People
from cti.metrics import Metrics
from cti.web import (
    actionports,
    afterports,
    announcementports,
    dialports,
    feedports,
    pauseports,
    phoneports,
    ports,
    recordingports,
)
from cti.web.callerports import Callers, NoCallers
from cti.web.evaluationports import EvaluationForms, Evaluations, NoEvaluationForms, NoEvaluations
from cti.web.keepports import Keeping, NoKeeping
from cti.web.listenports import Listening, NoListening
from cti.web.peopleports import NoPeople
from cti.web.problems import Refused, sentences
from cti.web.sampleports import NoSamples, Samples
from cti.web.savedports import NoSavedNumbers, SavedNumbers

M = TypeVar("M", bound=BaseModel)

# A shift of twelve hours is the longest day at a desk; two hours without any use is somebody who went home.
SESSION_S = 12 * 3600
SESSION_IDLE_S = 2 * 3600
# The largest body is a changed password; 64 KiB leaves room for growth and none for abuse.
MAX_BODY = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class WebSettings:
    """What an operator decides about the web side."""

    host: str = "127.0.0.1"
    port: int = 8080  # 0: any free one
    origins: tuple[str, ...] = ()  # addresses people type, "https://cti.example.com"
    tls_certificate: Path | None = None  # PEM chain
    tls_key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()  # networks whose X-Forwarded-For is believed
    phone_url: str | None = None  # Asterisk's WebSocket, which pages that are phones may connect to
    replay_url_s: int = 0  # how long an address of the object store is good for a player; 0: the server streams
    replay_origin: str | None = None  # where such addresses are
    static: Path = field(default_factory=lambda: Path(__file__).with_name("static"))  # the built pages
    drain_s: float = 5.0  # how long requests may go on when the server stops


@dataclass(frozen=True, kw_only=True)
class WebParts:
    """The parts behind the pages, as ports."""

    users: ports.Users
    sessions: ports.Sessions
    audit: ports.Audit
    desk: ports.Desk
    names: ports.Names
    pops: ports.Pops
    talks: ports.Talks
    calls: ports.Calls
    recordings: recordingports.Recordings
    announcements: announcementports.Announcements
    readiness: ports.Readiness
    metrics: Metrics
    now: Callable[[], datetime]  # aware UTC
    monotonic: Callable[[], float]  # seconds
    callbacks: ports.Callbacks = field(default_factory=ports.NoCallbacks)
    supervision: actionports.Supervision = field(default_factory=actionports.NoSupervision)
    dialling: dialports.Dialling = field(default_factory=dialports.NoDialling)
    saved: SavedNumbers = field(default_factory=NoSavedNumbers)
    feed: feedports.Feed = field(default_factory=feedports.NoFeed)
    aftercall: afterports.Aftercall = field(default_factory=afterports.NoAftercall)
    pauses: pauseports.Pauses = field(default_factory=pauseports.NoPauses)
    keeping: Keeping = field(default_factory=NoKeeping)
    people: People = field(default_factory=NoPeople)
    phones: phoneports.Phones = field(default_factory=phoneports.NoPhones)
    listening: Listening = field(default_factory=NoListening)
    evaluations: Evaluations = field(default_factory=NoEvaluations)
    samples: Samples = field(default_factory=NoSamples)
    evaluation_forms: EvaluationForms = field(default_factory=NoEvaluationForms)
    callers: Callers = field(default_factory=NoCallers)
    qualities: phoneports.Qualities = field(default_factory=phoneports.NoQualities)


PARTS = web.AppKey("parts", WebParts)
SETTINGS = web.AppKey("settings", WebSettings)
SESSION = web.RequestKey("session", Session)
TOKEN_SHA256 = web.RequestKey("token_sha256", bytes)


def session_of(request: web.Request) -> Session:
    """Who asks. Only for routes that need a log-in: the guard has put it there."""
    return request[SESSION]


def zone_of_tenant(name: str) -> tzinfo:
    """A time zone by its IANA name."""
    return ZoneInfo(name)


def midnight(now: datetime, zone: tzinfo) -> datetime:
    """The beginning of the day that ``now`` is in, there."""
    return now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


async def read_body(request: web.Request, model: type[M]) -> M:
    """The JSON body. Raises Refused 400 with a sentence per wrong field, 415 for another type of body."""
    if request.content_type != "application/json":
        raise Refused(415, "not_json")
    data = await request.read()
    try:
        return model.model_validate(json.loads(data.decode("utf-8")))  # JSON is UTF-8, whatever a header says
    except ValidationError as error:
        raise Refused(400, "bad_request", problems=sentences(error)) from error
    except (ValueError, RecursionError) as error:
        raise Refused(400, "not_json") from error


def read_query(request: web.Request, model: type[M]) -> M:
    """The query string, each key at most once; an empty value counts as left out."""
    values: dict[str, str] = {}
    for key, value in request.query.items():
        if key in values:
            raise Refused(400, "bad_request", problems=[f"{key[:40]}: is there twice"])
        if value != "":
            values[key] = value
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise Refused(400, "bad_request", problems=sentences(error)) from error


def answer(model: BaseModel, status: int = 200) -> web.Response:
    """A model as JSON; personal data, so no cache keeps it."""
    return web.Response(
        status=status,
        body=model.model_dump_json().encode(),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
