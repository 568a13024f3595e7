-- Routing: stated rules of each desk, states of agents that survive a restart, decisions with their reasons.

CREATE TABLE routing_rules (                       -- a tenant without a row has the defaults of routing.model.Limits
    tenant           text PRIMARY KEY REFERENCES tenants,
    missed_state     text NOT NULL DEFAULT 'break' CHECK (missed_state IN ('break', 'offline', 'training', 'available')),
    missed_reason    text NOT NULL DEFAULT 'missed_offer',
    wrap_up_s        integer NOT NULL DEFAULT 15 CHECK (wrap_up_s BETWEEN 0 AND 14400),
    skip_s           integer NOT NULL DEFAULT 30 CHECK (skip_s BETWEEN 1 AND 3600),
    skip_alone_s     integer NOT NULL DEFAULT 5 CHECK (skip_alone_s BETWEEN 1 AND 3600),
    refusals         integer NOT NULL DEFAULT 3 CHECK (refusals >= 1),
    nobody_entry_s   integer NOT NULL DEFAULT 2 CHECK (nobody_entry_s BETWEEN 0 AND 3600),
    nobody_left_s    integer NOT NULL DEFAULT 20 CHECK (nobody_left_s BETWEEN 0 AND 3600)
);

ALTER TABLE queues
    ADD COLUMN wrap_up_s integer CHECK (wrap_up_s BETWEEN 0 AND 14400), -- NULL: the desk's
    ADD COLUMN ageing_every_s integer CHECK (ageing_every_s > 0),       -- priority + 1 each; NULL: never
    ADD COLUMN ageing_most integer NOT NULL DEFAULT 0 CHECK (ageing_most >= 0),
    ADD COLUMN steps jsonb NOT NULL DEFAULT '[]';  -- [{"want": expression or null, "expires_s": n or null}, …]

CREATE TABLE agent_states (                        -- as last chosen or set by rule; no reference: written late, in batches
    tenant           text NOT NULL,
    agent            text NOT NULL,
    state            text NOT NULL,
    reason           text NOT NULL,                -- slug
    since            timestamptz NOT NULL,
    changed_by       text NOT NULL,                -- who chose it; '' when a rule did
    PRIMARY KEY (tenant, agent)
);

CREATE TABLE routing_decisions (                   -- kept for routing.store.KEEP_DAYS
    decision         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant           text NOT NULL,
    at               timestamptz NOT NULL,
    kind             text NOT NULL,                -- offered, taken_back, treated, moved
    call_id          text,
    queue            text,
    agent            text,
    offer_id         text,
    result           text,                         -- outcome, treatment or state
    slug             text NOT NULL,                -- the reason, see routing/reasons.*.json
    params           jsonb NOT NULL,
    by               text NOT NULL DEFAULT ''      -- who asked for it, when a person did
);
CREATE INDEX routing_decisions_call ON routing_decisions (tenant, call_id) WHERE call_id IS NOT NULL;
CREATE INDEX routing_decisions_at ON routing_decisions (at);
