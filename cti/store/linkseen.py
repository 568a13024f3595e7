"""What a record keeps of a caller card beside the link: the car's plate, whether the member is a company's. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cti.domain.model import Link

# A plate is some ten signs; what is longer is none.
PLATE_MOST = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """Of the linked records; None: not known."""

    plate: str | None = None  # of the booking's car
    company: bool | None = None  # the member belongs to one

    def to_json(self) -> dict[str, Any]:
        """For the journal."""
        return {"plate": self.plate, "company": self.company}


NOTHING_SEEN = Seen()


def seen_in(card: Mapping[str, Any], link: Link) -> Seen:
    """From a caller card as ``CallLinked`` carries it (docs/linking.md). A card of another shape tells nothing."""
    member = _one(card, "members", "member_id", link.member_id)
    booking = _one(card, "reservations", "reservation_id", link.reservation_id)
    vehicle = booking.get("vehicle")
    plate = vehicle.get("plate") if isinstance(vehicle, Mapping) else None
    return Seen(
        plate=plate.replace("\0", "")[:PLATE_MOST] if isinstance(plate, str) and plate.strip() else None,
        company=bool(member["company"]) if "company" in member else None,
    )


def card_of(seen: Mapping[str, Any] | None, link: Link) -> dict[str, object]:
    """The smallest card that tells the same: what a journal gives back."""
    if seen is None or (seen["plate"] is None and seen["company"] is None):
        return {}
    member = {"member_id": link.member_id, "company": seen["company"]} if seen["company"] is not None else None
    booking = {"reservation_id": link.reservation_id, "vehicle": {"plate": seen["plate"]}} if seen["plate"] else None
    return {
        "members": {"members": [member] if member else []},
        "reservations": {"reservations": [booking] if booking else []},
    }


def _one(card: Mapping[str, Any], part: str, key: str, wanted: str | None) -> Mapping[str, Any]:
    held = card.get(part)
    records = held.get(part) if isinstance(held, Mapping) else None
    if wanted is None or not isinstance(records, list | tuple):
        return {}
    return next((one for one in records if isinstance(one, Mapping) and one.get(key) == wanted), {})
