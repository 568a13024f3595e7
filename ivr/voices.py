"""Which voices and tools this machine has, and what to do when one is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cti.domain.errors import Unavailable

VOICE_FILE = Path("hts-voice/nitech-jp-atr503-m001/nitech_jp_atr503_m001.htsvoice")
DICTIONARIES = (Path("/var/lib/mecab/dic/open-jtalk/naist-jdic"), Path("/usr/share/open-jtalk/dic"))
# A little faster than the voices' own pace: callers know what they want.
JAPANESE_SPEED = "1.1"
# A digit alone lasts 0.2 s at that pace, too short to be told from its neighbour over a mobile phone.
JAPANESE_SLOW = "0.8"
ENGLISH_WORDS_PER_MINUTE = "160"


@dataclass(frozen=True, kw_only=True, slots=True)
class Voices:
    """Paths of everything that speaks."""

    open_jtalk: str
    dictionary: Path
    japanese_voice: Path
    english: str  # "flite-slt" or "espeak-ng"
    english_command: str
    sox: str

    def name_of(self, voice: str) -> str:
        """Part of the cache key: another voice makes another sound."""
        return f"open-jtalk {self.japanese_voice.name} {JAPANESE_SPEED}" if voice == "ja" else self.english

    def command(self, voice: str, words: Path, spoken: Path, *, slowly: bool = False) -> Sequence[str | Path]:
        """The command that speaks the text file ``words`` into ``spoken``."""
        if voice == "ja":
            speed = JAPANESE_SLOW if slowly else JAPANESE_SPEED
            model = ("-x", self.dictionary, "-m", self.japanese_voice, "-r", speed)
            return (self.open_jtalk, *model, "-ow", spoken, words)
        if self.english == "flite-slt":
            return (self.english_command, "-voice", "slt", "-f", words, "-o", spoken)
        return (self.english_command, "-v", "en-us", "-s", ENGLISH_WORDS_PER_MINUTE, "-f", words, "-w", spoken)


def find_voices(folders: Sequence[Path] | None = None) -> Voices:
    """Look at the usual places and in ``folders`` (each holding ``hts-voice/``).

    Raises Unavailable naming every missing part and the Debian package that brings it.
    """
    missing: list[str] = []

    def tool(name: str, package: str) -> str:
        path = shutil.which(name)
        if path is None:
            missing.append(f"{name} (apt-get install {package})")
        return path or name

    dictionary = next((path for path in DICTIONARIES if (path / "sys.dic").exists()), None)
    if dictionary is None:
        missing.append("the dictionary of open-jtalk (apt-get install open-jtalk-mecab-naist-jdic)")
    voice = next((path for path in _voice_files(folders) if path.exists()), None)
    if voice is None:
        missing.append(
            "the Japanese voice (enable Debian's contrib and apt-get install hts-voice-nitech-jp-atr503-m001,"
            " or run scripts/bring/voices)"
        )
    flite = shutil.which("flite")
    english = flite or tool("espeak-ng", "flite, or espeak-ng")
    open_jtalk, sox = tool("open_jtalk", "open-jtalk"), tool("sox", "sox")
    if missing or dictionary is None or voice is None:
        raise Unavailable(f"prompts cannot be spoken; missing: {'; '.join(missing)}")
    return Voices(
        open_jtalk=open_jtalk,
        dictionary=dictionary,
        japanese_voice=voice,
        english="flite-slt" if flite else "espeak-ng",
        english_command=english,
        sox=sox,
    )


def _voice_files(folders: Sequence[Path] | None) -> list[Path]:
    places = list(folders or [])
    if cache := os.environ.get("KAKEHASHI_CACHE"):
        places.append(Path(cache) / "voices/usr/share")
    # Where scripts/bring/voices puts it, for root and for everybody else.
    places += [Path("/usr/share"), Path("/var/cache/kakehashi/voices/usr/share")]
    places.append(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kakehashi/voices/usr/share")
    return [place / VOICE_FILE for place in places]
