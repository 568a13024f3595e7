-- name: span
SELECT min(arrived_at) AS first, max(arrived_at) AS last
  FROM recordings WHERE tenant = $1 AND ($2::timestamptz IS NULL OR arrived_at >= $2)

-- name: day
SELECT call_id, state, arrived_at, ended_at, uri, bytes, sha256
  FROM recordings
 WHERE tenant = $1 AND arrived_at >= $2 AND arrived_at < $3 AND call_id > $4
 ORDER BY call_id LIMIT $5

-- name: lost
UPDATE recordings SET state = 'failed', reason = $3, moves = moves + 1, stored_at = NULL
 WHERE tenant = $1 AND call_id = $2 AND state IN ('stored', 'salvaged', 'truncated')
RETURNING moves

-- name: lost_move
INSERT INTO recording_moves (tenant, call_id, number, at, step, state, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
