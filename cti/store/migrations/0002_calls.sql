-- Calls, live and closed: a closed one is the contact record.

CREATE TABLE calls (
    tenant           text NOT NULL,                -- no reference: what happened stays true when the desk changes
    call_id          uuid NOT NULL,                -- CTI_CALL_ID
    state            text NOT NULL CHECK (state IN ('arrived', 'in_menu', 'queued', 'offered', 'talking', 'held',
                         'fallback', 'ended')),
    channel          text NOT NULL,                -- the caller's, to know it again after a restart
    uniqueid         text NOT NULL,
    number_called    text NOT NULL,                -- E.164
    caller_kind      text NOT NULL,                -- number, withheld, payphone, out_of_area, conflict, unknown
    caller_e164      text,
    caller_national  text,                         -- as people write it
    -- What a search for a part of the number looks through: both forms, digits only.
    caller_digits    text GENERATED ALWAYS AS (
                         regexp_replace(coalesce(caller_e164, ''), '[^0-9]', '', 'g') || ' ' ||
                         regexp_replace(coalesce(caller_national, ''), '[^0-9]', '', 'g')) STORED,
    arrived_at       timestamptz NOT NULL,
    menu_at          timestamptz,
    menu             jsonb,                        -- what the menu learned
    queue            text,                         -- the latest
    queued_at        timestamptz,                  -- first entry: age counts from here
    answered_at      timestamptz,                  -- first answer by an agent
    held_since       timestamptz,
    held_s           double precision NOT NULL DEFAULT 0,
    transferred_at   timestamptz[] NOT NULL DEFAULT '{}',
    fallback_at      timestamptz,                  -- went to Asterisk's own queue
    ended_at         timestamptz,
    ended_by         text,                         -- caller, agent, system, unknown
    end_reason       text,                         -- completed, abandoned_in_menu, abandoned_in_queue, treated, failed
    hangup_cause     integer,                      -- Q.850, of the caller's channel
    inferred         boolean NOT NULL DEFAULT false, -- the end was concluded after a gap
    link             jsonb,                        -- the latest; the history is in call_links
    recording_uri    text,
    recording_stored_at timestamptz,
    extra            jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant, call_id)
);

-- Lists: newest first, page by page.
CREATE INDEX calls_newest ON calls (tenant, arrived_at DESC, call_id DESC);
CREATE INDEX calls_queue ON calls (tenant, queue, arrived_at DESC);
-- What a restart takes back: few rows of many.
CREATE INDEX calls_open ON calls (arrived_at) WHERE ended_at IS NULL;

CREATE TABLE call_offers (                         -- one row a ring of one agent
    tenant           text NOT NULL,
    call_id          uuid NOT NULL,
    number           integer NOT NULL,             -- 1 for the call's first
    offer_id         text NOT NULL,
    agent            text NOT NULL,
    reason           text NOT NULL,                -- why this agent, for people
    offered_at       timestamptz NOT NULL,
    rang_at          timestamptz,                  -- Asterisk's DialBegin
    ended_at         timestamptz,
    outcome          text,                         -- accepted, rejected, timed_out, unreachable, withdrawn
    PRIMARY KEY (tenant, call_id, number),
    FOREIGN KEY (tenant, call_id) REFERENCES calls ON DELETE CASCADE
);

CREATE INDEX call_offers_agent ON call_offers (tenant, agent, offered_at DESC);

CREATE TABLE call_talks (                          -- one row an agent's part of a call
    tenant           text NOT NULL,
    call_id          uuid NOT NULL,
    number           integer NOT NULL,             -- 1 for the first
    agent            text NOT NULL,
    offer_id         text,                         -- none: it came without an offer of ours
    agent_channel    text NOT NULL,
    agent_uniqueid   text NOT NULL,
    answered_at      timestamptz NOT NULL,
    ended_at         timestamptz,
    PRIMARY KEY (tenant, call_id, number),
    FOREIGN KEY (tenant, call_id) REFERENCES calls ON DELETE CASCADE
);

CREATE INDEX call_talks_agent ON call_talks (tenant, agent, answered_at DESC);
