"""An Asterisk of the run's own, as an unprivileged user, with every folder below the run's."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cti.demo.components import AsteriskInstall, find_asterisk
from cti.demo.folders import RunFolder
from cti.demo.processes import Child, ChildFailed, ChildSpec, RunUser, run_to_end, run_user, start_child

READY_DEADLINE_S = 20.0
CLI_DEADLINE_S = 10.0


@dataclass(frozen=True, kw_only=True)
class AsteriskFolders:
    """Where one Asterisk reads and writes."""

    etc: Path
    spool: Path  # recordings: spool/monitor and whatever the dialplan names below it
    run: Path
    log: Path
    db: Path
    lib: Path
    config: Path  # the asterisk.conf it is started with

    @property
    def written(self) -> tuple[Path, ...]:
        """The folders that Asterisk itself must be able to write."""
        return (self.spool, self.run, self.log, self.db, self.lib)


def asterisk_folders(run: RunFolder) -> AsteriskFolders:
    """The folders of the run's Asterisk; render its configuration into `etc` before `start_asterisk`."""
    base = run.path / "asterisk"
    return AsteriskFolders(
        etc=base / "etc",
        spool=base / "spool",
        run=base / "run",
        log=base / "log",
        db=base / "db",
        lib=base / "lib",
        config=base / "asterisk.conf",
    )


def directories(install: AsteriskInstall, folders: AsteriskFolders) -> dict[str, Path]:
    """The [directories] section of asterisk.conf."""
    return {
        "astetcdir": folders.etc,
        "astmoddir": install.modules,
        "astvarlibdir": folders.lib,
        "astdbdir": folders.db,
        "astkeydir": folders.lib,
        "astdatadir": install.data,
        "astagidir": folders.lib,
        "astspooldir": folders.spool,
        "astrundir": folders.run,
        "astlogdir": folders.log,
        "astsbindir": install.sbin,
    }


def with_directories(text: str, sections: Mapping[str, Path]) -> str:
    """asterisk.conf with these directories instead of its own; its other sections stay as they are."""
    kept = re.sub(r"(?ms)^\[directories\][^\n]*\n.*?(?=^\[|\Z)", "", text)
    lines = "".join(f"{key} => {path}\n" for key, path in sections.items())
    # Debian's and our own later sections must not make it change user: it is started as the right one.
    kept = re.sub(r"(?m)^\s*(runuser|rungroup)\s*=.*$", "", kept)
    return f"[directories]\n{lines}\n{kept}"


@dataclass(frozen=True, kw_only=True)
class RunningAsterisk:
    """A started Asterisk."""

    child: Child
    install: AsteriskInstall
    folders: AsteriskFolders
    user: RunUser | None

    async def cli(self, command: str, deadline_s: float = CLI_DEADLINE_S) -> str:
        """Runs one command of its console (some 60 ms). Raises ChildFailed."""
        spec = _console(self.install, self.folders, self.user, command)
        return await run_to_end(spec, deadline_s)

    async def stop(self) -> None:
        """Ends it at once; calls are hung up."""
        await self.child.stop()


async def start_asterisk(
    run: RunFolder, conf_dir: Path | None = None, *, deadline_s: float = READY_DEADLINE_S
) -> RunningAsterisk:
    """Starts Asterisk on a rendered configuration and returns when it is fully booted.

    `conf_dir` (default: `asterisk_folders(run).etc`) is read in place, so that what is written there later is seen
    by its reloads; its files become readable by Asterisk's user. Raises MissingComponent or ChildFailed.
    """
    install, folders, user = find_asterisk(), asterisk_folders(run), run_user()
    if conf_dir is not None and conf_dir != folders.etc:
        folders = AsteriskFolders(**{**folders.__dict__, "etc": conf_dir})
    _prepare(install, folders, user)
    child = await start_child(
        ChildSpec(
            name="Asterisk",
            argv=[*install.argv, "-f", "-n", "-C", str(folders.config)],
            log=run.log("asterisk"),
            user=user,
            cwd=folders.spool,
            env={"HOME": str(folders.lib)},
        )
    )
    running = RunningAsterisk(child=child, install=install, folders=folders, user=user)

    async def booted() -> bool:
        if not (folders.run / "asterisk.ctl").exists():
            return False
        with contextlib.suppress(ChildFailed):
            await running.cli("core waitfullybooted", deadline_s)
            return True
        return False

    try:
        await child.until_ready(booted, deadline_s)
    except BaseException:
        await child.stop()
        raise
    return running


def _console(install: AsteriskInstall, folders: AsteriskFolders, user: RunUser | None, command: str) -> ChildSpec:
    return ChildSpec(
        name=f"asterisk -rx {command.split(' ')[0]}",
        argv=[*install.argv, "-C", str(folders.config), "-rx", command],
        log=folders.log / "console.log",
        user=user,
        cwd=folders.spool,
        env={"HOME": str(folders.lib)},  # else it writes its history into ours
    )


def _prepare(install: AsteriskInstall, folders: AsteriskFolders, user: RunUser | None) -> None:
    """Makes the folders and gives them to Asterisk's user; we, root or the same user, read and delete below them."""
    folders.config.parent.mkdir(parents=True, exist_ok=True)
    folders.config.parent.chmod(0o711)
    for path in folders.written:
        path.mkdir(mode=0o750, exist_ok=True)
    # The keys folder is <astkeydir>/keys; res_crypto complains when it is not there.
    for path in (folders.lib / "keys", folders.spool / "monitor"):
        path.mkdir(mode=0o750, exist_ok=True)
    rendered = folders.etc / "asterisk.conf"
    text = rendered.read_text() if rendered.exists() else ""
    folders.config.write_text(with_directories(text, directories(install, folders)))
    if user is None:
        return
    for path in (*folders.written, folders.lib / "keys", folders.spool / "monitor"):
        os.chown(path, user.uid, user.gid)
    for path in (folders.config, folders.etc, *folders.etc.rglob("*")):
        os.chown(path, 0, user.gid)
        path.chmod(0o750 if path.is_dir() else 0o640)
