-- Scores of calls: forms as versions, what was answered, and which calls are to be scored. docs/evaluations.md.

CREATE TABLE evaluation_forms (
    tenant           text NOT NULL REFERENCES tenants,
    form             text NOT NULL,
    active           boolean NOT NULL DEFAULT true,-- false: no new scores are begun on it
    file_said        jsonb,                        -- what the desk file said last; none: it never named this form
    PRIMARY KEY (tenant, form)
);

CREATE TABLE evaluation_form_versions (            -- written once: scores point at them
    tenant           text NOT NULL,
    form             text NOT NULL,
    version          integer NOT NULL,             -- 1 for the first
    document         jsonb NOT NULL,
    published_at     timestamptz NOT NULL,
    published_by     text NOT NULL,                -- log-in, or who ran `config apply`
    note             text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, form, version),
    FOREIGN KEY (tenant, form) REFERENCES evaluation_forms
);

CREATE TABLE evaluations (                         -- one person's score of one agent's part of a call
    tenant           text NOT NULL,                -- no reference to the call: a score outlives it
    evaluation       uuid NOT NULL,
    call_id          uuid NOT NULL,
    agent            text NOT NULL,                -- whose work is looked at
    form             text NOT NULL,
    form_version     integer NOT NULL,
    evaluator        text NOT NULL,                -- log-in
    state            text NOT NULL CHECK (state IN ('draft', 'submitted', 'disputed', 'reviewed')),
    version          integer NOT NULL,             -- counts changes: who changes says which one they have seen
    began_at         timestamptz NOT NULL,
    changed_at       timestamptz NOT NULL,
    answers          jsonb NOT NULL,               -- question → {value, na, comment, at_s}
    note             text NOT NULL DEFAULT '',
    tenths           integer CHECK (tenths BETWEEN 0 AND 1000), -- the score in tenths of a point
    failed           boolean NOT NULL DEFAULT false,
    submitted_at     timestamptz,
    disputed_at      timestamptz,
    dispute          text NOT NULL DEFAULT '',
    reviewed_at      timestamptz,
    reviewer         text NOT NULL DEFAULT '',
    review           text NOT NULL DEFAULT '',
    outcome          text CHECK (outcome IN ('upheld', 'changed')),
    first_tenths     integer,                      -- as submitted
    first_answers    jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant, evaluation),
    UNIQUE (tenant, call_id, agent, form, evaluator),
    FOREIGN KEY (tenant, form, form_version) REFERENCES evaluation_form_versions,
    CHECK ((state = 'draft') = (submitted_at IS NULL)),
    CHECK ((state = 'reviewed') = (outcome IS NOT NULL))
);

-- Lists: newest first, page by page; an agent's own.
CREATE INDEX evaluations_newest ON evaluations (tenant, began_at DESC, evaluation DESC);
CREATE INDEX evaluations_agent ON evaluations (tenant, agent, began_at DESC, evaluation DESC);

CREATE TABLE evaluation_samples (                  -- a choice of calls, with all that makes it again
    tenant           text NOT NULL,
    sample           uuid NOT NULL,
    form             text NOT NULL,
    seed             text NOT NULL,
    plan             jsonb NOT NULL,               -- which rules, how many
    since            timestamptz NOT NULL,
    until            timestamptz NOT NULL,
    candidates       integer NOT NULL,             -- parts of calls that were looked at
    short            jsonb NOT NULL DEFAULT '{}',  -- agent → how many are missing of their number
    made_at          timestamptz NOT NULL,
    made_by          text NOT NULL,
    PRIMARY KEY (tenant, sample)
);

CREATE TABLE evaluation_sample_items (
    tenant           text NOT NULL,
    sample           uuid NOT NULL,
    place            integer NOT NULL,             -- 1 for the first
    call_id          uuid NOT NULL,
    agent            text NOT NULL,
    because          text NOT NULL,                -- slug of the rule: 'random', 'reason', 'long_silence', …
    detail           jsonb NOT NULL DEFAULT '{}',  -- what of the call made the rule choose it
    assignee         text NOT NULL,                -- log-in of who is to score it
    PRIMARY KEY (tenant, sample, place),
    UNIQUE (tenant, sample, call_id),
    FOREIGN KEY (tenant, sample) REFERENCES evaluation_samples ON DELETE CASCADE
);
CREATE INDEX evaluation_sample_items_of ON evaluation_sample_items (tenant, assignee);
