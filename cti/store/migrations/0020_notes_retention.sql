-- Words of notes are forgotten ([retention] notes_days): whose turn it is.
CREATE INDEX call_notes_words ON call_notes (changed_at) WHERE note <> '';
