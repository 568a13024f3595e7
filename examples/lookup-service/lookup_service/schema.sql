-- Times are epoch seconds. `seeded` rows move along with the clock, so that the demo is always "now".
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE members (
    member_id   TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    name_kana   TEXT NOT NULL,
    key_kanji   TEXT NOT NULL,             -- normalised, for search
    key_kana    TEXT NOT NULL,
    company     TEXT,
    plan        TEXT NOT NULL,
    language    TEXT NOT NULL,
    status      TEXT NOT NULL,
    birthday    TEXT NOT NULL,
    licence     TEXT NOT NULL,             -- last four digits
    employee    TEXT,                      -- employee number of a company's driver
    notes       TEXT NOT NULL              -- JSON list
) STRICT;

CREATE TABLE phones (                      -- one number may belong to many: a company's switchboard
    number      TEXT NOT NULL,             -- E.164
    member_id   TEXT NOT NULL REFERENCES members,
    PRIMARY KEY (number, member_id)
) STRICT;

CREATE TABLE vehicles (
    vehicle_id   TEXT PRIMARY KEY,
    plate        TEXT NOT NULL UNIQUE,
    model        TEXT NOT NULL,
    colour       TEXT NOT NULL,
    station      TEXT NOT NULL,
    location     TEXT NOT NULL,
    fuel_percent INTEGER NOT NULL
) STRICT;

CREATE TABLE reservations (
    reservation_id TEXT PRIMARY KEY,
    number         TEXT NOT NULL UNIQUE,   -- as keyed
    member_id      TEXT NOT NULL REFERENCES members,
    vehicle_id     TEXT NOT NULL REFERENCES vehicles,
    starts_at      INTEGER NOT NULL,
    ends_at        INTEGER NOT NULL,
    returned_at    INTEGER,
    cancelled      INTEGER NOT NULL DEFAULT 0,
    seeded         INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX reservations_member ON reservations (member_id, starts_at);

CREATE TABLE tickets (
    ticket_id      TEXT PRIMARY KEY,
    category       TEXT NOT NULL,
    title          TEXT NOT NULL,
    status         TEXT NOT NULL,
    opened_at      INTEGER NOT NULL,
    updated_at     INTEGER,
    member_id      TEXT,
    reservation_id TEXT,
    last_note      TEXT,
    seeded         INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX tickets_member ON tickets (member_id);

CREATE TABLE ticket_calls (
    ticket_id  TEXT NOT NULL REFERENCES tickets,
    call_id    TEXT NOT NULL,
    PRIMARY KEY (ticket_id, call_id)
) STRICT;

CREATE TABLE idempotency (                 -- an Idempotency-Key, what it asked for, and the ticket it got
    key        TEXT PRIMARY KEY,
    request    TEXT NOT NULL,              -- SHA-256 of path and body
    ticket_id  TEXT NOT NULL,
    at         INTEGER NOT NULL
) STRICT;
