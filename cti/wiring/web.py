"""The pages, the API and the screen pop, joined to the parts behind them."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime

from cti.config import Config
from cti.domain.events import Event
from cti.domain.model import Call, QueueId, TenantId
from cti.domain.person import People
from cti.domain.pop import PopChange
from cti.metrics import Metrics
from cti.screenpop import ScreenPop
from cti.store.audit import AuditStore
from cti.store.calls import CallStore
from cti.store.evaluationforms import EvaluationFormStore
from cti.store.evaluations import EvaluationStore
from cti.store.evaluationsamples import EvaluationSampleStore
from cti.store.listening import ListeningStore
from cti.store.outgoing import OutgoingStore
from cti.store.quality import QualityStore
from cti.store.searchfill import SearchFiller
from cti.store.sessions import SessionStore
from cti.store.users import UserStore
from cti.web.actionports import Supervision
from cti.web.afterports import Aftercall
from cti.web.callerports import Callers
from cti.web.context import SESSION_IDLE_S, WebParts
from cti.web.dialports import Dialling
from cti.web.pauseports import Pauses
from cti.web.phoneports import Phones
from cti.web.ports import (
    Callbacks,
    CallFilter,
    Desk,
    Figures,
    Readiness,
    Talks,
)
from cti.web.recordingports import Recordings
from cti.web.savedports import SavedNumbers
from cti.web.server import WebServer
from cti.wiring import websettings
from cti.wiring.announcements import open_announcements
from cti.wiring.ground import Ground
from cti.wiring.keeping import KeptRecordings


class CallPages:
    """Implements cti.web.ports.Calls over the store: the same rows, the pages' own records."""

    def __init__(self, calls: CallStore) -> None:
        self._calls = calls
        self.get = calls.get
        self.of_agent = calls.of_agent

    async def page(self, tenant: TenantId, wanted: CallFilter) -> Sequence[Call]:
        """See the port."""
        return await self._calls.page(tenant, wanted)

    async def figures(self, tenant: TenantId, since: datetime) -> Mapping[QueueId, Figures]:
        """See the port."""
        rows = await self._calls.figures(tenant, since)
        return {
            queue: Figures(
                offered=row.offered,
                answered=row.answered,
                abandoned=row.abandoned,
                in_time=row.in_time,
                asa_s=row.asa_s,
            )
            for queue, row in rows.items()
        }


class _LatePopSink:
    """Pops need the hub, the hub's parts need the pops: the sink is filled in between."""

    def __init__(self) -> None:
        self.tell: Callable[[PopChange], None] | None = None

    def pop_changed(self, change: PopChange) -> None:
        """See PopSink."""
        if self.tell is not None:
            self.tell(change)


@dataclass(frozen=True, kw_only=True)
class PageServices:
    """What the pages show and order, made by others before the pages are."""

    records: CallStore  # the store's own calls
    desk: Desk
    talks: Talks
    pauses: Pauses
    callbacks: Callbacks
    dialling: Dialling
    saved: SavedNumbers
    aftercall: Aftercall
    callers: Callers
    supervision: Supervision
    recordings: Recordings
    phones: Phones
    people: People
    readiness: Readiness
    metrics: Metrics
    now: Callable[[], datetime]  # aware UTC


async def start(config: Config, ground: Ground, services: PageServices, cleanup: AsyncExitStack) -> WebServer:
    """Listen, where the ground does. Raises ConfigError for certificates that cannot be used."""
    sink = _LatePopSink()
    pops = ScreenPop(sink)
    server = WebServer(websettings.settings(config), _parts(config, ground, services, pops), stream_id=uuid.uuid4().hex)
    sink.tell = server.hub.pop_changed
    # Records of before the search was there, while everything else goes on.
    filling = asyncio.create_task(SearchFiller(ground.pool).run(), name="search-filler")
    cleanup.callback(filling.cancel)
    # Pops first: by the time the board is drawn anew, the agent's screen has been told.
    ground.bus.subscribe("screen-pop", pops.handle, kinds=pops.kinds, prompt=True)
    # Prompt too: to wake a task for each fact costs more than what the hub does with most of them.
    ground.bus.subscribe("web", server.hub.handle, kinds=(Event,), overflowed=server.hub.resync, prompt=True)
    await server.start(ground.listener)
    cleanup.push_async_callback(server.stop)
    return server


def _parts(config: Config, ground: Ground, services: PageServices, pops: ScreenPop) -> WebParts:
    """Those services, and the stores that only the pages use."""
    pool = ground.pool
    return WebParts(
        users=UserStore(pool),
        sessions=SessionStore(pool, idle_s=SESSION_IDLE_S),
        audit=AuditStore(pool),
        desk=services.desk,
        names=ground.directory,
        pops=pops,
        talks=services.talks,
        pauses=services.pauses,
        callbacks=services.callbacks,
        dialling=services.dialling,
        saved=services.saved,
        aftercall=services.aftercall,
        callers=services.callers,
        supervision=services.supervision,
        calls=CallPages(services.records),
        recordings=services.recordings,
        keeping=KeptRecordings(pool, services.now),
        people=services.people,
        listening=ListeningStore(pool),
        announcements=open_announcements(config, pool),
        readiness=services.readiness,
        feed=OutgoingStore(pool),
        phones=services.phones,
        evaluations=EvaluationStore(pool),
        samples=EvaluationSampleStore(pool),
        evaluation_forms=EvaluationFormStore(pool),
        qualities=QualityStore(pool),
        metrics=services.metrics,
        now=services.now,
        monotonic=time.monotonic,
    )
