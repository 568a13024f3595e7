"""What every ledger must do, held by the fake and by PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from cti.demo.postgres import RunningPostgres
from cti.domain.errors import CallerError, NotFound, Unavailable
from cti.domain.model import AgentId, CallId, TenantId
from cti.store.migrate import migrate
from cti.store.pool import create_pool
from recording.assemble import moved
from recording.ledger import Ledger, PlaceInList, RecordingFilter
from recording.lifecycle import RecordingState, Step
from recording.model import CallFacts, Job, StoredAudio
from recording.store import PostgresLedger, load_statements
from tests.unit.recording.fakes import CALL, DEMO, MemoryLedger, later

pytestmark = pytest.mark.asyncio(loop_scope="package")

AUDIO = StoredAudio(
    key=f"demo/2026/11/21/{CALL}.webm",
    uri=f"s3://b/demo/2026/11/21/{CALL}.webm",
    sha256="ab" * 32,
    size=123_456,
    duration_s=61.5,
    rate=8000,
    format="webm/opus",
    channels=2,
    caller_db=-20.5,
    agent_db=-21.5,
    talks=({"agent": "sato", "start_s": 1.5, "silent": []},),
    peaks_key="demo/2026/11/21/p.peaks.json",
    flags=("time_put_back",),
)


@pytest_asyncio.fixture(params=["memory", "postgres"], loop_scope="package")
async def ledger(request: pytest.FixtureRequest, postgres: RunningPostgres) -> AsyncIterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    pool = await create_pool(postgres.url, max_size=3)
    await migrate(pool)
    await pool.execute("TRUNCATE recordings CASCADE")
    yield PostgresLedger(pool)
    await pool.close()


def job(number: int = 0, *, state: RecordingState = RecordingState.RECORDING, tenant: TenantId = DEMO) -> Job:
    started = Job(
        call_id=CallId(f"0f3a2b1c-1111-4222-8333-4444555566{number:02d}"),
        tenant=tenant,
        state=RecordingState.EXPECTED,
        arrived_at=later(number * 60),
    )
    return moved(started, state, Step.FILE_ANNOUNCED, at=later(number * 60 + 1))


def stored(number: int = 0, **change: object) -> Job:
    verified = replace(
        job(number, state=RecordingState.VERIFIED),
        ended_at=later(number * 60 + 50),
        began_at=later(number * 60 + 0.5),
        stored_at=later(number * 60 + 52),
        audio=AUDIO,
        facts=CallFacts(agents=(AgentId("sato"), AgentId("suzuki")), queue="members", caller_kind="number"),
    )
    return replace(moved(verified, RecordingState.STORED, Step.STORED, at=later(number * 60 + 52)), **change)  # type: ignore[arg-type]


async def test_what_is_saved_is_found(ledger: Ledger) -> None:
    one = stored()
    await ledger.save(one)
    record = await ledger.get(DEMO, one.call_id)
    assert record == await ledger.find(one.call_id)
    assert (record.state, record.facts, record.arrived_at, record.began_at, record.ended_at, record.stored_at) == (
        RecordingState.STORED,
        one.facts,
        one.arrived_at,
        one.began_at,
        one.ended_at,
        one.stored_at,
    )
    assert record.audio == AUDIO


async def test_what_is_not_there(ledger: Ledger) -> None:
    with pytest.raises(NotFound):
        await ledger.get(DEMO, CALL)
    assert await ledger.find(CALL) is None
    assert await ledger.history(DEMO, CALL) == ()


async def test_another_tenants_recording_is_not_there(ledger: Ledger) -> None:
    await ledger.save(stored())
    with pytest.raises(NotFound):
        await ledger.get(TenantId("other"), stored().call_id)
    assert await ledger.page(TenantId("other"), RecordingFilter()) == ()


async def test_saving_again_changes_nothing(ledger: Ledger) -> None:
    for _ in range(3):
        await ledger.save(stored())
    assert len(await ledger.page(DEMO, RecordingFilter())) == 1
    assert len(await ledger.history(DEMO, stored().call_id)) == 2


async def test_an_older_word_never_replaces_a_newer_one(ledger: Ledger) -> None:
    begun = job()
    ended = moved(begun, RecordingState.ENDED, Step.CALL_ENDED, at=later(9))
    await ledger.save(ended)
    await ledger.save(begun)
    assert (await ledger.get(DEMO, begun.call_id)).state is RecordingState.ENDED


async def test_what_is_stored_is_never_written_over(ledger: Ledger) -> None:
    await ledger.save(stored())
    again = stored()
    for _ in range(5):
        again = moved(again, RecordingState.NOT_RECORDED, Step.NOTHING_THERE, at=later(99), reason="no_file")
    await ledger.save(again)
    assert (await ledger.get(DEMO, again.call_id)).state is RecordingState.STORED


async def test_a_recording_that_was_written_off_can_be_found_again(ledger: Ledger) -> None:
    off = moved(job(), RecordingState.NOT_RECORDED, Step.NOTHING_THERE, at=later(5), reason="no_file")
    await ledger.save(off)
    await ledger.save(moved(off, RecordingState.ENDED, Step.FOUND, at=later(6)))
    assert (await ledger.get(DEMO, off.call_id)).state is RecordingState.ENDED


async def test_the_history_is_in_order(ledger: Ledger) -> None:
    failed = moved(job(), RecordingState.FAILED, Step.FAILED, at=later(7), reason="encoding_failed")
    await ledger.save(failed)
    history = await ledger.history(DEMO, failed.call_id)
    assert [(m.number, m.step, m.state, m.reason) for m in history] == [
        (1, Step.FILE_ANNOUNCED, RecordingState.RECORDING, ""),
        (2, Step.FAILED, RecordingState.FAILED, "encoding_failed"),
    ]
    assert history[1].at == later(7)


async def test_the_list_is_newest_first_page_by_page(ledger: Ledger) -> None:
    for number in (3, 0, 4, 1, 2):
        await ledger.save(stored(number))
    same = replace(stored(2), call_id=CallId("00000000-1111-4222-8333-444455556666"))
    await ledger.save(same)  # the same instant as another: the call id decides
    seen: list[CallId] = []
    after = None
    while page := await ledger.page(DEMO, RecordingFilter(), after=after, limit=2):
        assert len(page) <= 2
        seen += [record.call_id for record in page]
        after = PlaceInList(arrived_at=page[-1].arrived_at, call_id=page[-1].call_id)
    expected = [stored(n).call_id for n in (4, 3, 2)] + [same.call_id] + [stored(n).call_id for n in (1, 0)]
    assert seen == expected


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (RecordingFilter(), [3, 2, 1, 0]),
        (RecordingFilter(since=later(60), until=later(180)), [2, 1]),
        (RecordingFilter(agent=AgentId("suzuki")), [1, 0]),
        (RecordingFilter(queue="roadside"), [1]),
        (RecordingFilter(caller_kind="withheld"), [2]),
        (RecordingFilter(reservation="R-1"), [0]),
        (RecordingFilter(min_duration_s=61.5), [1, 0]),
        (RecordingFilter(max_duration_s=61.5), [2, 0]),
        (RecordingFilter(states=(RecordingState.NOT_RECORDED, RecordingState.TRUNCATED)), [3]),
        (RecordingFilter(flag="one_sided_agent"), [2]),
        (RecordingFilter(call_id=stored(1).call_id), [1]),
        (RecordingFilter(agent=AgentId("suzuki"), queue="members"), [0]),
    ],
)
async def test_filters(ledger: Ledger, wanted: RecordingFilter, numbers: list[int]) -> None:
    zero, one, two = stored(0), stored(1), stored(2)
    await ledger.save(replace(zero, facts=replace(zero.facts, reservation="R-1")))
    await ledger.save(replace(one, facts=replace(one.facts, queue="roadside"), audio=replace(AUDIO, duration_s=100.0)))
    await ledger.save(
        replace(
            two,
            facts=CallFacts(agents=(AgentId("sato"),), caller_kind="withheld"),
            audio=replace(AUDIO, duration_s=10.0, flags=("one_sided_agent",)),
        )
    )
    await ledger.save(moved(job(3), RecordingState.NOT_RECORDED, Step.NOTHING_THERE, at=later(200), reason="no_file"))
    assert [r.call_id for r in await ledger.page(DEMO, wanted)] == [job(n).call_id for n in numbers]


@pytest.mark.parametrize("limit", [0, -1, 201])
async def test_a_page_has_bounds(ledger: Ledger, limit: int) -> None:
    with pytest.raises(CallerError, match="limit"):
        await ledger.page(DEMO, RecordingFilter(), limit=limit)


async def test_what_is_missing_is_listed(ledger: Ledger) -> None:
    await ledger.save(stored(0))
    for number, state in ((1, RecordingState.NOT_RECORDED), (2, RecordingState.FAILED)):
        bad = replace(job(number), ended_at=later(number * 60 + 9))
        await ledger.save(moved(bad, state, Step.FAILED, at=later(200), reason="no_file"))
    missing = await ledger.missing(DEMO, since=later(0))
    assert [(r.call_id, r.reason) for r in missing] == [(job(2).call_id, "no_file"), (job(1).call_id, "no_file")]
    assert await ledger.missing(DEMO, since=later(0) + timedelta(days=1)) == ()


async def test_counts_by_state(ledger: Ledger) -> None:
    await ledger.save(job(0))
    await ledger.save(job(1))
    assert (await ledger.counts())[RecordingState.RECORDING] == 2


async def test_postgres_away_is_unavailable(postgres: RunningPostgres) -> None:
    pool = await create_pool(postgres.url, max_size=1)
    ledger = PostgresLedger(pool)
    await pool.close()
    with pytest.raises(Unavailable):
        await ledger.save(job())
    with pytest.raises(Unavailable):
        await ledger.page(DEMO, RecordingFilter())


async def test_a_database_without_our_tables_makes_recordings_wait(postgres: RunningPostgres) -> None:
    pool = await create_pool(await postgres.make_database("bare"), max_size=1)
    with pytest.raises(Unavailable):
        await PostgresLedger(pool).save(job())
    await pool.close()


async def test_a_call_id_that_is_no_uuid_is_the_callers_mistake(postgres: RunningPostgres) -> None:
    pool = await create_pool(postgres.url, max_size=1)
    with pytest.raises(CallerError, match="not a UUID"):
        await PostgresLedger(pool).get(DEMO, CallId("1; DROP TABLE recordings"))
    await pool.close()


async def test_statements_are_found_by_name() -> None:
    assert load_statements("-- name: one\nSELECT 1\n\n-- name: two\nSELECT 2\n") == {
        "one": "SELECT 1",
        "two": "SELECT 2",
    }
