-- name: lock
SELECT pg_advisory_xact_lock(hashtext('kakehashi.desk'))

-- name: queue
SELECT coalesce(array_agg(s.skill ORDER BY s.skill) FILTER (WHERE s.skill IS NOT NULL), '{}') AS skills,
       coalesce(array_agg(s.level ORDER BY s.skill) FILTER (WHERE s.skill IS NOT NULL), '{}') AS levels
  FROM queues q LEFT JOIN queue_skills s USING (tenant, queue)
 WHERE q.tenant = $1 AND q.queue = $2
 GROUP BY q.tenant, q.queue

-- name: steps
SELECT steps::text FROM queues WHERE tenant = $1 AND queue = $2

-- name: skills
SELECT skill FROM skills WHERE tenant = $1

-- name: agents
SELECT a.agent, a.profile,
       coalesce(array_agg(s.skill ORDER BY s.skill) FILTER (WHERE s.skill IS NOT NULL), '{}') AS skills,
       coalesce(array_agg(s.level ORDER BY s.skill) FILTER (WHERE s.skill IS NOT NULL), '{}') AS levels
  FROM agents a LEFT JOIN agent_skills s USING (tenant, agent)
 WHERE a.tenant = $1 AND a.active
 GROUP BY a.tenant, a.agent

-- name: newest
SELECT coalesce(max(version), 0) FROM plan_versions WHERE tenant = $1 AND queue = $2

-- name: publish
INSERT INTO plan_versions (tenant, queue, version, plan, published_by, note, reverts_to)
VALUES ($1, $2, $3, $4::text::jsonb, $5, $6, $7)

-- name: put_steps
UPDATE queues SET steps = $3::text::jsonb WHERE tenant = $1 AND queue = $2

-- name: versions
SELECT queue, version, plan::text AS plan, published_at, published_by, note, reverts_to
  FROM plan_versions
 WHERE tenant = $1 AND queue = $2
 ORDER BY version DESC
 LIMIT $3
