-- Business hours, what a queue does with callers it does not serve, announcements, voicemail.

CREATE TABLE calendars (
    tenant           text NOT NULL REFERENCES tenants,
    calendar         text NOT NULL,
    body             jsonb NOT NULL,               -- as in the desk file, see docs/queues.md
    PRIMARY KEY (tenant, calendar)
);

ALTER TABLE queues
    ADD COLUMN calendar text,                      -- NULL: always open
    ADD COLUMN max_length integer CHECK (max_length >= 0), -- waiting places; NULL: as many as come
    ADD COLUMN overflow jsonb,                     -- {"to", "after_s", "expected_s"}; NULL: none
    ADD COLUMN treatments jsonb NOT NULL DEFAULT '{}', -- why → {"do", "to", "text": {"ja", "en"}}
    ADD COLUMN comfort jsonb NOT NULL DEFAULT '{}', -- {"every_s", "place", "texts": [{"ja", "en"}]}
    ADD CONSTRAINT queues_calendar FOREIGN KEY (tenant, calendar) REFERENCES calendars (tenant, calendar);

CREATE TABLE announcements (                       -- words for a group of callers, heard when they come
    announcement     uuid PRIMARY KEY,
    tenant           text NOT NULL REFERENCES tenants,
    queue            text,                         -- whose callers hear it …
    number           text,                         -- … or those of this number called; exactly one of the two
    text_ja          text NOT NULL,
    text_en          text NOT NULL,
    sound            text NOT NULL,                -- name of the sound file, the same in both languages
    begins_at        timestamptz NOT NULL,
    ends_at          timestamptz NOT NULL,
    published_by     text NOT NULL,
    withdrawn_at     timestamptz,                  -- ended before its time …
    withdrawn_by     text,                         -- … by
    CHECK ((queue IS NULL) <> (number IS NULL)),
    CHECK (begins_at < ends_at)
);
CREATE INDEX announcements_ends ON announcements (ends_at);

ALTER TABLE calls
    ADD COLUMN voicemail_at timestamptz;           -- the caller began to speak a message

ALTER TABLE recordings
    ADD COLUMN voicemail_s double precision;       -- second of the recording at which a message begins; NULL: it is none
