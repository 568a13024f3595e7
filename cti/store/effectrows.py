"""Effects and callbacks as rows of PostgreSQL and as bodies of the journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cti.domain.callbacks import Callback, CallbackId, CallbackState
from cti.domain.effects import Effect, EffectId, EffectState
from cti.domain.model import CallId, QueueId, SkillId, SkillLevel, TenantId

KIND, EFFECT, CALLBACK = "kind", "effect", "callback"

_CALLBACK_COLUMNS = (
    "tenant", "callback_id", "state", "version", "queue", "origin", "number", "number_called", "language", "skills",
    "queued_at", "asked_at", "tries", "not_before", "effect_id", "attempt", "ended_at", "outcome", "successor",
)  # fmt: skip
_CALLBACK_LIST = ", ".join(_CALLBACK_COLUMNS)
_SELECT = f"SELECT {_CALLBACK_LIST.replace('skills', 'skills::text AS skills')} FROM callbacks"  # noqa: S608

# With those whose place a call took over that may still wait: no caller waits for six hours.
OPEN_CALLBACKS = f"""{_SELECT}
 WHERE ended_at IS NULL OR (successor IS NOT NULL AND ended_at > now() - interval '6 hours') ORDER BY asked_at"""
PAGE = f"{_SELECT} WHERE tenant = $1 ORDER BY asked_at DESC LIMIT $2"
OPEN_EFFECTS = """
SELECT tenant, effect_id, kind, state, version, created_at, changed_at, body::text AS body
  FROM effects
 WHERE state NOT IN ('done', 'not_done') AND NOT (state = 'unknown' AND coalesce(body ->> 'why', '') <> '')
 ORDER BY created_at
"""
TICKETS_OF_CALL = """
SELECT tenant, effect_id, kind, state, version, created_at, changed_at, body::text AS body
  FROM effects WHERE tenant = $1 AND kind = 'ticket' AND body ->> 'call_id' = $2 ORDER BY created_at, effect_id LIMIT $3
"""
ONE_EFFECT = """
SELECT tenant, effect_id, kind, state, version, created_at, changed_at, body::text AS body
  FROM effects WHERE tenant = $1 AND effect_id = $2
"""
# An older word never replaces a newer one, so that a journal may be read twice.
_PUT_EFFECT = """
INSERT INTO effects (tenant, effect_id, kind, state, version, created_at, changed_at, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb)
ON CONFLICT (tenant, effect_id) DO UPDATE
   SET state = excluded.state, version = excluded.version, changed_at = excluded.changed_at, body = excluded.body
 WHERE effects.version <= excluded.version
"""
_PUT_CALLBACK = f"""
INSERT INTO callbacks ({_CALLBACK_LIST})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::jsonb, $11, $12, $13, $14, $15, $16, $17, $18, $19)
ON CONFLICT (tenant, callback_id) DO UPDATE
   SET ({", ".join(_CALLBACK_COLUMNS[2:])}) = ({", ".join(f"excluded.{column}" for column in _CALLBACK_COLUMNS[2:])})
 WHERE callbacks.version <= excluded.version
"""  # noqa: S608 - names of this module's own


def put(record: Effect | Callback) -> tuple[Any, ...]:
    """The statement that stores a record, and its arguments."""
    if isinstance(record, Effect):
        return (
            _PUT_EFFECT, record.tenant, record.effect_id, record.kind, record.state.value, record.version,
            record.created_at, record.changed_at, json.dumps(dict(record.body)),
        )  # fmt: skip
    values = _callback_values(record)
    values["skills"] = json.dumps(values["skills"])
    return (_PUT_CALLBACK, *(values[column] for column in _CALLBACK_COLUMNS))


def effect_from_row(row: Mapping[str, Any]) -> Effect:
    """A row of OPEN_EFFECTS."""
    return _effect({**dict(row), "body": json.loads(row["body"])})


def callback_from_row(row: Mapping[str, Any]) -> Callback:
    """A row of OPEN_CALLBACKS or PAGE."""
    return _callback({**dict(row), "skills": json.loads(row["skills"])})


def body_of(record: Effect | Callback) -> dict[str, Any]:
    """A record as JSON, for the journal."""
    if isinstance(record, Effect):
        return {
            KIND: EFFECT,
            "tenant": record.tenant,
            "effect_id": record.effect_id,
            "what": record.kind,
            "state": record.state.value,
            "version": record.version,
            "created_at": record.created_at.isoformat(),
            "changed_at": record.changed_at.isoformat(),
            "body": dict(record.body),
        }
    values = _callback_values(record)
    plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
    return {KIND: CALLBACK, **plain}


def from_body(body: Mapping[str, Any]) -> Effect | Callback:
    """What ``body_of`` made. Raises KeyError, ValueError or TypeError."""
    times = ("created_at", "changed_at", "queued_at", "asked_at", "not_before", "ended_at")
    values = {
        name: datetime.fromisoformat(value) if name in times and value is not None else value
        for name, value in body.items()
    }
    if body[KIND] == EFFECT:
        return _effect({**values, "kind": body["what"]})
    if body[KIND] == CALLBACK:
        return _callback(values)
    raise ValueError(f"no record of ours: {body[KIND]}")


def _effect(values: Mapping[str, Any]) -> Effect:
    return Effect(
        effect_id=EffectId(values["effect_id"]),
        tenant=TenantId(values["tenant"]),
        kind=values["kind"],
        created_at=values["created_at"],
        changed_at=values["changed_at"],
        body={str(name): str(value) for name, value in values["body"].items()},
        state=EffectState(values["state"]),
        version=int(values["version"]),
    )


def _callback_values(callback: Callback) -> dict[str, Any]:
    values = {column: getattr(callback, column) for column in _CALLBACK_COLUMNS}
    values["state"] = callback.state.value
    values["skills"] = [[skill.skill, skill.level] for skill in callback.skills]
    return values


def _callback(values: Mapping[str, Any]) -> Callback:
    fields = {column: values[column] for column in _CALLBACK_COLUMNS}
    for column in ("origin", "attempt", "successor"):
        fields[column] = CallId(str(fields[column])) if fields[column] is not None else None
    fields["callback_id"] = CallbackId(fields["callback_id"])
    fields["tenant"], fields["queue"] = TenantId(fields["tenant"]), QueueId(fields["queue"])
    fields["state"] = CallbackState(fields["state"])
    fields["skills"] = tuple(SkillLevel(skill=SkillId(skill), level=int(level)) for skill, level in fields["skills"])
    return Callback(**fields)
