-- name: save
INSERT INTO recordings (
    tenant, call_id, state, reason, moves, attempts, arrived_at, began_at, ended_at, stored_at,
    agents, queue, caller_kind, reservation, end_reason,
    uri, object_key, peaks_key, sha256, bytes, duration_s, channels, format, rate,
    caller_db, agent_db, talks, flags, voicemail_s, silence_s, lost)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
        $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27::text::jsonb, $28, $29, $30,
        $31::text::jsonb)
ON CONFLICT (tenant, call_id) DO UPDATE SET
    state = EXCLUDED.state, reason = EXCLUDED.reason, moves = EXCLUDED.moves, attempts = EXCLUDED.attempts,
    arrived_at = EXCLUDED.arrived_at, began_at = EXCLUDED.began_at, ended_at = EXCLUDED.ended_at, stored_at = EXCLUDED.stored_at,
    agents = EXCLUDED.agents, queue = EXCLUDED.queue, caller_kind = EXCLUDED.caller_kind,
    reservation = EXCLUDED.reservation, end_reason = EXCLUDED.end_reason,
    uri = EXCLUDED.uri, object_key = EXCLUDED.object_key, peaks_key = EXCLUDED.peaks_key,
    sha256 = EXCLUDED.sha256, bytes = EXCLUDED.bytes, duration_s = EXCLUDED.duration_s,
    channels = EXCLUDED.channels, format = EXCLUDED.format, rate = EXCLUDED.rate,
    caller_db = EXCLUDED.caller_db, agent_db = EXCLUDED.agent_db, talks = EXCLUDED.talks, flags = EXCLUDED.flags,
    voicemail_s = EXCLUDED.voicemail_s, silence_s = EXCLUDED.silence_s, lost = EXCLUDED.lost
WHERE recordings.moves <= EXCLUDED.moves AND recordings.state NOT IN ('stored', 'salvaged', 'truncated', 'deleted')

-- name: save_move
INSERT INTO recording_moves (tenant, call_id, number, at, step, state, reason)
SELECT $1, $2, $3, $4, $5, $6, $7
ON CONFLICT DO NOTHING

-- name: get
SELECT *, talks::text AS talks FROM recordings WHERE tenant = $1 AND call_id = $2

-- name: find
SELECT *, talks::text AS talks FROM recordings WHERE call_id = $1 ORDER BY arrived_at DESC LIMIT 1

-- name: page
SELECT *, talks::text AS talks
  FROM recordings
 WHERE tenant = $1
   AND ($2::timestamptz IS NULL OR arrived_at >= $2)
   AND ($3::timestamptz IS NULL OR arrived_at < $3)
   AND ($4::text IS NULL OR agents @> ARRAY[$4::text])
   AND ($5::text IS NULL OR queue = $5)
   AND ($6::text IS NULL OR caller_kind = $6)
   AND ($7::text IS NULL OR reservation = $7)
   AND ($8::double precision IS NULL OR duration_s >= $8)
   AND ($9::double precision IS NULL OR duration_s <= $9)
   AND (cardinality($10::text[]) = 0 OR state = ANY ($10))
   AND ($11::text IS NULL OR flags @> ARRAY[$11::text])
   AND ($12::uuid IS NULL OR call_id = $12)
   AND ($13::timestamptz IS NULL OR (arrived_at, call_id) < ($13, $14::uuid))
 ORDER BY arrived_at DESC, call_id DESC
 LIMIT $15

-- name: history
SELECT number, at, step, state, reason FROM recording_moves WHERE tenant = $1 AND call_id = $2 ORDER BY number

-- name: missing
SELECT *, talks::text AS talks
  FROM recordings
 WHERE tenant = $1 AND state IN ('not_recorded', 'failed') AND ended_at >= $2
 ORDER BY ended_at DESC
 LIMIT $3

-- name: counts
SELECT state, count(*) AS n FROM recordings
 WHERE state NOT IN ('stored', 'salvaged', 'truncated', 'not_recorded', 'deleted') OR arrived_at >= now() - interval '1 day'
 GROUP BY state
