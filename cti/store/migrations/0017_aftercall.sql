-- What agents keep of a call: notes, reason codes, tickets. docs/aftercall.md, decisions 0221 to 0224.

CREATE TABLE reasons (                             -- the desk file's tree of reason codes
    tenant           text NOT NULL REFERENCES tenants,
    reason           text NOT NULL,
    parent           text,                         -- none: at the top
    name_ja          text NOT NULL,
    name_en          text NOT NULL,
    words            text NOT NULL DEFAULT '',     -- what else people type to find it
    place            integer NOT NULL,             -- order of the file
    active           boolean NOT NULL DEFAULT true,-- switched off, never deleted: old calls keep its name
    PRIMARY KEY (tenant, reason)
);

ALTER TABLE queues ADD COLUMN reason_required boolean NOT NULL DEFAULT false;

CREATE TABLE call_notes (                          -- one row an agent of a call: nobody writes over a colleague's words
    tenant           text NOT NULL,                -- no reference: a note may be there before its call is stored
    call_id          uuid NOT NULL,                -- CTI_CALL_ID
    agent            text NOT NULL,
    version          integer NOT NULL,             -- counts changes: who saves says which one they have seen
    note             text NOT NULL,
    reasons          text[] NOT NULL,
    began_at         timestamptz NOT NULL,
    changed_at       timestamptz NOT NULL,
    PRIMARY KEY (tenant, call_id, agent)
);
-- "Which calls were about this", for reports.
CREATE INDEX call_notes_reasons ON call_notes USING gin (reasons);

-- The tickets of a call are effects: few rows of many.
CREATE INDEX effects_tickets ON effects (tenant, (body ->> 'call_id')) WHERE kind = 'ticket';
-- Whose words are to be forgotten.
CREATE INDEX effects_words ON effects (changed_at) WHERE kind = 'ticket' AND (body ->> 'note') || (body ->> 'title') <> '';
