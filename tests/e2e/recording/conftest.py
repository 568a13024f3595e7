"""A real Asterisk with phones, SeaweedFS behind a gate that a test can shut, PostgreSQL, and the pipeline between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio

from cti.demo.folders import LOOPBACK, PortPool, RunFolder, run_folder
from cti.demo.objectstore import RunningObjectStore, start_objectstore
from cti.demo.postgres import RunningPostgres, start_postgres
from cti.domain.events import CallArrived, CallEnded, RecordingMissing, RecordingStarted, RecordingStored
from cti.domain.model import (
    AgentId,
    Call,
    CallerKind,
    CallerNumber,
    CallId,
    CallState,
    ChannelName,
    EndReason,
    TalkSegment,
    TenantId,
    UniqueId,
)
from cti.store.migrate import migrate
from cti.store.pool import create_pool
from recording.encode import EncoderPool
from recording.model import RecordingSettings
from recording.objectstore import S3ObjectStore
from recording.pipeline import RecordingPipeline
from recording.replay import Replay
from recording.store import PostgresLedger
from tests.e2e.dialplan.ami import Message
from tests.e2e.dialplan.rig import Rig, a_rig
from tests.unit.recording.fakes import Facts

DEMO = TenantId("demo")


class Gate:
    """Passes connections on to a port while it is open; shut, it refuses new ones and cuts the old."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(LOOPBACK, self._target)
        pair = {writer, there_writer}
        self._writers |= pair
        try:
            with contextlib.suppress(ConnectionError):
                await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))
        finally:
            self._writers -= pair
            for one in pair:
                one.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


@dataclass
class Centre:
    """What a test records with."""

    rig: Rig
    gate: Gate
    objects: S3ObjectStore
    ledger: PostgresLedger
    pipeline: RecordingPipeline
    replay: Replay
    facts: Facts
    work: Path

    async def fact(self, call_id: str) -> RecordingStored | RecordingMissing:
        """What was published about a call; what an earlier test left is stored meanwhile, and not meant."""
        count = 1
        while True:
            fact = (await self.facts.wait(count))[-1]
            if isinstance(fact, RecordingStored | RecordingMissing) and fact.call_id == call_id:
                return fact
            count += 1

    def spool(self, call_id: str) -> list[str]:
        return sorted(path.name for path in self.rig.recordings.glob(f"{call_id}-*"))


def instant(event: Message) -> datetime:
    """Asterisk's own time of an event."""
    return datetime.fromtimestamp(float(event["Timestamp"]), UTC)


class Caller:
    """One call, told to the pipeline as the call desk tells it: from Asterisk's events, as they come."""

    def __init__(self, centre: Centre, arrived: Message) -> None:
        self._centre = centre
        self._seen = centre.rig.ami.now - 1
        self.call_id = CallId(arrived["CallID"])
        self.anchors: dict[str, datetime] = {}
        self._files: set[str] = set()
        self._call = Call(
            call_id=self.call_id,
            tenant=DEMO,
            state=CallState.ARRIVED,
            channel=ChannelName(arrived["Channel"]),
            uniqueid=UniqueId(arrived["Uniqueid"]),
            number_called="+81501234510",
            caller=CallerNumber(kind=CallerKind.NUMBER),
            arrived_at=instant(arrived),
        )

    async def tell(self) -> None:
        """What Asterisk said of recordings so far."""
        events = self._centre.rig.ami.of_call(self.call_id)
        await self._centre.pipeline.on_event(CallArrived(at=self._call.arrived_at, tenant=DEMO, call=self._call))
        for event in events:
            file = event.get("File", "")
            if event.get("UserEvent") != "CtiRecording" or file in self._files:
                continue
            self._files.add(file)
            self.anchors[file] = instant(event)
            agent = AgentId(event["Channel"].split("-")[1]) if event["Side"] == "agent" else None
            began = RecordingStarted(
                at=instant(event),
                tenant=DEMO,
                call=self._call,
                file=file,
                agent=agent,
                channel=ChannelName(event["Channel"]),
            )
            await self._centre.pipeline.on_event(began)
            for told in self._centre.facts.also:
                told(began)

    async def ended(self, *, at: datetime | None = None) -> Call:
        """The caller's channel is gone; the contact record goes to the pipeline."""
        rig = self._centre.rig
        if at is None:
            at = instant(await rig.ami.kind("Hangup", Uniqueid=self._call.uniqueid))
        await self.tell()
        self._call = replace(
            self._call,
            state=CallState.ENDED,
            talks=tuple(self._talk(event, at) for event in self._answers()),
            ended_at=at,
            end_reason=EndReason.COMPLETED,
        )
        await self._centre.pipeline.on_event(CallEnded(at=at, tenant=DEMO, call=self._call))
        return self._call

    def _answers(self) -> list[Message]:
        events = self._centre.rig.ami.of_call(self.call_id)
        entered = [e for e in events if e.get("Event") == "BridgeEnter" and e["Uniqueid"] != self._call.uniqueid]
        return list({event["Uniqueid"]: event for event in reversed(entered)}.values())[::-1]

    def _talk(self, event: Message, end: datetime) -> TalkSegment:
        hung = [
            instant(e)
            for e in self._centre.rig.ami.events
            if e.get("Event") == "Hangup" and e["Uniqueid"] == event["Uniqueid"]
        ]
        return TalkSegment(
            agent=AgentId(event["Channel"].split("-")[1]),
            offer_id=None,
            agent_channel=ChannelName(event["Channel"]),
            agent_uniqueid=UniqueId(event["Uniqueid"]),
            answered_at=instant(event),
            ended_at=hung[0] if hung else end,
        )


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def around() -> AsyncIterator[tuple[RunFolder, RunningObjectStore, RunningPostgres]]:
    with run_folder() as run, PortPool() as ports:
        objects, postgres = await asyncio.gather(
            start_objectstore(run, ports), start_postgres(run, ports, durable=False)
        )
        yield run, objects, postgres
        await asyncio.gather(objects.stop(), postgres.stop())


@contextlib.asynccontextmanager
async def a_centre(around: tuple[RunFolder, RunningObjectStore, RunningPostgres], rig: Rig) -> AsyncIterator[Centre]:
    run, running, postgres = around
    access = running.access
    gate = Gate(int(access.endpoint.rsplit(":", 1)[1]))
    await gate.open()
    objects = S3ObjectStore(
        bucket=access.bucket,
        endpoint_url=f"http://{LOOPBACK}:{gate.port}",
        access_key=access.access_key,
        secret_key=access.secret_key,
        region=access.region,
    )
    pool = await create_pool(postgres.url, max_size=4)
    await migrate(pool)
    ledger, facts, encoder = PostgresLedger(pool), Facts(), EncoderPool(workers=1)
    await encoder.start()
    work = run.sub("work")
    pipeline = RecordingPipeline(
        settings=RecordingSettings(
            spool_dir=str(rig.recordings), work_dir=str(work), settle_s=3.0, retry_first_s=0.1, retry_most_s=0.2
        ),
        objects=objects,
        ledger=ledger,
        encoder=encoder,
        sink=facts,
        now=lambda: datetime.now(UTC),
    )
    await pipeline.start()
    yield Centre(rig, gate, objects, ledger, pipeline, Replay(ledger=ledger, objects=objects), facts, work)
    await pipeline.stop()
    await encoder.stop()
    await pool.close()
    objects.close()
    gate.shut()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def shared_rig() -> AsyncIterator[Rig]:
    async with a_rig() as rig:
        yield rig


@pytest_asyncio.fixture(loop_scope="package")
async def centre(
    around: tuple[RunFolder, RunningObjectStore, RunningPostgres], shared_rig: Rig
) -> AsyncIterator[Centre]:
    async with a_centre(around, shared_rig) as centre:
        yield centre
