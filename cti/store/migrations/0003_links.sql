-- Which call belongs to which records: every finding is kept, the newest that counts is a view.

CREATE TABLE call_links (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant           text NOT NULL,                -- no reference: a link may be known before its call is stored
    call_id          uuid NOT NULL,                -- CTI_CALL_ID
    at               timestamptz NOT NULL,
    made_by          text NOT NULL,                -- 'system', or the log-in of the person who decided
    confidence       text NOT NULL CHECK (confidence IN ('confirmed', 'likely', 'possible', 'none')),
    score            real NOT NULL CHECK (score BETWEEN 0 AND 1),
    why              text NOT NULL,                -- slug, docs/linking.md
    status           text NOT NULL CHECK (status IN ('live', 'stale', 'unavailable', 'decided')),
    member_id        text,                         -- ids are the look-up service's
    reservation_id   text,
    ticket_id        text
);

CREATE INDEX call_links_call ON call_links (tenant, call_id, id);
CREATE INDEX call_links_member ON call_links (tenant, member_id, at DESC) WHERE member_id IS NOT NULL;
CREATE INDEX call_links_reservation ON call_links (tenant, reservation_id, at DESC)
    WHERE reservation_id IS NOT NULL;
CREATE INDEX call_links_ticket ON call_links (tenant, ticket_id, at DESC) WHERE ticket_id IS NOT NULL;

-- What a person decided counts, whatever the system finds later; otherwise the newest finding.
CREATE VIEW call_links_current AS
SELECT DISTINCT ON (tenant, call_id) *
FROM call_links
ORDER BY tenant, call_id, (made_by = 'system'), id DESC;
