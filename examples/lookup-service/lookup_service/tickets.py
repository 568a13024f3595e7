"""Writing tickets, each wish once: the Idempotency-Key and what it made are stored in one transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import datetime
from typing import Any

from lookup_service import db as store
from lookup_service.wire import Problem


def open_ticket(db: sqlite3.Connection, key: str, body: dict[str, Any], now: datetime) -> tuple[int, store.Row]:
    """A new ticket and 201, or the one that this key opened before and 200."""
    epoch, asked = int(now.timestamp()), _digest("open", body)
    with _transaction(db):
        before = _before(db, key, asked)
        if before is not None:
            return 200, before
        for table, column in (("members", "member_id"), ("reservations", "reservation_id")):
            if body[column] is not None and not store.exists(db, table, column, body[column]):
                raise Problem(404, "not_found", f"no such {column}")
        (last,) = db.execute("SELECT coalesce(max(rowid), 0) FROM tickets").fetchone()
        ticket_id = f"T-{10000 + last + 1}"
        db.execute(
            "INSERT INTO tickets (ticket_id, category, title, status, opened_at, member_id, reservation_id,"
            " last_note) VALUES (?, ?, ?, 'open', ?, ?, ?, ?)",
            (ticket_id, body["category"], body["title"], epoch, body["member_id"], body["reservation_id"],
             body["note"]),
        )  # fmt: skip
        return 201, _written(db, key, asked, ticket_id, body["call_id"], epoch)


def join_ticket(
    db: sqlite3.Connection, key: str, ticket_id: str, body: dict[str, Any], now: datetime
) -> tuple[int, store.Row]:
    """The call is in the ticket, once however often it is asked."""
    epoch, asked = int(now.timestamp()), _digest(f"join {ticket_id}", body)
    with _transaction(db):
        before = _before(db, key, asked)
        if before is not None:
            return 200, before
        found = store.ticket(db, ticket_id)
        if found is None:
            raise Problem(404, "not_found", "no such ticket")
        if found["status"] == "closed":
            raise Problem(409, "ticket_closed", "this ticket is closed: open a new one")
        db.execute(
            "UPDATE tickets SET updated_at = ?, last_note = coalesce(?, last_note) WHERE ticket_id = ?",
            (epoch, body["note"], ticket_id),
        )
        return 200, _written(db, key, asked, ticket_id, body["call_id"], epoch)


class _transaction:  # noqa: N801 - used like a keyword
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK on any error."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")


def _before(db: sqlite3.Connection, key: str, asked: str) -> store.Row | None:
    row = db.execute("SELECT request, ticket_id FROM idempotency WHERE key = ?", (key,)).fetchone()
    if row is None:
        return None
    if row["request"] != asked:
        raise Problem(409, "key_reused", "this Idempotency-Key came with another body before")
    return store.ticket(db, row["ticket_id"])


def _written(db: sqlite3.Connection, key: str, asked: str, ticket_id: str, call_id: str, epoch: int) -> store.Row:
    db.execute("INSERT OR IGNORE INTO ticket_calls VALUES (?, ?)", (ticket_id, call_id))
    db.execute("INSERT INTO idempotency VALUES (?, ?, ?, ?)", (key, asked, ticket_id, epoch))
    # A day is what the contract promises; nobody repeats a question older than that.
    db.execute("DELETE FROM idempotency WHERE at < ?", (epoch - 86_400,))
    written = store.ticket(db, ticket_id)
    if written is None:
        raise RuntimeError("a ticket vanished inside its own transaction")
    return written


def _digest(what: str, body: dict[str, Any]) -> str:
    return hashlib.sha256(f"{what} {sorted(body.items())}".encode()).hexdigest()
