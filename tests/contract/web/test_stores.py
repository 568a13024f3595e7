"""Users, sessions and the audit trail on a real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from cti.domain.access import AuditEntry, AuditWanted, User
from cti.domain.errors import NotFound, Unavailable
from cti.domain.model import TenantId, UserLogin
from cti.store.audit import AuditStore
from cti.store.recordings import RecordingList
from cti.store.sessions import SessionStore
from cti.store.users import UserStore

T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
DEMO, SATO = TenantId("demo"), UserLogin("sato")
HOUR = timedelta(hours=1)


async def user_of(pool: asyncpg.Pool[Any], tenant: str = "demo", login: str = "sato") -> User:
    found = await UserStore(pool).credentials(tenant, login)
    assert found is not None
    return found.user


async def test_a_user_comes_with_tenant_and_phone(pool: asyncpg.Pool[Any]) -> None:
    assert await user_of(pool) == User(
        tenant=DEMO, login=SATO, name="sato 花子", roles=frozenset({"agent"}), must_change=True, agent="sato",  # type: ignore[arg-type]
        tenant_name="demo 様", language="ja", time_zone="Asia/Tokyo",
    )  # fmt: skip
    assert (await user_of(pool, "lease")).agent is None
    for tenant, login in (("demo", "gone"), ("demo", "nobody"), ("lease", "watanabe"), ("", "sato")):
        assert await UserStore(pool).credentials(tenant, login) is None


async def test_the_only_tenant_is_known_when_it_is_the_only_one(pool: asyncpg.Pool[Any]) -> None:
    users = UserStore(pool)
    assert await users.only_tenant() is None
    await pool.execute("DELETE FROM users WHERE tenant = 'lease'")
    await pool.execute("DELETE FROM tenants WHERE tenant = 'lease'")
    assert await users.only_tenant() == "demo"


async def test_a_new_password_is_no_longer_the_first(pool: asyncpg.Pool[Any]) -> None:
    users = UserStore(pool)
    await users.set_password(DEMO, SATO, "new hash")
    found = await users.credentials("demo", "sato")
    assert found is not None
    assert (found.password_hash, found.user.must_change) == ("new hash", False)
    assert "new hash" not in repr(found)
    with pytest.raises(NotFound):
        await users.set_password(DEMO, UserLogin("gone"), "x")


async def test_a_session_is_found_until_it_is_over(pool: asyncpg.Pool[Any]) -> None:
    sessions = SessionStore(pool, idle_s=2 * 3600)
    user = await user_of(pool)
    await sessions.create(b"a", user, now=T0, expires_at=T0 + 12 * HOUR, address="192.0.2.1")
    found = await sessions.find(b"a", T0 + HOUR)
    assert found is not None
    assert (found.user, found.created_at, found.expires_at) == (user, T0, T0 + 12 * HOUR)
    assert await sessions.find(b"b", T0) is None
    assert await sessions.find(b"a", T0 + 2 * HOUR) is None  # idle
    await sessions.touch(b"a", T0 + HOUR)
    assert await sessions.find(b"a", T0 + 2 * HOUR) is not None
    await sessions.touch(b"a", T0)  # a late touch does not turn the clock back
    assert await sessions.find(b"a", T0 + 2 * HOUR) is not None
    await sessions.touch(b"a", T0 + 11 * HOUR)
    assert await sessions.find(b"a", T0 + 12 * HOUR) is None  # at the latest
    await sessions.end(b"a")
    assert await sessions.find(b"a", T0) is None


async def test_what_the_user_may_do_is_read_each_time(pool: asyncpg.Pool[Any]) -> None:
    sessions = SessionStore(pool, idle_s=7200)
    await sessions.create(b"a", await user_of(pool), now=T0, expires_at=T0 + HOUR, address="")
    await pool.execute("UPDATE users SET roles = '{qa,admin}' WHERE login = 'sato' AND tenant = 'demo'")
    found = await sessions.find(b"a", T0)
    assert found is not None
    assert found.user.roles == {"qa", "admin"}
    await pool.execute("UPDATE users SET active = false WHERE login = 'sato' AND tenant = 'demo'")
    assert await sessions.find(b"a", T0) is None


async def test_the_other_sessions_of_a_user_end_and_nobody_elses(pool: asyncpg.Pool[Any]) -> None:
    sessions = SessionStore(pool, idle_s=7200)
    mine, other, stranger = await user_of(pool), await user_of(pool, "demo", "watanabe"), await user_of(pool, "lease")
    for token, user in ((b"a", mine), (b"b", mine), (b"c", mine), (b"d", other), (b"e", stranger)):
        await sessions.create(token, user, now=T0, expires_at=T0 + HOUR, address="")
    assert sorted(await sessions.end_others(DEMO, SATO, b"b")) == [b"a", b"c"]
    left = [t for t in (b"a", b"b", b"c", b"d", b"e") if await sessions.find(t, T0) is not None]
    assert left == [b"b", b"d", b"e"]
    assert await sessions.sweep(T0 + HOUR) == 3


async def test_the_trail_keeps_what_was_done_newest_first(pool: asyncpg.Pool[Any]) -> None:
    audit = AuditStore(pool)
    entries = [
        AuditEntry(at=T0 + timedelta(seconds=n), tenant="demo", who="watanabe", what="recording.listened", which="c1",
                   detail={"bytes": [0, n], "reason": "評価"}, address="192.0.2.1")
        for n in range(3)
    ]  # fmt: skip
    for entry in entries:
        await audit.add(entry)
    await audit.add(AuditEntry(at=T0, tenant="lease", who="x", what="recording.listened", which="c1"))
    await audit.add(AuditEntry(at=T0, tenant="demo", who="hogo", what="recording.held", which="c2"))

    async def found(**wanted: Any) -> list[AuditEntry]:
        return [entry for _, entry in await audit.page(DEMO, AuditWanted(**wanted))]

    assert await found(which="c1") == entries[::-1]
    assert await found(which="c1", limit=1) == entries[-1:]
    assert [entry.who for entry in await found()] == ["watanabe"] * 2 + ["hogo", "watanabe"]  # the later of one instant
    assert [entry.which for entry in await found(who="hogo")] == ["c2"]
    assert await found(what="recording.listened", since=T0 + timedelta(seconds=1)) == entries[:0:-1]
    assert await found(what="recording.l", until=T0 + timedelta(seconds=1)) == entries[:1]
    assert await found(what="session.") == []
    pages, before = [], None
    while page := await audit.page(DEMO, AuditWanted(before=before, limit=1)):
        pages.append(page[0][1])
        before = page[0][0]
    assert pages == await found()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET who = 'nobody'", "DELETE FROM audit", "DELETE FROM audit WHERE false", "TRUNCATE audit"],
)
async def test_the_trail_cannot_be_changed(pool: asyncpg.Pool[Any], statement: str) -> None:
    audit = AuditStore(pool)
    await audit.add(AuditEntry(at=T0, tenant="demo", who="watanabe", what="session.opened", which="watanabe"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await pool.execute(statement)
    assert len(await audit.page(DEMO, AuditWanted(which="watanabe"))) == 1


async def test_a_database_that_is_away_is_said_to_be_away(pool: asyncpg.Pool[Any]) -> None:
    await pool.close()
    entry = AuditEntry(at=T0, tenant="demo", who="x", what="y")
    for attempt in (
        UserStore(pool).only_tenant(),
        UserStore(pool).credentials("demo", "sato"),
        SessionStore(pool, idle_s=1).find(b"a", T0),
        AuditStore(pool).add(entry),
    ):
        with pytest.raises(Unavailable):
            await attempt


async def test_calls_that_should_have_a_recording_and_have_none(pool: asyncpg.Pool[Any]) -> None:
    for n, (tenant, state, reason, ago_min) in enumerate(
        [
            ("demo", "not_recorded", "no_file", 5),
            ("demo", "failed", "upload_refused", 1),
            ("demo", "not_recorded", "not_wanted: queue", 1),
            ("demo", "not_recorded", "no_sound", 61),
            ("demo", "stored", "", 1),
            ("lease", "not_recorded", "no_file", 1),
        ]
    ):
        ended_at = T0 - timedelta(minutes=ago_min)
        await pool.execute(
            "INSERT INTO recordings (tenant, call_id, state, reason, moves, arrived_at, ended_at, queue)"
            " VALUES ($1, $2, $3, $4, 1, $5, $6, 'members')",
            tenant, f"00000000-0000-4000-8000-{n:012d}", state, reason, ended_at - HOUR, ended_at,
        )  # fmt: skip

    async def missing(limit: int) -> list[tuple[str, str]]:
        found = await RecordingList(pool).missing(DEMO, since=T0 - HOUR, as_meant=["not_wanted"], limit=limit)
        return [(str(row["call_id"])[-1], row["why"]) for row in found]

    assert await missing(20) == [("1", "upload_refused"), ("0", "no_file")]
    assert await missing(1) == [("1", "upload_refused")]
