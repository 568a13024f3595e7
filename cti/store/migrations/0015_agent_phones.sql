-- What an agent speaks with: a SIP phone of their own, or the page in their browser (docs/softphone.md).

ALTER TABLE agents ADD COLUMN phone text NOT NULL DEFAULT 'sip' CHECK (phone IN ('sip', 'browser'));
