from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti.domain.errors import PeerError
from cti.domain.model import AgentId, CallId, TenantId
from recording.lifecycle import RecordingState, Step
from recording.manifest import from_json, to_json
from recording.model import Announcement, CallFacts, Job, Loss, Move, SpoolFile, StoredAudio, Talk
from tests.unit.recording.fakes import CALL, DEMO, T0

text = st.text(max_size=20)
when = st.datetimes(timezones=st.just(UTC))
agents = text.map(AgentId)
jobs = st.builds(
    Job,
    call_id=st.uuids().map(lambda uuid: CallId(str(uuid))),
    tenant=text.map(TenantId),
    state=st.sampled_from(RecordingState),
    arrived_at=when,
    began_at=st.none() | when,
    ended_at=st.none() | when,
    inferred_end=st.booleans(),
    facts=st.builds(
        CallFacts,
        agents=st.lists(agents, max_size=3).map(tuple),
        queue=st.none() | text,
        caller_kind=st.none() | text,
        reservation=st.none() | text,
        end_reason=st.none() | text,
    ),
    announced=st.lists(
        st.builds(Announcement, base=text, agent=st.none() | st.just(AgentId("sato")), at=when), max_size=3
    ).map(tuple),
    talks=st.lists(st.builds(Talk, agent=agents, uniqueid=text, start_at=when, end_at=when), max_size=3).map(tuple),
    files=st.lists(
        st.builds(
            SpoolFile,
            name=text,
            size=st.integers(0, 1 << 40),
            seconds=st.floats(0, 1e5),
            sha256=text,
            salvaged=st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    audio=st.none()
    | st.builds(
        StoredAudio,
        key=text,
        uri=text,
        sha256=text,
        size=st.integers(0, 1 << 40),
        duration_s=st.floats(0, 1e5),
        rate=st.sampled_from([8000, 16000]),
        format=text,
        channels=st.just(2),
        caller_db=st.floats(-96, 0),
        agent_db=st.floats(-96, 0),
        talks=st.lists(st.just({"agent": "sato", "caller_db": -20.5, "silent": ["agent"]}), max_size=2).map(tuple),
        peaks_key=text,
        flags=st.lists(text, max_size=3).map(tuple),
    ),
    losses=st.lists(
        st.builds(
            Loss,
            uniqueid=text,
            caller=st.booleans(),
            began_at=when,
            until_at=st.none() | when,
            lost_s=st.floats(0, 600),
        ),
        max_size=2,
    ).map(tuple),
    reason=text,
    attempts=st.integers(0, 100),
    stored_at=st.none() | when,
    moves=st.lists(
        st.builds(
            Move,
            number=st.integers(1, 99),
            at=when,
            step=st.sampled_from(Step),
            state=st.sampled_from(RecordingState),
            reason=text,
        ),
        max_size=4,
    ).map(tuple),
)


@given(jobs)
def test_a_manifest_is_read_back_as_it_was_written(job: Job) -> None:
    assert from_json(to_json(job)) == job


@given(st.binary(max_size=200))
def test_other_bytes_are_no_manifest(data: bytes) -> None:
    with pytest.raises(PeerError):
        from_json(data)


JOB = Job(call_id=CALL, tenant=DEMO, state=RecordingState.ENDED, arrived_at=T0)


@given(st.integers(0, 400))
def test_half_a_manifest_is_none(length: int) -> None:
    whole = to_json(JOB)
    if length < len(whole):
        with pytest.raises(PeerError):
            from_json(whole[:length])


def test_a_manifest_of_before_there_was_a_disk_guard_is_read() -> None:
    document = json.loads(to_json(JOB))
    del document["refused"], document["pauses"], document["apart"], document["losses"]
    assert from_json(json.dumps(document).encode()) == JOB


@pytest.mark.parametrize(
    "missing", sorted(set(json.loads(to_json(JOB))) - {"refused", "pauses", "apart", "losses", "voicemail_at"})
)
def test_a_manifest_without_one_of_its_keys_is_refused(missing: str) -> None:
    document = json.loads(to_json(JOB))
    del document[missing]
    with pytest.raises(PeerError):
        from_json(json.dumps(document).encode())


def test_a_newer_manifest_may_say_more_but_not_be_of_another_version() -> None:
    document = json.loads(to_json(JOB))
    assert from_json(json.dumps({**document, "more": 1}).encode()) == JOB
    with pytest.raises(PeerError, match="version 2"):
        from_json(json.dumps({**document, "version": 2}).encode())


def test_an_instant_without_a_zone_is_refused() -> None:
    document = json.loads(to_json(JOB))
    document["arrived_at"] = "2026-11-21T01:00:00"
    with pytest.raises(PeerError, match="time zone"):
        from_json(json.dumps(document).encode())


def test_a_manifest_holds_no_number_and_no_name() -> None:
    job = replace(JOB, facts=CallFacts(agents=(AgentId("sato"),), caller_kind="number"))
    assert set(json.loads(to_json(job))["facts"]) == {
        "agents",
        "queue",
        "direction",
        "caller_kind",
        "reservation",
        "end_reason",
    }
