"""How wide calls sound, and at which rate they are recorded: the trunk's policy in Asterisk's words. Pure.

Where both sides speak G.722 nothing is converted. docs/decisions/0300-wide-by-trunk.md.
"""

from __future__ import annotations

from cti.asteriskconf.checks import Checker
from cti.asteriskconf.prove import Finding, Verdict
from cti.asteriskconf.settings import AsteriskSettings
from cti.domain.trunksound import CODECS, NARROW_HZ, WIDE_CODEC, WIDE_HZ, is_wide, narrow, sound_problem

# Asterisk's module that a wide trunk needs.
WIDE_MODULE = f"codec_{WIDE_CODEC}.so"
# What a channel speaks is known when it is answered: "(g722)".
_SPEAKS_WIDE = f'${{REGEX("{WIDE_CODEC}" ${{CHANNEL(audionativeformat)}})}}'
_NARROW = f" ; At {NARROW_HZ} Hz, as the trunk sounds."


def check_sound(checker: Checker, settings: AsteriskSettings) -> None:
    """Collect what cannot be had."""
    for codec in settings.trunk_codecs:
        checker.known("trunk_codecs", codec, set(CODECS), f"codec; write {', '.join(CODECS)}")
    if settings.record_hz not in (NARROW_HZ, WIDE_HZ):
        checker.problems.append(
            f"asterisk settings: record_hz is {settings.record_hz!r}: write {NARROW_HZ} or {WIDE_HZ}"
        )
    if (problem := sound_problem(settings.trunk_codecs, settings.record_hz)) is not None:
        checker.problems.append(f"asterisk settings: {problem[0]} {problem[1]}")


def sound_values(settings: AsteriskSettings) -> dict[str, str]:
    """What fills the templates' blanks about codecs and rates."""
    talks = WIDE_CODEC in settings.trunk_codecs
    records = is_wide(settings.trunk_codecs, settings.record_hz)
    leg_too = f'$["${{CTI_WIDE}}" = "16" & {_SPEAKS_WIDE}]'
    return {
        "trunk_codecs": ",".join(settings.trunk_codecs),
        # One codec an answer, the first of ours that the carrier has: else their side might change it in mid-call.
        "trunk_choice": "incoming_call_offer_pref = local_first" if talks else "; The carrier chooses among them.",
        "agent_codecs": f"{WIDE_CODEC},ulaw" if talks else "ulaw",
        "wide_modules": f"require = {WIDE_MODULE}" if talks else "; No wide codec: trunk_codecs names none.",
        "placed_codecs": "b(cti-narrow^s^1)" if talks else "",
        "narrow_codecs": ",".join(("!all", *narrow(settings.trunk_codecs))),
        # "16" where the caller is wide, for the whole call; other legs have the smaller file where their phone is not.
        "caller_rate": f" same => n,Set(__CTI_WIDE=${{IF({_SPEAKS_WIDE}?16:)}})" if records else _NARROW,
        "caller_wav": "wav${CTI_WIDE}" if records else "wav",
        "leg_rate": f" same => n,Set(CTI_LEG_WIDE=${{IF({leg_too}?16:)}})" if records else _NARROW,
        "leg_wav": "wav${CTI_LEG_WIDE}" if records else "wav",
    }


def lacking_module(codecs: tuple[str, ...], folder: str, files: frozenset[str] | None) -> str | None:
    """A sentence when Asterisk's folder of modules has not what the codecs need.

    ``files``: what is in ``folder``; None: it cannot be seen from here, and nothing is said.
    """
    if WIDE_CODEC not in codecs or files is None or WIDE_MODULE in files:
        return None
    return (
        f"trunk_codecs has {WIDE_CODEC} and {folder} has no {WIDE_MODULE}: install Asterisk's codec modules "
        f"(Debian: the package asterisk-modules), or leave {WIDE_CODEC} out and set rate_hz = {NARROW_HZ}"
    )


def judge_sound(codecs: tuple[str, ...], lacking: str | None, record_hz: int) -> Finding:
    """What `asterisk-conf check` says of the policy."""
    if lacking is not None:
        return Finding(part="sound", verdict=Verdict.REFUSED, sentence=lacking)
    rate_hz = WIDE_HZ if is_wide(codecs, record_hz) else NARROW_HZ
    sentence = f"the trunk offers {', '.join(codecs)}; calls are recorded at {rate_hz} Hz"
    if rate_hz == WIDE_HZ:
        sentence += f" where they come in {WIDE_CODEC}, others at {NARROW_HZ} Hz"
    return Finding(part="sound", verdict=Verdict.PROVED, sentence=sentence)
