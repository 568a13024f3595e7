-- How long recordings are kept, legal holds, deletion. docs/privacy.md, decisions 0259 and 0260.

ALTER TABLE tenants ADD COLUMN retention jsonb NOT NULL DEFAULT '[]'; -- the desk file's rules, the first that fits counts

ALTER TABLE recordings DROP CONSTRAINT recordings_state_check;
ALTER TABLE recordings ADD CONSTRAINT recordings_state_check CHECK (state IN ('expected', 'recording', 'ended', 'encoded',
    'uploaded', 'verified', 'stored', 'salvaged', 'truncated', 'not_recorded', 'failed', 'deleted'));
ALTER TABLE recordings
    ADD COLUMN retain_rule      text,              -- which rule counted: '2: accident'; '': none fitted; NULL: not looked at yet
    ADD COLUMN retain_until     timestamptz,       -- deleted from then on; NULL: kept
    ADD COLUMN lock_due         boolean NOT NULL DEFAULT true, -- the store's own locks do not say yet what is said here
    ADD COLUMN delete_asked_at  timestamptz,       -- the order to delete, stored before anything is deleted
    ADD COLUMN delete_by        text,              -- a log-in; 'retention'; who typed a command
    ADD COLUMN delete_why       text,
    ADD COLUMN delete_tries     integer NOT NULL DEFAULT 0,
    ADD COLUMN delete_next_at   timestamptz,       -- after a try that failed
    ADD COLUMN delete_trouble   text,              -- why it failed
    ADD COLUMN deleted_at       timestamptz;

DROP INDEX recordings_open;
CREATE INDEX recordings_open ON recordings (arrived_at)
    WHERE state NOT IN ('stored', 'salvaged', 'truncated', 'not_recorded', 'deleted');

-- Few rows of many, each: what the sweep looks for every few seconds.
CREATE INDEX recordings_to_rule ON recordings (stored_at)
    WHERE retain_rule IS NULL AND state IN ('stored', 'salvaged', 'truncated');
CREATE INDEX recordings_expiring ON recordings (retain_until)
    WHERE retain_until IS NOT NULL AND delete_asked_at IS NULL AND state IN ('stored', 'salvaged', 'truncated');
CREATE INDEX recordings_to_delete ON recordings (delete_asked_at)
    WHERE delete_asked_at IS NOT NULL AND state <> 'deleted';
CREATE INDEX recordings_to_lock ON recordings (stored_at)
    WHERE lock_due AND state IN ('stored', 'salvaged', 'truncated');

CREATE TABLE recording_holds (                     -- legal holds: while one counts, nothing deletes the recording
    hold_id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant           text NOT NULL,
    call_id          uuid NOT NULL,
    reason           text NOT NULL,
    set_by           text NOT NULL,
    set_at           timestamptz NOT NULL,
    until            timestamptz,                  -- NULL: until somebody releases it
    released_at      timestamptz,
    released_by      text,                         -- '' when its time was over
    release_reason   text,
    FOREIGN KEY (tenant, call_id) REFERENCES recordings (tenant, call_id)
);
CREATE INDEX recording_holds_now ON recording_holds (tenant, call_id) WHERE released_at IS NULL;
CREATE INDEX recording_holds_newest ON recording_holds (tenant, hold_id DESC);
