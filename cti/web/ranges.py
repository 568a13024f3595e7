"""HTTP ranges of bytes (RFC 9110, 14). PURE."""

from __future__ import annotations

import re

# A size has at most 19 digits in 64 bits; longer numbers are not worth a big integer.
_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Unsatisfiable(ValueError):
    """The range begins behind the end."""


def wanted(header: str | None, size: int) -> tuple[int, int] | None:
    """The one range asked for as (start, stop), stop not included; None: send everything.

    Several ranges at once, other units and what is not a range at all are ignored, as the RFC allows. Raises
    Unsatisfiable when nothing of the range exists.
    """
    if header is None:
        return None
    match = _ONE.fullmatch(header.strip().replace(" ", ""))
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if first == "":
        start, stop = max(0, size - int(last)), size
    else:
        start = int(first)
        if last != "" and int(last) < start:
            return None  # not a range at all
        stop = size if last == "" else min(int(last) + 1, size)
    if start >= stop:
        raise Unsatisfiable(header)
    return start, stop
