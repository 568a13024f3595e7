"""JSON lines: one object a line, a constant sentence plus fields, no personal data.

Keys: ``time`` (UTC), ``level``, ``logger``, ``sentence``, then the fields given as ``extra={…}`` (``call_id`` where one
is known); ``error`` and ``trace`` when an exception came along.

A field that may hold a person's data or a secret is dropped here, whoever wrote it, and named in ``dropped`` so
that the mistake shows. What looks like a phone number is blanked in texts of exceptions, which we do not write
ourselves.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import IO, Any

# Words that make a field personal or secret, wherever they stand in its name: caller_number, keyed_digits, …
FORBIDDEN = frozenset(
    {
        "authorization", "callerid", "caller", "cookie", "digits", "e164", "email", "hash", "kana", "keys",
        "login", "mail", "member", "name", "national", "number", "password", "phone", "plate", "secret", "text",
        "title", "token", "transcript",
    }
)  # fmt: skip
# Names that contain such a word and are harmless.
ALLOWED = frozenset(
    {"queue_name", "phone_state", "file_name", "thread_name", "logger_name", "number_called", "caller_kind"}
)

# An international or a Japanese national number; an id of ours is hex with dashes and never matches.
_NUMBER = re.compile(r"\+\d{7,15}|(?<![\w.-])0\d{1,4}-?\d{1,4}-?\d{3,4}(?![\w-])")
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# A field longer than this is somebody's payload, not a fact about what happened.
MAX_FIELD = 500


def is_forbidden(field: str) -> bool:
    """Whether a field of that name may hold a person's data or a secret."""
    words = re.split(r"[_\W]+", field.lower())
    return field.lower() not in ALLOWED and not FORBIDDEN.isdisjoint(words)


class NoPersonalData(logging.Filter):
    """Removes forbidden fields from a record, also inside mappings and lists."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True: a line loses fields, it is never lost itself."""
        dropped: list[str] = []
        for field in [f for f in vars(record) if f not in _OWN]:
            if is_forbidden(field):
                del record.__dict__[field]
                dropped.append(field)
            else:
                record.__dict__[field] = _clean(vars(record)[field], dropped)
        if dropped:
            record.__dict__["dropped"] = sorted(set(dropped))
        return True


def _clean(value: Any, dropped: list[str]) -> Any:
    if isinstance(value, dict):
        bad = [str(k) for k in value if is_forbidden(str(k))]
        dropped += bad
        return {k: _clean(v, dropped) for k, v in value.items() if str(k) not in bad}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(v, dropped) for v in value]
    return value


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Never raises for what a field holds: what JSON cannot say is said by ``str``."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "sentence": record.getMessage(),
        }
        line.update((k, _short(v)) for k, v in vars(record).items() if k not in _OWN)
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = blank(f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}")
            line["trace"] = blank(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


def blank(text: str) -> str:
    """Text without what looks like a phone number."""
    return _NUMBER.sub("[number]", text)


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_FIELD:
        return value[:MAX_FIELD] + "…"
    return value


def set_up(level: str = "INFO", stream: IO[str] | None = None) -> None:
    """Send every logger's lines to ``stream`` (standard error), and nothing anywhere else."""
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.addFilter(NoPersonalData())
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # One line a request says nothing that /metrics does not say, and holds addresses of pages.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
