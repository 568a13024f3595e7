-- Calls whose caller was erased. What is written of them afterwards is of before: a journal that a start found, a
-- message that is told again. It stays nobody's. docs/privacy.md, decision 0262.

CREATE TABLE erased_calls (                        -- ids and instants: whose calls they were is known nowhere
    tenant           text NOT NULL,
    call_id          uuid NOT NULL,
    erased_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant, call_id)
);

CREATE FUNCTION erased_call(of_tenant text, of_call text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN of_call ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                THEN EXISTS (SELECT FROM erased_calls WHERE tenant = of_tenant AND call_id = of_call::uuid)
                ELSE false END
$$;

-- A held recording keeps its whole call, its callbacks and its tickets too.
CREATE FUNCTION held_call(of_tenant text, of_call text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN of_call ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                THEN EXISTS (SELECT FROM recording_holds WHERE tenant = of_tenant AND call_id = of_call::uuid
                                AND released_at IS NULL AND (until IS NULL OR until > now()))
                ELSE false END
$$;

-- What is left of bodies when the person is taken out; of what is nobody's already, the same.
CREATE FUNCTION nobodys_effect(body jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT body || (SELECT coalesce(jsonb_object_agg(key, ''), '{}') FROM jsonb_object_keys(body) AS key
                     WHERE key IN ('number', 'note', 'title', 'member_id', 'reservation_id', 'ticket_id', 'mark'))
$$;
CREATE FUNCTION nobodys_message(body jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT body
        || CASE WHEN body ? 'number' THEN '{"number": ""}'::jsonb ELSE '{}' END
        || CASE WHEN body ? 'link' THEN '{"link": null}'::jsonb ELSE '{}' END
        || CASE WHEN body ? 'ticket_id' THEN '{"ticket_id": null}'::jsonb ELSE '{}' END
        || CASE WHEN body ? 'caller'
                THEN jsonb_build_object('caller', (body -> 'caller') || '{"e164": null, "national": null}') ELSE '{}' END
$$;

CREATE FUNCTION call_stays_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM erased_calls WHERE tenant = NEW.tenant AND call_id = NEW.call_id) THEN
        NEW.caller_e164 := NULL;
        NEW.caller_national := NULL;
        NEW.link := NULL;
        NEW.channel := '';
        NEW.recording_uri := NULL;
        NEW.menu := NEW.menu || '{"reservation_number": null, "path": []}';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER calls_stay_erased BEFORE INSERT OR UPDATE ON calls
    FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION call_stays_erased();

-- What somebody says of the call from now on counts again.
CREATE FUNCTION link_stays_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM erased_calls WHERE tenant = NEW.tenant AND call_id = NEW.call_id AND erased_at >= NEW.at) THEN
        NEW.member_id := NULL;
        NEW.reservation_id := NULL;
        NEW.ticket_id := NULL;
        NEW.plate := NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER call_links_stay_erased BEFORE INSERT ON call_links FOR EACH ROW EXECUTE FUNCTION link_stays_erased();

-- One that is still promised is kept, and forgotten as soon as it has ended.
CREATE FUNCTION callback_stays_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM erased_calls WHERE tenant = NEW.tenant AND call_id IN (NEW.origin, NEW.attempt)) THEN
        NEW.number := '';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER callbacks_stay_erased BEFORE INSERT OR UPDATE ON callbacks
    FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL AND NEW.number <> '') EXECUTE FUNCTION callback_stays_erased();

CREATE FUNCTION effect_stays_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF erased_call(NEW.tenant, NEW.body ->> 'call_id') OR erased_call(NEW.tenant, NEW.body ->> 'call') THEN
        NEW.body := nobodys_effect(NEW.body);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER effects_stay_erased BEFORE INSERT OR UPDATE ON effects
    FOR EACH ROW WHEN (NEW.state IN ('done', 'not_done')) EXECUTE FUNCTION effect_stays_erased();

CREATE FUNCTION message_stays_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM erased_calls WHERE tenant = NEW.tenant AND call_id = NEW.call_id) THEN
        NEW.body := nobodys_message(NEW.body);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER outgoing_stays_erased BEFORE INSERT ON outgoing FOR EACH ROW EXECUTE FUNCTION message_stays_erased();

-- As in 0023, but a row that cannot be made anew goes: what it said may have been erased just now.
CREATE OR REPLACE FUNCTION search_refresh(of_tenant text, of_call uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    made call_search%ROWTYPE;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(of_tenant || of_call, 0));
    BEGIN
        made := search_row(of_tenant, of_call);
        IF made.tenant IS NULL THEN
            DELETE FROM call_search WHERE tenant = of_tenant AND call_id = of_call;
            RETURN;
        END IF;
        INSERT INTO call_search VALUES (made.*)
        ON CONFLICT (tenant, call_id) DO UPDATE SET (arrived_at, direction, caller, caller_kind, caller_e164,
            caller_national, digits, queue, agents, reasons, reservations, tickets, plates, words, result, status, length_s,
            silence, transfers, tokens) =
            (excluded.arrived_at, excluded.direction, excluded.caller, excluded.caller_kind, excluded.caller_e164,
            excluded.caller_national, excluded.digits, excluded.queue, excluded.agents, excluded.reasons,
            excluded.reservations, excluded.tickets, excluded.plates, excluded.words, excluded.result, excluded.status,
            excluded.length_s, excluded.silence, excluded.transfers, excluded.tokens)
        WHERE call_search IS DISTINCT FROM excluded;
    EXCEPTION WHEN data_exception OR integrity_constraint_violation OR syntax_error_or_access_rule_violation
              OR program_limit_exceeded THEN
        RAISE WARNING 'call % cannot be searched: % (%)', of_call, SQLERRM, SQLSTATE;
        DELETE FROM call_search WHERE tenant = of_tenant AND call_id = of_call;
    END;
END
$$;
