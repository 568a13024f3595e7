"""The trail on a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from cti.cli.trail import as_json, line
from cti.domain.access import AuditEntry

AT = datetime(2026, 11, 20, 1, 2, 3, tzinfo=UTC)
LISTEN = AuditEntry(
    at=AT, tenant="demo", who="watanabe", what="recording.listened", which="c1", address="192.0.2.1",
    detail={"bytes": [0, 100], "seconds": [0.0, 83.5], "sha256": "ab"},
)  # fmt: skip


def test_a_listen_is_told_by_its_seconds() -> None:
    assert line(LISTEN) == "2026-11-20 01:02:03Z  watanabe  recording.listened  c1  0-83.5 s  192.0.2.1"


def test_what_a_stranger_typed_does_not_steer_the_terminal() -> None:
    tried = AuditEntry(at=AT, tenant="demo", who="\x1b[2J\x9bx", what="session.refused", detail={"why": "\u202e"})
    assert line(tried) == '2026-11-20 01:02:03Z  ?[2J?x  session.refused  {"why": "?"}'
    assert as_json(tried).isascii()


def test_for_programs_all_of_it_is_there() -> None:
    read = json.loads(as_json(LISTEN))
    assert read["detail"] == LISTEN.detail
    assert (read["at"], read["who"]) == ("2026-11-20T01:02:03+00:00", "watanabe")
