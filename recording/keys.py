"""Names of things: objects in the store, files in the spool. PURE.

An object's key holds no personal data: tenant, day and our own call id. The day is the call's arrival in UTC, so
that a key can be computed without knowing any time zone, and a day's objects lie together for lifecycle rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from cti.domain.errors import CallerError
from cti.domain.model import CallId, TenantId, UniqueId

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_CALL_ID = re.compile(_UUID)
# Slugs as the desk's configuration allows them; nothing that could climb out of a folder.
_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
# Asterisk's Uniqueid: epoch seconds and a counter, with "<systemname>-" before it where asterisk.conf names one.
_UNIQUEID = r"(?:[A-Za-z0-9_.-]{1,64}-)?[0-9]{1,12}\.[0-9]{1,12}"
_SPOOL_FILE = re.compile(rf"({_UUID})-(?:(m)|(?:c|a-({_UNIQUEID})(?:-p([0-9]{{1,2}}))?)(?:-(rx|tx))?)\.(wav(?:16)?)")
_OBJECT_KEY = re.compile(rf"({_TENANT.pattern})/([0-9]{{4}})/([0-9]{{2}})/([0-9]{{2}})/({_UUID})(\.[a-z0-9.]{{1,16}})")

# Asterisk's names of its two WAV formats (format_wav.c), and the frames per second that each holds.
RATES = {"wav": 8000, "wav16": 16000}
NARROW, WIDE = RATES.values()
_EXTENSIONS = {rate: extension for extension, rate in RATES.items()}

MANIFEST_SUFFIX = ".json"
PEAKS_SUFFIX = ".peaks.json"


class Direction(StrEnum):
    """Which sound of a channel a spool file holds."""

    BOTH = ""  # the mix
    RX = "rx"  # what Asterisk received from that phone: what its person said
    TX = "tx"  # what Asterisk sent to that phone: what its person heard


@dataclass(frozen=True, kw_only=True, slots=True)
class SpoolName:
    """A file in the recording spool, as docs/dialplan.md names them."""

    call_id: CallId
    uniqueid: UniqueId | None  # the agent's leg; None: the caller's own channel
    direction: Direction
    message: bool = False  # what the caller left for the desk; the caller's file holds it too, this one is its mark
    part: int = 0  # of an agent's leg: which further file it is, for a leg can go on in another (cti.renewals)
    rate: int = NARROW  # frames per second that its extension promises; what is inside, the file's header says

    @property
    def base(self) -> str:
        """The name as RecordingStarted announces it: without direction and extension."""
        if self.message:
            return f"{self.call_id}-m"
        if self.uniqueid is None:
            return f"{self.call_id}-c"
        return f"{self.call_id}-a-{self.uniqueid}" + (f"-p{self.part}" if self.part else "")

    @property
    def file_name(self) -> str:
        """The name on disk."""
        direction = f"-{self.direction.value}" if self.direction is not Direction.BOTH else ""
        return f"{self.base}{direction}.{_EXTENSIONS[self.rate]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectKeys:
    """Where one recording's objects lie in the store."""

    audio: str
    manifest: str
    peaks: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectName:
    """An object's key, read."""

    tenant: TenantId
    day: date
    call_id: CallId
    suffix: str  # with its dot: ".webm", ".peaks.json"


def parse_spool_file(name: str) -> SpoolName | None:
    """The file of the spool that this name is, or None: something else lies there."""
    match = _SPOOL_FILE.fullmatch(name)
    if match is None:
        return None
    call_id, message, uniqueid, part, direction, extension = match.groups()
    return SpoolName(
        call_id=CallId(call_id),
        uniqueid=UniqueId(uniqueid) if uniqueid else None,
        direction=Direction(direction or ""),
        message=message is not None,
        part=int(part or 0),
        rate=RATES[extension],
    )


def parse_base(base: str) -> SpoolName | None:
    """The file that RecordingStarted announces (a base name), or None. At which rate it is recorded no base says."""
    name = parse_spool_file(f"{base}.wav")
    return name if name is not None and name.direction is Direction.BOTH else None


def object_keys(tenant: TenantId, call_id: CallId, arrived_at: datetime, *, suffix: str) -> ObjectKeys:
    """Keys of a recording. Raises CallerError when tenant or call id could not be part of a safe key."""
    if _TENANT.fullmatch(tenant) is None:
        raise CallerError(f"tenant {tenant!r} cannot be part of an object key: use a-z, 0-9, - and _")
    if _CALL_ID.fullmatch(call_id) is None:
        raise CallerError(f"call id {call_id!r} cannot be part of an object key: it must be a lower-case UUID")
    stem = f"{tenant}/{arrived_at.astimezone(UTC):%Y/%m/%d}/{call_id}"
    return ObjectKeys(audio=stem + suffix, manifest=stem + MANIFEST_SUFFIX, peaks=stem + PEAKS_SUFFIX)


def parse_object_key(key: str) -> ObjectName | None:
    """What a key says, or None when it is not one of ours."""
    match = _OBJECT_KEY.fullmatch(key)
    if match is None:
        return None
    tenant, year, month, day, call_id, suffix = match.groups()
    try:
        on = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return ObjectName(tenant=TenantId(tenant), day=on, call_id=CallId(call_id), suffix=suffix)
