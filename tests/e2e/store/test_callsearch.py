"""Searching contact records on a real PostgreSQL: what is found, in which order, and what keeps it true."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from cti.domain.aftercall import CallNote
from cti.domain.callsearch import COUNT_MOST, CallWanted
from cti.domain.errors import CallerError
from cti.domain.events import CallLinked
from cti.domain.model import AgentId, Call, CallerKind, CallerNumber, CallId, Link, LinkConfidence, TenantId
from cti.store.aftercall import AftercallStore
from cti.store.calls import CallStore
from cti.store.callsearch import CallSearch
from cti.store.links import LinkStore
from cti.store.searchfill import SearchFiller
from tests.e2e.pages.records import closed_call

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
DEMO = TenantId("demo")


async def ids(search: CallSearch, tenant: TenantId = DEMO, **wanted: Any) -> list[str]:
    found = await search.page(tenant, CallWanted(**wanted))
    return [str(row["call_id"]) for row in found.rows]


async def note(pool: asyncpg.Pool[Any], call: Call, text: str, *reasons: str, agent: str = "sato") -> None:
    wanted = CallNote(
        tenant=call.tenant, call_id=call.call_id, agent=AgentId(agent), version=0, note=text, reasons=reasons,
        changed_at=NOW,
    )  # fmt: skip
    await AftercallStore(pool).save(wanted, NOW)


async def recorded(
    pool: asyncpg.Pool[Any], call: Call, *, state: str = "stored", duration_s: float | None = 90.0
) -> None:
    await pool.execute(
        "INSERT INTO recordings (tenant, call_id, state, moves, arrived_at, agents, duration_s, silence_s)"
        " VALUES ($1, $2, $3, 1, $4, '{sato}', $5::float8, $5::float8 * 0.25)",
        call.tenant, call.call_id, state, call.arrived_at, duration_s,
    )  # fmt: skip


async def test_a_record_is_found_by_everything_that_is_known_of_it(database: asyncpg.Pool[Any]) -> None:
    search = CallSearch(database)
    call = replace(closed_call(1, NOW), transferred_at=(NOW + timedelta(seconds=50),))
    other = replace(
        closed_call(2, NOW - timedelta(days=1), agent="suzuki"), caller=CallerNumber(kind=CallerKind.WITHHELD)
    )
    await CallStore(database).save([call, other])
    await note(database, call, "アプリで解錠できない。\nﾚｯｶｰを手配", "unlock.app")
    await recorded(database, call)
    link = Link(
        confidence=LinkConfidence.CONFIRMED,
        score=1.0,
        why="both",
        member_id="M-1",
        reservation_id="R-77",
        ticket_id="T-5",
    )
    card = {
        "members": {"members": [{"member_id": "M-1", "company": "架け橋商事"}]},
        "reservations": {"reservations": [{"reservation_id": "R-77", "vehicle": {"plate": "品川 500 わ 12-34"}}]},
    }
    await LinkStore(database).handle(CallLinked(at=NOW, tenant=DEMO, call=call, link=link, status="live", card=card))
    this, that = [str(call.call_id)], [str(other.call_id)]
    assert await ids(search) == this + that
    for wanted, found in (
        ({"text": "解錠"}, this), ({"text": "レッカー あぷり"}, this), ({"text": "レッカー 延長"}, []),
        ({"text": "ない。レ"}, []),  # words do not reach over a line
        ({"plate": "１２－３４"}, this), ({"plate": "品川500わ"}, this), ({"plate": "99-99"}, []),
        ({"plate": "品川500わ1234"}, this), ({"plate": "500わ34"}, []), ({"plate": "34", "since": NOW}, this),
        ({"plate": "1234", "until": NOW}, []), ({"plate": "1234", "until": NOW + timedelta(weeks=3)}, this),
        ({"digits": "12345678"}, this), ({"digits": "81901"}, this), ({"digits": "555"}, []),
        # Whole, without the country, without an end or both: any part, though an index of its own finds it.
        ({"digits": "819012345678"}, this), ({"digits": "9012345678"}, this), ({"digits": "8190123456"}, this),
        ({"digits": "190123456"}, this), ({"digits": "9012345679"}, []), ({"digits": "0819012345678"}, []),
        ({"digits": "9012345678", "since": NOW}, this), ({"digits": "9012345678", "until": NOW}, []),
        ({"digits": "9012345678", "text": "レッカー"}, this), ({"digits": "9012345678", "caller": "withheld"}, []),
        ({"caller": "company"}, this), ({"caller": "withheld"}, that), ({"caller": "unknown"}, []),
        ({"reservation": "R-77"}, this), ({"reservation": "48120017"}, this + that), ({"ticket": "T-5"}, this),
        ({"reasons": ("unlock.app", "other")}, this), ({"agent": "sato"}, this), ({"agent": "suzuki"}, that),
        ({"queue": "roadside"}, this + that), ({"queue": "members"}, []), ({"result": "completed"}, this + that),
        ({"statuses": ("stored",)}, this), ({"statuses": ("none", "failed")}, that), ({"direction": "outbound"}, []),
        ({"min_length_s": 80.0, "max_length_s": 90.0}, this), ({"min_length_s": 94.0}, that),
        ({"min_silence": 0.2, "max_silence": 0.3}, this), ({"min_silence": 0.26}, []), ({"max_silence": 1.0}, this),
        ({"min_transfers": 1}, this), ({"max_transfers": 0}, that),
        ({"since": NOW}, this), ({"until": NOW}, that),
    ):  # fmt: skip
        assert await ids(search, **wanted) == found, wanted
        # The same through the index of tokens alone, and with every place in the list of its own.
        assert await ids(CallSearch(database, looked_at=1), **wanted) == found, wanted
        # A number with more calls than its own index is asked for.
        assert await ids(CallSearch(database, looked_at=1, of_number=0), **wanted) == found, wanted
    for wanted in ({}, {"digits": "9012345678"}):
        assert await ids(search, TenantId("other"), **wanted) == []
    assert await search.count(DEMO, CallWanted(text="解錠")) == (1, None)


async def test_what_changes_in_a_record_changes_what_finds_it(database: asyncpg.Pool[Any]) -> None:
    search, call = CallSearch(database), closed_call(1, NOW)
    await CallStore(database).save([call])
    await note(database, call, "鍵を紛失")
    assert await ids(search, text="紛失") == [str(call.call_id)]
    await database.execute("UPDATE call_notes SET note = ''")  # as retention does it
    assert await ids(search, text="紛失") == []
    assert "紛失" not in str(await database.fetch("SELECT * FROM call_search"))
    await recorded(database, call, state="ended", duration_s=None)
    assert await ids(search, statuses=("pending",)) == [str(call.call_id)]
    await database.execute("UPDATE recordings SET state = 'stored', duration_s = 30")
    assert await ids(search, statuses=("stored",), max_length_s=30.0) == [str(call.call_id)]
    await database.execute("DELETE FROM calls; DELETE FROM recordings")
    assert await database.fetchval("SELECT count(*) FROM call_search") == 0


async def test_two_who_change_parts_of_one_call_at_once_lose_nothing(database: asyncpg.Pool[Any]) -> None:
    call = closed_call(1, NOW)
    await CallStore(database).save([call])

    async def write(number: int) -> None:
        await note(database, call, f"番号{number:04d}", agent=f"agent{number}")

    await asyncio.gather(*(write(number) for number in range(20)), recorded(database, call))
    row = await database.fetchrow("SELECT words, status FROM call_search")
    assert row is not None
    assert sorted(row["words"].split()) == [f"番号{number:04d}" for number in range(20)]
    assert row["status"] == "stored"


def brute(calls: Sequence[tuple[Call, str]], wanted: CallWanted) -> list[str]:
    fit = [
        call
        for call, words in calls
        if all(word in words for word in wanted.words())
        and (wanted.agent is None or any(talk.agent == wanted.agent for talk in call.talks))
        and (wanted.digits is None or wanted.digits in (call.caller.e164 or ""))
        and (wanted.since is None or call.arrived_at >= wanted.since)
        and (wanted.until is None or call.arrived_at < wanted.until)
    ]
    return [str(c.call_id) for c in sorted(fit, key=lambda c: (c.arrived_at, c.call_id), reverse=True)]


async def test_pages_together_are_all_that_fit(database: asyncpg.Pool[Any]) -> None:
    """Records over two years, some at the same instant; page by page, however few rows are looked at first."""
    chance = random.Random(7)
    words = ["解錠", "延長", "事故", "返却", "鍵を紛失", "充電"]
    numbers = ["+819012345678", "+819012345679", "+81366660100"]
    made: list[tuple[Call, str]] = []
    for number in range(1, 161):
        at = NOW - timedelta(days=chance.randrange(0, 700, 7), hours=chance.choice((0, 0, 5)))
        call = closed_call(number, at, agent=chance.choice(("sato", "suzuki", "ito")))
        caller = replace(call.caller, e164=chance.choice(numbers))
        made.append((replace(call, caller=caller), "".join(chance.sample(words, 2))))
    await CallStore(database).save([call for call, _ in made])
    for call, said in made:
        await note(database, call, said)
    year = {"since": NOW - timedelta(days=500), "until": NOW - timedelta(days=100)}
    asked = [
        CallWanted(**one, limit=9)
        for one in (
            {"text": "解錠"}, {"text": "鍵を 充電"}, {"text": "事故", "agent": "ito"}, {"agent": "sato"},
            {"text": "ない言葉"}, {"digits": "9012345678"}, {"digits": "901234567", "agent": "ito"}, {"digits": "5678"},
            {"digits": "366660100", "text": "事故"}, {"text": "解錠", **year}, {"digits": "9012345678", **year},
        )
    ]  # fmt: skip
    for looked_at, of_number in ((1, 0), (7, 20), (4_000, 200)):
        search = CallSearch(database, looked_at=looked_at, of_number=of_number)
        for wanted in asked:
            found: list[str] = []
            page = wanted
            while rows := (await search.page(DEMO, page)).rows:
                found += [str(row["call_id"]) for row in rows]
                page = replace(page, after=(rows[-1]["arrived_at"], CallId(str(rows[-1]["call_id"]))))
            assert found == brute(made, wanted), (looked_at, of_number, wanted)
            assert (await search.count(DEMO, wanted))[0] == len(found) <= COUNT_MOST


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"text": "鍵"}, "2 signs"),
        ({"digits": "09"}, "3 digits"),
        ({"text": "ああ " * 9}, "8 words"),
        ({"plate": " - - "}, "2 signs"),
    ],
)
async def test_what_no_index_finds_is_refused(database: asyncpg.Pool[Any], wanted: Any, problem: str) -> None:
    with pytest.raises(CallerError, match=problem):
        await CallSearch(database).page(DEMO, CallWanted(**wanted))


async def test_hostile_words_are_only_words(database: asyncpg.Pool[Any]) -> None:
    await CallStore(database).save([closed_call(1, NOW)])
    for text in ("'; DROP TABLE calls; --", "%%", "\\\\", "$1", "{}", "🚗🚗"):
        assert await ids(CallSearch(database), text=text) == []
    assert await database.fetchval("SELECT count(*) FROM calls") == 1


async def test_records_of_before_are_put_in_newest_first_and_a_broken_off_filling_goes_on(
    database: asyncpg.Pool[Any],
) -> None:
    calls = [closed_call(n, NOW - timedelta(minutes=25 * n)) for n in range(1, 8)]
    await database.execute("INSERT INTO tenants VALUES ('demo', 'demo', 'Asia/Tokyo', 'ja')")
    await CallStore(database).save(calls)
    await database.execute("DELETE FROM call_search; UPDATE call_search_filled SET arrived_at = 'infinity'")
    search, filler = CallSearch(database), SearchFiller(database, pause_s=0)
    assert (await search.count(DEMO, CallWanted()))[1] is not None
    first = await filler.step()
    assert first == (calls[0].arrived_at, 3)
    assert await ids(search) == [call.call_id for call in calls[:3]]
    many, to = await search.count(DEMO, CallWanted())
    assert many == 3
    assert to is not None
    assert calls[3].arrived_at < to <= calls[2].arrived_at
    heard: list[int] = []
    assert await SearchFiller(database, pause_s=0).run(lambda _, done: heard.append(done)) == 4
    assert heard == [3, 4]
    assert await ids(search) == [call.call_id for call in calls]
    assert await search.count(DEMO, CallWanted()) == (7, None)
    assert await filler.step() is None
