"""A phone's secret belongs to one log-in: whose it is, when it ends, and what is made good after a bad day."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from cti.ami.phonesecrets import NONE, mark_of
from cti.domain.errors import NotFound, Unavailable
from cti.domain.model import AgentId, TenantId
from cti.store.phonelogins import BrowserPhone, EndedPhone
from cti.wiring import phonesecrets
from cti.wiring.phonesecrets import PhoneSecrets, secret_of

T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
DEMO, SATO, SUZUKI = TenantId("demo"), AgentId("sato"), AgentId("suzuki")
HERE, THERE = b"\x01" * 32, b"\x02" * 32


@dataclass
class FakeStore:
    """Sato has a phone in the browser; log-ins that are live."""

    live: set[bytes] = field(default_factory=lambda: {HERE, THERE})
    rows: dict[AgentId, bytes] = field(default_factory=dict)
    in_browser: set[AgentId] = field(default_factory=lambda: {SATO})
    away: bool = False
    granted: int = 0
    late: asyncio.Event | None = None  # the next answer about a phone that belongs to somebody is old when it comes

    def _ask(self) -> None:
        if self.away:
            raise Unavailable("the database is away")

    async def until_asked(self) -> None:
        """The answer that is late was asked for."""
        async with asyncio.timeout(10):
            while self.late is not None:
                await asyncio.sleep(0)

    async def grant(self, tenant: TenantId, agent: AgentId, token_sha256: bytes, now: datetime) -> None:
        self._ask()
        self.rows[agent] = token_sha256
        self.granted += 1

    async def phone(self, tenant: TenantId, agent: AgentId, now: datetime) -> BrowserPhone | None:
        self._ask()
        if agent not in self.in_browser:
            return None
        held = self.rows.get(agent)
        if held is not None and self.late is not None:
            late, self.late = self.late, None
            await late.wait()
        return BrowserPhone(
            tenant=tenant,
            agent=agent,
            endpoint=f"{tenant}-{agent}",
            key="a key of the phone",
            token_sha256=held if held in self.live else None,
        )

    async def phones(self, now: datetime) -> Sequence[BrowserPhone]:
        self._ask()
        found = [await self.phone(DEMO, agent, now) for agent in sorted(self.in_browser)]
        return [phone for phone in found if phone is not None]

    async def over(self, now: datetime) -> Sequence[EndedPhone]:
        self._ask()
        return [
            EndedPhone(tenant=DEMO, agent=agent, endpoint=f"demo-{agent}", token_sha256=held)
            for agent, held in self.rows.items()
            if held not in self.live or agent not in self.in_browser
        ]

    async def forget(self, ended: EndedPhone) -> None:
        if self.rows.get(ended.agent) == ended.token_sha256:
            del self.rows[ended.agent]


@dataclass
class FakeAsterisk:
    """Keeps secrets through a restart, and forgets marks."""

    secrets: dict[str, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    away: bool = False
    silent: bool = False  # it does what it is told, and nobody sees it
    puts: list[tuple[str, str]] = field(default_factory=list)
    asked: int = 0

    async def mark(self, endpoint: str) -> str:
        self.asked += 1
        if self.away:
            raise Unavailable("Asterisk is away")
        return self.marks.get(endpoint, "")

    async def put(self, endpoint: str, secret: str) -> None:
        if self.away:
            raise Unavailable("Asterisk is away")
        self.puts.append((endpoint, secret))
        await asyncio.sleep(0)
        self.marks[endpoint] = mark_of(secret)
        self.secrets[endpoint] = secret
        if self.silent:
            raise Unavailable("it was not seen")


@dataclass
class Desk:
    """One server's."""

    store: FakeStore
    asterisk: FakeAsterisk
    secrets: PhoneSecrets
    links: int = 0

    async def until(self, secret: str) -> None:
        """Asterisk has this secret for sato's phone ("": none)."""
        async with asyncio.timeout(10):
            while self.asterisk.secrets.get("demo-sato") != secret:
                await asyncio.sleep(0.001)


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(phonesecrets, "LOOK_S", 0.001)
    monkeypatch.setattr(phonesecrets, "PACE_S", 0.0)
    store, asterisk = FakeStore(), FakeAsterisk()
    made = Desk(store, asterisk, PhoneSecrets(store, asterisk, links=lambda: made.links, now=lambda: T0))
    yield made
    await made.secrets.stop()


async def test_windows_and_reloads_of_one_log_in_have_one_secret(desk: Desk) -> None:
    first, second = await asyncio.gather(*(desk.secrets.grant(DEMO, SATO, HERE) for _ in range(2)))
    assert first == second == await desk.secrets.grant(DEMO, SATO, HERE)
    endpoint, secret = first
    assert (endpoint, len(secret)) == ("demo-sato", 40)
    assert desk.asterisk.puts == [("demo-sato", secret)]


async def test_who_logs_in_elsewhere_takes_the_phone_there(desk: Desk) -> None:
    _, here = await desk.secrets.grant(DEMO, SATO, HERE)
    _, there = await desk.secrets.grant(DEMO, SATO, THERE)
    assert here != there
    assert desk.asterisk.secrets == {"demo-sato": there}
    assert await desk.secrets.holds(DEMO, SATO) == THERE
    _, again = await desk.secrets.grant(DEMO, SATO, HERE)
    assert again == here
    assert desk.asterisk.secrets == {"demo-sato": here}


async def test_two_log_ins_at_once_leave_the_secret_of_the_one_that_holds(desk: Desk) -> None:
    told = await asyncio.gather(
        *(desk.secrets.grant(DEMO, SATO, who) for who in (HERE, THERE) * 5), return_exceptions=True
    )
    holder = await desk.secrets.holds(DEMO, SATO)
    phone = await desk.store.phone(DEMO, SATO, T0)
    assert phone is not None
    assert desk.asterisk.secrets["demo-sato"] == secret_of(phone)
    assert holder in (HERE, THERE)
    assert all(isinstance(one, tuple | Unavailable) for one in told)


async def test_who_is_overtaken_gets_no_secret_and_leaves_that_of_who_overtook(desk: Desk) -> None:
    """The database answers late: what it says of whose the phone is was true before another log-in took it."""
    desk.store.late = old = asyncio.Event()
    slow = asyncio.create_task(desk.secrets.grant(DEMO, SATO, HERE))
    await desk.store.until_asked()
    _, there = await desk.secrets.grant(DEMO, SATO, THERE)
    old.set()
    with pytest.raises(Unavailable, match="another log-in"):
        await slow
    assert desk.asterisk.secrets == {"demo-sato": there}


async def test_what_was_perhaps_written_is_written_again_when_it_is_wanted(desk: Desk) -> None:
    told = await desk.secrets.grant(DEMO, SATO, HERE)
    desk.asterisk.silent = True
    with pytest.raises(Unavailable):
        await desk.secrets.grant(DEMO, SATO, THERE)
    desk.asterisk.silent = False
    assert await desk.secrets.grant(DEMO, SATO, HERE) == told
    assert desk.asterisk.secrets == {"demo-sato": told[1]}


async def test_asterisk_is_asked_about_all_phones_once_for_each_link(desk: Desk) -> None:
    await desk.secrets.grant(DEMO, SATO, HERE)
    desk.links, asked = 1, desk.asterisk.asked
    await desk.secrets._look()
    assert desk.asterisk.asked == asked + 1
    await desk.secrets._look()
    assert desk.asterisk.asked == asked + 1


async def test_a_log_in_that_ends_ends_its_secret(desk: Desk) -> None:
    await desk.secrets.grant(DEMO, SATO, HERE)
    await desk.secrets.start()
    desk.store.live.discard(HERE)
    await desk.until("")
    assert desk.asterisk.marks["demo-sato"] == NONE
    async with asyncio.timeout(10):
        while desk.store.rows:
            await asyncio.sleep(0.001)
    assert await desk.secrets.holds(DEMO, SATO) is None


async def test_one_who_logs_in_while_the_other_ends_keeps_the_phone(desk: Desk) -> None:
    await desk.secrets.grant(DEMO, SATO, HERE)
    desk.store.live.discard(HERE)
    (ended,) = await desk.store.over(T0)
    _, there = await desk.secrets.grant(DEMO, SATO, THERE)
    await desk.secrets._end(ended)
    assert desk.asterisk.secrets == {"demo-sato": there}
    assert desk.store.rows == {SATO: THERE}


async def test_what_ended_while_asterisk_was_away_ends_when_it_is_back(desk: Desk) -> None:
    await desk.secrets.grant(DEMO, SATO, HERE)
    desk.asterisk.away = True
    desk.store.live.discard(HERE)
    await desk.secrets.start()
    async with asyncio.timeout(10):
        while not desk.secrets._problem:
            await asyncio.sleep(0.001)
    assert desk.store.rows == {SATO: HERE}, "forgotten only when Asterisk has"
    desk.asterisk.away = False
    await desk.until("")


async def test_a_new_server_ends_what_ended_without_it_and_leaves_the_rest(desk: Desk) -> None:
    desk.store.in_browser.add(SUZUKI)
    await desk.secrets.grant(DEMO, SATO, HERE)
    _, suzuki = await desk.secrets.grant(DEMO, SUZUKI, THERE)
    desk.store.live.discard(HERE)
    written = len(desk.asterisk.puts)
    desk.links = 1
    after = Desk(
        desk.store, desk.asterisk, PhoneSecrets(desk.store, desk.asterisk, links=lambda: 1, now=lambda: T0), links=1
    )
    await after.secrets.start()
    await after.until("")
    await after.secrets.stop()
    assert desk.asterisk.secrets == {"demo-sato": "", "demo-suzuki": suzuki}
    assert desk.asterisk.puts[written:] == [("demo-sato", "")]


async def test_an_asterisk_that_lost_its_database_is_told_again(desk: Desk) -> None:
    """Phones register again by themselves: no page has to ask."""
    _, secret = await desk.secrets.grant(DEMO, SATO, HERE)
    desk.asterisk.secrets.clear()
    desk.asterisk.marks.clear()
    await desk.secrets.start()
    desk.links += 1
    await desk.until(secret)


async def test_a_database_that_was_restored_leaves_no_secret_behind(desk: Desk) -> None:
    _, secret = await desk.secrets.grant(DEMO, SATO, HERE)
    desk.store.rows.clear()
    desk.asterisk.marks.clear()  # Asterisk was restarted too
    await desk.secrets.start()
    desk.links += 1
    await desk.until("")
    assert ("demo-sato", "") in desk.asterisk.puts
    assert secret not in desk.asterisk.secrets.values()


async def test_a_reload_of_the_page_needs_no_asterisk(desk: Desk) -> None:
    told = await desk.secrets.grant(DEMO, SATO, HERE)
    desk.asterisk.away = True
    assert await desk.secrets.grant(DEMO, SATO, HERE) == told
    with pytest.raises(Unavailable):
        await desk.secrets.grant(DEMO, SATO, THERE)
    desk.asterisk.away = False
    _, there = await desk.secrets.grant(DEMO, SATO, THERE)
    assert desk.asterisk.secrets == {"demo-sato": there}


async def test_who_has_another_phone_is_told_no_secret(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await desk.secrets.grant(DEMO, SUZUKI, HERE)
    desk.store.away = True
    with pytest.raises(Unavailable):
        await desk.secrets.grant(DEMO, SATO, HERE)


async def test_who_gets_a_sip_phone_loses_the_secret_of_the_page(desk: Desk) -> None:
    await desk.secrets.grant(DEMO, SATO, HERE)
    await desk.secrets.start()
    desk.store.in_browser.clear()
    await desk.until("")


def test_a_secret_is_of_one_log_in_and_one_phone_and_shows_neither() -> None:
    phone = BrowserPhone(tenant=DEMO, agent=SATO, endpoint="demo-sato", key="a key of the phone", token_sha256=HERE)
    others = [replace(phone, token_sha256=THERE), replace(phone, key="another")]
    assert len({secret_of(one) for one in (phone, *others)}) == 3
    assert secret_of(replace(phone, token_sha256=None)) == ""
    assert "a key of" not in repr(phone)
    assert repr(HERE) not in repr(phone)
