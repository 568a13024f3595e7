-- Skills that a supervisor changed stay until the desk file says something new about that agent (decision 0176).

ALTER TABLE agents ADD COLUMN skills_said jsonb NOT NULL DEFAULT '{}'; -- skill → level, as the desk file said last
ALTER TABLE agents ADD COLUMN skills_by text;                          -- the supervisor whose word counts; NULL: the file's
ALTER TABLE agents ADD COLUMN skills_at timestamptz;                   -- since when

UPDATE agents a
   SET skills_said = coalesce((SELECT jsonb_object_agg(s.skill, s.level) FROM agent_skills s
                                WHERE s.tenant = a.tenant AND s.agent = a.agent), '{}');
