from __future__ import annotations

from pathlib import Path

import pytest

from recording.spool import Seen
from recording.steps import _done
from tests.unit.recording.test_assemble import file


@pytest.mark.parametrize(
    ("name", "waited_for"), [("c-rx", True), ("a-9.2-rx", True), ("m", True), ("c", False), ("a-9.2-tx", False)]
)
def test_what_may_take_part_is_waited_for_until_asterisk_has_closed_it(name: str, waited_for: bool) -> None:
    open_, closed = file(name, 5, salvaged=True), file(name, 5)
    seen = Seen(name=open_.name, path=Path("unused"), size=open_.size, changed_at=open_.changed_at)
    assert _done(seen, open_.info, 0) is not waited_for
    assert _done(seen, closed.info, 0)
    empty = Seen(name=open_.name, path=Path("unused"), size=44, changed_at=open_.changed_at)
    nothing = file(name, 0, salvaged=True).info
    # Asterisk may hold what a short leg said; a phone that never sent a frame is not waited for long.
    assert _done(empty, nothing, 0.3) is not waited_for
    assert _done(empty, nothing, 1.5)
