"""Facts on the bus become figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cti.domain.events import (
    AsteriskReachable,
    CallAnswered,
    CallArrived,
    CallEnded,
    OfferEnded,
    RecordingMissing,
)
from cti.domain.model import (
    AgentId,
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    EndReason,
    OfferId,
    OfferOutcome,
    QueueId,
    TalkSegment,
    TenantId,
    UniqueId,
)
from cti.metrics import Metrics

T0 = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
DEMO = TenantId("demo")
CALL = Call(
    call_id=CallId("c"), tenant=DEMO, state=CallState.QUEUED, channel=ChannelName("PJSIP/t-1"),
    uniqueid=UniqueId("1.1"),
    number_called="+81501234500", caller=CallerNumber(kind=CallerKind.WITHHELD), arrived_at=T0,
    queue=QueueId("members"), queued_at=T0 + timedelta(seconds=4),
)  # fmt: skip


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_call_is_counted_from_arrival_to_end() -> None:
    metrics = Metrics()
    metrics.handle(CallArrived(at=T0, tenant=DEMO, call=CALL))
    assert value(metrics, "kakehashi_calls_live", tenant="demo") == 1
    answered = T0 + timedelta(seconds=16)
    talk = TalkSegment(agent=AgentId("sato"), offer_id=None, agent_channel=ChannelName("c"),
                       agent_uniqueid=UniqueId("u"), answered_at=answered)  # fmt: skip
    talking = replace(CALL, talks=(talk,))
    metrics.handle(CallAnswered(at=answered, tenant=DEMO, call=talking, agent=AgentId("sato"), offer_id=None))
    end = replace(talking, ended_at=T0 + timedelta(seconds=76), end_reason=EndReason.COMPLETED)
    metrics.handle(CallEnded(at=T0 + timedelta(seconds=76), tenant=DEMO, call=end))
    queue = {"tenant": "demo", "queue": "members"}
    assert value(metrics, "kakehashi_calls_live", tenant="demo") == 0
    assert value(metrics, "kakehashi_wait_seconds_sum", **queue) == 12
    assert value(metrics, "kakehashi_talk_seconds_sum", **queue) == 60
    assert value(metrics, "kakehashi_calls_ended_total", **queue, reason="completed") == 1


def test_offers_and_the_link_to_asterisk_are_counted() -> None:
    metrics = Metrics()
    for outcome in OfferOutcome:
        metrics.handle(OfferEnded(at=T0, tenant=DEMO, call=CALL, offer_id=OfferId("o"), agent=AgentId("a"),
                                  outcome=outcome))  # fmt: skip
        assert value(metrics, "kakehashi_offers_ended_total", tenant="demo", outcome=outcome.value) == 1
    metrics.handle(AsteriskReachable(at=T0, tenant=TenantId(""), up=True))
    assert value(metrics, "kakehashi_asterisk_up") == 1
    metrics.handle(AsteriskReachable(at=T0, tenant=TenantId(""), up=False))
    assert value(metrics, "kakehashi_asterisk_up") == 0


def test_two_of_them_do_not_share_figures_and_the_text_names_them_all() -> None:
    one, two = Metrics(), Metrics()
    one.sockets.set(3)
    assert value(two, "kakehashi_sockets") == 0
    text = one.render().decode()
    assert "kakehashi_sockets 3.0" in text
    assert "# HELP kakehashi_recordings_waiting" in text
    one.logins.labels("ok").inc()
    assert "_created" not in one.render().decode()


def test_a_missing_recording_is_counted_by_its_reason() -> None:
    metrics = Metrics()
    missing = RecordingMissing(at=T0, tenant=DEMO, call_id=CallId("c"), reason="no_file")
    metrics.handle(missing)
    metrics.handle(missing)
    assert value(metrics, "kakehashi_recordings_failed_total", why="no_file") == 2.0
