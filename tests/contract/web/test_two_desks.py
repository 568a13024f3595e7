"""Every role, both desks, every route of recordings, on a real PostgreSQL: nobody hears what they must not.

The table of routes is the server's own. A route that is added stands in ``ASKED`` or in ``OTHERS`` from then on, or the
first test fails. Who may do what stands here in words of its own and not by the server's table.
"""

from __future__ import annotations

import io
import secrets
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import asyncpg
import pytest

from cti.domain.model import TenantId
from cti.store.audit import AuditStore
from cti.store.calls import CallStore
from cti.store.evaluationforms import EvaluationFormStore
from cti.store.evaluations import EvaluationStore
from cti.store.evaluationsamples import EvaluationSampleStore
from cti.store.listening import ListeningStore
from cti.store.outgoing import OutgoingStore
from cti.store.sessions import SessionStore
from cti.store.users import UserStore
from cti.web.context import SESSION_IDLE_S, WebSettings
from cti.web.passwords import Passwords
from cti.web.routes import ROUTES
from cti.web.server import WebServer
from cti.wiring.keeping import KeptRecordings
from cti.wiring.people import make_people
from cti.wiring.recordingpages import RecordingPages
from cti.wiring.web import CallPages
from recording.replay import Replay
from recording.store import PostgresLedger
from tests.contract.web.conftest import PASSWORD
from tests.contract.web.desks import SECOND_FORM, Things, TwoDesks, rows_of
from tests.unit.recording.fakes import MemoryObjectStore
from tests.unit.web.fakes import Fakes

ORIGIN = "http://cti.test"
DEMO, LEASE = TenantId("demo"), TenantId("lease")
ROLES = ("agent", "supervisor", "qa", "admin", "integrator", "download", "unredacted", "privacy")
FINDERS, HEARERS, KEEPERS = ("qa", "download", "privacy"), ("qa",), ("privacy",)
SCORERS, READERS = ("qa",), ("supervisor", "qa")
WORDS = {"reason": "asked for"}
PERSON = {"numbers": ["{number}"], "reference": "D-17"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One way to ask for something of a recording."""

    route: str
    roles: tuple[str, ...]  # who may
    body: dict[str, Any] | None = None  # texts may name what is in the path
    query: str = ""
    header: dict[str, str] | None = None
    ok: int = 200  # for one's own desk's
    theirs: int | None = None  # for another desk's; None: 404 where the path names something, else as ``ok``


# In an order in which each can follow the one before.
ASKED = (
    Asked(route="list_recordings", roles=FINDERS),
    Asked(route="list_recordings", roles=FINDERS, query="?number={number}"),
    Asked(route="count_recordings", roles=FINDERS, query="?number={number}"),
    Asked(route="missing_recordings", roles=("supervisor", "qa", "admin")),
    Asked(route="get_audio", roles=HEARERS),
    Asked(route="get_audio", roles=HEARERS, header={"Sec-Fetch-Dest": "audio"}, ok=307),  # an address for a minute
    Asked(route="get_peaks", roles=HEARERS),
    Asked(route="download_recording", roles=("download",)),
    Asked(route="list_comments", roles=HEARERS, theirs=200),  # none
    Asked(route="add_comment", roles=HEARERS, body={"at_s": 1, "text": "x"}, ok=201),
    Asked(route="edit_comment", roles=HEARERS, body={"text": "x"}),
    Asked(route="delete_comment", roles=HEARERS, ok=204),
    Asked(route="my_searches", roles=FINDERS),
    Asked(route="save_my_search", roles=FINDERS, body={"name": "mine", "query": "queue=members"}),
    Asked(route="forget_my_search", roles=FINDERS, ok=204),
    Asked(route="list_calls", roles=("supervisor", "qa", "admin")),
    Asked(route="get_call", roles=("supervisor", "qa", "admin", "privacy")),
    Asked(route="list_names", roles=tuple(role for role in ROLES if role != "integrator")),
    Asked(route="my_calls_today", roles=("agent",)),
    Asked(route="list_outgoing", roles=("admin", "integrator")),
    Asked(route="call_evaluations", roles=READERS),
    Asked(route="list_evaluations", roles=READERS),
    Asked(route="get_evaluation", roles=READERS),
    Asked(route="export_evaluations", roles=READERS, query="?format=csv"),
    Asked(route="export_evaluations", roles=READERS, query="?format=json"),
    Asked(route="save_evaluation", roles=SCORERS, body={"version": 2, "answers": "FULL", "note": "x"}),
    Asked(route="submit_evaluation", roles=SCORERS, body={"version": 3}),
    Asked(route="discard_evaluation", roles=SCORERS, body={"version": 2}, ok=204),
    Asked(route="review_evaluation", roles=("supervisor",), body={"version": 4, "outcome": "upheld", "note": "x"}),
    Asked(route="my_evaluations", roles=("agent",)),
    Asked(route="my_evaluation", roles=("agent",)),
    Asked(route="my_evaluated_audio", roles=("agent",)),
    Asked(route="dispute_evaluation", roles=("agent",), body={"version": 3, "reason": "x"}),
    Asked(route="begin_evaluation", roles=SCORERS, body={"agent": "sato", "form": SECOND_FORM}),
    Asked(route="list_samples", roles=READERS),
    Asked(route="my_samples", roles=SCORERS),
    Asked(route="draw_sample", roles=READERS, body={
        "form": "members", "since": "2026-11-19T00:00:00Z", "until": "2026-11-21T00:00:00Z", "seed": "s",
        "rules": [{"kind": "random", "per_agent": 50}], "people": ["qa"]}),
    Asked(route="list_trail", roles=("admin", "privacy")),
    Asked(route="list_trail", roles=("admin", "privacy"), query="?which={call_id}&what=recording."),
    Asked(route="list_holds", roles=KEEPERS),
    Asked(route="list_holds", roles=KEEPERS, query="?call_id={kept}"),
    Asked(route="hold_recording", roles=KEEPERS, body=WORDS),
    Asked(route="release_hold", roles=KEEPERS, body=WORDS),
    Asked(route="look_person", roles=KEEPERS, body=PERSON),
    Asked(route="export_person", roles=KEEPERS, body=PERSON),
    Asked(route="erase_person", roles=KEEPERS, body=PERSON, ok=202),
    Asked(route="list_erasures", roles=KEEPERS),
    Asked(route="get_erasure", roles=KEEPERS),
    Asked(route="delete_recording", roles=KEEPERS, body=WORDS, ok=202),
)  # fmt: skip

# Which of a call's scores a route is asked for, and which call where it is not the one with everything.
SCORE = {
    "get_evaluation": "submitted", "save_evaluation": "draft", "submit_evaluation": "draft",
    "discard_evaluation": "other_draft", "review_evaluation": "disputed", "my_evaluation": "submitted",
    "dispute_evaluation": "submitted", "my_evaluated_audio": "submitted",
}  # fmt: skip
HELD = {"hold_recording"}

# Routes that give, change or find nothing of a recording. Their rights and desks are tested where they are.
OTHERS = frozenset({
    # log-ins, one's own page and phone
    "login", "logout", "me", "change_password", "set_my_state", "my_phone", "log_in_my_phone", "bring_my_call_back",
    "my_phone_is_here", "tell_my_holds", "report_my_quality", "my_call", "command_my_call", "agent_socket",
    "my_states_today",
    # calls that go on, and what is written down of one's own
    "command_recording", "my_call_after", "save_my_note", "ask_ticket", "choose_member", "mark_step", "call_decisions",
    "my_dialling", "dial", "list_reasons",
    # the desk's own settings and its board
    "my_saved_numbers", "list_saved_numbers", "add_saved_number", "change_saved_number", "remove_saved_number",
    "get_queues", "move_call", "prioritise_call", "set_agent_state", "list_skills", "get_agent_skills",
    "set_agent_skills", "get_plan", "check_plan", "publish_plan", "revert_plan", "list_callbacks", "cancel_callback",
    "list_announcements", "publish_announcement", "withdraw_announcement",
    # forms hold questions and no answers
    "list_evaluation_forms", "get_evaluation_form", "publish_evaluation_form", "set_evaluation_form_active",
    # the server itself
    "openapi", "healthz", "readyz", "metrics",
})  # fmt: skip


def test_every_route_is_either_asked_below_or_is_not_of_recordings() -> None:
    names, asked = {route.name for route in ROUTES}, {one.route for one in ASKED}
    assert asked.isdisjoint(OTHERS)
    assert names - asked - OTHERS == set(), "say below who may ask for it, and what another desk is answered"
    assert (asked | OTHERS) - names == set(), "these are gone"


@dataclass
class Town:
    """The site over both desks."""

    url: str
    pool: asyncpg.Pool[Any]
    own: dict[str, Things]  # of the demo's desk, by who asks
    theirs: Things

    async def client(self, login: str) -> aiohttp.ClientSession:
        jar = aiohttp.CookieJar(unsafe=True)
        client = aiohttp.ClientSession(self.url, cookie_jar=jar, headers={"Origin": ORIGIN})
        who = {"tenant": "demo", "login": login, "password": PASSWORD}
        async with client.post("/api/login", json=who) as answer:
            assert answer.status == 200, await answer.text()
        return client


@pytest.fixture
async def town(pool: asyncpg.Pool[Any]) -> AsyncIterator[Town]:
    fakes, objects = Fakes(), MemoryObjectStore()
    # The fake is held to the real ones by tests/contract/recording.
    recordings = RecordingPages(pool, objects)  # type: ignore[arg-type]
    recordings._replay = Replay(ledger=PostgresLedger(pool), objects=objects)
    people = make_people(pool, objects, None, AuditStore(pool).add, fakes.clock.now)
    own, theirs = await filled(TwoDesks(pool, objects, people))
    parts = replace(
        fakes.parts(), users=UserStore(pool), sessions=SessionStore(pool, idle_s=SESSION_IDLE_S),
        audit=AuditStore(pool), calls=CallPages(CallStore(pool)), recordings=recordings,
        keeping=KeptRecordings(pool, fakes.clock.now), people=people, listening=ListeningStore(pool),
        feed=OutgoingStore(pool), evaluations=EvaluationStore(pool), samples=EvaluationSampleStore(pool),
        evaluation_forms=EvaluationFormStore(pool),
    )  # fmt: skip
    settings = WebSettings(port=0, origins=(ORIGIN,), drain_s=1.0, replay_url_s=60)
    server = WebServer(settings, parts, stream_id=secrets.token_hex(8), passwords=Passwords(time_cost=1, memory_kib=64))
    await server.start()
    yield Town(url=f"http://127.0.0.1:{server.port}", pool=pool, own=own, theirs=theirs)
    await server.stop()


async def filled(desks: TwoDesks) -> tuple[dict[str, Things], Things]:
    """Both desks have people with the same log-ins, and agents of the same name."""
    hashed = await desks.pool.fetchval("SELECT password_hash FROM users LIMIT 1")
    for tenant in (DEMO, LEASE):
        await desks.forms(tenant)
        for login in (*ROLES, "everything"):
            roles = list(ROLES) if login == "everything" else [login]
            await desks.pool.execute(
                "INSERT INTO users (tenant, login, name, roles, password_hash, must_change)"
                " VALUES ($1, $2, $2, $3, $4, false)", tenant, login, roles, hashed,
            )  # fmt: skip
    await desks.pool.execute("UPDATE agents SET login = 'agent' WHERE tenant = 'demo' AND agent = 'sato'")
    await desks.pool.execute(
        "INSERT INTO agents (tenant, agent, login, name, endpoint, sip_secret)"
        " VALUES ('lease', 'sato', 'agent', 'x', 'lease-sato', 'x'), ('demo', 'all', 'everything', 'x', 'all', 'x')"
    )
    own = {login: await desks.things(DEMO, login, n) for n, login in enumerate(ROLES)}
    theirs = await desks.things(LEASE, "everything", len(ROLES))
    return own, theirs


async def tried(client: aiohttp.ClientSession, asked: Asked, of: Things) -> tuple[int, bytes, str]:
    """Status, whole answer (a ZIP unpacked), and where it leads."""
    route = next(route for route in ROUTES if route.name == asked.route)
    names = {
        "call_id": of.kept if asked.route in HELD else of.call_id, "kept": of.kept,
        "number": of.number.replace("+81", "0"),
        "comment_id": of.comment_id, "hold": of.hold, "erasure": of.erasure, "name": of.search,
        "evaluation": getattr(of, SCORE.get(asked.route, "submitted")),
    }  # fmt: skip
    body = None if asked.body is None else {key: _said(value, names) for key, value in asked.body.items()}
    path = (route.path + asked.query).format(**names)
    async with client.request(
        route.method, path, json=body, headers=asked.header or {}, allow_redirects=False
    ) as answer:
        content = await answer.read()
        if answer.content_type == "application/zip":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                content = b"\n".join(archive.read(name) for name in archive.namelist())
        return answer.status, content, answer.headers.get("Location", "")


def _said(value: Any, names: dict[str, Any]) -> Any:
    if value == "FULL":
        values = {"greeting": 2, "name": 3, "verified": 2, "solved": 4}
        return {name: {"value": n, "na": False, "comment": "", "at_s": None} for name, n in values.items()}
    if isinstance(value, list) and value and isinstance(value[0], str):
        return [one.format(**names) for one in value]
    return value


async def test_who_may_does_and_nobody_else_and_never_at_another_desk(town: Town) -> None:
    wrong: list[str] = []
    before = await rows_of(town.pool, LEASE)
    assert len(before) > 20
    for login in (*ROLES, "everything"):
        client = await town.client(login)
        for asked in ASKED:
            may = login == "everything" or login in asked.roles
            wrong += await at_home(client, asked, town.own.get(login), may, login)
            wrong += await elsewhere(client, asked, town.theirs, may, login)
        await client.close()
    assert not wrong, "\n".join(wrong)
    assert await rows_of(town.pool, LEASE) == before, "what another desk has was changed"
    theirs = [town.theirs.call_id, town.theirs.kept]
    trail = await town.pool.fetch("SELECT who, what FROM audit WHERE tenant = 'demo' AND which = ANY($1)", theirs)
    assert trail == [], "the trail says that something of another desk was looked at"


async def at_home(client: aiohttp.ClientSession, asked: Asked, own: Things | None, may: bool, login: str) -> list[str]:
    """What is wrong with the answer for something of one's own desk."""
    if own is None:
        return []
    status, content, _ = await tried(client, asked, own)
    if status != (asked.ok if may else 403):
        return [f"{login} {asked.route}{asked.query}: {status} {content[:200]!r}"]
    if not may and any(mark in content for mark in own.marks[:3]):
        return [f"{login} {asked.route}: refused, and told all the same"]
    return []


async def elsewhere(client: aiohttp.ClientSession, asked: Asked, theirs: Things, may: bool, login: str) -> list[str]:
    """What is wrong with the answer for something of another desk."""
    status, content, leads = await tried(client, asked, theirs)
    path = next(route.path for route in ROUTES if route.name == asked.route)
    expected = asked.theirs or (404 if "{" in path else asked.ok)
    found = []
    if status != (expected if may else 403):
        found.append(f"{login} {asked.route}{asked.query} of another desk: {status} {content[:200]!r}")
    # Whom a disclosure is about stands in it, known or not.
    marks = theirs.marks[1:] if "people" in path else theirs.marks
    # A refusal may name what was asked for.
    marks = marks[:-2] if status >= 400 else marks
    return found + [
        f"{login} {asked.route} told {mark[:40]!r}" for mark in marks if mark in content or mark in leads.encode()
    ]
