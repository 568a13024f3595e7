"""Rows of routing as the journal keeps them, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cti.domain.model import AgentId, AgentState, CallId, OfferId, QueueId, TenantId
from routing.desk import DecisionRow, StateRow


def state_body(row: StateRow) -> dict[str, Any]:
    """An agent's state as JSON."""
    return {
        "kind": "state",
        "tenant": row.tenant,
        "agent": row.agent,
        "state": row.state.value,
        "reason": row.reason,
        "since": row.since.isoformat(),
        "by": row.by,
    }


def decision_body(row: DecisionRow) -> dict[str, Any]:
    """A decision as JSON."""
    return {
        "kind": "decision",
        "tenant": row.tenant,
        "at": row.at.isoformat(),
        "decided": row.kind,
        "slug": row.slug,
        "params": dict(row.params),
        "call_id": row.call_id,
        "queue": row.queue,
        "agent": row.agent,
        "offer_id": row.offer_id,
        "result": row.result,
        "by": row.by,
    }


def row_from_body(body: Mapping[str, Any]) -> StateRow | DecisionRow:
    """Raises KeyError, ValueError or TypeError for what is neither."""
    match body["kind"]:
        case "state":
            return StateRow(
                tenant=TenantId(body["tenant"]),
                agent=AgentId(body["agent"]),
                state=AgentState(body["state"]),
                reason=body["reason"],
                since=datetime.fromisoformat(body["since"]),
                by=body["by"],
            )
        case "decision":
            return DecisionRow(
                tenant=TenantId(body["tenant"]),
                at=datetime.fromisoformat(body["at"]),
                kind=body["decided"],
                slug=body["slug"],
                params=body["params"],
                call_id=CallId(body["call_id"]) if body["call_id"] else None,
                queue=QueueId(body["queue"]) if body["queue"] else None,
                agent=AgentId(body["agent"]) if body["agent"] else None,
                offer_id=OfferId(body["offer_id"]) if body["offer_id"] else None,
                result=body["result"],
                by=body["by"],
            )
        case kind:
            raise ValueError(f"no row of routing: {kind}")
