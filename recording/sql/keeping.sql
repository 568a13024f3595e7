-- name: rules
SELECT tenant, retention::text AS retention FROM tenants

-- name: to_rule
SELECT r.tenant, r.call_id, r.stored_at, r.arrived_at, coalesce(c.queue, r.queue) AS queue, r.agents, r.voicemail_s,
       c.extra ->> 'dialled_by' AS dialled_by, c.extra ->> 'callback' AS callback, r.retain_rule, r.retain_until
  FROM recordings r LEFT JOIN calls c USING (tenant, call_id)
 WHERE r.retain_rule IS NULL AND r.state IN ('stored', 'salvaged', 'truncated')
 ORDER BY r.stored_at LIMIT $1

-- name: all_to_rule
SELECT r.tenant, r.call_id, r.stored_at, r.arrived_at, coalesce(c.queue, r.queue) AS queue, r.agents, r.voicemail_s,
       c.extra ->> 'dialled_by' AS dialled_by, c.extra ->> 'callback' AS callback, r.retain_rule, r.retain_until
  FROM recordings r LEFT JOIN calls c USING (tenant, call_id)
 WHERE r.tenant = $1 AND (r.arrived_at, r.call_id) < ($2, $3::uuid)
   AND r.state IN ('stored', 'salvaged', 'truncated') AND r.delete_asked_at IS NULL
 ORDER BY r.arrived_at DESC, r.call_id DESC LIMIT $4

-- name: set_rule
UPDATE recordings SET retain_rule = $3, retain_until = $4, lock_due = true
 WHERE tenant = $1 AND call_id = $2 AND delete_asked_at IS NULL

-- name: lock
SELECT state, delete_asked_at, delete_by, retain_until FROM recordings WHERE tenant = $1 AND call_id = $2 FOR UPDATE

-- name: holding
SELECT * FROM recording_holds
 WHERE tenant = $1 AND call_id = $2 AND released_at IS NULL AND (until IS NULL OR until > $3) ORDER BY hold_id

-- name: hold
INSERT INTO recording_holds (tenant, call_id, reason, set_by, set_at, until)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING *, (SELECT r.arrived_at FROM recordings r
            WHERE r.tenant = recording_holds.tenant AND r.call_id = recording_holds.call_id) AS arrived_at

-- name: release
UPDATE recording_holds SET released_at = $3, released_by = $4, release_reason = $5
 WHERE tenant = $1 AND hold_id = $2 AND released_at IS NULL
RETURNING *, (SELECT r.arrived_at FROM recordings r
            WHERE r.tenant = recording_holds.tenant AND r.call_id = recording_holds.call_id) AS arrived_at

-- name: holds
SELECT h.*, r.arrived_at FROM recording_holds h LEFT JOIN recordings r ON r.tenant = h.tenant AND r.call_id = h.call_id
 WHERE h.tenant = $1 AND ($2::uuid IS NULL OR h.call_id = $2)
   AND (NOT $3::boolean OR (h.released_at IS NULL AND (h.until IS NULL OR h.until > $4)))
   AND ($5::bigint IS NULL OR h.hold_id < $5)
 ORDER BY h.hold_id DESC LIMIT $6

-- name: holds_over
UPDATE recording_holds SET released_at = $1, released_by = '', release_reason = 'its time is over'
 WHERE hold_id IN (SELECT hold_id FROM recording_holds WHERE released_at IS NULL AND until <= $1 LIMIT $2)
RETURNING *

-- name: lock_due
UPDATE recordings SET lock_due = true WHERE tenant = $1 AND call_id = $2

-- name: order
UPDATE recordings SET delete_asked_at = $3, delete_by = $4, delete_why = $5, delete_next_at = $3
 WHERE tenant = $1 AND call_id = $2

-- name: expired
SELECT tenant, call_id FROM recordings r
 WHERE retain_until <= $1 AND delete_asked_at IS NULL AND state IN ('stored', 'salvaged', 'truncated')
   AND NOT EXISTS (SELECT FROM recording_holds h WHERE h.tenant = r.tenant AND h.call_id = r.call_id
                      AND h.released_at IS NULL AND (h.until IS NULL OR h.until > $1))
 ORDER BY retain_until LIMIT $2

-- name: due
SELECT tenant, call_id, uri, object_key, peaks_key, state, arrived_at, delete_by, delete_why, delete_tries
  FROM recordings
 WHERE delete_asked_at IS NOT NULL AND state IN ('stored', 'salvaged', 'truncated', 'not_recorded', 'failed')
   AND delete_next_at <= $1 AND ($2::uuid IS NULL OR call_id = $2)
 ORDER BY delete_next_at LIMIT $3

-- name: trouble
UPDATE recordings SET delete_tries = delete_tries + 1, delete_next_at = $3, delete_trouble = $4
 WHERE tenant = $1 AND call_id = $2

-- name: deleted
UPDATE recordings SET state = 'deleted', reason = '', moves = moves + 1, deleted_at = $3, delete_trouble = NULL,
       uri = NULL, object_key = NULL, peaks_key = NULL, reservation = NULL, talks = '[]', lost = '[]'
 WHERE tenant = $1 AND call_id = $2 AND state <> 'deleted' AND delete_asked_at IS NOT NULL
RETURNING moves

-- name: deleted_move
INSERT INTO recording_moves (tenant, call_id, number, at, step, state, reason)
VALUES ($1, $2, $3, $4, 'deleted', 'deleted', '') ON CONFLICT DO NOTHING

-- name: forget_uri
UPDATE calls SET recording_uri = NULL WHERE tenant = $1 AND call_id = $2

-- name: forget_remarks
DELETE FROM call_comments WHERE tenant = $1 AND call_id = $2

-- name: forget_words
-- As an erasure does it (cti.store.personsources): a score is about an agent and stays, its words may be about the caller.
UPDATE evaluations e SET note = '', dispute = '', review = '', version = version + 1,
       answers = (SELECT coalesce(jsonb_object_agg(key, value || '{"comment": ""}'), '{}') FROM jsonb_each(e.answers)),
       first_answers = (SELECT coalesce(jsonb_object_agg(key, value || '{"comment": ""}'), '{}')
                          FROM jsonb_each(e.first_answers))
 WHERE tenant = $1 AND call_id = $2
   AND (note <> '' OR dispute <> '' OR review <> ''
        OR EXISTS (SELECT FROM jsonb_each(answers) WHERE coalesce(value ->> 'comment', '') <> '')
        OR EXISTS (SELECT FROM jsonb_each(first_answers) WHERE coalesce(value ->> 'comment', '') <> ''))

-- name: audit
INSERT INTO audit (at, tenant, who, what, which, detail, address) VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7)

-- name: to_lock
SELECT r.tenant, r.call_id, r.uri, r.retain_until,
       EXISTS (SELECT FROM recording_holds h WHERE h.tenant = r.tenant AND h.call_id = r.call_id
                  AND h.released_at IS NULL AND (h.until IS NULL OR h.until > $1)) AS held
  FROM recordings r
 WHERE r.lock_due AND r.state IN ('stored', 'salvaged', 'truncated') AND r.retain_rule IS NOT NULL
   AND r.delete_asked_at IS NULL
 ORDER BY r.stored_at LIMIT $2

-- name: locked
UPDATE recordings r SET lock_due = false
 WHERE tenant = $1 AND call_id = $2 AND retain_until IS NOT DISTINCT FROM $3
   AND $4 = EXISTS (SELECT FROM recording_holds h WHERE h.tenant = r.tenant AND h.call_id = r.call_id
                       AND h.released_at IS NULL AND (h.until IS NULL OR h.until > $5))

-- name: status
SELECT count(*) FILTER (WHERE state IN ('stored', 'salvaged', 'truncated')) AS stored,
       count(*) FILTER (WHERE state IN ('stored', 'salvaged', 'truncated') AND retain_rule IS NULL) AS unruled,
       count(*) FILTER (WHERE state IN ('stored', 'salvaged', 'truncated') AND retain_until <= $2) AS expired,
       count(*) FILTER (WHERE delete_asked_at IS NOT NULL AND state <> 'deleted') AS deleting,
       count(*) FILTER (WHERE delete_trouble IS NOT NULL AND state <> 'deleted') AS troubled,
       count(*) FILTER (WHERE state = 'deleted') AS deleted
  FROM recordings WHERE tenant = $1
