"""Findings reach the history in order, whenever the database is there, and nobody waits for it."""

from __future__ import annotations

import asyncio

import pytest

from cti.domain.errors import CallerError, Unavailable
from cti.domain.events import CallLinked
from cti.domain.model import Link, LinkConfidence
from cti.store import linkrecorder
from cti.store.linkrecorder import LinkRecorder
from tests.unit.linking.builders import NOW, TENANT, call


def found(why: str) -> CallLinked:
    link = Link(confidence=LinkConfidence.NONE, score=0.0, why=why)
    return CallLinked(at=NOW, tenant=TENANT, call=call(), link=link, status="live")


class History:
    """Keeps findings, or is away."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.error: Exception | None = None
        self.tried = asyncio.Event()

    async def handle(self, event: CallLinked) -> None:
        self.tried.set()
        if self.error is not None:
            raise self.error
        self.kept.append(event.link.why)


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linkrecorder, "BACKOFF_FIRST_S", 0.0)
    monkeypatch.setattr(linkrecorder, "BACKOFF_MAX_S", 0.0)


async def test_an_outage_loses_nothing_and_keeps_the_order() -> None:
    history = History()
    recorder = LinkRecorder(history)
    await recorder.start()
    history.error = Unavailable("away")
    for why in ("a", "b", "c"):
        recorder.take(found(why))
    await history.tried.wait()
    assert (history.kept, recorder.waiting) == ([], 3)
    history.error = None
    await recorder.settled()
    assert history.kept == ["a", "b", "c"]
    assert await recorder.stop() == 0


async def test_one_that_the_database_refuses_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    class Fussy(History):
        async def handle(self, event: CallLinked) -> None:
            self.error = CallerError("no") if event.link.why == "b" else None
            await super().handle(event)

    history = Fussy()
    recorder = LinkRecorder(history)
    await recorder.start()
    for why in ("a", "b", "c"):
        recorder.take(found(why))
    await recorder.settled()
    assert history.kept == ["a", "c"]
    assert "refuses a link" in caplog.text
    await recorder.stop()


async def test_the_line_is_bounded_and_the_newest_stay() -> None:
    history = History()
    recorder = LinkRecorder(history, maxsize=2)
    for why in ("a", "b", "c"):
        recorder.take(found(why))
    assert (recorder.waiting, recorder.lost) == (2, 1)
    await recorder.start()
    await recorder.settled()
    assert history.kept == ["b", "c"]
    await recorder.stop()


async def test_stop_says_what_it_had_to_leave() -> None:
    history = History()
    history.error = Unavailable("away")
    recorder = LinkRecorder(history)
    await recorder.start()
    recorder.take(found("a"))
    assert await recorder.stop(deadline_s=0.05) == 1
