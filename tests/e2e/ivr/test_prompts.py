"""The real voices, judged by measurement: nobody here has ears."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from ivr.prompts import LEVEL_DBFS, RenderReport, render_all
from ivr.sound import measure
from ivr.texts import catalogue
from ivr.voices import find_voices
from tests.e2e.ivr.desk import PROMPT_CACHE


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> RenderReport:
    made = render_all(tmp_path_factory.mktemp("sounds"), PROMPT_CACHE)
    assert made.prompts
    return made


def test_every_prompt_is_telephone_sound_of_one_loudness(report: RenderReport) -> None:
    for prompt in report.prompts:
        sound, name = measure(prompt.path), f"{prompt.language}/{prompt.name}"
        assert sound.sample_rate == 8000, name
        assert sound.clipped == 0, name
        assert sound.peak_dbfs < -3, name
        assert sound.active_dbfs == pytest.approx(LEVEL_DBFS, abs=2.5), name


def test_prompts_are_as_long_as_their_words_need(report: RenderReport) -> None:
    for prompt in report.prompts:
        seconds, words = prompt.duration_s, catalogue(prompt.language)[prompt.name].words
        # Japanese runs at 5 to 12 characters a second, English at 10 to 22; kanji say more than a letter does.
        low, high = (0.06, 0.5) if prompt.language == "ja" else (0.03, 0.2)
        assert low * len(words) < seconds < high * len(words) + 0.5, f"{prompt.language}/{prompt.name}: {seconds} s"


def test_a_caller_in_trouble_hears_the_key_for_it_first(report: RenderReport) -> None:
    lengths = {(prompt.language, prompt.name): prompt.duration_s for prompt in report.prompts}
    before = sum(lengths["ja", name] for name in ("greeting", "recorded", "language", "language-other"))
    assert before < 10
    assert catalogue("ja")["member"].words.index("0") < catalogue("ja")["member"].words.index("1")


@pytest.mark.parametrize(
    ("name", "reading"),
    [
        ("reservation", "ヨヤク バンゴー"),
        ("member", "クルマ ガ アカ ナイ"),
        ("member", "オキャク’サマ ワ イチ ヲ"),
        ("reason", "クルマ ガ アカ ナイ"),
        ("reason", "エンチョー ト ヘンキャク"),
        ("recorded", "ツーワ ワ ロクオン"),
        ("visitor", "チューシャ ジョー"),
        ("to-agent", "タントー シャ"),
        ("key-noted", "ウケタマワリ"),
        ("treat-closed", "ウケツ’ケ ワ シューリョー"),
        ("position-4", "ヨン バンメ"),
        ("position-7", "ナナ バンメ"),
        ("position-9", "キュー バンメ"),
        ("position-24", "ニ ジュー ヨン バンメ"),
        ("digit-4", "ヨン"),
        ("digit-7", "ナナ"),
        ("digit-9", "キュー"),
        ("digit-0", "ゼロ"),
    ],
)
def test_open_jtalk_reads_it_as_meant(name: str, reading: str, tmp_path: Path) -> None:
    assert reading in pronounced(catalogue("ja")[name].words, tmp_path)


def pronounced(words: str, folder: Path) -> str:
    """The reading of each word in katakana, from open-jtalk's trace: the tenth field of its analysis."""
    text, trace = folder / "text", folder / "trace"
    text.write_text(words + "\n")
    command = list(find_voices().command("ja", text, folder / "sound.wav"))
    subprocess.run([*command[:-1], "-ot", trace, text], check=True, capture_output=True)
    analysis = re.search(r"\[Text analysis result\]\n(.*?)\n\n", trace.read_text(), re.DOTALL)
    assert analysis
    return " ".join(line.split(",")[9] for line in analysis[1].splitlines())
