"""What the recording's parts pass to each other. PURE."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from cti.domain.model import AgentId, CallId, Pause, TenantId
from recording.lifecycle import RecordingState, Step


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordingSettings:
    """What an operator may decide about recordings."""

    spool_dir: str  # where Asterisk writes; we read and delete there
    work_dir: str  # ours alone: manifests and encoded files, on a disk that survives a restart
    keep_unanswered: bool = True  # calls which never reached an agent are recorded too
    min_unanswered_s: float = 3.0  # shorter ones hold a greeting's first words and nothing of the caller's
    encoders: int = 1  # processes; on two cores a second one would take time from calls
    uploads: int = 2  # at once
    settle_s: float = 8.0  # how long after hang-up a file may stay unfinished before it is salvaged
    orphan_after_s: float = 60.0  # a file nobody knows, untouched for so long, is taken in
    rescan_s: float = 60.0  # how often the spool is compared with what is known
    retry_first_s: float = 1.0  # the object store is away: first pause, doubled each time …
    retry_most_s: float = 60.0  # … up to this one


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """One step of a recording's history."""

    number: int  # 1 for the first
    at: datetime
    step: Step
    state: RecordingState  # after it
    reason: str = ""  # slug: why


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """Asterisk said that it writes a file."""

    base: str  # name without direction and extension
    agent: AgentId | None
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Talk:
    """One agent's part of the call."""

    agent: AgentId
    uniqueid: str  # of the agent's channel; "" when it is not known
    start_at: datetime
    end_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """RTP numbers of a channel fell back: Asterisk may have left what was said out of its file."""

    uniqueid: str  # of the channel
    caller: bool  # it is the caller's own
    began_at: datetime  # not before
    until_at: datetime | None  # not after; None: until the channel's end
    lost_s: float  # at most


@dataclass(frozen=True, kw_only=True, slots=True)
class SpoolFile:
    """A file of the spool as it was when it was taken in."""

    name: str
    size: int  # bytes
    seconds: float
    sha256: str  # "" for files that take no part
    salvaged: bool  # its header was broken


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredAudio:
    """The encoded recording."""

    key: str
    uri: str
    sha256: str
    size: int  # bytes
    duration_s: float
    rate: int  # Hz, of the telephone sound inside
    format: str
    channels: int
    caller_db: float
    agent_db: float
    talks: tuple[dict[str, object], ...]  # analysis.TalkEnergy as JSON
    peaks_key: str
    flags: tuple[str, ...]  # slugs: "one_sided_caller", "one_sided_agent", "time_put_back", "voicemail", …
    voicemail_s: float | None = None  # second at which a message for the desk begins; None: it holds none
    silence_s: float | None = None  # in which neither side speaks; None: made by a server that did not say

    def beside(self, key: str) -> str:
        """The address of another object of this recording: in the bucket of its sound, wherever new ones go today."""
        return self.uri.removesuffix(self.key) + key


@dataclass(frozen=True, kw_only=True, slots=True)
class CallFacts:
    """What the ledger keeps of the call itself, to find the recording by."""

    agents: tuple[AgentId, ...] = ()
    queue: str | None = None
    direction: str = "inbound"  # or "outbound", "callback"
    caller_kind: str | None = None
    reservation: str | None = None
    end_reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """Everything known about one recording on its way; the manifest is this as JSON."""

    call_id: CallId
    tenant: TenantId
    state: RecordingState
    arrived_at: datetime  # the call's arrival
    began_at: datetime | None = None  # second 0 of the recording; None until it is put together
    ended_at: datetime | None = None
    inferred_end: bool = False  # nobody told us: concluded from the files
    facts: CallFacts = field(default_factory=CallFacts)
    announced: tuple[Announcement, ...] = ()
    refused: tuple[str, ...] = ()  # why parts were not recorded, as the dialplan or the disk guard said: "disk_full"
    pauses: tuple[Pause, ...] = ()  # of which no sound is stored, as far as anybody told
    losses: tuple[Loss, ...] = ()  # as far as anybody told; whether a file lacks something its flags say
    talks: tuple[Talk, ...] = ()
    apart: tuple[tuple[datetime, datetime], ...] = ()  # the caller was on hold, or an agent heard a colleague as well
    voicemail_at: datetime | None = None  # the caller began to speak a message, as far as anybody told
    files: tuple[SpoolFile, ...] = ()
    audio: StoredAudio | None = None
    reason: str = ""  # of the last step
    attempts: int = 0  # failed tries since the call ended
    stored_at: datetime | None = None
    moves: tuple[Move, ...] = ()
