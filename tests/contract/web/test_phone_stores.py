"""Phones in browsers and how calls sounded there, on a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from cti.config import Ice
from cti.domain.errors import NotFound
from cti.domain.ice import turn_log_in
from cti.domain.model import AgentId, TenantId
from cti.domain.quality import LineQuality
from cti.store.calls import CallStore
from cti.store.phonelogins import PhoneLogInStore
from cti.store.quality import QualityStore
from cti.wiring.phones import BrowserPhones
from tests.unit.web.fakes import call_id, closed_call

T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
HERE, THERE = b"\x01", b"\x02"
DEMO, LEASE, SATO, SUZUKI = TenantId("demo"), TenantId("lease"), AgentId("sato"), AgentId("suzuki")
FIRST = LineQuality(
    agent=SATO, talk_at=T0, reported_at=T0 + timedelta(seconds=30), measured_s=30.0, received=1500, lost_in=3,
    jitter_in_ms=1.5, jitter_in_max_ms=4.0, sent=1500, lost_out=None, jitter_out_ms=None, round_trip_ms=None,
    round_trip_max_ms=None,
)  # fmt: skip


async def test_the_longest_measurement_of_each_talk_stays(pool: asyncpg.Pool[Any]) -> None:
    await CallStore(pool).save([closed_call(1)])
    store = QualityStore(pool)
    assert await store.of_call(DEMO, call_id(1)) == []
    later = replace(FIRST, measured_s=60.0, reported_at=T0 + timedelta(seconds=60), lost_out=2, round_trip_ms=20.5)
    second = replace(FIRST, agent=SUZUKI, talk_at=T0 + timedelta(seconds=90))
    for measured in (second, FIRST, later, FIRST):
        await store.keep(DEMO, call_id(1), measured)
    assert await store.of_call(DEMO, call_id(1)) == [later, second]
    assert await store.of_call(LEASE, call_id(1)) == []


async def test_a_phone_comes_with_its_policy(pool: asyncpg.Pool[Any]) -> None:
    await pool.execute(
        "UPDATE agents SET phone = 'browser', auto_answer = 'always' WHERE tenant = 'demo' AND agent = 'sato'"
    )
    for queue, seconds in (("members", 2), ("roadside", None), ("urgent", 0)):
        await pool.execute(
            "INSERT INTO queues (tenant, queue, name_ja, name_en, auto_answer_s) VALUES ('demo', $1, $1, $1, $2)",
            queue, seconds,
        )  # fmt: skip
    ice = Ice(stun=("stun:stun.example.com",), turn=("turn:turn.example.com",), turn_secret=SecretStr("shared"))
    phones = BrowserPhones("wss://cti.example.com/ws", ice, pool, NobodysSecrets(), lambda: T0)
    found = await phones.phone_of(DEMO, SATO, HERE)
    assert (found.in_browser, found.auto_answer, found.queues) == (True, "always", {"members": 2, "urgent": 0})
    stun, turn = found.ice.servers
    assert (stun.urls, stun.username) == (("stun:stun.example.com",), None)
    assert (turn.username, turn.credential) == turn_log_in("shared", "sato", T0, 86_400)
    assert found.ice.relay_only is False
    assert (await phones.log_in(DEMO, SATO, HERE)).endpoint == "demo-sato"
    assert (await phones.phone_of(DEMO, SATO, HERE)).taken is False
    assert (await phones.phone_of(DEMO, SATO, THERE)).taken is True
    with pytest.raises(NotFound):
        await phones.phone_of(LEASE, SATO, HERE)


class NobodysSecrets:
    """The phone is the log-in's that asked last."""

    holder: bytes | None = None

    async def holds(self, tenant: TenantId, agent: AgentId) -> bytes | None:
        return self.holder

    async def grant(self, tenant: TenantId, agent: AgentId, token_sha256: bytes) -> tuple[str, str]:
        self.holder = token_sha256
        return f"{tenant}-{agent}", "0f" * 20


async def given_phone(pool: asyncpg.Pool[Any]) -> PhoneLogInStore:
    """Sato's, in a browser, with two log-ins that are good."""
    await pool.execute("UPDATE agents SET phone = 'browser', sip_secret = 'a key' WHERE agent = 'sato'")
    for token in (HERE, THERE):
        await pool.execute(
            "INSERT INTO sessions (token_sha256, tenant, login, created_at, seen_at, expires_at, address)"
            " SELECT $1, tenant, login, $2, $2, $3, '' FROM agents WHERE tenant = 'demo' AND agent = 'sato'",
            token, T0, T0 + timedelta(hours=12),
        )  # fmt: skip
    return PhoneLogInStore(pool, idle_s=7200.0)


async def test_a_phone_belongs_to_the_log_in_that_asked_last(pool: asyncpg.Pool[Any]) -> None:
    store = await given_phone(pool)
    assert await store.phone(DEMO, SUZUKI, T0) is None, "a SIP phone"
    assert await store.phone(LEASE, SATO, T0) is None, "another desk's"
    for token in (HERE, THERE, HERE):
        await store.grant(DEMO, SATO, token, T0)
        phone = await store.phone(DEMO, SATO, T0)
        assert phone is not None
        assert (phone.endpoint, phone.key, phone.token_sha256) == ("demo-sato", "a key", token)
    assert [phone.agent for phone in await store.phones(T0)] == ["sato"]
    assert await store.over(T0) == []


@pytest.mark.parametrize(
    ("statement", "later_s"),
    [
        ("DELETE FROM sessions WHERE token_sha256 = '\\x01'", 0),  # logged out
        ("UPDATE sessions SET seen_at = expires_at - interval '1 minute'", 12 * 3600),  # expired, used to the last
        ("SELECT 1", 2 * 3600),  # two hours without any use
        ("UPDATE users SET active = false", 0),  # switched off
        ("UPDATE agents SET active = false", 0),
        ("UPDATE agents SET phone = 'sip' WHERE agent = 'sato'", 0),
        ("UPDATE agents SET login = 'watanabe' WHERE tenant = 'demo' AND agent = 'sato'", 0),  # somebody else's place
    ],
)
async def test_what_ends_a_log_in_ends_its_phone(pool: asyncpg.Pool[Any], statement: str, later_s: int) -> None:
    store = await given_phone(pool)
    await store.grant(DEMO, SATO, HERE, T0)
    assert await store.over(T0) == []
    await pool.execute(statement)
    now = T0 + timedelta(seconds=later_s)
    (ended,) = await store.over(now)
    assert (ended.agent, ended.endpoint, ended.token_sha256) == ("sato", "demo-sato", HERE)
    phone = await store.phone(DEMO, SATO, now)
    assert phone is None or phone.token_sha256 is None
    await store.forget(replace(ended, token_sha256=THERE))  # of another log-in: nothing
    assert len(await store.over(now)) == 1
    await store.forget(ended)
    assert await store.over(now) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE agents SET auto_answer = 'sometimes' WHERE tenant = 'demo'",
        "INSERT INTO queues (tenant, queue, name_ja, name_en, auto_answer_s) VALUES ('demo', 'late', '', '', 16)",
    ],
)
async def test_the_tables_hold_no_other_policy(pool: asyncpg.Pool[Any], statement: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await pool.execute(statement)
