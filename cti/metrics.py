"""Every figure of the application, in one place and one registry.

Parts that may import this take ``Metrics`` as an argument; what the others do is counted from the facts on the
bus, by ``handle``. Labels are few and closed (tenants, queues, outcomes): no agent, no call, no number.
"""

from __future__ import annotations

from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from cti.domain.events import (
    AsteriskReachable,
    CallAnswered,
    CallArrived,
    CallEnded,
    CallFellBack,
    CallLinked,
    Event,
    OfferEnded,
    RecordingMissing,
    RecordingStored,
)
from cti.domain.model import Call

CONTENT_TYPE = CONTENT_TYPE_LATEST
# Half the text would be instants of creation, which nobody draws.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own

# From a bus hand-over (tens of microseconds) to a stalled event loop (a second).
_FAST_S = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)
# From a query to a look-up's last chance.
_PEER_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 3.0, 10.0)
# What callers feel, around the usual service levels.
_WAIT_S = (1.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0)
_TALK_S = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0)


class Metrics:
    """The figures. One object a process, made by the composition root."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.up = Gauge("kakehashi_part_ready", "1: this part is ready", ["part"], registry=r)
        self.asterisk_up = Gauge("kakehashi_asterisk_up", "1: the link to Asterisk is up", registry=r)
        self.ami_events = Counter("kakehashi_ami_events", "AMI events read", ["event"], registry=r)
        self.ami_reconnects = Counter("kakehashi_ami_reconnects", "AMI connections made again", registry=r)
        self.ami_actions = Counter("kakehashi_ami_actions", "AMI actions sent", ["action", "outcome"], registry=r)
        self.signals_waiting = Gauge("kakehashi_signals_waiting", "Signals in line for the call desk", registry=r)
        self.bus_waiting = Gauge("kakehashi_bus_waiting", "Facts in line", ["subscriber"], registry=r)
        self.bus_dropped = Counter(
            "kakehashi_bus_dropped", "Facts dropped: a queue was full", ["subscriber"], registry=r
        )
        self._calls(r)
        self._web(r)
        self._others(r)

    def _calls(self, r: CollectorRegistry) -> None:
        queue = ["tenant", "queue"]
        self.calls_live = Gauge("kakehashi_calls_live", "Calls on the line", ["tenant"], registry=r)
        self.calls_nobody = Gauge(
            "kakehashi_calls_waiting_for_nobody", "Callers whom nobody logged in could take", queue, registry=r
        )
        self.calls_arrived = Counter("kakehashi_calls_arrived", "Calls that arrived", ["tenant"], registry=r)
        self.calls_ended = Counter("kakehashi_calls_ended", "Calls that ended", [*queue, "reason"], registry=r)
        self.calls_fell_back = Counter(
            "kakehashi_calls_fell_back", "Calls in Asterisk's own queue", ["tenant"], registry=r
        )
        self.offers_ended = Counter("kakehashi_offers_ended", "Offers that ended", ["tenant", "outcome"], registry=r)
        self.wait = Histogram("kakehashi_wait_seconds", "From queue to answer", queue, buckets=_WAIT_S, registry=r)
        self.talk = Histogram("kakehashi_talk_seconds", "Talk of one call", queue, buckets=_TALK_S, registry=r)
        self.links = Counter("kakehashi_links", "Look-ups answered", ["tenant", "status", "confidence"], registry=r)
        self.recordings_stored = Counter(
            "kakehashi_recordings_stored", "Recordings verified in S3", ["tenant"], registry=r
        )

    def _web(self, r: CollectorRegistry) -> None:
        self.sockets = Gauge("kakehashi_sockets", "Agent sockets connected", registry=r)
        self.sockets_dropped = Counter("kakehashi_sockets_dropped", "Agent sockets dropped", ["why"], registry=r)
        self.socket_messages = Counter("kakehashi_socket_messages", "Messages written", ["type"], registry=r)
        self.pop_hand_over = Histogram(
            "kakehashi_pop_hand_over_seconds", "From the fact on the bus to the socket", buckets=_FAST_S, registry=r
        )
        self.pop_age = Histogram(
            "kakehashi_pop_age_seconds", "From Asterisk's DialBegin to the socket", buckets=_FAST_S, registry=r
        )
        self.http = Histogram(
            "kakehashi_http_seconds", "HTTP requests", ["route", "status"], buckets=_PEER_S, registry=r
        )
        self.logins = Counter("kakehashi_logins", "Log-ins tried", ["outcome"], registry=r)

    def _others(self, r: CollectorRegistry) -> None:
        self.lookup = Histogram("kakehashi_lookup_seconds", "Look-ups", ["outcome"], buckets=_PEER_S, registry=r)
        self.query = Histogram("kakehashi_query_seconds", "Database queries", ["query"], buckets=_PEER_S, registry=r)
        self.journal_waiting = Gauge("kakehashi_journal_waiting", "Records waiting for the database", registry=r)
        self.journal_active = Gauge(
            "kakehashi_journal_active", "1: what waits for the database is kept on disk", ["writer"], registry=r
        )
        self.journal_failed = Counter(
            "kakehashi_journal_failed", "Writes to the journal that the disk refused", ["writer"], registry=r
        )
        self.recordings_waiting = Gauge("kakehashi_recordings_waiting", "Recordings not stored yet", registry=r)
        self.record_level = Gauge(
            "kakehashi_record_level", "Room for recordings: 0 ok, 1 short, 2 none begins, 3 none runs", registry=r
        )
        self.record_free_bytes = Gauge(
            "kakehashi_record_free_bytes", "Free space of the fullest disk that recordings use", registry=r
        )
        self.spool_bytes = Gauge("kakehashi_spool_bytes", "Recordings waiting on disk", registry=r)
        self.spool_strangers = Gauge("kakehashi_spool_strangers", "Files in the spool of no known call", registry=r)
        self.recordings_oldest = Gauge(
            "kakehashi_recordings_oldest_waiting_seconds", "Age of the oldest recording not stored yet", registry=r
        )
        self.recordings_failed = Counter("kakehashi_recordings_failed", "Recordings not stored", ["why"], registry=r)
        self.menus = Counter("kakehashi_menus", "Dialogues that ended", ["menu", "outcome"], registry=r)
        self.outgoing_waiting = Gauge(
            "kakehashi_outgoing_waiting", "Messages that a webhook has not taken yet", ["tenant"], registry=r
        )
        self.outgoing_oldest = Gauge(
            "kakehashi_outgoing_oldest_waiting_seconds", "Age of the oldest of them", ["tenant"], registry=r
        )
        self.webhooks = Counter("kakehashi_webhooks", "Messages for webhooks", ["tenant", "outcome"], registry=r)
        self.effects_waiting = Gauge(
            "kakehashi_effects_waiting", "Effects asked for of which nobody knows yet", ["sender"], registry=r
        )
        self.effects_unsaved = Gauge(
            "kakehashi_effects_unsaved", "Effects that are over and cannot be stored", ["sender"], registry=r
        )
        self.effects = Counter("kakehashi_effects", "Effects that are over", ["sender", "outcome"], registry=r)
        self.loop_lag = Gauge("kakehashi_loop_lag_seconds", "How late the event loop runs a timer", registry=r)

    def render(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)

    def handle(self, event: Event) -> None:
        """Count one fact from the bus."""
        tenant = event.tenant
        match event:
            case CallArrived():
                self.calls_arrived.labels(tenant).inc()
                self.calls_live.labels(tenant).inc()
            case CallAnswered(call=call) if len(call.talks) <= 1 and call.queued_at is not None:
                self.wait.labels(tenant, call.queue or "").observe(_seconds(call.queued_at, event.at))
            case CallEnded(call=call):
                self.calls_live.labels(tenant).dec()
                self._ended(call)
            case CallFellBack():
                self.calls_fell_back.labels(tenant).inc()
            case OfferEnded():
                self.offers_ended.labels(tenant, event.outcome.value).inc()
            case CallLinked(found=True):
                self.links.labels(tenant, event.status, event.link.confidence.value).inc()
            case RecordingStored():
                self.recordings_stored.labels(tenant).inc()
            case RecordingMissing():
                self.recordings_failed.labels(event.reason).inc()
            case AsteriskReachable():
                self.asterisk_up.set(1 if event.up else 0)
            case _:
                pass

    def _ended(self, call: Call) -> None:
        queue = call.queue or ""
        self.calls_ended.labels(call.tenant, queue, call.end_reason.value if call.end_reason else "").inc()
        spans = [_seconds(t.answered_at, t.ended_at or call.ended_at or t.answered_at) for t in call.talks]
        if spans:
            self.talk.labels(call.tenant, queue).observe(sum(spans))


def _seconds(begin: datetime, end: datetime) -> float:
    return max(0.0, (end - begin).total_seconds())
