"""Who of several servers is in charge: the rules of a lease, pure. All instants are the database's, never our own.

A lease says who may *take charge*; it stops nobody who has taken it and cannot hear that it is over (a frozen process).
What stops those is the epoch: Asterisk's dialplan dials no offer of another one. docs/decisions/0185.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

# Three renewals may be late before somebody else may think that the holder is gone. Together with LOOK_S and half a
# second to take charge it stays below the 4 s after which the dialplan sends callers into Asterisk's own queue.
VALID_S = 3.0
RENEW_S = 1.0
# One row by its key: 0.2 ms of the database. A lease that was given back is taken this soon.
LOOK_S = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """The row, as it was written last."""

    epoch: int  # microseconds since 1970 when it was taken, and more than any before
    holder: str  # which process: host, port, boot of the machine
    address: str  # where its pages are, for people
    taken_at: datetime
    renewed_at: datetime
    valid_until: datetime
    released: bool  # given back, not run out


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What the database said."""

    lease: Lease | None  # None: nobody ever held it
    at: datetime


class Standing(StrEnum):
    """What a process knows of itself."""

    STANDBY = "standby"
    HOLDING = "holding"
    UNPROVEN = "unproven"  # it holds, as far as it knows; the database does not confirm it
    LOST = "lost"  # somebody else has it
    RELEASED = "released"


class Heard(StrEnum):
    """What the database's answer to a claim or a renewal meant."""

    GRANTED = "granted"
    RENEWED = "renewed"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    GAVE_BACK = "gave_back"


# Who lost it may get it again as a new holder: of two servers that were started by mistake, the one that is left.
TRANSITIONS: Mapping[Standing, Mapping[Heard, Standing]] = {
    Standing.STANDBY: {
        Heard.GRANTED: Standing.HOLDING,
        Heard.REFUSED: Standing.STANDBY,
        Heard.UNREACHABLE: Standing.STANDBY,
    },
    Standing.HOLDING: {
        Heard.RENEWED: Standing.HOLDING,
        Heard.REFUSED: Standing.LOST,
        Heard.UNREACHABLE: Standing.UNPROVEN,
        Heard.GAVE_BACK: Standing.RELEASED,
    },
    Standing.UNPROVEN: {
        Heard.RENEWED: Standing.HOLDING,
        Heard.REFUSED: Standing.LOST,
        Heard.UNREACHABLE: Standing.UNPROVEN,
        Heard.GAVE_BACK: Standing.RELEASED,
    },
    Standing.LOST: {
        Heard.GRANTED: Standing.HOLDING,
        Heard.REFUSED: Standing.LOST,
        Heard.UNREACHABLE: Standing.LOST,
    },
    Standing.RELEASED: {},
}


def step(standing: Standing, heard: Heard) -> Standing:
    """The next standing. Raises ValueError for what cannot be heard there, naming both."""
    try:
        return TRANSITIONS[standing][heard]
    except KeyError:
        raise ValueError(f"{heard.value} cannot be heard by who is {standing.value}") from None


# --- The row: what the statements of cti.store.leases do -----------------------------------------------------------


def is_free(lease: Lease | None, at: datetime) -> bool:
    """Whether nobody holds it at ``at``."""
    return lease is None or lease.released or lease.valid_until <= at


def claimed(lease: Lease | None, holder: str, address: str, at: datetime, over: int | None = None) -> Lease | None:
    """The row after a claim; None: refused. ``over`` names an epoch whose holder is dead, or not to be waited for."""
    if not is_free(lease, at) and (lease is None or lease.epoch != over):
        return None
    micros = int(at.timestamp() * 1_000_000)
    return Lease(
        epoch=micros if lease is None else max(micros, lease.epoch + 1),
        holder=holder,
        address=address,
        taken_at=at,
        renewed_at=at,
        valid_until=at + timedelta(seconds=VALID_S),
        released=False,
    )


def renewed(lease: Lease | None, epoch: int, at: datetime) -> Lease | None:
    """The row after a renewal; None: it is somebody else's. One that ran out and that nobody took is renewed."""
    if lease is None or lease.epoch != epoch or lease.released:
        return None
    return replace(lease, renewed_at=at, valid_until=at + timedelta(seconds=VALID_S))


def given_back(lease: Lease | None, epoch: int, at: datetime) -> Lease | None:
    """The row after its holder let go; None: it was somebody else's."""
    if lease is None or lease.epoch != epoch or lease.released:
        return None
    return replace(lease, valid_until=at, released=True)


# --- Who stands by -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """What a process that stands by remembers between two looks."""

    holder: str  # itself
    steady_since: datetime | None = None  # the first of the looks that succeeded one after the other


def looked(watch: Watch, look: Look | None) -> Watch:
    """After a look; None: the database did not answer."""
    if look is None:
        return replace(watch, steady_since=None)
    return watch if watch.steady_since is not None else replace(watch, steady_since=look.at)


def may_claim(watch: Watch, look: Look) -> bool:
    """Whether to claim now.

    A lease that ran out proves nothing when the database was away: its holder could not renew it either, and serves on.
    Only when the database has answered for as long as a lease is valid has a living holder had the time to renew.
    """
    lease = look.lease
    if lease is None or lease.released or lease.holder == watch.holder:
        return True
    return is_free(lease, look.at) and has_waited(watch, look)


def has_waited(watch: Watch, look: Look) -> bool:
    """Whether the database has answered without a gap for as long as a lease is valid."""
    return watch.steady_since is not None and (look.at - watch.steady_since).total_seconds() >= VALID_S
