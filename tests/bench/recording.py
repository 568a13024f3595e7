"""Recordings: hang-up to replayable, encoding beside bare ffmpeg, upload beside bare boto3, memory of four hours.

The pipeline with its encoders, a real object store and a real PostgreSQL; its files are synthesised and lie in the
spool as Asterisk leaves them (closed, mono, 8 kHz, 16 bit: two of the caller, one of the agent), so the half second
that Asterisk takes to close them is not in the figures. Cases replayable-…: CallEnded is told → RecordingStored is
published (in store and ledger, read back), seconds. encode: seconds of sound a second of processor time (worker and its
ffmpeg), 3 minutes, beside ffmpeg with the same arguments on the same mixed samples in a file. upload: MB/s of 64 MiB,
beside boto3's own upload_file, in turn. memory-4h: the peak of worker and ffmpeg together, MB.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import os
import resource
import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from cti.demo.folders import PortPool, run_folder
from cti.demo.objectstore import start_objectstore
from cti.demo.postgres import start_postgres
from cti.domain.events import CallEnded, Event, RecordingStarted, RecordingStored
from cti.domain.model import AgentId, Call, CallId, TenantId
from cti.store.migrate import migrate
from cti.store.pool import create_pool
from recording import pcm
from recording.encode import Encoded, EncodeJob, EncoderPool, encode, ffmpeg_arguments, hash_file
from recording.mix import mix, mix_rate
from recording.model import RecordingSettings
from recording.objectstore import S3ObjectStore
from recording.pipeline import RecordingPipeline
from recording.store import PostgresLedger
from tests.unit.recording.fakes import DEMO, tone, write_wav
from tests.unit.recording.test_assemble import call, talk

RATE_HZ = 8_000
# Case → seconds of sound, how many calls, one after the other.
REPLAYABLE = {"replayable-10s": (10, 20), "replayable-3min": (180, 12), "replayable-60min": (3_600, 2)}
ENCODE_S, ENCODE_RUNS = 180, 5
UPLOAD_BYTES, UPLOAD_RUNS = 64 << 20, 5
LONG_S = 4 * 3_600
CASES = (*REPLAYABLE, "encode", "upload", "memory-4h")
WAIT_S = 900.0
AIMS = {"replayable-3min": 2.0, "encode": 0.9, "upload": 0.9, "memory-4h": 150.0}


@dataclass
class Rig:
    """The pipeline and what is around it."""

    pipeline: RecordingPipeline
    objects: S3ObjectStore
    client: Any  # boto3's own
    bucket: str
    spool: Path
    encoder: Measuring
    stored: dict[CallId, asyncio.Future[float]] = field(default_factory=dict)

    def publish(self, event: Event) -> None:
        """Told by the pipeline."""
        if isinstance(event, RecordingStored):
            waiting = self.stored.get(event.call_id)
            if waiting is not None and not waiting.done():
                waiting.set_result(time.monotonic())


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a worker spent."""

    ours_s: float  # of processor time, ffmpeg's too
    bare_s: float  # of ffmpeg alone on the same samples; 0: not asked for
    peak_mb: float  # worker and ffmpeg


def _spent_s() -> float:
    own, below = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime


def _peak_mb() -> float:
    """Of this process since it was started as a program, and of the largest that it started.

    Not ru_maxrss of this process: Linux lets it begin with what the process that started it held.
    """
    status = Path("/proc/self/status").read_text()
    own_kib = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return (own_kib + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024


def measured(job: EncodeJob, beside: bool) -> tuple[Encoded, Cost]:
    """In a worker: encode as the pipeline does; ``beside``: then ffmpeg alone."""
    before = _spent_s()
    made = encode(job)
    ours, peak = _spent_s() - before, _peak_mb()
    return made, Cost(ours_s=ours, bare_s=_bare_s(job) if beside else 0.0, peak_mb=peak)


def _bare_s(job: EncodeJob) -> float:
    rate = mix_rate(job.sources)
    with tempfile.TemporaryDirectory(dir=job.audio_path.parent) as folder:
        raw = Path(folder) / "mixed.raw"
        with raw.open("wb") as out:
            for caller, agent in mix(job.timeline, job.sources, rate=rate, step_frames=rate):
                out.write(pcm.interleave(caller, agent))
        arguments = [
            str(raw) if one == "pipe:0" else one for one in ffmpeg_arguments(Path(folder) / "o.webm", rate=rate)
        ]
        before = _spent_s()
        subprocess.run(arguments, check=True)
        return _spent_s() - before


class Measuring:
    """An encoder that asks each worker what it spent. Implements recording.encode.Encoder."""

    def __init__(self) -> None:
        self.beside = False
        self.costs: list[Cost] = []
        self.own: EncoderPool | None = None  # as in production; None: the measuring one

    async def encode(self, job: EncodeJob) -> Encoded:
        """See Encoder."""
        if self.own is not None:
            return await self.own.encode(job)
        # A fresh process each time: the peak of a process never comes down.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            made, cost = await asyncio.wrap_future(pool.submit(measured, job, self.beside))
        self.costs.append(cost)
        return made


@contextlib.asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Everything, started and stopped."""
    with run_folder() as run, PortPool() as ports:
        store, postgres = await asyncio.gather(start_objectstore(run, ports), start_postgres(run, ports, durable=True))
        access = store.access
        objects = S3ObjectStore(
            bucket=access.bucket, endpoint_url=access.endpoint, access_key=access.access_key,
            secret_key=access.secret_key,
        )  # fmt: skip
        pool = await create_pool(postgres.url, max_size=4)
        await migrate(pool)
        spool, work = run.sub("spool"), run.sub("work")
        encoder, own = Measuring(), EncoderPool(workers=1)
        await own.start()
        encoder.own = own
        made: Rig
        pipeline = RecordingPipeline(
            settings=RecordingSettings(spool_dir=str(spool), work_dir=str(work)),
            objects=objects, ledger=PostgresLedger(pool), encoder=encoder,
            sink=_Late(lambda event: made.publish(event)), now=lambda: datetime.now(UTC),
        )  # fmt: skip
        made = Rig(pipeline, objects, access.client(), access.bucket, spool, encoder)
        await pipeline.start()
        try:
            yield made
        finally:
            await pipeline.stop()
            await own.stop()
            await pool.close()
            objects.close()
            await asyncio.gather(store.stop(), postgres.stop())


class _Late:
    def __init__(self, tell: Any) -> None:
        self.publish = tell


def _sound(hz: float, seconds: int) -> bytes:
    """A minute at most, repeated: what is said costs no more than that it is said."""
    block = tone(hz, min(seconds, 60))
    return (block * math.ceil(seconds / 60))[: 2 * seconds * RATE_HZ]


def put_files(spool: Path, call_id: str, seconds: int) -> None:
    """A call of a caller and one agent who answered after two seconds."""
    for name, hz, length in (("c", 300.0, seconds), ("c-rx", 300.0, seconds), ("a-9.2-rx", 1000.0, seconds - 2)):
        os.utime(write_wav(spool / f"{call_id}-{name}.wav", _sound(hz, length)))  # closed now


async def store(site: Rig, seconds: int) -> float:
    """Seconds from the hang-up that is told to the recording that can be replayed."""
    call_id = CallId(str(uuid.uuid4()))
    await asyncio.to_thread(put_files, site.spool, call_id, seconds)
    end = datetime.now(UTC)
    began = end - timedelta(seconds=seconds)
    part = replace(
        talk(AgentId("sato"), "9.2", 2, seconds), answered_at=began + timedelta(seconds=2), ended_at=end
    )  # fmt: skip
    ended: Call = replace(
        call(part, end=seconds), call_id=call_id, tenant=TenantId(DEMO), arrived_at=began, ended_at=end
    )
    waiting: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    site.stored[call_id] = waiting
    for name, agent in (("c", None), ("a-9.2", AgentId("sato"))):
        started = RecordingStarted(at=began, tenant=DEMO, call=ended, file=f"{call_id}-{name}", agent=agent)
        await site.pipeline.on_event(started)
    told = time.monotonic()
    await site.pipeline.on_event(CallEnded(at=end, tenant=DEMO, call=ended))
    return await asyncio.wait_for(waiting, WAIT_S) - told


def _figures(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)

    def rank(share: float) -> float:
        return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)

    return {"p50": rank(0.5), "p95": rank(0.95), "max": round(ordered[-1], 3), "n": len(ordered)}


def _met(name: str, value: float) -> bool | None:
    aim = AIMS.get(name)
    if aim is None:
        return None
    return value >= aim if name in ("encode", "upload") else value <= aim


async def replayable(site: Rig, name: str) -> dict[str, Any]:
    """Hang-up → replayable."""
    seconds, runs = REPLAYABLE[name]
    ours = _figures([await store(site, seconds) for _ in range(runs)])
    return {"case": name, "unit": "s", "ours": ours, "met": _met(name, ours["p95"])}


async def encoding(site: Rig) -> dict[str, Any]:
    """× real time a core, and ffmpeg's."""
    own, site.encoder.own = site.encoder.own, None
    site.encoder.beside = True
    site.encoder.costs.clear()
    for _ in range(ENCODE_RUNS):
        await store(site, ENCODE_S)
    site.encoder.own, site.encoder.beside = own, False
    ours = _figures([ENCODE_S / cost.ours_s for cost in site.encoder.costs])
    bare = _figures([ENCODE_S / cost.bare_s for cost in site.encoder.costs])
    ratio = round(ours["p50"] / bare["p50"], 3)
    peer = {"name": "ffmpeg", **bare}
    return {
        "case": "encode",
        "unit": "× real time",
        "ours": ours,
        "peer": peer,
        "ratio": ratio,
        "met": _met("encode", ratio),
    }


async def uploading(site: Rig) -> dict[str, Any]:
    """MB/s, in turn."""
    ours, bare = [], []
    with tempfile.NamedTemporaryFile(dir=site.spool.parent) as file:
        file.write(os.urandom(UPLOAD_BYTES))
        file.flush()
        path = Path(file.name)
        sha256, _ = hash_file(path)
        for n in range(UPLOAD_RUNS):
            began = time.monotonic()
            await site.objects.put(f"bench/ours-{n}", path, sha256=sha256, content_type="audio/webm")
            ours.append(UPLOAD_BYTES / 1e6 / (time.monotonic() - began))
            began = time.monotonic()
            await asyncio.to_thread(site.client.upload_file, str(path), site.bucket, f"bench/bare-{n}")
            bare.append(UPLOAD_BYTES / 1e6 / (time.monotonic() - began))
    mine, theirs = _figures(ours), _figures(bare)
    ratio = round(mine["p50"] / theirs["p50"], 3)
    peer = {"name": "boto3 upload_file", **theirs}
    return {"case": "upload", "unit": "MB/s", "ours": mine, "peer": peer, "ratio": ratio, "met": _met("upload", ratio)}


async def memory(site: Rig) -> dict[str, Any]:
    """The peak of four hours."""
    own, site.encoder.own = site.encoder.own, None
    site.encoder.costs.clear()
    took_s = await store(site, LONG_S)
    site.encoder.own = own
    peak = round(site.encoder.costs[-1].peak_mb, 1)
    return {
        "case": "memory-4h",
        "unit": "MB",
        "ours": {"max": peak, "n": 1},
        "seconds": round(took_s),
        "met": _met("memory-4h", peak),
    }


async def run(wanted: Sequence[str]) -> dict[str, Any]:
    """The cases one after the other."""
    others = {"encode": encoding, "upload": uploading, "memory-4h": memory}
    cases = []
    load = os.getloadavg()[0]
    async with rig() as site:
        await store(site, 2)  # boto3 is imported, the worker has started
        for name in wanted:
            cases.append(await (replayable(site, name) if name in REPLAYABLE else others[name](site)))
            print(json.dumps(cases[-1], ensure_ascii=False), flush=True)
    aim = "3 min p95 2 s; encode and upload 0.9 of the bare; 4 h in 150 MB"
    met = all(one["met"] is not False for one in cases)
    return {"bench": "recording", "cases": cases, "load_before": round(load, 1), "aim": aim, "met": met}


def main() -> None:
    """Parse, run, print one line of JSON last."""
    parser = argparse.ArgumentParser(prog="scripts/bench recording", description=__doc__)
    parser.add_argument("--case", action="append", choices=CASES, help="only these; more than once")
    wanted = parser.parse_args().case or list(CASES)
    print(json.dumps(asyncio.run(run(wanted)), ensure_ascii=False))


if __name__ == "__main__":
    main()
