-- An agent's own day: which states, from when. Decisions about agents are few beside those about calls.
CREATE INDEX routing_decisions_agent ON routing_decisions (tenant, agent, at) WHERE kind = 'moved';
