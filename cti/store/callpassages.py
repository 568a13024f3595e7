"""Holds, consultations, transfers of a call, and how its legs sounded, as one JSON document and back. Pure.

Instants are ISO 8601 in UTC. A document of an older server lacks what it did not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from cti.domain.model import (
    AgentId,
    Call,
    ChannelName,
    Consultation,
    ConsultResult,
    Hold,
    LegFigures,
    LegSound,
    Pause,
    TalkPhase,
    TransferKind,
    TransferRecord,
    TransferResult,
    UniqueId,
)

R = TypeVar("R", Hold, Consultation, TransferRecord, Pause, LegFigures)


def passages_json(call: Call) -> dict[str, Any]:
    """The document; empty for a call of which nothing of that is known."""
    body: dict[str, Any] = {
        "holds": [_record(hold) for hold in call.holds],
        "consultations": [_record(asked) for asked in call.consultations],
        "transfers": [_record(transfer) for transfer in call.transfers],
        "pauses": [_record(pause) for pause in call.pauses],
        "sounds": [_sound_json(sound) for sound in call.sounds],
        "phase": call.phase.value if call.phase else None,
    }
    return {name: value for name, value in body.items() if value}


def passages_from_json(body: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields of Call that the document holds. Raises KeyError or ValueError for what is none."""
    body = body or {}
    return {
        "holds": tuple(
            Hold(began_at=_instant(one["began_at"]), ended_at=_maybe(one["ended_at"])) for one in body.get("holds", ())
        ),
        "consultations": tuple(_consultation(one) for one in body.get("consultations", ())),
        "transfers": tuple(_transfer(one) for one in body.get("transfers", ())),
        "pauses": tuple(_pause(one) for one in body.get("pauses", ())),
        "sounds": tuple(_sound(one) for one in body.get("sounds", ())),
        "phase": TalkPhase(body["phase"]) if body.get("phase") else None,
    }


def _sound_json(sound: LegSound) -> dict[str, Any]:
    return {
        "uniqueid": _plain(sound.uniqueid),
        "agent": sound.agent,
        "began_at": _plain(sound.began_at),
        "ended_at": _plain(sound.ended_at),
        **_record(sound.figures),
    }


def _sound(one: Mapping[str, Any]) -> LegSound:
    return LegSound(
        uniqueid=UniqueId(one["uniqueid"]),
        agent=AgentId(one["agent"]) if one["agent"] else None,
        began_at=_instant(one["began_at"]),
        ended_at=_instant(one["ended_at"]),
        figures=LegFigures(**{field.name: one[field.name] for field in fields(LegFigures)}),
    )


def _record(record: R) -> dict[str, Any]:
    return {field.name: _plain(getattr(record, field.name)) for field in fields(record)}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return value.value
    return value.replace("\0", "") if isinstance(value, str) else value  # PostgreSQL keeps no NUL


def _consultation(one: Mapping[str, Any]) -> Consultation:
    return Consultation(
        first=AgentId(one["first"]) if one["first"] else None,
        second=AgentId(one["second"]) if one["second"] else None,
        channel=ChannelName(one["channel"]),
        uniqueid=UniqueId(one["uniqueid"]),
        began_at=_instant(one["began_at"]),
        answered_at=_maybe(one["answered_at"]),
        joined_at=_maybe(one["joined_at"]),
        ended_at=_maybe(one["ended_at"]),
        outside=one.get("outside"),
        result=ConsultResult(one["result"]) if one["result"] else None,
    )


def _transfer(one: Mapping[str, Any]) -> TransferRecord:
    return TransferRecord(
        kind=TransferKind(one["kind"]),
        by=AgentId(one["by"]) if one["by"] else None,
        to=one["to"],
        at=_instant(one["at"]),
        ended_at=_maybe(one["ended_at"]),
        result=TransferResult(one["result"]) if one["result"] else None,
    )


def _pause(one: Mapping[str, Any]) -> Pause:
    return Pause(
        began_at=_instant(one["began_at"]),
        why=one["why"],
        by=one["by"],
        until=_maybe(one["until"]),
        proven_at=_maybe(one["proven_at"]),
        stopped=one["stopped"],
        ended_at=_maybe(one["ended_at"]),
        ended_by=one["ended_by"],
    )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _maybe(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
