"""A log line is JSON, knows its call, and holds no personal data."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from cti import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    access = logging.getLogger("aiohttp.access").level
    out = io.StringIO()
    logs.set_up("INFO", out)
    yield out
    root.handlers[:] = before
    root.setLevel(level)
    logging.getLogger("aiohttp.access").setLevel(access)


def last(stream: io.StringIO) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return line


def test_a_line_is_json_with_time_level_logger_sentence_and_fields(stream: io.StringIO) -> None:
    logging.getLogger("cti.web").warning("A client was dropped.", extra={"action": "drop", "waiting": 256})
    line = last(stream)
    assert line["time"].endswith("+00:00")
    assert (line["level"], line["logger"], line["sentence"]) == ("warning", "cti.web", "A client was dropped.")
    assert (line["action"], line["waiting"]) == ("drop", 256)


@pytest.mark.parametrize(
    "field",
    ["number", "caller_number", "digits", "keyed_digits", "token", "session_token", "password", "e164",
     "national", "member_name", "name_kana", "login", "plate", "Authorization", "caller"],
)  # fmt: skip
def test_forbidden_fields_are_dropped_and_named(stream: io.StringIO, field: str) -> None:
    logging.getLogger("x").info("Something.", extra={field: "09012345678", "fine": 1})
    line = last(stream)
    assert "09012345678" not in stream.getvalue()
    assert line["dropped"] == [field]
    assert line["fine"] == 1


@pytest.mark.parametrize("field", ["call_id", "action", "queue", "offer_id", "phone_state", "number_called", "since"])
def test_harmless_fields_stay(stream: io.StringIO, field: str) -> None:
    logging.getLogger("x").info("Something.", extra={field: "kept"})
    assert last(stream)[field] == "kept"


def test_forbidden_fields_are_dropped_inside_other_fields(stream: io.StringIO) -> None:
    logging.getLogger("x").info("Something.", extra={"card": {"id": 1, "rows": [{"name": "王", "id": 2}]}})
    line = last(stream)
    assert line["card"] == {"id": 1, "rows": [{"id": 2}]}
    assert line["dropped"] == ["name"]


@pytest.mark.parametrize("number", ["+819012345678", "090-1234-5678", "09012345678", "0120-000-111"])
def test_numbers_are_blanked_in_errors(stream: io.StringIO, number: str) -> None:
    try:
        raise ValueError(f"cannot dial {number} for 0b6c1f7e-0000-4000-8000-000000000001")
    except ValueError:
        logging.getLogger("x").exception("It failed.")
    line = last(stream)
    assert number not in stream.getvalue()
    assert line["error"] == "ValueError: cannot dial [number] for 0b6c1f7e-0000-4000-8000-000000000001"
    assert "Traceback" in line["trace"]


def test_what_json_cannot_say_and_what_is_long_does_not_break_the_line(stream: io.StringIO) -> None:
    logging.getLogger("x").info("Something.", extra={"thing": object(), "body": "x" * 5000})
    line = last(stream)
    assert line["thing"].startswith("<object")
    assert len(line["body"]) == logs.MAX_FIELD + 1
    assert stream.getvalue().count("\n") == 1
