-- Plans as versions: what was published when and by whom; profiles and delays (docs/routing.md).

CREATE TABLE plan_versions (                       -- queues.steps holds the steps of the newest version of each queue
    tenant           text NOT NULL,                -- no reference to the queue: history stays when it goes
    queue            text NOT NULL,
    version          integer NOT NULL,             -- 1 for the queue's first
    plan             jsonb NOT NULL,               -- as written: a list of steps, or a template
    published_at     timestamptz NOT NULL DEFAULT now(),
    published_by     text NOT NULL,                -- log-in, or who ran `config apply`
    note             text NOT NULL DEFAULT '',     -- why, in their words
    reverts_to       integer,                      -- the version whose plan this is again
    PRIMARY KEY (tenant, queue, version)
);

ALTER TABLE queues ADD COLUMN delays jsonb NOT NULL DEFAULT '{}';  -- profile → seconds it is held back
ALTER TABLE agents ADD COLUMN profile text NOT NULL DEFAULT '';    -- agents who are treated alike; '': none
