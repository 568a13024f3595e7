"""Reasons in words: both catalogues say the same things, every decision's slug is in them."""

from __future__ import annotations

import re
from datetime import datetime
from string import Formatter
from zoneinfo import ZoneInfo

import pytest

from cti.domain.model import AgentId, SkillId
from routing import model
from routing.model import Reason
from routing.reasons import Ids, catalogue, duration, in_words, packed, render, unpacked


class Names:
    def skill(self, skill: SkillId) -> str:
        return {"en": "英語", "ja": "日本語"}.get(skill, skill)

    def agent(self, agent: AgentId) -> str:
        return {"sato": "佐藤 花子"}.get(agent, agent)

    def clock(self, at: datetime) -> str:
        return at.astimezone(ZoneInfo("Asia/Tokyo")).strftime("%H:%M:%S")


OFFER = Reason("longest_idle", {"idle": 3, "want": {"skill": "en", "level": 3}, "priority": 10, "waited_s": 42})


def test_an_offer_in_japanese_and_english() -> None:
    assert render(OFFER, "ja", Names()) == "英語 3以上の3名のうち、待機が最も長い。優先度10、お待ち42秒"
    assert render(OFFER, "en", Ids()) == "longest idle of 3 with en ≥ 3; priority 10, waited 42 s"


def test_a_step_of_a_plan_is_named() -> None:
    step = {"step": 2, "steps": 3, "step_since": "2026-11-21T05:03:20.250000+00:00"}
    stepped = Reason("longest_idle", {**OFFER.params, **step})
    assert render(stepped, "en", Names()).endswith("waited 42 s; step 2 of 3 since 14:03:20")
    assert render(stepped, "en", Ids()).endswith("since 05:03:20")
    assert render(stepped, "ja", Names()).endswith("お待ち42秒。ステップ2/3（14:03:20から）")
    began = Reason("step_began", {"want": {"skill": "en", "level": 3}, **step})
    assert render(began, "en", Names()) == "asks for 英語 ≥ 3; step 2 of 3 since 14:03:20"


def test_a_reason_is_kept_as_data_and_older_ones_are_words_already() -> None:
    assert unpacked(packed(OFFER)) == OFFER
    assert render(unpacked(packed(OFFER)), "en", Ids()) == render(OFFER, "en", Ids())
    for words in ("待機が最も長い", "", "null", "17", '{"slug": 1}', "{broken"):
        assert render(unpacked(words), "en", Ids()) == words


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_the_catalogues_agree() -> None:
    japanese, english = catalogue("ja"), catalogue("en")
    assert japanese.keys() == english.keys()
    for slug, sentence in japanese.items():
        assert fields(sentence) == fields(english[slug]), slug
        assert not re.search(r"[ぁ-んァ-ヶ一-龠]", english[slug]), slug


def test_an_unknown_slug_is_shown_and_an_unknown_language_is_japanese() -> None:
    assert render(Reason("lunch"), "en", Ids()) == "lunch"
    assert render(Reason("closed"), "fr", Ids()) == catalogue("ja")["closed"]


@pytest.mark.parametrize(
    ("want", "ja", "en"),
    [
        ({"all": []}, "スキル不問", "any skills"),
        ({"any": []}, "該当なし", "nobody"),
        ({"agents": ["sato", "mori"]}, "佐藤 花子、moriのいずれか", "one of sato, mori"),
        (
            {
                "all": [
                    {"skill": "ja", "level": 1},
                    {"any": [{"skill": "en", "level": 3}, {"not": {"agents": ["mori"]}}]},
                ]
            },
            "日本語 1以上 かつ (英語 3以上 または （moriのいずれか）以外)",
            "ja ≥ 1 and (en ≥ 3 or not (one of mori))",
        ),
        ({"not": {"profile": "night"}}, "（プロファイルnight）以外", "not (profile night)"),
        ({"odd": 1}, '{"odd": 1}', '{"odd": 1}'),
    ],
)
def test_expressions_in_words(want: dict[str, object], ja: str, en: str) -> None:
    assert in_words(want, "ja", Names()) == ja
    assert in_words(want, "en", Ids()) == en


def test_durations() -> None:
    assert [duration(s, "en") for s in (0, 59, 60, 754)] == ["0 s", "59 s", "1 min 0 s", "12 min 34 s"]
    assert duration(754, "ja") == "12分34秒"


def test_every_slug_the_engine_uses_is_in_the_catalogue() -> None:
    """Read from the source: a new reason without a sentence fails here."""
    from importlib import resources

    source = "".join(
        resources.files("routing").joinpath(name).read_text("utf-8")
        for name in ("engine.py", "offers.py", "room.py", "passage.py", "model.py")
    )
    used = set(re.findall(r'_take_back\([^"]*"(\w+)"', source))
    used |= set(re.findall(r'"(overflow_\w+)"', source)) | {model.CLOSED, model.FULL, model.WAITED}
    used |= {f"closed_{why}" for why in ("weekday", "holiday", "own_days")}
    used |= set(re.findall(r'self\._offer\([^"]*"(\w+)"', source))
    used |= set(re.findall(r'_(?:move|wrap_up)\([^"]*"(\w+)"', source))
    used |= set(re.findall(r'(?:missed|refused)_reason: str = "(\w+)"', source))
    used |= set(re.findall(r'return "(nobody_\w+)" if self\._index\.anybody\(\) else "(\w+)"', source)[0])
    used |= set(re.findall(r'Reason\(\s*"(\w+)"', source))
    assert len(used) >= 17
    assert used <= catalogue("en").keys()
