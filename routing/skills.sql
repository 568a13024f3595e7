-- name: lock
SELECT pg_advisory_xact_lock(hashtext('kakehashi.desk'))

-- name: names
SELECT skill, name_ja, name_en FROM skills WHERE tenant = $1 ORDER BY skill

-- name: agent
SELECT a.skills_by, a.skills_at, a.skills_said::text AS said,
       coalesce(array_agg(s.skill ORDER BY s.skill) FILTER (WHERE s.skill IS NOT NULL), '{}') AS skills,
       coalesce(array_agg(s.level ORDER BY s.skill) FILTER (WHERE s.skill IS NOT NULL), '{}') AS levels
  FROM agents a LEFT JOIN agent_skills s USING (tenant, agent)
 WHERE a.tenant = $1 AND a.agent = $2 AND a.active
 GROUP BY a.tenant, a.agent

-- name: clear
DELETE FROM agent_skills WHERE tenant = $1 AND agent = $2

-- name: put
INSERT INTO agent_skills (tenant, agent, skill, level)
SELECT $1, $2, skill, level FROM unnest($3::text[], $4::smallint[]) AS given (skill, level)

-- name: sign
UPDATE agents SET skills_by = $3, skills_at = CASE WHEN $3::text IS NULL THEN NULL ELSE now() END
 WHERE tenant = $1 AND agent = $2
