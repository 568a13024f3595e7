-- Contact records $1 to $2 of $3. Everything of row n follows from n; every draw is some bits of a hash, so that columns do
-- not move together. $4 queues, $5 how many agents, $6 reasons, $7 to $9 how many notes, numbers and cars there are.
WITH numbered AS (
    SELECT n, md5(n::text) AS hash, timestamptz '2026-11-21 15:00+00' - interval '730 days' * (($3::bigint - n)::float8 / $3::bigint) AS at
      FROM generate_series($1::bigint, $2::bigint) AS n
), drawn AS (
    SELECT n, hash, at,
           ('x' || substr(hash, 1, 6))::bit(24)::integer AS r1, ('x' || substr(hash, 7, 6))::bit(24)::integer AS r2,
           ('x' || substr(hash, 13, 6))::bit(24)::integer AS r3, ('x' || substr(hash, 19, 6))::bit(24)::integer AS r4,
           ('x' || substr(hash, 25, 6))::bit(24)::integer AS r5
      FROM numbered
), shaped AS (
    SELECT d.*, power(r1 / 16777216.0, 3) AS low,
           r2 % 100 AS percent, r3 % 100 AS other, r4 % 1000 AS mille
      FROM drawn d
), facets AS (
    SELECT s.*, hash::uuid AS call_id,
           CASE WHEN percent < 88 THEN 'inbound' WHEN percent < 93 THEN 'callback' ELSE 'outbound' END AS direction,
           CASE WHEN other < 70 THEN 'known' WHEN other < 76 THEN 'company' WHEN other < 92 THEN 'unknown'
                WHEN other < 97 THEN 'withheld' WHEN other < 98 THEN 'payphone' ELSE 'out_of_area' END AS caller,
           ($4::text[])[1 + floor(low * cardinality($4::text[]))] AS queue,
           CASE WHEN mille < 930 THEN 'completed' WHEN mille < 980 THEN 'abandoned_in_queue'
                WHEN mille < 995 THEN 'abandoned_in_menu' ELSE 'failed' END AS result,
           CASE WHEN mille < 930 THEN 'stored' WHEN mille < 934 THEN 'truncated' WHEN mille < 990 THEN 'not_recorded'
                ELSE 'failed' END AS status,
           round((20 + 900 * power(r5 / 16777216.0, 3))::numeric, 1)::float8 AS length_s,
           CASE WHEN mille < 934 THEN round((power(r3 / 16777216.0, 2) * 0.9)::numeric, 2)::real END AS silence,
           CASE WHEN r4 % 12 = 0 THEN 1 + (r4 / 12) % 3 ELSE 0 END AS transfers,
           CASE WHEN mille < 930 THEN 'a' || floor(power(r4 / 16777216.0, 1.5) * $5)::integer END AS agent,
           CASE WHEN mille < 930 AND percent < 80
                THEN ($6::text[])[1 + floor(power(r5 / 16777216.0, 1.5) * cardinality($6::text[]))] END AS reason,
           CASE WHEN other < 60 THEN 'R' || (r1 % 9000000 + 1000000) END AS reservation,
           CASE WHEN mille < 60 THEN 'T' || (r2 % 900000 + 100000) END AS ticket,
           CASE WHEN mille < 930 THEN r3 % $7 END AS note_id,
           CASE WHEN other < 92 THEN r5 % $8 END AS number_id,
           CASE WHEN other < 60 THEN r2 % $9 END AS car_id
      FROM shaped s
), rows AS (
    SELECT f.*, p.e164, p.national, coalesce(p.digits, '') AS digits, coalesce(c.plate, '') AS plate,
           coalesce(w.words, '') AS words, coalesce(p.hashes, '{}') || coalesce(c.hashes, '{}') || coalesce(w.hashes, '{}')
           || search_hashes('demo', array_remove(ARRAY['d:' || direction, 'c:' || caller, 's:' || status,
              'l:' || width_bucket(length_s, ARRAY[10, 30, 60, 120, 180, 300, 600, 1200, 1800, 3600]::float8[]),
              'f:' || transfers, 'q:' || queue, 'e:' || result, 'i:' || CASE WHEN silence IS NOT NULL THEN least(floor(silence * 10), 9) END, 'a:' || agent,
              'r:' || reason, 'b:' || reservation, 't:' || ticket], NULL)) AS hashes
      FROM facets f
      LEFT JOIN pool_numbers p ON p.id = f.number_id
      LEFT JOIN pool_cars c ON c.id = f.car_id
      LEFT JOIN pool_notes w ON w.id = f.note_id
), searched AS (
    INSERT INTO call_search
    SELECT 'demo', call_id, at, direction, caller, CASE WHEN caller IN ('known', 'company', 'unknown') THEN 'number' ELSE caller END,
           e164, national, digits, queue, array_remove(ARRAY[agent], NULL), array_remove(ARRAY[reason], NULL),
           array_remove(ARRAY[reservation], NULL), array_remove(ARRAY[ticket], NULL), plate, words, result, status,
           length_s, silence, transfers, search_tokens(hashes, search_week(at))
      FROM rows
)
INSERT INTO recordings (tenant, call_id, state, moves, arrived_at, began_at, ended_at, stored_at, agents, queue, caller_kind,
    end_reason, object_key, sha256, bytes, duration_s, channels)
SELECT 'demo', call_id, status, 7, at, at, at + length_s * interval '1 s', at + length_s * interval '1.01 s',
       array_remove(ARRAY[agent], NULL), queue, 'number', result,
       CASE WHEN mille < 934 THEN 'demo/2026/11/21/' || call_id || '.webm' END,
       CASE WHEN mille < 934 THEN hash || hash END, (length_s * 5000)::bigint, length_s, 2
  FROM rows
