"""The recorder against a store that is slow, away or full. What PostgreSQL itself does: tests/e2e/store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cti.domain import events as ev
from cti.domain.model import (
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    Link,
    LinkConfidence,
    TenantId,
    UniqueId,
)
from cti.store import recorder as recorder_module
from cti.store.recorder import CallRecorder

NOW = datetime(2026, 11, 21, tzinfo=UTC)
LINK = Link(confidence=LinkConfidence.LIKELY, score=0.5, why="number_only")


class Store:
    """Keeps what is saved; ``gate`` holds each save, ``away`` makes it fail."""

    def __init__(self) -> None:
        self.saved: list[tuple[str, CallState]] = []
        self.links: list[Link] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.away = False
        self.tries = 0

    async def save(self, calls: Sequence[Call] = (), links: Any = (), recordings: Any = ()) -> None:
        self.tries += 1
        await self.gate.wait()
        if self.away:
            raise ConnectionRefusedError("away")
        self.saved += [(c.call_id, c.state) for c in calls]
        self.links += [link for _, _, link in links] + [c.link for c in calls if c.link]


def a_call(number: int, state: CallState = CallState.QUEUED) -> Call:
    return Call(
        call_id=CallId(str(number)),
        tenant=TenantId("demo"),
        state=state,
        channel=ChannelName("c"),
        uniqueid=UniqueId("u"),
        number_called="",
        caller=CallerNumber(kind=CallerKind.UNKNOWN),
        arrived_at=NOW,
    )


def told(number: int, state: CallState = CallState.QUEUED) -> ev.Event:
    return ev.CallQueued(at=NOW, tenant=TenantId("demo"), call=a_call(number, state))


async def until(check: Any) -> None:
    async with asyncio.timeout(5):
        while not check():
            await asyncio.sleep(0)


async def test_what_changes_while_it_is_written_is_written_again() -> None:
    store = Store()
    store.gate.clear()
    recorder = CallRecorder(store)
    await recorder.start()
    recorder.take(told(1, CallState.QUEUED))
    await until(lambda: store.tries == 1)
    recorder.take(told(1, CallState.ENDED))
    store.gate.set()
    await recorder.settled()
    assert store.saved == [("1", CallState.QUEUED), ("1", CallState.ENDED)]
    await recorder.stop()


async def test_the_order_of_calls_is_the_order_of_their_first_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "BATCH", 2)
    store = Store()
    recorder = CallRecorder(store)
    for number in (3, 1, 2, 3):
        recorder.take(told(number))
    await recorder.start()
    await recorder.settled()
    assert [call for call, _ in store.saved] == ["3", "1", "2"]
    await recorder.stop()


async def test_a_link_waits_for_its_call() -> None:
    store = Store()
    store.away = True
    recorder = CallRecorder(store)
    call = a_call(1)
    recorder.take(ev.CallArrived(at=NOW, tenant=call.tenant, call=call))
    recorder.take(
        ev.CallLinked(at=NOW, tenant=call.tenant, call=replace(call, state=CallState.ARRIVED), link=LINK, status="live")
    )
    recorder.take(told(1, CallState.TALKING))
    store.away = False
    await recorder.start()
    await recorder.settled()
    assert store.saved == [("1", CallState.TALKING)]
    assert store.links == [LINK]
    await recorder.stop()


async def test_without_room_live_calls_are_given_up_before_closed_ones() -> None:
    recorder = CallRecorder(Store(), maxsize=3)
    for number in range(3):
        recorder.take(told(number, CallState.ENDED))
    recorder.take(told(3, CallState.TALKING))
    assert recorder.counts["lost"] == 1
    assert [key[1] for key in recorder._calls] == ["0", "1", "2"]
    recorder.take(told(4, CallState.ENDED))
    assert [key[1] for key in recorder._calls] == ["1", "2", "4"]
    assert recorder.waiting == 3


async def test_a_stop_says_what_is_left() -> None:
    store = Store()
    store.away = True
    recorder = CallRecorder(store)
    await recorder.start()
    recorder.take(told(1))
    await until(lambda: recorder.degraded)
    assert "ConnectionRefusedError" in (recorder.degraded or "")
    assert await recorder.stop(0.05) == 1


async def test_a_database_that_is_back_is_not_degraded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "BACKOFF_FIRST_S", 0.001)
    store = Store()
    store.away = True
    recorder = CallRecorder(store)
    await recorder.start()
    recorder.take(told(1))
    await until(lambda: store.tries > 3)
    assert recorder.waiting == 1
    store.away = False
    await recorder.settled()
    assert recorder.degraded is None
    assert store.saved == [("1", CallState.QUEUED)]
    assert await recorder.stop() == 0


async def test_a_mistake_of_ours_delays_records_and_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "BACKOFF_FIRST_S", 0.001)
    store = Store()
    right, mistakes = store.save, [RuntimeError("a bug"), RuntimeError("a bug")]

    async def save(*args: Any) -> None:
        if mistakes:
            raise mistakes.pop()
        await right(*args)

    monkeypatch.setattr(store, "save", save)
    recorder = CallRecorder(store)
    await recorder.start()
    recorder.take(told(1))
    await recorder.settled()
    assert store.saved == [("1", CallState.QUEUED)]
    assert recorder.degraded is None
    await recorder.stop()
