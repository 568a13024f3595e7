"""The work on one recording, step by step. Each step writes the manifest before it returns, and can be repeated.

What may be lost at a crash is only the work since the last manifest, never sound: the spool's files are deleted
after the ledger has committed, and only files that are still as long as when they were hashed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from cti.domain.errors import NotFound, PeerError
from cti.domain.events import Event, RecordingMissing, RecordingStored
from cti.domain.keeping import KeptFacts
from recording import encode
from recording.assemble import Assembly, Nothing, ReadyFile, assemble, last_step, moved, one_sided
from recording.encode import Encoded, EncodeJob, Encoder
from recording.keys import Direction, object_keys
from recording.ledger import Ledger
from recording.lifecycle import REPLAYABLE, RecordingState, Step, advance
from recording.manifest import to_json
from recording.mix import MixSource
from recording.model import Job, RecordingSettings, SpoolFile, StoredAudio
from recording.objectstore import ObjectStore
from recording.quiet import QuietLog
from recording.spool import GrowthLog, Seen, Spool
from recording.wav import ASTERISK_HEADER_BYTES, WavInfo

_log = logging.getLogger(__name__)

# Asterisk closes a file within milliseconds of the hang-up; looking more often would not be seen by anybody.
_SETTLE_LOOK_S = 0.05
# A file of nothing but its header may be a leg whose sound Asterisk still holds: it writes each 2 s, and at the close.
# A colleague's leg outlives the caller by up to 0.2 s (cti-target), and is closed within a second.
_EMPTY_S = 1.5


class Sink(Protocol):
    """Where facts go (cti.domain.ports.EventSink)."""

    def publish(self, event: Event) -> None:
        """Never blocks, never raises."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tools:
    """What every step works with."""

    settings: RecordingSettings
    spool: Spool
    growth: GrowthLog
    quiet: QuietLog
    objects: ObjectStore
    ledger: Ledger
    encoder: Encoder
    sink: Sink
    now: Callable[[], datetime]  # aware UTC


class Steps:
    """The steps, in order: settle, make, store."""

    def __init__(self, tools: Tools) -> None:
        self._t = tools

    async def move(self, job: Job, step: Step, *, reason: str = "") -> Job:
        """One step on in the table, written to the manifest. Raises IllegalMove."""
        state = advance(job.state, step, call_id=job.call_id)
        after = moved(job, state, step, at=self._t.now(), reason=reason)
        await asyncio.to_thread(self._t.spool.save, after)
        return after

    # --- The spool's files ------------------------------------------------------------------------------------

    async def settle(self, job: Job) -> tuple[ReadyFile, ...]:
        """Wait until Asterisk has closed the call's files, then look at them.

        A file that is still open after ``settle_s`` (its writer is gone, or the disk is full) is taken as it is.
        Raises PeerError for a file that is no recording.
        """
        began_s = time.monotonic()
        deadline = began_s + self._t.settings.settle_s
        while True:
            looked = await asyncio.to_thread(self._look, job)
            # No file, or only empty ones: the first may just not be there yet.
            started = any(seen.size > ASTERISK_HEADER_BYTES for seen, _ in looked)
            waited_s = time.monotonic() - began_s
            if (started and all(_done(seen, info, waited_s) for seen, info in looked)) or time.monotonic() > deadline:
                break
            await asyncio.sleep(_SETTLE_LOOK_S)
        return tuple(
            ReadyFile(
                name=seen.name,
                info=info,
                size=seen.size,
                changed_at=seen.changed_at,
                growth=self._t.growth.of(seen.path.name),
                quiet=self._t.quiet.of(seen.name.base),
            )
            for seen, info in looked
        )

    def _look(self, job: Job) -> list[tuple[Seen, WavInfo]]:
        return [(seen, self._t.spool.info(seen)) for seen in self._t.spool.files_of(job.call_id)]

    # --- One stereo file ---------------------------------------------------------------------------------------

    async def make(self, job: Job, files: tuple[ReadyFile, ...]) -> Job:
        """From ``ended`` to ``encoded`` or ``not_recorded``. Raises PeerError, Unavailable."""
        if any(file.name.uniqueid is not None for file in files):
            files = await asyncio.to_thread(self._listen, files)
        plan = assemble(job, files, self._t.settings)
        job = replace(job, files=await asyncio.to_thread(self._take_in, files, plan))
        if isinstance(plan, Nothing):
            return await self.move(job, Step.NOTHING_THERE, reason=plan.reason)
        job = replace(job, began_at=plan.timeline.started_at)
        encoded = await self._t.encoder.encode(self._encode_job(job, plan))
        job = replace(job, audio=self._audio(job, plan, encoded))
        return await self.move(job, Step.ENCODED)

    def _listen(self, files: tuple[ReadyFile, ...]) -> tuple[ReadyFile, ...]:
        """The files with where they hold nothing."""
        return tuple(
            replace(file, silences=self._t.spool.silences(self._seen(file), file.info))
            if file.name.direction is not Direction.BOTH and file.info.frames > 0
            else file
            for file in files
        )

    def _seen(self, file: ReadyFile) -> Seen:
        path = self._t.spool.path(file.name.file_name)
        return Seen(name=file.name, path=path, size=file.size, changed_at=file.changed_at)

    def _take_in(self, files: tuple[ReadyFile, ...], plan: Assembly | Nothing) -> tuple[SpoolFile, ...]:
        """Sync and hash the files that take part; note the others' length."""
        used = {file.name for file in plan.files} if isinstance(plan, Assembly) else set()
        return tuple(
            SpoolFile(
                name=file.name.file_name,
                size=file.size,
                seconds=round(file.info.seconds, 3),
                sha256=self._t.spool.take_in(self._seen(file)) if file.name in used else "",
                salvaged=file.info.salvaged,
            )
            for file in files
        )

    def _encode_job(self, job: Job, plan: Assembly) -> EncodeJob:
        return EncodeJob(
            name=job.call_id,
            timeline=plan.timeline,
            sources=tuple(
                MixSource(placed=placed, path=self._t.spool.path(placed.track.file), info=file.info)
                for placed, file in zip(plan.timeline.tracks, plan.files, strict=True)
            ),
            talks=plan.talks,
            audio_path=self._t.spool.work_path(job.call_id + encode.SUFFIX),
            peaks_path=self._t.spool.work_path(job.call_id + ".peaks.json"),
        )

    def _audio(self, job: Job, plan: Assembly, encoded: Encoded) -> StoredAudio:
        keys = object_keys(job.tenant, job.call_id, job.arrived_at, suffix=encode.SUFFIX)
        return StoredAudio(
            key=keys.audio,
            # Decided once: what is made again goes where it was to go before, whatever the rules say by now.
            uri=job.audio.uri if job.audio is not None else self._t.objects.place(keys.audio, _kept(job, plan)),
            sha256=encoded.audio_sha256,
            size=encoded.audio_bytes,
            duration_s=round(encoded.duration_s, 3),
            rate=encoded.rate,
            format=encode.FORMAT,
            channels=encode.CHANNELS,
            caller_db=round(encoded.analysis.caller_db, 1),
            agent_db=round(encoded.analysis.agent_db, 1),
            talks=tuple(talk.to_json() for talk in encoded.analysis.talks),
            peaks_key=keys.peaks,
            flags=(*plan.flags, *one_sided(encoded.analysis, plan.timeline)),
            voicemail_s=plan.voicemail_s,
            silence_s=round(sum(end - start for start, end in encoded.analysis.silences), 2),
        )

    # --- Into the store, and out of the spool -------------------------------------------------------------------

    async def store(self, job: Job) -> Job:
        """From ``encoded`` (or wherever a crash left it) to the end.

        Raises Unavailable when object store or ledger are away, PeerError when what was read back is not what was
        sent, NotFound when the encoded file is gone (do it again from the spool).
        """
        if job.state is RecordingState.ENCODED:
            job = await self._upload(job)
        if job.state is RecordingState.UPLOADED:
            job = await self._verify(job)
        if job.state is RecordingState.VERIFIED:
            job = replace(job, stored_at=self._t.now())
            step = last_step(job.audio.flags if job.audio else ())
            # Not into the manifest before the ledger has it: a crash in between must come here again.
            job = moved(job, advance(job.state, step, call_id=job.call_id), step, at=self._t.now())
        await self._t.ledger.save(job)
        self._tell(job)
        kept = await asyncio.to_thread(self._t.spool.delete, job)
        if kept:
            _log.warning("files grew after they were stored and were kept", extra=_about(job, files=len(kept)))
        await asyncio.to_thread(self._t.spool.forget, job)
        self._t.growth.forget(job.call_id)
        self._t.quiet.forget(job.call_id)
        return job

    async def _upload(self, job: Job) -> Job:
        assert job.audio is not None  # noqa: S101 - encoded means that there is one
        audio, work = job.audio, self._t.spool.work_path
        path, peaks = work(job.call_id + encode.SUFFIX), work(job.call_id + ".peaks.json")
        if not await asyncio.to_thread(path.exists):
            raise NotFound(f"the encoded file of {job.call_id} is gone")
        # After a failure the object may be there, and damaged: only a first try trusts what it finds.
        if job.attempts or not await self._is_there(audio):
            await self._t.objects.put(audio.uri, path, sha256=audio.sha256, content_type=encode.CONTENT_TYPE)
        data = await asyncio.to_thread(peaks.read_bytes)
        await self._t.objects.put_bytes(audio.beside(audio.peaks_key), data, content_type="application/json")
        return await self.move(job, Step.UPLOADED)

    async def _is_there(self, audio: StoredAudio) -> bool:
        """Did an upload finish just before we were killed?"""
        try:
            head = await self._t.objects.head(audio.uri)
        except NotFound:
            return False
        return head.sha256 == audio.sha256 and head.size == audio.size

    async def _verify(self, job: Job) -> Job:
        assert job.audio is not None  # noqa: S101 - uploaded means that there is one
        sha256, size = await self._t.objects.hash(job.audio.uri)
        if (sha256, size) != (job.audio.sha256, job.audio.size):
            raise PeerError(f"{job.audio.uri} was read back as {size} bytes with another hash than was sent")
        job = await self.move(job, Step.VERIFIED)
        keys = object_keys(job.tenant, job.call_id, job.arrived_at, suffix=encode.SUFFIX)
        assert job.audio is not None  # noqa: S101 - a step takes nothing away
        address = job.audio.beside(keys.manifest)
        await self._t.objects.put_bytes(address, to_json(job), content_type="application/json")
        return job

    def _tell(self, job: Job) -> None:
        if job.state in REPLAYABLE and job.audio is not None:
            self._t.sink.publish(
                RecordingStored(
                    at=self._t.now(),
                    tenant=job.tenant,
                    call_id=job.call_id,
                    uri=job.audio.uri,
                    sha256=job.audio.sha256,
                    duration_s=job.audio.duration_s,
                )
            )
        elif job.state is RecordingState.NOT_RECORDED:
            slug, _, _ = job.reason.partition(":")  # which rule it was is the ledger's business
            self._t.sink.publish(
                RecordingMissing(at=self._t.now(), tenant=job.tenant, call_id=job.call_id, reason=slug)
            )


def _kept(job: Job, plan: Assembly) -> KeptFacts:
    """What rules about buckets look at: the same as rules about how long it is kept."""
    result = "voicemail" if plan.voicemail_s is not None else "answered" if job.facts.agents else "unanswered"
    return KeptFacts(queue=job.facts.queue, direction=job.facts.direction, result=result)


def _done(seen: Seen, info: WavInfo, waited_s: float) -> bool:
    """Nothing waits long for a phone that never sent a frame, nor at all for the files that take no part."""
    takes_part = seen.name.direction is Direction.RX or seen.name.message
    empty = seen.size <= ASTERISK_HEADER_BYTES
    return not takes_part or (waited_s >= _EMPTY_S if empty else info.closed)


def _about(job: Job, **more: object) -> dict[str, object]:
    return {"action": "recording", "call_id": job.call_id, **more}
