-- name: tenants
SELECT t.tenant, t.name, t.time_zone, t.language,
       r.missed_state, r.missed_reason, r.wrap_up_s, r.skip_s, r.skip_alone_s, r.refusals, r.nobody_entry_s,
       r.nobody_left_s, r.same_agent_s
  FROM tenants t LEFT JOIN routing_rules r USING (tenant)
 ORDER BY t.tenant

-- name: queues
SELECT q.tenant, q.queue, q.name_ja, q.name_en, q.priority, q.ring_s, q.ring_agents, q.max_wait_s, q.service_level_s,
       q.nobody_treatment, q.active, q.wrap_up_s, q.ageing_every_s, q.ageing_most, q.steps::text AS steps,
       q.delays::text AS delays,
       q.calendar, q.max_length, q.overflow::text AS overflow, q.treatments::text AS treatments,
       q.comfort::text AS comfort,
       coalesce(array_agg(s.skill ORDER BY s.skill) FILTER (WHERE s.skill IS NOT NULL), '{}') AS skills,
       coalesce(array_agg(s.level ORDER BY s.skill) FILTER (WHERE s.skill IS NOT NULL), '{}') AS levels
  FROM queues q LEFT JOIN queue_skills s USING (tenant, queue)
 GROUP BY q.tenant, q.queue
 ORDER BY q.tenant, q.queue

-- name: agents
SELECT a.tenant, a.agent, a.name, a.profile,
       coalesce(array_agg(s.skill ORDER BY s.skill) FILTER (WHERE s.skill IS NOT NULL), '{}') AS skills,
       coalesce(array_agg(s.level ORDER BY s.skill) FILTER (WHERE s.skill IS NOT NULL), '{}') AS levels
  FROM agents a LEFT JOIN agent_skills s USING (tenant, agent)
 WHERE a.active
 GROUP BY a.tenant, a.agent
 ORDER BY a.tenant, a.agent

-- name: skills
SELECT tenant, skill, name_ja, name_en FROM skills

-- name: calendars
SELECT tenant, calendar, body::text AS body FROM calendars

-- name: announcements
SELECT tenant, announcement::text AS announcement, queue, number, sound, begins_at, ends_at
  FROM announcements
 WHERE ends_at > now() AND withdrawn_at IS NULL
 ORDER BY begins_at, announcement

-- name: states
SELECT tenant, agent, state, reason, since FROM agent_states

-- name: put_state
INSERT INTO agent_states (tenant, agent, state, reason, since, changed_by)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant, agent) DO UPDATE
   SET state = excluded.state, reason = excluded.reason, since = excluded.since, changed_by = excluded.changed_by

-- name: put_decision
INSERT INTO routing_decisions (tenant, at, kind, call_id, queue, agent, offer_id, result, slug, params, by)
SELECT $1, $2::timestamptz, $3, $4, $5, $6, $7, $8, $9, $10::text::jsonb, $11
 WHERE NOT EXISTS (                                -- a journal that is read twice says the very same again
    SELECT FROM routing_decisions
     WHERE at = $2 AND tenant = $1 AND kind = $3 AND slug = $9 AND call_id IS NOT DISTINCT FROM $4::text
       AND agent IS NOT DISTINCT FROM $6::text AND offer_id IS NOT DISTINCT FROM $7::text)

-- name: decisions_of
SELECT at, kind, call_id, queue, agent, offer_id, result, slug, params::text AS params, by
  FROM routing_decisions
 WHERE tenant = $1 AND call_id = $2
 ORDER BY decision

-- name: states_of
SELECT at, result, slug
  FROM (
    (SELECT at, decision, result, slug
       FROM routing_decisions
      WHERE tenant = $1 AND agent = $2 AND kind = 'moved' AND at < $3
      ORDER BY at DESC, decision DESC
      LIMIT 1)
    UNION ALL
    (SELECT at, decision, result, slug
       FROM routing_decisions
      WHERE tenant = $1 AND agent = $2 AND kind = 'moved' AND at >= $3
      ORDER BY at DESC, decision DESC
      LIMIT $4)
  ) AS found
 ORDER BY at, decision

-- name: newest_call
SELECT call_id
  FROM routing_decisions
 WHERE tenant = $1 AND call_id IS NOT NULL
 ORDER BY decision DESC
 LIMIT 1

-- name: priorities
SELECT DISTINCT ON (tenant, call_id) tenant, call_id, slug, (params->>'priority')::integer AS priority
  FROM routing_decisions
 WHERE at > now() - interval '1 day' AND kind = 'priority'
 ORDER BY tenant, call_id, decision DESC

-- name: forget
DELETE FROM routing_decisions WHERE at < $1

-- name: last_agent
SELECT t.agent
  FROM call_links l JOIN call_talks t USING (tenant, call_id)
 WHERE l.tenant = $1 AND l.member_id = $2 AND l.call_id <> $3::text::uuid
   AND l.confidence IN ('confirmed', 'by_agent', 'likely') AND t.answered_at > now() - interval '90 days'
   AND l.member_id = (  -- what an agent decided since counts
       SELECT c.member_id FROM call_links_current c WHERE c.tenant = l.tenant AND c.call_id = l.call_id)
 ORDER BY t.answered_at DESC
 LIMIT 1
