-- The list of QA's page: the ledger joined with the call it belongs to, newest call first.
SELECT r.call_id, r.arrived_at, r.state, r.reason, r.duration_s, r.bytes, r.sha256, r.uri, r.began_at, r.stored_at, r.flags,
       r.voicemail_s, r.delete_asked_at,
       coalesce(c.queue, r.queue) AS queue,
       r.agents,
       coalesce(c.end_reason, r.end_reason) AS end_reason,
       coalesce(c.caller_kind, r.caller_kind, 'unknown') AS caller_kind,
       c.caller_e164, c.caller_national
FROM recordings r
LEFT JOIN calls c USING (tenant, call_id)
WHERE r.tenant = $1
  AND ($2::timestamptz IS NULL OR r.arrived_at >= $2)
  AND ($3::timestamptz IS NULL OR r.arrived_at < $3)
  AND ($4::text IS NULL OR coalesce(c.queue, r.queue) = $4)
  AND ($5::text IS NULL OR r.agents @> ARRAY[$5])
  AND ($6::text[] IS NULL OR r.state = ANY($6))
  AND ($7::text IS NULL OR c.caller_digits LIKE '%' || $7 || '%')
  AND ($8::double precision IS NULL OR r.duration_s >= $8)
  AND ($9::timestamptz IS NULL OR (r.arrived_at, r.call_id) < ($9, $10::uuid))
  AND ($11::uuid IS NULL OR r.call_id = $11)
ORDER BY r.arrived_at DESC, r.call_id DESC
LIMIT $12
