"""Spoken prompts: from the catalogue's words to ``<sounds>/kakehashi/<language>/<name>.wav``.

Japanese is spoken by open-jtalk with the voice "NIT ATR503 M001" (Nagoya Institute of Technology, CC BY 3.0), English
by flite's "slt" where it is installed and by espeak-ng otherwise. Every file is 8 kHz, 16 bit, mono, trimmed and
brought to one loudness. Blocking: call it from a thread, or at set-up.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cti.domain.errors import Unavailable
from ivr.sound import duration_of, measure, write_atomic
from ivr.texts import LANGUAGES, SpokenText, catalogue
from ivr.voices import Voices, find_voices

# Part of every cache key: raise it when the steps below change what comes out.
RECIPE = 1
# Active level of the files. Telephone prompts sit around -20 dBFS: as loud as a person, 10 dB below clipping peaks.
LEVEL_DBFS = -20.0
# What sox gets for one prompt, what a voice gets: a sentence takes 0.3 s; a machine under load some seconds.
DEADLINE_S = 60
# Silence after a prompt, so that two in a row do not run into each other; digits are read as one number.
PAUSE_S = 0.25
DIGIT_PAUSE_S = 0.18
# Below the sounds folder, beside the music on hold: what the dialplan calls CTI_SOUNDS.
OURS = "kakehashi"
LENGTHS_FILE = "lengths.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderedPrompt:
    """One sound file."""

    name: str
    language: str
    path: Path
    duration_s: float
    reused: bool  # it was in the cache


@dataclass(frozen=True, kw_only=True, slots=True)
class RenderReport:
    """What render_all did."""

    prompts: tuple[RenderedPrompt, ...]
    english_voice: str  # "flite-slt" or "espeak-ng"

    @property
    def rendered(self) -> int:
        """How many were spoken anew."""
        return sum(not prompt.reused for prompt in self.prompts)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Job:
    name: str
    language: str
    text: SpokenText


class FileLengths:
    """Lengths of prompts as render_all measured them; read once. A missing file means: nothing is known."""

    def __init__(self, sounds: Path) -> None:
        """``sounds`` is the folder that render_all filled: it holds ``kakehashi/``."""
        self._source = sounds / OURS / LENGTHS_FILE
        self._lengths: dict[str, dict[str, float]] = {}
        self._read_as_of_ns = 0
        self.reload()

    def reload(self) -> None:
        """Read again, after prompts were rendered."""
        self._read_as_of_ns = self._changed_ns()
        try:
            self._lengths = json.loads(self._source.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self._lengths = {}

    def length_s(self, name: str, language: str) -> float | None:
        """Seconds of sound, or None when it was not measured."""
        known = self._lengths.get(language, {}).get(name)
        # Rendered since we looked, perhaps; one look at the file's time, and only for prompts that are new.
        if known is None and self._changed_ns() != self._read_as_of_ns:
            self.reload()
            known = self._lengths.get(language, {}).get(name)
        return known

    def _changed_ns(self) -> int:
        try:
            return self._source.stat().st_mtime_ns
        except FileNotFoundError:
            return 0


def render_all(
    sounds: Path,
    cache: Path,
    *,
    texts: Mapping[str, Mapping[str, str]] | None = None,
    voices: Voices | None = None,
    jobs: int | None = None,
) -> RenderReport:
    """Make ``sounds/kakehashi/<language>/<name>.wav`` for the whole catalogue and for ``texts``.

    ``texts`` is prompt name → language → words (``Menu.texts()``). Unchanged words come from ``cache``. Lengths are
    written to ``sounds/kakehashi/lengths.json`` and keep what earlier runs wrote. Raises Unavailable when a voice or a
    tool is missing (says how to get it) or fails.
    """
    voices = voices or find_voices()
    target = sounds / OURS
    cache.mkdir(parents=True, exist_ok=True)
    work = [_Job(name=name, language=lang, text=text) for lang in LANGUAGES for name, text in catalogue(lang).items()]
    for name, words in (texts or {}).items():
        work += [_Job(name=name, language=lang, text=SpokenText(words=words[lang], voice=lang)) for lang in LANGUAGES]
    for language in LANGUAGES:
        (target / language).mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=jobs or os.cpu_count() or 1) as pool:
        prompts = tuple(pool.map(lambda job: _render(job, target, cache, voices), work))
    _write_lengths(target, prompts)
    return RenderReport(prompts=prompts, english_voice=voices.english)


def render_texts(sounds: Path, cache: Path, texts: Mapping[str, Mapping[str, str]]) -> None:
    """The same for some texts only, while callers are served. Blocking: call it from a thread."""
    voices = find_voices()
    target = sounds / OURS
    cache.mkdir(parents=True, exist_ok=True)
    jobs = [
        _Job(name=name, language=language, text=SpokenText(words=words[language], voice=language))
        for name, words in texts.items()
        for language in LANGUAGES
    ]
    for language in LANGUAGES:
        (target / language).mkdir(parents=True, exist_ok=True)
    _write_lengths(target, [_render(job, target, cache, voices) for job in jobs])


def _render(job: _Job, target: Path, cache: Path, voices: Voices) -> RenderedPrompt:
    kept = cache / f"{_fingerprint(job, voices)}.wav"
    reused = kept.exists()
    if not reused:
        with tempfile.TemporaryDirectory(prefix="kakehashi-prompt-") as scratch:
            write_atomic(kept, _speak(job, Path(scratch), voices).read_bytes())
    path = target / job.language / f"{job.name}.wav"
    content = kept.read_bytes()
    if not path.exists() or path.read_bytes() != content:
        write_atomic(path, content)
    return RenderedPrompt(name=job.name, language=job.language, path=path, duration_s=duration_of(path), reused=reused)


def _fingerprint(job: _Job, voices: Voices) -> str:
    parts = (str(RECIPE), voices.name_of(job.text.voice), str(_pause_s(job)), job.text.words)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _pause_s(job: _Job) -> float:
    return DIGIT_PAUSE_S if _is_digit(job) else PAUSE_S


def _is_digit(job: _Job) -> bool:
    """A digit of a number that is read back: said slowly, since the caller compares."""
    return job.name.startswith("digit-")


def _speak(job: _Job, scratch: Path, voices: Voices) -> Path:
    """Words → voice → trimmed telephone sound → one loudness."""
    words, spoken, plain, levelled = (scratch / name for name in ("text", "spoken.wav", "plain.wav", "levelled.wav"))
    words.write_text(job.text.words + "\n", encoding="utf-8")
    _run(voices.command(job.text.voice, words, spoken, slowly=_is_digit(job)), job)
    trim = ("silence", "1", "0.02", "0.3%", "reverse", "silence", "1", "0.02", "0.3%", "reverse")
    # Below 100 Hz a telephone carries nothing but rumble; headroom first, since resampling may overshoot.
    _run(
        (voices.sox, spoken, "-b", "16", "-c", "1", plain, "gain", "-6", "highpass", "100", *trim, "rate", "8000"), job
    )
    gain = LEVEL_DBFS - measure(plain).active_dbfs
    _run((voices.sox, plain, levelled, "gain", "-l", f"{gain:.2f}", "pad", "0.02", str(_pause_s(job))), job)
    return levelled


def _run(command: Sequence[str | Path], job: _Job) -> None:
    what = f"prompt {job.name!r} ({job.language})"
    try:
        done = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{what}: {command[0]} did not run: {error}") from error
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Unavailable(f"{what}: {command[0]} failed: {reason[-1] if reason else done.returncode}")


def _write_lengths(target: Path, prompts: Sequence[RenderedPrompt]) -> None:
    lengths: dict[str, dict[str, float]] = {language: {} for language in LANGUAGES}
    source = target / LENGTHS_FILE
    if source.exists():
        lengths |= json.loads(source.read_text(encoding="utf-8"))
    for prompt in prompts:
        lengths[prompt.language][prompt.name] = round(prompt.duration_s, 3)
    write_atomic(source, (json.dumps(lengths, indent=1, sort_keys=True) + "\n").encode())
