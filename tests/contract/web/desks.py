"""Two desks in one database, each with calls, sound, remarks, scores, holds, orders to erase and messages of its own.

Everything of a desk carries its own words, so that what comes out of the other's log-ins can be looked through.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg

from cti.domain import evaluationsteps as steps
from cti.domain.evaluation import Evaluation
from cti.domain.events import RecordingStored
from cti.domain.keeping import Actor
from cti.domain.listening import Comment, SavedSearch
from cti.domain.model import AgentId, CallId, TenantId, UserLogin
from cti.domain.person import Person
from cti.domain.sampling import RuleKind
from cti.domain.samplingrun import SampleItem, SampleRun
from cti.store.calls import CallStore
from cti.store.evaluationforms import EvaluationFormStore
from cti.store.evaluations import EvaluationStore
from cti.store.evaluationsamples import EvaluationSampleStore
from cti.store.listening import ListeningStore
from cti.wiring.people import KnownPeople
from recording.keeping import Keeping
from recording.keys import object_keys
from recording.model import CallFacts
from recording.store import PostgresLedger
from tests.contract.recording.test_ledger import AUDIO, stored
from tests.unit.domain.evaluations import FORM, FULL, evaluation
from tests.unit.recording.fakes import MemoryObjectStore
from tests.unit.web.fakes import T0, closed_call

SECOND_FORM = "second"


@dataclass(frozen=True, kw_only=True)
class Things:
    """What one call of a desk has, by what the table of routes calls it in its paths."""

    call_id: CallId  # with sound, a remark and scores
    kept: CallId  # another one, under a legal hold
    number: str  # both calls' caller, E.164
    comment_id: str  # by ``login``
    hold: int
    draft: str  # scores: by ``login`` …
    other_draft: str
    submitted: str  # … of the agent's work, by somebody else
    disputed: str
    erasure: str
    search: str  # a search that ``login`` keeps
    marks: tuple[bytes, ...]  # what only this desk's answers may hold; the caller's number first


def words_of(tenant: str) -> str:
    """What is written in every text of a desk."""
    return f"words-of-{tenant}-alone"


def sound_of(tenant: str) -> bytes:
    """What every recording of a desk sounds like."""
    return f"sound of {tenant} ".encode() * 300


@dataclass
class TwoDesks:
    """Fills them."""

    pool: asyncpg.Pool[Any]
    objects: MemoryObjectStore
    people: KnownPeople

    async def forms(self, tenant: TenantId) -> None:
        """Two forms to score on."""
        for form in ("members", SECOND_FORM):
            await EvaluationFormStore(self.pool).publish(tenant, form, FORM, after=0, by="t", note="", at=T0)

    async def things(self, tenant: TenantId, login: str, n: int) -> Things:
        """The ``n``-th call of a desk, its own for ``login``."""
        number = f"+8190{'1' if tenant == 'demo' else '7'}{n:03d}5678"
        first, second = [await self._call(tenant, number, 2 * n + at) for at in (0, 1)]
        words = words_of(tenant)
        remark = Comment(
            comment_id=str(uuid4()), at_s=3, author=UserLogin(login), author_name="", body=words, created_at=T0
        )
        await ListeningStore(self.pool).add_comment(tenant, first, remark)
        search = SavedSearch(name=f"search-{n}", query=f"text={words}")
        await ListeningStore(self.pool).save_search(tenant, UserLogin(login), search, T0)
        actor = Actor(who=login, address="")
        hold = await Keeping(self.pool).hold(tenant, second, actor, words, until=None, at=T0)
        nobody = Person(tenant=tenant, numbers=("+81300000000",), member_id=None)
        erasure = await self.people.order(nobody, by=login, address="", reference=words)
        await self._sample(tenant, login, first)
        scores = await self._scores(tenant, login, first, words)
        return Things(
            call_id=first, kept=second, number=number, comment_id=remark.comment_id, hold=hold.hold_id,
            erasure=erasure.erasure_id, search=search.name,
            marks=(number[3:].encode(), words.encode(), sound_of(tenant), first.encode(), second.encode()),
            **scores,
        )  # fmt: skip

    async def _call(self, tenant: TenantId, number: str, n: int) -> CallId:
        call_id = CallId(str(uuid4()))
        call = closed_call(n + 1)
        caller = replace(call.caller, e164=number, national=f"0{number[3:]}")
        keys = object_keys(tenant, call_id, call.arrived_at, suffix=".webm")
        sound = sound_of(tenant)
        peaks = {"bucket_ms": 50, "peaks": [[-1, 1], [-2, 2]], "silences": []}
        await self.objects.put_bytes(keys.audio, sound, content_type="audio/webm")
        await self.objects.put_bytes(keys.peaks, json.dumps(peaks).encode(), content_type="application/json")
        audio = replace(
            AUDIO, key=keys.audio, uri=self.objects.uri(keys.audio), peaks_key=keys.peaks, size=len(sound),
            sha256=hashlib.sha256(sound).hexdigest(), silence_s=12.5,
        )  # fmt: skip
        told = RecordingStored(
            at=T0, tenant=tenant, call_id=call_id, uri=audio.uri, sha256=audio.sha256, duration_s=audio.duration_s
        )
        own = replace(call, tenant=tenant, call_id=call_id, caller=caller)
        await CallStore(self.pool).save([own], recordings=[told])
        facts = CallFacts(agents=(AgentId("sato"),), queue="members", caller_kind="number")
        await PostgresLedger(self.pool).save(
            stored(0, tenant=tenant, call_id=call_id, arrived_at=call.arrived_at, audio=audio, facts=facts)
        )
        return call_id

    async def _scores(self, tenant: TenantId, login: str, call_id: CallId, words: str) -> dict[str, str]:
        """Two drafts of this person's, a score that the agent can dispute and one that they have."""
        store, made = EvaluationStore(self.pool), {}
        for name, evaluator, agent, form in (
            ("draft", login, "suzuki", "members"),
            ("other_draft", login, "suzuki", SECOND_FORM),
            ("submitted", "third", "sato", "members"),
            ("disputed", "fourth", "sato", "members"),
        ):
            row = draft_of(tenant, call_id, evaluator, agent, form)
            begun = await store.begin(row)
            saved = await store.put(steps.save(begun, FORM, FULL, words, T0))
            if name in ("submitted", "disputed"):
                saved = await store.put(steps.submit(saved, FORM, T0 - timedelta(hours=1)))
            if name == "disputed":
                saved = await store.put(steps.dispute(saved, FORM, words, T0))
            made[name] = saved.evaluation_id
        return made

    async def _sample(self, tenant: TenantId, login: str, call_id: CallId) -> None:
        run = SampleRun(
            sample_id=uuid4().hex, form_id="members", seed=words_of(tenant), plan=[], since=T0, until=T0,
            candidates=1, short={}, made_at=T0, made_by=login,
        )  # fmt: skip
        item = SampleItem(
            sample_id=run.sample_id, form_id="members", place=1, call_id=call_id, agent=AgentId("sato"),
            because=RuleKind.RANDOM, assignee=login,
        )  # fmt: skip
        await EvaluationSampleStore(self.pool).add(tenant, run, [item])


def draft_of(tenant: TenantId, call_id: CallId, evaluator: str, agent: str, form: str) -> Evaluation:
    """A draft as it begins."""
    return replace(
        evaluation(1, evaluator=evaluator, answers={}), evaluation_id=uuid4().hex, tenant=tenant, call_id=call_id,
        agent=AgentId(agent), form_id=form, began_at=T0 - timedelta(hours=2), changed_at=T0 - timedelta(hours=2),
    )  # fmt: skip


async def rows_of(pool: asyncpg.Pool[Any], tenant: str) -> set[str]:
    """Every row of every table that names the desk, as text."""
    tables = await pool.fetch(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'tenant'"
    )
    found: set[str] = set()
    for row in tables:
        name = row["table_name"]
        rows = await pool.fetch(f'SELECT t::text FROM "{name}" t WHERE tenant = $1', tenant)
        found |= {f"{name}: {one['t']}" for one in rows}
    return found
