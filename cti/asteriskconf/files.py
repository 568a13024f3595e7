"""Putting rendered files in place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cti.domain.errors import ConfigError

# Text is configuration: owner writes, Asterisk's group reads, for pjsip.conf and manager.conf hold passwords.
TEXT_MODE = 0o640
# Bytes are sounds, which are no secret.
BYTES_MODE = 0o644


def write(files: Mapping[str, str | bytes], directory: Path) -> tuple[str, ...]:
    """Write ``files`` into ``directory`` (made if missing) and return the names of those that changed.

    Every file is first written and synced beside its place, then all are renamed: a full disk changes nothing, and
    Asterisk never reads half a file. Unchanged files are not touched. Run as root, the files get the directory's
    owner and group, so that an unprivileged Asterisk can read what it could before.

    Blocking. Raises ConfigError when the directory cannot be written.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        owner = directory.stat()
        for name, content in files.items():
            data, mode = (content.encode(), TEXT_MODE) if isinstance(content, str) else (content, BYTES_MODE)
            target = directory / name
            if target.is_file() and target.read_bytes() == data:
                continue
            staged.append((_stage(target, data, mode, owner), target))
        for temporary, target in staged:
            temporary.replace(target)
        _sync_directory(directory)
    except OSError as error:
        raise ConfigError(
            [f"{directory}: cannot write ({error.strerror}): choose a folder that this user may write to"]
        ) from error
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
    return tuple(target.name for _, target in staged)


def _stage(target: Path, data: bytes, mode: int, owner: os.stat_result) -> Path:
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
