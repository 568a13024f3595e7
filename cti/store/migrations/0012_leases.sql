-- Who is in charge, when a second server stands by (decision 0185). A row a desk, and a server serves all tenants: no tenant here.

CREATE TABLE leases (
    name        text PRIMARY KEY,
    epoch       bigint NOT NULL,       -- grows with each change of owner; Asterisk's dialplan compares it with each offer
    holder      text NOT NULL,         -- which process, for people: host, port, boot of the machine
    address     text NOT NULL,         -- where its pages are
    taken_at    timestamptz NOT NULL,  -- these three by this database's clock and nobody else's
    renewed_at  timestamptz NOT NULL,
    valid_until timestamptz NOT NULL,
    released    boolean NOT NULL       -- given back, not run out
) WITH (fillfactor = 50);              -- a renewal a second stays within the page
