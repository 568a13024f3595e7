"""What of effects is in /metrics: what waits, what could not be stored, what the rest came to."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cti.domain.effects import EffectId
from cti.linking.client import TicketRefused
from cti.metrics import Metrics
from cti.wiring.figures import EffectFigures
from tests.unit.linking.test_tickets import EFFECT, Disk, sender_of
from tests.unit.linking.ticketservice import FakeTickets


def told(metrics: Metrics) -> dict[str, float]:
    lines = [line for line in metrics.render().decode().splitlines() if line.startswith("kakehashi_effects")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def test_what_waits_what_is_unsaved_and_what_came_of_the_rest() -> None:
    metrics, disk, service = Metrics(), Disk(), FakeTickets()
    reused = TicketRefused(409, "key_reused")
    sender, _ = sender_of(disk, service)
    figures = EffectFigures(metrics, {"tickets": sender, "none": None})
    wishes = [replace(EFFECT, effect_id=EffectId(f"{number:032x}")) for number in range(4)]
    await sender.do(wishes[0])
    service.fails = [TicketRefused(409, "ticket_closed")]
    await sender.do(wishes[1])
    service.fails = [reused, reused]
    await sender.do(wishes[2])
    async with asyncio.timeout(20):
        while sender.live:
            await asyncio.sleep(0)
    service.away = True
    await sender.do(wishes[3])
    figures.read()
    figures.read()
    assert told(metrics) == {
        'kakehashi_effects_waiting{sender="tickets"}': 1.0,
        'kakehashi_effects_unsaved{sender="tickets"}': 0.0,
        'kakehashi_effects_total{outcome="done",sender="tickets"}': 1.0,
        'kakehashi_effects_total{outcome="not_done",sender="tickets"}': 1.0,
        'kakehashi_effects_total{outcome="never_known",sender="tickets"}': 1.0,
    }
    disk.full, service.away = True, False
    sender.look_now()
    async with asyncio.timeout(20):
        while not sender.unsaved:
            await asyncio.sleep(0)
            sender.look_now()
    figures.read()
    await sender.stop()
    after = told(metrics)
    assert after['kakehashi_effects_waiting{sender="tickets"}'] == 0.0
    assert after['kakehashi_effects_unsaved{sender="tickets"}'] == 1.0
    assert after['kakehashi_effects_total{outcome="done",sender="tickets"}'] == 2.0
