"""Dialling out, joined to the desk's rules, to routing, to the effects and to the pages."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from cti.bus import Bus
from cti.config import Config
from cti.domain.errors import ConfigError, Unavailable
from cti.domain.model import AgentId, AgentState, PhoneState, QueueId, TenantId
from cti.outbound.desk import OUTBOUND_KIND, OutboundDesk
from cti.outbound.rules import HOUR, OutboundRules
from cti.store.effectrows import effect_from_row
from cti.store.recorder import AWAY
from cti.web.ports import Desk
from cti.wiring.callbacks import Callbacks
from cti.wiring.directory import DeskDirectory
from routing.calendar import calendar_from_data

log = logging.getLogger(__name__)

READ_S = 5.0

_RULES = """
SELECT t.tenant, t.outbound::text AS outbound, t.time_zone, t.language, n.queue, c.body::text AS hours
  FROM tenants t
  JOIN numbers n ON n.tenant = t.tenant AND n.number = t.outbound ->> 'number'
  LEFT JOIN calendars c ON c.tenant = t.tenant AND c.calendar = t.outbound ->> 'calendar'
 WHERE t.outbound IS NOT NULL
"""
_MADE = """
SELECT tenant, effect_id, kind, state, version, created_at, changed_at, body::text AS body
  FROM effects WHERE kind = $1 AND created_at > $2
"""


# Whoever outside was rung from a call within the last hour (decision 0240). A call lasts some hours; what arrived
# before is not read, so that a start does not look through all that was ever kept.
_LENT = """
SELECT t.tenant, asked ->> 'first' AS agent, (asked ->> 'began_at')::timestamptz AS at
  FROM tenants t
  JOIN calls c ON c.tenant = t.tenant AND c.arrived_at > $1::timestamptz - interval '12 hours'
 CROSS JOIN LATERAL jsonb_array_elements(c.passages -> 'consultations') AS asked
 WHERE asked ->> 'outside' IS NOT NULL AND (asked ->> 'began_at')::timestamptz > $1
"""


class StoredOutboundRules:
    """Desks' rules for dialling out, read once and again after each change of the desk."""

    def __init__(self, pool: asyncpg.Pool[Any], *, way_out: bool) -> None:
        """``way_out``: whether there is a trunk that takes our own calls."""
        self._pool = pool
        self._way_out = way_out
        self._rules: Mapping[TenantId, OutboundRules] = {}

    async def reload(self) -> None:
        """Read all. Raises Unavailable; what was read before stays in use. A desk whose row is amiss does not dial."""
        try:
            rows = await self._pool.fetch(_RULES, timeout=READ_S)
            own = await self._pool.fetch("SELECT number FROM numbers", timeout=READ_S)
        except AWAY as error:
            raise Unavailable("rules for dialling out cannot be read: the database does not answer") from error
        numbers = frozenset(str(row["number"]) for row in own)
        read: dict[TenantId, OutboundRules] = {}
        for row in rows:
            try:
                read[TenantId(row["tenant"])] = _rules(row, numbers)
            except (KeyError, ValueError, TypeError) as error:  # written by another version, or by hand
                log.error(
                    "a desk's rules for dialling out are of another shape: it does not dial out; apply its file anew",
                    extra={"tenant": row["tenant"], "action": "reload", "error": type(error).__name__},
                )
        self._rules = read

    def of(self, tenant: TenantId) -> OutboundRules | None:
        """A desk's rules; None: nobody dials out."""
        return self._rules.get(tenant) if self._way_out else None


class _Never:
    """Hours that cannot be read: rather closed than open, since calls would go out."""

    def next_opening(self, instant: datetime) -> datetime | None:
        return None


def _rules(row: Any, own: frozenset[str]) -> OutboundRules:
    """Raises KeyError, ValueError or TypeError when the row is of another shape."""
    said = json.loads(row["outbound"])
    hours = None
    if said.get("calendar") is not None:
        try:
            hours = calendar_from_data(json.loads(row["hours"]), zone=row["time_zone"]) if row["hours"] else _Never()
        except ConfigError:
            hours = _Never()
    return OutboundRules(
        number=said["number"],
        queue=QueueId(row["queue"]),
        language=row["language"],
        own=own,
        prefixes=tuple(said["prefixes"]),
        hours=hours,
        zone=ZoneInfo(row["time_zone"]),
        per_agent_hour=said["per_agent_hour"],
        per_hour=said["per_hour"],
        ring_s=said["ring_s"],
        own_ring_s=said["own_ring_s"],
    )


class Outbound:
    """Everything about dialling out that others use. Implements cti.web.dialports.Dialling."""

    def __init__(self, desk: OutboundDesk, rules: StoredOutboundRules) -> None:
        self.dial = desk.dial
        self.dialling = desk.dialling
        self.refusal = desk.refusal
        self.refusals = desk.refusals
        self.lend = desk.lend
        self.give_back = desk.give_back
        self.rules = rules.of
        self.reload = rules.reload


async def start(
    config: Config,
    bus: Bus,
    directory: DeskDirectory,
    desk: Desk,
    kept: Callbacks,
    pool: asyncpg.Pool[Any],
    now: Callable[[], datetime],
) -> Outbound:
    """From now on agents may dial. Raises Unavailable."""
    rules = StoredOutboundRules(pool, way_out=config.asterisk.trunk_out is not None)
    await rules.reload()

    def why_not(tenant: TenantId, agent: AgentId) -> str | None:
        status = desk.agent(tenant, agent)
        if status is None or status.state is AgentState.OFFLINE:
            return "dial_offline"
        if status.phone is PhoneState.UNREACHABLE:
            return "dial_no_phone"
        if status.phone is not PhoneState.IDLE or status.call_id is not None:
            return "dial_busy"
        return None

    outbound = OutboundDesk(
        sender=kept.sender, rules=rules.of, why_not=why_not, endpoint=directory.endpoint_of, clock=now
    )
    try:
        since = now() - HOUR
        rows = await pool.fetch(_MADE, OUTBOUND_KIND, since, timeout=READ_S)
        found = await pool.fetch(_LENT, since, timeout=READ_S)
        lent = [(TenantId(row["tenant"]), AgentId(row["agent"] or ""), row["at"]) for row in found]
    except AWAY as error:
        raise Unavailable("what was dialled lately cannot be read: the database does not answer") from error
    outbound.restore((effect_from_row(row) for row in rows), lent)
    kept.told.append(outbound.settled)
    bus.subscribe("outbound", outbound.handle, kinds=OutboundDesk.KINDS)
    return Outbound(outbound, rules)
