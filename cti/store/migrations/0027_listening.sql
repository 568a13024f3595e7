-- What people who listen keep: remarks at a second of a recording, and searches of their own. docs/qa.md

CREATE TABLE call_comments (
    tenant           text NOT NULL,                -- no reference: a remark is about what was heard, whatever becomes of it
    call_id          uuid NOT NULL,
    comment_id       uuid NOT NULL,
    at_s             double precision NOT NULL CHECK (at_s >= 0), -- second of the sound
    author           text NOT NULL,                -- log-in
    body             text NOT NULL,                -- as written: text, never markup
    created_at       timestamptz NOT NULL,
    edited_at        timestamptz,
    PRIMARY KEY (tenant, call_id, comment_id)
);

CREATE TABLE saved_searches (
    tenant           text NOT NULL,
    login            text NOT NULL,
    name             text NOT NULL,
    query            text NOT NULL,                -- as in the address of the page: "queue=members&text=…"
    saved_at         timestamptz NOT NULL,
    PRIMARY KEY (tenant, login, name),
    FOREIGN KEY (tenant, login) REFERENCES users (tenant, login) ON DELETE CASCADE
);
