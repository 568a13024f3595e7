-- Effects that cannot be undone, stored before they are sent, and the callbacks they are made for. docs/callbacks.md

CREATE TABLE effects (                             -- the outbox: one row an effect, written before it is sent
    tenant           text NOT NULL,                -- no reference: what happened stays true when the desk changes
    effect_id        text NOT NULL,                -- 32 hex digits; Asterisk keeps its mark under the same id
    kind             text NOT NULL,                -- 'callback'
    state            text NOT NULL CHECK (state IN ('stored', 'sent', 'unknown', 'done', 'not_done')),
    version          integer NOT NULL,             -- counts changes: an older word never replaces a newer one
    created_at       timestamptz NOT NULL,
    changed_at       timestamptz NOT NULL,
    body             jsonb NOT NULL,               -- what has to be done, as the sender needs it
    PRIMARY KEY (tenant, effect_id)
);

-- What a start has to reconcile: few rows of many.
CREATE INDEX effects_open ON effects (created_at) WHERE state NOT IN ('done', 'not_done');

CREATE TABLE callbacks (                           -- a caller who hung up and keeps their place
    tenant           text NOT NULL,
    callback_id      text NOT NULL,                -- 32 hex digits
    state            text NOT NULL CHECK (state IN ('waiting', 'calling', 'reached', 'given_up', 'cancelled',
                         'taken_over')),
    version          integer NOT NULL,
    queue            text NOT NULL,
    origin           uuid NOT NULL,                -- the call in which it was asked for
    number           text NOT NULL,                -- E.164, as the caller confirmed it
    number_called    text NOT NULL,                -- E.164 of the desk: what the person sees calling
    language         text NOT NULL,
    skills           jsonb NOT NULL DEFAULT '[]',  -- asked for on top of the queue's
    queued_at        timestamptz NOT NULL,         -- the place that is kept
    asked_at         timestamptz NOT NULL,
    tries            integer NOT NULL DEFAULT 0,   -- how often the person's phone was rung in vain
    not_before       timestamptz,                  -- the pause after such a try
    effect_id        text,                         -- the latest attempt
    attempt          uuid,                         -- and its call
    ended_at         timestamptz,
    outcome          text,                         -- slug: why it ended, or how the last try did
    successor        uuid,                         -- the call that took the place over
    PRIMARY KEY (tenant, callback_id)
);

CREATE INDEX callbacks_open ON callbacks (tenant, asked_at) WHERE ended_at IS NULL;
CREATE INDEX callbacks_newest ON callbacks (tenant, asked_at DESC);

ALTER TABLE queues ADD COLUMN callback jsonb;      -- NULL: nobody is asked; {"from", "until", "tries", "pause_s", "ring_s"}
