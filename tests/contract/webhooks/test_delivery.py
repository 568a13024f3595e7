"""Webhooks over a real PostgreSQL and real HTTP, to the example receiver as its own process."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cti.config import Config
from cti.demo.folders import PortPool
from cti.domain.errors import Unavailable
from cti.domain.model import CallId, TenantId
from cti.domain.outgoing import MessageKind, Outgoing
from cti.domain.signature import secret_key
from cti.metrics import Metrics
from cti.store.outgoing import OutgoingStore, write_outgoing
from cti.webhooks import READER, Hook, HttpPost, WebhookSender
from cti.wiring.outgoing import Webhooks
from cti.wiring.readiness import Warned
from tests.contract.webhooks.receiver import MANY_S, SECRET, example

DEMO = TenantId("demo")


@pytest.fixture
async def post() -> AsyncIterator[HttpPost]:
    made = HttpPost(deadline_s=0.5)
    await made.start()
    yield made
    await made.stop()


async def tell(pool: asyncpg.Pool[Any], first: int, last: int) -> None:
    """Messages with these numbers."""
    async with pool.acquire() as connection, connection.transaction():
        ids = [CallId(f"00000000-0000-4000-8000-{n:012d}") for n in range(first, last + 1)]
        at = datetime.now(UTC)
        kind = MessageKind.CALL_CLOSED
        await write_outgoing(
            connection,
            [Outgoing(tenant=DEMO, kind=kind, about=i, call_id=i, at=at, body={"name": "会員"}) for i in ids],
        )


def sender(pool: asyncpg.Pool[Any], post: HttpPost, url: str, secret: str = SECRET) -> WebhookSender:
    hook = Hook(tenant=DEMO, url=url, keys=[secret_key(secret)])
    return WebhookSender(hook, OutgoingStore(pool), post, clock=lambda: datetime.now(UTC))


async def test_a_receiver_that_dies_gets_everything_in_order_when_it_is_back(
    database: asyncpg.Pool[Any], post: HttpPost, tmp_path: Path
) -> None:
    """SIGKILL of the receiver, then of our own side: what was taken stays taken, the rest comes again, kept once."""
    store, inbox = OutgoingStore(database), tmp_path / "inbox.sqlite"
    assert await store.cursor(DEMO, READER) == 0
    async with example(inbox) as running:
        url = running.url
        await tell(database, 1, 60)
        webhook = sender(database, post, url)
        assert await webhook.look() == 0.0
        running.process.kill()
        await running.process.wait()
        assert await webhook.look() == 1.0
        assert webhook.problem is not None
        assert "cannot be reached" in webhook.problem
        assert url not in webhook.problem
    assert (await store.cursor(DEMO, READER), webhook.waiting) == (50, 10)
    await database.execute("UPDATE outgoing_cursors SET delivered = 48")  # the answers to 49 and 50 were lost
    await tell(database, 61, 70)
    async with example(inbox, int(url.rpartition(":")[2])) as running:
        assert await sender(database, post, url).look() == 0.0
        assert [(await running.line())["new"] for _ in range(4)] == [False, False, True, True]
        assert running.kept() == [(f"demo-{n}", n) for n in range(1, 71)]
    assert await store.cursor(DEMO, READER) == 70


async def test_with_the_wrong_secret_nothing_is_taken_and_nothing_is_lost(
    database: asyncpg.Pool[Any], post: HttpPost, tmp_path: Path
) -> None:
    await OutgoingStore(database).cursor(DEMO, READER)
    await tell(database, 1, 2)
    async with example(tmp_path / "inbox.sqlite") as running:
        other = "whsec_" + base64.b64encode(b"x" * 32).decode()
        webhook = sender(database, post, running.url, other)
        assert (await webhook.look(), webhook.problem) == (1.0, "it answers 401")
        assert await sender(database, post, running.url).look() == 0.0
        assert [n for _, n in running.kept()] == [1, 2]


@pytest.mark.parametrize(("length", "status"), [("2", 401), ("300000", 413), ("-1", 413), ("many", 413)])
async def test_the_example_takes_nothing_from_strangers(tmp_path: Path, length: str, status: int) -> None:
    async with example(tmp_path / "inbox.sqlite") as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(running.url.rpartition(":")[2]))
        writer.write(f"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{{}}".encode())
        async with asyncio.timeout(MANY_S):
            assert (await reader.readline()).startswith(f"HTTP/1.1 {status}".encode())
        writer.close()
        assert running.kept() == []


async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the connection and never answers."""
    try:
        await asyncio.sleep(30)
    finally:
        writer.close()


async def redirecting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says yes, and then a gigabyte."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    await writer.drain()
    writer.close()


async def garbage(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xff not HTTP at all\r\n\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("handler", "outcome"),
    [(silent, "did not answer within 0.5 s"), (redirecting, 307), (endless, 200), (garbage, "cannot be reached")],
)
async def test_a_hostile_receiver_costs_a_deadline_and_no_more(
    post: HttpPost, handler: Any, outcome: str | int
) -> None:
    """A redirect is not followed: it would carry callers' numbers elsewhere. An answer's body is not read."""
    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        async with asyncio.timeout(5):
            if isinstance(outcome, int):
                assert (await post(url, b"{}", {})).status == outcome
            else:
                with pytest.raises(Unavailable, match=outcome):
                    await post(url, b"{}", {})
    finally:
        server.close()


async def test_who_is_behind_is_seen_and_nobody_is_called_unready(database: asyncpg.Pool[Any]) -> None:
    """A dead receiver: figures and a warning, after a minute. The part stays ready: no call waits for it."""
    with PortPool() as ports:
        config = Config.model_validate(
            {
                "asterisk": {"ami_secret": "x"},
                "database": {"url": "postgresql://127.0.0.1/x"},
                "s3": {"bucket": "recordings", "access_key": "x", "secret_key": "x"},
                "webhooks": {
                    name: {"url": f"http://127.0.0.1:{ports.tcp()}/", "secret": SECRET} for name in ("demo", "dmeo")
                },
            }
        )
        await database.execute("INSERT INTO tenants VALUES ('demo', 'Demo', 'Asia/Tokyo', 'ja')")
        later = datetime.now(UTC) + timedelta(seconds=61)
        metrics = Metrics()
        webhooks = Webhooks(config, database, metrics, lambda: later)
        await OutgoingStore(database).cursor(DEMO, READER)
        await tell(database, 1, 3)
        await webhooks.start()
        try:
            async with asyncio.timeout(MANY_S):
                while webhooks.senders[0].problem is None:
                    await asyncio.sleep(0.01)
            said = await webhooks.probe()
            webhooks.read()
        finally:
            await webhooks.stop()
    assert isinstance(said, Warned)
    assert said.why.startswith("webhooks.dmeo: no such desk; did you mean 'demo'?; demo: 3 messages wait (it cannot be")
    text = metrics.render().decode()
    assert 'kakehashi_outgoing_waiting{tenant="demo"} 3.0' in text
    assert 'kakehashi_webhooks_total{outcome="failed",tenant="demo"}' in text
