"""A desk's rules for dialling out, as they are read from its rows: what cannot be read is closed, never open."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from cti.domain.errors import Unavailable
from cti.domain.model import TenantId
from cti.outbound.rules import Refused, permit
from cti.wiring.outbound import StoredOutboundRules

DEMO = TenantId("demo")
SAID = {"number": "+815012345000", "prefixes": [], "per_agent_hour": 3, "per_hour": 9, "ring_s": 45, "own_ring_s": 20}
WEEKDAYS = json.dumps({"id": "office", "weekly": {"mon": ["09:00-18:00"]}, "holidays": "none"})
# A Monday in Tokyo: 10:00 and 19:00.
OPEN, SHUT = datetime(2026, 11, 30, 1, 0, tzinfo=UTC), datetime(2026, 11, 30, 10, 0, tzinfo=UTC)


class Rows:
    """A pool that has this one desk."""

    def __init__(self, hours: str | None = None, **said: Any) -> None:
        self.row = {
            "tenant": "demo", "outbound": json.dumps(SAID | said), "time_zone": "Asia/Tokyo", "language": "ja",
            "queue": "members", "hours": hours,
        }  # fmt: skip
        self.away = False
        self.others: list[dict[str, Any]] = []

    async def fetch(self, query: str, *_: Any, timeout: float) -> list[dict[str, Any]]:
        if self.away:
            raise asyncpg.InterfaceError("pool is closed")
        return (
            [*self.others, self.row]
            if "outbound" in query
            else [{"number": "+815012345000"}, {"number": "+81312345678"}]
        )


async def rules_of(rows: Rows, *, way_out: bool = True) -> StoredOutboundRules:
    rules = StoredOutboundRules(rows, way_out=way_out)  # type: ignore[arg-type]
    await rules.reload()
    return rules


def why(rules: StoredOutboundRules, at: datetime, number: str = "090-1234-5678") -> str:
    try:
        permit(rules.of(DEMO), number, at, mine=[], all_=[])
    except Refused as refused:
        return str(refused)
    return "permitted"


async def test_hours_are_the_calendars() -> None:
    rules = await rules_of(Rows(WEEKDAYS, calendar="office"))
    assert (why(rules, OPEN), why(rules, SHUT)) == ("permitted", "dial_closed 2026-12-07 09:00")
    assert why(await rules_of(Rows()), SHUT) == "permitted"


@pytest.mark.parametrize("hours", [None, json.dumps({"id": "office", "weekly": {"mon": ["9-18"]}})])
async def test_a_calendar_that_cannot_be_read_is_closed(hours: str | None) -> None:
    assert why(await rules_of(Rows(hours, calendar="office")), OPEN) == "dial_closed"


async def test_no_number_of_this_server_is_dialled_and_nothing_without_a_trunk() -> None:
    rules = await rules_of(Rows())
    assert (why(rules, OPEN, "050-1234-5000"), why(rules, OPEN, "03-1234-5678")) == ("dial_own", "dial_own")
    assert why(await rules_of(Rows(), way_out=False), OPEN) == "dial_off"


@pytest.mark.parametrize(
    "amiss",
    [{"time_zone": "Asia/Nowhere"}, {"time_zone": "../etc"}, {"outbound": json.dumps({"number": "+815012345000"})},
     {"outbound": json.dumps(SAID | {"prefixes": None})}, {"outbound": "{"}],
)  # fmt: skip
async def test_a_desk_whose_row_is_of_another_shape_does_not_dial_and_the_others_do(
    amiss: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    rows = Rows()
    rows.others = [rows.row | {"tenant": "other"} | amiss]
    rules = await rules_of(rows)
    assert (rules.of(TenantId("other")), why(rules, OPEN)) == (None, "permitted")
    assert [vars(record)["tenant"] for record in caplog.records] == ["other"]


async def test_rules_that_were_read_stay_while_the_database_is_away() -> None:
    rows = Rows()
    rules = await rules_of(rows)
    rows.away = True
    with pytest.raises(Unavailable):
        await rules.reload()
    assert why(rules, OPEN) == "permitted"
