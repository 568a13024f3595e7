-- Agents dial out (docs/outbound.md).

ALTER TABLE tenants ADD COLUMN outbound jsonb;     -- the desk file's [tenants.NAME.outbound]; NULL: nobody dials out

-- Who had how many numbers dialled within the last hour: a restart gives nobody new ones.
CREATE INDEX effects_outbound ON effects (created_at) WHERE kind = 'outbound';
