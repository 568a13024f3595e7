"""The folder where Asterisk writes, and the one beside it where the manifests lie. Blocking: call it on a thread."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cti.domain.errors import PeerError
from cti.domain.model import CallId
from recording import manifest, pcm
from recording.encode import hash_file, sync_folder, write_durably
from recording.keys import SpoolName, parse_spool_file
from recording.model import Job
from recording.timeline import Growth
from recording.wav import ASTERISK_HEADER_BYTES, WavInfo, read_info, silent_runs

_MANIFEST = ".manifest.json"
# A manifest of a call with a hundred legs is some 40 KB; more than this was not written by us.
_MANIFEST_MOST_BYTES = 4 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A file of the spool, looked at."""

    name: SpoolName
    path: Path
    size: int  # bytes
    changed_at: datetime


class Spool:
    """Files by call."""

    def __init__(self, *, spool_dir: Path, work_dir: Path) -> None:
        self._spool = spool_dir
        self._work = work_dir

    def prepare(self) -> None:
        """Make our own folder. Asterisk's must exist, with rights for both sides; raises OSError otherwise."""
        os.scandir(self._spool).close()
        self._work.mkdir(mode=0o750, parents=True, exist_ok=True)
        # Halves of files from before a crash; nothing refers to them.
        for part in self._work.glob("*.part"):
            part.unlink(missing_ok=True)

    def files_of(self, call_id: CallId) -> list[Seen]:
        """Every file of one call."""
        return list(self._all(prefix=call_id))

    def by_call(self) -> dict[CallId, list[Seen]]:
        """Every file, by call."""
        found: dict[CallId, list[Seen]] = {}
        for seen in self._all():
            found.setdefault(seen.name.call_id, []).append(seen)
        return found

    def _all(self, prefix: str = "") -> Iterable[Seen]:
        with os.scandir(self._spool) as found:
            # By name first: a day of waiting recordings is 50,000 files, and a look at each costs.
            entries = [(entry, parse_spool_file(entry.name)) for entry in found if entry.name.startswith(prefix)]
        for entry, name in entries:
            if name is None:
                continue
            with contextlib.suppress(FileNotFoundError):
                looked = entry.stat(follow_symlinks=False)
                if not stat.S_ISREG(looked.st_mode):
                    continue  # a link could name any file that we may read, and we would upload it
                changed_at = datetime.fromtimestamp(looked.st_mtime, UTC)
                yield Seen(name=name, path=Path(entry.path), size=looked.st_size, changed_at=changed_at)

    def look(self, names: Iterable[str]) -> dict[str, Growth]:
        """Frames on disk of files that are being written (16-bit mono, as Asterisk writes), since when, by name."""
        looks: dict[str, Growth] = {}
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                looked = (self._spool / name).stat()
                frames = max(0, looked.st_size - ASTERISK_HEADER_BYTES) // pcm.WIDTH
                looks[name] = Growth(at=datetime.fromtimestamp(looked.st_mtime, UTC), frames=frames)
        return looks

    def info(self, seen: Seen) -> WavInfo:
        """What a file holds. Raises PeerError when it is no recording."""
        return read_info(seen.path)

    def take_in(self, seen: Seen) -> str:
        """A file's SHA-256, once its bytes are on the disk."""
        digest, _ = hash_file(seen.path, sync=True)
        return digest

    def silences(self, seen: Seen, info: WavInfo) -> tuple[tuple[int, int], ...]:
        """Where a file holds nothing at all (recording.wav.silent_runs); () when it is gone."""
        with contextlib.suppress(FileNotFoundError):
            return silent_runs(seen.path, info)
        return ()

    def path(self, name: str) -> Path:
        """A spool file's place."""
        return self._spool / name

    def work_path(self, name: str) -> Path:
        """A place in our own folder."""
        return self._work / name

    def save(self, job: Job) -> None:
        """Write the manifest, durably."""
        write_durably(self._work / f"{job.call_id}{_MANIFEST}", manifest.to_json(job))

    def forget(self, job: Job) -> None:
        """Delete the manifest."""
        (self._work / f"{job.call_id}{_MANIFEST}").unlink(missing_ok=True)

    def load(self, call_id: CallId) -> Job | None:
        """A call's manifest, or None. Raises PeerError when it cannot be read."""
        try:
            return manifest.from_json((self._work / f"{call_id}{_MANIFEST}").read_bytes())
        except FileNotFoundError:
            return None

    def jobs(self) -> tuple[list[Job], list[str]]:
        """Every manifest; and the names of those that cannot be read, which are left where they are."""
        jobs: list[Job] = []
        broken: list[str] = []
        for path in sorted(self._work.glob(f"*{_MANIFEST}")):
            try:
                if path.stat().st_size > _MANIFEST_MOST_BYTES:
                    raise PeerError("too large")
                jobs.append(manifest.from_json(path.read_bytes()))
            except PeerError:
                broken.append(path.name)
        return jobs, broken

    def delete(self, job: Job) -> list[str]:
        """Delete a stored call's files, spool and work; names of files that grew since and were therefore kept."""
        kept: list[str] = []
        known = {file.name: file.size for file in job.files}
        for seen in self.files_of(job.call_id):
            if known.get(seen.path.name, seen.size) != seen.size:
                kept.append(seen.path.name)
                continue
            seen.path.unlink(missing_ok=True)
        for path in self._work.glob(f"{job.call_id}.*"):
            if not path.name.endswith(_MANIFEST):
                path.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            sync_folder(self._spool)
        return kept


class GrowthLog:
    """How files grew while they were written: what tells where lost time belongs. Bounded."""

    # Asterisk flushes each 2.0 s at 8 kHz, 1.0 s at 16 kHz: eight hours, four. Older looks go first; their gaps are
    # then put together.
    MOST = 14_400

    def __init__(self) -> None:
        self._looks: dict[str, list[Growth]] = {}

    def note(self, name: str, frames: int, at: datetime) -> None:
        """A look at a file; remembered when it has grown."""
        looks = self._looks.setdefault(name, [])
        if frames > (looks[-1].frames if looks else 0):
            looks.append(Growth(at=at, frames=frames))
            if len(looks) > self.MOST:
                del looks[0]

    def of(self, name: str) -> tuple[Growth, ...]:
        """All looks at a file."""
        return tuple(self._looks.get(name, ()))

    def forget(self, call_id: CallId) -> None:
        """Drop a call's files."""
        for name in [name for name in self._looks if name.startswith(call_id)]:
            del self._looks[name]
