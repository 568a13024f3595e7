-- What Asterisk's configuration needs to know about the desk (tables of 0001_desk.sql).

-- name: agents
SELECT tenant, endpoint, sip_secret, name, phone
FROM agents
WHERE active
ORDER BY tenant, agent;

-- name: queues
SELECT q.tenant, q.queue, q.priority, q.ring_s, q.service_level_s,
       -- Asterisk does not know the calendar: with nobody there it is as if it were closed.
       coalesce(q.treatments -> 'nobody', q.treatments -> 'closed') #>> '{do}' AS nobody_do,
       coalesce(q.treatments -> 'nobody', q.treatments -> 'closed') #>> '{text,ja}' AS nobody_ja,
       coalesce(q.treatments -> 'nobody', q.treatments -> 'closed') #>> '{text,en}' AS nobody_en,
       ARRAY(
           SELECT a.endpoint
           FROM agents a
           WHERE a.tenant = q.tenant AND a.active
             -- No skill of the queue that this agent lacks or has at a lower level.
             AND NOT EXISTS (
                 SELECT 1
                 FROM queue_skills qs
                 LEFT JOIN agent_skills s
                     ON s.tenant = a.tenant AND s.agent = a.agent AND s.skill = qs.skill AND s.level >= qs.level
                 WHERE qs.tenant = q.tenant AND qs.queue = q.queue AND s.skill IS NULL
             )
           ORDER BY a.endpoint
       ) AS members
FROM queues q
-- A number may still lead to a queue that was switched off: its callers must not fall into nothing.
WHERE q.active OR EXISTS (SELECT 1 FROM numbers n WHERE n.tenant = q.tenant AND n.queue = q.queue)
ORDER BY q.tenant, q.queue;

-- name: numbers
SELECT n.number, n.tenant, n.queue, n.menu, t.language
FROM numbers n
JOIN tenants t USING (tenant)
ORDER BY n.number;
