-- Which member is calling as an agent decides, what verified them, and what earlier calls of theirs were about.
-- docs/callers.md, decisions 0244 to 0246.

ALTER TABLE call_links DROP CONSTRAINT call_links_confidence_check;
ALTER TABLE call_links ADD CONSTRAINT call_links_confidence_check
    CHECK (confidence IN ('confirmed', 'by_agent', 'likely', 'possible', 'none'));
ALTER TABLE call_links DROP CONSTRAINT call_links_status_check;
ALTER TABLE call_links ADD CONSTRAINT call_links_status_check
    CHECK (status IN ('live', 'stale', 'unavailable', 'decided', 'undecided'));

-- What a person decided counts, until a person takes it back ('undecided': what the look-up had found by then);
-- otherwise the newest.
CREATE OR REPLACE VIEW call_links_current AS
SELECT DISTINCT ON (tenant, call_id) *
FROM call_links l
ORDER BY tenant, call_id,
    (status <> 'decided' OR EXISTS (
        SELECT FROM call_links u
        WHERE u.tenant = l.tenant AND u.call_id = l.call_id AND u.status = 'undecided' AND u.id > l.id)),
    id DESC;
-- What a restart takes back.
CREATE INDEX call_links_decided ON call_links (at) WHERE made_by <> 'system';

CREATE TABLE verifications (                       -- the desk file's policies
    tenant           text NOT NULL REFERENCES tenants,
    verification     text NOT NULL,
    queues           text[] NOT NULL,              -- none: every queue that no other policy names
    needed           integer NOT NULL,             -- steps that must pass
    failures_most    integer NOT NULL,
    steps            jsonb NOT NULL,               -- [{"id", "ja", "en"}] in the order of the file
    active           boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant, verification)
);

CREATE TABLE call_verifications (                  -- what agents marked: added, never changed; answers are nowhere
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant           text NOT NULL,                -- no reference: a mark may be there before its call is stored
    call_id          uuid NOT NULL,                -- CTI_CALL_ID
    at               timestamptz NOT NULL,
    agent            text NOT NULL,
    login            text NOT NULL,
    member_id        text NOT NULL,                -- of whom it was said
    step             text NOT NULL,
    result           text NOT NULL CHECK (result IN ('passed', 'failed', 'skipped', 'open')),
    state            text NOT NULL CHECK (state IN ('unverified', 'verified', 'failed')) -- with it
);
CREATE INDEX call_verifications_call ON call_verifications (tenant, call_id, id);
CREATE INDEX call_verifications_at ON call_verifications (at);

-- "Who called from this number before", with each call that rings.
CREATE INDEX calls_number ON calls (tenant, caller_e164, arrived_at DESC) WHERE caller_e164 IS NOT NULL;
