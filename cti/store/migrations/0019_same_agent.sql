-- How long a caller whose agent's phone was lost is kept for that agent (docs/routing.md).

ALTER TABLE routing_rules
    ADD COLUMN same_agent_s integer NOT NULL DEFAULT 10 CHECK (same_agent_s BETWEEN 0 AND 120);
