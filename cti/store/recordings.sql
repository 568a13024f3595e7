-- One recording: the ledger joined with the call it belongs to.
SELECT r.call_id, r.arrived_at, r.state, r.reason, r.duration_s, r.bytes, r.sha256, r.uri, r.began_at, r.stored_at, r.flags,
       r.voicemail_s, r.delete_asked_at, r.lost::text AS lost,
       coalesce(c.queue, r.queue) AS queue,
       r.agents,
       coalesce(c.end_reason, r.end_reason) AS end_reason,
       coalesce(c.caller_kind, r.caller_kind, 'unknown') AS caller_kind,
       c.caller_e164, c.caller_national
FROM recordings r
LEFT JOIN calls c USING (tenant, call_id)
WHERE r.tenant = $1 AND r.call_id = $2
