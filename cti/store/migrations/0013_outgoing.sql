-- Messages for other systems, written in the transaction of the facts they tell. docs/webhooks.md, decision 0190.

CREATE TABLE outgoing_heads (                      -- the last number given, one row a tenant
    tenant           text PRIMARY KEY,             -- no reference: what happened stays true when the desk changes
    last             bigint NOT NULL               -- its row is locked until the numbers' transaction has committed
);

CREATE TABLE outgoing (
    tenant           text NOT NULL,
    id               bigint NOT NULL,              -- 1, 2, 3 … in the order of commits, without gaps
    kind             text NOT NULL,                -- 'call.closed', 'recording.stored', 'callback.asked', 'callback.settled'
    about            text NOT NULL,                -- call or callback: a fact that is written twice is told once
    call_id          uuid NOT NULL,
    at               timestamptz NOT NULL,         -- when it happened, not when it was stored
    stored_at        timestamptz NOT NULL DEFAULT now(),
    body             jsonb NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, kind, about)
);
CREATE INDEX outgoing_by_age ON outgoing (stored_at);

CREATE TABLE outgoing_cursors (                    -- how far each reader of ours has come
    tenant           text NOT NULL,
    reader           text NOT NULL,                -- 'webhook'
    delivered        bigint NOT NULL,              -- everything up to here
    changed_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, reader)
);

-- Whose numbers are to be forgotten: few rows of many.
CREATE INDEX callbacks_numbers ON callbacks (ended_at) WHERE ended_at IS NOT NULL AND number <> '';
CREATE INDEX effects_numbers ON effects (changed_at)
    WHERE state IN ('done', 'not_done') AND body ->> 'number' <> '';
