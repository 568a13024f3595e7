"""Telephone numbers as Japanese trunks send them: understood once, kept as E.164, shown as people write them.

Pure and total: no function here raises for any string. Shapes by prefix come from the numbering plan of
the Ministry of Internal Affairs and Communications (電気通信番号計画) and stand in a table of our own,
because they change by law before they reach a library (060 became mobile in July 2026; 0600 stayed what it
was). ``phonenumbers`` serves where it is right and a table of ours would be long: how some five hundred
area codes are cut, and how long the numbers of other countries may be.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache

import phonenumbers

from cti.domain.model import CallerKind, CallerNumber

# E.164 has 15 digits at most; with 010, brackets and many hyphens no honest number is longer than this.
_MAX_RAW = 40
# No number that one country dials from another is shorter; +81110 must still be seen for what it is.
_SHORT = 5
# Names longer than this are people's or attackers' names, never one of the network's four.
_MAX_NAME = 64

# What people, phones and gateways put between digits. NFKC has already folded the full-width forms of most.
_SEPARATORS = re.compile(r"[\s\-‐‑‒–—―−ーｰ.()/]")
_DIALLABLE = re.compile(r"\+?[0-9]+", re.ASCII)
_SHOWN = re.compile(r"18[46](?=0|1[01][089]$)")


class NumberClass(StrEnum):
    """What kind of line a number is."""

    MOBILE = "mobile"  # 060, 070, 080, 090
    GEOGRAPHIC = "geographic"  # 03, 06, 0466 …
    IP = "ip"  # 050
    TOLL_FREE = "toll_free"  # 0120, 0800
    NAVI_DIAL = "navi_dial"  # 0570: the caller pays, often much
    PREMIUM = "premium"  # 0990
    PAGER = "pager"  # 0204
    DATA = "data"  # 020 and 0200: machines
    FOLLOW_ME = "follow_me"  # 0600: fixed and mobile in one (FMC)
    OTHER_SERVICE = "other_service"  # 0170, 0180, 091: recorded information, satellite and the like
    EMERGENCY = "emergency"  # 110, 118, 119
    SHORT_CODE = "short_code"  # 104, 117, 171, 188 …
    INTERNATIONAL = "international"  # any country but Japan
    INVALID = "invalid"  # no number at all


EMERGENCY_NUMBERS = frozenset({"110", "118", "119"})  # police, coast guard, fire and ambulance

# Domestic shapes, first match wins: digits with the leading 0, class, how people cut it (empty: ask
# phonenumbers).
_SHAPES: tuple[tuple[re.Pattern[str], NumberClass, tuple[int, ...]], ...] = (
    (re.compile(r"0120\d{6}"), NumberClass.TOLL_FREE, (4, 3, 3)),
    (re.compile(r"0800\d{7}"), NumberClass.TOLL_FREE, (4, 3, 4)),
    (re.compile(r"0570\d{6}"), NumberClass.NAVI_DIAL, (4, 3, 3)),
    (re.compile(r"0990\d{6}"), NumberClass.PREMIUM, (4, 3, 3)),
    (re.compile(r"01[78]0\d{6}"), NumberClass.OTHER_SERVICE, (4, 3, 3)),
    (re.compile(r"0600\d{7}"), NumberClass.FOLLOW_ME, (4, 3, 4)),
    (re.compile(r"0[6789]0[1-9]\d{7}"), NumberClass.MOBILE, (3, 4, 4)),
    (re.compile(r"050[1-9]\d{7}"), NumberClass.IP, (3, 4, 4)),
    (re.compile(r"0200\d{10}"), NumberClass.DATA, (4, 5, 5)),
    (re.compile(r"0204\d{7}"), NumberClass.PAGER, (4, 3, 4)),
    (re.compile(r"020[1-9]\d{7}"), NumberClass.DATA, (3, 4, 4)),
    (re.compile(r"091\d{7,10}"), NumberClass.OTHER_SERVICE, ()),
    # Two digits of 00, 0 of the service codes above (0?0) are no area codes.
    (re.compile(r"0[1-9][1-9]\d{7}"), NumberClass.GEOGRAPHIC, ()),
    (re.compile(r"0[1-9]0\d{7}"), NumberClass.INVALID, ()),
)

_SHAPE = re.compile("|".join(f"({shape.pattern})" for shape, _, _ in _SHAPES))  # its group's number is the shape's

# The network's four reasons for sending no number: as a SIP display name (on
# sip:anonymous@anonymous.invalid), as some exchanges translate it, and below as the single letter that
# analogue Number Display delivers in the number's place.
_REASONS: dict[str, CallerKind] = {
    "anonymous": CallerKind.WITHHELD,
    "非通知": CallerKind.WITHHELD,
    "非通知設定": CallerKind.WITHHELD,
    "coin line/payphone": CallerKind.PAYPHONE,
    "公衆電話": CallerKind.PAYPHONE,
    "unavailable": CallerKind.OUT_OF_AREA,
    "表示圏外": CallerKind.OUT_OF_AREA,
    "interaction with other service": CallerKind.CONFLICT,
    "サービス競合": CallerKind.CONFLICT,
}
_LETTERS: dict[str, CallerKind] = {
    "p": CallerKind.WITHHELD,
    "c": CallerKind.PAYPHONE,
    "o": CallerKind.OUT_OF_AREA,
    "s": CallerKind.CONFLICT,
}


def parse_caller(number: str, name: str) -> CallerNumber:
    """Understand a caller ID as Asterisk hands it over: ``number`` and ``name`` raw, of any length.

    "Anonymous" always wins over a number that came along, because withholding is the caller's wish; the
    other three names are remarks of the network and give way to a number that makes sense. Neither: UNKNOWN.
    """
    reason = _reason(name) or _reason(number) or _LETTERS.get(number.strip().lower())
    if reason is CallerKind.WITHHELD:
        return CallerNumber(kind=CallerKind.WITHHELD)
    e164 = _subscriber(_clean(number))
    if e164 is not None:
        return CallerNumber(kind=CallerKind.NUMBER, e164=e164, national=national(e164))
    return CallerNumber(kind=reason or CallerKind.UNKNOWN)


@lru_cache(maxsize=1024)  # our own numbers are few
def parse_called(number: str) -> str:
    """The number called as E.164 ("+81312345678"), from any way of writing it.

    Lenient on length, as it is our own number and the desk's file decides whether it exists. A short code or
    an extension has no E.164 and comes back as its digits; what is no number at all comes back as "".
    """
    text = _clean(number)
    if text is None:
        return ""
    e164 = _to_e164(text)
    return e164 if len(e164) <= 16 else ""  # "+" and 15 digits


def national(e164: str) -> str:
    """As people here write it: "090-1234-5678"; foreign numbers as "+1 202-555-0123"; others unchanged."""
    domestic = _domestic(e164)
    if domestic is None:
        return _formatted(e164, phonenumbers.PhoneNumberFormat.INTERNATIONAL) or e164
    _, cuts = _shape(domestic)
    if cuts:
        parts, at = [], 0
        for size in cuts:
            parts.append(domestic[at : at + size])
            at += size
        return "-".join(parts)
    # Of an area code it does not know (021, 091) phonenumbers leaves out even the 0.
    shown = _formatted(e164, phonenumbers.PhoneNumberFormat.NATIONAL) or domestic
    return shown if shown.replace("-", "") == domestic else domestic


def classify(number: str) -> NumberClass:
    """What kind of line ``number`` (E.164, national in any form, or a short code; 184/186 ignored) is."""
    text = _clean(number)
    if text is None:
        return NumberClass.INVALID
    e164 = _to_e164(text)
    short = e164.removeprefix("+81")
    if short in EMERGENCY_NUMBERS:
        return NumberClass.EMERGENCY
    if re.fullmatch(r"1\d{2,3}", short):
        return NumberClass.SHORT_CODE
    domestic = _domestic(e164)
    if domestic is None:
        return NumberClass.INTERNATIONAL if _abroad(e164) else NumberClass.INVALID
    return _shape(domestic)[0]


def _shape(domestic: str) -> tuple[NumberClass, tuple[int, ...]]:
    """What kind of line a domestic number is, and how people cut it."""
    found = _SHAPE.fullmatch(domestic)
    if found is None or found.lastindex is None:
        return NumberClass.INVALID, ()
    _, kind, cuts = _SHAPES[found.lastindex - 1]
    return kind, cuts


def _reason(text: str) -> CallerKind | None:
    if not text or len(text) > _MAX_NAME or text.isdigit():
        return None
    folded = " ".join(unicodedata.normalize("NFKC", text).strip().strip('"').split()).casefold()
    return _REASONS.get(folded)


def _clean(raw: str) -> str | None:
    """Digits with perhaps a leading +, without 184/186; None when anything else is in it."""
    if not raw or len(raw) > _MAX_RAW:
        return None
    text = raw
    if not _DIALLABLE.fullmatch(raw):
        text = _SEPARATORS.sub("", unicodedata.normalize("NFKC", raw))
        if not _DIALLABLE.fullmatch(text):
            return None
    # 184 and 186 (withhold, show) are dialled in front of a number; left in by phones that redial from a log.
    if text.startswith("18") and _SHOWN.match(text):
        return text[3:]
    return text


def _to_e164(text: str) -> str:
    """E.164 of cleaned digits; short codes and numbers we cannot place come back without a +."""
    if text.startswith("+810"):  # the trunk 0 left in, often written +81(0)90…
        return "+81" + text[4:]
    if text.startswith("+"):
        return text if len(text) > _SHORT else text[1:]
    if len(text) <= _SHORT:  # 110, an extension, what is left of a number
        return text
    if text.startswith("010"):  # Japan's prefix for calls abroad; a trunk may show foreign callers so
        return _to_e164("+" + text[3:])
    if text.startswith("0"):
        return "+81" + text[1:]
    if text.startswith("81") and len(text) >= 11:  # +81 without its plus, as many trunks send it
        return _to_e164("+" + text)
    return text


def _subscriber(text: str | None) -> str | None:
    """E.164 of a line that can call us, or None."""
    if text is None:
        return None
    e164 = _to_e164(text)
    domestic = _domestic(e164)
    if domestic is None:
        return _abroad(e164)
    return None if _shape(domestic)[0] is NumberClass.INVALID else e164


def _domestic(e164: str) -> str | None:
    """The number with its leading 0 if it is Japanese, else None."""
    return "0" + e164[3:] if e164.startswith("+81") else None


def _abroad(e164: str) -> str | None:
    """A foreign number if country code and length fit, without a trunk 0 that was left in (+49 (0)30 …).

    Foreign ranges change too often to be stricter. What does not settle after that 0 is no number.
    """
    parsed = _parsed(e164)
    if parsed is None or not phonenumbers.is_possible_number(parsed):
        return None
    plain = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    settled = plain == e164 or _formatted(plain, phonenumbers.PhoneNumberFormat.E164) == plain
    return plain if settled else None


def _formatted(e164: str, form: int) -> str | None:
    parsed = _parsed(e164)
    return None if parsed is None else phonenumbers.format_number(parsed, form)


def _parsed(e164: str) -> phonenumbers.PhoneNumber | None:
    if not re.fullmatch(r"\+[0-9]{4,15}", e164, re.ASCII):
        return None
    try:
        return phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return None
