"""Tells the ledger how recordings are getting on, beside the work itself.

The last word on a recording is committed by the step that needs it; what is told here only shows people what is
going on, so it may be late, and only the newest word on each recording is told.
"""

from __future__ import annotations

import asyncio
import logging

from cti.domain.errors import KakehashiError, Unavailable
from cti.domain.model import CallId
from recording.ledger import Ledger
from recording.model import Job

_log = logging.getLogger(__name__)

# With the database away for long, the oldest words are dropped: the manifests have them all.
_MOST = 5_000
_PAUSE_S = 2.0
# Arrival and first file are told within milliseconds: one word about both is enough for people.
_GATHER_S = 0.2


class LedgerNotes:
    """The newest word on each recording, on its way to the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._words: dict[CallId, Job] = {}
        self._some = asyncio.Event()

    def put(self, job: Job) -> None:
        """Tell this as soon as possible, instead of what waited."""
        self._words.pop(job.call_id, None)
        self._words[job.call_id] = job
        if len(self._words) > _MOST:
            del self._words[next(iter(self._words))]
        self._some.set()

    def forget(self, call_id: CallId) -> None:
        """The last word is spoken."""
        self._words.pop(call_id, None)

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            await self._some.wait()
            if not self._words:
                self._some.clear()
                await self._some.wait()
                await asyncio.sleep(_GATHER_S)
                continue
            call_id = next(iter(self._words))
            job = self._words.pop(call_id)
            try:
                await self._ledger.save(job)
            except Unavailable:
                self._words.setdefault(call_id, job)
                await asyncio.sleep(_PAUSE_S)
            except KakehashiError as error:
                _log.error("the ledger refuses: %s", error, extra={"action": "recording", "call_id": call_id})
