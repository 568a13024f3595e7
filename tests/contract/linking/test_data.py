"""The example's data could be a real company's: nobody has a car twice, numbers ring, names are found."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cti.domain.model import CallerKind
from cti.domain.phone import parse_caller
from tests.contract.linking.service import DEMO, running


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    folder = tmp_path_factory.mktemp("data")
    with running(folder), closing(sqlite3.connect(folder / "lookup.sqlite")) as connection:
        yield connection


def test_no_car_is_booked_twice_at_once(db: sqlite3.Connection) -> None:
    twice = db.execute(
        "SELECT a.number, b.number FROM reservations a JOIN reservations b USING (vehicle_id)"
        " WHERE a.reservation_id < b.reservation_id AND NOT a.cancelled AND NOT b.cancelled"
        " AND a.starts_at < coalesce(b.returned_at, b.ends_at) AND b.starts_at < coalesce(a.returned_at, a.ends_at)"
    ).fetchall()
    assert twice == []


def test_every_number_rings_somewhere_and_only_the_company_shares_one(db: sqlite3.Connection) -> None:
    numbers = Counter(number for (number,) in db.execute("SELECT number FROM phones"))
    assert {parse_caller(number, "").kind for number in numbers} == {CallerKind.NUMBER}
    assert [number for number, members in numbers.items() if members > 1] == [DEMO["shared_company_number"]["e164"]]


def test_plates_look_like_plates(db: sqlite3.Connection) -> None:
    plates = [plate for (plate,) in db.execute("SELECT plate FROM vehicles")]
    assert len(set(plates)) == len(plates) == 60
    for plate in plates:
        assert re.fullmatch(r"[^\s\d]+ [35]\d\d [われ] \d\d-\d\d", plate), plate
        assert not plate.endswith(("-42", "-49"))


def test_there_is_one_of_every_case(db: sqlite3.Connection) -> None:
    (running_now,) = db.execute(
        "SELECT count(*) FROM reservations WHERE returned_at IS NULL AND unixepoch() BETWEEN starts_at AND ends_at"
    ).fetchone()
    (late,) = db.execute(
        "SELECT count(*) FROM reservations WHERE returned_at IS NULL AND ends_at < unixepoch()"
    ).fetchone()
    (to_come,) = db.execute("SELECT count(*) FROM reservations WHERE starts_at > unixepoch()").fetchone()
    states = {status for (status,) in db.execute("SELECT status FROM tickets")}
    assert min(running_now, late, to_come) >= 5
    assert states == {"open", "pending", "closed"}


def test_the_same_company_every_time(db: sqlite3.Connection, tmp_path: Path) -> None:
    with running(tmp_path), closing(sqlite3.connect(tmp_path / "lookup.sqlite")) as other:
        for table in ("members", "phones", "vehicles"):
            sql = f"SELECT * FROM {table} ORDER BY rowid"
            assert other.execute(sql).fetchall() == db.execute(sql).fetchall()
        sql = "SELECT number, member_id, vehicle_id, ends_at - starts_at FROM reservations ORDER BY rowid"
        assert other.execute(sql).fetchall() == db.execute(sql).fetchall()
