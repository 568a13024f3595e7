"""The trunk's policy in Asterisk's words: narrow as always, wide where it is declared, refused where it cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cti.asteriskconf.prove import Verdict
from cti.asteriskconf.render import render
from cti.asteriskconf.sound import judge_sound, lacking_module
from cti.domain.errors import ConfigError
from tests.unit.asteriskconf.test_render import SETTINGS, code, section

WIDE = replace(SETTINGS, trunk_codecs=("g722", "ulaw", "alaw"), record_hz=16000)


def dialplan(text: str, *words: str) -> list[str]:
    return [line for line in code(text) if all(word in line for word in words)]


def test_a_narrow_trunk_is_as_it_always_was() -> None:
    files = render(SETTINGS)
    trunk, agent = section(files["pjsip.conf"], "trunk"), section(files["pjsip.conf"], "agent")
    assert "allow = ulaw,alaw" in code(trunk)
    assert "allow = ulaw" in code(agent)
    assert "incoming_call_offer_pref" not in trunk
    assert "codec_g722" not in files["modules.conf"]
    assert "CTI_WIDE" not in files["extensions.conf"]
    assert "wav16" not in files["extensions.conf"]
    assert not dialplan(files["extensions.conf"], "Dial(", "cti-narrow")


def test_a_wide_trunk_offers_g722_and_its_calls_are_recorded_by_what_they_speak() -> None:
    files = render(WIDE)
    trunk, agent = code(section(files["pjsip.conf"], "trunk")), code(section(files["pjsip.conf"], "agent"))
    assert "allow = g722,ulaw,alaw" in trunk
    # One codec an answer: the carrier cannot change in mid-call what the file's rate was chosen by.
    assert "incoming_call_offer_pref = local_first" in trunk
    assert "allow = g722,ulaw" in agent
    assert "require = codec_g722.so" in code(files["modules.conf"])
    text = files["extensions.conf"]
    speaks = '${REGEX("g722" ${CHANNEL(audionativeformat)})}'
    assert dialplan(text, f"Set(__CTI_WIDE=${{IF({speaks}?16:)}})")
    assert dialplan(text, f'Set(CTI_LEG_WIDE=${{IF($["${{CTI_WIDE}}" = "16" & {speaks}]?16:)}})')
    caller, leg, callback = dialplan(text, ",MixMonitor(")
    assert caller.count(".wav${CTI_WIDE}") == 2
    assert leg.count(".wav${CTI_LEG_WIDE}") == 3
    assert callback.count(".wav,") + callback.count(".wav)") == 2


def test_calls_that_we_place_are_narrow_on_a_wide_trunk() -> None:
    text = render(WIDE)["extensions.conf"]
    assert "exten => s,1,Set(PJSIP_MEDIA_OFFER(audio)=!all,ulaw,alaw)" in code(section(text, "cti-narrow"))
    assert len(dialplan(text, "Dial(PJSIP/${CTI_CALLEE}@trunk", "irb(cti-narrow^s^1)U(")) == 2


def test_wide_talks_may_be_recorded_narrow() -> None:
    files = render(replace(WIDE, record_hz=8000))
    assert "allow = g722,ulaw,alaw" in code(section(files["pjsip.conf"], "trunk"))
    assert "CTI_WIDE" not in files["extensions.conf"]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"trunk_codecs": ("g722",)}, "trunk_codecs has g722 alone; add ulaw"),
        (
            {"trunk_codecs": ("ulaw", "alaw")},
            'rate_hz is 16000 and the trunk has no g722; write trunk_codecs = ["g722"',
        ),
        ({"trunk_codecs": ("g722", "ulaw", "g722")}, "trunk_codecs has g722 twice"),
        ({"trunk_codecs": ("g722", "ulaw", "all\nallow=x")}, "there is no such codec; write g722, ulaw, alaw"),
        ({"record_hz": 44100}, "record_hz is 44100: write 8000 or 16000"),
    ],
)
def test_what_cannot_be_had_is_refused(changed: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        render(replace(WIDE, **changed))  # type: ignore[arg-type]  # wrong on purpose
    assert any(problem in one for one in caught.value.problems), caught.value.problems


def test_a_codec_module_that_is_not_there_is_said_with_what_to_do() -> None:
    there = frozenset({"codec_ulaw.so", "codec_g722.so"})
    assert lacking_module(WIDE.trunk_codecs, "/m", there) is None
    assert lacking_module(WIDE.trunk_codecs, "/m", None) is None  # another machine's folder: nothing is known
    assert lacking_module(SETTINGS.trunk_codecs, "/m", frozenset()) is None
    said = lacking_module(WIDE.trunk_codecs, "/m", there - {"codec_g722.so"})
    assert said is not None
    assert said.startswith(
        "trunk_codecs has g722 and /m has no codec_g722.so: install Asterisk's codec modules (Debian:"
    )
    assert judge_sound(WIDE.trunk_codecs, said, 16000).verdict is Verdict.REFUSED


def test_the_check_says_what_the_policy_is() -> None:
    narrow, wide = judge_sound(("ulaw",), None, 8000), judge_sound(WIDE.trunk_codecs, None, 16000)
    assert narrow.sentence == "the trunk offers ulaw; calls are recorded at 8000 Hz"
    policy = "calls are recorded at 16000 Hz where they come in g722, others at 8000 Hz"
    assert wide.sentence == f"the trunk offers g722, ulaw, alaw; {policy}"
    assert {narrow.verdict, wide.verdict} == {Verdict.PROVED}
