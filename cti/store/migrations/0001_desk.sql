-- What the desk is made of. Loaded by `kakehashi config apply`; every row belongs to a tenant.

CREATE TABLE tenants (
    tenant           text PRIMARY KEY,             -- slug, part of S3 keys and messages
    name             text NOT NULL,
    time_zone        text NOT NULL,                -- IANA name
    language         text NOT NULL                 -- default language: 'ja' or 'en'
);

CREATE TABLE users (
    tenant           text NOT NULL REFERENCES tenants,
    login            text NOT NULL,
    name             text NOT NULL,
    name_kana        text NOT NULL DEFAULT '',
    roles            text[] NOT NULL,              -- agent, supervisor, qa, admin
    password_hash    text NOT NULL,                -- argon2id
    must_change      boolean NOT NULL DEFAULT true,-- still the first password
    active           boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant, login)
);

CREATE TABLE skills (
    tenant           text NOT NULL REFERENCES tenants,
    skill            text NOT NULL,
    name_ja          text NOT NULL,
    name_en          text NOT NULL,
    PRIMARY KEY (tenant, skill)
);

CREATE TABLE agents (
    tenant           text NOT NULL REFERENCES tenants,
    agent            text NOT NULL,
    login            text NOT NULL,                -- the person
    name             text NOT NULL,
    endpoint         text NOT NULL UNIQUE,         -- PJSIP endpoint, "<tenant>-<agent>"
    sip_secret       text NOT NULL,                -- password of the phone's registration
    active           boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant, agent),
    FOREIGN KEY (tenant, login) REFERENCES users (tenant, login)
);

CREATE TABLE agent_skills (
    tenant           text NOT NULL,
    agent            text NOT NULL,
    skill            text NOT NULL,
    level            smallint NOT NULL CHECK (level BETWEEN 1 AND 5),
    PRIMARY KEY (tenant, agent, skill),
    FOREIGN KEY (tenant, agent) REFERENCES agents ON DELETE CASCADE,
    FOREIGN KEY (tenant, skill) REFERENCES skills
);

CREATE TABLE queues (
    tenant           text NOT NULL REFERENCES tenants,
    queue            text NOT NULL,
    name_ja          text NOT NULL,
    name_en          text NOT NULL,
    priority         integer NOT NULL DEFAULT 0,   -- higher first
    ring_s           integer NOT NULL DEFAULT 20,
    max_wait_s       integer NOT NULL DEFAULT 900,
    service_level_s  integer NOT NULL DEFAULT 20,
    nobody_treatment text NOT NULL DEFAULT 'message', -- 'message' (say so, hang up) or 'wait'
    active           boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant, queue)
);

CREATE TABLE queue_skills (                        -- what a call in this queue asks of an agent
    tenant           text NOT NULL,
    queue            text NOT NULL,
    skill            text NOT NULL,
    level            smallint NOT NULL CHECK (level BETWEEN 1 AND 5),
    PRIMARY KEY (tenant, queue, skill),
    FOREIGN KEY (tenant, queue) REFERENCES queues ON DELETE CASCADE,
    FOREIGN KEY (tenant, skill) REFERENCES skills
);

CREATE TABLE menus (
    tenant           text NOT NULL REFERENCES tenants,
    menu             text NOT NULL,
    body             jsonb NOT NULL,               -- the validated menu, schema in docs/menus.md
    PRIMARY KEY (tenant, menu)
);

CREATE TABLE numbers (
    number           text PRIMARY KEY,             -- number called, E.164
    tenant           text NOT NULL REFERENCES tenants,
    name             text NOT NULL,
    queue            text NOT NULL,                -- where a call goes when the menu says nothing
    menu             text,                         -- none: straight to the queue
    FOREIGN KEY (tenant, queue) REFERENCES queues (tenant, queue),
    FOREIGN KEY (tenant, menu) REFERENCES menus (tenant, menu)
);

CREATE TABLE desk_revisions (                      -- one row per `config apply`
    revision         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    applied_at       timestamptz NOT NULL DEFAULT now(),
    applied_by       text NOT NULL,
    source           text NOT NULL,                -- the file's name
    sha256           text NOT NULL,
    summary          jsonb NOT NULL                -- what changed, by table
);
