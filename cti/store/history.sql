-- name: time_zones
SELECT tenant, time_zone FROM tenants ORDER BY tenant

-- name: waited
-- A call enters its queue within the hour of its arrival, so that the index by arrival serves.
SELECT c.queue,
       (c.menu -> 'skills')::text AS skills,
       c.queued_at,
       extract(epoch FROM coalesce(c.answered_at, c.ended_at) - c.queued_at)::float8 AS wait_s,
       (SELECT sum(extract(epoch FROM coalesce(t.ended_at, c.ended_at) - t.answered_at))::float8
          FROM call_talks t WHERE t.tenant = c.tenant AND t.call_id = c.call_id) AS talk_s,
       c.answered_at IS NULL AND c.end_reason = 'abandoned_in_queue' AS hung_up
  FROM calls c
 WHERE c.tenant = $1
   AND c.arrived_at >= $2::timestamptz - interval '1 hour' AND c.arrived_at < $3
   AND c.queued_at >= $2 AND c.queued_at < $3
   AND c.queue IS NOT NULL AND c.ended_at IS NOT NULL
 ORDER BY c.queued_at, c.call_id
 LIMIT $4
