-- Calls of one number among millions: in call_search_tokens each of its runs of three digits is a look a week, and years have
-- many. docs/decisions/0295.

-- Every run of nine digits, each once: whatever part of a number of nine digits or more is asked for, its last nine are one.
CREATE FUNCTION search_runs(digits text) RETURNS integer[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    runs integer[] := '{}';
BEGIN
    FOR i IN 1 .. length(digits) - 8 LOOP
        runs := runs || substr(digits, i, 9)::integer;
    END LOOP;
    RETURN runs;
END
$$;

CREATE INDEX call_search_numbers ON call_search USING gin (search_runs(digits)) WITH (fastupdate = off);
