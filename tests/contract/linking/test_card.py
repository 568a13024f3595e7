"""What linking publishes is what screen pop and web understand: joined here, as nothing else may join them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cti.linking.client import LookupClient, LookupLimits
from cti.linking.linker import Linker
from cti.screenpop import card_of
from cti.web.parts import CallerCard
from tests.contract.linking.service import DEMO, Service
from tests.unit.linking.builders import NOW, Heard, arrived, call, caller, left_menu, menu


async def published(service: Service, number: str | None, keys: str | None = None) -> Any:
    heard = Heard()
    async with LookupClient(service.url, service.token, limits=LookupLimits(deadline_s=0.5)) as client:
        linker = Linker(client, heard, lambda: NOW, retry_s=())
        await linker.handle(arrived(call(caller(number))))
        if keys:
            await linker.handle(left_menu(call(caller(number), facts=menu(keys))))
        await linker.settled()
    return heard.links[-1]


@pytest.mark.parametrize("fault", ["none", "error"])
@pytest.mark.parametrize("case", DEMO)
async def test_the_wire_takes_the_card_as_it_is(service: Service, case: str, fault: str) -> None:
    service.fault(fault)
    demo = DEMO[case]
    event = await published(service, demo["e164"], demo["keys"] or None)
    card = CallerCard.model_validate_json(json.dumps(event.card))
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
