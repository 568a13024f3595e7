-- Searching contact records: one row a call, kept by triggers within the transaction that changes the record, so that no
-- writer can forget it. One GIN index over tokens answers every combination. docs/qa.md, decisions 0266 to 0268.

-- What cannot be known afterwards: the look-up's answer is not stored.
ALTER TABLE call_links
    ADD COLUMN plate text,                         -- of the linked booking's car, as the look-up writes it
    ADD COLUMN company boolean;                    -- the linked member belongs to a company; NULL: not known
ALTER TABLE recordings ADD COLUMN silence_s double precision; -- in which neither side speaks; NULL: of an older server

CREATE TABLE call_search (
    tenant           text NOT NULL,
    call_id          uuid NOT NULL,
    arrived_at       timestamptz NOT NULL,
    direction        text NOT NULL,                -- inbound, callback, outbound
    caller           text NOT NULL,                -- known, company, unknown, withheld, payphone, out_of_area, conflict
    caller_kind      text NOT NULL,                -- as in calls
    caller_e164      text,
    caller_national  text,
    digits           text NOT NULL,                -- of the number, international where it has such a form
    queue            text,
    agents           text[] NOT NULL,              -- who talked
    reasons          text[] NOT NULL,              -- reason codes of all agents
    reservations     text[] NOT NULL,              -- linked, and as keyed in the menu
    tickets          text[] NOT NULL,
    plates           text NOT NULL,                -- normalised, a line each
    words            text NOT NULL,                -- of all notes, normalised, a line each
    result           text,                         -- calls.end_reason
    status           text NOT NULL,                -- of the recording: none, pending, or as in the ledger
    length_s         double precision NOT NULL,    -- of the recording, else of the call
    silence          real,                         -- share of the length, 0 to 1; NULL: not known
    transfers        integer NOT NULL,
    tokens           integer[] NOT NULL,           -- search_tokens() of all this
    PRIMARY KEY (tenant, call_id)
);

-- Newest first, page by page.
CREATE INDEX call_search_newest ON call_search (tenant, arrived_at DESC, call_id DESC);
-- Tenant and week are in each token. No pending list: it would be read from end to end by each search.
CREATE INDEX call_search_tokens ON call_search USING gin (tokens) WITH (fastupdate = off);

-- How far records of before are in it: newest first, everything from here on is. One row.
CREATE TABLE call_search_filled (
    one_row          boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    arrived_at       timestamptz NOT NULL          -- '-infinity': all of them
);
INSERT INTO call_search_filled (arrived_at)
SELECT CASE WHEN EXISTS (SELECT FROM calls) OR EXISTS (SELECT FROM recordings) THEN 'infinity'::timestamptz
            ELSE '-infinity' END;

-- Full and half width, large and small, katakana and hiragana are the same to who searches.
CREATE FUNCTION search_text(given text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT translate(lower(normalize(given, NFKC)),
        'ァアィイゥウェエォオカガキギクグケゲコゴサザシジスズセゼソゾタダチヂッツヅテデトドナニヌネノハバパヒビピフブプヘベペホボポマミムメモャヤュユョヨラリルレロヮワヰヱヲンヴヵヶ',
        'ぁあぃいぅうぇえぉおかがきぎくぐけげこごさざしじすずせぜそぞただちぢっつづてでとどなにぬねのはばぱひびぴふぶぷへべぺほぼぽまみむめもゃやゅゆょよらりるれろゎわゐゑをんゔゕゖ')
$$;

-- A plate is written with and without blanks, hyphens and dots.
CREATE FUNCTION search_plate(given text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT translate(search_text(given), ' -‐‑–—−ー・.', '')
$$;

-- Every run of `width` signs within a line, each once. Japanese has no blanks between words.
CREATE FUNCTION search_grams(given text, width integer) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT array_to_string(signs[i:i + width - 1], '')), '{}')
      FROM (SELECT regexp_split_to_array(line, '') AS signs FROM regexp_split_to_table(given, E'\n') AS line) AS lines,
           generate_series(1, cardinality(signs) - width + 1) AS i
$$;

-- MD5 is the same on every version and machine; 32 bits of it are enough, because a row that is found is looked at.
CREATE FUNCTION search_hashes(of_tenant text, terms text[]) RETURNS integer[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(('x' || left(md5(of_tenant || E'\x1f' || term), 8))::bit(32)::integer), '{}')
      FROM unnest(terms) AS term
$$;

CREATE FUNCTION search_week(at timestamptz) RETURNS integer LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT floor(extract(epoch FROM at) / 604800)::integer
$$;

-- A token is of one week: a search goes from week to week and reads no more of a frequent token than it shows.
CREATE FUNCTION search_tokens(hashes integer[], week integer) RETURNS integer[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(hash # (week::bigint * 2654435761)::bit(32)::integer), '{}') FROM unnest(hashes) AS hash
$$;

-- Terms of a row. The bounds of the classes are those of cti/store/callsearch.py.
CREATE FUNCTION search_terms(row_of call_search) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY['d:' || row_of.direction, 'c:' || row_of.caller, 's:' || row_of.status,
                 'l:' || width_bucket(row_of.length_s, ARRAY[10, 30, 60, 120, 180, 300, 600, 1200, 1800, 3600]::float8[]),
                 'f:' || least(row_of.transfers, 5)]
        || CASE WHEN row_of.queue IS NOT NULL THEN ARRAY['q:' || row_of.queue] END
        || CASE WHEN row_of.result IS NOT NULL THEN ARRAY['e:' || row_of.result] END
        || CASE WHEN row_of.silence IS NOT NULL THEN ARRAY['i:' || least(floor(row_of.silence * 10), 9)] END
        || ARRAY(SELECT 'a:' || one FROM unnest(row_of.agents) AS one)
        || ARRAY(SELECT 'r:' || one FROM unnest(row_of.reasons) AS one)
        || ARRAY(SELECT 'b:' || one FROM unnest(row_of.reservations) AS one)
        || ARRAY(SELECT 't:' || one FROM unnest(row_of.tickets) AS one)
        || ARRAY(SELECT 'n:' || one FROM unnest(search_grams(row_of.digits, 3)) AS one)
        || ARRAY(SELECT 'p:' || one FROM unnest(search_grams(row_of.plates, 2)) AS one)
        || ARRAY(SELECT 'w:' || one FROM unnest(search_grams(row_of.words, 2)) AS one)
$$;

-- The row of a call out of everything that is stored of it; NULL tenant: it is none to be found.
CREATE FUNCTION search_row(of_tenant text, of_call uuid) RETURNS call_search LANGUAGE plpgsql STABLE AS $$
DECLARE
    c calls%ROWTYPE;
    r recordings%ROWTYPE;
    link record;
    made call_search%ROWTYPE;
BEGIN
    SELECT * INTO c FROM calls WHERE tenant = of_tenant AND call_id = of_call;
    SELECT * INTO r FROM recordings WHERE tenant = of_tenant AND call_id = of_call;
    IF r.call_id IS NULL AND c.ended_at IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT * INTO link FROM call_links_current WHERE tenant = of_tenant AND call_id = of_call;
    made.tenant := of_tenant;
    made.call_id := of_call;
    made.arrived_at := coalesce(r.arrived_at, c.arrived_at);
    made.direction := CASE WHEN c.extra ? 'dialled_by' THEN 'outbound' WHEN c.extra ? 'callback' THEN 'callback' ELSE 'inbound' END;
    made.caller_kind := coalesce(c.caller_kind, r.caller_kind, 'unknown');
    made.caller := CASE
        WHEN coalesce(link.member_id, c.link ->> 'member_id') IS NOT NULL
            THEN CASE WHEN EXISTS (SELECT FROM call_links WHERE tenant = of_tenant AND call_id = of_call AND company
                                      AND member_id = coalesce(link.member_id, c.link ->> 'member_id'))
                      THEN 'company' ELSE 'known' END
        WHEN made.caller_kind = 'number' THEN 'unknown'
        ELSE made.caller_kind END;
    made.caller_e164 := c.caller_e164;
    made.caller_national := c.caller_national;
    made.digits := regexp_replace(coalesce(c.caller_e164, c.caller_national, ''), '[^0-9]', '', 'g');
    made.queue := coalesce(c.queue, r.queue);
    made.agents := ARRAY(SELECT agent FROM (
        SELECT agent, min(number) AS place FROM call_talks WHERE tenant = of_tenant AND call_id = of_call GROUP BY agent
        ) AS talks ORDER BY place);
    IF cardinality(made.agents) = 0 THEN
        made.agents := coalesce(r.agents, '{}');
    END IF;
    made.reasons := ARRAY(SELECT DISTINCT one FROM call_notes, unnest(reasons) AS one
                           WHERE tenant = of_tenant AND call_id = of_call ORDER BY one);
    made.reservations := ARRAY(SELECT DISTINCT one FROM unnest(ARRAY[link.reservation_id, c.link ->> 'reservation_id',
        c.menu ->> 'reservation_number', r.reservation]) AS one WHERE one <> '' ORDER BY one);
    made.tickets := ARRAY(SELECT DISTINCT one FROM (
        SELECT unnest(ARRAY[link.ticket_id, c.link ->> 'ticket_id']) AS one
        UNION ALL SELECT coalesce(nullif(body ->> 'mark', ''), body ->> 'ticket_id') FROM effects
         WHERE kind = 'ticket' AND tenant = of_tenant AND body ->> 'call_id' = of_call::text AND state = 'done'
        ) AS known WHERE one <> '' ORDER BY one);
    made.plates := coalesce((SELECT string_agg(DISTINCT search_plate(plate), E'\n') FROM call_links
                              WHERE tenant = of_tenant AND call_id = of_call AND plate <> ''
                                AND (link.reservation_id IS NULL OR reservation_id = link.reservation_id)), '');
    made.words := coalesce((SELECT string_agg(search_text(note), E'\n' ORDER BY began_at, agent) FROM call_notes
                             WHERE tenant = of_tenant AND call_id = of_call AND note <> ''), '');
    made.result := coalesce(c.end_reason, r.end_reason);
    made.status := CASE WHEN r.state IS NULL THEN 'none'
        WHEN r.state IN ('stored', 'salvaged', 'truncated', 'not_recorded', 'failed', 'deleted') THEN r.state ELSE 'pending' END;
    made.length_s := coalesce(r.duration_s, extract(epoch FROM c.ended_at - c.arrived_at), 0);
    made.silence := CASE WHEN r.duration_s > 0 THEN least(1, r.silence_s / r.duration_s) END;
    made.transfers := coalesce(cardinality(c.transferred_at), 0);
    made.tokens := search_tokens(search_hashes(of_tenant, search_terms(made)), search_week(made.arrived_at));
    RETURN made;
END
$$;

-- Make the row of a call what it should be now. Who changes another part of the same call waits for this transaction, and
-- then sees what it wrote: neither overwrites the other with what was before. A mistake in here must not cost a record: it
-- costs being found.
CREATE FUNCTION search_refresh(of_tenant text, of_call uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    made call_search%ROWTYPE;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(of_tenant || of_call, 0));
    made := search_row(of_tenant, of_call);
    IF made.tenant IS NULL THEN
        DELETE FROM call_search WHERE tenant = of_tenant AND call_id = of_call;
        RETURN;
    END IF;
    INSERT INTO call_search VALUES (made.*)
    ON CONFLICT (tenant, call_id) DO UPDATE SET (arrived_at, direction, caller, caller_kind, caller_e164, caller_national, digits,
        queue, agents, reasons, reservations, tickets, plates, words, result, status, length_s, silence, transfers, tokens) =
        (excluded.arrived_at, excluded.direction, excluded.caller, excluded.caller_kind, excluded.caller_e164,
        excluded.caller_national, excluded.digits, excluded.queue, excluded.agents, excluded.reasons, excluded.reservations,
        excluded.tickets, excluded.plates, excluded.words, excluded.result, excluded.status, excluded.length_s,
        excluded.silence, excluded.transfers, excluded.tokens)
    WHERE call_search IS DISTINCT FROM excluded;
EXCEPTION WHEN data_exception OR integrity_constraint_violation OR syntax_error_or_access_rule_violation
          OR program_limit_exceeded THEN
    RAISE WARNING 'call % cannot be searched: % (%)', of_call, SQLERRM, SQLSTATE;
END
$$;

-- At commit, when the call and its talks are both there.
CREATE FUNCTION search_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed record := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    PERFORM search_refresh(changed.tenant, changed.call_id);
    RETURN NULL;
END
$$;
CREATE FUNCTION search_follow_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM search_refresh(NEW.tenant, (NEW.body ->> 'call_id')::uuid);
    RETURN NULL;
END
$$;

CREATE CONSTRAINT TRIGGER call_search_call AFTER INSERT OR UPDATE ON calls
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION search_follow();
CREATE CONSTRAINT TRIGGER call_search_call_gone AFTER DELETE ON calls
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION search_follow();
CREATE CONSTRAINT TRIGGER call_search_link AFTER INSERT OR UPDATE OR DELETE ON call_links
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION search_follow();
CREATE CONSTRAINT TRIGGER call_search_note AFTER INSERT OR UPDATE OR DELETE ON call_notes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION search_follow();
CREATE CONSTRAINT TRIGGER call_search_recording AFTER INSERT OR DELETE ON recordings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION search_follow();
-- The ledger is told each of some ten steps of a recording; most of them change nothing that is searched.
CREATE CONSTRAINT TRIGGER call_search_recording_step AFTER UPDATE ON recordings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (
        (OLD.state <> NEW.state AND NEW.state IN ('stored', 'salvaged', 'truncated', 'not_recorded', 'failed', 'deleted'))
        OR (OLD.state <> NEW.state AND OLD.state IN ('stored', 'salvaged', 'truncated', 'not_recorded', 'failed', 'deleted'))
        OR (OLD.arrived_at, OLD.queue, OLD.agents, OLD.reservation, OLD.duration_s, OLD.silence_s, OLD.end_reason)
            IS DISTINCT FROM (NEW.arrived_at, NEW.queue, NEW.agents, NEW.reservation, NEW.duration_s, NEW.silence_s,
            NEW.end_reason))
    EXECUTE FUNCTION search_follow();
CREATE CONSTRAINT TRIGGER call_search_ticket AFTER INSERT OR UPDATE ON effects
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (
        NEW.kind = 'ticket' AND NEW.state = 'done'
        AND NEW.body ->> 'call_id' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')
    EXECUTE FUNCTION search_follow_ticket();
