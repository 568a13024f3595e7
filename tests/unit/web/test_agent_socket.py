"""The agent socket: snapshot, numbers, pops, states, and pages that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as sockets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator

from cti.domain.events import (
    AgentPhoneChanged,
    AgentStateChanged,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallLinked,
    CallRinging,
)
from cti.domain.model import (
    AgentId,
    AgentState,
    Link,
    LinkConfidence,
    OfferOutcome,
    PhoneState,
)
from cti.screenpop import ScreenPop
from cti.web import agent_socket as module
from cti.web.schema import schema
from tests.unit.web.conftest import ORIGIN, PASSWORD, Site
from tests.unit.web.fakes import DEMO, T0, closed_call, person

SATO = AgentId("sato")
CALL = closed_call(1)
OFFER = CALL.offers[1].offer_id
SCHEMA = schema()
SERVER = Draft202012Validator({"$ref": "#/properties/ServerMessage", **SCHEMA})


async def receive(ws: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    message = await asyncio.wait_for(ws.receive(), 5)
    assert message.type is aiohttp.WSMsgType.TEXT, message
    body: dict[str, Any] = json.loads(message.data)
    SERVER.validate(body)
    return body


def ringing(second: float = 0) -> CallRinging:
    return CallRinging(at=T0 + timedelta(seconds=second), tenant=DEMO, call=CALL, offer_id=OFFER, agent=SATO)


@pytest.fixture
def pops(site: Site) -> ScreenPop:
    """The real screen pop, telling the real hub."""
    made = ScreenPop(site.server.hub)
    site.fakes.pops.current = made.current  # type: ignore[method-assign]
    return made


async def test_the_snapshot_comes_by_itself_and_draws_the_page(site: Site, pops: ScreenPop) -> None:
    site.fakes.calls.rows = [closed_call(5), closed_call(1), closed_call(2000)]  # the last one is of another day
    pops.handle(ringing())
    ws = await site.socket(await site.logged_in("sato"))
    said = await receive(ws)
    assert (said["type"], said["stream"], said["seq"], said["v"], said["tenant"]) == (
        "snapshot",
        "socket",
        1,
        1,
        "demo",
    )
    assert (said["user"]["login"], said["agent"]["name"], said["agent"]["state"]) == ("sato", "佐藤 花子", "available")
    assert said["pop"]["caller"]["national"] == "090-1234-5678"
    assert [c["call_id"][-2:] for c in said["calls_today"]] == ["01", "05"]
    assert said["calls_today"][0]["talk_s"] == 60
    assert (said["agent_seq"], said["missed"], said["stream_id"]) == (1, None, "stream-1")


async def test_somebody_without_a_phone_gets_a_snapshot_without_one(site: Site) -> None:
    said = await receive(await site.socket(await site.logged_in("tanaka")))
    assert (said["agent"], said["pop"], said["calls_today"]) == (None, None, None)


async def test_a_pop_is_offered_updated_answered_and_ended_in_numbered_messages(site: Site, pops: ScreenPop) -> None:
    ws = await site.socket(await site.logged_in("sato"))
    await receive(ws)
    link = Link(confidence=LinkConfidence.CONFIRMED, score=0.97, why="number_and_reservation", reservation_id="R-1")
    part = {"status": "live", "as_of": "2026-11-20T03:00:01+00:00"}
    card = {
        "members": {**part, "members": [{"member_id": "M-1", "name": "山田 太郎", "blood": "?"}, {"name": "no id"}]},
        "reservations": {**part, "reservations": [{"reservation_id": "R-1", "starts_at": "soon"}]},
    }
    pops.handle(ringing())
    pops.handle(CallLinked(at=T0, tenant=DEMO, call=CALL, link=link, status="live", card=card))
    pops.handle(CallEnded(at=T0 + timedelta(seconds=3), tenant=DEMO, call=CALL))
    offer, update, withdraw = [await receive(ws) for _ in range(3)]
    assert [m["type"] for m in (offer, update, withdraw)] == ["pop.offer", "pop.update", "pop.withdraw"]
    assert [m["seq"] for m in (offer, update, withdraw)] == [1, 2, 3]
    pop = offer["pop"]
    assert pop["queue"] == {"id": "members", "name_ja": "会員", "name_en": "Members"}
    assert (pop["reason_en"], pop["attempt"], pop["menu"]["path"][0]["label"]) == ("only one free", 2, "会員")
    assert (pop["menu"]["reservation_number"], pop["wait_s"], pop["rang_at"]) == (
        "123456",
        45.0,
        "2026-11-20T03:00:00Z",
    )
    assert {p["status"] for p in pop["card"].values()} == {"pending"}
    # Records of another shape are left out; what we do not know of is passed on.
    assert update["card"]["members"]["members"] == [
        {"member_id": "M-1", "name": "山田 太郎", "name_kana": "", "company": None, "plan": None, "language": None,
         "notes": [], "blood": "?"}
    ]  # fmt: skip
    assert update["card"]["reservations"]["reservations"] == []
    assert update["card"]["link"]["link"]["confidence"] == "confirmed"
    assert (withdraw["outcome"], withdraw["offer_id"]) == ("withdrawn", OFFER)
    registry = site.fakes.metrics.registry
    assert registry.get_sample_value("kakehashi_pop_hand_over_seconds_count") == 3
    assert registry.get_sample_value("kakehashi_pop_age_seconds_count") == 1  # only the ring itself


async def test_an_update_carries_only_what_changed(site: Site, pops: ScreenPop) -> None:
    ws = await site.socket(await site.logged_in("sato"))
    await receive(ws)
    pops.handle(ringing())
    pops.handle(CallAnswered(at=T0, tenant=DEMO, call=CALL, agent=SATO, offer_id=OFFER))
    pops.handle(CallHeld(at=T0, tenant=DEMO, call=CALL))
    unsure = Link(confidence=LinkConfidence.NONE, score=0.0, why="unknown_number")
    pops.handle(CallLinked(at=T0, tenant=DEMO, call=CALL, link=unsure, status="live"))
    sure = replace(unsure, confidence=LinkConfidence.LIKELY)
    pops.handle(CallLinked(at=T0, tenant=DEMO, call=CALL, link=sure, status="live"))
    said = [await receive(ws) for _ in range(5)]
    assert [m["type"] for m in said] == ["pop.offer", "pop.answered", "pop.update", "pop.update", "pop.update"]
    held, whole, part = said[2:]
    assert (held["phase"], set(held["card"].values())) == ("held", {None})
    assert None not in whole["card"].values()
    assert [name for name, value in part["card"].items() if value is not None] == ["link"]


async def test_all_tabs_of_an_agent_see_the_same_numbers_and_nobody_else_sees_them(site: Site, pops: ScreenPop) -> None:
    client = await site.logged_in("sato")
    tabs = [await site.socket(client), await site.socket(await site.logged_in("sato"))]
    other = await site.socket(await site.logged_in("suzuki"))
    for ws in (*tabs, other):
        await receive(ws)
    pops.handle(ringing())
    one, two = [await receive(ws) for ws in tabs]
    assert one == two
    await other.send_json({"type": "hello"})
    said = await receive(other)
    assert (said["type"], said["pop"], said["agent_seq"]) == ("snapshot", None, 0)


async def test_a_page_that_returns_learns_how_much_it_missed(site: Site, pops: ScreenPop) -> None:
    client = await site.logged_in("sato")
    ws = await site.socket(client)
    first = await receive(ws)
    await ws.close()
    registry = site.fakes.metrics.registry
    await until(lambda: registry.get_sample_value("kakehashi_sockets") == 0)
    pops.handle(ringing())
    pops.handle(CallEnded(at=T0, tenant=DEMO, call=CALL))
    ws = await site.socket(client)
    await receive(ws)
    await ws.send_json({"type": "hello", "resume": first["agent_seq"], "stream_id": first["stream_id"]})
    said = await receive(ws)
    assert (said["missed"], said["pop"], said["agent_seq"], said["seq"]) == (2, None, 2, 2)
    for old in ({"resume": 1, "stream_id": "an earlier start"}, {"resume": 99, "stream_id": first["stream_id"]}):
        await ws.send_json({"type": "hello", **old})
        assert (await receive(ws))["missed"] is None


async def test_states_are_set_with_a_reason_and_told_to_all_tabs(site: Site) -> None:
    client = await site.logged_in("sato")
    ws = await site.socket(client)
    await receive(ws)
    await ws.send_json({"type": "state.set", "state": "break", "reason": "lunch", "ref": "7"})
    done = await receive(ws)
    assert (done["type"], done["ref"]) == ("done", "7")
    assert site.fakes.desk.chosen == [(SATO, AgentState.BREAK, "lunch")]
    site.server.hub.handle(AgentStateChanged(at=T0, tenant=DEMO, agent=SATO, state=AgentState.BREAK, reason="lunch"))
    told = await receive(ws)
    assert (told["type"], told["agent"]["state"], told["agent"]["reason"]) == ("agent.state", "break", "lunch")
    assert told["agent"]["until"] is None
    limit = T0 + timedelta(seconds=15)
    wrap_up = AgentStateChanged(
        at=T0, tenant=DEMO, agent=SATO, state=AgentState.WRAP_UP, reason="call_over", until=limit
    )
    site.server.hub.handle(wrap_up)
    assert datetime.fromisoformat((await receive(ws))["agent"]["until"]) == limit
    site.server.hub.handle(AgentPhoneChanged(at=T0, tenant=DEMO, agent=SATO, phone=PhoneState.RINGING))
    assert (await receive(ws))["agent"]["phone"] == "ringing"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"type": "state.set", "state": "break", "reason": "", "ref": "1"}, "state_refused"),
        ({"type": "state.set", "state": "break", "reason": "beer", "ref": "1"}, "state_refused"),
        ({"type": "state.set", "state": "asleep", "ref": "1"}, "bad_message"),
        ({"type": "nonsense"}, "bad_message"),
        ({"type": "hello", "extra": 1}, "bad_message"),
        ([], "bad_message"),
    ],
)
async def test_what_cannot_be_done_is_an_error_and_the_line_stays(site: Site, said: Any, code: str) -> None:
    ws = await site.socket(await site.logged_in("sato"))
    await receive(ws)
    await ws.send_json(said)
    error = await receive(ws)
    assert (error["type"], error["code"]) == ("error", code)
    assert error["ref"] == ("1" if code == "state_refused" else None)
    assert error["text"] != error["key"]
    await ws.send_json({"type": "hello"})
    assert (await receive(ws))["type"] == "snapshot"


async def test_refused_and_impossible_states_are_told_apart(site: Site) -> None:
    ws = await site.socket(await site.logged_in("sato"))
    await receive(ws)
    site.fakes.desk.refuse = "you are in a call"
    await ws.send_json({"type": "state.set", "state": "available"})
    assert (await receive(ws))["code"] == "state_refused"
    site.fakes.desk.refuse, site.fakes.desk.away = None, True
    await ws.send_json({"type": "state.set", "state": "available"})
    assert (await receive(ws))["code"] == "unavailable"
    supervisor = await site.socket(await site.logged_in("tanaka"))
    await receive(supervisor)
    await supervisor.send_json({"type": "state.set", "state": "available"})
    assert (await receive(supervisor))["code"] == "no_agent"


async def test_the_board_comes_at_once_and_again_when_something_changed(site: Site) -> None:
    ws = await site.socket(await site.logged_in("tanaka"))
    await receive(ws)
    await ws.send_json({"type": "subscribe", "topic": "queues"})
    first = await receive(ws)
    assert (first["type"], first["stream"]) == ("queues", "queues")
    assert [a["agent"] for a in first["board"]["agents"]] == ["sato", "suzuki", "shinjin"]
    again = await receive(ws)  # drawn once after subscribing, since nobody knew what had changed before
    assert again["seq"] == first["seq"] + 1
    site.server.hub.handle(AgentStateChanged(at=T0, tenant=DEMO, agent=SATO, state=AgentState.BREAK, reason="lunch"))
    assert (await receive(ws))["seq"] == first["seq"] + 2
    await ws.send_json({"type": "unsubscribe", "topic": "queues"})
    await ws.send_json({"type": "hello"})
    assert (await receive(ws))["type"] == "snapshot"


async def test_without_the_database_the_snapshot_comes_all_the_same(site: Site, pops: ScreenPop) -> None:
    pops.handle(ringing())
    client = await site.logged_in("sato")
    site.fakes.calls.away = True
    said = await receive(await site.socket(client))
    assert said["calls_today"] is None
    assert said["pop"]["call_id"] == CALL.call_id


async def test_a_slow_database_delays_the_snapshot_by_a_second_at_most(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TODAY_S", 0.05)

    async def hang(*_: object) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(site.fakes.calls, "of_agent", hang)
    assert (await receive(await site.socket(await site.logged_in("sato"))))["calls_today"] is None


async def raw_socket(site: Site, client: aiohttp.ClientSession) -> sockets.socket:
    """A WebSocket by hand, which never reads after the handshake and has a tiny buffer."""
    token = next(c.value for c in client.cookie_jar)
    made = sockets.socket()
    made.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", site.server.port or 0))
    made.setblocking(False)
    loop = asyncio.get_running_loop()
    request = (
        f"GET /api/socket HTTP/1.1\r\nHost: x\r\nOrigin: {ORIGIN}\r\nCookie: kakehashi_session={token}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await loop.sock_sendall(made, request.encode())
    assert b"101 Switching" in await loop.sock_recv(made, 1024)
    return made


async def to_the_end(stuck: sockets.socket) -> None:
    """Read what the kernel still held; the line must be closed behind it."""
    with contextlib.suppress(ConnectionResetError):
        while await asyncio.wait_for(asyncio.get_running_loop().sock_recv(stuck, 65536), 5):
            pass
    stuck.close()


async def until(true: Any) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)


async def test_a_page_that_stops_reading_is_dropped_and_delays_nobody(site: Site, pops: ScreenPop) -> None:
    stuck = await raw_socket(site, await site.logged_in("sato"))
    reader = await site.socket(await site.logged_in("sato"))
    await receive(reader)
    metrics = site.fakes.metrics.registry

    def connected() -> float | None:
        return metrics.get_sample_value("kakehashi_sockets")

    await until(lambda: connected() == 2)
    state = AgentStateChanged(at=T0, tenant=DEMO, agent=SATO, state=AgentState.BREAK, reason="x" * 2000)
    sent = 0
    while connected() == 2:
        site.server.hub.handle(state)
        sent += 1
        assert (await receive(reader))["seq"] == sent
        assert sent < 20_000
    # Its queue is full, or on a slow machine one frame was not taken in time: whichever bound it met first.
    dropped = (metrics.get_sample_value("kakehashi_sockets_dropped_total", {"why": why}) for why in ("full", "slow"))
    assert sum(filter(None, dropped)) == 1
    site.server.hub.handle(state)
    assert (await receive(reader))["seq"] == sent + 1
    await to_the_end(stuck)


async def test_one_frame_that_is_never_taken_is_enough(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRITE_S", 0.2)
    stuck = await raw_socket(site, await site.logged_in("sato"))
    metrics = site.fakes.metrics.registry
    await until(lambda: metrics.get_sample_value("kakehashi_sockets") == 1)
    state = AgentStateChanged(at=T0, tenant=DEMO, agent=SATO, state=AgentState.BREAK, reason="x" * 50_000)
    for _ in range(200):
        site.server.hub.handle(state)
    await until(lambda: metrics.get_sample_value("kakehashi_sockets_dropped_total", {"why": "slow"}) == 1)
    await until(lambda: metrics.get_sample_value("kakehashi_sockets") == 0)
    await to_the_end(stuck)


async def test_a_page_that_says_too_much_at_once_is_closed(site: Site) -> None:
    ws = await site.socket(await site.logged_in("sato"))
    await receive(ws)
    await ws.send_str('{"type": "hello", "stream_id": "' + "x" * module.MAX_FRAME + '"}')
    message = await asyncio.wait_for(ws.receive(), 5)
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1009)


async def test_the_seventeenth_tab_is_refused(site: Site) -> None:
    client = await site.logged_in("sato")
    tabs = [await site.socket(client) for _ in range(module.MAX_SOCKETS)]
    for tab in tabs:
        await receive(tab)
    ws = await site.socket(client)
    message = await asyncio.wait_for(ws.receive(), 5)
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, module.CLOSE_TOO_MANY)


async def test_a_restart_closes_every_page_with_1012(site: Site) -> None:
    open_sockets = [await site.socket(await site.logged_in(login)) for login in ("sato", "suzuki", "tanaka")]
    for ws in open_sockets:
        await receive(ws)
    stopping = asyncio.create_task(site.server.stop())
    for ws in open_sockets:
        message = await asyncio.wait_for(ws.receive(), 5)
        assert (message.type, message.data, message.extra) == (aiohttp.WSMsgType.CLOSE, 1012, "service restart")
    await asyncio.wait_for(stopping, 5)


async def test_a_page_that_was_told_nothing_for_two_seconds_is_pinged_and_others_are_not(site: Site) -> None:
    ws = await site.socket(await site.logged_in("sato"))
    await receive(ws)
    (client,) = site.server.hub._clients
    for passed_s in (1.9, 0.2, 0.1):  # too soon after the snapshot; due; too soon after that ping
        site.fakes.clock.passed_s += passed_s
        client.ping()
    await ws.send_json({"type": "hello"})
    assert [(await receive(ws))["type"] for _ in range(2)] == ["ping", "snapshot"]


async def test_log_out_closes_the_sockets_of_that_session_only(site: Site) -> None:
    here, there = await site.logged_in("sato"), await site.logged_in("sato")
    closed, kept = await site.socket(here), await site.socket(there)
    await receive(closed)
    await receive(kept)
    async with here.post("/api/logout") as answer:
        assert answer.status == 204
    message = await asyncio.wait_for(closed.receive(), 5)
    assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1008)
    await kept.send_json({"type": "hello"})
    assert (await receive(kept))["type"] == "snapshot"


async def test_who_logs_out_everywhere_takes_no_more_calls(site: Site) -> None:
    here, there = await site.logged_in("sato"), await site.logged_in("sato")
    kept = await site.socket(there)
    await receive(kept)
    async with here.post("/api/logout") as answer:
        assert answer.status == 204
    assert site.fakes.desk.chosen == []
    async with there.post("/api/logout") as answer:
        assert answer.status == 204
    assert site.fakes.desk.chosen == [(SATO, AgentState.OFFLINE, "logged_out")]
    site.fakes.desk.away = True
    again = await site.logged_in("sato")
    async with again.post("/api/logout") as answer:
        assert answer.status == 204


async def test_facts_lost_on_the_bus_mean_a_snapshot_for_all(site: Site) -> None:
    ws = await site.socket(await site.logged_in("sato"))
    await receive(ws)
    site.server.hub.resync(3)
    said = await receive(ws)
    assert (said["type"], said["seq"]) == ("snapshot", 2)


async def test_another_tenants_agent_of_the_same_name_hears_nothing(site: Site, pops: ScreenPop) -> None:
    hashed = await site.server.passwords.hash(PASSWORD)
    stranger = replace(person("sato", "agent", agent="sato"), tenant="other")  # type: ignore[arg-type]
    site.fakes.users.add(stranger, hashed)
    client = site.client()
    body = {"tenant": "other", "login": "sato", "password": PASSWORD}
    async with client.post("/api/login", json=body) as answer:
        assert answer.status == 200
    ws = await site.socket(client)
    await receive(ws)
    pops.handle(ringing())
    await ws.send_json({"type": "hello"})
    said = await receive(ws)
    assert (said["tenant"], said["pop"], said["agent_seq"]) == ("other", None, 0)


async def test_outcomes_of_offers_are_those_of_the_model() -> None:
    outcomes = SCHEMA["$defs"]["OfferOutcome"]["enum"]
    assert outcomes == [o.value for o in OfferOutcome]


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536, 200_000])
async def test_frames_of_every_length_arrive_whole_and_in_order(site: Site, size: int) -> None:
    ws = await site.socket(await site.logged_in("sato"))
    await receive(ws)
    (page,) = site.server.hub._clients
    sent = ["車" * (size // 3) + "x" * (size % 3), "second", "third"]
    for text in sent:
        page.send(text, "test")
    heard = [(await asyncio.wait_for(ws.receive(), 5)).data for _ in sent]
    assert heard == sent


async def test_a_page_that_is_owed_nothing_is_written_to_before_send_returns(site: Site) -> None:
    ws = await site.socket(await site.logged_in("sato"))
    await receive(ws)
    (page,) = site.server.hub._clients
    assert isinstance(page, module.AgentSocket)
    page.send("at once", "test")
    assert not page._line, "it waits for a turn of the loop"
    assert (await asyncio.wait_for(ws.receive(), 5)).data == "at once"
