-- What happened inside a talk: holds, consultations, transfers, as one document of the contact record (docs/transfers.md).

ALTER TABLE calls ADD COLUMN passages jsonb NOT NULL DEFAULT '{}';
