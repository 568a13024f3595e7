"""A job as JSON, and back. PURE.

The manifest is what survives everything but the disk: it is written before each step that cannot be taken back, and
a copy lies beside the recording in the store. Version 1; unknown keys are ignored, so that a newer server's
manifests can be read after going back.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from cti.domain.errors import PeerError
from cti.domain.model import AgentId, CallId, Pause, TenantId
from recording.lifecycle import RecordingState, Step
from recording.model import Announcement, CallFacts, Job, Loss, Move, SpoolFile, StoredAudio, Talk

VERSION = 1


def to_json(job: Job) -> bytes:
    """The manifest."""
    document = {
        "version": VERSION,
        "call_id": job.call_id,
        "tenant": job.tenant,
        "state": job.state.value,
        "reason": job.reason,
        "attempts": job.attempts,
        "arrived_at": _when(job.arrived_at),
        "began_at": _when(job.began_at),
        "ended_at": _when(job.ended_at),
        "inferred_end": job.inferred_end,
        "stored_at": _when(job.stored_at),
        "voicemail_at": _when(job.voicemail_at),
        "facts": {
            "agents": list(job.facts.agents),
            "queue": job.facts.queue,
            "direction": job.facts.direction,
            "caller_kind": job.facts.caller_kind,
            "reservation": job.facts.reservation,
            "end_reason": job.facts.end_reason,
        },
        "announced": [{"base": a.base, "agent": a.agent, "at": _when(a.at)} for a in job.announced],
        "refused": list(job.refused),
        "pauses": [_pause_json(pause) for pause in job.pauses],
        "losses": [_loss_json(loss) for loss in job.losses],
        "talks": [
            {"agent": t.agent, "uniqueid": t.uniqueid, "start_at": _when(t.start_at), "end_at": _when(t.end_at)}
            for t in job.talks
        ],
        "apart": [[_when(begin), _when(end)] for begin, end in job.apart],
        "files": [
            {"name": f.name, "bytes": f.size, "seconds": f.seconds, "sha256": f.sha256, "salvaged": f.salvaged}
            for f in job.files
        ],
        "audio": None if job.audio is None else _audio_json(job.audio),
        "moves": [
            {"n": m.number, "at": _when(m.at), "step": m.step.value, "state": m.state.value, "reason": m.reason}
            for m in job.moves
        ],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _audio_json(audio: StoredAudio) -> dict[str, Any]:
    return {
        "key": audio.key,
        "uri": audio.uri,
        "sha256": audio.sha256,
        "bytes": audio.size,
        "duration_s": audio.duration_s,
        "rate": audio.rate,
        "format": audio.format,
        "channels": audio.channels,
        "caller_db": audio.caller_db,
        "agent_db": audio.agent_db,
        "talks": list(audio.talks),
        "peaks_key": audio.peaks_key,
        "flags": list(audio.flags),
        "voicemail_s": audio.voicemail_s,
        "silence_s": audio.silence_s,
    }


def from_json(data: bytes) -> Job:
    """The job. Raises PeerError when the bytes are no manifest: half written, or somebody else's."""
    try:
        document = json.loads(data)
        if document["version"] != VERSION:
            raise PeerError(f"manifest of version {document['version']}: this server reads version {VERSION}")
        return _job(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PeerError(f"not a recording's manifest: {type(error).__name__} {error}") from error


def _job(document: dict[str, Any]) -> Job:
    facts, audio = document["facts"], document["audio"]
    return Job(
        call_id=CallId(document["call_id"]),
        tenant=TenantId(document["tenant"]),
        state=RecordingState(document["state"]),
        reason=document["reason"],
        attempts=document["attempts"],
        arrived_at=_then(document["arrived_at"]),
        began_at=_maybe(document["began_at"]),
        ended_at=_maybe(document["ended_at"]),
        inferred_end=document["inferred_end"],
        stored_at=_maybe(document["stored_at"]),
        voicemail_at=_maybe(document.get("voicemail_at")),
        facts=CallFacts(
            agents=tuple(AgentId(agent) for agent in facts["agents"]),
            queue=facts["queue"],
            direction=facts.get("direction", "inbound"),
            caller_kind=facts["caller_kind"],
            reservation=facts["reservation"],
            end_reason=facts["end_reason"],
        ),
        announced=tuple(
            Announcement(base=a["base"], agent=AgentId(a["agent"]) if a["agent"] else None, at=_then(a["at"]))
            for a in document["announced"]
        ),
        refused=tuple(document.get("refused", ())),  # manifests of before 2026-11-22 have none
        pauses=tuple(_pause(pause) for pause in document.get("pauses", ())),
        losses=tuple(_loss(loss) for loss in document.get("losses", ())),
        talks=tuple(
            Talk(
                agent=AgentId(t["agent"]),
                uniqueid=t["uniqueid"],
                start_at=_then(t["start_at"]),
                end_at=_then(t["end_at"]),
            )
            for t in document["talks"]
        ),
        apart=tuple((_then(begin), _then(end)) for begin, end in document.get("apart", ())),
        files=tuple(
            SpoolFile(name=f["name"], size=f["bytes"], seconds=f["seconds"], sha256=f["sha256"], salvaged=f["salvaged"])
            for f in document["files"]
        ),
        audio=None if audio is None else _audio(audio),
        moves=tuple(
            Move(
                number=m["n"],
                at=_then(m["at"]),
                step=Step(m["step"]),
                state=RecordingState(m["state"]),
                reason=m["reason"],
            )
            for m in document["moves"]
        ),
    )


def _pause_json(pause: Pause) -> dict[str, object]:
    return {
        "began_at": _when(pause.began_at),
        "why": pause.why,
        "by": pause.by,
        "until": _when(pause.until),
        "proven_at": _when(pause.proven_at),
        "stopped": pause.stopped,
        "ended_at": _when(pause.ended_at),
        "ended_by": pause.ended_by,
    }


def _pause(pause: dict[str, Any]) -> Pause:
    return Pause(
        began_at=_then(pause["began_at"]),
        why=pause["why"],
        by=pause["by"],
        until=_maybe(pause["until"]),
        proven_at=_maybe(pause["proven_at"]),
        stopped=pause["stopped"],
        ended_at=_maybe(pause["ended_at"]),
        ended_by=pause["ended_by"],
    )


def _loss_json(loss: Loss) -> dict[str, object]:
    return {
        "uniqueid": loss.uniqueid,
        "caller": loss.caller,
        "began_at": _when(loss.began_at),
        "until_at": _when(loss.until_at),
        "lost_s": loss.lost_s,
    }


def _loss(loss: dict[str, Any]) -> Loss:
    return Loss(
        uniqueid=loss["uniqueid"],
        caller=loss["caller"],
        began_at=_then(loss["began_at"]),
        until_at=_maybe(loss["until_at"]),
        lost_s=loss["lost_s"],
    )


def _audio(audio: dict[str, Any]) -> StoredAudio:
    return StoredAudio(
        key=audio["key"],
        uri=audio["uri"],
        sha256=audio["sha256"],
        size=audio["bytes"],
        duration_s=audio["duration_s"],
        rate=audio["rate"],
        format=audio["format"],
        channels=audio["channels"],
        caller_db=audio["caller_db"],
        agent_db=audio["agent_db"],
        talks=tuple(audio["talks"]),
        peaks_key=audio["peaks_key"],
        flags=tuple(audio["flags"]),
        voicemail_s=audio.get("voicemail_s"),
        silence_s=audio.get("silence_s"),
    )


def _when(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def _then(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return at.astimezone(UTC)


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else _then(text)
