"""A service that is slow, wrong, huge or down: each has its name, none takes longer than the deadline."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cti.domain.errors import CallerError, NotFound, PeerError, Unavailable
from cti.domain.model import CallerKind
from cti.linking.breaker import BreakerState
from cti.linking.client import LookupClient, LookupLimits, TicketLater
from cti.linking.contract import LookupFault, LookupRequest, LookupResult, LookupStatus
from tests.contract.linking.service import Service
from tests.unit.linking.builders import CALL

ASK = LookupRequest(call_id=CALL, kind=CallerKind.NUMBER, number="+819012345678", number_called="+815012345000")
QUICK = LookupLimits(deadline_s=0.3, failures=1000)


def client_of(service: Service, limits: LookupLimits = QUICK, **more: object) -> LookupClient:
    return LookupClient(service.url, service.token, limits=limits, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("slow", LookupFault.SLOW),
        ("drip", LookupFault.SLOW),
        ("wrong", LookupFault.WRONG),
        ("broken", LookupFault.WRONG),
        ("redirect", LookupFault.WRONG),
        ("gzip", LookupFault.WRONG),
        ("huge", LookupFault.HUGE),
        ("error", LookupFault.FAILED),
        ("away", LookupFault.FAILED),
        ("reset", LookupFault.DOWN),
    ],
)
async def test_each_fault_has_its_name_and_keeps_the_deadline(service: Service, kind: str, fault: LookupFault) -> None:
    service.fault(kind, 3.0)
    async with client_of(service) as client:
        began_s = time.monotonic()
        result = await client.look_up(ASK)
        took_s = time.monotonic() - began_s
    assert (result.status, result.fault, result.answer) == (LookupStatus.UNAVAILABLE, fault, None)
    assert took_s < 1.0


async def test_the_default_deadline_is_kept_whatever_the_service_does(service: Service) -> None:
    service.fault("drip", 30.0)
    async with LookupClient(service.url, service.token) as client:
        began_s = time.monotonic()
        result = await client.look_up(ASK)
        assert 1.4 < time.monotonic() - began_s < 2.0
    assert result.fault is LookupFault.SLOW


async def test_nobody_listens() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound and not listening: refused
        async with LookupClient(f"http://127.0.0.1:{probe.getsockname()[1]}", "t") as client:
            result = await client.look_up(ASK)
    assert (result.status, result.fault) == (LookupStatus.UNAVAILABLE, LookupFault.DOWN)


async def test_somebody_listens_and_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with LookupClient(url, "t", limits=QUICK) as client:
            assert (await client.look_up(ASK)).fault is LookupFault.SLOW


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (b"", LookupFault.DOWN),
        (b"\x00\xff\xfe SIP/2.0 200 OK\r\n\r\n", LookupFault.WRONG),
        (b"220 mail.example ESMTP\r\n", LookupFault.WRONG),
        (HEAD + b"X: " + b"x" * 100_000 + b"\r\n\r\n", LookupFault.WRONG),
        (HEAD + b"Content-Length: 99\r\n\r\n{}", LookupFault.DOWN),
        (HEAD + b"Content-Length: 999999999999\r\n\r\n{}", LookupFault.HUGE),
        (HEAD + b"Content-Length: -1\r\n\r\n{}", LookupFault.WRONG),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}", LookupFault.WRONG),
        (HEAD + b"Content-Length: 0\r\n\r\n", LookupFault.WRONG),
        (b"HTTP/1.1 204 No Content\r\n\r\n", LookupFault.WRONG),
        (b"HTTP/1.1 503 Away\r\nRetry-After: tomorrow\r\nContent-Length: 0\r\n\r\n", LookupFault.FAILED),
        (b"HTTP/1.1 429 Slow\r\nRetry-After: 999999999999\r\nContent-Length: 0\r\n\r\n", LookupFault.FAILED),
        (b"HTTP/1.1 400 No\r\nContent-Length: 100001\r\n\r\n{" + b"[" * 100_000, LookupFault.REFUSED),
    ],
    ids=[str(n) for n in range(13)],
)
async def test_whatever_listens_there(sent: bytes, fault: LookupFault) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with LookupClient(url, "t", limits=replace(QUICK, deadline_s=1.0)) as client:
            assert (await client.look_up(ASK)).fault is fault


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "nonsense"])
async def test_an_address_that_cannot_be(url: str) -> None:
    async with LookupClient(url, "t", limits=LookupLimits(deadline_s=2.0)) as client:
        result = await client.look_up(ASK)
    assert result.status is LookupStatus.UNAVAILABLE
    assert result.fault in (LookupFault.DOWN, LookupFault.WRONG, LookupFault.SLOW)


async def test_a_wrong_token_is_refused(service: Service) -> None:
    async with LookupClient(service.url, "wrong", limits=QUICK) as client:
        assert (await client.look_up(ASK)).fault is LookupFault.REFUSED


async def test_a_redirect_is_not_followed_with_our_token() -> None:
    carried: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        carried.append(request.headers["Authorization"])
        return web.Response()

    there = TestServer(web.Application())
    there.app.router.add_post("/v1/lookups", elsewhere)
    async with there:

        async def away(_: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": str(there.make_url("/v1/lookups"))})

        here = TestServer(web.Application())
        here.app.router.add_post("/v1/lookups", away)
        async with here, LookupClient(str(here.make_url("")), "secret", limits=QUICK) as client:
            assert (await client.look_up(ASK)).fault is LookupFault.WRONG
    assert carried == []


async def test_a_fresh_answer_is_not_asked_for_again_and_an_older_one_is_served_as_stale(
    service: Service,
) -> None:
    now_s = 0.0
    async with client_of(service, clock=lambda: now_s) as client:
        first = await client.look_up(ASK)
        service.fault("error")
        now_s = 9.0
        again = await client.look_up(ASK)
        assert (again.status, again.answer) == (LookupStatus.LIVE, first.answer)
        now_s = 60.0
        old = await client.look_up(ASK)
        assert (old.status, old.fault, old.answer) == (LookupStatus.STALE, LookupFault.FAILED, first.answer)
        now_s = 1000.0
        assert (await client.look_up(ASK)).status is LookupStatus.UNAVAILABLE


async def test_the_breaker_opens_and_closes(service: Service) -> None:
    now_s = 0.0
    told: list[tuple[str, str]] = []

    def on_result(result: LookupResult, took_s: float) -> None:
        told.append((result.status.value, result.fault.value if result.fault else ""))

    limits = replace(QUICK, failures=3, rest_s=10.0)
    async with client_of(service, limits, clock=lambda: now_s, on_result=on_result) as client:
        service.fault("error")
        for _ in range(3):
            await client.look_up(ASK)
        states = [client.breaker]
        service.fault("none")
        assert (await client.look_up(ASK)).fault is LookupFault.RESTING
        now_s = 10.0
        assert (await client.look_up(ASK)).status is LookupStatus.LIVE
        assert [*states, client.breaker] == [BreakerState.OPEN, BreakerState.CLOSED]
    assert told == [("unavailable", "failed")] * 3 + [("unavailable", "resting"), ("live", "")]


@pytest.mark.parametrize("kind", ["wrong", "huge", "broken"])
async def test_bad_answers_of_a_living_service_do_not_open_the_breaker(service: Service, kind: str) -> None:
    service.fault(kind)
    async with client_of(service, replace(QUICK, failures=2)) as client:
        for _ in range(4):
            assert (await client.look_up(ASK)).fault in (LookupFault.WRONG, LookupFault.HUGE)
        assert client.breaker is BreakerState.CLOSED


async def test_the_service_s_wish_to_be_left_alone_is_kept(service: Service) -> None:
    now_s = 0.0
    async with client_of(service, replace(QUICK, rest_s=0.5), clock=lambda: now_s) as client:
        service.fault("away")  # Retry-After: 1
        assert (await client.look_up(ASK)).fault is LookupFault.FAILED
        service.fault("none")
        now_s = 0.9
        assert (await client.look_up(ASK)).fault is LookupFault.RESTING
        now_s = 1.0
        assert (await client.look_up(ASK)).status is LookupStatus.LIVE


async def test_nothing_personal_is_logged(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    asked = replace(ASK, reservation_number="48120017")
    async with client_of(service) as client:
        for kind in ("none", "wrong", "broken", "error", "huge", "reset"):
            service.fault(kind)
            await client.look_up(replace(asked, language="en" if kind == "none" else "ja"))
    text = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert "fault" in text
    for secret in ("9012345678", "48120017", "高橋", service.token):
        assert secret not in text


# --- Tickets --------------------------------------------------------------------------------------

WISH: dict[str, object] = {
    "call_id": CALL,
    "member_id": "M-100017",
    "reservation_id": "R-48120017",
    "category": "unlock",
    "title": "解錠できない",
    "opened_by": "sato",
}


async def test_a_ticket_is_opened_once_however_often_it_is_asked(service: Service) -> None:
    async with client_of(service) as client:
        first = await client.open_ticket("wish-0000000000000001", WISH)
        again = await client.open_ticket("wish-0000000000000001", WISH)
        other = await client.open_ticket("wish-0000000000000002", WISH)
        assert again == first
        assert other.ticket_id != first.ticket_id
        found = await client.look_up(ASK)
        assert found.answer is not None
        assert {first.ticket_id, other.ticket_id} <= {t.ticket_id for t in found.answer.tickets}


async def test_a_new_ticket_is_in_the_next_look_up(service: Service) -> None:
    async with client_of(service) as client:
        await client.look_up(ASK)  # cached
        opened = await client.open_ticket("wish-0000000000000003", WISH)
        found = await client.look_up(ASK)
        assert found.answer is not None
        assert opened.ticket_id in {t.ticket_id for t in found.answer.tickets}


async def test_a_ticket_leaves_other_callers_their_last_answer(service: Service) -> None:
    async with client_of(service) as client:
        assert (await client.look_up(ASK)).status is LookupStatus.LIVE
        await client.open_ticket("wish-0000000000000009", WISH)
        service.fault("error")
        found = await client.look_up(ASK)
    assert (found.status, found.answer is None) == (LookupStatus.STALE, False)


async def test_a_ticket_that_comes_too_early_is_told_when_to_come_again() -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.json_response({"code": "too_many"}, status=429, headers={"Retry-After": "40"})

    server = TestServer(web.Application())
    server.app.router.add_post("/v1/tickets", busy)
    async with server, LookupClient(str(server.make_url("")), "secret", limits=QUICK) as client:
        with pytest.raises(TicketLater) as caught:
            await client.open_ticket("wish-0000000000000010", WISH)
    assert caught.value.retry_after_s == 40


async def test_a_call_joins_a_ticket_once(service: Service) -> None:
    body: dict[str, object] = {"call_id": "1c55a1f0-7a55-4b8e-9f62-5a0a4f9d0b01", "note": "二度目の入電"}
    async with client_of(service) as client:
        opened = await client.open_ticket("wish-0000000000000004", WISH)
        joined = await client.join_ticket("join-0000000000000001", opened.ticket_id, body)
        again = await client.join_ticket("join-0000000000000001", opened.ticket_id, body)
    assert (opened.calls, joined.calls, again.calls) == (1, 2, 2)
    assert joined.last_note == "二度目の入電"


async def test_what_the_service_refuses_is_an_error_of_the_right_kind(service: Service) -> None:
    async with client_of(service) as client:
        await client.open_ticket("wish-0000000000000005", WISH)
        with pytest.raises(CallerError, match="key_reused"):
            await client.open_ticket("wish-0000000000000005", {**WISH, "title": "別"})
        with pytest.raises(CallerError, match="bad_request"):
            await client.open_ticket("short", WISH)
        with pytest.raises(NotFound):
            await client.join_ticket("join-0000000000000002", "T-0/../x", {"call_id": CALL})
        with pytest.raises(NotFound):
            await client.open_ticket("wish-0000000000000006", {**WISH, "member_id": "M-0"})
        service.fault("error")
        with pytest.raises(Unavailable):
            await client.open_ticket("wish-0000000000000007", WISH)
        service.fault("wrong")
        with pytest.raises(PeerError):
            await client.open_ticket("wish-0000000000000008", WISH)


async def test_any_ticket_id_is_one_part_of_the_address() -> None:
    asked: list[str] = []

    async def join(request: web.Request) -> web.Response:
        asked.append(request.match_info["ticket_id"])
        ticket = {"ticket_id": "T", "title": "t", "status": "open", "opened_at": "2026-11-21T21:00:00+09:00"}
        return web.json_response(ticket)

    server = TestServer(web.Application())
    server.app.router.add_post("/v1/tickets/{ticket_id}/calls", join)
    ids = ["T-1/../2", "票 1", "a?b#c", "%2F"]
    async with server, LookupClient(str(server.make_url("")), "secret", limits=QUICK) as client:
        for ticket_id in ids:
            await client.join_ticket("join-0000000000000003", ticket_id, {"call_id": CALL})
    assert asked == ids
