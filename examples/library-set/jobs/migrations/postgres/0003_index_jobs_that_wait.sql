-- whimbrel: no-transaction
CREATE INDEX CONCURRENTLY jobs_waiting ON jobs (kind, id) WHERE ended_at IS NULL;
