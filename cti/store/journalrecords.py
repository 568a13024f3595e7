"""The records of the journal as JSON and back. Pure. The shape of a call is that of its rows (callrows.py)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from cti.domain.events import CallLinked, RecordingStored
from cti.domain.model import Call, CallId, Link, TenantId
from cti.store.callrows import (
    COLUMNS,
    OFFER_COLUMNS,
    TALK_COLUMNS,
    call_from_row,
    call_values,
    link_from_json,
    link_json,
    offer_values,
    talk_values,
)
from cti.store.linkseen import card_of, seen_in

KIND = "kind"
CALL, LINK, RECORDING, FINDING = "call", "link", "recording", "finding"


def call_body(call: Call) -> dict[str, Any]:
    """A call as JSON."""
    return {
        KIND: CALL,
        "call": _row(COLUMNS, call_values(call)),
        "offers": [_row(OFFER_COLUMNS, values) for values in offer_values(call)],
        "talks": [_row(TALK_COLUMNS, values) for values in talk_values(call)],
    }


def call_from_body(body: Mapping[str, Any]) -> Call:
    """Raises KeyError, ValueError or TypeError for what is no call."""
    row = _times(body["call"])
    row["transferred_at"] = [datetime.fromisoformat(at) for at in row["transferred_at"]]
    return call_from_row(row, map(_times, body["offers"]), map(_times, body["talks"]))


def link_body(tenant: TenantId, call_id: CallId, link: Link) -> dict[str, Any]:
    """A link of a call that is in the table already."""
    return {KIND: LINK, "tenant": tenant, "call_id": call_id, "link": link_json(link)}


def link_from_body(body: Mapping[str, Any]) -> tuple[TenantId, CallId, Link]:
    """Raises as ``call_from_body``."""
    return TenantId(body["tenant"]), CallId(body["call_id"]), _link(body["link"])


def recording_body(stored: RecordingStored) -> dict[str, Any]:
    """Where a call's recording is."""
    return {
        KIND: RECORDING,
        "at": stored.at.isoformat(),
        "tenant": stored.tenant,
        "call_id": stored.call_id,
        "uri": stored.uri,
        "sha256": stored.sha256,
        "duration_s": stored.duration_s,
    }


def recording_from_body(body: Mapping[str, Any]) -> RecordingStored:
    """Raises as ``call_from_body``."""
    return RecordingStored(
        at=datetime.fromisoformat(body["at"]),
        tenant=TenantId(body["tenant"]),
        call_id=CallId(body["call_id"]),
        uri=body["uri"],
        sha256=body["sha256"],
        duration_s=float(body["duration_s"]),
    )


def finding_body(event: CallLinked) -> dict[str, Any]:
    """What a look-up found. Of the card, which was shown already, only what the record keeps of it."""
    return {
        **call_body(event.call),
        KIND: FINDING,
        "at": event.at.isoformat(),
        "link": link_json(event.link),
        "status": event.status,
        "seen": seen_in(event.card, event.link).to_json(),
    }


def finding_from_body(body: Mapping[str, Any]) -> CallLinked:
    """Raises as ``call_from_body``."""
    call = call_from_body(body)
    return CallLinked(
        at=datetime.fromisoformat(body["at"]),
        tenant=call.tenant,
        call=call,
        link=_link(body["link"]),
        status=body["status"],
        card=card_of(body.get("seen"), _link(body["link"])),  # a journal of before has none
    )


def _link(body: Mapping[str, Any]) -> Link:
    link = link_from_json(body)
    if link is None:
        raise ValueError("a link is missing")
    return link


def _row(columns: Sequence[str], values: Iterable[Any]) -> dict[str, Any]:
    return {column: _plain(value) for column, value in zip(columns, values, strict=True)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _times(row: Mapping[str, Any]) -> dict[str, Any]:
    """Instants again; their columns are known by their names, transferred_at is a list and left alone."""
    return {
        column: datetime.fromisoformat(value)
        if isinstance(value, str) and (column.endswith("_at") or column == "held_since")
        else value
        for column, value in row.items()
    }
