"""A changed copy of a frozen record, fast. Pure.

``dataclasses.replace`` looks at every field in Python and calls the constructor: 8.5 µs for a call, several times a
signal, which was half of what the call desk did. This copies the record's dictionary instead: 0.9 µs. It is for
records without slots and without ``__post_init__``; others go the ordinary way.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

T = TypeVar("T")


def changed(record: T, **changes: Any) -> T:
    """``record`` with these fields changed. Raises TypeError for a field that it does not have."""
    before = getattr(record, "__dict__", None)
    if before is None or hasattr(record, "__post_init__"):
        return dataclasses.replace(record, **changes)  # type: ignore[type-var]
    values = before | changes
    if len(values) != len(before):
        raise TypeError(f"{type(record).__name__} has no field {sorted(changes.keys() - before.keys())[0]!r}")
    copy = object.__new__(type(record))
    object.__setattr__(copy, "__dict__", values)
    return copy
