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

# Who looks each LOOK_S sees a renewal that late, and must not wait for it once more.
QUIET_S = VALID_S - LOOK_S
# No holder that lives is silent for so long: whatever the database's clock says, which may have been set back.
SILENT_S = 2 * VALID_S


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """What a process that stands by remembers between two looks. By a clock of its own that nobody sets."""

    holder: str  # itself
    seen: tuple[int, datetime] | None = None  # epoch and renewal of the row at the last look
    quiet_since_s: float | None = None  # the first of the looks, one after the other, that saw this row


def looked(watch: Watch, look: Look | None, own_s: float) -> Watch:
    """After a look at ``own_s``; None: the database did not answer."""
    if look is None:
        return replace(watch, quiet_since_s=None)
    seen = None if look.lease is None else (look.lease.epoch, look.lease.renewed_at)
    if seen == watch.seen and watch.quiet_since_s is not None:
        return watch
    return replace(watch, seen=seen, quiet_since_s=own_s)


def may_claim(watch: Watch, look: Look, own_s: float) -> bool:
    """Whether to claim now.

    A lease that ran out proves nothing when the database was away: its holder could not renew it either, and serves on.
    Nor when the database's clock was set forward. Only when the database has answered for as long as a lease is valid,
    and always with the same row, has a living holder had the time to renew.
    """
    lease = look.lease
    if lease is None or lease.released or lease.holder == watch.holder:
        return True
    quiet_s = 0.0 if watch.quiet_since_s is None else own_s - watch.quiet_since_s
    return quiet_s >= (QUIET_S if is_free(lease, look.at) else SILENT_S)
