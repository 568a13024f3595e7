-- What Asterisk left out of a recording although it was said (docs/recording.md): side, agent, at_s and seconds of each.

ALTER TABLE recordings ADD COLUMN lost jsonb NOT NULL DEFAULT '[]';
