"""What the four say of each recording: every difference named, everything on its way left alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.demo.tones import tone, write_wav
from cti.domain.errors import PeerError
from cti.domain.model import CallId, TenantId
from recording.lifecycle import REPLAYABLE, SETTLED, RecordingState
from recording.reconcile import (
    CallFacts,
    Difference,
    Kind,
    Known,
    Listed,
    Lying,
    Noted,
    Policy,
    Remedy,
    T,
    compare,
    day_of,
    joined,
)
from recording.reconcilesources import looked_into
from recording.spool import Spool

DEMO = TenantId("demo")
CALL = CallId("5c94eae8-3e26-483c-b40a-17ec5690d6c4")
T0 = datetime(2026, 11, 21, 23, 59, 30, tzinfo=UTC)
POLICY = Policy(now=T0 + timedelta(hours=2), min_unanswered_s=3.0)
SHA = "0" * 64


def stem(call_id: str = CALL, at: datetime = T0) -> str:
    return f"s3://b/demo/{at:%Y/%m/%d}/{call_id}"


def call(call_id: str = CALL, *, lasted_s: float = 60, answered: bool = True, at: datetime = T0) -> CallFacts:
    ended_at = at + timedelta(seconds=lasted_s)
    return CallFacts(tenant=DEMO, call_id=CallId(call_id), arrived_at=at, ended_at=ended_at, answered=answered)


def row(state: RecordingState = RecordingState.STORED, call_id: str = CALL, at: datetime = T0) -> Noted:
    return Noted(
        tenant=DEMO,
        call_id=CallId(call_id),
        state=state,
        arrived_at=at,
        ended_at=at + timedelta(seconds=60),
        key=f"{stem(call_id, at)}.webm",
        size=1000,
        sha256=SHA,
    )


def listed(suffix: str = ".webm", size: int = 1000, call_id: str = CALL, at: datetime = T0) -> Listed:
    return Listed(
        key=stem(call_id, at) + suffix, size=size, tenant=DEMO, day=at.date(), call_id=CallId(call_id), suffix=suffix
    )


def elsewhere(suffix: str = ".webm", size: int = 1000) -> Listed:
    """The same name in another bucket."""
    one = listed(suffix, size)
    return replace(one, key=one.key.replace("s3://b/", "s3://a/"))


FILES = Lying(names=(f"{CALL}-c-rx.wav",), size=2000, changed_at=T0 + timedelta(seconds=60))
ALL = (listed(".json", 9), listed(".peaks.json", 9), listed())


def known(**parts: object) -> Known:
    return Known(call_id=CALL, tenant=DEMO, **parts)  # type: ignore[arg-type]


def verdict(found: Difference | None) -> tuple[Kind, Remedy] | None:
    return (found.kind, found.remedy) if found else None


S = RecordingState
CASES = [
    # all agree
    (known(call=call(), noted=row(), objects=ALL), None),
    (known(call=call(), noted=row(S.SALVAGED), objects=ALL), None),
    (known(noted=row(), objects=ALL), None),
    (known(call=call(), noted=row(S.NOT_RECORDED)), None),
    (known(call=call(answered=False, lasted_s=4.0)), None),  # too short to be kept, or nearly
    # expected, and nowhere
    (known(call=call()), (Kind.MISSING, Remedy.NOTE)),
    (known(call=call(answered=False)), (Kind.MISSING, Remedy.NOTE)),
    (known(call=call(), noted=row(S.RECORDING)), (Kind.MISSING, Remedy.NOTE)),
    (known(call=call(), noted=row(S.UPLOADED)), (Kind.MISSING, Remedy.NONE)),
    # in the spool
    (known(call=call(), lying=FILES), (Kind.UNLEDGERED, Remedy.TAKE_IN)),
    (known(lying=FILES), (Kind.STRANGER, Remedy.NONE)),
    (known(call=call(), noted=row(S.FAILED), lying=FILES), (Kind.UNFINISHED, Remedy.TAKE_IN)),
    (known(call=call(), noted=row(S.NOT_RECORDED), lying=FILES), (Kind.UNFINISHED, Remedy.TAKE_IN)),
    (known(call=call(), noted=row(S.UPLOADED), lying=FILES, objects=ALL), (Kind.UNFINISHED, Remedy.TAKE_IN)),
    # stored, by the ledger's word
    (known(call=call(), noted=row()), (Kind.OBJECT_MISSING, Remedy.NONE)),
    (known(call=call(), noted=row(), objects=ALL[:2]), (Kind.OBJECT_MISSING, Remedy.NONE)),
    (known(call=call(), noted=row(), lying=FILES), (Kind.OBJECT_MISSING, Remedy.STORE_AGAIN)),
    (known(call=call(), noted=row(), objects=(listed(size=999),)), (Kind.OBJECT_DIFFERS, Remedy.NONE)),
    (known(call=call(), noted=row(), objects=(listed(size=999),), lying=FILES), (Kind.OBJECT_DIFFERS, Remedy.NONE)),
    (known(call=call(), noted=row(), objects=ALL, lying=FILES), (Kind.LEFTOVER, Remedy.CLEAR)),
    # of two buckets the ledger says which; what lies in the other would outlive the recording
    (known(call=call(), noted=row(), objects=(elsewhere(), *ALL)), (Kind.UNKNOWN_OBJECT, Remedy.NONE)),
    (known(call=call(), noted=row(), objects=(elsewhere(".peaks.json"), *ALL)), (Kind.UNKNOWN_OBJECT, Remedy.NONE)),
    (known(call=call(), noted=row(), objects=(elsewhere(),)), (Kind.OBJECT_DIFFERS, Remedy.NONE)),
    (known(objects=(listed(), elsewhere(".json"))), (Kind.UNKNOWN_OBJECT, Remedy.NONE)),
    # in the bucket alone
    (known(call=call(), objects=ALL), (Kind.UNKNOWN_OBJECT, Remedy.ADOPT)),
    (known(objects=ALL), (Kind.UNKNOWN_OBJECT, Remedy.ADOPT)),
    (known(objects=(listed(),)), (Kind.UNKNOWN_OBJECT, Remedy.NONE)),
    (known(objects=ALL[:2]), (Kind.UNKNOWN_OBJECT, Remedy.NONE)),
    (known(call=call(), noted=row(S.NOT_RECORDED), objects=ALL), (Kind.UNKNOWN_OBJECT, Remedy.ADOPT)),
]


@pytest.mark.parametrize(("facts", "expected"), CASES)
def test_every_combination_has_its_name(facts: Known, expected: tuple[Kind, Remedy] | None) -> None:
    assert verdict(compare(facts, POLICY)) == expected


@pytest.mark.parametrize("facts", [facts for facts, found in CASES if found and facts.call is not None])
def test_what_is_young_is_on_its_way(facts: Known) -> None:
    """But a stored recording without its object, with another, or with a copy elsewhere is wrong at any age."""
    found = compare(facts, replace(POLICY, now=T0 + timedelta(seconds=100)))
    if found is not None and not (facts.noted is not None and facts.elsewhere):
        assert found.kind in (Kind.OBJECT_MISSING, Kind.OBJECT_DIFFERS)


def test_a_call_that_lives_is_no_difference_however_long_it_is() -> None:
    live = replace(call(), ended_at=None)
    assert compare(known(call=live, noted=row(S.RECORDING), lying=FILES), POLICY) is None
    assert compare(known(call=live), POLICY) is None


@given(
    st.builds(
        Known,
        call_id=st.just(CALL),
        tenant=st.just(DEMO),
        call=st.none() | st.builds(call, answered=st.booleans(), lasted_s=st.floats(0, 4000)),
        noted=st.none() | st.builds(row, st.sampled_from(RecordingState)),
        objects=st.lists(st.sampled_from([*ALL, listed(size=1)]), max_size=3).map(tuple),
        lying=st.none() | st.just(FILES),
    ),
    st.floats(0, 10_000),
)
def test_no_remedy_endangers_sound(facts: Known, age_s: float) -> None:
    found = compare(facts, replace(POLICY, now=T0 + timedelta(seconds=age_s)))
    if found is None:
        return
    stored = facts.noted is not None and facts.noted.state in REPLAYABLE
    if found.remedy is Remedy.CLEAR:
        assert stored and facts.sound is not None and facts.sound.size == facts.noted.size  # type: ignore[union-attr]
    if found.remedy is Remedy.STORE_AGAIN:
        assert stored and facts.sound is None and facts.lying is not None
    if found.remedy is Remedy.NOTE:
        assert facts.lying is None and facts.sound is None and not stored
    if found.remedy is Remedy.ADOPT:
        assert facts.sound is not None and not stored and facts.lying is None
    if found.remedy is Remedy.TAKE_IN:
        assert facts.lying is not None and not stored
    if facts.noted is not None and facts.noted.state in SETTLED and not facts.lying:
        assert found.remedy in (Remedy.NONE, Remedy.ADOPT)


# --- The join --------------------------------------------------------------------------------------------------------


async def stream(items: Iterable[T]) -> AsyncIterator[T]:
    for item in items:
        yield item


async def all_of(calls: list[CallFacts], rows: list[Noted], objects: list[Listed]) -> list[Known]:
    lying = {CALL: FILES}
    return [each async for each in joined(DEMO, stream(calls), stream(rows), stream(objects), lying)]


IDS = [str(UUID(int=n << 64)) for n in (1, 5, 9, 200)]
WHENS = [T0 + timedelta(minutes=n) for n in (-3000, -10, 0, 10)]


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(WHENS), st.sampled_from(IDS)), st.sets(st.sampled_from("cro")), max_size=12
    )
)
async def test_each_recording_comes_once_with_all_that_is_there(plan: dict[tuple[datetime, str], set[str]]) -> None:
    plan = {key: parts for key, parts in plan.items() if parts}
    once = {(day_of(at), call_id): (at, call_id, parts) for (at, call_id), parts in plan.items()}
    ordered = [once[key] for key in sorted(once)]
    calls = [call(c, at=at) for at, c, parts in ordered if "c" in parts]
    rows = [row(call_id=c, at=at) for at, c, parts in ordered if "r" in parts]
    objects = [
        listed(suffix, call_id=c, at=at) for at, c, parts in ordered if "o" in parts for suffix in (".json", ".webm")
    ]
    found = await all_of(calls, rows, objects)
    assert [(f.call_id, f.call is not None, f.noted is not None, len(f.objects)) for f in found] == [
        (c, "c" in parts, "r" in parts, 2 * ("o" in parts)) for _, c, parts in ordered
    ]


async def test_what_lies_in_the_spool_joins_its_call() -> None:
    (found,) = await all_of([call()], [], [])
    assert found.lying is FILES


async def test_a_source_out_of_order_is_refused_because_pairs_would_be_missed() -> None:
    objects = [listed(call_id=IDS[2]), listed(call_id=IDS[0])]
    with pytest.raises(PeerError, match="objects are out of order"):
        await all_of([], [], objects)


def test_what_is_empty_or_broken_is_said_of_each_file(tmp_path: Path) -> None:
    spool = Spool(spool_dir=tmp_path, work_dir=tmp_path)
    assert looked_into(spool, CALL) is None
    for name, seconds in (("c", 1), ("c-rx", 1), ("a-9.2-rx", 0)):
        write_wav(tmp_path / f"{CALL}-{name}.wav", tone(440, seconds))
    (tmp_path / f"{CALL}-a-9.2-tx.wav").write_bytes(b"")
    caller = tmp_path / f"{CALL}-c-rx.wav"
    caller.write_bytes(b"\0" * 44 + caller.read_bytes()[44:])
    (tmp_path / f"{CALL}.manifest.json").write_bytes(b'{"version": 1, "call_')
    found = looked_into(spool, CALL)
    assert found is not None
    assert found.words == (
        "a-9.2-rx.wav (without a sample), a-9.2-tx.wav (empty), c-rx.wav (broken header), c.wav,"
        " its manifest cannot be read"
    )
