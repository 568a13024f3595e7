-- Log-ins of people, and the trail of what they did.

CREATE TABLE sessions (
    token_sha256     bytea PRIMARY KEY,            -- the cookie's token itself is stored nowhere
    tenant           text NOT NULL,
    login            text NOT NULL,
    created_at       timestamptz NOT NULL,
    seen_at          timestamptz NOT NULL,         -- last use, to the minute
    expires_at       timestamptz NOT NULL,         -- at the latest, whatever is done meanwhile
    address          text NOT NULL,
    FOREIGN KEY (tenant, login) REFERENCES users (tenant, login) ON DELETE CASCADE
);
CREATE INDEX sessions_of_user ON sessions (tenant, login);
CREATE INDEX sessions_by_end ON sessions (expires_at);

CREATE TABLE audit (                               -- append-only
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at               timestamptz NOT NULL,
    tenant           text NOT NULL,                -- no reference: the trail outlives what it names
    who              text NOT NULL,
    what             text NOT NULL,                -- slug: 'recording.listened', 'session.opened', …
    which            text NOT NULL DEFAULT '',
    detail           jsonb NOT NULL DEFAULT '{}',
    address          text NOT NULL DEFAULT ''
);
CREATE INDEX audit_of_tenant ON audit (tenant, at DESC, id DESC);
CREATE INDEX audit_of_thing ON audit (tenant, which, at DESC);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Per statement, so that a DELETE of no rows and a TRUNCATE are refused as well.
CREATE TRIGGER audit_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
