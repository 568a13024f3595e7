"""Effects and callbacks, joined to routing, to Asterisk, to the database and to the pages."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from cti.ami.errors import OutcomeUnknown
from cti.ami.telephony import AmiTelephony
from cti.bus import Bus
from cti.calls import CallDesk
from cti.config import Config
from cti.domain import events as ev
from cti.domain.callbacks import Callback, CallbackId, CallbackRules, dialled
from cti.domain.effects import Effect, EffectId, MaybeDone
from cti.domain.errors import Unavailable
from cti.domain.model import CallState, QueueId, TenantId
from cti.effects import EffectSender, Settled
from cti.outbound.desk import OUTBOUND_KIND
from cti.store.effects import EffectStore
from cti.wiring.effects import Outbox
from cti.wiring.routing import RoutingDesk
from routing.attempts import EFFECT_KIND
from routing.callbacks import CallbackKeeper

READ_S = 5.0
# What the dialplan writes when it found the id barred: it did not happen.
VOID = "void"


class CallbackDoer:
    """Implements cti.domain.effects.Doer: Asterisk places the call of a callback, or of an agent who dials out."""

    def __init__(self, telephony: AmiTelephony) -> None:
        self._telephony = telephony

    async def send(self, effect: Effect) -> None:
        """See the protocol."""
        body = effect.body
        variables = {
            "id": body.get("callback", ""),
            "call": body["call"],
            "tenant": effect.tenant,
            "queue": body["queue"],
            "number": body["number_called"],
            "from": dialled(body["number_called"]),
            "lang": body["language"],
            "t0": body["queued_at"],
            "ring": body["ring_s"],
            "forget": body.get("forget", ""),
            "by": body.get("by", ""),
            "agent": body.get("endpoint", ""),
            "aring": body.get("own_ring_s", ""),
        }
        try:
            await self._telephony.call_back(effect.effect_id, dialled(body["number"]), variables)
        except OutcomeUnknown as error:
            raise MaybeDone(str(error)) from error

    async def look(self, effect: Effect) -> str:
        """See the protocol."""
        mark = await self._telephony.effect_mark(effect.effect_id, bar=True)
        return "" if mark == VOID else mark

    async def mark(self, effect_id: EffectId) -> str:
        """How far an effect that was placed has come. Raises Unavailable."""
        return await self._telephony.effect_mark(effect_id, bar=False)


class StoredRules:
    """Queues' rules for callbacks, read once and again after each change of the desk."""

    def __init__(self, pool: asyncpg.Pool[Any], *, way_out: bool) -> None:
        """``way_out``: whether there is a trunk that takes our own calls."""
        self._pool = pool
        self._way_out = way_out
        self._rules: dict[tuple[TenantId, QueueId], CallbackRules] = {}

    async def reload(self) -> None:
        """Read all. Raises Unavailable; what was read before stays in use."""
        try:
            rows = await self._pool.fetch(
                "SELECT q.tenant, q.queue, q.callback::text AS callback, t.time_zone FROM queues q"
                " JOIN tenants t USING (tenant) WHERE q.active AND q.callback IS NOT NULL",
                timeout=READ_S,
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            raise Unavailable("rules for callbacks cannot be read: the database does not answer") from error
        self._rules = {(TenantId(row["tenant"]), QueueId(row["queue"])): _rules(row) for row in rows}

    def of(self, tenant: TenantId, queue: QueueId) -> CallbackRules | None:
        """A queue's rules; None: nobody is called back."""
        return self._rules.get((tenant, queue)) if self._way_out else None


def _rules(row: Any) -> CallbackRules:
    said = json.loads(row["callback"])
    return CallbackRules(
        opens=time.fromisoformat(said["opens"]),
        closes=time.fromisoformat(said["closes"]),
        zone=ZoneInfo(row["time_zone"]),
        tries=said["tries"],
        pause_s=said["pause_s"],
        ring_s=said["ring_s"],
    )


class Callbacks:
    """Everything about callbacks that others use. Implements cti.web.ports.Callbacks."""

    def __init__(
        self, keeper: CallbackKeeper, store: EffectStore, rules: StoredRules, sender: EffectSender, told: list[Settled]
    ) -> None:
        """``told``: who else hears what became of an effect."""
        self.keeper = keeper
        self.sender = sender
        self.told = told
        self.reload = rules.reload
        self.open = keeper.open
        self._store = store

    async def newest(self, tenant: TenantId, limit: int) -> list[Callback]:
        """See the port."""
        return await self._store.page(tenant, limit)

    async def cancel(self, tenant: TenantId, callback_id: CallbackId) -> Callback:
        """See the port."""
        return await self.keeper.cancel(tenant, callback_id)


async def start(
    config: Config,
    bus: Bus,
    desk: CallDesk,
    telephony: AmiTelephony,
    router: RoutingDesk,
    pool: asyncpg.Pool[Any],
    outbox: Outbox,
    now: Callable[[], datetime],
    cleanup: AsyncExitStack,
) -> Callbacks:
    """What the process before left is taken over; places are kept from now on. Raises Unavailable."""
    store = outbox.store
    rules = StoredRules(pool, way_out=config.asterisk.trunk_out is not None)
    await rules.reload()
    doer = CallbackDoer(telephony)
    keeper = CallbackKeeper(
        line=router.absent,
        store=store,
        telephony=telephony,
        sink=desk,
        rules=rules.of,
        live=desk.live,
        mark=doer.mark,
        clock=now,
    )
    told: list[Settled] = [keeper.settled]

    def settled(effect: Effect, mark: str) -> None:
        for tell in told:
            tell(effect, mark)

    doers = {EFFECT_KIND: doer, OUTBOUND_KIND: doer}
    sender = EffectSender(store, doers, clock=now, on_settled=settled, on_doubt=keeper.doubt)
    keeper.sender = sender
    cleanup.push_async_callback(sender.stop)
    cleanup.push_async_callback(keeper.stop)
    keeper.restore(outbox.callbacks)
    keeper.start()
    sender.take_over(outbox.of_kind(EFFECT_KIND, OUTBOUND_KIND))
    for call in desk.all_live():
        # Routing took them in before places were known here; nobody is rung yet. Whether they still wait is not known
        # either: nobody's place is taken over before Asterisk has told.
        if call.state is CallState.QUEUED and keeper.has_place(call.call_id):
            router.absent.anew(call)

    def reachable(event: ev.Event) -> None:
        if isinstance(event, ev.AsteriskReachable) and event.up:
            sender.look_now()

    bus.subscribe("callbacks", keeper.handle, kinds=keeper.KINDS)
    bus.subscribe("effects", reachable, kinds=(ev.AsteriskReachable,))
    return Callbacks(keeper, store, rules, sender, told)
