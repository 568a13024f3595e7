"""What the journal says of a call is the call, whatever is known of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cti.domain.events import CallLinked, RecordingStored
from cti.domain.model import (
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    EndedBy,
    EndReason,
    Link,
    LinkConfidence,
    MenuFacts,
    MenuStep,
    OfferOutcome,
    OfferRecord,
    SkillLevel,
    TalkSegment,
    TenantId,
)
from cti.store import journalrecords as records

# PostgreSQL keeps no NUL, so the rows have none, and neither has the journal.
TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12)
WHEN = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NUMBER = st.floats(0, 1e6, allow_nan=False)
NAME = st.text(st.characters(categories=("Ll", "Nd", "Lo")), min_size=1, max_size=4)
LINKS = st.builds(
    Link,
    confidence=st.sampled_from(LinkConfidence),
    score=NUMBER,
    why=TEXT,
    member_id=st.none() | TEXT,
    reservation_id=st.none() | TEXT,
    ticket_id=st.none() | TEXT,
)
MENUS = st.builds(
    MenuFacts,
    menu=NAME,
    language=st.sampled_from(["ja", "en"]),
    path=st.lists(st.builds(MenuStep, node=TEXT, keys=TEXT, label=TEXT), max_size=2).map(tuple),
    is_member=st.none() | st.booleans(),
    reservation_number=st.none() | TEXT,
    reason=st.none() | TEXT,
    queue=st.none() | NAME,
    skills=st.lists(st.builds(SkillLevel, skill=NAME, level=st.integers(1, 5)), max_size=2).map(tuple),
)
OFFERS = st.builds(
    OfferRecord,
    offer_id=NAME,
    agent=NAME,
    reason=TEXT,
    offered_at=WHEN,
    rang_at=st.none() | WHEN,
    ended_at=st.none() | WHEN,
    outcome=st.none() | st.sampled_from(OfferOutcome),
)
TALKS = st.builds(
    TalkSegment,
    agent=NAME,
    offer_id=st.none() | NAME,
    agent_channel=TEXT,
    agent_uniqueid=TEXT,
    answered_at=WHEN,
    ended_at=st.none() | WHEN,
)
CALLS = st.builds(
    Call,
    call_id=st.uuids().map(str),
    tenant=NAME,
    state=st.sampled_from(CallState),
    channel=TEXT,
    uniqueid=TEXT,
    number_called=TEXT,
    caller=st.builds(CallerNumber, kind=st.sampled_from(CallerKind), e164=st.none() | TEXT, national=st.none() | TEXT),
    arrived_at=WHEN,
    menu_at=st.none() | WHEN,
    menu=st.none() | MENUS,
    queue=st.none() | NAME,
    queued_at=st.none() | WHEN,
    offers=st.lists(OFFERS, max_size=2).map(tuple),
    talks=st.lists(TALKS, max_size=2).map(tuple),
    answered_at=st.none() | WHEN,
    held_since=st.none() | WHEN,
    held_s=NUMBER,
    transferred_at=st.lists(WHEN, max_size=2).map(tuple),
    fallback_at=st.none() | WHEN,
    voicemail_at=st.none() | WHEN,
    ended_at=st.none() | WHEN,
    ended_by=st.none() | st.sampled_from(EndedBy),
    end_reason=st.none() | st.sampled_from(EndReason),
    hangup_cause=st.none() | st.integers(0, 127),
    inferred=st.booleans(),
    link=st.none() | LINKS,
    extra=st.dictionaries(TEXT, TEXT, max_size=2),
)
# A call has some forty fields: a hundred of them take seconds on a busy machine.
FEWER = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def through_json(body: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(body))


@FEWER
@given(CALLS)
def test_calls(call: Call) -> None:
    body = through_json(records.call_body(call))
    assert body["kind"] == records.CALL
    assert records.call_from_body(body) == call


@FEWER
@given(CALLS, LINKS, WHEN)
def test_findings(call: Call, link: Link, at: datetime) -> None:
    event = CallLinked(at=at, tenant=call.tenant, call=call, link=link, status="live")
    assert records.finding_from_body(through_json(records.finding_body(event))) == event


@given(LINKS)
def test_links(link: Link) -> None:
    body = through_json(records.link_body(TenantId("demo"), CallId("c"), link))
    assert records.link_from_body(body) == ("demo", "c", link)


@given(WHEN, NUMBER)
def test_recordings(at: datetime, duration_s: float) -> None:
    stored = RecordingStored(
        at=at, tenant=TenantId("demo"), call_id=CallId("c"), uri="s3://b/k", sha256="0" * 64, duration_s=duration_s
    )
    assert records.recording_from_body(through_json(records.recording_body(stored))) == stored


@pytest.mark.parametrize("body", [{}, {"call": {}}, {"call": {"transferred_at": [1]}}, {"call": None}])
def test_what_is_no_call_says_so(body: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError, TypeError, AttributeError)):
        records.call_from_body(body)
