"""Plays a captured table through translate and CallDesk, as the wire would, and keeps what was published."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cti.ami.translate import Skipped, translate
from cti.calls import CallDesk
from cti.domain import events as ev
from cti.domain.model import AgentId, Call, CallerKind, CallerNumber, CallId, Offer, OfferId, QueueId, TenantId
from cti.domain.signals import OfferDecided, Signal

CALL = CallId("11111111-2222-4333-8444-555555555555")
START = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
TENANT = TenantId("demo")
E = TypeVar("E", bound=ev.Event)
COLUMNS = ("at", "event", "channel", "uniqueid", "call", "dest", "dest_uniqueid", "more")


class Agents:
    """A Directory: every endpoint ``demo-x`` is agent x of tenant demo."""

    def agent_of_endpoint(self, endpoint: str) -> tuple[TenantId, AgentId] | None:
        tenant, _, agent = endpoint.partition("-")
        return (TenantId(tenant), AgentId(agent)) if agent else None

    def endpoint_of(self, tenant: TenantId, agent: AgentId) -> str:
        return f"{tenant}-{agent}"


@dataclass
class Kept:
    """An EventSink that keeps."""

    events: list[ev.Event] = field(default_factory=list)

    def publish(self, event: ev.Event) -> None:
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        """Those of a kind, in order."""
        return [e for e in self.events if isinstance(e, kind)]


def a_desk(kept: Kept) -> CallDesk:
    return CallDesk(
        kept,
        Agents(),
        parse_caller=lambda number, _name: CallerNumber(
            kind=CallerKind.NUMBER, e164="+81" + number[1:], national=number
        ),
        parse_called=lambda number: number,
    )


def at(seconds: float) -> datetime:
    return START + timedelta(microseconds=round(seconds * 1_000_000))


def signals(name: str) -> list[Signal]:
    """A table's signals, in order; what makes no signal is left out."""
    text = (Path(__file__).parent / "tables" / f"{name}.txt").read_text()
    found: list[Signal] = []
    for line in text.splitlines():
        row = dict(zip(COLUMNS, [c.strip() for c in line.split(" | ")], strict=False))
        more = dict(pair.split("=", 1) for pair in row.get("more", "").split("; ") if pair)
        when = at(float(row["at"]))
        if row["event"] == "(offer)":
            found.append(_offer(more, when))
            continue
        signal = translate(_headers(row, more), when)
        if not isinstance(signal, Skipped):
            found.append(signal)
    return found


def _offer(more: dict[str, str], when: datetime) -> OfferDecided:
    offer = Offer(
        offer_id=OfferId(more["offer"]), tenant=TENANT, call_id=CALL, queue=QueueId("members"),
        agent=AgentId(more["agent"]), ring_s=int(more["ring_s"]), reason="longest idle", made_at=when, attempt=1,
    )  # fmt: skip
    return OfferDecided(at=when, offer=offer)


def _headers(row: dict[str, str], more: dict[str, str]) -> dict[str, str]:
    headers = {"Event": row["event"], **more}
    for key, column in (
        ("Channel", "channel"),
        ("Uniqueid", "uniqueid"),
        ("DestChannel", "dest"),
        ("DestUniqueid", "dest_uniqueid"),
    ):
        if row.get(column):
            headers[key] = row[column]
    if row.get("call") == "C":
        headers["ChanVariable"] = f"CTI_CALL_ID={CALL}"
    return headers


def play(name: str) -> tuple[Kept, CallDesk]:
    """The whole table through a desk of its own."""
    kept = Kept()
    desk = a_desk(kept)
    for signal in signals(name):
        desk.apply(signal)
    return kept, desk


def record(kept: Kept) -> Call:
    """The contact record: the call as it was when it ended, which happened once."""
    (ended,) = kept.of(ev.CallEnded)
    assert isinstance(ended, ev.CallEnded)
    return ended.call


def story(kept: Kept) -> list[str]:
    """What was published, one word or two each; phones left out."""
    words = []
    for event in kept.events:
        match event:
            case ev.AgentPhoneChanged():
                continue
            case ev.OfferEnded():
                words.append(f"OfferEnded {event.agent} {event.outcome}")
            case ev.CallRinging() | ev.CallAnswered() | ev.AgentFreed() | ev.CallOffered():
                words.append(f"{type(event).__name__} {event.agent}")
            case ev.RecordingStarted():
                words.append(f"RecordingStarted {event.agent or 'caller'}")
            case ev.CallTransferred():
                words.append(f"CallTransferred {event.kind} {event.to}")
            case ev.CallKeyPressed():
                words.append(f"CallKeyPressed {event.key}")
            case _:
                words.append(type(event).__name__)
    return words
