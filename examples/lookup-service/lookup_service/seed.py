"""Believable Japanese data, the same at every run; only the clock moves it."""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path

from lookup_service.kana import search_key
from lookup_service.names import COLOURS, FAMILY, GIVEN, MODELS, PLANS, STATIONS, TICKETS

SEED = 20261121
MEMBERS = 240
VEHICLES = 60
COMPANY_DRIVERS = 24  # more than the 20 that an answer lists
COMPANY = "株式会社みなと設備"
COMPANY_NUMBER = "+81366660100"
CARS = VEHICLES - 7  # shared by the crowd; the first seven belong to the callers of the demo
HOUR = 3600
DAY = 24 * HOUR
STEP = 900  # bookings start and end on the quarter hour

# The four demo callers and the booking of each: see demo_callers.json.
# member_id, name, kana, number, plan, (reservation, vehicle, starts in h, ends in h) or None, notes
HEROES: tuple[tuple[str, str, str, str | None, int, tuple[str, str, float, float] | None, tuple[str, ...]], ...] = (
    ("M-100017", "高橋 由美", "タカハシ ユミ", "+819012345678", 0, ("48120017", "V-0001", -1.5, 1.5), ()),
    ("M-100029", "伊藤 大輔", "イトウ ダイスケ", "+818023456789", 1, None, ()),
    (
        "M-100025",
        "山本 さくら",
        "ヤマモト サクラ",
        "+817034567890",
        1,
        ("48120025", "V-0002", -6, -1),
        ("延滞2回目",),
    ),
    ("M-100033", "中村 健太", "ナカムラ ケンタ", "+819045678901", 2, ("48120033", "V-0003", -20, 28), ()),
    ("M-100008", "John Miller", "ジョン ミラー", "+818056789012", 0, ("48120058", "V-0004", 2, 6), ()),
)
# Class numbers from 300 on are large cars, so these two have models that fit.
HERO_CARS = {
    "V-0001": ("品川 330 わ 12-34", "日産 セレナ"),
    "V-0002": ("品川 331 わ 56-78", "トヨタ アルファード"),
}


def seed(db: sqlite3.Connection, now: int) -> None:
    """Fill an empty database. ``now``: epoch seconds that the bookings are laid around."""
    rng = random.Random(SEED)  # noqa: S311 - data, not a secret
    anchor = now - now % STEP
    _vehicles(db, rng)
    _heroes(db, anchor)
    _company(db, rng, anchor)
    _crowd(db, rng, anchor)
    db.execute("INSERT INTO meta VALUES ('anchor', ?)", (str(anchor),))


def move_to(db: sqlite3.Connection, now: int) -> None:
    """Shift all seeded times so that a database made yesterday is about today."""
    (old,) = db.execute("SELECT value FROM meta WHERE key = 'anchor'").fetchone()
    anchor = now - now % STEP
    by = anchor - int(old)
    db.execute(
        "UPDATE reservations SET starts_at = starts_at + :by, ends_at = ends_at + :by,"
        " returned_at = returned_at + :by WHERE seeded = 1",
        {"by": by},
    )
    db.execute(
        "UPDATE tickets SET opened_at = opened_at + :by, updated_at = updated_at + :by WHERE seeded = 1",
        {"by": by},
    )
    db.execute("UPDATE meta SET value = ? WHERE key = 'anchor'", (str(anchor),))


def demo_callers() -> list[dict[str, object]]:
    """The callers to demonstrate with: number, keys, who it is, what to expect."""
    text = (Path(__file__).parent.parent / "demo_callers.json").read_text(encoding="utf-8")
    callers: list[dict[str, object]] = json.loads(text)
    return callers


def _vehicles(db: sqlite3.Connection, rng: random.Random) -> None:
    taken = {plate for plate, _ in HERO_CARS.values()}
    for n in range(1, VEHICLES + 1):
        vehicle_id = f"V-{n:04d}"
        station, office, floor = STATIONS[(n - 1) % len(STATIONS)]
        model, model_class = MODELS[(n - 1) % len(MODELS)]
        plate, model = HERO_CARS.get(vehicle_id, ("", model))
        while not plate or (plate in taken and vehicle_id not in HERO_CARS):
            # わ and れ are the rental letters; 42 and 49 are never given out as the last two digits.
            tail = rng.choice([t for t in range(10, 100) if t not in (42, 49)])
            plate = f"{office} {model_class} {rng.choice('われ')} {rng.randint(10, 99)}-{tail}"
        taken.add(plate)
        db.execute(
            "INSERT INTO vehicles VALUES (?, ?, ?, ?, ?, ?, ?)",
            (vehicle_id, plate, model, rng.choice(COLOURS), station, f"{floor} {rng.randint(1, 40)}番",
             rng.randint(15, 100)),
        )  # fmt: skip


def _member(
    db: sqlite3.Connection,
    rng: random.Random,
    member_id: str,
    name: tuple[str, str],
    plan: int,
    number: str | None,
    company: str | None = None,
    notes: tuple[str, ...] = (),
) -> None:
    kanji, kana = name
    db.execute(
        "INSERT INTO members VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            member_id,
            kanji,
            kana,
            search_key(kanji),
            search_key(kana),
            company,
            PLANS[plan][0],
            "en" if kanji.isascii() else "ja",
            "active",
            f"{rng.randint(1955, 2007)}年{rng.randint(1, 12)}月{rng.randint(1, 28)}日",
            f"{rng.randint(0, 9999):04d}",
            f"E{rng.randint(1000, 9999)}" if company else None,
            json.dumps(notes, ensure_ascii=False),
        ),
    )
    if number:
        db.execute("INSERT INTO phones VALUES (?, ?)", (number, member_id))


def _book(
    db: sqlite3.Connection, number: str, member_id: str, vehicle_id: str, start: int, end: int, returned: int | None
) -> None:
    db.execute(
        "INSERT INTO reservations VALUES (?, ?, ?, ?, ?, ?, ?, 0, 1)",
        (f"R-{number}", number, member_id, vehicle_id, start, end, returned),
    )


def _heroes(db: sqlite3.Connection, anchor: int) -> None:
    rng = random.Random(SEED + 1)  # noqa: S311
    for member_id, name, kana, number, plan, booking, notes in HEROES:
        _member(db, rng, member_id, (name, kana), plan, number, notes=notes)
        if booking:
            reservation, vehicle, start_h, end_h = booking
            start, end = int(anchor + start_h * HOUR), int(anchor + end_h * HOUR)
            _book(db, reservation, member_id, vehicle, start, end, None)
    db.execute(
        "INSERT INTO tickets VALUES ('T-9001', 'late', '返却遅れの連絡', 'open', ?, ?, 'M-100025', 'R-48120025',"
        " '30分おきに電話。応答なし。', 1)",
        (anchor - 2400, anchor - 1200),
    )
    db.execute(
        "INSERT INTO tickets VALUES ('T-9002', 'unlock', 'アプリで解錠できない', 'open', ?, ?, 'M-100017',"
        " 'R-48120017', '電波の弱い地下駐車場。折り返し待ち。', 1)",
        (anchor - 900, anchor - 900),
    )


def _company(db: sqlite3.Connection, rng: random.Random, anchor: int) -> None:
    for n in range(COMPANY_DRIVERS):
        family, given = FAMILY[(n * 7 + 18) % len(FAMILY)], GIVEN[(n * 3 + 5) % len(GIVEN)]
        member_id = f"M-{100101 + n}"
        name = (f"{family[0]} {given[0]}", f"{family[1]} {given[1]}")
        _member(db, rng, member_id, name, 3, COMPANY_NUMBER, company=COMPANY)
        if n % 8 == 0:  # three drivers are out now
            booking = f"481200{41 + n // 8}"
            vehicle = f"V-{5 + n // 8:04d}"
            _book(db, booking, member_id, vehicle, anchor - 3 * HOUR, anchor + 2 * HOUR, None)
            last = anchor - 26 * HOUR
            _book(db, f"481100{41 + n // 8}", member_id, vehicle, last - 2 * HOUR, last, last - STEP)


def _crowd(db: sqlite3.Connection, rng: random.Random, anchor: int) -> None:
    for n in range(MEMBERS):
        family, given = rng.choice(FAMILY), rng.choice(GIVEN)
        member_id = f"M-{200001 + n}"
        # 060 with the mobile numbers of July 2026. 1,000 numbers a member apart: all distinct.
        number = f"+81{rng.choice(('60', '70', '80', '90'))}{11000000 + n * 1013:08d}"
        name = (f"{family[0]} {given[0]}", f"{family[1]} {given[1]}")
        _member(db, rng, member_id, name, rng.randrange(3), number)
        _bookings(db, rng, n, member_id, anchor)
        if rng.random() < 0.15:
            category, title = rng.choice(TICKETS)
            status = rng.choice(("open", "pending", "closed"))
            opened = anchor - rng.randrange(1, 14 * 24) * HOUR
            db.execute(
                "INSERT INTO tickets VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL, 1)",
                (f"T-{9100 + n}", category, title, status, opened, opened + HOUR, member_id),
            )


def _bookings(db: sqlite3.Connection, rng: random.Random, n: int, member_id: str, anchor: int) -> None:
    """One returned booking for most; one that runs, is late or comes for some. Cars from V-0008 on."""
    vehicle = f"V-{8 + n % CARS:04d}"
    length = rng.randrange(2, 24) * STEP
    if rng.random() < 0.8:
        # A week of its own for each driver of a car, so that no two ever had it at once.
        end = anchor - (3 + 8 * (n // CARS)) * DAY - rng.randrange(6 * 24) * HOUR
        _book(db, f"{60000000 + n * 10}", member_id, vehicle, end - length, end, end - rng.randrange(0, 900))
    now_or_next = n % 12
    number = f"{60000000 + n * 10 + 5}"
    if n >= CARS:
        start = anchor + (n + 1) * HOUR  # never before the car's present driver is back
        if now_or_next < 6:
            _book(db, number, member_id, vehicle, start, start + length, None)
    elif now_or_next == 0:
        _book(db, number, member_id, vehicle, anchor - length - 2 * STEP, anchor - 2 * STEP, None)
    elif now_or_next < 6:
        _book(db, number, member_id, vehicle, anchor - length // 2 // STEP * STEP, anchor + length, None)
