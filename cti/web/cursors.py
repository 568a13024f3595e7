"""Where a page of a list ends, as an opaque text. PURE but for the refusal it raises."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime

from cti.domain.model import CallId
from cti.web.ports import PageKey
from cti.web.problems import Refused

_CALL_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_call_id(text: str) -> bool:
    """Whether this can be a call's id at all."""
    return _CALL_ID.fullmatch(text) is not None


def write(key: PageKey) -> str:
    """A key as text."""
    return base64.urlsafe_b64encode(f"{key.at.isoformat()}|{key.call_id}".encode()).decode().rstrip("=")


def read(text: str | None) -> PageKey | None:
    """The key of a text we wrote. Raises Refused 400 for any other."""
    if text is None:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        at, _, call_id = raw.partition("|")
        instant = datetime.fromisoformat(at)
    except (binascii.Error, ValueError) as error:
        raise Refused(400, "bad_cursor") from error
    if instant.tzinfo is None or not is_call_id(call_id):
        raise Refused(400, "bad_cursor")
    return PageKey(at=instant, call_id=CallId(call_id))
