"""What linking publishes is what screen pop and web understand: joined here, as nothing else may join them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cti.domain.model import CallerKind
from cti.linking import matching
from cti.linking.client import LookupClient, LookupLimits
from cti.linking.contract import LookupFault
from cti.linking.linker import Linker
from cti.screenpop import card_of
from cti.web import popview
from cti.web.parts import CallerCard
from tests.contract.linking.service import DEMO, ROOT, Service
from tests.unit.linking.builders import NOW, Heard, arrived, call, caller, left_menu, menu
from tests.unit.web.fakes import FakeNames


async def published(service: Service, number: str | None, keys: str | None = None) -> Any:
    heard = Heard()
    async with LookupClient(service.url, service.token, limits=LookupLimits(deadline_s=0.5)) as client:
        linker = Linker(client, heard, lambda: NOW, retry_s=())
        linker.handle(arrived(call(caller(number))))
        if keys:
            linker.handle(left_menu(call(caller(number), facts=menu(keys))))
        await linker.settled()
    return heard.links[-1]


@pytest.mark.parametrize("fault", ["none", "error"])
@pytest.mark.parametrize("case", DEMO)
async def test_the_wire_takes_the_card_as_it_is(service: Service, case: str, fault: str) -> None:
    service.fault(fault)
    demo = DEMO[case]
    event = await published(service, demo["e164"], demo["keys"] or None)
    wire = popview.card(card_of(event), event.tenant, FakeNames()).model_dump_json()
    card = CallerCard.model_validate_json(wire)
    assert len(card.members.members) == len(event.card["members"]["members"])
    assert len(card.reservations.reservations) == len(event.card["reservations"]["reservations"])
    assert card.link.link is not None
    assert card.link.link.why == event.link.why
    assert card.link.status == event.status
    if demo["e164"]:
        assert event.status == ("live" if fault == "none" else "unavailable")


async def test_the_pop_reads_every_part(service: Service) -> None:
    demo = DEMO["other_members_booking"]
    event = await published(service, demo["e164"], demo["keys"])
    card = card_of(event)
    assert card.link == event.link
    assert [m["name"] for m in card.members.items] == ["山本 さくら", "伊藤 大輔"]
    assert card.reservations.items[0]["vehicle"]["plate"] == "品川 331 わ 56-78"
    assert [t["ticket_id"] for t in card.tickets.items] == ["T-9001"]
    assert card.members.as_of is not None
    assert {card.members.status, card.reservations.status, card.tickets.status} == {"live"}


def whys() -> list[str]:
    """Every reason there is: the table of the rules, the kinds of callers, the faults."""
    table = re.findall(r"\d\.\d\d   (\w+)$", matching.__doc__ or "", re.MULTILINE)
    callers = [f"caller_{kind.value}" for kind in CallerKind if kind is not CallerKind.NUMBER]
    return [*table, *callers, *(f"lookup_{fault.value}" for fault in LookupFault)]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_reason_has_a_text_and_a_line_in_the_manual(language: str) -> None:
    catalogue = json.loads((ROOT / "frontend/src/catalogue" / f"{language}.json").read_text(encoding="utf-8"))
    manual = (ROOT / "docs" / "linking.md").read_text(encoding="utf-8")
    assert len(whys()) >= 28
    for why in whys():
        assert f"why.{why}" in catalogue
        assert why in manual or f"`_{why.removeprefix('lookup_')}`" in manual, why
