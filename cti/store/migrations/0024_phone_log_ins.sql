-- Which log-in the phone in an agent's browser belongs to: its secret is made from it, and is taken out of Asterisk when it ends.

CREATE TABLE phone_log_ins (
    tenant           text NOT NULL,
    agent            text NOT NULL,
    token_sha256     bytea NOT NULL,               -- of sessions; no reference: the row outlives it until Asterisk has forgotten
    granted_at       timestamptz NOT NULL,
    PRIMARY KEY (tenant, agent),
    FOREIGN KEY (tenant, agent) REFERENCES agents (tenant, agent) ON DELETE CASCADE
);

-- Pages were told these: from now on they are what pjsip.conf has while nobody is logged in, and nobody knows them.
UPDATE agents
   SET sip_secret = replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
 WHERE phone = 'browser';
