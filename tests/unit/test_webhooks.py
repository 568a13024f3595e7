"""Webhooks: signed, in order, at least once; what is not taken waits, and what nobody can read is passed over."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.errors import Unavailable
from cti.domain.model import CallId, TenantId
from cti.domain.outgoing import Message, MessageKind
from cti.domain.signature import LONGEST, SHORTEST, secret_key, sign
from cti.webhooks import BACKOFF_MAX_S, BATCH, POLL_S, REFUSALS, Hook, Reply, WebhookSender

EXAMPLE = Path(__file__).parents[2] / "examples" / "webhook-receiver" / "receive.py"
NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
DEMO = TenantId("demo")
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def _example() -> Any:
    spec = importlib.util.spec_from_file_location("webhook_receiver_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


example = _example()


# --- The signature ---------------------------------------------------------------------------------


def test_the_specification_s_own_example() -> None:
    """Of https://github.com/standard-webhooks/standard-webhooks: any of its libraries verifies what we sign."""
    key = secret_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = sign([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


keys = st.binary(min_size=SHORTEST, max_size=LONGEST)
ids = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=40)


def _text(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


@given(key=keys, old=keys, message_id=ids, stamp=st.integers(0, 10**10), body=st.binary(max_size=200))
def test_the_example_verifies_what_we_sign_with_either_secret(
    key: bytes, old: bytes, message_id: str, stamp: int, body: bytes
) -> None:
    headers = sign([secret_key(_text(key)), old], message_id, stamp, body)
    for secret in (key, old):
        assert example.verify(_text(secret), headers, body, stamp + 299) == message_id


@given(
    key=keys,
    body=st.binary(min_size=1, max_size=200),
    change=st.sampled_from(["body", "id", "time", "signature", "version", "secret"]),
    place=st.integers(0, 10_000),
)
def test_whatever_is_changed_on_the_way_is_refused(key: bytes, body: bytes, change: str, place: int) -> None:
    headers, now_s, secret = sign([key], "demo-7", 1_000_000, body), 1_000_000, _text(key)
    match change:
        case "body":
            at = place % len(body)
            body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        case "id":
            headers["webhook-id"] = "demo-8"
        case "time":
            headers["webhook-timestamp"] = "1000001"
        case "signature":
            headers["webhook-signature"] = "v1,"
        case "version":
            headers["webhook-signature"] = headers["webhook-signature"].replace("v1,", "v2,")
        case "secret":
            secret = _text(bytes([key[0] ^ 1]) + key[1:])
    with pytest.raises(example.Refused):
        example.verify(secret, headers, body, now_s)


@pytest.mark.parametrize("seconds", [-301, 301, 10**6])
def test_a_message_of_another_time_is_refused(seconds: int) -> None:
    headers = sign([b"k" * 32], "demo-7", 1_000_000, b"{}")
    with pytest.raises(example.Refused, match="time"):
        example.verify(SECRET, headers, b"{}", 1_000_000 + seconds)


@pytest.mark.parametrize(
    ("text", "why"),
    [("secret", "begins with whsec_"), ("whsec_äöü", "not base64"), ("whsec_AAAA", "holds 3 bytes; 24 to 64")],
)
def test_a_secret_that_is_none_says_what_to_write(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        secret_key(text)


def test_an_id_cannot_pretend_to_hold_the_time() -> None:
    with pytest.raises(ValueError, match="no dot"):
        sign([b"k" * 32], "demo-7.1", 1, b"")


# --- Delivery --------------------------------------------------------------------------------------


class Source:
    """Messages 1 to ``head`` of one desk; those below ``oldest`` were deleted."""

    def __init__(self, head: int, delivered: int = 0) -> None:
        self.last, self.delivered, self.oldest = head, delivered, 1
        self.limits: list[int] = []

    async def after(self, tenant: TenantId, after: int, limit: int) -> list[Message]:
        self.limits.append(limit)
        first = max(after + 1, self.oldest)
        return [
            Message(
                id=n, tenant=tenant, kind=MessageKind.CALL_CLOSED, call_id=CallId(f"call {n}"), at=NOW, stored_at=NOW,
                body={"name": "会員"},
            )
            for n in range(first, min(self.last, first + limit - 1) + 1)
        ]  # fmt: skip

    async def head(self, _tenant: TenantId) -> int:
        return self.last

    async def cursor(self, _tenant: TenantId, _reader: str) -> int:
        return self.delivered

    async def move_cursor(self, _tenant: TenantId, _reader: str, was: int, now: int) -> bool:
        if self.delivered != was:
            return False
        self.delivered = now
        return True


class Receiver:
    """Answers as ``how`` says for a message's number; keeps what it took, in order."""

    def __init__(self, how: Callable[[int], int | Reply | Exception] = lambda _: 204) -> None:
        self.how = how
        self.taken: list[int] = []
        self.asked: list[int] = []

    async def __call__(self, url: str, body: bytes, headers: dict[str, str], /) -> Reply:
        assert url == "https://crm.test/"
        number = int(json.loads(body)["id"])
        assert example.verify(SECRET, headers, body, NOW.timestamp()) == f"demo-{number}"
        self.asked.append(number)
        said = self.how(number)
        if isinstance(said, Exception):
            raise said
        reply = Reply(status=said) if isinstance(said, int) else said
        if reply.status < 300:
            self.taken.append(number)
        return reply


def sender(source: Source, receiver: Receiver) -> WebhookSender:
    hook = Hook(tenant=DEMO, url="https://crm.test/", keys=[secret_key(SECRET)])
    return WebhookSender(hook, source, receiver, clock=lambda: NOW)


async def test_messages_go_out_in_order_and_the_cursor_follows() -> None:
    source, receiver = Source(120), Receiver()
    webhook = sender(source, receiver)
    assert [await webhook.look() for _ in range(4)] == [0.0, 0.0, 0.0, POLL_S]
    assert receiver.taken == list(range(1, 121))
    assert (source.delivered, webhook.waiting, webhook.oldest, webhook.problem) == (120, 0, None, None)
    assert set(source.limits) == {BATCH}


async def test_what_is_not_taken_holds_up_the_rest_and_is_sent_again_ever_later() -> None:
    down = Unavailable("it cannot be reached (ClientConnectorError)")
    source, receiver = Source(5), Receiver(lambda n: down if n == 3 else 200)
    webhook = sender(source, receiver)
    pauses = [await webhook.look() for _ in range(11)]
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, BACKOFF_MAX_S, BACKOFF_MAX_S]
    assert (receiver.taken, source.delivered) == ([1, 2], 2)
    assert (webhook.waiting, webhook.oldest, webhook.problem) == (3, NOW, str(down))
    receiver.how = lambda _: 200
    assert await webhook.look() == 0.0
    assert (receiver.taken, webhook.problem, webhook.counts["failed"]) == ([1, 2, 3, 4, 5], None, 11)


@pytest.mark.parametrize(
    ("status", "retry_after_s", "pause_s"),
    [(500, 0, 1), (503, 30, 30), (429, 10**8, BACKOFF_MAX_S), (301, 0, 1), (404, 0, 1), (401, 0, 1), (410, 0, 1)],
)
async def test_answers_about_the_receiver_never_cost_a_message(
    status: int, retry_after_s: float, pause_s: float
) -> None:
    source, receiver = Source(2), Receiver(lambda _: Reply(status=status, retry_after_s=retry_after_s))
    webhook = sender(source, receiver)
    assert await webhook.look() == pause_s
    for _ in range(2 * REFUSALS):
        await webhook.look()
    assert (source.delivered, receiver.taken, webhook.problem) == (0, [], f"it answers {status}")


async def test_a_message_that_is_refused_for_good_is_passed_over() -> None:
    source, receiver = Source(3), Receiver(lambda n: 422 if n == 2 else 200)
    webhook = sender(source, receiver)
    for _ in range(REFUSALS):
        await webhook.look()
    assert (receiver.taken, source.delivered) == ([1, 3], 3)
    assert receiver.asked.count(2) == REFUSALS
    assert {name: webhook.counts[name] for name in ("delivered", "passed_over", "lost")} == {
        "delivered": 2, "passed_over": 1, "lost": 0,
    }  # fmt: skip


async def test_a_receiver_that_refuses_everything_costs_one_message() -> None:
    """A wrong secret is answered with 400 by many: a weekend of it must not eat a message each nine minutes."""
    source, receiver = Source(5), Receiver(lambda _: 400)
    webhook = sender(source, receiver)
    for _ in range(4 * REFUSALS):
        await webhook.look()
    assert (source.delivered, webhook.counts["passed_over"], webhook.problem) == (1, 1, "it answers 400")
    receiver.how = lambda n: 400 if n == 4 else 200
    for _ in range(REFUSALS + 1):
        await webhook.look()
    assert (receiver.taken, webhook.counts["passed_over"]) == ([2, 3, 5], 2)


async def test_a_message_is_passed_over_though_the_database_was_away_when_that_was_to_be_noted() -> None:
    class Away(Source):
        away = True

        async def move_cursor(self, tenant: TenantId, reader: str, was: int, now: int) -> bool:
            if self.away:
                raise Unavailable("the database is away")
            return await super().move_cursor(tenant, reader, was, now)

    source = Away(2)
    webhook = sender(source, Receiver(lambda n: 422 if n == 1 else 200))
    for _ in range(REFUSALS - 1):
        await webhook.look()
    with pytest.raises(Unavailable):
        await webhook.look()
    source.away = False
    await webhook.look()
    assert (source.delivered, webhook.counts["passed_over"]) == (2, 1)


async def test_refusals_of_one_message_are_counted_in_a_row() -> None:
    answers = iter([422] * (REFUSALS - 1) + [500] + [422] * (REFUSALS - 1) + [200])
    source, receiver = Source(1), Receiver(lambda _: next(answers))
    webhook = sender(source, receiver)
    for _ in range(2 * REFUSALS):
        await webhook.look()
    assert (receiver.taken, webhook.counts["passed_over"]) == ([1], 0)


async def test_a_server_that_dies_before_it_notes_the_answer_sends_the_same_id_again() -> None:
    source, receiver = Source(2), Receiver()

    class Dies(Source):
        async def move_cursor(self, _tenant: TenantId, _reader: str, _was: int, _now: int) -> bool:
            raise Unavailable("the database is away")

    with pytest.raises(Unavailable):
        await sender(Dies(2), receiver).look()
    await sender(source, receiver).look()
    assert receiver.taken == [1, 1, 2]


async def test_of_two_servers_the_one_that_is_behind_looks_again() -> None:
    source = Source(3)

    def other_server(_: int) -> int:
        source.delivered = 3
        return 200

    webhook = sender(source, Receiver(other_server))
    assert await webhook.look() == 0.0
    assert (await webhook.look(), source.delivered) == (POLL_S, 3)


async def test_what_grew_too_old_is_counted_as_lost() -> None:
    source, receiver = Source(10), Receiver()
    source.oldest = 6
    webhook = sender(source, receiver)
    await webhook.look()
    assert (receiver.taken, webhook.counts["lost"]) == ([6, 7, 8, 9, 10], 5)
    source.last, source.oldest = 14, 15
    assert await webhook.look() == POLL_S
    assert (webhook.counts["lost"], source.delivered, webhook.waiting) == (9, 14, 0)


async def test_what_is_lost_is_counted_once_however_often_the_next_one_is_refused() -> None:
    source, receiver = Source(10), Receiver(lambda _: 503)
    source.oldest = 6
    webhook = sender(source, receiver)
    for _ in range(5):
        await webhook.look()
    receiver.how = lambda _: 200
    await webhook.look()
    assert (receiver.taken, webhook.counts["lost"]) == ([6, 7, 8, 9, 10], 5)


@given(st.lists(st.sampled_from([200, 204, 500, 404, 422, "down", "dies"]), max_size=60), st.integers(0, 12))
def test_every_message_arrives_in_order_whatever_happens(answers: list[int | str], many: int) -> None:
    """Failures, refusals and restarts in any order: nothing is skipped but what was refused ten times in a row."""
    script = iter(answers)

    def how(_: int) -> int | Exception:
        said = next(script, 200)
        return said if isinstance(said, int) else Unavailable("down")

    async def run() -> tuple[list[int], int, int]:
        source, receiver = Source(many), Receiver(how)
        webhook = sender(source, receiver)
        for turn in range(len(answers) + many + 2):
            await webhook.look()
            if turn < len(answers) and answers[turn] == "dies":
                webhook = sender(source, receiver)
        return receiver.taken, source.delivered, webhook.counts["passed_over"]

    taken, delivered, _ = asyncio.run(run())
    assert delivered == many
    assert taken == sorted(set(taken))
    if "422" not in map(str, answers):
        assert taken == list(range(1, many + 1))
