"""The one JSON line that every bench prints last."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def _ticks() -> tuple[int, int]:
    """Of all processors since the machine began: those that were stolen, and all (proc(5), stat)."""
    ticks = [int(n) for n in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    return ticks[7], sum(ticks)


_BEGAN = _ticks()


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One side of a case."""

    p50: float
    p99: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Sample:
        """Percentiles by nearest rank, in the unit of the values. Raises ValueError for none."""
        if not values:
            raise ValueError("nothing was measured")
        ordered = sorted(values)
        return cls(p50=_rank(ordered, 0.50), p99=_rank(ordered, 0.99), n=len(ordered))


def _rank(ordered: Sequence[float], share: float) -> float:
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 3)


def case(name: str, ours: Sample, peer_name: str, peer: Sample) -> dict[str, Any]:
    """One case, with ours ÷ peer at the 99th percentile."""
    return {
        "case": name,
        "ours": ours.__dict__,
        "peer": {"name": peer_name, **peer.__dict__},
        "ratio": round(ours.p99 / peer.p99, 2) if peer.p99 else None,
    }


def line(bench: str, unit: str, cases: Sequence[dict[str, Any]], aim: str, met: bool) -> str:
    """The line. ``stolen``: the share of the processors' time, 0 to 1, that a virtual machine's host kept meanwhile."""
    stolen, total = (now - then for now, then in zip(_ticks(), _BEGAN, strict=True))
    share = round(stolen / max(total, 1), 3)
    said = {"bench": bench, "unit": unit, "cases": list(cases), "aim": aim, "met": met, "stolen": share}
    return json.dumps(said, ensure_ascii=False)
