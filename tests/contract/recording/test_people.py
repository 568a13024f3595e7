"""Disclosure and erasure on a real PostgreSQL with every table filled, and recordings beside it."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from cti.demo.postgres import RunningPostgres
from cti.domain.callbacks import Callback, CallbackId, CallbackState
from cti.domain.effects import Effect, EffectId, EffectState
from cti.domain.errors import Unavailable
from cti.domain.events import CallEnded, CallLinked
from cti.domain.keeping import Actor
from cti.domain.model import CallId, Link, LinkConfidence, QueueId
from cti.domain.person import Erasure, ErasureState, Person, PersonCalls
from cti.store.audit import AuditStore
from cti.store.calls import CallStore
from cti.store.effects import EffectStore
from cti.store.journal import DiskJournal
from cti.store.linkrecorder import LinkRecorder
from cti.store.links import LinkStore
from cti.store.migrate import migrate
from cti.store.pool import create_pool
from cti.store.recorder import CallRecorder
from cti.wiring.people import KnownPeople, make_people
from recording.keeping import Keeping
from recording.keys import object_keys
from recording.store import PostgresLedger
from recording.sweep import Sweep
from tests.contract.recording.test_ledger import stored
from tests.unit.recording.fakes import DEMO, MemoryObjectStore, later

pytestmark = pytest.mark.asyncio(loop_scope="package")

NUMBER, OTHER = "+819012345678", "+819099990000"
HER = Person(tenant=DEMO, numbers=(NUMBER,), member_id="M-77")
WORDS = "山田様は青い車に乗っている"
# What must be nowhere afterwards.
TRACES = (NUMBER, "090-1234-5678", "M-77", "T-M-77", "R-501", WORDS, "品川300あ1234")


@dataclass
class Desk:
    """A database with two people's calls in every table."""

    pool: asyncpg.Pool[Any]
    objects: MemoryObjectStore = field(default_factory=MemoryObjectStore)
    now: datetime = later(0) + timedelta(days=1)

    @property
    def people(self) -> KnownPeople:
        """As after a start."""
        return make_people(self.pool, self.objects, None, AuditStore(self.pool).add, lambda: self.now)

    @property
    def sweep(self) -> Sweep:
        return Sweep(keeping=Keeping(self.pool), objects=self.objects, now=lambda: self.now,
                     clear_spool=lambda _: None)  # fmt: skip

    async def order(self, person: Person = HER) -> Erasure:
        return await self.people.order(person, by="hogo", address="192.0.2.1", reference="2026-17")

    async def everything(self) -> str:
        """All rows of all tables of the schema but the trail's, as one text."""
        tables = await self.pool.fetch(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        found = []
        for row in tables:
            name = row["table_name"]
            found += [str(tuple(one)) for one in await self.pool.fetch(f'SELECT t::text FROM "{name}" t')]
        return "\n".join(found)


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def database(postgres: RunningPostgres) -> str:
    url = await postgres.make_database("people")
    pool = await create_pool(url, max_size=1)
    await migrate(pool)
    await pool.close()
    return url


@pytest_asyncio.fixture(loop_scope="package")
async def desk(database: str) -> AsyncIterator[Desk]:
    pool = await create_pool(database, max_size=4)
    await pool.execute(
        "TRUNCATE recordings, calls, call_links, call_notes, call_comments, evaluations, call_verifications, callbacks,"
        " effects, outgoing, person_erasures, call_search, evaluation_forms, erased_calls, saved_searches CASCADE"
    )
    await pool.execute("INSERT INTO tenants (tenant, name, time_zone, language) VALUES ('demo', 'd', 'UTC', 'ja')"
                       " ON CONFLICT DO NOTHING")  # fmt: skip
    made = Desk(pool=pool)
    yield made
    await pool.close()


async def a_call(
    desk: Desk, number: int, *, e164: str = NUMBER, member: str = "M-77", stored_too: bool = True
) -> CallId:
    """One call with a row in every table that knows people."""
    one = stored(number)
    call, at, pool = UUID(one.call_id), later(number * 60), desk.pool
    await pool.execute(
        "INSERT INTO calls (tenant, call_id, state, channel, uniqueid, number_called, caller_kind, caller_e164,"
        " caller_national, arrived_at, ended_at, queue, menu, link)"
        " VALUES ('demo', $1, 'ended', 'PJSIP/t', 'u', '+81501', 'number', $2, $3, $4, $4, 'members', $5, $6)",
        call, e164, "090-1234-5678" if e164 == NUMBER else "090-9999-0000", at,
        {"menu": "m", "language": "ja", "path": [{"node": "n", "keys": "R-501", "label": ""}], "is_member": True,
         "reservation_number": "R-501", "reason": None, "queue": None, "skills": []},
        {"confidence": "confirmed", "score": 1.0, "why": "number", "member_id": member, "reservation_id": "R-501",
         "ticket_id": None},
    )  # fmt: skip
    await pool.execute(
        "INSERT INTO call_links (tenant, call_id, at, made_by, confidence, score, why, status, member_id,"
        " reservation_id, plate) VALUES ('demo', $1, $2, 'system', 'confirmed', 1, 'number', 'live', $3, 'R-501',"
        " '品川300あ1234')",
        call, at, member,
    )  # fmt: skip
    await pool.execute("INSERT INTO call_notes VALUES ('demo', $1, 'sato', 1, $2, '{unlock}', $3, $3)", call, WORDS, at)
    await pool.execute(
        "INSERT INTO call_comments VALUES ('demo', $1, gen_random_uuid(), 3, 'qa', $2, $3)", call, WORDS, at
    )
    await pool.execute("INSERT INTO evaluation_forms (tenant, form) VALUES ('demo', 'f') ON CONFLICT DO NOTHING")
    await pool.execute(
        "INSERT INTO evaluation_form_versions VALUES ('demo', 'f', 1, '{}', $1, 'x') ON CONFLICT DO NOTHING", at
    )
    await pool.execute(
        "INSERT INTO evaluations (tenant, evaluation, call_id, agent, form, form_version, evaluator, state, version,"
        " began_at, changed_at, answers, note, tenths) VALUES ('demo', gen_random_uuid(), $1, 'sato', 'f', 1, 'qa',"
        " 'draft', 1, $2, $2, $3, $4, 800)", call, at, {"q": {"value": 4, "comment": WORDS}}, WORDS,
    )  # fmt: skip
    await pool.execute(
        "INSERT INTO call_verifications (tenant, call_id, at, agent, login, member_id, step, result, state)"
        " VALUES ('demo', $1, $2, 'sato', 'sato', $3, 's', 'passed', 'verified')", call, at, member,
    )  # fmt: skip
    await pool.execute(
        "INSERT INTO callbacks (tenant, callback_id, state, version, queue, origin, number, number_called, language,"
        " queued_at, asked_at, ended_at)"
        " VALUES ('demo', $1, 'reached', 1, 'members', $2, $3, '+81501', 'ja', $4, $4, $4)",
        f"{number:032d}", call, e164, at,
    )  # fmt: skip
    effects: tuple[tuple[str, dict[str, str]], ...] = (
        ("callback", {"number": e164}),
        (
            "ticket",
            {
                "call_id": one.call_id,
                "note": WORDS,
                "title": WORDS,
                "member_id": member,
                "category": "c",
                "ticket_id": "",
                "mark": f"T-{member}",
            },
        ),
    )
    for kind, body in effects:
        await pool.execute(
            "INSERT INTO effects VALUES ('demo', $1, $2, 'done', 1, $3, $3, $4)", f"{kind}{number}", kind, at, body
        )
    outgoing: tuple[tuple[int, str, dict[str, object]], ...] = (
        (1, "call.closed", {"caller": {"kind": "number", "e164": e164, "national": "090-1234-5678"}, "queue": "members",
                            "link": {"member_id": member}}),
        (2, "callback.asked", {"number": e164, "queue": "members"}),
    )  # fmt: skip
    for ident, kind, told in outgoing:
        await pool.execute(
            "INSERT INTO outgoing (tenant, id, kind, about, call_id, at, body) VALUES ('demo', $1, $2, $3, $4, $5, $6)",
            number * 10 + ident, kind, str(number), call, at, told,
        )  # fmt: skip
    if stored_too:
        keys = object_keys(one.tenant, one.call_id, one.arrived_at, suffix=".webm")
        sound = b"sound of " + one.call_id.encode()
        for key in (keys.audio, keys.peaks, keys.manifest):
            await desk.objects.put_bytes(key, sound, content_type="audio/webm")
        await PostgresLedger(pool).save(one)
        head = await desk.objects.head(keys.audio)
        await pool.execute(
            "UPDATE recordings SET object_key = $2, uri = $3, sha256 = $4, bytes = $5, reservation = 'R-501'"
            " WHERE call_id = $1", call, keys.audio, desk.objects.uri(keys.audio), head.sha256, head.size,
        )  # fmt: skip
    return one.call_id


async def settle(desk: Desk) -> None:
    """As the server and the recordings' process do in turn."""
    await desk.people.once()
    await desk.sweep.once()
    await desk.people.once()


async def test_what_is_erased_is_nowhere_and_the_others_are_untouched(desk: Desk) -> None:
    calls = [await a_call(desk, number) for number in (1, 2)]
    other = await a_call(desk, 3, e164=OTHER, member="M-1")
    before = await desk.pool.fetch("SELECT queue, caller_kind, arrived_at, ended_at FROM calls ORDER BY call_id")
    everything = await desk.everything()
    assert [trace for trace in TRACES if trace not in everything] == []
    erasure = await desk.order()
    assert (erasure.state, erasure.calls) == (ErasureState.ORDERED, 2)
    await settle(desk)
    done = await desk.people.find(DEMO, erasure.erasure_id)
    assert done is not None
    assert (done.state, done.waiting, dict(done.held)) == (ErasureState.DONE, 0, {})
    assert all(done.counts[name] for name in ("recordings", "notes", "remarks", "evaluations", "verifications"))
    assert all(done.counts[name] for name in ("callbacks", "effects", "outgoing", "links", "calls"))
    # The other person has some of the traces too: take them out, then nothing of hers may be left.
    for table in (
        "calls",
        "call_links",
        "call_notes",
        "call_comments",
        "evaluations",
        "call_verifications",
        "call_search",
    ):
        await desk.pool.execute(f"DELETE FROM {table} WHERE call_id = $1", UUID(other))
    assert NUMBER not in await desk.everything()
    await desk.pool.execute("DELETE FROM effects WHERE effect_id LIKE '%3'")
    await desk.pool.execute("DELETE FROM outgoing WHERE call_id = $1", UUID(other))
    await desk.pool.execute("DELETE FROM recordings WHERE call_id = $1", UUID(other))
    left = await desk.everything()
    assert [trace for trace in TRACES if trace in left] == []
    assert len(desk.objects.objects) == 3  # the other's
    after = await desk.pool.fetch("SELECT queue, caller_kind, arrived_at, ended_at FROM calls ORDER BY call_id")
    assert [tuple(row) for row in after] == [tuple(row) for row in before[:2]]  # reports count the same
    assert await desk.pool.fetchval("SELECT count(*) FROM evaluations WHERE tenths = 800") == 2
    assert await desk.pool.fetchval("SELECT count(*) FROM call_notes WHERE reasons = '{unlock}'") == 2
    for table in ("evaluations", "call_notes"):  # a page that has them open must not save the words again
        assert await desk.pool.fetchval(f"SELECT min(version) FROM {table}") == 2, table
    assert calls


async def test_the_trail_and_the_report_name_nobody(desk: Desk) -> None:
    await a_call(desk, 1)
    erasure = await desk.order()
    await settle(desk)
    sql = "SELECT what, who, which, detail::text AS detail FROM audit WHERE which = $1 ORDER BY id"
    rows = await desk.pool.fetch(sql, erasure.erasure_id)
    assert [(row["what"], row["who"]) for row in rows] == [
        ("person.erasure_ordered", "hogo"),
        ("person.erased", "hogo"),
    ]
    report = str(await desk.people.find(DEMO, erasure.erasure_id)) + "".join(row["detail"] for row in rows)
    assert [trace for trace in TRACES if trace in report] == []
    assert "2026-17" in report
    row = await desk.pool.fetchrow("SELECT numbers, member_id FROM person_erasures")
    assert tuple(row or ()) == ([], None)
    assert await desk.pool.fetchval("SELECT count(*) FROM person_erasure_calls") == 0


async def test_what_is_held_or_goes_on_is_left_whole_and_reported(desk: Desk) -> None:
    free, held, live = [await a_call(desk, number) for number in (1, 2, 3)]
    await desk.pool.execute("UPDATE calls SET ended_at = NULL, state = 'talking' WHERE call_id = $1", UUID(live))
    await Keeping(desk.pool).hold(DEMO, held, Actor(who="legal"), "case", until=None, at=desk.now)
    look = await desk.people.look(HER)  # says so before anything is ordered
    assert ([one.call_id for one in look.held], look.live) == ([held], (live,))
    arrived = await desk.pool.fetchval("SELECT arrived_at FROM recordings WHERE call_id = $1", UUID(held))
    assert look.held[0].arrived_at == arrived is not None
    erasure = await desk.order()
    await settle(desk)
    done = await desk.people.find(DEMO, erasure.erasure_id)
    assert done is not None
    assert dict(done.held) == {held: "held by legal until it is released", live: "the call goes on"}
    assert (done.state, done.calls) == (ErasureState.DONE, 1)
    notes = await desk.pool.fetch("SELECT call_id::text AS call, note FROM call_notes")
    assert {row["call"]: row["note"] for row in notes} == {free: "", held: WORDS, live: WORDS}
    assert await desk.pool.fetchval("SELECT caller_e164 FROM calls WHERE call_id = $1", UUID(held)) == NUMBER


class Dies:
    """A source at which the process ends the first time."""

    name = "dies"

    def __init__(self) -> None:
        self.dead = True

    async def export(self, known: PersonCalls) -> AsyncIterator[dict[str, Any]]:
        yield {"call_ids": list(known.calls)}

    async def erase(self, known: PersonCalls, at: datetime) -> int:
        if self.dead:
            self.dead = False
            raise Unavailable("the lights went out")
        return 0


async def test_an_erasure_survives_a_death_half_way(desk: Desk) -> None:
    await a_call(desk, 1)
    erasure = await desk.order()
    people = desk.people
    people._p.sources.insert(4, Dies())  # type: ignore[attr-defined]
    with pytest.raises(Unavailable):
        await people.once()
    half = await desk.people.find(DEMO, erasure.erasure_id)
    assert half is not None and half.state is ErasureState.ORDERED
    assert await desk.pool.fetchval("SELECT caller_e164 FROM calls") == NUMBER  # links and calls go last
    await settle(desk)  # as after a start
    assert (await desk.people.find(DEMO, erasure.erasure_id) or erasure).state is ErasureState.DONE
    left = await desk.everything()
    assert [trace for trace in TRACES if trace in left] == []


async def test_it_is_not_done_before_the_sound_is_gone(desk: Desk) -> None:
    await a_call(desk, 1)
    erasure = await desk.order()
    desk.objects.down = True
    await settle(desk)
    waits = await desk.people.find(DEMO, erasure.erasure_id)
    assert waits is not None
    assert (waits.state, waits.waiting) == (ErasureState.ORDERED, 1)
    desk.objects.down = False
    desk.now += timedelta(minutes=1)
    await settle(desk)
    assert (await desk.people.find(DEMO, erasure.erasure_id) or waits).state is ErasureState.DONE


async def test_the_disclosure_is_a_whole_archive_with_everything(desk: Desk) -> None:
    call = await a_call(desk, 1)
    silent = await a_call(desk, 2, stored_too=False)
    await a_call(desk, 3, e164=OTHER, member="M-1")
    data = b"".join([piece async for piece in desk.people.export(HER, by="hogo", address="", reference="D-1")])
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    manifest = json.loads(archive.read("manifest.json"))
    assert archive.read(f"recordings/{call}.webm") == b"sound of " + call.encode()
    assert [one["call_id"] for one in manifest["not_included"]] == [silent]
    assert {one["name"] for one in manifest["files"]} == set(archive.namelist()) - {"manifest.json"}
    notes = json.loads(archive.read("data/notes.json"))
    assert [(one["call_id"], one["note"]) for one in notes] == [(call, WORDS), (silent, WORDS)]
    for name in ("callbacks", "effects"):  # found by the call and by the number, and told once
        rows = json.loads(archive.read(f"data/{name}.json"))
        assert len(rows) == (await desk.people.look(HER)).counts[name] == {"callbacks": 2, "effects": 4}[name]
    page = archive.read("index.html").decode()
    assert "通話" in page and "Calls" in page and "D-1" in page and WORDS in page
    assert OTHER not in page
    trail = await desk.pool.fetch("SELECT detail::text AS detail FROM audit WHERE what = 'person.exported'")
    assert trail and NUMBER not in trail[-1]["detail"]


async def test_a_guess_is_not_theirs(desk: Desk) -> None:
    call = await a_call(desk, 1, e164=OTHER)
    await desk.pool.execute("UPDATE call_links SET confidence = 'possible' WHERE call_id = $1", UUID(call))
    found = await desk.people.look(Person(tenant=DEMO, member_id="M-77"))
    assert found.counts["calls"] == 0
    await desk.pool.execute("UPDATE call_links SET confidence = 'likely' WHERE call_id = $1", UUID(call))
    assert (await desk.people.look(Person(tenant=DEMO, member_id="M-77"))).counts["calls"] == 1


class Away:
    """A database that does not answer."""

    async def save(self, *_: Any) -> None:
        raise Unavailable("away")

    async def handle(self, event: CallLinked) -> None:
        raise Unavailable("away")

    def acquire(self, **_: Any) -> Any:
        raise OSError("away")


async def test_a_journal_of_before_brings_nothing_back(desk: Desk, tmp_path: Path) -> None:
    """A server dies with its journals full, another one erases, the first one starts again and writes what it knew."""
    stored_call = await a_call(desk, 1, stored_too=False)
    call = await CallStore(desk.pool).get(DEMO, stored_call)
    assert call is not None and call.caller.e164 == NUMBER
    link = Link(confidence=LinkConfidence.CONFIRMED, score=0.9, why="number", member_id="M-77", reservation_id="R-501")
    call = replace(call, link=link)
    asked = Callback(
        callback_id=CallbackId("c" * 32), tenant=DEMO, queue=QueueId("members"), origin=stored_call, number=NUMBER,
        number_called="+81501", language="ja", queued_at=desk.now, asked_at=desk.now, state=CallbackState.REACHED,
        ended_at=desk.now, version=9,
    )  # fmt: skip
    dialled = Effect(
        effect_id=EffectId("e" * 32), tenant=DEMO, kind="callback", created_at=desk.now, changed_at=desk.now,
        body={"call": stored_call, "number": NUMBER}, state=EffectState.DONE, version=9,
    )  # fmt: skip
    first = CallRecorder(Away(), journal=DiskJournal(tmp_path / "calls"))
    findings = LinkRecorder(Away(), journal=DiskJournal(tmp_path / "links"))
    effects = EffectStore(Away(), DiskJournal(tmp_path / "effects"))  # type: ignore[arg-type]
    for writer in (first, findings):
        writer._journal.begin()
    first.take(CallEnded(at=desk.now, tenant=DEMO, call=call))
    card = {"reservations": {"reservations": [{"reservation_id": "R-501", "vehicle": {"plate": TRACES[-1]}}]}}
    findings.take(CallLinked(at=desk.now, tenant=DEMO, call=call, link=link, status="live", card=card))
    await effects.save(asked, dialled)
    for journal in (first._journal, findings._journal, effects._journal):
        await journal.synced()
        await journal.close()
    assert NUMBER in "".join(path.read_text() for path in tmp_path.rglob("*.journal"))

    desk.now += timedelta(hours=1)
    await desk.order()
    await settle(desk)
    await desk.pool.execute("DELETE FROM outgoing")  # as [retention] does: what is told again is told anew
    calls = CallRecorder(CallStore(desk.pool), journal=DiskJournal(tmp_path / "calls"))
    links = LinkRecorder(LinkStore(desk.pool), journal=DiskJournal(tmp_path / "links"))
    outbox = EffectStore(desk.pool, DiskJournal(tmp_path / "effects"))
    assert [await one.recover() for one in (calls, links, outbox)] == [1, 1, 2]
    for one in (calls, links, outbox):
        await one.start()
    async with asyncio.timeout(20):
        await calls.settled()
        await links.settled()
        while outbox.waiting:
            await asyncio.sleep(0.02)
    for one in (calls, links, outbox):
        await one.stop()
    assert await desk.pool.fetchval("SELECT count(*) FROM callbacks WHERE version = 9") == 1  # it was written
    assert await desk.pool.fetchval("SELECT count(*) FROM outgoing") > 0
    left = await desk.everything()
    assert [trace for trace in TRACES if trace in left] == []


async def test_a_held_call_keeps_its_callback_and_its_ticket(desk: Desk) -> None:
    held = await a_call(desk, 1)
    await Keeping(desk.pool).hold(DEMO, held, Actor(who="legal"), "case", until=None, at=desk.now)
    await desk.order()
    await settle(desk)
    assert await desk.pool.fetchval("SELECT number FROM callbacks") == NUMBER
    assert await desk.pool.fetchval("SELECT body ->> 'note' FROM effects WHERE kind = 'ticket'") == WORDS


async def test_by_member_the_orders_to_dial_of_their_calls_go_too(desk: Desk) -> None:
    call = await a_call(desk, 1, e164=OTHER)
    body = {"call": call, "number": OTHER}
    await desk.pool.execute("INSERT INTO effects VALUES ('demo', 'o', 'outbound', 'done', 1, now(), now(), $1)", body)
    await desk.order(Person(tenant=DEMO, member_id="M-77"))
    await settle(desk)
    assert await desk.pool.fetchval("SELECT body ->> 'number' FROM effects WHERE kind = 'outbound'") == ""


async def test_a_search_kept_for_their_number_goes_and_the_others_stay(desk: Desk) -> None:
    await desk.pool.execute(
        "INSERT INTO users (tenant, login, name, password_hash, roles) VALUES ('demo', 'qa', 'q', 'x', '{qa}')"
        " ON CONFLICT DO NOTHING"
    )
    for name, query in (("hers", "number=090-1234-5678"), ("his", "number=090-9999-0000"), ("all", "queue=members")):
        await desk.pool.execute("INSERT INTO saved_searches VALUES ('demo', 'qa', $1, $2, now())", name, query)
    await a_call(desk, 1)
    await desk.order()
    await settle(desk)
    kept = await desk.pool.fetch("SELECT name FROM saved_searches ORDER BY name")
    assert [row["name"] for row in kept] == ["all", "his"]


async def test_whom_an_agent_asked_outside_is_disclosed_to_nobody_else(desk: Desk) -> None:
    call = await a_call(desk, 1)
    await desk.pool.execute(
        "UPDATE calls SET passages = $2 WHERE call_id = $1", UUID(call), {"consultations": [{"outside": OTHER}]}
    )
    data = b"".join([piece async for piece in desk.people.export(HER, by="hogo", address="", reference="D-2")])
    assert OTHER not in zipfile.ZipFile(io.BytesIO(data)).read("data/calls.json").decode()


async def test_what_was_written_about_a_recording_goes_with_it_and_figures_stay(desk: Desk) -> None:
    gone, kept = await a_call(desk, 1), await a_call(desk, 2)
    await desk.pool.execute(
        "UPDATE recordings SET retain_rule = '', retain_until = $2 WHERE call_id = $1", gone, desk.now
    )
    await desk.sweep.once()
    rows = await desk.pool.fetch("SELECT call_id, note, answers::text AS said, tenths, version FROM evaluations")
    scores = {str(row["call_id"]): row for row in rows}
    assert (scores[gone]["note"], scores[gone]["tenths"], scores[gone]["version"]) == ("", 800, 2)
    assert WORDS not in scores[gone]["said"] and '"value": 4' in scores[gone]["said"]
    assert (scores[kept]["note"], scores[kept]["version"]) == (WORDS, 1)
    remarks = await desk.pool.fetch("SELECT call_id FROM call_comments")
    assert [str(row["call_id"]) for row in remarks] == [kept]
    # The agent's own note is about the call and has a time of its own.
    assert await desk.pool.fetchval("SELECT count(*) FROM call_notes") == 2
