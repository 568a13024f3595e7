-- A desk's phone book: people outside whom its agents ask and pass callers on to. docs/saved-numbers.md, decision 0239.

CREATE TABLE saved_numbers (
    tenant           text NOT NULL REFERENCES tenants,
    saved            text NOT NULL,                -- slug of the desk file, or made by the server ("p-…")
    name             text NOT NULL,
    reading          text NOT NULL DEFAULT '',     -- kana, for searching
    number           text NOT NULL,                -- E.164
    queues           text[] NOT NULL DEFAULT '{}', -- who may see it: agents whose skills serve one of these;
    agents           text[] NOT NULL DEFAULT '{}', -- and these; both empty: everybody
    said             jsonb,                        -- what the desk file said of it last; NULL: made by a person
    changed_by       text,                         -- login of who changed it since; NULL: it is as the file says
    changed_at       timestamptz,
    removed          boolean NOT NULL DEFAULT false,-- taken out by a person while the file still names it
    PRIMARY KEY (tenant, saved)
);
