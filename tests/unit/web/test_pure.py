"""The pure parts: throttle, ranges, cursors, languages, states, passwords."""

from __future__ import annotations

import asyncio
import base64
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.errors import Unavailable
from cti.domain.model import AgentState
from cti.web import addresses, cursors, passwords, ranges, texts
from cti.web.passwords import Passwords
from cti.web.ports import PageKey
from cti.web.problems import Refused
from cti.web.states import check_state
from cti.web.throttle import ADDRESS, LOGIN, MAX_KEYS, PAIR, Throttle
from tests.unit.web.fakes import call_id

# --- Throttle --------------------------------------------------------------------------------------


def test_mistakes_wait_and_are_forgotten_with_time() -> None:
    throttle = Throttle()
    for _ in range(PAIR.failures):
        assert throttle.wait_s("demo/sato", "a", 0.0) == 0
        throttle.failed("demo/sato", "a", 0.0)
    assert throttle.wait_s("demo/sato", "a", 0.0) == PAIR.refill_s
    assert throttle.wait_s("demo/sato", "a", 29.5) == 1
    assert throttle.wait_s("demo/sato", "a", 30.0) == 0
    assert throttle.wait_s("demo/sato", "b", 0.0) == 0  # from elsewhere
    assert throttle.wait_s("demo/suzuki", "a", 0.0) == 0  # a colleague beside


def test_a_success_forgives_the_person_not_the_attack() -> None:
    throttle = Throttle()
    for n in range(LOGIN.failures):
        throttle.failed("demo/sato", f"address {n}", 0.0)
    throttle.failed("demo/sato", "address 0", 0.0)  # counted before it is known to be right
    throttle.succeeded("demo/sato", "address 0")
    assert throttle.wait_s("demo/sato", "address 0", 0.0) == LOGIN.refill_s


def test_right_passwords_cost_nothing() -> None:
    """A shift begins: everybody logs in from one address within a second, and one of them again and again."""
    throttle = Throttle()
    for login in [f"demo/{n}" for n in range(5 * ADDRESS.failures)] + ["demo/sato"] * (5 * LOGIN.failures):
        assert throttle.wait_s(login, "a", 0.0) == 0
        throttle.failed(login, "a", 0.0)
        throttle.succeeded(login, "a")
    assert throttle._levels == {}


def test_one_address_that_tries_many_log_ins_waits() -> None:
    throttle = Throttle()
    for n in range(ADDRESS.failures):
        assert throttle.wait_s(f"demo/{n}", "a", 0.0) == 0
        throttle.failed(f"demo/{n}", "a", 0.0)
    assert throttle.wait_s("demo/new", "a", 0.0) == ADDRESS.refill_s


def test_it_remembers_a_bounded_number() -> None:
    throttle = Throttle()
    for n in range(MAX_KEYS):
        throttle.failed(f"demo/{n}", f"address {n}", float(n))
    assert len(throttle._levels) == MAX_KEYS


# --- Addresses -------------------------------------------------------------------------------------

OURS = ("10.0.0.0/24", "fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # a stranger says so: not believed
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the left part is the caller's own invention
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),  # two proxies of ours
        ("fd00::1", "2001:DB8::1", "2001:db8::1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_nearest_address_that_is_no_proxy_of_ours(peer: str, forwarded: str, expected: str) -> None:
    assert addresses.origin_of(peer, forwarded, OURS) == expected


@given(st.text(max_size=60), st.text(max_size=200))
def test_without_proxies_of_ours_no_header_changes_anything(peer: str, forwarded: str) -> None:
    assert addresses.origin_of(peer, forwarded, ()) == peer


# --- Ranges ----------------------------------------------------------------------------------------


@given(st.integers(1, 10**12), st.data())
def test_every_range_is_inside_and_begins_where_asked(size: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(start, size * 2))
    assert ranges.wanted(f"bytes={start}-{last}", size) == (start, min(last + 1, size))
    assert ranges.wanted(f"bytes={start}-", size) == (start, size)
    length = data.draw(st.integers(1, size * 2))
    assert ranges.wanted(f"bytes=-{length}", size) == (max(0, size - length), size)


@given(st.text(max_size=40), st.integers(1, 10**6))
def test_any_header_gives_a_range_inside_or_everything_or_nothing(header: str, size: int) -> None:
    for text in (header, f"bytes={header}"):
        try:
            found = ranges.wanted(text, size)
        except ranges.Unsatisfiable:
            continue
        assert found is None or 0 <= found[0] < found[1] <= size


# --- Cursors ---------------------------------------------------------------------------------------


@given(st.datetimes(timezones=st.just(UTC)), st.integers(0, 999_999_999_999))
def test_a_cursor_comes_back_as_it_was(at: datetime, n: int) -> None:
    key = PageKey(at=at, call_id=call_id(n))
    text = cursors.write(key)
    assert cursors.read(text) == key
    assert len(text) <= 200


@pytest.mark.parametrize(
    "inside", ["2026-11-20T00:00:00+00:00|c", f"2026-11-20T00:00:00|{call_id(1)}", f"x|{call_id(1)}"]
)
def test_a_cursor_needs_an_instant_with_a_zone_and_a_call(inside: str) -> None:
    with pytest.raises(Refused, match="bad_cursor"):
        cursors.read(base64.urlsafe_b64encode(inside.encode()).decode())


@given(st.text(max_size=120))
def test_any_other_text_is_refused(text: str) -> None:
    try:
        key = cursors.read(text)
    except Refused as refused:
        assert (refused.status, refused.key) == (400, "bad_cursor")
    else:
        assert key is not None
        assert key.at.tzinfo is not None


# --- Languages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("", "ja"), ("ja", "ja"), ("en", "en"), ("en-US,en;q=0.9,ja;q=0.8", "en"), ("fr,ja;q=0.2", "ja"),
        ("en;q=0.1, ja;q=0.9", "ja"), ("en;q=0", "ja"), ("EN", "en"), ("*", "ja"), ("en;q=x,ja", "ja"), (",,;;", "ja"),
    ],
)  # fmt: skip
def test_the_best_language_we_have(accept: str, language: str) -> None:
    assert texts.best_language(accept) == language


@given(st.text(max_size=200))
def test_any_header_gives_a_language(accept: str) -> None:
    assert texts.best_language(accept) in texts.LANGUAGES


def test_an_unknown_key_is_its_own_text() -> None:
    assert texts.text("no.such.key", "ja") == "no.such.key"
    assert texts.text("not_found", "fr") == texts.text("not_found", "en")


# --- States ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "reason", "expected"),
    [
        ("available", "", ""),
        ("break", "lunch", "lunch"),
        ("training", "anything", ""),
        ("offline", "", ""),
    ],
)
def test_states_and_reasons(state: str, reason: str, expected: str) -> None:
    assert check_state(state, reason) == (AgentState(state), expected)


# --- Passwords -------------------------------------------------------------------------------------


@pytest.fixture
def cheap() -> Passwords:
    return Passwords(time_cost=1, memory_kib=64)


async def test_a_password_fits_its_own_hash_only(cheap: Passwords) -> None:
    encoded = await cheap.hash("架け橋 and more")
    assert encoded.startswith("$argon2id$")
    assert encoded != await cheap.hash("架け橋 and more")  # salted
    assert await cheap.check("架け橋 and more", encoded)
    assert not await cheap.check("架け橋", encoded)
    assert not await cheap.check("x", "not a hash")
    assert not await cheap.check("nobody has this password", None)
    cheap.close()


async def test_an_unknown_log_in_costs_the_same_work(cheap: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = await cheap.hash("x")
    await cheap.check("x", None)  # makes the stand-in once
    work: list[int] = []
    verify = cheap._verify

    def counted(encoded: str, password: str) -> bool:
        work.append(threading.get_ident())
        return verify(encoded, password)

    monkeypatch.setattr(cheap, "_verify", counted)
    await cheap.check("wrong", encoded)
    await cheap.check("wrong", None)
    assert len(work) == 2
    assert threading.get_ident() not in work  # never on the event loop
    cheap.close()


async def test_log_ins_in_line_are_bounded(cheap: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MAX_WAITING", 1)
    first = asyncio.create_task(cheap.hash("x"))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await cheap.hash("y")
    await first
    await cheap.hash("z")
    cheap.close()
