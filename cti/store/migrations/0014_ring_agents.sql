-- Phones that ring at once for one call of a queue; the first to answer has the caller (docs/routing.md).

ALTER TABLE queues ADD COLUMN ring_agents integer NOT NULL DEFAULT 1 CHECK (ring_agents BETWEEN 1 AND 10);
