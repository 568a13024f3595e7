"""Callers' numbers for those who may not see them whole: the last four digits, and no search that would guess the rest.

Who may is in the table of rights (cti.domain.access). PURE.
"""

from __future__ import annotations

import re
from dataclasses import replace

from cti.domain.access import Right, User
from cti.domain.model import Call, CallerNumber, TransferKind
from cti.web.problems import Refused

# Enough to tell two callers apart in a list, too little to call one of them back.
SHOWN = 4
# The shortest number somebody can have: a search for fewer digits would find a number out, digit by digit.
WHOLE = 8


def number_for(user: User, caller: CallerNumber) -> CallerNumber:
    """The caller's number as this person may see it."""
    if user.may(Right.UNREDACTED):
        return caller
    return replace(caller, e164=None, national=_masked(caller.national or caller.e164))


def call_for(user: User, call: Call) -> Call:
    """A call as this person may see it."""
    if user.may(Right.UNREDACTED):
        return call
    # Whoever was asked or given the caller outside has a number too.
    asked = tuple(replace(one, outside=_masked(one.outside)) for one in call.consultations)
    passed = tuple(
        replace(one, to=_masked(one.to) or "") if one.kind is TransferKind.OUTSIDE else one for one in call.transfers
    )
    return replace(call, caller=number_for(user, call.caller), consultations=asked, transfers=passed)


def digits_for(user: User, digits: str | None) -> str | None:
    """The digits to look for. Raises Refused 400 for a part of a number from who may not see it whole."""
    if digits is None or user.may(Right.UNREDACTED) or len(digits) >= WHOLE:
        return digits
    raise Refused(400, "number_whole")


def _masked(number: str | None) -> str | None:
    if number is None:
        return None
    return re.sub(r"\d", "•", number[:-SHOWN]) + number[-SHOWN:]
