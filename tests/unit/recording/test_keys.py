from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.errors import CallerError
from cti.domain.model import CallId, TenantId, UniqueId
from recording.keys import (
    NARROW,
    RATES,
    Direction,
    SpoolName,
    object_keys,
    parse_base,
    parse_object_key,
    parse_spool_file,
)

CALL = CallId("0f3a2b1c-1111-4222-8333-444455556666")
call_ids = st.uuids().map(lambda uuid: CallId(str(uuid)))
uniqueids = st.from_regex(r"\A(?:[a-z]{1,8}-)?[0-9]{10}\.[0-9]{1,6}\Z").map(UniqueId)
tenants = st.from_regex(r"\A[a-z0-9][a-z0-9_-]{0,30}\Z").map(TenantId)


@given(call_ids, st.none() | uniqueids, st.sampled_from(Direction), st.sampled_from(list(RATES.values())))
def test_a_spool_name_is_read_back_as_it_was_written(
    call: CallId, uniqueid: UniqueId | None, side: Direction, rate: int
) -> None:
    name = SpoolName(call_id=call, uniqueid=uniqueid, direction=side, rate=rate)
    assert parse_spool_file(name.file_name) == name


def test_the_extension_says_the_rate_and_the_base_is_the_same() -> None:
    wide, narrow = parse_spool_file(f"{CALL}-c-rx.wav16"), parse_spool_file(f"{CALL}-c-rx.wav")
    assert wide is not None
    assert narrow is not None
    assert (wide.rate, narrow.rate) == (16000, 8000)
    assert wide.base == narrow.base
    assert wide.file_name == f"{CALL}-c-rx.wav16"


def test_names_of_the_dialplan_contract() -> None:
    assert parse_spool_file(f"{CALL}-c-rx.wav") == SpoolName(call_id=CALL, uniqueid=None, direction=Direction.RX)
    leg = parse_spool_file(f"{CALL}-a-1795300000.42-tx.wav")
    assert leg == SpoolName(call_id=CALL, uniqueid=UniqueId("1795300000.42"), direction=Direction.TX)
    assert leg.base == f"{CALL}-a-1795300000.42"
    mix = parse_base(f"{CALL}-c")
    assert mix is not None
    assert mix.file_name == f"{CALL}-c.wav"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x.wav",
        f"{CALL}-c.mp3",
        f"{CALL.upper()}-c.wav",
        f"{CALL}-b.wav",
        f"{CALL}-a-.wav",
        f"{CALL}-a-../../etc/passwd.wav",
        f"{CALL}-c-rx-rx.wav",
        f"{CALL}-c-rx.wav8",
        f"{CALL}-c-rx.wav1616",
        f"{CALL}-c-rx.WAV16",
        f"../{CALL}-c.wav",
        f"{CALL}-c.wav\n",
    ],
)
def test_other_files_of_the_spool_are_not_ours(name: str) -> None:
    assert parse_spool_file(name) is None


def test_a_base_with_a_direction_is_no_base() -> None:
    assert parse_base(f"{CALL}-c-rx") is None


@given(tenants, call_ids, st.datetimes(min_value=datetime.fromisoformat("2020-01-01"), timezones=st.just(UTC)))
def test_a_key_is_read_back_as_it_was_written(tenant: TenantId, call: CallId, at: datetime) -> None:
    keys = object_keys(tenant, call, at, suffix=".webm")
    read = parse_object_key(keys.audio)
    assert read is not None
    assert (read.tenant, read.day, read.call_id, read.suffix) == (tenant, at.date(), call, ".webm")
    for other in (keys.manifest, keys.peaks):
        beside = parse_object_key(other)
        assert beside is not None
        assert beside.call_id == call


def test_the_day_of_a_key_is_in_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    keys = object_keys(TenantId("demo"), CALL, datetime(2026, 11, 22, 8, 0, tzinfo=tokyo), suffix=".webm")
    assert keys.audio == f"demo/2026/11/21/{CALL}.webm"


@pytest.mark.parametrize("tenant", ["", "..", "a/b", "Demo", "a b", "テナント", "-a", "a" * 64])
def test_a_tenant_that_could_change_the_key_is_refused(tenant: str) -> None:
    with pytest.raises(CallerError, match="tenant"):
        object_keys(TenantId(tenant), CALL, datetime(2026, 1, 1, tzinfo=UTC), suffix=".webm")


@pytest.mark.parametrize("call", ["", "1", str(UUID(int=7)).upper().replace("0", "A"), f"{CALL}/x"])
def test_a_call_id_that_is_no_uuid_is_refused(call: str) -> None:
    with pytest.raises(CallerError, match="call id"):
        object_keys(TenantId("demo"), CallId(call), datetime(2026, 1, 1, tzinfo=UTC), suffix=".webm")


@pytest.mark.parametrize("key", ["", "demo", f"demo/2026/13/01/{CALL}.webm", f"demo/２０２６/01/01/{CALL}.webm"])
def test_other_keys_are_not_ours(key: str) -> None:
    assert parse_object_key(key) is None


def test_the_mark_of_a_message() -> None:
    name = parse_spool_file(f"{CALL}-m.wav")
    assert name is not None
    assert (name.message, name.uniqueid, name.file_name, name.base) == (True, None, f"{CALL}-m.wav", f"{CALL}-m")
    assert parse_spool_file(f"{CALL}-m-rx.wav") is None
    assert not any(known.message for side in ("c", "a-1.1") if (known := parse_spool_file(f"{CALL}-{side}.wav")))


@given(
    uniqueid=st.from_regex(r"(?:[A-Za-z0-9_.-]{1,64}-)?[0-9]{1,12}\.[0-9]{1,12}", fullmatch=True),
    part=st.integers(0, 99),
    direction=st.sampled_from(Direction),
    rate=st.sampled_from(tuple(RATES.values())),
)
def test_a_further_file_of_a_leg_is_known_by_its_name(
    uniqueid: str, part: int, direction: Direction, rate: int
) -> None:
    name = SpoolName(call_id=CALL, uniqueid=UniqueId(uniqueid), direction=direction, part=part, rate=rate)
    assert parse_spool_file(name.file_name) == name
    assert parse_base(name.base) == replace(name, direction=Direction.BOTH, rate=NARROW)
