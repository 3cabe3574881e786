CREATE INDEX jobs_waiting ON jobs (kind, id) WHERE ended_at IS NULL;
