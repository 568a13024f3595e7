"""The service's own database: one SQLite file, one connection, used from one worker thread."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from lookup_service.kana import search_key
from lookup_service.names import PLANS
from lookup_service.seed import move_to, seed

Row = dict[str, Any]
JST = timezone(timedelta(hours=9))
LISTED = 20  # members, reservations and tickets of one answer, as the contract says
TERMS = dict(PLANS)
_HERE = Path(__file__).parent
_TEXTS: dict[str, dict[str, str]] = json.loads((_HERE / "texts.json").read_text(encoding="utf-8"))


def open_db(path: str, now: datetime) -> sqlite3.Connection:
    """Open the file (":memory:" for none), make and fill it if it is new, and move its times to ``now``."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA foreign_keys = ON")
    epoch = int(now.timestamp())
    is_new = not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
    if is_new:
        db.executescript((_HERE / "schema.sql").read_text(encoding="utf-8"))
    db.execute("BEGIN IMMEDIATE")
    if is_new:
        seed(db, epoch)
    else:
        move_to(db, epoch)
    db.execute("COMMIT")
    return db


def look_up(
    db: sqlite3.Connection,
    *,
    number: str | None,
    reservation: str | None,
    language: str,
    now: datetime,
    member: str | None = None,
) -> Row:
    """Everything that the number or the keyed reservation number leads to, and ``member``'s, whom an agent chose."""
    matched: dict[str, list[str]] = {}
    keyed: list[Row] = []
    if reservation:
        keyed = _rows(db, "SELECT * FROM reservations WHERE number = ?", (reservation,))
        for row in keyed:
            matched.setdefault(row["member_id"], []).append("reservation")
    if number:
        for row in _rows(db, "SELECT member_id FROM phones WHERE number = ? ORDER BY member_id", (number,)):
            matched.setdefault(row["member_id"], []).append("number")
    if member is not None and member not in matched and exists(db, "members", "member_id", member):
        matched[member] = []
    return _answer(db, matched, keyed, language, now, chosen=member)


def search(db: sqlite3.Connection, query: str, *, limit: int, language: str, now: datetime) -> Row:
    """Members by name in any script, number, plate or reservation number."""
    key = search_key(query)
    digits = re.sub(r"\D", "", query)
    found: dict[str, list[str]] = {}
    like = _like(key)
    sql = (
        "SELECT member_id FROM members WHERE key_kana LIKE ?1 ESCAPE '\\' OR key_kanji LIKE ?1 ESCAPE '\\'"
        " ORDER BY key_kana NOT LIKE ?2 ESCAPE '\\' AND key_kanji NOT LIKE ?2 ESCAPE '\\', key_kana LIMIT 100"
    )
    for row in _rows(db, sql, (f"%{like}%", f"{like}%")):
        found[row["member_id"]] = []
    if len(digits) >= 4 and re.fullmatch(r"[\d\s+()\-]+", query):
        tail = digits.removeprefix("81").removeprefix("0") or digits
        sql = (
            "SELECT member_id FROM phones WHERE number LIKE '%' || ?1"
            " UNION SELECT member_id FROM reservations WHERE number = ?2 LIMIT 100"
        )
        for row in _rows(db, sql, (tail, digits)):
            found[row["member_id"]] = []
    if len(digits) >= 4:  # a plate, whole or its last four digits
        plate = f"{digits[-4:-2]}-{digits[-2:]}"
        office = _like(query.split()[0]) if not query[0].isdigit() else ""
        sql = (
            "SELECT r.member_id FROM reservations r JOIN vehicles v USING (vehicle_id)"
            " WHERE v.plate LIKE ?1 || '%' ESCAPE '\\' AND v.plate LIKE '%' || ?2"
            " AND r.returned_at IS NULL AND NOT r.cancelled LIMIT 100"
        )
        for row in _rows(db, sql, (office, plate)):
            found[row["member_id"]] = []
    return _answer(db, found, [], language, now, limit)


def ticket(db: sqlite3.Connection, ticket_id: str) -> Row | None:
    """One ticket as the contract shows it."""
    rows = _rows(db, "SELECT * FROM tickets WHERE ticket_id = ?", (ticket_id,))
    return _ticket(db, rows[0]) if rows else None


def exists(db: sqlite3.Connection, table: str, column: str, value: str) -> bool:
    """Whether a row is there. ``table`` and ``column`` come from this package, never from outside."""
    return bool(db.execute(f"SELECT 1 FROM {table} WHERE {column} = ?", (value,)).fetchone())  # noqa: S608


def _answer(
    db: sqlite3.Connection,
    matched: dict[str, list[str]],
    keyed: list[Row],
    language: str,
    now: datetime,
    limit: int = LISTED,
    chosen: str | None = None,
) -> Row:
    epoch = int(now.timestamp())
    busy = {member for member in matched if _bookings(db, member, epoch, current=True)}
    # Who has both keys first, then the keyed booking's member, then those who are out with a car.
    order = sorted(
        matched, key=lambda m: (m != chosen, -len(matched[m]), "reservation" not in matched[m], m not in busy)
    )
    shown = order[:limit]
    bookings = keyed + [
        row
        for member in shown
        for row in _bookings(db, member, epoch)
        if all(row["reservation_id"] != k["reservation_id"] for k in keyed)
    ]
    # Current ones of any driver before the last and next ones of all, or a company's list would hide them.
    # All of a chosen member come before anybody else's.
    bookings.sort(
        key=lambda row: (
            row["member_id"] != chosen,
            row not in keyed,
            _status(row, epoch) not in ("in_use", "overdue"),
        )
    )
    return {
        "as_of": _when(epoch),
        "members": [_member(db, member, matched[member], language) for member in shown],
        "reservations": [_reservation(db, row, epoch, language) for row in bookings[:LISTED]],
        "tickets": _tickets(db, shown),
        "member_count": len(matched),
        "truncated": len(matched) > len(shown) or len(bookings) > LISTED,
    }


def _member(db: sqlite3.Connection, member_id: str, matched_by: list[str], language: str) -> Row:
    (row,) = _rows(db, "SELECT * FROM members WHERE member_id = ?", (member_id,))
    texts = _TEXTS[language]
    codes = ["birthday", "licence"]
    if row["employee"]:
        codes.insert(0, "employee")
    shown = {k: row[k] for k in ("member_id", "name", "name_kana", "company", "plan", "language", "status")}
    phones = _rows(db, "SELECT number FROM phones WHERE member_id = ? ORDER BY number LIMIT 5", (member_id,))
    return {
        **shown,
        "phones": [phone["number"] for phone in phones],
        "matched_by": sorted(matched_by),
        "verification": [{"code": code, "prompt": texts[code], "answer": row[code]} for code in codes],
        "notes": json.loads(row["notes"]),
    }


def _bookings(db: sqlite3.Connection, member_id: str, now: int, *, current: bool = False) -> list[Row]:
    """A member's current bookings, the next one and the last one; or the current ones only."""
    rows = _rows(
        db, "SELECT * FROM reservations WHERE member_id = ? AND NOT cancelled ORDER BY starts_at", (member_id,)
    )
    by: dict[str, list[Row]] = {}
    for row in rows:
        by.setdefault(_status(row, now), []).append(row)
    running = by.get("overdue", []) + by.get("in_use", [])
    return running if current else running + by.get("upcoming", [])[:1] + by.get("returned", [])[-1:]


def _status(row: Row, now: int) -> str:
    if row["cancelled"]:
        return "cancelled"
    if row["returned_at"] is not None:
        return "returned"
    if now < row["starts_at"]:
        return "upcoming"
    return "in_use" if now <= row["ends_at"] else "overdue"


def _reservation(db: sqlite3.Connection, row: Row, now: int, language: str) -> Row:
    (vehicle,) = _rows(db, "SELECT * FROM vehicles WHERE vehicle_id = ?", (row["vehicle_id"],))
    (plan,) = db.execute("SELECT plan FROM members WHERE member_id = ?", (row["member_id"],)).fetchone()
    return {
        "reservation_id": row["reservation_id"],
        "number": row["number"],
        "member_id": row["member_id"],
        "status": _status(row, now),
        "starts_at": _when(row["starts_at"]),
        "ends_at": _when(row["ends_at"]),
        "returned_at": _when(row["returned_at"]),
        "station": vehicle["station"],
        "vehicle": vehicle,
        "terms": [{"code": code, "text": _TEXTS[language][code]} for code in TERMS[plan]],
    }


def _tickets(db: sqlite3.Connection, members: Iterable[str]) -> list[Row]:
    wanted = json.dumps(list(members))
    sql = (
        "SELECT * FROM tickets WHERE status <> 'closed'"
        " AND member_id IN (SELECT value FROM json_each(?)) ORDER BY opened_at DESC LIMIT ?"
    )
    return [_ticket(db, row) for row in _rows(db, sql, (wanted, LISTED))]


def _ticket(db: sqlite3.Connection, row: Row) -> Row:
    (calls,) = db.execute("SELECT count(*) FROM ticket_calls WHERE ticket_id = ?", (row["ticket_id"],)).fetchone()
    shown = {k: v for k, v in row.items() if k != "seeded"}
    return {
        **shown,
        "opened_at": _when(row["opened_at"]),
        "updated_at": _when(row["updated_at"]),
        "calls": calls,
    }


def _rows(db: sqlite3.Connection, sql: str, arguments: tuple[object, ...]) -> list[Row]:
    return [dict(row) for row in db.execute(sql, arguments)]


def _like(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)


def _when(epoch: int | None) -> str | None:
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC).astimezone(JST).isoformat()
