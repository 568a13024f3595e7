"""A desk to look at: the real web server, screen pop and hub; routing and Asterisk are played by the test.

Without a pool everything else is in memory, with one the log-ins, sessions, calls, audit trail and the list of
recordings are real rows in PostgreSQL.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import asyncpg

from cti.domain.errors import CallerError
from cti.domain.events import (
    AgentFreed,
    AgentPhoneChanged,
    AgentStateChanged,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallRinging,
    Event,
    OfferEnded,
)
from cti.domain.model import (
    AgentId,
    AgentState,
    Call,
    CallState,
    EndedBy,
    EndReason,
    OfferOutcome,
    PhoneState,
    QueueId,
    SkillId,
    TenantId,
)
from cti.domain.pop import PopChange
from cti.metrics import Metrics
from cti.screenpop import ScreenPop
from cti.store.audit import AuditStore
from cti.store.calls import CallStore
from cti.store.evaluationforms import EvaluationFormStore
from cti.store.evaluations import EvaluationStore
from cti.store.evaluationsamples import EvaluationSampleStore
from cti.store.listening import ListeningStore
from cti.store.quality import QualityStore
from cti.store.sessions import SessionStore
from cti.store.users import UserStore
from cti.web import ports
from cti.web.context import SESSION_IDLE_S, WebParts, WebSettings
from cti.web.passwords import Passwords
from cti.web.server import WebServer
from cti.wiring.keeping import KeptRecordings
from cti.wiring.people import KnownPeople, make_people
from cti.wiring.web import CallPages
from tests.e2e.pages.phoneline import PhoneLine, PlayedPhones, PlayedQualities
from tests.e2e.pages.records import DEMO, SATO, agent, offer_id, ringing_call
from tests.e2e.pages.shelf import Shelf, StoredShelf
from tests.e2e.pages.sound import Sound
from tests.e2e.pages.supervision import PlayedCallbacks, PlayedSupervision
from tests.unit.recording.fakes import MemoryObjectStore
from tests.unit.web.fakes import FakeCalls, FakeDesk, FakeReadiness, Fakes, person
from tests.unit.web.privacy import FakeKeeping, FakePeople

PASSWORD = "hanako-no-kagi"
QUEUES = {
    "members": ("会員", "Members"),
    "roadside": ("車両トラブル", "Roadside help"),
    "english": ("英語", "English"),
    "partners": ("取引先・警察", "Partners and police"),
}
SKILLS = {
    "ja": ("日本語", "Japanese"),
    "en": ("英語", "English"),
    "roadside": ("車両トラブル", "Roadside"),
    "billing": ("料金", "Billing"),
}


def now() -> datetime:
    return datetime.now(UTC)


class Names:
    """The desk's names. Implements cti.web.ports.Names."""

    def __init__(self) -> None:
        self.queues = dict(QUEUES)

    def queue(self, tenant: TenantId, queue: QueueId) -> tuple[str, str]:
        return self.queues.get(queue, (queue, queue))

    def reason(self, tenant: TenantId, stored: str) -> tuple[str, str]:
        return stored, stored

    def skill(self, tenant: TenantId, skill: SkillId) -> tuple[str, str]:
        return SKILLS.get(skill, (skill, skill))


class PlayedDesk(FakeDesk):
    """Routing as the test wants it. A chosen state is announced, as routing does it."""

    def __init__(self) -> None:
        super().__init__()
        self.site: Site | None = None
        self.asterisk_up = True

    def live(self, tenant: TenantId) -> ports.LiveFacts:
        return replace(super().live(tenant), asterisk_up=self.asterisk_up)

    async def choose_state(self, tenant: TenantId, agent: AgentId, state: AgentState, reason: str) -> None:
        if self.refuse is not None:
            raise CallerError(self.refuse)
        assert self.site is not None
        self.site.set_state(state, reason, agent)


@dataclass(kw_only=True)
class Site:
    """A running web server and the strings that move what it shows."""

    port: int
    fakes: Fakes
    desk: PlayedDesk
    names: Names
    calls: FakeCalls
    shelf: Shelf
    parts: WebParts
    passwords: Passwords
    server: WebServer
    screen: ScreenPop
    supervision: PlayedSupervision
    callbacks: PlayedCallbacks
    readiness: FakeReadiness
    qualities: PlayedQualities
    keeping: FakeKeeping  # where there is no pool
    people: FakePeople
    line: PhoneLine | None = None  # of the page that is a phone
    calls_made: int = 0
    servers: int = 1

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # --- What happens at the desk ---

    def happen(self, event: Event) -> None:
        """A fact from the bus, in the order of the real wiring."""
        self.screen.handle(event)
        self.server.hub.handle(event)

    def pop_changed(self, change: PopChange) -> None:
        """PopSink: whichever server runs now."""
        self.server.hub.pop_changed(change)

    def set_state(
        self, state: AgentState, reason: str = "chosen", agent: AgentId = SATO, until: datetime | None = None
    ) -> None:
        status = self.desk.agents[agent]
        self.desk.agents[agent] = replace(status, state=state, reason=reason, since=now(), until=until)
        self.happen(AgentStateChanged(at=now(), tenant=DEMO, agent=agent, state=state, reason=reason, until=until))

    def set_phone(self, phone: PhoneState) -> None:
        self.desk.agents[SATO] = replace(self.desk.agents[SATO], phone=phone, phone_since=now())
        self.happen(AgentPhoneChanged(at=now(), tenant=DEMO, agent=SATO, phone=phone))

    def ring(self, **about: Any) -> Call:
        """Sato's phone rings."""
        self.calls_made += 1
        call = ringing_call(self.calls_made, now(), **about)
        self.set_phone(PhoneState.RINGING)
        self.happen(CallRinging(at=now(), tenant=DEMO, call=call, offer_id=call.offers[-1].offer_id, agent=SATO))
        return call

    def answer(self, call: Call) -> Call:
        self.set_phone(PhoneState.BUSY)
        call = replace(call, state=CallState.TALKING, answered_at=now())
        self.happen(CallAnswered(at=now(), tenant=DEMO, call=call, agent=SATO, offer_id=call.offers[-1].offer_id))
        return call

    def hold(self, call: Call) -> None:
        self.happen(CallHeld(at=now(), tenant=DEMO, call=replace(call, state=CallState.HELD)))

    def ring_out(self, call: Call) -> None:
        self.set_phone(PhoneState.IDLE)
        offer = call.offers[-1].offer_id
        self.happen(
            OfferEnded(at=now(), tenant=DEMO, call=call, offer_id=offer, agent=SATO, outcome=OfferOutcome.TIMED_OUT)
        )

    def hang_up(self, call: Call) -> Call:
        self.set_phone(PhoneState.IDLE)
        self.happen(AgentFreed(at=now(), tenant=DEMO, agent=SATO, call_id=call.call_id))
        self.set_state(AgentState.WRAP_UP, "call_over")
        call = replace(
            call,
            state=CallState.ENDED,
            ended_at=now(),
            ended_by=EndedBy.CALLER,
            end_reason=EndReason.COMPLETED,
            hangup_cause=16,
        )
        self.happen(CallEnded(at=now(), tenant=DEMO, call=call))
        return call

    # --- The server's own life ---

    async def go_down(self) -> None:
        await self.server.stop()

    async def come_up(self) -> None:
        self.servers += 1
        self.server = WebServer(
            _settings(self.port, self.line), self.parts, stream_id=f"stream-{self.servers}", passwords=self.passwords
        )
        await self.server.start()

    async def use_phone_line(self, line: PhoneLine) -> PhoneLine:
        """From now on every agent's page is a phone of this line, which is opened. Before anybody logs in."""
        await line.open()
        self.line = line
        self.parts = replace(self.parts, phones=PlayedPhones(line))
        await self.go_down()
        self.passwords = Passwords(time_cost=1, memory_kib=64)  # those before ended with their server
        await self.come_up()
        return line


def _settings(port: int, line: PhoneLine | None = None) -> WebSettings:
    phone_url = None if line is None else line.url
    return WebSettings(port=port, origins=(f"http://127.0.0.1:{port}",), phone_url=phone_url, drain_s=0.5)


@asynccontextmanager
async def running_site(port: int, sound: Sound, pool: asyncpg.Pool[Any] | None = None) -> AsyncIterator[Site]:
    """The site with sato (agent), tanaka (supervisor), watanabe (QA) and shinjin (agent, first password)."""
    fakes, desk, names, shelf = Fakes(), PlayedDesk(), Names(), Shelf(sound)
    passwords = Passwords(time_cost=1, memory_kib=64)
    if pool is None:
        hashed = await passwords.hash(PASSWORD)
        for login, name, roles, must in (
            ("sato", "佐藤 花子", ["agent"], False),
            ("tanaka", "田中 美咲", ["supervisor"], False),
            ("watanabe", "渡辺 健", ["qa"], False),
            ("shinjin", "新人 一郎", ["agent"], True),
            ("hogo", "保科 恵", ["qa", "privacy"], False),
            ("kansa", "神崎 司", ["privacy"], False),
        ):
            who = person(login, *roles, agent=login if "agent" in roles else None, must_change=must)
            fakes.users.add(replace(who, name=name), hashed)
    screen: ScreenPop
    sink = _Late()
    screen = ScreenPop(sink)
    fakes.pops.current = screen.current  # type: ignore[method-assign]
    supervision = PlayedSupervision(desk=desk, skill_names=SKILLS)
    callbacks, readiness, qualities = PlayedCallbacks(), FakeReadiness(), PlayedQualities()
    keeping, people = FakeKeeping(), FakePeople()
    parts = WebParts(
        users=UserStore(pool) if pool is not None else fakes.users,
        sessions=SessionStore(pool, idle_s=SESSION_IDLE_S) if pool is not None else fakes.sessions,
        audit=AuditStore(pool) if pool is not None else fakes.audit,
        desk=desk,
        names=names,
        pops=fakes.pops,
        talks=fakes.talks,
        calls=CallPages(CallStore(pool)) if pool is not None else fakes.calls,
        recordings=StoredShelf(pool, shelf) if pool is not None else shelf,
        announcements=fakes.announcements,
        readiness=readiness,
        metrics=Metrics(),
        now=now,
        monotonic=time.monotonic,
        callbacks=callbacks,
        supervision=supervision,
        aftercall=fakes.aftercall,
        listening=ListeningStore(pool) if pool is not None else fakes.listening,
        evaluations=EvaluationStore(pool) if pool is not None else fakes.evaluations,
        evaluation_forms=EvaluationFormStore(pool) if pool is not None else fakes.evaluation_forms,
        samples=EvaluationSampleStore(pool) if pool is not None else fakes.samples,
        qualities=QualityStore(pool) if pool is not None else qualities,
        keeping=KeptRecordings(pool, now) if pool is not None else keeping,
        people=people if pool is None else make_people(pool, MemoryObjectStore(), None, AuditStore(pool).add, now),
    )
    server = WebServer(_settings(port), parts, stream_id="stream-1", passwords=passwords)
    site = Site(
        port=port,
        fakes=fakes,
        desk=desk,
        names=names,
        calls=fakes.calls,
        shelf=shelf,
        parts=parts,
        passwords=passwords,
        server=server,
        screen=screen,
        supervision=supervision,
        callbacks=callbacks,
        readiness=readiness,
        qualities=qualities,
        keeping=keeping,
        people=people,
    )
    desk.site = sink.site = site
    for slug, name in (("sato", "佐藤 花子"), ("suzuki", "鈴木 一郎"), ("shinjin", "新人 一郎")):
        desk.agents[AgentId(slug)] = agent(slug, name, now())
    await server.start()
    async with AsyncExitStack() as stack:
        if isinstance(parts.people, KnownPeople):  # orders are carried out, as by the server
            await parts.people.start()
            stack.push_async_callback(parts.people.stop)
        stack.push_async_callback(_close, site)
        yield site


async def _close(site: Site) -> None:
    if site.line is not None:
        await site.line.close()
    await site.server.stop()


class _Late:
    """The screen pop is made before the server whose hub shows it."""

    site: Site | None = None

    def pop_changed(self, change: PopChange) -> None:
        if self.site is not None:
            self.site.pop_changed(change)


__all__ = ["PASSWORD", "Mapping", "Names", "Site", "now", "offer_id", "running_site"]
