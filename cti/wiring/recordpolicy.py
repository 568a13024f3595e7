"""The desk's rules of what is recorded, read from PostgreSQL and carried out by pauses of the recording."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import asyncpg

from cti.bus import Bus
from cti.calls import CallDesk
from cti.domain import events as ev
from cti.domain import recordpolicy as policy
from cti.domain.errors import Unavailable
from cti.domain.model import Call, TenantId
from cti.pauses import PauseDesk
from cti.store.recorder import AWAY

log = logging.getLogger(__name__)

READ_S = 5.0
_RULES = "SELECT tenant, recording::text AS rules FROM tenants"
# What may change an answer: who is on the line, which queue, what was said in the menu.
KINDS: tuple[type[ev.Event], ...] = (
    ev.CallArrived, ev.CallLeftMenu, ev.CallQueued, ev.CallAnswered, ev.CallPhaseChanged, ev.ConsultBegan,
    ev.ConsultEnded, ev.CallFellBack, ev.AsteriskReachable,
)  # fmt: skip
# A desk whose rules cannot be read: rather a recording too few, and the ledger says so, than one that must not be.
_UNREADABLE = (policy.RecordRule(record=policy.Record.NEVER),)


class RecordPolicy:
    """Tells the pauses what is wanted, whenever it may have changed."""

    def __init__(self, pool: asyncpg.Pool[Any], calls: CallDesk, pauses: PauseDesk) -> None:
        self._pool = pool
        self._calls = calls
        self._pauses = pauses
        self._rules: Mapping[TenantId, tuple[policy.RecordRule, ...]] = {}

    async def reload(self) -> None:
        """Read all, also for calls that go on. Raises Unavailable; what was read before stays in use."""
        await self.read()
        self._judge_all()

    async def read(self) -> None:
        """Read all, and judge nobody yet. Raises Unavailable."""
        try:
            rows = await self._pool.fetch(_RULES, timeout=READ_S)
        except AWAY as error:
            raise Unavailable("rules of recording cannot be read: the database does not answer") from error
        read: dict[TenantId, tuple[policy.RecordRule, ...]] = {}
        for row in rows:
            try:
                read[TenantId(row["tenant"])] = policy.rules_from_data(json.loads(row["rules"]))
            except (KeyError, ValueError, TypeError) as error:  # written by another version, or by hand
                read[TenantId(row["tenant"])] = _UNREADABLE
                log.error(
                    "a desk's rules of recording are of another shape: nothing is recorded; apply its file anew",
                    extra={"tenant": row["tenant"], "action": "reload", "error": type(error).__name__},
                )
        self._rules = read

    def handle(self, event: ev.Event) -> None:
        """Take one fact from the bus."""
        if isinstance(event, ev.CallEvent):
            self._judge(event.call)
        elif isinstance(event, ev.AsteriskReachable) and event.up:
            self._judge_all()

    def _judge_all(self) -> None:
        for call in self._calls.all_live():
            self._judge(call)

    def _judge(self, call: Call) -> None:
        rules = self._rules.get(call.tenant, ())
        # Without rules nobody is asked, unless those of before still keep something out.
        if rules or any(pause.why in policy.RULED and pause.ended_at is None for pause in call.pauses):
            self._pauses.want(call, policy.decide(rules, policy.facts_of(call)))


async def start(bus: Bus, pool: asyncpg.Pool[Any], calls: CallDesk, pauses: PauseDesk) -> RecordPolicy:
    """From now on calls are recorded as their desk says. Raises Unavailable."""
    kept = RecordPolicy(pool, calls, pauses)
    await kept.read()
    bus.subscribe("record-policy", kept.handle, kinds=KINDS, prompt=True)
    return kept
