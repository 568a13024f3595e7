-- The phone in the browser: whether it answers by itself, and how the calls on it sounded (docs/softphone.md).

ALTER TABLE queues ADD COLUMN auto_answer_s integer CHECK (auto_answer_s BETWEEN 0 AND 15);  -- none: agents answer by hand
ALTER TABLE agents ADD COLUMN auto_answer text NOT NULL DEFAULT 'queue' CHECK (auto_answer IN ('queue', 'always', 'never'));

CREATE TABLE call_quality (                        -- one row a talk: what the agent's page measured in it
    tenant            text NOT NULL,
    call_id           uuid NOT NULL,
    agent             text NOT NULL,
    talk_at           timestamptz NOT NULL,        -- when the agent came on the line
    reported_at       timestamptz NOT NULL,
    measured_s        real NOT NULL,
    received          integer NOT NULL,            -- packets that reached the agent
    lost_in           integer NOT NULL,
    jitter_in_ms      real NOT NULL,               -- mean
    jitter_in_max_ms  real NOT NULL,
    sent              integer NOT NULL,            -- packets that left the agent; the rest is what Asterisk reported of them
    lost_out          integer,
    jitter_out_ms     real,
    round_trip_ms     real,                        -- mean
    round_trip_max_ms real,
    PRIMARY KEY (tenant, call_id, agent, talk_at),
    FOREIGN KEY (tenant, call_id) REFERENCES calls ON DELETE CASCADE
);
