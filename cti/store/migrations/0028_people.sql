-- Erasing what is known of a person. docs/privacy.md, decision 0262.

CREATE TABLE person_erasures (                     -- the order is stored before anything is erased
    tenant           text NOT NULL,
    erasure_id       uuid NOT NULL,
    state            text NOT NULL CHECK (state IN ('ordered', 'done')),
    reference        text NOT NULL,                -- the desk's own number of the request
    asked_by         text NOT NULL,
    asked_at         timestamptz NOT NULL,
    done_at          timestamptz,
    numbers          text[] NOT NULL,              -- whom it is about; emptied when it is done
    member_id        text,                         -- the same
    calls            integer NOT NULL DEFAULT 0,
    counts           jsonb NOT NULL DEFAULT '{}',  -- source → things made nobody's
    held             jsonb NOT NULL DEFAULT '{}',  -- call → by whom until when
    PRIMARY KEY (tenant, erasure_id)
);
CREATE INDEX person_erasures_open ON person_erasures (asked_at) WHERE state = 'ordered';
CREATE INDEX person_erasures_newest ON person_erasures (tenant, asked_at DESC);

-- Which calls: fixed with the order, because what finds them is what is erased. Emptied when it is done.
CREATE TABLE person_erasure_calls (
    tenant           text NOT NULL,
    erasure_id       uuid NOT NULL,
    call_id          uuid NOT NULL,
    done             boolean NOT NULL DEFAULT false,-- every table is
    PRIMARY KEY (tenant, erasure_id, call_id),
    FOREIGN KEY (tenant, erasure_id) REFERENCES person_erasures ON DELETE CASCADE
);

CREATE INDEX callbacks_number ON callbacks (tenant, number) WHERE number <> '';

-- A recording that was deleted on purpose is found as such, and not as one that is on its way.
DO $$
BEGIN
    EXECUTE replace(pg_get_functiondef('search_row(text, uuid)'::regprocedure),
                    '''not_recorded'', ''failed'') THEN', '''not_recorded'', ''failed'', ''deleted'') THEN');
END
$$;
