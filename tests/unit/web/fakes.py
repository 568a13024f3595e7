"""Parts behind the pages, in memory: the same promises as the real ones, and switches to make them fail."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cti.domain.access import AuditEntry, AuditWanted, Credentials, Session, User
from cti.domain.consult import Command
from cti.domain.errors import CallerError, NotFound, Unavailable
from cti.domain.model import (
    AgentId,
    AgentState,
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    EndedBy,
    EndReason,
    MenuFacts,
    MenuId,
    MenuStep,
    OfferId,
    OfferOutcome,
    OfferRecord,
    PhoneState,
    QueueId,
    SkillId,
    SkillLevel,
    TalkSegment,
    TenantId,
    UniqueId,
    UserLogin,
)
from cti.domain.pause import RecordCommand
from cti.domain.pop import Pop
from cti.metrics import Metrics
from cti.web import ports, recordingports
from cti.web.announcementports import AnnouncementFact, NewAnnouncement
from cti.web.context import WebParts
from tests.unit.web.aftercall import FakeAftercall
from tests.unit.web.callers import FakeCallers
from tests.unit.web.evaluations import FakeEvaluations, FakeForms, FakeSamples
from tests.unit.web.listening import FakeListening
from tests.unit.web.supervision import FakeSupervision

DEMO = TenantId("demo")
T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)  # noon in Tokyo
SOUND = bytes(range(256)) * 40  # 10,240 bytes
SHA256 = hashlib.sha256(SOUND).hexdigest()


class Clock:
    """Time that goes on when told to."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now(self) -> datetime:
        return T0 + timedelta(seconds=self.passed_s)

    def monotonic(self) -> float:
        return 1000.0 + self.passed_s


class Switch:
    """Raises Unavailable while it is off."""

    def __init__(self) -> None:
        self.away = False

    def check(self) -> None:
        if self.away:
            raise Unavailable("away")


def person(login: str, *roles: str, agent: str | None = None, must_change: bool = False) -> User:
    return User(
        tenant=DEMO, login=UserLogin(login), name=f"{login} 様", roles=frozenset(roles), must_change=must_change,
        agent=None if agent is None else AgentId(agent), tenant_name="架け橋カーシェア", language="ja",
        time_zone="Asia/Tokyo",
    )  # fmt: skip


class FakeUsers(Switch):
    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[tuple[str, str], Credentials] = {}

    def add(self, user: User, password_hash: str) -> None:
        self.rows[(user.tenant, user.login)] = Credentials(user=user, password_hash=password_hash)

    async def only_tenant(self) -> TenantId | None:
        self.check()
        tenants = {tenant for tenant, _ in self.rows}
        return TenantId(tenants.pop()) if len(tenants) == 1 else None

    async def credentials(self, tenant: str, login: str) -> Credentials | None:
        self.check()
        return self.rows.get((tenant, login))

    async def set_password(self, tenant: TenantId, login: UserLogin, password_hash: str) -> None:
        self.check()
        old = self.rows[(tenant, login)]
        self.add(replace(old.user, must_change=False), password_hash)


class FakeSessions(Switch):
    def __init__(self, users: FakeUsers) -> None:
        super().__init__()
        self.users = users
        self.rows: dict[bytes, Session] = {}

    async def create(
        self, token_sha256: bytes, user: User, *, now: datetime, expires_at: datetime, address: str
    ) -> None:
        self.check()
        self.rows[token_sha256] = Session(user=user, created_at=now, seen_at=now, expires_at=expires_at)

    async def find(self, token_sha256: bytes, now: datetime) -> Session | None:
        self.check()
        row = self.rows.get(token_sha256)
        if row is None or row.expires_at <= now:
            return None
        return replace(row, user=self.users.rows[(row.user.tenant, row.user.login)].user)

    async def touch(self, token_sha256: bytes, now: datetime) -> None:
        self.check()
        self.rows[token_sha256] = replace(self.rows[token_sha256], seen_at=now)

    async def end(self, token_sha256: bytes) -> None:
        self.check()
        self.rows.pop(token_sha256, None)

    async def end_others(self, tenant: TenantId, login: UserLogin, keep: bytes) -> list[bytes]:
        self.check()
        ended = [t for t, s in self.rows.items() if (s.user.tenant, s.user.login) == (tenant, login) and t != keep]
        for token in ended:
            del self.rows[token]
        return ended

    async def sweep(self, now: datetime) -> int:
        self.check()
        over = [t for t, s in self.rows.items() if s.expires_at <= now]
        for token in over:
            del self.rows[token]
        return len(over)


class FakeAudit(Switch):
    def __init__(self) -> None:
        super().__init__()
        self.entries: list[AuditEntry] = []
        self.asked: list[AuditWanted] = []

    async def add(self, entry: AuditEntry) -> None:
        self.check()
        self.entries.append(entry)

    async def page(self, tenant: TenantId, wanted: AuditWanted) -> list[tuple[int, AuditEntry]]:
        self.check()
        self.asked.append(wanted)
        found = [
            (number, one)
            for number, one in enumerate(self.entries, 1)
            if one.tenant == tenant
            and wanted.which in (None, one.which)
            and wanted.who in (None, one.who)
            and one.what.startswith(wanted.what or "")
            and (wanted.since is None or one.at >= wanted.since)
            and (wanted.until is None or one.at < wanted.until)
            and (wanted.before is None or number < wanted.before)
        ]
        return found[::-1][: wanted.limit]


class FakeDesk(Switch):
    def __init__(self) -> None:
        super().__init__()
        self.agents: dict[AgentId, ports.AgentStatus] = {}
        self.queues: tuple[ports.QueueFact, ...] = ()
        self.refuse: str | None = None
        self.chosen: list[tuple[AgentId, AgentState, str]] = []
        self.anew: list[AgentId] = []

    def agent(self, tenant: TenantId, agent: AgentId) -> ports.AgentStatus | None:
        return self.agents.get(agent) if tenant == DEMO else None

    def live(self, tenant: TenantId) -> ports.LiveFacts:
        return ports.LiveFacts(queues=self.queues, agents=tuple(self.agents.values()), asterisk_up=True)

    def phone_anew(self, tenant: TenantId, agent: AgentId) -> None:
        self.anew.append(agent)

    async def choose_state(self, tenant: TenantId, agent: AgentId, state: AgentState, reason: str) -> None:
        self.check()
        if self.refuse is not None:
            raise CallerError(self.refuse)
        self.chosen.append((agent, state, reason))
        self.agents[agent] = replace(self.agents[agent], state=state, reason=reason)


class FakeNames:
    def queue(self, tenant: TenantId, queue: QueueId) -> tuple[str, str]:
        return {"members": ("会員", "Members")}.get(queue, (queue, queue))

    def reason(self, tenant: TenantId, stored: str) -> tuple[str, str]:
        return stored, stored

    def skill(self, tenant: TenantId, skill: SkillId) -> tuple[str, str]:
        return {"ja": ("日本語", "Japanese")}.get(skill, (skill, skill))


class FakePops:
    def __init__(self) -> None:
        self.shown: dict[tuple[TenantId, AgentId], Pop] = {}

    def current(self, tenant: TenantId, agent: AgentId) -> Pop | None:
        return self.shown.get((tenant, agent))


class FakeCalls(Switch):
    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Call] = []
        self.asked: list[ports.CallFilter] = []
        self.figures_asked = 0

    def _sorted(self, tenant: TenantId) -> list[Call]:
        mine = [c for c in self.rows if c.tenant == tenant]
        return sorted(mine, key=lambda c: (c.arrived_at, c.call_id), reverse=True)

    async def page(self, tenant: TenantId, wanted: ports.CallFilter) -> Sequence[Call]:
        self.check()
        self.asked.append(wanted)
        found = self._sorted(tenant)
        if wanted.after is not None:
            key = (wanted.after.at, wanted.after.call_id)
            found = [c for c in found if (c.arrived_at, c.call_id) < key]
        return found[: wanted.limit]

    async def get(self, tenant: TenantId, call_id: CallId) -> Call | None:
        self.check()
        return next((c for c in self._sorted(tenant) if c.call_id == call_id), None)

    async def of_agent(self, tenant: TenantId, agent: AgentId, since: datetime) -> Sequence[Call]:
        self.check()
        return [c for c in self._sorted(tenant) if c.arrived_at >= since and agent in {o.agent for o in c.offers}]

    async def figures(self, tenant: TenantId, since: datetime) -> Mapping[QueueId, ports.Figures]:
        self.check()
        self.figures_asked += 1
        return {QueueId("members"): ports.Figures(offered=4, answered=3, abandoned=1, in_time=2, asa_s=11.5)}


class FakeRecordings(Switch):
    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[CallId, recordingports.RecordingFacts] = {}
        self.fail_after: int | None = None  # bytes, then Unavailable
        self.reading = 0  # streams open now
        self.index: float | None = 100.0  # bytes a second; None: it cannot be read
        self.asked: list[recordingports.RecordingFilter] = []

    async def page(
        self, tenant: TenantId, wanted: recordingports.RecordingFilter
    ) -> Sequence[recordingports.RecordingFacts]:
        self.check()
        self.asked.append(wanted)
        return list(self.rows.values())[: wanted.limit] if tenant == DEMO else []

    async def count(self, tenant: TenantId, wanted: recordingports.RecordingFilter) -> recordingports.RecordingCount:
        return recordingports.RecordingCount(count=len(await self.page(tenant, wanted)), more=False)

    async def missing(self, tenant: TenantId, since: datetime, limit: int) -> Sequence[recordingports.RecordingFacts]:
        self.check()
        found = [row for row in self.rows.values() if row.status in ("not_recorded", "failed")]
        return found[:limit] if tenant == DEMO else []

    async def get(self, tenant: TenantId, call_id: CallId) -> recordingports.RecordingFacts | None:
        self.check()
        return self.rows.get(call_id) if tenant == DEMO else None

    async def read(self, tenant: TenantId, call_id: CallId, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        self.check()
        self.reading += 1
        try:
            for at in range(start, stop, 1000):
                if self.fail_after is not None and at - start >= self.fail_after:
                    raise Unavailable("away")
                yield SOUND[at : min(at + 1000, stop)]
        finally:
            self.reading -= 1

    async def seconds(self, tenant: TenantId, call_id: CallId, start: int, stop: int) -> tuple[float, float]:
        if self.index is None:
            raise Unavailable("the index cannot be read")
        return start / self.index, stop / self.index

    async def address(self, tenant: TenantId, call_id: CallId, seconds: int) -> str:
        self.check()
        return f"https://s3.test/{call_id}?seconds={seconds}"

    async def peaks(self, tenant: TenantId, call_id: CallId) -> recordingports.PeaksFacts | None:
        self.check()
        if call_id not in self.rows or tenant != DEMO:
            return None
        return recordingports.PeaksFacts(step_ms=100, duration_s=0.2, left=[0, 100], right=[5, 6])


class FakeAnnouncements:
    """Announces to nobody."""

    def __init__(self) -> None:
        self.live: dict[str, AnnouncementFact] = {}

    async def current(self, tenant: TenantId, now: datetime) -> Sequence[AnnouncementFact]:
        return [fact for fact in self.live.values() if fact.ends_at > now]

    async def publish(self, tenant: TenantId, new: NewAnnouncement) -> AnnouncementFact:
        if new.queue not in (None, "members"):
            raise NotFound(f"queue: no queue {new.queue!r} on this desk")
        fact = AnnouncementFact(
            announcement=f"00000000-0000-4000-8000-{len(self.live):012d}", queue=new.queue, number=new.number,
            text_ja=new.text_ja or "悪天候", text_en=new.text_en or "weather", sound=new.prompt or "t-1",
            begins_at=new.begins_at, ends_at=new.ends_at, published_by=new.published_by,
        )  # fmt: skip
        self.live[fact.announcement] = fact
        return fact

    async def withdraw(self, tenant: TenantId, announcement: str, *, by: str, at: datetime) -> None:
        if self.live.pop(announcement, None) is None:
            raise NotFound("no such announcement")


class FakeReadiness:
    def __init__(self) -> None:
        self.states = {n: ports.PartState(ready=True, since=T0) for n in ("ami", "postgres", "s3", "lookup", "ivr")}

    def parts(self) -> Mapping[str, ports.PartState]:
        return self.states


@dataclass
class FakeTalks:
    """Keeps what was asked; ``refusal`` is raised instead, ``calls`` are who is on the line with what."""

    asked: list[tuple[str, str, str]] = field(default_factory=list)
    refusal: Exception | None = None
    calls: dict[str, Call] = field(default_factory=dict)
    held: list[tuple[datetime, datetime | None]] = field(default_factory=list)  # by a page's phone alone

    async def bring_back(self, tenant: TenantId, agent: AgentId) -> bool:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append((agent, "bring_back", ""))
        return True

    def held_alone(
        self, tenant: TenantId, agent: AgentId, call_id: CallId, holds: Sequence[tuple[datetime, datetime | None]]
    ) -> bool:
        call = self.calls.get(agent)
        if call is None or (call.tenant, call.call_id) != (tenant, call_id):
            return False
        self.held.extend(holds)
        return True

    async def ask(self, tenant: TenantId, agent: AgentId, command: Command, to: str = "") -> None:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append((agent, command.value, to))

    def talk(self, tenant: TenantId, agent: AgentId) -> Call | None:
        return self.calls.get(agent)


@dataclass
class FakePauses:
    """Keeps what was asked of recordings; ``refusal`` is raised instead, else the call is ``call``."""

    asked: list[tuple[str, str, str]] = field(default_factory=list)
    refusal: Exception | None = None
    call: Call | None = None

    async def ask(self, tenant: TenantId, call_id: CallId, command: RecordCommand, by: str) -> Call:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append((call_id, command.value, by))
        assert self.call is not None
        return self.call


@dataclass
class Fakes:
    """All of them, and the WebParts made of them."""

    clock: Clock = field(default_factory=Clock)
    users: FakeUsers = field(default_factory=FakeUsers)
    audit: FakeAudit = field(default_factory=FakeAudit)
    desk: FakeDesk = field(default_factory=FakeDesk)
    names: FakeNames = field(default_factory=FakeNames)
    pops: FakePops = field(default_factory=FakePops)
    talks: FakeTalks = field(default_factory=FakeTalks)
    pauses: FakePauses = field(default_factory=FakePauses)
    calls: FakeCalls = field(default_factory=FakeCalls)
    recordings: FakeRecordings = field(default_factory=FakeRecordings)
    announcements: FakeAnnouncements = field(default_factory=FakeAnnouncements)
    readiness: FakeReadiness = field(default_factory=FakeReadiness)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.sessions, self.aftercall = FakeSessions(self.users), FakeAftercall()
        self.callers = FakeCallers()
        self.evaluations, self.evaluation_forms = FakeEvaluations(), FakeForms()
        self.samples = FakeSamples()
        self.supervision = FakeSupervision(T0)
        self.listening = FakeListening()

    def parts(self) -> WebParts:
        return WebParts(
            users=self.users, sessions=self.sessions, audit=self.audit, desk=self.desk, names=self.names,
            pops=self.pops, callers=self.callers, talks=self.talks, pauses=self.pauses, calls=self.calls,
            recordings=self.recordings,
            samples=self.samples,
            evaluations=self.evaluations, evaluation_forms=self.evaluation_forms, listening=self.listening,
            announcements=self.announcements, readiness=self.readiness, supervision=self.supervision,
            metrics=self.metrics, now=self.clock.now, monotonic=self.clock.monotonic, aftercall=self.aftercall,
        )  # fmt: skip


def agent_status(agent: str, **changes: object) -> ports.AgentStatus:
    status = ports.AgentStatus(
        agent=AgentId(agent), name="佐藤 花子", state=AgentState.AVAILABLE, reason="chosen", since=T0,
        phone=PhoneState.IDLE, skills=(SkillLevel(skill=SkillId("ja"), level=5),),
    )  # fmt: skip
    return replace(status, **changes)  # type: ignore[arg-type]


def call_id(n: int) -> CallId:
    return CallId(f"00000000-0000-4000-8000-{n:012d}")


def closed_call(n: int, agent: str = "sato") -> Call:
    """Arrived n minutes before noon, rang out at one agent, was answered by ``agent``, talked a minute."""
    begin = T0 - timedelta(minutes=n)

    def at(seconds: float) -> datetime:
        return begin + timedelta(seconds=seconds)

    missed = OfferRecord(
        offer_id=OfferId(f"{n:031d}1"), agent=AgentId("suzuki"), reason="longest idle of 2", offered_at=at(20),
        rang_at=at(20.1), ended_at=at(40), outcome=OfferOutcome.TIMED_OUT,
    )  # fmt: skip
    taken = OfferRecord(
        offer_id=OfferId(f"{n:031d}2"), agent=AgentId(agent), reason="only one free", offered_at=at(41),
        rang_at=at(41.1), ended_at=at(45), outcome=OfferOutcome.ACCEPTED,
    )  # fmt: skip
    talk = TalkSegment(
        agent=AgentId(agent), offer_id=taken.offer_id, agent_channel=ChannelName("PJSIP/demo-sato-1"),
        agent_uniqueid=UniqueId("1.2"), answered_at=at(45), ended_at=at(105),
    )  # fmt: skip
    return Call(
        call_id=call_id(n), tenant=DEMO, state=CallState.ENDED, channel=ChannelName("PJSIP/trunk-1"),
        uniqueid=UniqueId("1.1"), number_called="+815012345000",
        caller=CallerNumber(kind=CallerKind.NUMBER, e164="+819012345678", national="090-1234-5678"),
        arrived_at=begin, menu_at=at(1), queue=QueueId("members"), queued_at=at(15),
        menu=MenuFacts(menu=MenuId("main"), language="ja", path=(MenuStep(node="who", keys="1", label="会員"),),
                       is_member=True, reservation_number="123456", reason="unlock"),
        offers=(missed, taken), talks=(talk,), answered_at=at(45), ended_at=at(106), ended_by=EndedBy.CALLER,
        end_reason=EndReason.COMPLETED, hangup_cause=16,
    )  # fmt: skip


def recording(n: int, **changes: object) -> recordingports.RecordingFacts:
    facts = recordingports.RecordingFacts(
        call_id=call_id(n), arrived_at=T0 - timedelta(minutes=n), queue=QueueId("members"),
        caller=CallerNumber(kind=CallerKind.NUMBER, e164="+819012345678", national="090-1234-5678"),
        status="stored", agents=(AgentId("sato"),), end_reason=EndReason.COMPLETED, duration_s=102.4,
        size=len(SOUND), sha256=SHA256, content_type="audio/ogg", stored_at=T0,
    )  # fmt: skip
    return replace(facts, **changes)  # type: ignore[arg-type]
