-- Which calls are recorded: the desk file's rules, the first that fits counts. docs/recording.md, decision 0252.

ALTER TABLE tenants ADD COLUMN recording jsonb NOT NULL DEFAULT '[]';
