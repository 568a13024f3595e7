-- The recording ledger: every call that should be recorded, and what became of it.

CREATE TABLE recordings (
    tenant           text NOT NULL,                -- no reference: evidence outlives what it names
    call_id          uuid NOT NULL,                -- CTI_CALL_ID; also the last part of the object's key
    state            text NOT NULL CHECK (state IN ('expected', 'recording', 'ended', 'encoded', 'uploaded', 'verified',
                         'stored', 'salvaged', 'truncated', 'not_recorded', 'failed')),
    reason           text NOT NULL DEFAULT '',     -- slug of the last step: why not recorded, what failed
    moves            integer NOT NULL,             -- steps so far; an older write never replaces a newer one
    attempts         integer NOT NULL DEFAULT 0,   -- failed tries since hang-up
    arrived_at       timestamptz NOT NULL,         -- the call's arrival
    began_at         timestamptz,                  -- second 0 of the sound
    ended_at         timestamptz,
    stored_at        timestamptz,
    -- What the call was, to find it by; the rest is in calls.
    agents           text[] NOT NULL DEFAULT '{}', -- who is heard, in order of talking
    queue            text,
    caller_kind      text,                         -- number, withheld, payphone, …
    reservation      text,                         -- as linked or keyed when the call ended
    end_reason       text,
    -- The object; all null until it is uploaded.
    uri              text,                         -- s3://bucket/key
    object_key       text,
    peaks_key        text,
    sha256           text CHECK (sha256 ~ '^[0-9a-f]{64}$'), -- of the whole object, read back
    bytes            bigint,
    duration_s       double precision,
    channels         smallint,
    format           text,                         -- 'webm/opus'
    rate             integer,                      -- Hz of the telephone sound inside
    -- What is in it.
    caller_db        real,                         -- mean power of the left side, dB below full scale
    agent_db         real,                         -- of the right side
    talks            jsonb NOT NULL DEFAULT '[]',  -- energy per side and agent's part
    flags            text[] NOT NULL DEFAULT '{}', -- one_sided_caller, time_put_back, …
    PRIMARY KEY (tenant, call_id)
);

-- The list of the QA page: newest first, page by page.
CREATE INDEX recordings_newest ON recordings (tenant, arrived_at DESC, call_id DESC);
CREATE INDEX recordings_agents ON recordings USING gin (agents);
CREATE INDEX recordings_reservation ON recordings (tenant, reservation) WHERE reservation IS NOT NULL;
-- What is not settled yet: few rows of many.
CREATE INDEX recordings_open ON recordings (arrived_at)
    WHERE state NOT IN ('stored', 'salvaged', 'truncated', 'not_recorded');
CREATE INDEX recordings_missing ON recordings (tenant, ended_at DESC) WHERE state IN ('not_recorded', 'failed');

CREATE TABLE recording_moves (                     -- the history, one row a step
    tenant           text NOT NULL,
    call_id          uuid NOT NULL,
    number           integer NOT NULL,             -- 1 for the first
    at               timestamptz NOT NULL,
    step             text NOT NULL,
    state            text NOT NULL,                -- after it
    reason           text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, call_id, number),
    FOREIGN KEY (tenant, call_id) REFERENCES recordings ON DELETE CASCADE
);
